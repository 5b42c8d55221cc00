#include "sim/plan/yaml/writer.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "sim/plan/yaml/step.h"

namespace meshdict::sim {
namespace {

/// In the largest unit that leaves no rest.
std::string text(Duration time) {
  static constexpr std::array<std::pair<Duration, const char*>, 4> kUnits = {
      {{1h, "h"}, {1min, "min"}, {1s, "s"}, {1ms, "ms"}}};
  if (time == Duration{}) return "0s";
  for (const auto& [unit, name] : kUnits)
    if (time % unit == Duration{}) return fmt::format("{}{}", time / unit, name);
  return fmt::format("{}us", time.count());
}

std::string text(const DurationRange& range) {
  return range.fixed() ? text(range.low) : text(range.low) + ".." + text(range.high);
}

std::string text(const CountRange& range) {
  if (range.low == range.high) return std::to_string(range.low);
  if (range.high == std::numeric_limits<std::uint64_t>::max()) return fmt::format("{}..", range.low);
  return fmt::format("{}..{}", range.low, range.high);
}

std::string rate_text(std::uint64_t bytes_a_second) {
  return bytes_a_second == 0 ? "unlimited" : fmt::format("{}B/s", bytes_a_second);
}

class PlanWriter {
 public:
  explicit PlanWriter(const Plan& plan) : plan_(plan) {}

  std::string write();
  std::string arguments_of(const Action& action);

 private:
  void write_node(const NodePlan& node);
  void write_link(const LinkPlan& link, const LinkFields& said = {});
  void write_step(const Step& step);
  void write_arguments(const SetStep& what);
  void write_arguments(const DeleteStep& what);
  void write_arguments(const BroadcastStep& what);
  void write_arguments(const WhisperStep& what);
  void write_arguments(const ConnectStep& what);
  void write_arguments(const DisconnectStep& what);
  void write_arguments(const StartStep& what) { name("node", what.node); }
  void write_arguments(const StopStep& what) { name("node", what.node); }
  void write_arguments(const CrashStep& what);
  void write_arguments(const RestartStep& what);
  void write_arguments(const CloneStep& what);
  void write_arguments(const PauseStep& what) { name("node", what.node); }
  void write_arguments(const ResumeStep& what) { name("node", what.node); }
  void write_arguments(const DiskStep& what);
  void write_arguments(const ClockStep& what);
  void write_arguments(const CutStep& what);
  void write_arguments(const MendStep& what);
  void write_arguments(const HalfOpenStep& what) { names("between", {what.a, what.b}); }
  void write_arguments(const DialsStep& what);
  void write_arguments(const StormStep& what);
  void write_arguments(const SlowReaderStep& what);
  void write_arguments(const TamperStep& what);
  void write_arguments(const PartitionStep& what);
  void write_arguments(const HealStep& what);
  void write_arguments(const ResetStep& what);
  void write_arguments(const LinkStep& what);
  void write_arguments(const ExpectStep& what);
  void write_arguments(const MarkStep& what) { quoted("name", what.name); }
  void write_arguments(const LeaseStep& what);
  void write_arguments(const LeaveStep& what) { name("node", what.node); }
  void write_arguments(const RemoveStep& what);
  void write_sites();
  void write_time(const Step& step);
  void write_when(const Trigger& when);
  void write_lease(const Expectation& what);
  void write_span(const Expectation& what);
  void value(const std::string& text, const std::optional<TypedValue>& typed);
  void write_disk(DiskLeft disk);
  void write_outcome(Outcome expect, NodeIndex owner);

  void plain(const char* key, const std::string& value) { out_ << YAML::Key << key << YAML::Value << value; }
  void quoted(const char* key, const std::string& value) {
    out_ << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  }
  void name(const char* key, NodeIndex node) { quoted(key, plan_.nodes[node].name); }
  void count(const char* key, const std::optional<CountRange>& range) {
    if (range) plain(key, text(*range));
  }
  void list(const std::vector<NodeIndex>& nodes);
  void names(const char* key, const std::vector<NodeIndex>& nodes);

