#include "sim/plan/yaml/plan.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <ranges>
#include <system_error>
#include <utility>

#include "core/base/nearest.h"
#include "core/record/mesh_settings.h"
#include "sim/plan/limits.h"
#include "sim/plan/nemesis.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/reader.h"
#include "sim/plan/yaml/step.h"

namespace meshdict::sim {
namespace {

auto lines(std::string_view text) {
  return text | std::views::split('\n') |
         std::views::transform([](auto line) { return std::string_view(line.begin(), line.end()); });
}

YAML::Mark mark_at(int line, std::size_t column) {
  YAML::Mark mark;
  mark.line = line;
  mark.column = static_cast<int>(column);
  return mark;
}

/// Where a second document begins. A line that begins with "---" begins one wherever it stands (YAML 1.2, 9.1.2);
/// YAML::Load() reads the first and is silent about the rest, YAML::LoadAll() never ends on some damaged texts.
std::optional<YAML::Mark> second_document(std::string_view yaml) {
  bool begun = false;
  int number = 0;
  for (const std::string_view line : lines(yaml)) {
    const bool marker = line.starts_with("---") && (line.size() == 3 || std::string_view(" \t\r").contains(line[3]));
    if (marker && begun) return mark_at(number, 0);
    const std::size_t first = line.find_first_not_of(" \t\r");
    begun = begun || marker || (first != std::string_view::npos && line[first] != '#' && line[first] != '%');
    ++number;
  }
  return std::nullopt;
}

/// A message that lost its end keeps a connection busy for a minute (limits::kFrameDeadline), and then others look for news.
constexpr Duration kQuietAfterNemesis = 2min;
/// What a nemesis draws for one fault at the most: it, a dial, and their ends.
constexpr std::uint64_t kStepsOfFault = 4;

class PlanReader {
 public:
  explicit PlanReader(const std::string& file) : errors_(file) { plan_.name = file; }

  std::expected<Plan, std::vector<std::string>> read(const std::string& yaml);

 private:
  void complain_of(const YAML::Exception& broken, std::string_view yaml);
  void read_root(const YAML::Node& root);
  void read_settings(MapReader& map, NodePlan& node);
  void read_nodes(const YAML::Node& list);
  void read_node(const YAML::Node& item);
  void read_program(MapReader& map, NodePlan& node);
  void read_start(const YAML::Node& start, NodePlan& node);
  bool add_node(const std::string& name, const YAML::Mark& mark, NodePlan node);
  void read_node_joins();
  void read_join(const YAML::Node& node);
  void read_steps(const YAML::Node& list);
  void read_workload(const YAML::Node& node);
  void read_nemesis(const YAML::Node& node);
  void read_kinds(const YAML::Node& node, Nemesis& nemesis);
  void count_drawn(std::uint64_t steps, const YAML::Mark& mark, const char* of);
  void read_check(const YAML::Node& list);

