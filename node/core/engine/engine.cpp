#include "core/engine/engine.h"
#include "core/messages/protocol_id.h"

#include <algorithm>
#include <cassert>
#include <ranges>
#include <utility>

#include "core/engine/impl.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// The boots of this life and of those before it, one integer behind the other.
constexpr std::string_view kMetaBoot = "boot";

LinkSettings link_settings(const EngineConfig& config) {
  // py2p's synchronised dictionaries mark leasing in the name of the network; its plain meshes have nothing to mark.
  const std::string_view suffix = !config.has_dictionary ? "" : config.leasing == Leasing::kOn ? "1" : "0";
  const std::string network = config.network + std::string(suffix);
  return {config, protocol_id(network, config.encryption), config.advertise};
}

}  // namespace

Engine::Impl::Impl(EngineConfig config, const Clock& clock, Transport& transport, Store& store, const Random& random,
                   Observer& observer)
    : config_(std::move(config)),
      clock_(clock),
      transport_(transport),
      store_(store),
      random_(random),
      observer_(observer),
      book_(random.stream("address book"), clock, store),
      overlay_random_(random.stream("overlay")),
      sync_random_(random.stream("sync")),
      clocks_(config_.skew, config_.drift_ppm),
      next_confirmation_(random.stream("confirmations").next()) {}

std::expected<void, std::string> Engine::Impl::start() {
  assert(!running_);
  if (auto good = check_lease(config_); !good) return good;
  if (auto good = check_horizon(config_); !good) return good;
  if (auto loaded = load_identity(); !loaded) return loaded;
  DictionaryConfig settings{config_, self_, boot_, earlier_boots_, config_.kept_deletions, config_.clock_guard};
  dictionary_.emplace(std::move(settings), clock_, store_, [this](const DictionaryEvent& event) {
    std::visit([this](const auto& detail) { observer_.on_event(Event(detail)); }, event);
  });
  if (auto loaded = dictionary_->load(); !loaded) return loaded;
  if (auto loaded = book_.load(); !loaded) return loaded;
  originator_.emplace(self_, boot_, clock_);
  links_.emplace(link_settings(config_), clock_, transport_, *originator_, random_.stream("links"), *this, arbiter_);

  const MonoTime now = clock_.monotonic();
  for (const Endpoint& address : config_.join)
    book_.add_from_user(address);
  running_ = true;
  overlay_dirty_ = true;
  stranger_pause_ = limits::kStrangerPauseFirst;
  next_stranger_ = now + stranger_pause_ / 2 + Duration(overlay_random_.between(0, stranger_pause_.count()));
  next_compare_ = now + limits::kCompareEvery;
  next_expiry_ = now + limits::kBroadcastLifetime;
  finish_input();
  return {};
}

std::expected<void, std::string> Engine::Impl::load_identity() {
  std::string stored_id;
  std::string stored_boot;
  const auto loaded = store_.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaNodeId) stored_id = value;
    if (key == kMetaBoot) stored_boot = value;
  });
  if (!loaded) return std::unexpected(loaded.error().what);

  RandomStream identity = random_.stream("identity");
  if (stored_id.empty()) {
    self_ = NodeId::generate(identity);
    store_.put(Table::kMeta, kMetaNodeId, self_.text());
  } else if (auto parsed = NodeId::parse(stored_id)) {
    self_ = *parsed;
  } else {
    return std::unexpected("the stored node id is damaged: " + parsed.error());
  }

  for (MsgpackCursor boots(stored_boot); !boots.at_end();) {
    const auto number = boots.unsigned_integer();
    if (!number) return std::unexpected("the stored boot counter is damaged: " + number.error().what);
    earlier_boots_.push_back(*number);
  }
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds(clock_.wall())));
  const std::uint64_t last = earlier_boots_.empty() ? 0 : earlier_boots_.front();
  boot_ = (std::max((last >> 32) + 1, wall) << 32) | (identity.next() & 0xFFFFFFFFU);
  std::string encoded;
  MsgpackWriter(encoded).integer(boot_);
  for (const std::uint64_t earlier : earlier_boots_ | std::views::take(limits::kRememberedLives))
    MsgpackWriter(encoded).integer(earlier);
  store_.put(Table::kMeta, kMetaBoot, encoded);
  return {};
}