  const Plan& plan_;
  YAML::Emitter out_;
};

std::string PlanWriter::write() {
  out_ << YAML::BeginMap;
  out_ << YAML::Key << "nodes" << YAML::Value << YAML::BeginSeq;
  for (const NodePlan& node : plan_.nodes)
    write_node(node);
  out_ << YAML::EndSeq;
  plain("join", "none");
  out_ << YAML::Key << "network" << YAML::Value << YAML::Flow << YAML::BeginMap;
  write_link(plan_.links);
  write_sites();
  out_ << YAML::EndMap;
  out_ << YAML::Key << "steps" << YAML::Value << YAML::BeginSeq;
  for (const Step& step : plan_.steps)
    write_step(step);
  out_ << YAML::EndSeq;
  // Of a plan that was shrunk all of them may be gone.
  const bool has_programs =
      std::ranges::any_of(plan_.nodes, [](const NodePlan& node) { return !node.program.empty(); });
  if (has_programs && plan_.programs_until > Duration::zero()) plain("programs_until", text(plan_.programs_until));
  plain("quiet", text(plan_.quiet));
  if (plan_.strict) plain("strict", "on");
  out_ << YAML::Key << "check" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const Property property : plan_.check)
    out_ << std::string(name_of(property));
  out_ << YAML::EndSeq << YAML::EndMap;
  return std::string(out_.c_str()) + "\n";
}

std::string PlanWriter::arguments_of(const Action& action) {
  out_ << YAML::Flow << YAML::BeginMap;
  std::visit([this](const auto& what) { write_arguments(what); }, action);
  out_ << YAML::EndMap;
  return out_.c_str();
}

void PlanWriter::write_node(const NodePlan& node) {
  out_ << YAML::Flow << YAML::BeginMap;
  quoted("name", node.name);
  quoted("network", node.network);
  plain("leasing", node.leasing == Leasing::kOn ? "on" : "off");
  plain("lease", text(node.lease));
  plain("settle", text(node.settle));
  plain("skew", text(node.skew));
  plain("horizon", text(node.horizon));
  plain("kept_deletions", std::to_string(node.kept_deletions));
  plain("clock_guard", node.clock_guard ? "on" : "off");
  plain("durability", node.syncs_commits ? "always" : "interval");
  plain("start", node.starts ? text(node.start) : "never");
  plain("clock", text(node.clock));
  if (!node.join.empty()) names("join", node.join);
  if (!node.program.empty()) quoted("program", node.program);
  if (!node.arguments.empty()) {
    out_ << YAML::Key << "arguments" << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const std::string& argument : node.arguments)
      out_ << YAML::DoubleQuoted << argument;
    out_ << YAML::EndSeq;
  }
  out_ << YAML::EndMap;
}

void PlanWriter::write_link(const LinkPlan& link, const LinkFields& said) {
  if (said.latency) plain("latency", text(link.latency));
  if (said.jitter) plain("jitter", text(link.jitter));
  if (said.bandwidth) plain("bandwidth", rate_text(link.bandwidth));
  // Left out is what the network has.
  if (said.piece && (link.piece > 0 || plan_.links.piece > 0)) plain("piece", fmt::format("{}B", link.piece));
  if (said.gather && (link.gather > Duration::zero() || plan_.links.gather > Duration::zero()))
    plain("gather", text(link.gather));
}

void PlanWriter::write_sites() {
  if (plan_.sites.empty()) return;
  out_ << YAML::Key << "sites" << YAML::Value << YAML::Flow << YAML::BeginMap;
  for (const SitePlan& site : plan_.sites) {
    out_ << YAML::Key << YAML::DoubleQuoted << site.name << YAML::Value << YAML::Flow << YAML::BeginMap;
    names("nodes", site.nodes);
    write_link(site.inside);
    out_ << YAML::EndMap;
  }
  out_ << YAML::EndMap;
  if (plan_.site_links.empty()) return;
  out_ << YAML::Key << "between" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const SiteLink& link : plan_.site_links) {
    out_ << YAML::Flow << YAML::BeginMap << YAML::Key << "sites" << YAML::Value << YAML::Flow << YAML::BeginSeq
         << YAML::DoubleQuoted << plan_.sites[link.a].name << YAML::DoubleQuoted << plan_.sites[link.b].name
         << YAML::EndSeq;
    write_link(link.link);
    out_ << YAML::EndMap;
  }
  out_ << YAML::EndSeq;
}

void PlanWriter::write_step(const Step& step) {
  // Reading adds it again.
  if (std::holds_alternative<StartStep>(step.action)) return;
  out_ << YAML::Flow << YAML::BeginMap;
  write_time(step);
  if (step.may_idle) plain("may_idle", "on");
  out_ << YAML::Key << std::string(verb(step.action)) << YAML::Value << YAML::Flow << YAML::BeginMap;
  std::visit([this](const auto& action) { write_arguments(action); }, step.action);
  if (step.lasts) plain("for", text(*step.lasts));
  out_ << YAML::EndMap << YAML::EndMap;
}

void PlanWriter::write_time(const Step& step) {
  if (!step.when) return plain("at", text(step.at));
  if (!step.when->mark.empty()) return plain("at", step.when->mark + " + " + text(step.at));
  write_when(*step.when);
  if (step.at.high > Duration::zero()) plain("after", text(step.at));
}

