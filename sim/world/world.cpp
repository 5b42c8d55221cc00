#include "sim/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/base/random.h"
#include "core/limits.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

/// An engine whose deadline does not move on would stop time.
constexpr std::uint32_t kMostSpins = 10'000;
/// How often a disk that does not sync each commit does so; as production's.
constexpr Duration kSyncEvery = 1s;
/// Paths longer than this do not occur in meshes that dial four others.
constexpr std::size_t kLongestPath = 64;

// Nodes whose disk will be read again, or runs full.
std::vector<bool> with_disk(const Plan& plan) {
  std::vector<bool> keeps(plan.nodes.size(), false);
  for (const Step& step : plan.steps) {
    if (const auto* restart = std::get_if<RestartStep>(&step.action)) keeps[restart->node] = true;
    if (const auto* disk = std::get_if<DiskStep>(&step.action)) keeps[disk->node] = true;
    if (const auto* clone = std::get_if<CloneStep>(&step.action)) {
      keeps[clone->node] = true;
      keeps[clone->of] = true;
    }
  }
  return keeps;
}

bool checks(const Plan& plan, Property property) {
  return std::find(plan.check.begin(), plan.check.end(), property) != plan.check.end();
}

// The slowest frame of the run.
Duration slowest_link(const Plan& plan) {
  Duration slowest = plan.links.slowest();
  for (const Step& step : plan.steps) {
    if (const auto* link = std::get_if<LinkStep>(&step.action)) {
      slowest = std::max(slowest, link->link.slowest());
    }
  }
  return slowest;
}

// By when a broadcast must have arrived: over the longest path, with the slowest links that the plan has.
// Limited bandwidth leaves no bound: such plans are judged at the end.
Duration broadcast_bound(const Plan& plan, Duration end) {
  bool limited = plan.links.bandwidth > 0;
  for (const Step& step : plan.steps) {
    if (const auto* link = std::get_if<LinkStep>(&step.action)) limited = limited || link->link.bandwidth > 0;
    limited = limited || std::holds_alternative<SlowReaderStep>(step.action);
  }
  const auto hops = static_cast<std::int64_t>(std::min(plan.nodes.size(), kLongestPath));
  return limited ? end : 2s + slowest_link(plan) * hops;
}

}  // namespace

World::World(const Plan& plan, std::uint64_t seed, const RunOptions& options)
    : plan_(plan),
      seed_(seed),
      options_(options),
      queue_(derive_seed(seed, "ties")),
      network_(seed, plan.nodes.size(), plan.links, queue_, *this, counters_.faults),
      addresses_(plan.nodes),
      transcript_(options.transcript),
      findings_(queue_, &transcript_, plan.check),
      hosts_(plan.nodes.size()),
      broadcasts_(hosts_, network_, queue_, findings_),
      records_(hosts_, network_, queue_, identities_, plan_.check, findings_),
      claims_(hosts_, counters_.faults, plan_.check, slowest_link(plan), findings_) {
  if (transcript_.enabled()) {
    std::string names;
    for (const NodePlan& node : plan.nodes)
      names += " " + node.name;
    transcript_.remark(
        fmt::format("{}\n# plan {} seed {}\n# nodes{}", kTranscriptTitle, word_text(plan.name), seed, names));
  }
  const std::vector<bool> keeps = with_disk(plan);
  ears_.reserve(plan.nodes.size());
  for (NodeIndex node = 0; node < plan.nodes.size(); ++node) {
    ears_.emplace_back(*this, node);
    hosts_[node] =
        std::make_unique<Host>(node, plan.nodes[node], seed, keeps[node], queue_, network_, addresses_, ears_[node]);
  }
  end_ = (plan.steps.empty() ? Duration{} : plan.steps.back().at.low) + plan.quiet;
  slowest_round_trip_ = 2 * slowest_link(plan);
  broadcast_bound_ = broadcast_bound(plan, end_);
  // Flights of TCP's and our handshakes, the probe of a doubtful connection, the linger of a retired one; the latter two take
  // as long as a connection took to be made, three flights at the most, says.
  const Duration made = 2 * slowest_round_trip_;
  grace_ = std::min(end_, 4 * slowest_round_trip_ + std::max(limits::kProbeDeadline, limits::kProbeRoundTrips * made) +
                              std::max(limits::kLinger, limits::kLingerRoundTrips * made) + 1s);
  if (!plan.steps.empty()) queue_.push(plan.steps.front().at.low, EventKind::kStep, 0);
}