void Engine::Impl::stop() {
  if (!running_) return;
  running_ = false;
  links_->part_from_all(ByeReason::kStopping);
  links_->sweep();
}

void Engine::Impl::on_accepted(ConnId conn, const Endpoint& remote) {
  links_->on_accepted(conn, remote);
  finish_input();
}

void Engine::Impl::on_connected(ConnId conn) {
  if (Connection* const found = links_->find(conn)) links_->on_connected(*found);
  finish_input();
}

void Engine::Impl::on_data(ConnId conn, std::string_view bytes) {
  Connection* const found = links_->find(conn);
  if (found == nullptr) return;
  stats_.bytes_received += bytes.size();
  found->heard = clock_.monotonic();
  if (found->decoder.buffered() == 0) found->frame_begun = found->heard;
  found->decoder.feed(bytes);
  while (!found->closed()) {
    const auto body = found->decoder.next();
    if (!body) {
      ++stats_.refused;
      links_->close(*found, EndReason::kProtocolError, body.error().what);
    } else if (!*body) {
      break;
    } else {
      ++stats_.frames_received;
      found->frame_begun = found->heard;
      handle_body(*found, **body);
    }
  }
  finish_input();
}

void Engine::Impl::on_drained(ConnId conn) {
  Connection* const found = links_->find(conn);
  if (found == nullptr) return;
  links_->on_drained(*found);
  wake_at(clock_.monotonic());
}

void Engine::Impl::on_closed(ConnId conn, std::string_view detail) {
  if (Connection* const found = links_->find(conn)) links_->on_closed(*found, detail);
  finish_input();
}

void Engine::Impl::on_time() {
  const MonoTime now = clock_.monotonic();
  if (links_->next_deadline() <= now) links_->on_time(now);
  if (const auto due = dictionary_->next_deadline(); due && *due <= now) dictionary_->on_time();
  if (next_own_deadline_ <= now) {
    next_own_deadline_ = MonoTime::max();
    if (next_dial_ <= now) overlay_dirty_ = true;
    if (next_stranger_ <= now) dial_a_stranger(now);
    if (next_compare_ <= now) compare_with_somebody(now);
    if (next_expiry_ <= now) {
      seen_.expire(now);
      note_living_links(now);
      book_.expire();
      std::erase_if(kept_apart_, [now](const auto& entry) { return entry.second.until <= now; });
      expire_searches(now);
      next_expiry_ = now + limits::kExpireEvery;
    }
    if (next_confirm_again_ <= now) ask_again_to_confirm(now);
    continue_transfers(now);
  }
  finish_input();
}

void Engine::Impl::finish_input() {
  if (!running_) return;
  watch_clock();
  publish_reissued();
  // Whatever is gone may have been why its peer was not dialled.
  if (overlay_dirty_ || links_->any_closed()) {
    overlay_dirty_ = false;
    dial_where_needed();
  }
  wake_at(std::min({next_dial_, next_stranger_, next_compare_, next_expiry_, next_confirm_again_}));
  links_->sweep();
}

MonoTime Engine::Impl::next_deadline() const {
  MonoTime next = std::min(next_own_deadline_, links_->next_deadline());
  if (const auto due = dictionary_->next_deadline()) next = std::min(next, *due);
  return next;
}

void Engine::Impl::set_address(const Endpoint& advertise) {
  config_.advertise = advertise;
  if (links_) links_->set_address(advertise);
}

