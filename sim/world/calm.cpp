#include "sim/world/calm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <variant>

#include "core/limits.h"
#include "sim/machines/guests.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {
namespace {

/// Of a span of quiet that is shorter nothing follows.
constexpr Duration kLeastQuiet = 10s;

/// Steps that change nothing in the mesh.
template <typename... Kinds>
bool is_one_of(const Action& action) {
  return (std::holds_alternative<Kinds>(action) || ...);
}

Duration bound_of(const Stage& stage) {
  // What is slower than the plan's usual links, between sites.
  const Duration slowest = stage.slowest_round_trip / 2;
  // Where not everybody dials everybody, two halves that both look whole meet by chance, and others after them.
  const bool is_small = stage.plan.nodes.size() <= 2 * limits::kOutgoingTarget + 1;
  const Duration meet = is_small ? Duration{} : 4 * limits::kStrangerPauseCap;
  return settle_bound(stage.plan) + meet + 100 * std::max<Duration>(0s, slowest - stage.plan.links.slowest());
}

}  // namespace

Calm::Calm(Stage& stage, Duration grace)
    : stage_(stage),
      grace_(grace),
      bound_(bound_of(stage)),
      off_(has_limited_lines(stage.plan) || has_programs(stage.plan)) {
  plan_look();
}

void Calm::disturbed(const Action& action) {
  if (is_one_of<ExpectStep, MarkStep>(action)) return;
  check_quiet();
  change_ = std::max(change_, stage_.now());
  records_judged_ = false;
  if (!is_one_of<SetStep, DeleteStep, BroadcastStep, WhisperStep, ReleaseStep, BreakStep>(action)) {
    fault_ = std::max(fault_, stage_.now());
    // For so long the two do not dial each other, and then they do with no haste.
    if (is_one_of<DisconnectStep>(action)) fault_ = stage_.now() + limits::kMutedFor + limits::kStrangerPauseCap;
    // Refused to the last moment, it leaves the others alone for as long again.
    if (const auto* remove = std::get_if<RemoveStep>(&action))
      fault_ = stage_.now() + remove->time + limits::kMutedFor + limits::kStrangerPauseCap;
    change_ = std::max(change_, fault_);
    mesh_judged_ = false;
    faults_before_.reset();
  }
  plan_look();
}

/// What takes effect later than its step.
std::uint64_t Calm::effects() const {
  static constexpr std::array kLate = {Fault::kBitFlip,    Fault::kTruncatedFrame,   Fault::kRepeatedFrame,
                                       Fault::kStaleFrame, Fault::kResetInsideFrame, Fault::kFullDisk,
                                       Fault::kPause};
  std::uint64_t sum = 0;
  for (const Fault fault : kLate)
    sum += stage_.counters.faults[fault];
  return sum;
}

/// What comes late by clocks that differ: a record from the future waits for its time.
Duration Calm::spread_of_clocks() const {
  Duration lowest = Duration::max();
  Duration highest = Duration::min();
  for (const auto& host : stage_.hosts) {
    lowest = std::min(lowest, host->clock().lowest_offset());
    highest = std::max(highest, host->clock().highest_offset());
  }
  return highest - lowest;
}

void Calm::plan_look() {
  look_at_ = Duration::max();
  if (off_) return;
  const Duration mesh = fault_ + bound_ + (faults_before_ ? grace_ : Duration{});
  if (!mesh_judged_) look_at_ = std::min(look_at_, mesh);
  if (!records_judged_) look_at_ = std::min(look_at_, change_ + bound_);
}

bool Calm::is_at_rest() const {
  if (stage_.network.is_hampered() || stage_.network.has_slow_lines()) return false;
  return std::ranges::none_of(
      stage_.hosts, [](const auto& host) { return host->up() && (host->hampered() || host->disk().is_full()); });
}

void Calm::look(Duration next) {
  if (const std::uint64_t now = effects(); now != effects_) {
    effects_ = now;
    change_ = std::max(change_, stage_.now());
    fault_ = std::max(fault_, stage_.now());
    mesh_judged_ = records_judged_ = false;
    faults_before_.reset();
    return plan_look();
  }
  const Duration by_clocks = spread_of_clocks();
  if (!is_at_rest() || by_clocks > sim_limits::kMaxDuration - bound_) {
    mesh_judged_ = records_judged_ = true;  // until the next step
    return plan_look();
  }
  if (!mesh_judged_ && next > fault_ + bound_ + (faults_before_ ? grace_ : Duration{})) look_at_mesh();
  if (!records_judged_ && next > change_ + bound_) {
    if (next > change_ + bound_ + by_clocks) {
      look_at_records();
    } else {
      look_at_ = change_ + bound_ + by_clocks;
      return;
    }
  }
  plan_look();
}

