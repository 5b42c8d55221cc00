#include "sim/world/nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <variant>

#include "core/env/limits.h"
#include "core/limits.h"
#include "sim/machines/guests.h"
#include "sim/oracles/disks.h"
#include "sim/plan/lasting_steps.h"
#include "sim/plan/limits.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

// A message that has been on its way for longer may be too old where it arrives: by clocks that differ.
constexpr Duration kYoungMessage = limits::kBroadcastLifetime - limits::kClockSkew;

// Nodes whose disk will be read again, or runs full.
std::vector<bool> with_disk(const Plan& plan) {
  std::vector<bool> keeps(plan.nodes.size(), false);
  // A program may open a socket with the same data directory again.
  for (NodeIndex node = 0; node < plan.nodes.size(); ++node)
    keeps[node] = !plan.nodes[node].program.empty();
  for (const Step& step : plan.steps) {
    if (const auto* restart = std::get_if<RestartStep>(&step.action)) keeps[restart->node] = true;
    // Of a step that waits for an event what ends it is no step of its own.
    const Action end = step.when && step.lasts ? undo_of(step.action) : Action(MarkStep());
    if (const auto* restart = std::get_if<RestartStep>(&end)) keeps[restart->node] = true;
    if (const auto* disk = std::get_if<DiskStep>(&step.action)) keeps[disk->node] = true;
    if (const auto* clone = std::get_if<CloneStep>(&step.action)) {
      keeps[clone->node] = true;
      keeps[clone->of] = true;
    }
  }
  return keeps;
}

}  // namespace

Nodes::Nodes(Stage& stage) : stage_(stage), record_lines_(stage) {
  const std::vector<NodePlan>& plans = stage.plan.nodes;
  const std::vector<bool> keeps = with_disk(stage.plan);
  ears_.reserve(plans.size());
  for (NodeIndex node = 0; node < plans.size(); ++node) {
    Ear& ear = ears_.emplace_back(stage, node);
    stage.hosts[node] = std::make_unique<Host>(node, plans[node], stage.seed, keeps[node], stage.queue, stage.network,
                                               stage.addresses, ear);
  }
}

Nodes::~Nodes() {
  stage_.hosts.clear();
}

// Starting and ending

bool Nodes::start(const Step& step, NodeIndex node) {
  if (stage_.alive(node)) {
    stage_.changes_nothing(step, stage_.name(node) + " is up");
    return false;
  }
  Host& host = *stage_.hosts[node];
  host.awaits_room = false;
  if (stage_.guests != nullptr && !host.plan().program.empty()) {
    stage_.network.set_machine(node, Machine::kRefusing);
    stage_.guests->start(node);
    return true;
  }
  if (const auto begun = begin(node, host.config(stage_.plan.nodes)); !begun) {
    stage_.fail(step, {stage_.name(node)}, "does not start: " + describe(begun.error()));
    return false;
  }
  return stage_.up(node);
}

std::expected<void, StartError> Nodes::begin(NodeIndex node, EngineConfig config) {
  stage_.network.set_machine(node, Machine::kUp);
  Host& host = *stage_.hosts[node];
  if (auto started = host.start(std::move(config)); !started) {
    host.end();
    stage_.network.set_machine(node, Machine::kRefusing);
    return started;
  }
  stage_.identities.insert_or_assign(host.id(), node);
  check_disk(node);
  stage_.records.restarted(node);
  stage_.leases.restarted(node);
  stage_.measures.back(node);
  if (stage_.transcript.enabled()) {
    stage_.transcript.line(stage_.now(), stage_.name(node),
                           fmt::format("is {}, life {}", host.id().brief(), host.life()));
    record_lines_.tell_all(node);
  }
  host.armed = Duration::max();
  finish_turn(node);
  return {};
}

// First the network: what an engine does while it is taken down is not meant to reach anyone.
void Nodes::end(NodeIndex node, Machine machine) {
  stage_.network.set_machine(node, machine);
  stage_.network.abandon(node);
  Host& host = *stage_.hosts[node];
  stage_.moments.life_ends(node);
  host.end();
  stage_.transcript.line(stage_.now(), stage_.name(node), "is down");
  stage_.broadcasts.node_ended(node);
  stage_.whispers.disturbed(node);
  stage_.measures.away(node);
  // Of two with one id, the other is now the one that bears it.
  for (NodeIndex other = 0; other < stage_.hosts.size() && host.shares_identity; ++other) {
    if (other == node || !stage_.up(other) || stage_.hosts[other]->id() != host.id()) continue;
    stage_.identities.insert_or_assign(host.id(), other);
    stage_.hosts[other]->shares_identity = false;
    stage_.broadcasts.node_disturbed(other);
  }
  host.shares_identity = false;
  if (stage_.guests != nullptr) stage_.guests->engine_ended(node);
}