std::vector<NeighbourView> Engine::Impl::neighbours() const {
  std::vector<NeighbourView> views;
  views.reserve(links_->pairs().size());
  const MonoTime now = clock_.monotonic();
  const WallTime wall = clock_.wall();
  for (const auto& [peer, pair] : links_->pairs()) {
    const Connection& primary = *pair.primary;
    const bool paced = primary.pacer != nullptr;
    views.push_back({.id = peer,
                     .address = primary.peer_address,
                     .dialed_by_us = primary.dialed_by_us,
                     .meshdict = pair.is_meshdict,
                     .connected_for = now - pair.since,
                     .connections = pair.links.size(),
                     .queued = transport_.queued(primary.id) + (paced ? primary.pacer->bytes() : 0),
                     .waiting_stores = paced ? primary.pacer->stores() : 0,
                     .clock = clocks_.of(peer, now, wall)});
  }
  return views;
}

std::vector<DepartedView> Engine::Impl::departed() const {
  std::vector<DepartedView> views;
  views.reserve(departed_.size());
  const MonoTime now = clock_.monotonic();
  for (const Departed& one : departed_)
    views.push_back({.id = one.id, .reason = one.reason, .ago = now - one.when});
  return views;
}

const EngineStats& Engine::Impl::stats() const {
  if (links_) stats_.frames_sent = links_->frames_sent();
  return stats_;
}

void Engine::Impl::on_pair_up(Pair& pair) {
  Connection& conn = *pair.primary;
  observer_.on_event(PeerUp{.peer = pair.peer,
                            .address = conn.peer_address,
                            .dialed_by_us = conn.dialed_by_us,
                            .meshdict = pair.is_meshdict});
  std::erase_if(departed_, [&](const Departed& one) { return one.id == pair.peer; });
  overlay_dirty_ = true;

  send_peers(conn);
  if (!pair.is_meshdict) links_->hand_over(conn);
  if (const auto found = searches_.find(pair.peer); found != searches_.end()) {
    for (const Frame& frame : found->second.frames)
      links_->send(conn, frame);
    searches_.erase(found);
  }
}

/// Leads to a comparison on each new link, not only on the first of a pair: the other end may have lost one that we still
/// believe in, and what we sent over it.
void Engine::Impl::on_link_up(Connection& link) {
  if (link.dialed_by_us) book_.linked(link.remote, link.peer);
  if (!link.is_meshdict) return;
  links_->whisper(link, kOutsideTheReckoning);
  send_floors(link);
  ask_for_open_confirmations(link);
}

void Engine::Impl::on_link_left(Connection& primary) {
  if (running_ && primary.is_meshdict) ask_for_open_confirmations(primary);
}

void Engine::Impl::on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) {
  const MonoTime now = clock_.monotonic();
  std::erase_if(departed_, [&](const Departed& one) { return one.id == pair.peer; });
  if (departed_.size() >= limits::kMaxDeparted) departed_.erase(departed_.begin());
  departed_.push_back({.id = pair.peer, .reason = ending.reason, .when = now});
  if (ending.reason == EndReason::kIdentityInUse) ++stats_.identity_in_use;
  observer_.on_event(PeerDown{.peer = pair.peer, .reason = ending.reason, .detail = ending.detail});
  overlay_dirty_ = true;
  clocks_.forget(pair.peer);
  if (!running_) return;
  judge_clocks();
  if (std::ranges::none_of(links_->pairs(), [](const auto& entry) { return entry.second.is_meshdict; })) {
    dictionary_->set_contact(false);
  }

  if (ending.reason == EndReason::kEnough || ending.is_bye(ByeReason::kEnough)) return;
  stranger_pause_ = limits::kStrangerPauseFirst;
  next_stranger_ = std::min(next_stranger_, now + stranger_pause_);
  note_end(pair, last, ending);
}

void Engine::Impl::on_refused(const Connection& conn, const Ending& ending) {
  ++stats_.refused;
  if (ending.reason == EndReason::kIdentityInUse) ++stats_.identity_in_use;
  if (conn.dialed_by_us) note_failed_dial(conn, ending.reason);
  if (!running_) return;
  observer_.on_event(Refused{.conn = conn.id,
                             .remote = conn.remote,
                             .reason = ending.reason,
                             .detail = ending.detail,
                             .dialed_by_us = conn.dialed_by_us});
}

