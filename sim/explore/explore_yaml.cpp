#include "sim/explore/explore_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "core/base/overloaded.h"
#include "sim/plan/limits.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/reader.h"

namespace meshdict::sim {
namespace {

const std::vector<std::string>& act_words() {
  static const std::vector<std::string> kWords = {"dial",  "redial",    "say",   "accept",  "deliver", "tick",
                                                  "write", "delete",    "turn",  "compare", "restart", "time",
                                                  "reset", "half_open", "crash", "lose",    "repeat"};
  return kWords;
}

bool names_item(Act act) {
  constexpr std::array kActs = {Act::kAccept, Act::kDeliver, Act::kReset, Act::kHalfOpen, Act::kLose, Act::kRepeat};
  return std::ranges::find(kActs, act) != kActs.end();
}
bool names_node(Act act) {
  return act != Act::kTime && act != Act::kReset;
}
bool names_peer(Act act) {
  return act == Act::kDial || act == Act::kRedial || act == Act::kSay || act == Act::kCompare;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : errors_(file) {}

  std::expected<Exploration, std::vector<std::string>> read(const std::string& yaml);

 private:
  void read_root(const YAML::Node& root);
  void read_nodes(const YAML::Node& list);
  void read_links(MapReader& map);
  void read_claims(MapReader& map);
  std::vector<std::uint32_t> read_counts(const YAML::Node& map, const char* what);
  std::vector<Duration> read_pauses(const YAML::Node& list);
  void read_courses(const YAML::Node& map, const char* what, std::vector<Course>& into);
  void read_faults(const YAML::Node& node, FaultBudget& faults);
  void read_faults(const YAML::Node& node, ClaimFaults& faults);
  std::uint32_t read_fault(MapReader& map, const char* key);
  void read_choices(const YAML::Node& list);
  std::optional<Choice> read_choice(const std::string& text) const;
  [[nodiscard]] std::optional<NodeIndex> find(std::string_view name) const;
  [[nodiscard]] std::optional<ItemName> find_item(std::string_view name) const;

  Exploration result_;
  std::vector<std::string> nodes_;
  PlanErrors errors_;
  NodeNames names_;
};

std::expected<Exploration, std::vector<std::string>> Reader::read(const std::string& yaml) {
  try {
    read_root(YAML::Load(yaml));
  } catch (const YAML::Exception& broken) {
    errors_.add(broken.mark.is_null() ? YAML::Mark() : broken.mark,
                "this is not YAML: " + broken.msg + ", expected it well-formed");
  }
  if (!errors_.list().empty()) return std::unexpected(errors_.list());
  return std::move(result_);
}

void Reader::read_root(const YAML::Node& root) {
  MapReader top(root, "the exploration", errors_);
  MapReader map(top.required("explore"), "'explore'", errors_);
  read_nodes(map.required("nodes"));
  if (map.has("writes")) {
    read_claims(map);
  } else {
    read_links(map);
  }
  read_choices(map.optional("choices"));
  map.finish();
  top.finish();
}

void Reader::read_links(MapReader& map) {
  SmallPlan plan;
  plan.nodes = nodes_;
  read_courses(map.required("dials"), "dials", plan.dials);
  read_courses(map.optional("say"), "messages", plan.says);
  read_faults(map.optional("faults"), plan.faults);
  if (const auto rule = read_word(map.optional("policy"), "policy", rule_names(), errors_)) {
    plan.rule = static_cast<Rule>(*rule);
  }
  plan.prompt = read_flag(map.optional("prompt"), errors_).value_or(false);
  result_.plan = std::move(plan);
}

void Reader::read_claims(MapReader& map) {
  ClaimPlan plan;
  plan.nodes = nodes_;
  plan.writes = read_counts(map.required("writes"), "writes");
  plan.deletes = read_counts(map.optional("deletes"), "deletions");
  plan.pauses = read_pauses(map.optional("pauses"));
  read_faults(map.optional("faults"), plan.faults);
  result_.plan = std::move(plan);
}

std::vector<std::uint32_t> Reader::read_counts(const YAML::Node& map, const char* what) {
  std::vector<std::uint32_t> counts(nodes_.size());
  if (!map.IsDefined()) return counts;
  if (!map.IsMap()) {
    errors_.add(map.Mark(), fmt::format("these are no {}, expected a map such as {{ana: 2, bob: 1}}", what));
    return counts;
  }
  for (const auto& entry : map) {
    const auto node = names_.read(entry.first, errors_);
    const auto count = read_count(entry.second, errors_, 0, sim_limits::kMaxSmallWrites);
    if (node && count) counts[*node] = static_cast<std::uint32_t>(*count);
  }
  return counts;
}

std::vector<Duration> Reader::read_pauses(const YAML::Node& list) {
  std::vector<Duration> pauses;
  if (!list.IsDefined()) return pauses;
  for_each_entry(list, [&](const YAML::Node& item) {
    const auto pause = read_duration(item, errors_);
    if (pause && *pause > Duration::zero() && *pause <= sim_limits::kMaxSmallPause) {
      pauses.push_back(*pause);
    } else if (pause) {
      errors_.add(item.Mark(),
                  fmt::format("this is no pause, expected a time up to {} s", sim_limits::kMaxSmallPause / 1s));
    }
  });
  if (pauses.size() > sim_limits::kMaxSmallFaults) {
    errors_.add(list.Mark(), fmt::format("expected up to {} pauses", sim_limits::kMaxSmallFaults));
  }
  return pauses;
}

void Reader::read_nodes(const YAML::Node& list) {
  if (!list.IsDefined()) return;
  if (!list.IsSequence() || list.size() < 2 || list.size() > sim_limits::kMaxSmallNodes) {
    errors_.add(list.Mark(),
                fmt::format("these are no nodes, expected a list of 2 to {} names", sim_limits::kMaxSmallNodes));
    return;
  }
  for (const auto& item : list) {
    const auto name = read_text(item, errors_);
    if (!name) continue;
    const bool fine = !name->empty() && name->find_first_of(" #,[]{}:") == std::string::npos;
    if (!fine || !names_.add(*name)) {
      errors_.add(item.Mark(), fmt::format("'{}' is no name for a node, expected letters and digits, once", *name));
      continue;
    }
    nodes_.push_back(*name);
  }
}

void Reader::read_courses(const YAML::Node& map, const char* what, std::vector<Course>& into) {
  if (!map.IsDefined()) return;
  if (!map.IsMap()) {
    errors_.add(map.Mark(), fmt::format("these are no {}, expected a map such as {{ana: [bob, bob], bob: ana}}", what));
    return;
  }
  for (const auto& entry : map) {
    const auto from = names_.read(entry.first, errors_);
    const YAML::Node list = entry.second.IsSequence() ? entry.second : YAML::Load("[]");
    if (entry.second.IsScalar()) {
      const auto to = names_.read(entry.second, errors_);
      if (from && to) into.push_back({.from = *from, .to = *to});
    }
    for (const auto& item : list) {
      const auto to = names_.read(item, errors_);
      if (from && to) into.push_back({.from = *from, .to = *to});
    }
  }
  const bool to_itself = std::ranges::any_of(into, [](const Course& course) { return course.from == course.to; });
  if (into.empty() || into.size() > sim_limits::kMaxCourses || to_itself) {
    errors_.add(map.Mark(), fmt::format("expected 1 to {} {}, each to another node", sim_limits::kMaxCourses, what));
  }
}

std::uint32_t Reader::read_fault(MapReader& map, const char* key) {
  const auto count = read_count(map.optional(key), errors_, 0, sim_limits::kMaxSmallFaults);
  return static_cast<std::uint32_t>(count.value_or(0));
}

void Reader::read_faults(const YAML::Node& node, ClaimFaults& faults) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'faults'", errors_);
  faults.lose = read_fault(map, "lose");
  faults.repeat = read_fault(map, "repeat");
  faults.restart = read_fault(map, "restart");
  map.finish();
}

void Reader::read_faults(const YAML::Node& node, FaultBudget& faults) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'faults'", errors_);
  faults.reset = read_fault(map, "reset");
  faults.half_open = read_fault(map, "half_open");
  faults.crash = read_fault(map, "crash");
  faults.late = read_fault(map, "late");
  const auto in_all = read_count(map.optional("in_all"), errors_, 0, sim_limits::kMaxSmallFaults);
  faults.in_all = static_cast<std::uint32_t>(in_all.value_or(3 * sim_limits::kMaxSmallFaults));
  map.finish();
}

