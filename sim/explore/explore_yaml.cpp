#include "sim/explore/explore_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <sstream>

#include "sim/plan/limits.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/reader.h"

namespace meshdict::sim {
namespace {

const std::vector<std::string>& act_words() {
  static const std::vector<std::string> kWords = {"dial",    "redial", "accept", "deliver",   "tick",
                                                  "restart", "time",   "reset",  "half_open", "crash"};
  return kWords;
}

bool names_conn(Act act) {
  return act == Act::kAccept || act == Act::kDeliver || act == Act::kReset || act == Act::kHalfOpen;
}
bool names_node(Act act) {
  return act != Act::kTime && act != Act::kReset;
}
bool names_peer(Act act) {
  return act == Act::kDial || act == Act::kRedial;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : errors_(file) {}

  std::expected<Exploration, std::vector<std::string>> read(const std::string& yaml);

 private:
  void read_root(const YAML::Node& root);
  void read_nodes(const YAML::Node& list);
  void read_dials(const YAML::Node& map);
  void read_faults(const YAML::Node& node);
  void read_choices(const YAML::Node& list);
  std::optional<Choice> read_choice(const std::string& text) const;
  [[nodiscard]] std::optional<NodeIndex> find(std::string_view name) const;
  [[nodiscard]] std::optional<ConnName> find_conn(std::string_view name) const;

  Exploration result_;
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
  read_dials(map.required("dials"));
  read_faults(map.optional("faults"));
  if (const auto rule = read_word(map.optional("policy"), "policy", rule_names(), errors_)) {
    result_.plan.rule = static_cast<Rule>(*rule);
  }
  result_.plan.prompt = read_flag(map.optional("prompt"), errors_).value_or(false);
  read_choices(map.optional("choices"));
  map.finish();
  top.finish();
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
    result_.plan.nodes.push_back(*name);
  }
}

void Reader::read_dials(const YAML::Node& map) {
  if (!map.IsDefined()) return;
  if (!map.IsMap()) {
    errors_.add(map.Mark(), "these are no dials, expected a map such as {ana: [bob, bob], bob: ana}");
    return;
  }
  for (const auto& entry : map) {
    const auto from = names_.read(entry.first, errors_);
    const YAML::Node list = entry.second.IsSequence() ? entry.second : YAML::Load("[]");
    if (entry.second.IsScalar()) {
      const auto to = names_.read(entry.second, errors_);
      if (from && to) result_.plan.dials.push_back({.from = *from, .to = *to});
    }
    for (const auto& item : list) {
      const auto to = names_.read(item, errors_);
      if (from && to) result_.plan.dials.push_back({.from = *from, .to = *to});
    }
  }
  const auto& dials = result_.plan.dials;
  const bool to_itself = std::ranges::any_of(dials, [](const SmallDial& dial) { return dial.from == dial.to; });
  if (dials.empty() || dials.size() > sim_limits::kMaxSmallDials || to_itself) {
    errors_.add(map.Mark(), fmt::format("expected 1 to {} dials, each to another node", sim_limits::kMaxSmallDials));
  }
}

void Reader::read_faults(const YAML::Node& node) {
  if (!node.IsDefined()) return;
  FaultBudget& faults = result_.plan.faults;
  MapReader map(node, "'faults'", errors_);
  const auto read = [&](const char* key) {
    return static_cast<std::uint32_t>(
        read_count(map.optional(key), errors_, 0, sim_limits::kMaxSmallFaults).value_or(0));
  };
  faults.reset = read("reset");
  faults.half_open = read("half_open");
  faults.crash = read("crash");
  faults.late = read("late");
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
  const auto& nodes = result_.plan.nodes;
  const auto found = std::ranges::find(nodes, name);
  if (found == nodes.end()) return std::nullopt;
  return static_cast<NodeIndex>(found - nodes.begin());
}

std::optional<ConnName> Reader::find_conn(std::string_view name) const {
  const std::size_t hash = name.find('#');
  if (hash == std::string_view::npos) return std::nullopt;
  const auto dialer = find(name.substr(0, hash));
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(name.data() + hash + 1, name.data() + name.size(), count);
  if (!dialer || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return ConnName{.dialer = *dialer, .count = count};
}

std::optional<Choice> Reader::read_choice(const std::string& text) const {
  std::istringstream words(text);
  std::string word;
  words >> word;
  const auto act = std::ranges::find(act_words(), word);
  if (act == act_words().end()) return std::nullopt;
  Choice choice{.act = static_cast<Act>(act - act_words().begin()), .node = 0, .peer = 0, .conn = {}};
  const auto take_node = [&](NodeIndex& into) {
    word.clear();
    words >> word;
    const auto node = find(word);
    into = node.value_or(0);
    return node.has_value();
  };
  if (names_conn(choice.act)) {
    word.clear();
    words >> word;
    const auto conn = find_conn(word);
    if (!conn) return std::nullopt;
    choice.conn = *conn;
  }
  if (names_node(choice.act) && !take_node(choice.node)) return std::nullopt;
  if (names_peer(choice.act) && !take_node(choice.peer)) return std::nullopt;
  if (words >> word) return std::nullopt;
  return choice;
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

std::string text_of(const SmallPlan& plan, const Choice& choice) {
  std::string text = act_words()[static_cast<std::size_t>(choice.act)];
  if (names_conn(choice.act)) text += fmt::format(" {}#{}", plan.nodes[choice.conn.dialer], choice.conn.count);
  if (names_node(choice.act)) text += " " + plan.nodes[choice.node];
  if (names_peer(choice.act)) text += " " + plan.nodes[choice.peer];
  return text;
}

std::string to_yaml(const Exploration& exploration, const std::vector<std::string>& heading) {
  const SmallPlan& plan = exploration.plan;
  const FaultBudget& faults = plan.faults;
  std::string text;
  for (const std::string& line : heading)
    text += "# " + line + "\n";
  text += fmt::format("explore:\n  nodes: [{}]\n  dials:\n", fmt::join(plan.nodes, ", "));
  for (NodeIndex from = 0; from < plan.nodes.size(); ++from) {
    std::vector<std::string> to;
    for (const SmallDial& dial : plan.dials) {
      if (dial.from == from) to.push_back(plan.nodes[dial.to]);
    }
    if (!to.empty()) text += fmt::format("    {}: [{}]\n", plan.nodes[from], fmt::join(to, ", "));
  }
  text += fmt::format("  faults: {{reset: {}, half_open: {}, crash: {}, late: {}", faults.reset, faults.half_open,
                      faults.crash, faults.late);
  if (faults.in_all <= sim_limits::kMaxSmallFaults) text += fmt::format(", in_all: {}", faults.in_all);
  text += fmt::format("}}\n  policy: {}\n", name_of(plan.rule));
  if (plan.prompt) text += "  prompt: on\n";
  if (exploration.choices.empty()) return text;
  text += "  choices:\n";
  SmallWorld world(plan);
  for (const Choice& choice : exploration.choices) {
    const std::string what = world.describe(choice);
    const std::string line = fmt::format("    - {}", text_of(plan, choice));
    text += what.empty() ? line + "\n" : fmt::format("{:<32}# {}\n", line, what);
    world.apply(choice);
  }
  return text;
}

}  // namespace meshdict::sim
