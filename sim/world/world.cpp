#include "sim/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <variant>

#include "core/limits.h"
#include "sim/plan/lasting_steps.h"
#include "sim/plan/yaml/writer.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

// Flights of TCP's and our handshakes, the probe of a doubtful connection, the linger of a retired one; the latter two take
// as long as a connection took to be made, three flights at the most, says.
Duration grace_of(const Stage& stage) {
  const Duration made = 2 * stage.slowest_round_trip;
  return std::min(stage.end, 4 * stage.slowest_round_trip +
                                 std::max(limits::kProbeDeadline, limits::kProbeRoundTrips * made) +
                                 std::max(limits::kLinger, limits::kLingerRoundTrips * made) + 1s);
}

/// What is on it beside records, too: identity, life, addresses, epochs of what was collected.
void add_disk_to(TraceHash& hash, VirtualDisk& disk) {
  for (const Table table : {Table::kMeta, Table::kRecords, Table::kAddresses, Table::kFloors}) {
    const auto loaded = disk.load(table, [&hash](std::string_view key, std::string_view value) {
      hash.add(key);
      hash.add(value);
    });
    assert(loaded);
  }
}

}  // namespace

World::World(const Plan& plan, std::uint64_t seed, const RunOptions& options)
    : stage_(plan, seed, options, nodes_),
      nodes_(stage_),
      operations_(stage_, nodes_),
      faults_(stage_, nodes_),
      expectations_(stage_),
      grace_(grace_of(stage_)),
      calm_(stage_, grace_) {
  if (!plan.steps.empty() && !plan.steps.front().when) {
    stage_.queue.push(plan.steps.front().at.low, EventKind::kStep, 0);
  }
  if (!has_programs(plan)) return;
  assert(options.programs != nullptr);
  guests_ = options.programs->make(stage_, nodes_);
  stage_.guests = guests_.get();
}

RunResult World::run() {
  run_until(end() - grace_);
  connections_before_ = connection_faults(stage_.hosts, stage_.network, stage_.identities);
  run_until(end());
  if (guests_) guests_->finish();
  return finish();
}

void World::run_until(Duration time) {
  EventQueue& queue = stage_.queue;
  while (!stage_.over && !queue.empty() && queue.next_time() <= time) {
    calm_.pass(queue.next_time());
    dispatch(queue.pop());
    if (guests_) guests_->look();
    if (++dispatched_ % sim_limits::kLookEvery == 0 || stage_.events > stage_.options.most_events)
      check_bounds_of_run();
    if (expectations_.watches() && (queue.empty() || queue.next_time() > queue.now())) expectations_.look();
  }
  if (queue.now() < time && !stage_.over) queue.advance_to(time);
}

void World::dispatch(const QueuedEvent& event) {
  switch (event.kind()) {
    case EventKind::kDeliver:
    case EventKind::kDrained:
    case EventKind::kGiveUp:
    case EventKind::kDialTimeout:
    case EventKind::kStale:
      if (stage_.network.handle(event)) ++stage_.events;
      return;
    case EventKind::kTimer:
      return nodes_.timer(static_cast<NodeIndex>(event.detail()));
    case EventKind::kStep:
      ++stage_.events;
      return step(event.detail());
    case EventKind::kCheckBroadcast:
      ++stage_.events;
      return stage_.broadcasts.check(event.detail());
    case EventKind::kGoOn:
      return nodes_.disk_done(static_cast<NodeIndex>(event.detail()));
    case EventKind::kTriggered:
      ++stage_.events;
      return triggered(event.detail());
    case EventKind::kEnds:
      ++stage_.events;
      return perform(ends_[event.detail()], event.detail());
    case EventKind::kWatch:  // all are looked at, once all that happens now has happened
      return;
    case EventKind::kWaited: {
      ++stage_.events;
      const Step& step = stage_.plan.steps[event.detail()];
      return operations_.check_waited(step, std::get<SetStep>(step.action));
    }
    case EventKind::kProgram:
      return guests_->due(event.detail());
  }
}

void World::step(std::size_t index) {
  const std::vector<Step>& steps = stage_.plan.steps;
  const std::size_t next = index + 1;
  if (next < steps.size() && !steps[next].when) stage_.queue.push(steps[next].at.low, EventKind::kStep, next);
  perform(steps[index], index);
}

void World::triggered(std::size_t index) {
  const Step& step = stage_.plan.steps[index];
  if (step.lasts) {
    Step end{.at = step.at, .line = step.line, .action = undo_of(step.action), .lasts = std::nullopt};
    // Another fault may have ended it, or a restart.
    end.may_idle = true;
    stage_.queue.push(now() + step.lasts->low, EventKind::kEnds, ends_.size());
    ends_.push_back(std::move(end));
  }
  perform(step, index);
}