void Reader::read_choices(const YAML::Node& list) {
  if (!list.IsDefined()) return;
  if (!list.IsSequence()) {
    errors_.add(list.Mark(), "these are no choices, expected a list such as [dial ana bob, accept ana#1 bob]");
    return;
  }
  for (const auto& item : list) {
    const auto text = read_text(item, errors_);
    if (!text) continue;
    if (const auto choice = read_choice(*text)) {
      result_.choices.push_back(*choice);
    } else {
      errors_.add(item.Mark(), fmt::format("'{}' is no choice, expected {} and its nodes and connection, as in "
                                           "'deliver ana#1 bob'",
                                           *text, list_words(act_words())));
    }
  }
}

std::optional<NodeIndex> Reader::find(std::string_view name) const {
  const auto found = std::ranges::find(nodes_, name);
  if (found == nodes_.end()) return std::nullopt;
  return static_cast<NodeIndex>(found - nodes_.begin());
}

std::optional<ItemName> Reader::find_item(std::string_view name) const {
  const std::size_t hash = name.find('#');
  if (hash == std::string_view::npos) return std::nullopt;
  const auto node = find(name.substr(0, hash));
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(name.data() + hash + 1, name.data() + name.size(), count);
  if (!node || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return ItemName{.of = *node, .count = count};
}

std::optional<Choice> Reader::read_choice(const std::string& text) const {
  std::istringstream words(text);
  std::string word;
  words >> word;
  const auto act = std::ranges::find(act_words(), word);
  if (act == act_words().end()) return std::nullopt;
  Choice choice{.act = static_cast<Act>(act - act_words().begin()), .node = 0, .peer = 0, .item = {}};
  const auto take_node = [&](NodeIndex& into) {
    word.clear();
    words >> word;
    const auto node = find(word);
    into = node.value_or(0);
    return node.has_value();
  };
  if (names_item(choice.act)) {
    word.clear();
    words >> word;
    const auto item = find_item(word);
    if (!item) return std::nullopt;
    choice.item = *item;
  }
  if (names_node(choice.act) && !take_node(choice.node)) return std::nullopt;
  if (names_peer(choice.act) && !take_node(choice.peer)) return std::nullopt;
  if (words >> word) return std::nullopt;
  return choice;
}

}  // namespace