void Engine::Impl::sanity_check() const {
  links_->sanity_check();
  dictionary_->sanity_check();
  book_.sanity_check();
  seen_.sanity_check();
  assert(kept_apart_.size() <= limits::kMaxKeptApart);
  clocks_.sanity_check();
  assert(searches_.size() <= limits::kMaxDeferred);
  assert(departed_.size() <= limits::kMaxDeparted);
  assert(confirmations_.size() <= limits::kMaxConfirmations);
  for (const auto& [id, conn] : links_->connections()) {
    if (conn->sync && conn->sync->due) assert(std::ranges::count(due_, id) == 1);
  }
}

Engine::Engine(EngineConfig config, const Clock& clock, Transport& transport, Store& store, const Random& random,
               Observer& observer)
    : impl_(std::make_unique<Impl>(std::move(config), clock, transport, store, random, observer)) {}
Engine::~Engine() = default;

std::expected<void, std::string> Engine::start() {
  return impl_->start();
}
void Engine::stop() {
  impl_->stop();
}
void Engine::on_accepted(ConnId conn, const Endpoint& remote) {
  impl_->on_accepted(conn, remote);
}
void Engine::on_connected(ConnId conn) {
  impl_->on_connected(conn);
}
void Engine::on_data(ConnId conn, std::string_view bytes) {
  impl_->on_data(conn, bytes);
}
void Engine::on_drained(ConnId conn) {
  impl_->on_drained(conn);
}
void Engine::on_closed(ConnId conn, std::string_view detail) {
  impl_->on_closed(conn, detail);
}
void Engine::on_time() {
  impl_->on_time();
}
MonoTime Engine::next_deadline() const {
  return impl_->next_deadline();
}
std::expected<void, WriteError> Engine::set(std::string_view key, RawView value) {
  return impl_->set(key, value);
}
std::expected<void, WriteError> Engine::erase(std::string_view key) {
  return impl_->erase(key);
}
std::expected<std::size_t, Engine::BatchError> Engine::write(std::span<const WriteOp> ops) {
  return impl_->write(ops);
}
std::optional<std::uint64_t> Engine::confirm(std::vector<std::string> keys) {
  return impl_->confirm(std::move(keys));
}
void Engine::end_confirmation(std::uint64_t token) {
  impl_->end_confirmation(token);
}
const Dictionary& Engine::dictionary() const {
  return impl_->dictionary();
}
std::expected<MessageId, std::string> Engine::broadcast(std::span<const RawView> packets, SubFlag type) {
  return impl_->broadcast(packets, type);
}
std::expected<WhisperOutcome, std::string> Engine::whisper(const NodeId& receiver, std::span<const RawView> packets,
                                                           SubFlag type) {
  return impl_->whisper(receiver, packets, type);
}
void Engine::request_peers() {
  impl_->request_peers();
}
void Engine::connect(const Endpoint& to, const NodeId& expected) {
  impl_->connect(to, expected);
}
bool Engine::forget(const Endpoint& address) {
  return impl_->forget(address);
}
bool Engine::disconnect(const NodeId& peer) {
  return impl_->disconnect(peer);
}
const NodeId& Engine::id() const {
  return impl_->id();
}
std::uint64_t Engine::boot() const {
  return impl_->boot();
}
void Engine::set_address(const Endpoint& advertise) {
  impl_->set_address(advertise);
}
const Endpoint& Engine::address() const {
  return impl_->address();
}
std::vector<NeighbourView> Engine::neighbours() const {
  return impl_->neighbours();
}
std::vector<DepartedView> Engine::departed() const {
  return impl_->departed();
}
std::size_t Engine::known_addresses() const {
  return impl_->known_addresses();
}
const ClockView& Engine::clock() const {
  return impl_->clock();
}
const EngineStats& Engine::stats() const {
  return impl_->stats();
}
void Engine::sanity_check() const {
  impl_->sanity_check();
}

}  // namespace meshdict