World::~World() = default;

RunResult World::run() {
  run_until(end_ - grace_);
  faults_before_ = connection_faults(hosts_, network_, identities_);
  run_until(end_);
  return finish();
}

void World::run_until(Duration time) {
  while (!queue_.empty() && queue_.next_time() <= time)
    dispatch(queue_.pop());
  if (queue_.now() < time) queue_.advance_to(time);
}

void World::dispatch(const QueuedEvent& event) {
  switch (event.kind()) {
    case EventKind::kDeliver:
    case EventKind::kDrained:
    case EventKind::kGiveUp:
    case EventKind::kDialTimeout:
    case EventKind::kStale:
      if (network_.handle(event)) ++events_;
      return;
    case EventKind::kTimer:
      return timer(static_cast<NodeIndex>(event.detail()));
    case EventKind::kStep:
      ++events_;
      return step(event.detail());
    case EventKind::kCheckBroadcast:
      ++events_;
      return broadcasts_.check(event.detail());
    case EventKind::kGoOn: {
      Host& host = *hosts_[event.detail()];
      if (!host.busy || host.busy_until != queue_.now()) return;
      ++events_;
      host.busy = false;
      return go_on(static_cast<NodeIndex>(event.detail()));
    }
  }
}

// The turn of one node

void World::mark(Mark what, NodeIndex node, std::uint64_t detail) {
  hash_.add(queue_.now());
  hash_.add(static_cast<std::uint64_t>(what) << 32 | node);
  hash_.add(detail);
}

void World::accepted(NodeIndex node, ConnId conn, NodeIndex dialer) {
  arrive(node, {.kind = Host::Arrival::Kind::kAccepted, .conn = conn, .from = dialer});
}

void World::connected(NodeIndex node, ConnId conn) {
  arrive(node, {.kind = Host::Arrival::Kind::kConnected, .conn = conn});
}

void World::received(NodeIndex node, ConnId conn, NodeIndex from, const Portion& portion) {
  arrive(node, {.kind = Host::Arrival::Kind::kReceived, .conn = conn, .from = from, .portion = portion});
}

void World::drained(NodeIndex node, ConnId conn) {
  arrive(node, {.kind = Host::Arrival::Kind::kDrained, .conn = conn});
}

void World::closed(NodeIndex node, ConnId conn, std::string_view why) {
  arrive(node, {.kind = Host::Arrival::Kind::kClosed, .conn = conn, .why = std::string(why)});
}

void World::arrive(NodeIndex node, Host::Arrival arrival) {
  Host& host = *hosts_[node];
  if (!host.up()) return;  // its disk has ended it in this very moment
  if (!host.still()) return handle(node, arrival);
  if (host.paused && host.waiting.empty()) ++counters_.faults[Fault::kPause];
  host.waiting.push_back(std::move(arrival));
}

/// What has come of one connection while the node stood still, it takes in one read.
void World::join_with_next(const Host& host, Host::Arrival& arrival) {
  using Kind = Host::Arrival::Kind;
  if (arrival.kind != Kind::kReceived || host.waiting.empty()) return;
  const Host::Arrival& next = host.waiting.front();
  const std::size_t size = host.reading.size() + arrival.portion.bytes.size() + next.portion.bytes.size();
  arrival.portion.more = next.kind == Kind::kReceived && next.conn == arrival.conn && size <= kMostRead;
}