namespace {

std::string text_of(const char* key, const std::vector<std::string>& nodes, const std::vector<Course>& courses) {
  std::string text = fmt::format("  {}:\n", key);
  for (NodeIndex from = 0; from < nodes.size(); ++from) {
    std::vector<std::string> to;
    for (const Course& course : courses) {
      if (course.from == from) to.push_back(nodes[course.to]);
    }
    if (!to.empty()) text += fmt::format("    {}: [{}]\n", nodes[from], fmt::join(to, ", "));
  }
  return text;
}

std::string text_of(const char* key, const std::vector<std::string>& nodes, const std::vector<std::uint32_t>& counts) {
  std::vector<std::string> parts;
  for (NodeIndex node = 0; node < nodes.size(); ++node) {
    if (counts[node] > 0) parts.push_back(fmt::format("{}: {}", nodes[node], counts[node]));
  }
  return fmt::format("  {}: {{{}}}\n", key, fmt::join(parts, ", "));
}

std::string text_of(const SmallPlan& plan) {
  const FaultBudget& faults = plan.faults;
  std::string text = fmt::format("explore:\n  nodes: [{}]\n", fmt::join(plan.nodes, ", "));
  text += text_of("dials", plan.nodes, plan.dials);
  if (!plan.says.empty()) text += text_of("say", plan.nodes, plan.says);
  text += fmt::format("  faults: {{reset: {}, half_open: {}, crash: {}, late: {}", faults.reset, faults.half_open,
                      faults.crash, faults.late);
  if (faults.in_all <= sim_limits::kMaxSmallFaults) text += fmt::format(", in_all: {}", faults.in_all);
  text += fmt::format("}}\n  policy: {}\n", name_of(plan.rule));
  if (plan.prompt) text += "  prompt: on\n";
  return text;
}

std::string text_of(const ClaimPlan& plan) {
  const ClaimFaults& faults = plan.faults;
  std::string text = fmt::format("explore:\n  nodes: [{}]\n", fmt::join(plan.nodes, ", "));
  text += text_of("writes", plan.nodes, plan.writes);
  text += text_of("deletes", plan.nodes, plan.deletes);
  std::vector<std::string> pauses;
  pauses.reserve(plan.pauses.size());
  for (const Duration pause : plan.pauses)
    pauses.push_back(fmt::format("{}us", pause / 1us));
  text += fmt::format("  pauses: [{}]\n", fmt::join(pauses, ", "));
  return text +
         fmt::format("  faults: {{lose: {}, repeat: {}, restart: {}}}\n", faults.lose, faults.repeat, faults.restart);
}

/// Each choice, with what it brings beside it.
template <typename World>
std::string text_of(const typename World::Plan& plan, const std::vector<Choice>& choices) {
  if (choices.empty()) return {};
  std::string text = "  choices:\n";
  World world(plan);
  for (const Choice& choice : choices) {
    const std::string what = world.describe(choice);
    const std::string line = fmt::format("    - {}", sim::text_of(plan.nodes, choice));
    text += what.empty() ? line + "\n" : fmt::format("{:<32}# {}\n", line, what);
    world.apply(choice);
  }
  return text;
}

}  // namespace

bool is_exploration(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    return root.IsMap() && root["explore"].IsDefined();
  } catch (const YAML::Exception&) {
    return false;
  }
}

std::expected<Exploration, std::vector<std::string>> load_exploration(const std::string& yaml,
                                                                      const std::string& file) {
  return Reader(file).read(yaml);
}

std::string text_of(const std::vector<std::string>& nodes, const Choice& choice) {
  std::string text = act_words()[static_cast<std::size_t>(choice.act)];
  if (names_item(choice.act)) text += fmt::format(" {}#{}", nodes[choice.item.of], choice.item.count);
  if (names_node(choice.act)) text += " " + nodes[choice.node];
  if (names_peer(choice.act)) text += " " + nodes[choice.peer];
  return text;
}

std::string to_yaml(const Exploration& exploration, const std::vector<std::string>& heading) {
  std::string text;
  for (const std::string& line : heading)
    text += "# " + line + "\n";
  std::visit(Overloaded{[&](const SmallPlan& plan) {
                          text += text_of(plan);
                          text += text_of<SmallWorld>(plan, exploration.choices);
                        },
                        [&](const ClaimPlan& plan) {
                          text += text_of(plan);
                          text += text_of<ClaimWorld>(plan, exploration.choices);
                        }},
             exploration.plan);
  return text;
}

}  // namespace meshdict::sim