  Plan plan_;
  PlanErrors errors_;
  NodeNames names_;
  NodePlan defaults_;
  // Steps that the seed makes of the plan.
  std::uint64_t drawn_ = 0;
  std::vector<std::pair<NodeIndex, YAML::Node>> node_joins_;
};

std::expected<Plan, std::vector<std::string>> PlanReader::read(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (const auto second = second_document(yaml)) {
      errors_.add(*second, "a second document begins here, expected one plan in a file");
    }
    if (root.IsMap()) {
      read_root(root);
    } else {
      errors_.add(YAML::Mark(), fmt::format("this {}, expected a map with 'nodes:' and 'steps:'",
                                            root.IsNull() ? "plan is empty" : "is no plan"));
    }
  } catch (const YAML::Exception& broken) {
    complain_of(broken, yaml);
  }
  if (!errors_.list().empty()) return std::unexpected(errors_.list());
  return std::move(plan_);
}

/// What libraries say of a tab in the indentation is true and helps nobody: name the tab.
void PlanReader::complain_of(const YAML::Exception& broken, std::string_view yaml) {
  YAML::Mark mark = broken.mark.is_null() ? YAML::Mark() : broken.mark;
  int number = 0;
  for (const std::string_view line : lines(yaml)) {
    if (number > mark.line) break;
    const std::size_t tab = line.find('\t');
    if (tab != std::string_view::npos && tab == line.find_first_not_of(' ')) {
      return errors_.add(mark_at(number, tab), "this line is indented by a tab, expected spaces");
    }
    ++number;
  }
  errors_.add(mark, "this is not YAML: " + broken.msg + ", expected it well-formed");
}

void PlanReader::read_root(const YAML::Node& root) {
  MapReader map(root, "the plan", errors_);
  MapReader settings(map.optional("settings"), "'settings'", errors_);
  read_settings(settings, defaults_);
  settings.finish();
  defaults_.start = read_duration_range(map.optional("start"), errors_).value_or(DurationRange{});
  read_nodes(map.required("nodes"));
  read_node_joins();
  read_join(map.optional("join"));
  read_network(map.optional("network"), names_, plan_, errors_);
  read_steps(map.optional("steps"));
  for_each_entry(map.optional("workload"), [this](const YAML::Node& one) { read_workload(one); });
  for_each_entry(map.optional("nemesis"), [this](const YAML::Node& one) { read_nemesis(one); });
  const YAML::Node programs_until = map.optional("programs_until");
  plan_.programs_until = read_duration(programs_until, errors_).value_or(Duration{});
  const auto has_program = [](const NodePlan& node) { return !node.program.empty(); };
  const bool has_programs = std::ranges::any_of(plan_.nodes, has_program);
  if (programs_until.IsDefined() && !has_programs) {
    errors_.add(programs_until.Mark(), "no node runs a program, expected a node with 'program'");
  }
  if (std::ranges::count_if(plan_.nodes, has_program) > static_cast<std::ptrdiff_t>(sim_limits::kMaxPrograms)) {
    errors_.add(map.mark(), fmt::format("too many nodes run programs, expected at most {}", sim_limits::kMaxPrograms));
  }
  if (!plan_.nemeses.empty() || has_programs) plan_.quiet = kQuietAfterNemesis;
  if (const auto quiet = read_duration(map.optional("quiet"), errors_)) plan_.quiet = *quiet;
  plan_.strict = read_flag(map.optional("strict"), errors_).value_or(false);
  read_check(map.optional("check"));
  map.allow_extensions();
  map.finish();
}

void PlanReader::read_settings(MapReader& map, NodePlan& node) {
  if (auto network = read_text(map.optional("network"), errors_)) node.network = *std::move(network);
  if (const auto leasing = read_flag(map.optional("leasing"), errors_)) {
    node.leasing = *leasing ? Leasing::kOn : Leasing::kOff;
  }
  node.lease = read_duration(map.optional("lease"), errors_).value_or(node.lease);
  node.settle = read_duration(map.optional("settle"), errors_).value_or(node.settle);
  node.skew = read_duration(map.optional("skew"), errors_).value_or(node.skew);
  node.horizon = read_duration(map.optional("horizon"), errors_).value_or(node.horizon);
  node.kept_deletions = read_count(map.optional("kept_deletions"), errors_).value_or(node.kept_deletions);
  if (const auto guard = read_flag(map.optional("clock_guard"), errors_)) node.clock_guard = *guard;
  if (const auto word = read_word(map.optional("durability"), "durability", {"interval", "always"}, errors_)) {
    node.syncs_commits = *word == 1;
  }
  const auto good = check_lease(node);
  if (!good) errors_.add(map.mark(), good.error().describe() + ", expected a longer 'lease' or a smaller 'skew'");
  const auto reaches = check_horizon(node);
  if (!reaches)
    errors_.add(map.mark(),
                reaches.error().describe() + ", expected a longer 'horizon', or a shorter 'lease' or 'skew'");
}

void PlanReader::read_nodes(const YAML::Node& list) {
  if (!list.IsDefined()) return;
  if (list.IsScalar()) {
    const std::uint64_t count = read_count(list, errors_, 1, sim_limits::kMaxNodes).value_or(0);
    for (std::uint64_t i = 1; i <= count; ++i)
      add_node("n" + std::to_string(i), list.Mark(), defaults_);
    return;
  }
  if (!list.IsSequence() || list.size() == 0 || list.size() > sim_limits::kMaxNodes) {
    errors_.add(list.Mark(), fmt::format("these are no nodes, expected a number up to {} or a list such as [ana, bob]",
                                         sim_limits::kMaxNodes));
    return;
  }
  for (const auto& item : list)
    read_node(item);
}

void PlanReader::read_node(const YAML::Node& item) {
  if (!item.IsMap()) {
    const auto name = read_text(item, errors_);
    if (name) add_node(*name, item.Mark(), defaults_);
    return;
  }
  MapReader map(item, "a node", errors_);
  NodePlan node = defaults_;
  const auto name = read_text(map.required("name"), errors_);
  read_settings(map, node);
  read_start(map.optional("start"), node);
  node.clock = read_duration_range(map.optional("clock"), errors_, true).value_or(node.clock);
  read_program(map, node);
  const YAML::Node join = map.optional("join");
  map.finish();
  if (!name) return;
  const bool added = add_node(*name, item.Mark(), std::move(node));
  if (added && join.IsDefined()) node_joins_.emplace_back(static_cast<NodeIndex>(names_.size() - 1), join);
}

void PlanReader::read_program(MapReader& map, NodePlan& node) {
  const YAML::Node program = map.optional("program");
  node.program = read_text(program, errors_).value_or("");
  if (program.IsDefined() && node.program.empty()) errors_.add(program.Mark(), "this is no program, expected its name");
  const YAML::Node arguments = map.optional("arguments");
  if (!arguments.IsDefined()) return;
  if (!arguments.IsSequence() || arguments.size() > sim_limits::kMaxArguments) {
    errors_.add(arguments.Mark(),
                fmt::format("these are no arguments, expected a list of up to {} texts", sim_limits::kMaxArguments));
    return;
  }
  if (node.program.empty()) errors_.add(arguments.Mark(), "these are of no program, expected 'program' beside them");
  for (const auto& argument : arguments) {
    if (auto text = read_text(argument, errors_)) node.arguments.push_back(*std::move(text));
  }
}

void PlanReader::read_start(const YAML::Node& start, NodePlan& node) {
  node.starts = !(start.IsDefined() && start.IsScalar() && start.Scalar() == "never");
  if (node.starts) node.start = read_duration_range(start, errors_).value_or(node.start);
}

/// False, and a mistake, when there can be no node of this name.
bool PlanReader::add_node(const std::string& name, const YAML::Mark& mark, NodePlan node) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > sim_limits::kMaxName || name == "all" ||
      !std::all_of(name.begin(), name.end(), is_fine)) {
    errors_.add(mark,
                fmt::format("'{}' is no name for a node, expected 1 to {} letters, digits, '_' and '-', and not 'all'",
                            name, sim_limits::kMaxName));
    return false;
  }
  if (!names_.add(name)) {
    errors_.add(mark, fmt::format("there is a node '{}' already, expected another name", name));
    return false;
  }
  node.name = name;
  plan_.nodes.push_back(std::move(node));
  return true;
}