void Calm::look_at_mesh() {
  auto faults = connection_faults(stage_.hosts, stage_.network, stage_.identities);
  if (!faults_before_) {
    faults_before_ = std::move(faults);
    return;
  }
  mesh_judged_ = true;
  for (const ConnectionFault& fault : faults) {
    if (std::binary_search(faults_before_->begin(), faults_before_->end(), fault))
      stage_.findings.add(name_of(Property::kC1), fault.nodes, fault.what);
  }
  if (stage_.checks(Property::kConnected)) {
    check_connected(stage_.hosts, stage_.network, stage_.identities, stage_.findings);
  }
}

bool Calm::all_lines_carry() const {
  const std::size_t nodes = stage_.hosts.size();
  for (NodeIndex a = 0; a < nodes; ++a) {
    for (NodeIndex b = a + 1; b < nodes; ++b) {
      if (!stage_.network.carries(a, b)) return false;
    }
  }
  return true;
}

void Calm::look_at_records() {
  records_judged_ = true;
  stage_.records.check_societies();
  check_bounds();
  // Over lines on which a connection may or may not come up, records may come at any time.
  if (!all_lines_carry()) return;
  quiet_ = Quiet{.since = stage_.now(), .frames = stage_.network.counters().sent, .changes = changes()};
}

std::uint64_t Calm::changes() const {
  // Of events, those that tell of a change.
  static const std::array kPlaces = {Event(Updated()).index(),        Event(Deleted()).index(),
                                     Event(Conflict()).index(),       Event(Undeliverable()).index(),
                                     Event(MessageArrived()).index(), Event(Returned()).index()};
  std::uint64_t sum = 0;
  for (const std::size_t place : kPlaces)
    sum += stage_.counters.events[place];
  return sum;
}

/// Pings and pongs of each link, comparisons of each node with their answers, dials of strangers and of those who are not there;
/// and as much again.
std::uint64_t Calm::most_frames(Duration span) const {
  const auto times = [&](Duration every) { return static_cast<std::uint64_t>(span / every) + 2; };
  const std::uint64_t nodes = stage_.hosts.size();
  const std::uint64_t links = stage_.network.open_connections().size();
  return 2 * (4 * links * times(limits::kPingAfterIdle) + 16 * nodes * times(limits::kCompareEvery));
}

void Calm::check_quiet() {
  if (!quiet_) return;
  const Quiet quiet = *std::exchange(quiet_, std::nullopt);
  const Duration span = stage_.now() - quiet.since;
  if (span < kLeastQuiet || !stage_.checks(Property::kQuiet) || effects() != effects_) return;
  const auto wrong = [&](const std::string& what) {
    stage_.findings.add(name_of(Property::kQuiet), {},
                        fmt::format("{} since {} s, when all was done", what, seconds_text(quiet.since)));
  };
  if (const std::uint64_t changed = changes() - quiet.changes) {
    wrong(fmt::format("{} records or messages have come", changed));
  }
  const std::uint64_t frames = stage_.network.counters().sent - quiet.frames;
  if (const std::uint64_t most = most_frames(span); frames > most) {
    wrong(fmt::format("{} frames were sent, more than {},", frames, most));
  }
}

void Calm::check_bounds() const {
  if (!stage_.checks(Property::kBounds)) return;
  for (const auto& host : stage_.hosts) {
    if (!host->up()) continue;
    const Engine& engine = host->engine();
    const auto wrong = [&](std::size_t count, const char* what, std::size_t most) {
      if (count <= most) return;
      stage_.findings.add(name_of(Property::kBounds), {host->plan().name},
                          fmt::format("{} {}, more than {}", count, what, most));
    };
    wrong(engine.known_addresses(), "known addresses", limits::kMaxAddresses);
    wrong(engine.neighbour_count(), "neighbours", limits::kMaxNeighbours);
    for (const NeighbourView& neighbour : engine.neighbours())
      wrong(neighbour.connections, "connections to one neighbour", limits::kMaxLinksOfPair);
  }
}

void Calm::finish() {
  check_quiet();
  check_bounds();
}

}  // namespace meshdict::sim