void World::go_on(NodeIndex node) {
  Host& host = *hosts_[node];
  while (host.up() && !host.still() && !host.waiting.empty()) {
    Host::Arrival arrival = std::move(host.waiting.front());
    host.waiting.pop_front();
    join_with_next(host, arrival);
    handle(node, arrival);
  }
  if (host.up() && !host.still()) arm_timer(node);
}

void World::handle(NodeIndex node, const Host::Arrival& arrival) {
  using Kind = Host::Arrival::Kind;
  static constexpr std::array kMarks = {Mark::kAccepted, Mark::kConnected, Mark::kReceived, Mark::kDrained,
                                        Mark::kClosed};
  const ConnId conn = arrival.conn;
  mark(kMarks[static_cast<std::size_t>(arrival.kind)], node, static_cast<std::uint64_t>(conn));
  const auto tell = [&](const auto& what) {
    if (!transcript_.enabled()) return;
    transcript_.line(now(), name(node), fmt::format("c{} {}", Network::number(conn), what()));
  };
  Engine& engine = hosts_[node]->engine();
  switch (arrival.kind) {
    case Kind::kAccepted: {
      tell([&] { return "accepted from " + name(arrival.from); });
      // The dialer's end has a port of its system's choosing.
      const auto port = static_cast<std::uint16_t>(49'152 + Network::number(conn) % 16'384);
      engine.on_accepted(conn, {name(arrival.from), port});
      break;
    }
    case Kind::kConnected:
      tell([] { return "connected"; });
      engine.on_connected(conn);
      break;
    case Kind::kReceived: {
      const Portion& portion = arrival.portion;
      hash_.add(portion.frame.id_prefix);
      hash_.add(std::uint64_t{portion.frame.plain_size});
      if (portion.last) tell([&] { return fmt::format("<- {} {}", name(arrival.from), describe(portion.frame)); });
      read(*hosts_[node], conn, portion);
      if (portion.more) return;
      break;
    }
    case Kind::kDrained:
      tell([] { return "drained"; });
      engine.on_drained(conn);
      break;
    case Kind::kClosed:
      tell([&] { return "closed: " + arrival.why; });
      engine.on_closed(conn, arrival.why);
      break;
  }
  finish_turn(node);
}

void World::read(Host& host, ConnId conn, const Portion& portion) {
  const bool joined = portion.more || !host.reading.empty();
  if (joined) host.reading += portion.bytes;
  if (portion.more) return;
  const std::string whole = std::exchange(host.reading, {});
  std::string_view bytes = joined ? std::string_view(whole) : portion.bytes;
  const std::size_t piece = portion.piece == 0 ? bytes.size() : portion.piece;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    host.engine().on_data(conn, bytes.substr(0, piece));
}

void World::sent(NodeIndex node, ConnId conn, NodeIndex to, const Parcel& frame) {
  if (!transcript_.enabled()) return;
  const std::vector<std::string> keys = keys_of(frame);
  transcript_.line(now(), name(node),
                   fmt::format("c{} -> {} {}{}", Network::number(conn), name(to), describe(frame), keys_text(keys)));
  hosts_[node]->sent.insert(hosts_[node]->sent.end(), keys.begin(), keys.end());
}

void World::timer(NodeIndex node) {
  Host& host = *hosts_[node];
  // An entry of an earlier life, or one that was moved forward; a node that stands still looks when it goes on.
  if (!host.up() || host.armed != queue_.now()) return;
  if (host.still()) {
    host.armed = Duration::max();
    return;
  }
  host.armed = Duration::max();
  const Duration due = host.clock().world_time(host.engine().next_deadline());
  if (due > queue_.now()) return arm_timer(node);
  ++events_;
  mark(Mark::kTimer, node, 0);
  host.engine().on_time();
  finish_turn(node);
}