// Once all names are known.
void PlanReader::read_node_joins() {
  for (const auto& [node, join] : node_joins_) {
    std::vector<NodeIndex>& others = plan_.nodes[node].join;
    others = names_.read_several(join, errors_);
    if (std::erase(others, node) == 0) continue;
    errors_.add(join.Mark(), fmt::format("'{}' joins itself, expected other nodes", plan_.nodes[node].name));
  }
}

void PlanReader::read_join(const YAML::Node& node) {
  const auto text = read_text(node, errors_);
  if (!text) {
    plan_.join = Join::kChain;
    return;
  }
  const std::string expected = "none, chain, star or a form such as 'random 3'";
  if (*text == "none") {
    plan_.join = Join::kNone;
  } else if (*text == "chain") {
    plan_.join = Join::kChain;
  } else if (*text == "star") {
    plan_.join = Join::kStar;
  } else if (text->starts_with("random ")) {
    plan_.join = Join::kRandom;
    const YAML::Node count(text->substr(7));
    const auto number = YAML::convert<unsigned>::decode(count, plan_.join_count);
    if (!number || plan_.join_count < 1 || plan_.join_count > 64) {
      errors_.add(node.Mark(), fmt::format("'{}' is no topology, expected 'random 1' to 'random 64'", *text));
    }
  } else {
    const auto meant = nearest(*text, {"none", "chain", "star", "random"});
    errors_.add(node.Mark(), fmt::format("'{}' is no topology, expected {}", *text,
                                         meant ? fmt::format("'{}'; all are {}", *meant, expected) : expected));
  }
}