void PlanWriter::write_when(const Trigger& when) {
  out_ << YAML::Key << "when" << YAML::Value << YAML::Flow << YAML::BeginMap;
  if (when.node != kNobody) name("node", when.node);
  plain("event", told_words()[static_cast<std::size_t>(when.event)]);
  if (when.who != kNobody) name("who", when.who);
  if (when.key) quoted("key", *when.key);
  if (when.nth > 1) plain("nth", fmt::format("{}", when.nth));
  if (when.from > Duration::zero()) plain("from", text(when.from));
  out_ << YAML::EndMap;
}

void PlanWriter::list(const std::vector<NodeIndex>& nodes) {
  out_ << YAML::Flow << YAML::BeginSeq;
  for (const NodeIndex node : nodes)
    out_ << YAML::DoubleQuoted << plan_.nodes[node].name;
  out_ << YAML::EndSeq;
}

void PlanWriter::names(const char* key, const std::vector<NodeIndex>& nodes) {
  out_ << YAML::Key << key << YAML::Value;
  list(nodes);
}

void PlanWriter::write_outcome(Outcome expect, NodeIndex owner) {
  static constexpr std::array<const char*, 5> kWords = {"any", "ok", "leased", "clock", "missing"};
  if (expect != Outcome::kAny) plain("expect", kWords[static_cast<std::size_t>(expect)]);
  if (owner != kNobody) name("owner", owner);
}

void PlanWriter::value(const std::string& text, const std::optional<TypedValue>& typed) {
  if (!typed) return quoted("value", text);
  out_ << YAML::Key << "value" << YAML::Value;
  emit_typed_value(out_, typed->yaml);
}

void PlanWriter::write_arguments(const SetStep& what) {
  name("node", what.node);
  quoted("key", what.key);
  value(what.value, what.typed);
  if (what.count > 1) plain("count", fmt::format("{}", what.count));
  if (what.key_size > 0) plain("key_size", fmt::format("{}B", what.key_size));
  if (what.value_size > 0) plain("value_size", fmt::format("{}B", what.value_size));
  if (what.wait > 0) plain("wait", fmt::format("{}", what.wait));
  count("waited", what.waited);
  if (what.waited) plain("within", text(what.within));
  write_outcome(what.expect, what.owner);
}

void PlanWriter::write_arguments(const DeleteStep& what) {
  name("node", what.node);
  quoted("key", what.key);
  write_outcome(what.expect, what.owner);
}

void PlanWriter::write_arguments(const BroadcastStep& what) {
  name("node", what.node);
  quoted("text", what.text);
}

void PlanWriter::write_arguments(const WhisperStep& what) {
  name("node", what.node);
  name("to", what.to);
  quoted("text", what.text);
}

void PlanWriter::write_arguments(const ConnectStep& what) {
  name("node", what.node);
  name("to", what.to);
}

void PlanWriter::write_arguments(const DisconnectStep& what) {
  name("node", what.node);
  name("from", what.from);
}

void PlanWriter::write_arguments(const LeaseStep& what) {
  name("node", what.node);
  quoted("key", what.key);
  if (what.expect != Outcome::kAny) plain("expect", what.expect == Outcome::kOk ? "ok" : "missing");
}

void PlanWriter::write_arguments(const RemoveStep& what) {
  name("node", what.node);
  name("of", what.of);
  plain("time", text(what.time));
}

void PlanWriter::write_arguments(const CrashStep& what) {
  name("node", what.node);
  if (what.silent) plain("silent", "on");
  if (what.power) plain("power", "on");
  write_disk(what.disk);
}

void PlanWriter::write_arguments(const RestartStep& what) {
  name("node", what.node);
  write_disk(what.disk);
}

void PlanWriter::write_disk(DiskLeft disk) {
  static constexpr std::array<const char*, 3> kWords = {"kept", "identity", "lost"};
  if (disk != DiskLeft::kAll) plain("disk", kWords[static_cast<std::size_t>(disk)]);
}

void PlanWriter::write_arguments(const CloneStep& what) {
  name("node", what.node);
  name("of", what.of);
}

void PlanWriter::write_arguments(const DiskStep& what) {
  name("node", what.node);
  if (what.full) plain("full", *what.full ? "on" : "off");
  if (what.delay) plain("delay", text(*what.delay));
}

void PlanWriter::write_arguments(const ClockStep& what) {
  name("node", what.node);
  if (what.jump != Duration::zero()) plain("jump", text(what.jump));
  if (what.ppm) plain("rate", fmt::format("{}ppm", *what.ppm));
}

void PlanWriter::write_arguments(const CutStep& what) {
  names("from", what.from);
  names("to", what.to);
  if (what.one_way) plain("one_way", "on");
}

void PlanWriter::write_arguments(const MendStep& what) {
  names("from", what.from);
  names("to", what.to);
  if (what.one_way) plain("one_way", *what.one_way ? "on" : "off");
}