void World::arm_timer(NodeIndex node) {
  Host& host = *hosts_[node];
  const Duration due = std::max(host.clock().world_time(host.engine().next_deadline()), queue_.now());
  if (due >= host.armed || host.still()) return;
  host.spins = due == queue_.now() ? host.spins + 1 : 0;
  if (host.spins > kMostSpins) {
    fmt::print(stderr, "node {} wants on_time() at {} s for ever\n", name(node), seconds_text(due));
    std::abort();
  }
  host.armed = due;
  queue_.push(due, EventKind::kTimer, node);
}

bool World::commit_turn(NodeIndex node) {
  Host& host = *hosts_[node];
  const bool writes = host.disk().has_staged();
  if (!host.plan().syncs_commits && host.synced + kSyncEvery <= now()) {
    host.disk().sync();
    host.synced = now();
  }
  if (!host.disk().commit()) {
    // As production: what cannot be kept is told nobody, neither a client nor a peer, and the process ends.
    network_.take_back(node, committed_frames_);
    ++counters_.faults[Fault::kFullDisk];
    if (transcript_.enabled()) transcript_.line(now(), name(node), "ends: its disk is full");
    host.awaits_room = true;
    host.changed.clear();
    host.sent.clear();
    end_node(node, Machine::kRefusing);
    return false;
  }
  committed_frames_ = network_.counters().sent;
  if (writes && host.disk_delay > Duration::zero()) {
    ++counters_.faults[Fault::kSlowDisk];
    host.busy = true;
    host.busy_until = now() + host.disk_delay;
    queue_.push(host.busy_until, EventKind::kGoOn, node);
  }
  return true;
}

void World::finish_turn(NodeIndex node) {
  if (!commit_turn(node)) return;
  Host& host = *hosts_[node];
  if (!host.changed.empty()) {
    for (const std::string& key : host.changed) {
      records_.changed(node, key);
      claims_.changed(node, key);
    }
    if (transcript_.enabled()) host.sent.insert(host.sent.end(), host.changed.begin(), host.changed.end());
    host.changed.clear();
  }
  if (!host.waits.empty()) end_waits(host);
  for (const std::string& key : host.sent)
    tell_record(node, key);
  host.sent.clear();
  if (options_.sanity_every > 0 && events_ % options_.sanity_every == 0) host.engine().sanity_check();
  arm_timer(node);
}

/// An id that is no node's (a clone's, or a peer's that lies) stays an id.
std::string World::known_as(const NodeId& id) const {
  const auto node = identities_.find(id);
  return node == identities_.end() ? std::string(id.brief()) : name(node->second);
}

// Once for each change.
void World::tell_record(NodeIndex node, const std::string& key) {
  const Dictionary& dictionary = hosts_[node]->engine().dictionary();
  const auto found = dictionary.records().find(key);
  std::string text = "gone";
  if (found != dictionary.records().end()) {
    const Record& record = found->second;
    text = is_visible(record.version) ? fmt::format("= {}", value_text(record.value)) : "deleted";
    text += fmt::format(" of {} epoch {}", known_as(record.version.owner), record.version.epoch);
    const auto lease = dictionary.lease(key);
    if (lease && lease->held) text += fmt::format(" until {}", seconds_text(now() + lease->left));
  }
  std::string& last = told_[{node, key}];
  if (last == text) return;
  last = text;
  transcript_.line(now(), name(node), fmt::format("record {} {}", word_text(key), text));
}