void PlanReader::read_steps(const YAML::Node& list) {
  if (!list.IsDefined() || list.IsNull()) return;
  if (!list.IsSequence()) {
    errors_.add(list.Mark(), "these are no steps, expected a list of '- at: TIME' entries");
    return;
  }
  StepContext context{.nodes = names_, .plan = plan_};
  for (const auto& item : list) {
    auto step = read_step(item, context, errors_);
    if (!step) continue;
    if (const auto* link = std::get_if<LinkStep>(&step->action)) check_link(link->link, item.Mark(), errors_);
    if (step->repeat) count_drawn(step->repeat->times, item.Mark(), "the repeated steps are");
    plan_.steps.push_back(*std::move(step));
  }
  for (const auto& [moment, mark] : context.counted_since) {
    if (std::ranges::find(context.moments, moment) == context.moments.end())
      errors_.add_unknown(mark, moment, "moment that a step marks", context.moments);
  }
}

void PlanReader::count_drawn(std::uint64_t steps, const YAML::Mark& mark, const char* of) {
  drawn_ += steps;
  if (drawn_ <= sim_limits::kMaxOperations) return;
  errors_.add(mark, fmt::format("{} too large, expected at most {} operations", of, sim_limits::kMaxOperations));
  drawn_ = 0;  // told once
}

void PlanReader::read_workload(const YAML::Node& node) {
  const std::size_t errors_before = errors_.list().size();
  MapReader map(node, "'workload'", errors_);
  Workload load;
  const YAML::Node nodes = map.optional("nodes");
  load.nodes = nodes.IsDefined() ? names_.read_several(nodes, errors_) : names_.all();
  load.sets_per_second = read_count(map.optional("sets_per_second"), errors_).value_or(0);
  load.deletes_per_second = read_count(map.optional("deletes_per_second"), errors_).value_or(0);
  load.broadcasts_per_second = read_count(map.optional("broadcasts_per_second"), errors_).value_or(0);
  load.keys = read_count(map.optional("keys"), errors_, 1).value_or(load.keys);
  const YAML::Node size = map.optional("value_size");
  load.value_size = read_size(size, errors_).value_or(load.value_size);
  if (load.value_size > sim_limits::kMaxWorkloadValue)
    errors_.add(size.Mark(), "the values are too large, expected at most 1MB");
  const YAML::Node until = map.required("until");
  load.from = read_duration(map.optional("from"), errors_).value_or(load.from);
  load.until = read_duration(until, errors_).value_or(load.from);
  map.finish();
  const std::uint64_t rate = load.sets_per_second + load.deletes_per_second + load.broadcasts_per_second;
  const auto seconds = static_cast<std::uint64_t>(std::max(load.until - load.from, Duration{}) / 1s) + 1;
  if (errors_.list().size() != errors_before) return;
  if (load.until <= load.from) {
    errors_.add(until.Mark(), "the workload ends before it begins, expected 'until' after 'from'");
  } else if (rate == 0) {
    errors_.add(node.Mark(),
                "the workload does nothing, expected sets_per_second, deletes_per_second or broadcasts_per_second");
  } else {
    // A count of a billion a second for a hundred years has more than 64 bits.
    const bool countable = rate <= sim_limits::kMaxOperations / seconds;
    count_drawn(countable ? rate * seconds : sim_limits::kMaxOperations + 1, node.Mark(), "the workload is");
  }
  if (load.nodes.empty()) return;
  plan_.workloads.push_back(std::move(load));
}