// What arrives

void Nodes::accepted(NodeIndex node, ConnId conn, NodeIndex dialer) {
  arrive(node, {.kind = Host::Arrival::Kind::kAccepted, .conn = conn, .from = dialer});
}

void Nodes::connected(NodeIndex node, ConnId conn) {
  arrive(node, {.kind = Host::Arrival::Kind::kConnected, .conn = conn});
}

void Nodes::received(NodeIndex node, ConnId conn, NodeIndex from, const Portion& portion) {
  if (stage_.now() - portion.frame.sent > kYoungMessage) stage_.broadcasts.disturbed(from, node);
  arrive(node, {.kind = Host::Arrival::Kind::kReceived, .conn = conn, .from = from, .portion = portion});
}

void Nodes::drained(NodeIndex node, ConnId conn) {
  arrive(node, {.kind = Host::Arrival::Kind::kDrained, .conn = conn});
}

void Nodes::closed(NodeIndex node, ConnId conn, std::string_view why) {
  arrive(node, {.kind = Host::Arrival::Kind::kClosed, .conn = conn, .why = std::string(why)});
}

/// C2: of a connection that carries nothing any more each end that runs knows it in time.
void Nodes::closes(NodeIndex node, NodeIndex peer, Duration heard) {
  const Host& host = *stage_.hosts[node];
  if (!host.up() || host.still() || !stage_.checks(Property::kC2)) return;
  const Duration since = std::max(heard, host.went_on);
  // By its own clock; and one that has given way meanwhile lingers, for as long as a probe without an answer says.
  const Duration drift(limits::kSilenceVerdict.count() / 1'000'000 * host.clock().largest_ppm());
  const Duration lingers = 2 * limits::kLinger + limits::kLingerRoundTrips * stage_.slowest_round_trip;
  const Duration most = limits::kSilenceVerdict + drift + lingers + 1s;
  if (stage_.now() - since <= most) return;
  stage_.findings.add(name_of(Property::kC2), {stage_.name(node), stage_.name(peer)},
                      fmt::format("the first has kept a connection to the second on which nothing has come since {} s",
                                  seconds_text(since)));
}

void Nodes::check_open_ends() {
  for (const Network::OpenEnd& end : stage_.network.open_ends())
    closes(end.node, end.peer, end.heard);
}

/// "bounds": what a node queues towards one neighbour, and towards all.
void Nodes::check_queue(NodeIndex node, ConnId conn, NodeIndex to, std::size_t added) {
  // What is full is looked at after some bytes only, one frame more may always join, and so may some answers.
  constexpr std::size_t kBeyond = limits::kBulkLowWater + limits::kMaxFrame + limits::kMaxAnswersUntaken;
  const std::size_t queued = stage_.network.queued(conn) + added;
  if (queued <= limits::kBulkLowWater || !stage_.checks(Property::kBounds)) return;
  const auto wrong = [&](std::size_t bytes, std::size_t most, std::vector<std::string> nodes, const char* what) {
    if (bytes <= most) return;
    stage_.findings.add(name_of(Property::kBounds), std::move(nodes),
                        fmt::format("{} bytes wait {}, more than {}", bytes, what, most));
  };
  wrong(queued, limits::kMaxQueued + kBeyond, {stage_.name(node), stage_.name(to)}, "at the first for the second");
  if (queued <= limits::kMaxFrame) return;
  std::size_t of_all = 0;
  const std::vector<NeighbourView> neighbours = stage_.hosts[node]->engine().neighbours();
  for (const NeighbourView& neighbour : neighbours)
    of_all += neighbour.queued;
  wrong(of_all, limits::kMaxQueuedOfAll + neighbours.size() * kBeyond, {stage_.name(node)}, "for all neighbours");
}

void Nodes::sent(NodeIndex node, ConnId conn, NodeIndex to, const Parcel& frame) {
  check_queue(node, conn, to, frame.plain_size);
  if (!stage_.transcript.enabled()) return;
  const std::vector<std::string> keys = keys_of(frame);
  stage_.transcript.line(
      stage_.now(), stage_.name(node),
      fmt::format("c{} -> {} {}{}", Network::number(conn), stage_.name(to), describe(frame), keys_text(keys)));
  std::vector<std::string>& sent = stage_.hosts[node]->sent;
  sent.insert(sent.end(), keys.begin(), keys.end());
}