void World::perform(const Step& step, std::size_t index) {
  calm_.disturbed(step.action);
  stage_.last_step = now();
  stage_.mark(Mark::kStep, kNobody, index << 8 | step.action.index());
  ++stage_.counters.steps[step.action.index()];
  if (stage_.transcript.enabled()) {
    stage_.transcript.line(now(), "-",
                           fmt::format("{} {}", verb(step.action), arguments_yaml(stage_.plan, step.action)));
  }
  const auto perform = [&](const auto& what) {
    if constexpr (requires { operations_.perform(step, what); }) {
      operations_.perform(step, what);
    } else if constexpr (requires { expectations_.perform(step, what); }) {
      expectations_.perform(step, what);
    } else {
      faults_.perform(step, what);
    }
  };
  std::visit(perform, step.action);
  stage_.claims.look();
}

// The end

const Counters& World::counters() {
  stage_.counters.network = stage_.network.counters();
  stage_.counters.crossings = stage_.reach.crossings();
  stage_.counters.duplicates = 0;
  for (const auto& host : stage_.hosts) {
    if (host->up()) stage_.counters.duplicates += host->engine().stats().duplicates;
  }
  return stage_.counters;
}

// A connection that is coming up or going at the very end is no fault: what counts was there a while ago, too.
void World::check_connections() {
  const auto& before = connections_before_;
  for (const ConnectionFault& fault : connection_faults(stage_.hosts, stage_.network, stage_.identities)) {
    const bool stays = !before || std::binary_search(before->begin(), before->end(), fault);
    if (stays) stage_.findings.add(name_of(Property::kC1), fault.nodes, fault.what);
  }
}

/// A step whose event has not come has changed nothing.
void World::tell_unheard() {
  for (const Step* step : stage_.triggers.waiting()) {
    const std::string what = step->when->mark.empty() ? "its event" : fmt::format("the moment '{}'", step->when->mark);
    stage_.changes_nothing(*step, what + " has not come");
  }
}

void World::check_bounds_of_run() {
  const RunOptions& options = stage_.options;
  if (stage_.events > options.most_events) {
    stage_.end_run("no end", {}, fmt::format("{} events, more than {}", stage_.events, options.most_events));
  }
  std::size_t held = stage_.network.held();
  for (const auto& host : stage_.hosts) {
    for (const Host::Arrival& arrival : host->waiting)
      held += arrival.portion.bytes.size();
  }
  if (held > options.most_held) {
    stage_.end_run("memory", {}, fmt::format("{} bytes are on their way, more than {}", held, options.most_held));
  }
}

void World::check_promises() {
  faults_.finish();
  expectations_.finish();
  tell_unheard();
  calm_.finish();
  if (stage_.checks(Property::kC1)) check_connections();
  if (stage_.checks(Property::kC2)) nodes_.check_open_ends();
  if (stage_.checks(Property::kConnected)) {
    check_connected(stage_.hosts, stage_.network, stage_.identities, stage_.findings);
  }
  stage_.records.check_at_end();
  stage_.whispers.check_at_end(has_limited_lines(stage_.plan));
  for (NodeIndex node = 0; node < stage_.hosts.size(); ++node) {
    if (stage_.up(node)) nodes_.check_disk(node);
  }
}

RunResult World::finish() {
  // A run that was ended is no whole one.
  if (!stage_.over) check_promises();
  stage_.measures.at_end();
  stage_.mark(Mark::kEnd, 0, stage_.events);
  for (const auto& host : stage_.hosts) {
    add_disk_to(stage_.hash, host->disk());
    stage_.hash.add(std::uint64_t{host->up()});
    if (!host->up()) continue;
    for (const auto& [key, record] : host->engine().dictionary().records()) {
      stage_.hash.add(key);
      stage_.hash.add(record.version.value_hash.prefix());
      stage_.hash.add(record.version.written.bits);
    }
  }
  RunResult result;
  result.plan = stage_.plan.name;
  result.seed = stage_.seed;
  result.events = stage_.events;
  result.simulated = now();
  result.trace = stage_.hash.value();
  result.violations = stage_.findings.list();
  result.violation_count = stage_.findings.count();
  result.counters = counters();
  result.idle_steps = stage_.idle_steps;
  if (stage_.transcript.enabled()) {
    stage_.transcript.remark(fmt::format("end {} events {} trace {:016x} violations {}", seconds_text(result.simulated),
                                         result.events, result.trace, result.violation_count));
  }
  return result;
}

RunResult run_plan(const Plan& plan, std::uint64_t seed, const RunOptions& options) {
  const Plan drawn = expand(plan, seed);
  return World(drawn, seed, options).run();
}

}  // namespace meshdict::sim