void PlanReader::read_nemesis(const YAML::Node& node) {
  const std::size_t errors_before = errors_.list().size();
  MapReader map(node, "'nemesis'", errors_);
  Nemesis nemesis;
  nemesis.line = static_cast<std::uint32_t>(node.Mark().line + 1);
  read_kinds(map.required("faults"), nemesis);
  const YAML::Node every = map.required("every");
  nemesis.every = read_duration_range(every, errors_).value_or(DurationRange{1s, 1s});
  nemesis.lasts = read_duration_range(map.optional("for"), errors_).value_or(nemesis.lasts);
  const YAML::Node nodes = map.optional("nodes");
  nemesis.nodes = nodes.IsDefined() ? names_.read_several(nodes, errors_) : names_.all();
  nemesis.from = read_duration(map.optional("from"), errors_).value_or(nemesis.from);
  const YAML::Node until = map.required("until");
  nemesis.until = read_duration(until, errors_).value_or(nemesis.from);
  map.finish();
  if (errors_.list().size() != errors_before || nemesis.nodes.empty()) return;
  if (nemesis.until <= nemesis.from) {
    errors_.add(until.Mark(), "the nemesis ends before it begins, expected 'until' after 'from'");
  } else if (nemesis.every.low <= Duration{}) {
    errors_.add(every.Mark(), "these are faults without an end, expected a time above 0 between two of them");
  } else {
    const auto faults = static_cast<std::uint64_t>((nemesis.until - nemesis.from) / nemesis.every.low) + 1;
    count_drawn(kStepsOfFault * std::min(faults, sim_limits::kMaxOperations), node.Mark(), "the nemesis is");
  }
  plan_.nemeses.push_back(std::move(nemesis));
}

/// "all", a kind, a list of kinds, or a map of kinds and their weights.
void PlanReader::read_kinds(const YAML::Node& node, Nemesis& nemesis) {
  const std::vector<std::string> names = nemesis_names();
  if (node.IsDefined() && node.IsScalar() && node.Scalar() == "all") {
    for (std::size_t kind = 0; kind < names.size(); ++kind)
      nemesis.kinds.push_back({.kind = kind});
    return;
  }
  const auto add = [&](const YAML::Node& name, std::optional<std::uint64_t> weight) {
    const auto kind = read_word(name, "kind of fault", names, errors_);
    if (!kind) return;
    const auto is_same = [&](const Nemesis::Kind& other) { return other.kind == *kind; };
    if (std::ranges::any_of(nemesis.kinds, is_same)) {
      errors_.add(name.Mark(), fmt::format("'{}' is there twice, expected it once", names[*kind]));
    }
    nemesis.kinds.push_back({.kind = *kind, .weight = weight.value_or(1)});
  };
  if (node.IsDefined() && node.IsMap()) {
    for (const auto& entry : node)
      add(entry.first, read_count(entry.second, errors_, 1, sim_limits::kMaxWeight));
  } else {
    for_each_entry(node, [&](const YAML::Node& name) { add(name, 1); });
  }
  if (node.IsDefined() && nemesis.kinds.empty() && errors_.list().empty()) {
    errors_.add(node.Mark(), "the nemesis does nothing, expected kinds of faults, such as [crash, partition]");
  }
}

void PlanReader::read_check(const YAML::Node& list) {
  if (!list.IsDefined()) return;
  const std::vector<std::string> names = property_names();
  plan_.check.clear();
  if (!list.IsSequence()) {
    errors_.add(list.Mark(), "this is no list of properties, expected some of " + list_words(names));
    return;
  }
  for (const auto& item : list) {
    if (const auto word = read_word(item, "property", names, errors_)) {
      plan_.check.push_back(static_cast<Property>(*word));
    }
  }
}

}  // namespace

std::expected<Plan, std::vector<std::string>> load_plan(const std::string& yaml, const std::string& file) {
  return PlanReader(file).read(yaml);
}

std::expected<Plan, std::vector<std::string>> load_plan_file(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return std::unexpected(std::vector<std::string>{fmt::format("{}: {}, expected a plan in YAML", path, why)});
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return refuse("is a directory");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  std::string text;
  std::array<char, 65'536> piece;
  for (std::size_t got = piece.size(); file && got == piece.size() && text.size() <= sim_limits::kMaxFile;) {
    got = std::fread(piece.data(), 1, piece.size(), file.get());
    text.append(piece.data(), got);
  }
  if (!file || std::ferror(file.get()) != 0) {
    return refuse("cannot be read: " + std::generic_category().message(errno));
  }
  if (text.size() > sim_limits::kMaxFile) return refuse(fmt::format("is larger than {} bytes", sim_limits::kMaxFile));
  return load_plan(text, path);
}

}  // namespace meshdict::sim