void Nodes::arrive(NodeIndex node, Host::Arrival arrival) {
  Host& host = *stage_.hosts[node];
  if (!host.up()) return;  // its disk has ended it in this very moment
  if (!host.still()) return handle(node, arrival);
  if (host.paused && host.waiting.empty()) ++stage_.counters.faults[Fault::kPause];
  host.waiting.push_back(std::move(arrival));
}

/// What has come of one connection while the node stood still, it takes in one read.
void Nodes::join_with_next(const Host& host, Host::Arrival& arrival) {
  using Kind = Host::Arrival::Kind;
  if (arrival.kind != Kind::kReceived || host.waiting.empty()) return;
  const Host::Arrival& next = host.waiting.front();
  const std::size_t size = host.reading.size() + arrival.portion.bytes.size() + next.portion.bytes.size();
  arrival.portion.more =
      next.kind == Kind::kReceived && next.conn == arrival.conn && size <= env_limits::kVirtualReadBuffer;
}

void Nodes::go_on(NodeIndex node) {
  Host& host = *stage_.hosts[node];
  host.went_on = stage_.now();
  while (host.up() && !host.still() && !host.waiting.empty()) {
    Host::Arrival arrival = std::move(host.waiting.front());
    host.waiting.pop_front();
    join_with_next(host, arrival);
    handle(node, arrival);
  }
  if (host.up() && !host.still()) arm_timer(node);
  if (stage_.guests != nullptr && !host.still()) stage_.guests->goes_on(node);
}

void Nodes::handle(NodeIndex node, const Host::Arrival& arrival) {
  using Kind = Host::Arrival::Kind;
  static constexpr std::array kMarks = {Mark::kAccepted, Mark::kConnected, Mark::kReceived, Mark::kDrained,
                                        Mark::kClosed};
  const ConnId conn = arrival.conn;
  stage_.mark(kMarks[static_cast<std::size_t>(arrival.kind)], node, static_cast<std::uint64_t>(conn));
  const auto tell = [&](const auto& what) {
    if (!stage_.transcript.enabled()) return;
    stage_.transcript.line(stage_.now(), stage_.name(node), fmt::format("c{} {}", Network::number(conn), what()));
  };
  Host& host = *stage_.hosts[node];
  switch (arrival.kind) {
    case Kind::kAccepted: {
      tell([&] { return "accepted from " + stage_.name(arrival.from); });
      // The dialer's end has a port of its system's choosing.
      const auto port = static_cast<std::uint16_t>(49'152 + Network::number(conn) % 16'384);
      host.engine().on_accepted(conn, {stage_.name(arrival.from), port});
      break;
    }
    case Kind::kConnected:
      tell([] { return "connected"; });
      host.engine().on_connected(conn);
      break;
    case Kind::kReceived: {
      const Portion& portion = arrival.portion;
      stage_.hash.add(portion.frame.id_prefix);
      stage_.hash.add(std::uint64_t{portion.frame.plain_size});
      if (portion.last) {
        tell([&] { return fmt::format("<- {} {}", stage_.name(arrival.from), describe(portion.frame)); });
      }
      read(host, conn, portion);
      if (portion.more) return;
      break;
    }
    case Kind::kDrained:
      tell([] { return "drained"; });
      host.engine().on_drained(conn);
      break;
    case Kind::kClosed:
      tell([&] { return "closed: " + arrival.why; });
      host.engine().on_closed(conn, arrival.why);
      break;
  }
  finish_turn(node);
}

void Nodes::read(Host& host, ConnId conn, const Portion& portion) {
  const bool joined = portion.more || !host.reading.empty();
  if (joined) host.reading += portion.bytes;
  if (portion.more) return;
  const std::string whole = std::exchange(host.reading, {});
  std::string_view bytes = joined ? std::string_view(whole) : portion.bytes;
  const std::size_t piece = portion.piece == 0 ? bytes.size() : portion.piece;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    host.engine().on_data(conn, bytes.substr(0, piece));
}

// Turns

void Nodes::timer(NodeIndex node) {
  Host& host = *stage_.hosts[node];
  // An entry of an earlier life, or one that was moved forward; a node that stands still looks when it goes on.
  if (!host.up() || host.armed != stage_.now()) return;
  host.armed = Duration::max();
  if (host.still()) return;
  const Duration due = host.clock().world_time(host.engine().next_deadline());
  if (due > stage_.now()) return arm_timer(node);
  ++stage_.events;
  stage_.mark(Mark::kTimer, node, 0);
  host.engine().on_time();
  finish_turn(node);
}

