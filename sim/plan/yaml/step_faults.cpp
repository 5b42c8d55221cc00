// Reading the steps that are faults.

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "sim/plan/limits.h"
#include "sim/plan/yaml/step_reader.h"

namespace meshdict::sim {

Action StepReader::read_fault(std::string_view verb, MapReader& map, Step& step) {
  if (verb == "crash") return read_crash(map, step);
  if (verb == "restart") return read_restart(map);
  if (verb == "clone") {
    read_lasts(map, step);
    const auto [copy, of] = both(map, "node", "of");
    return CloneStep{copy, of};
  }
  if (verb == "pause") {
    read_lasts(map, step);
    return PauseStep{node(map, "node")};
  }
  if (verb == "resume") return ResumeStep{node(map, "node")};
  if (verb == "disk") return read_disk(map, step);
  if (verb == "clock") return read_clock(map, step);
  if (verb == "partition") return read_partition(map, step);
  if (verb == "cut") {
    read_lasts(map, step);
    return CutStep{several(map, "from"), several(map, "to"), flag(map, "one_way")};
  }
  if (verb == "mend") {
    return MendStep{several(map, "from"), several(map, "to"), read_flag(map.optional("one_way"), errors_)};
  }
  if (verb == "heal") return HealStep{.cuts = read_flag(map.optional("cuts"), errors_).value_or(true)};
  if (verb == "reset") return read_reset(map);
  if (verb == "half_open") {
    const auto pair = read_pair(map.required("between"));
    return pair ? HalfOpenStep{pair->first, pair->second} : HalfOpenStep{};
  }
  if (verb == "dials") return read_dials(map, step);
  if (verb == "cross_dial") {
    const auto pair = read_pair(map.required("between"));
    return pair ? StormStep{{pair->first, pair->second}, 1} : StormStep{};
  }
  if (verb == "storm") return read_storm(map);
  if (verb == "slow_reader") return read_slow_reader(map, step);
  if (verb == "tamper") return read_tamper(map);
  return read_link_step(map, step);
}

Action StepReader::read_crash(MapReader& map, Step& step) {
  read_lasts(map, step);
  CrashStep crash{.node = node(map, "node"), .silent = flag(map, "silent"), .power = flag(map, "power")};
  const YAML::Node disk = map.optional("disk");
  crash.disk = read_disk_left(disk);
  if (disk.IsDefined() && !step.lasts) {
    errors_.add(disk.Mark(), "'disk' is about the restart, expected 'for: TIME' beside it");
  }
  return crash;
}

DiskLeft StepReader::read_disk_left(const YAML::Node& disk) {
  const auto left = read_word(disk, "state of a disk", {"kept", "identity", "lost"}, errors_);
  return left ? static_cast<DiskLeft>(*left) : DiskLeft::kAll;
}

Action StepReader::read_restart(MapReader& map) {
  RestartStep restart{.node = node(map, "node")};
  restart.disk = read_disk_left(map.optional("disk"));
  return restart;
}

Action StepReader::read_disk(MapReader& map, Step& step) {
  read_lasts(map, step);
  DiskStep disk{.node = node(map, "node")};
  disk.full = read_flag(map.optional("full"), errors_);
  disk.delay = read_duration(map.optional("delay"), errors_);
  if (!disk.full && !disk.delay) errors_.add(map.mark(), "'disk' changes nothing, expected 'full' or 'delay'");
  return disk;
}

Action StepReader::read_clock(MapReader& map, Step& step) {
  read_lasts(map, step);
  ClockStep clock{.node = node(map, "node")};
  const YAML::Node jump = map.optional("jump");
  const YAML::Node rate = map.optional("rate");
  if (!jump.IsDefined() && !rate.IsDefined()) {
    errors_.add(map.mark(), "'clock' changes nothing, expected 'jump' or 'rate'");
  }
  if (const auto by = read_duration_range(jump, errors_, true)) {
    clock.jump = by->low;
    if (!by->fixed() || std::chrono::abs(by->low) > sim_limits::kMaxWrong) {
      errors_.add(jump.Mark(), "this is no jump, expected one time of at most a hundred years, such as 10s or -10s");
    }
  }
  clock.ppm = read_ppm(rate, sim_limits::kMaxPpm, errors_);
  return clock;
}

Action StepReader::read_dials(MapReader& map, Step& step) {
  read_lasts(map, step);
  DialsStep dials{.node = node(map, "node")};
  if (const auto answer = read_word(map.required("are"), "answer", {"taken", "refused", "lost"}, errors_)) {
    dials.answer = static_cast<DialAnswer>(*answer);
  }
  return dials;
}

Action StepReader::read_storm(MapReader& map) {
  StormStep storm{.nodes = several(map, "nodes")};
  storm.times = read_count(map.optional("times"), errors_, 1, sim_limits::kMaxStormDials).value_or(1);
  return storm;
}

Action StepReader::read_slow_reader(MapReader& map, Step& step) {
  read_lasts(map, step);
  SlowReaderStep slow{.node = node(map, "node")};
  slow.rate = read_bandwidth(map.required("rate"), errors_).value_or(0);
  return slow;
}

Action StepReader::read_tamper(MapReader& map) {
  const auto [from, to] = both(map, "from", "to");
  TamperStep tamper{.from = from, .to = to};
  const std::vector<std::string> ways = {"flip", "truncate", "repeat", "stale"};
  if (const auto how = read_word(map.required("how"), "way to tamper", ways, errors_)) {
    tamper.how = static_cast<Tampering>(*how);
  }
  const YAML::Node kind = map.optional("kind");
  if (const auto word = read_word(kind, "kind of message", message_kinds(), errors_)) {
    tamper.kind = message_kinds()[*word];
  }
  tamper.nth = read_count(map.optional("nth"), errors_, 1, sim_limits::kMaxNth).value_or(1);
  return tamper;
}

Action StepReader::read_partition(MapReader& map, Step& step) {
  PartitionStep partition;
  read_lasts(map, step);
  partition.reset = flag(map, "reset");
  const YAML::Node groups = map.required("groups");
  if (!groups.IsDefined()) return partition;
  if (!groups.IsSequence() || groups.size() == 0) {
    errors_.add(groups.Mark(), "these are no groups, expected a list of lists of nodes, such as [[ana], [bob, cy]]");
    return partition;
  }
  std::vector<bool> placed(nodes_.size(), false);
  for (const auto& group : groups) {
    partition.groups.push_back(nodes_.read_several_or_some(group, errors_));
    for (const NodeIndex member : partition.groups.back()) {
      if (member == kAnyNode) continue;
      if (placed[member]) errors_.add(group.Mark(), "a node is in two groups, expected it in one");
      placed[member] = true;
    }
  }
  return partition;
}

Action StepReader::read_reset(MapReader& map) {
  const auto pair = read_pair(map.required("between"));
  ResetStep reset;
  if (pair) std::tie(reset.a, reset.b) = *pair;
  reset.one_sided = flag(map, "one_sided");
  const YAML::Node inside = map.optional("inside_frame");
  reset.inside_frame = read_flag(inside, errors_).value_or(false);
  if (reset.one_sided && reset.inside_frame) {
    errors_.add(inside.Mark(), "'reset' has both 'one_sided' and 'inside_frame', expected one");
  }
  return reset;
}

Action StepReader::read_link_step(MapReader& map, Step& step) {
  LinkStep link;
  read_lasts(map, step);
  link.over = flag(map, "over");
  const YAML::Node between = map.optional("between");
  const YAML::Node of = map.optional("of");
  if (between.IsDefined() && of.IsDefined()) {
    errors_.add(of.Mark(), "'link' has both 'between' and 'of', expected one");
  }
  if (const auto pair = read_pair(between)) {
    link.a = pair->first;
    link.b = pair->second;
  } else if (const auto one = nodes_.read_or_any(of, errors_)) {
    link.a = *one;
  }
  const bool known = link.b < nodes_.size() && link.a < nodes_.size();
  link.link = read_link(map, known ? link_between(context_.plan, link.a, link.b) : context_.plan.links, errors_);
  link.said = {.latency = map.has("latency"),
               .jitter = map.has("jitter"),
               .bandwidth = map.has("bandwidth"),
               .piece = map.has("piece"),
               .gather = map.has("gather")};
  return link;
}

}  // namespace meshdict::sim