void PlanWriter::write_arguments(const HealStep& what) {
  if (!what.cuts) plain("cuts", "off");
}

void PlanWriter::write_arguments(const ResetStep& what) {
  names("between", {what.a, what.b});
  if (what.one_sided) plain("one_sided", "on");
  if (what.inside_frame) plain("inside_frame", "on");
}

void PlanWriter::write_arguments(const DialsStep& what) {
  static constexpr std::array<const char*, 3> kWords = {"taken", "refused", "lost"};
  name("node", what.node);
  plain("are", kWords[static_cast<std::size_t>(what.answer)]);
}

void PlanWriter::write_arguments(const StormStep& what) {
  names("nodes", what.nodes);
  plain("times", fmt::format("{}", what.times));
}

void PlanWriter::write_arguments(const SlowReaderStep& what) {
  name("node", what.node);
  plain("rate", rate_text(what.rate));
}

void PlanWriter::write_arguments(const TamperStep& what) {
  static constexpr std::array<const char*, 4> kWords = {"flip", "truncate", "repeat", "stale"};
  name("from", what.from);
  name("to", what.to);
  plain("how", kWords[static_cast<std::size_t>(what.how)]);
  if (!what.kind.empty()) plain("kind", what.kind);
  if (what.nth > 1) plain("nth", fmt::format("{}", what.nth));
}

void PlanWriter::write_arguments(const PartitionStep& what) {
  out_ << YAML::Key << "groups" << YAML::Value << YAML::BeginSeq;
  for (const auto& group : what.groups)
    list(group);
  out_ << YAML::EndSeq;
  if (what.reset) plain("reset", "on");
}

void PlanWriter::write_arguments(const LinkStep& what) {
  write_link(what.link, plan_.sites.empty() ? LinkFields() : what.said);
  if (what.over) plain("over", "on");
  if (what.b != kNobody) {
    names("between", {what.a, what.b});
  } else if (what.a != kNobody) {
    name("of", what.a);
  }
}

void PlanWriter::write_arguments(const ExpectStep& expect) {
  const Expectation& what = *expect.what;
  names("nodes", what.nodes);
  if (what.key) quoted("key", *what.key);
  if (what.value || what.typed) value(what.value.value_or(std::string()), what.typed);
  if (what.absent) plain("absent", "on");
  if (what.owner != kNobody) name("owner", what.owner);
  write_lease(what);
  count("neighbours", what.neighbours);
  count("size", what.size);
  count("messages", what.messages);
  count("conflicts", what.conflicts);
  if (!what.linked.empty()) names("linked", what.linked);
  if (!what.not_linked.empty()) names("not_linked", what.not_linked);
  if (what.equal) plain("equal", "on");
  if (what.refused) {
    out_ << YAML::Key << "refused" << YAML::Value << YAML::Flow << YAML::BeginMap;
    plain("reason", std::string(word_of(*what.refused)));
    if (what.refused_who != kNobody) name("who", what.refused_who);
    out_ << YAML::EndMap;
  }
  if (what.total_messages || what.total_conflicts) {
    out_ << YAML::Key << "in_all" << YAML::Value << YAML::Flow << YAML::BeginMap;
    count("messages", what.total_messages);
    count("conflicts", what.total_conflicts);
    out_ << YAML::EndMap;
  }
  if (!what.info.empty()) {
    out_ << YAML::Key << "info" << YAML::Value << YAML::Flow << YAML::BeginMap;
    for (const InfoDemand& demand : what.info)
      plain(std::string(info_figures()[demand.figure].name).c_str(), text(demand.count));
    out_ << YAML::EndMap;
  }
  write_span(what);
}

void PlanWriter::write_lease(const Expectation& what) {
  count("epoch", what.epoch);
  if (what.fence) plain("fence", *what.fence == FenceIs::kSame ? "same" : "larger");
  static constexpr std::array<const char*, 3> kHeld = {"held", "lapsed", "none"};
  if (what.lease) plain("lease", kHeld[static_cast<std::size_t>(*what.lease)]);
  if (what.state) plain("state", std::string(to_string(*what.state)));
  if (what.left) plain("left", text(*what.left));
}

void PlanWriter::write_span(const Expectation& what) {
  if (!what.since.empty()) plain("since", what.since);
  static constexpr std::array<const char*, 4> kForms = {"", "eventually", "stays", "never"};
  const std::string span = text(what.span.low) + ".." + text(what.span.high);
  if (what.holds != Holds::kNow) plain(kForms[static_cast<std::size_t>(what.holds)], span);
}

}  // namespace

std::string to_yaml(const Plan& plan) {
  return PlanWriter(plan).write();
}

std::string arguments_yaml(const Plan& plan, const Action& action) {
  return PlanWriter(plan).arguments_of(action);
}

}  // namespace meshdict::sim