void Nodes::disk_done(NodeIndex node) {
  Host& host = *stage_.hosts[node];
  if (!host.busy || host.busy_until != stage_.now()) return;
  ++stage_.events;
  host.busy = false;
  go_on(node);
}

void Nodes::arm_timer(NodeIndex node) {
  Host& host = *stage_.hosts[node];
  const Duration due = std::max(host.clock().world_time(host.engine().next_deadline()), stage_.now());
  if (due >= host.armed || host.still()) return;
  host.spins = due == stage_.now() ? host.spins + 1 : 0;
  if (host.spins > sim_limits::kMaxSpins) {
    stage_.end_run("no end", {stage_.name(node)}, "it asks to be called again at the same moment, for ever");
    return;
  }
  host.armed = due;
  stage_.queue.push(due, EventKind::kTimer, node);
}

bool Nodes::commit_turn(NodeIndex node) {
  Host& host = *stage_.hosts[node];
  const bool writes = host.disk().has_staged();
  if (!host.plan().syncs_commits && host.synced + env_limits::kSyncEvery <= stage_.now()) {
    host.disk().sync();
    host.synced = stage_.now();
  }
  if (!host.disk().commit()) {
    // As production: what cannot be kept is told nobody, neither a client nor a peer, and the process ends.
    stage_.network.take_back(node, committed_frames_);
    ++stage_.counters.faults[Fault::kFullDisk];
    if (stage_.transcript.enabled()) stage_.transcript.line(stage_.now(), stage_.name(node), "ends: its disk is full");
    host.awaits_room = true;
    host.sent.clear();
    end(node, Machine::kRefusing);
    return false;
  }
  committed_frames_ = stage_.network.counters().sent;
  if (writes && host.disk_delay > Duration::zero()) {
    ++stage_.counters.faults[Fault::kSlowDisk];
    host.busy = true;
    host.busy_until = stage_.now() + host.disk_delay;
    stage_.queue.push(host.busy_until, EventKind::kGoOn, node);
  }
  return true;
}

void Nodes::finish_turn(NodeIndex node) {
  if (!commit_turn(node)) return;
  Host& host = *stage_.hosts[node];
  if (const std::vector<std::string> changed = host.disk().take_touched(); !changed.empty()) {
    const bool judges_disk = stage_.checks(Property::kDisk);
    for (const std::string& key : changed) {
      if (auto difference = judges_disk ? difference_to_disk(host, key) : std::nullopt) {
        stage_.findings.add(name_of(Property::kDisk), {stage_.name(node)}, *std::move(difference));
      }
      stage_.records.changed(node, key);
      stage_.leases.changed(node, key);
      stage_.claims.changed(node, key);
      stage_.losses.changed(node, key);
    }
    if (stage_.transcript.enabled()) host.sent.insert(host.sent.end(), changed.begin(), changed.end());
  }
  if (stage_.guests != nullptr) stage_.guests->turned(node);
  if (!host.waits.empty()) end_waits(host);
  for (const std::string& key : host.sent)
    record_lines_.tell(node, key);
  host.sent.clear();
  const std::uint64_t every = stage_.options.sanity_every;
  if (every > 0 && stage_.events % every == 0) host.engine().sanity_check();
  arm_timer(node);
}

// What clients do beside writing

void Nodes::dial(NodeIndex node, NodeIndex to) {
  stage_.hosts[node]->engine().connect({stage_.name(to), env_limits::kDefaultPort});
  finish_turn(node);
}

void Nodes::wait(const Step& step, NodeIndex node, std::vector<std::string> keys, std::uint64_t others) {
  Host& host = *stage_.hosts[node];
  if (const auto token = host.engine().confirm(keys)) {
    host.waits.push_back(
        {.token = *token, .keys = std::move(keys), .since = stage_.now(), .wanted = others, .step = &step});
  }
  finish_turn(node);
}

void Nodes::check_disk(NodeIndex node) {
  if (!stage_.checks(Property::kDisk)) return;
  if (auto difference = difference_to_disk(*stage_.hosts[node]))
    stage_.findings.add(name_of(Property::kDisk), {stage_.name(node)}, *difference);
}

void Nodes::end_waits(Host& host) {
  std::erase_if(host.waits, [&](const Host::Wait& wait) {
    if (wait.confirmed < wait.wanted) return false;
    host.engine().end_confirmation(wait.token);
    return true;
  });
}

}  // namespace meshdict::sim