void World::heard(NodeIndex node, const Event& event) {
  Host& host = *hosts_[node];
  mark(Mark::kEvent, node, 0);
  add_to(hash_, event);
  ++counters_.events[event.index()];
  if (transcript_.enabled())
    transcript_.line(now(), name(node), "! " + describe(event, [this](const NodeId& id) { return known_as(id); }));
  if (const auto* message = std::get_if<MessageArrived>(&event)) {
    ++host.messages;
    if (message->whisper || message->packets.empty()) return;
    MsgpackCursor cursor(message->packets.front());
    if (const auto number = cursor.unsigned_integer()) broadcasts_.delivered(node, *number);
  } else if (const auto* up = std::get_if<PeerUp>(&event)) {
    const auto peer = identities_.find(up->peer);
    if (peer != identities_.end()) broadcasts_.peer_up(node, peer->second);
  } else if (const auto* down = std::get_if<PeerDown>(&event)) {
    const auto peer = identities_.find(down->peer);
    ++host.refused[{peer == identities_.end() ? kNobody : peer->second, down->reason}];
    if (peer == identities_.end()) return;
    broadcasts_.peer_down(node, peer->second);
    check_dropped(node, peer->second, *down);
  } else if (const auto* conflict = std::get_if<Conflict>(&event)) {
    ++host.conflicts[conflict->key];
    records_.conflict(node, *conflict);
  } else if (const auto* refused = std::get_if<Refused>(&event)) {
    ++host.refused[{addresses_.find(refused->remote.host), refused->reason}];
  } else if (const auto* updated = std::get_if<Updated>(&event)) {
    host.changed.push_back(updated->key);
  } else if (const auto* deleted = std::get_if<Deleted>(&event)) {
    host.changed.push_back(deleted->key);
  } else if (const auto* has = std::get_if<Confirmed>(&event)) {
    confirmed(node, *has);
  }
}

// The end

const Counters& World::counters() {
  counters_.network = network_.counters();
  counters_.duplicates = 0;
  for (const auto& host : hosts_) {
    if (host->up()) counters_.duplicates += host->engine().stats().duplicates;
  }
  return counters_;
}

// A connection that is coming up or going at the very end is no fault: what counts was there a while ago, too.
void World::check_connections() {
  for (const ConnectionFault& fault : connection_faults(hosts_, network_, identities_)) {
    const bool stays = !faults_before_ || std::binary_search(faults_before_->begin(), faults_before_->end(), fault);
    if (stays) findings_.add(name_of(Property::kC1), fault.nodes, fault.what);
  }
}

// A mesh that nothing has disturbed loses no neighbour by its own doing.
void World::check_dropped(NodeIndex node, NodeIndex peer, const PeerDown& down) {
  const bool for_a_fault = down.reason == EndReason::kSilent || down.reason == EndReason::kProtocolError ||
                           down.reason == EndReason::kSlowReader;
  if (!for_a_fault || !checks(plan_, Property::kC1) || !claims_.undisturbed()) return;
  findings_.add(
      name_of(Property::kC1), {name(node), name(peer)},
      fmt::format("dropped a connection that nothing has disturbed: {}; {}", to_string(down.reason), down.detail));
}

RunResult World::finish() {
  if (checks(plan_, Property::kC1)) check_connections();
  if (checks(plan_, Property::kConnected)) check_connected(hosts_, network_, identities_, findings_);
  records_.check_at_end();
  mark(Mark::kEnd, 0, events_);
  for (const auto& host : hosts_) {
    hash_.add(std::uint64_t{host->up()});
    if (!host->up()) continue;
    for (const auto& [key, record] : host->engine().dictionary().records()) {
      hash_.add(key);
      hash_.add(record.version.value_hash.prefix());
      hash_.add(record.version.written.bits);
    }
  }
  RunResult result;
  result.plan = plan_.name;
  result.seed = seed_;
  result.events = events_;
  result.simulated = queue_.now();
  result.trace = hash_.value();
  result.violations = findings_.list();
  result.violation_count = findings_.count();
  result.counters = counters();
  result.idle_steps = idle_steps_;
  if (transcript_.enabled()) {
    transcript_.remark(fmt::format("end {} events {} trace {:016x} violations {}", seconds_text(result.simulated),
                                   result.events, result.trace, result.violation_count));
  }
  return result;
}

RunResult run_plan(const Plan& plan, std::uint64_t seed, const RunOptions& options) {
  const Plan drawn = expand(plan, seed);
  return World(drawn, seed, options).run();
}

}  // namespace meshdict::sim
