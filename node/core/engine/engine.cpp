#include "core/engine/engine.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/encoding/value.h"
#include "core/engine/parts.h"
#include "core/limits.h"
#include "core/links/compressed_once.h"
#include "core/memory/identity.h"

namespace meshdict {
namespace {

std::expected<UserMessage, MessageFault> user_message(std::span<const RawView> packets, SubFlag type) {
  std::size_t size = 0;
  for (const RawView packet : packets)
    size += packet.size();
  if (packets.size() > limits::kMaxPackets) return std::unexpected(MessageFault::kTooManyPackets);
  if (size > limits::kMaxValue) return std::unexpected(MessageFault::kTooLarge);
  return UserMessage{.packets = {packets.begin(), packets.end()}, .type = type};
}

}  // namespace

std::string describe(const StartError& error) {
  return std::visit([](const auto& why) { return std::string(why.describe()); }, error);
}

std::string_view describe(MessageFault fault) {
  switch (fault) {
    case MessageFault::kTooLarge:
      return "larger than a message may be";
    case MessageFault::kTooManyPackets:
      return "more packets than a message may have";
  }
  return "not to be sent";
}

Engine::Engine(EngineConfig config, const Clock& clock, Transport& transport, Store& store, const Random& random,
               Observer& observer)
    : config_(std::move(config)),
      clock_(clock),
      transport_(transport),
      store_(store),
      random_(random),
      observer_(observer) {}

Engine::~Engine() = default;

std::expected<void, StartError> Engine::start() {
  assert(parts_ == nullptr || !parts_->running);
  if (auto good = check_lease(config_); !good) return std::unexpected(std::move(good.error()));
  if (auto good = check_horizon(config_); !good) return std::unexpected(std::move(good.error()));
  auto identity = load_identity(store_, clock_, random_.stream("identity"), config_.proven_id);
  if (!identity) return std::unexpected(std::move(identity.error()));
  self_ = identity->id;
  boot_ = identity->boot;
  const DictionaryConfig settings{
      config_, self_, boot_, std::move(identity->earlier_boots), config_.kept_deletions, config_.clock_guard};
  parts_ = std::make_unique<Parts>(config_, settings, clock_, transport_, store_, random_, observer_);
  if (auto loaded = parts_->dictionary.load(); !loaded) return std::unexpected(std::move(loaded.error()));
  move_ = {.former = identity->former_id, .keys = 0};
  if (!move_.former.empty()) move_.keys = parts_->dictionary.take_over(move_.former);
  if (auto loaded = parts_->overlay.load(); !loaded) return std::unexpected(std::move(loaded.error()));

  parts_->running = true;
  parts_->overlay.start(config_.join);
  parts_->sessions.start();
  next_expiry_ = clock_.monotonic() + limits::kBroadcastLifetime;
  finish_input();
  return {};
}

void Engine::stop() {
  if (!is_running()) return;
  parts_->running = false;
  parts_->links.part_from_all(ByeReason::kStopping);
  parts_->links.sweep();
}

bool Engine::is_running() const {
  return parts_ != nullptr && parts_->running;
}

void Engine::on_accepted(ConnId conn, const Endpoint& remote) {
  parts_->links.on_accepted(conn, remote);
  finish_input();
}

void Engine::on_connected(ConnId conn) {
  Links& links = parts_->links;
  if (Connection* const found = links.find(conn)) links.on_connected(*found);
  finish_input();
}

void Engine::on_data(ConnId conn, std::string_view bytes) {
  Connection* const found = parts_->links.find(conn);
  if (found == nullptr) return;
  EngineStats& stats = parts_->stats;
  stats.bytes_received += bytes.size();
  found->heard = clock_.monotonic();
  if (found->decoder.buffered() == 0) found->frame_begun = found->heard;
  found->decoder.feed(bytes);
  while (!found->closed()) {
    const auto body = found->decoder.next();
    if (!body) {
      ++stats.refused;
      parts_->links.close(*found, EndReason::kProtocolError, body.error().what);
    } else if (!*body) {
      break;
    } else {
      ++stats.frames_received;
      found->frame_begun = found->heard;
      parts_->receiver.take(*found, **body);
    }
  }
  finish_input();
}

void Engine::on_drained(ConnId conn) {
  Connection* const found = parts_->links.find(conn);
  if (found == nullptr) return;
  parts_->links.on_drained(*found);
  parts_->alarm.set(clock_.monotonic());
}

void Engine::on_closed(ConnId conn, std::string_view detail) {
  Links& links = parts_->links;
  if (Connection* const found = links.find(conn)) links.on_closed(*found, detail);
  finish_input();
}

void Engine::on_closed(ConnId conn, const Ending& ending) {
  Links& links = parts_->links;
  if (Connection* const found = links.find(conn)) links.on_closed(*found, ending);
  finish_input();
}

void Engine::on_turned_away(const Endpoint& remote, const Ending& ending) {
  parts_->on_turned_away(remote, ending);
  finish_input();
}

void Engine::on_time() {
  const MonoTime now = clock_.monotonic();
  Parts& parts = *parts_;
  if (parts.links.next_deadline() <= now) parts.links.on_time(now);
  if (const auto due = parts.dictionary.next_deadline(); due && *due <= now) parts.dictionary.on_time();
  if (parts.alarm.rings(now)) {
    parts.overlay.on_time(now);
    parts.sessions.on_time(now);
    if (next_expiry_ <= now) {
      parts.broadcasts.expire(now);
      parts.overlay.expire(now);
      parts.searches.expire(now);
      parts.members.expire(now);
      next_expiry_ = now + limits::kExpireEvery;
    }
    parts.confirmations.on_time(now);
    parts.transfers.step(now);
  }
  finish_input();
}

void Engine::finish_input() {
  if (!is_running()) return;
  Parts& parts = *parts_;
  parts.clocks.look();
  for (const OwnRecord& record : parts.dictionary.take_reissued())
    parts.broadcasts.publish(record, HasKey::kPerhaps);
  parts.overlay.dial_where_needed();
  parts.alarm.set(std::min({parts.overlay.next_deadline(), parts.sessions.next_deadline(), next_expiry_,
                            parts.confirmations.next_deadline()}));
  parts.links.sweep();
}

MonoTime Engine::next_deadline() const {
  MonoTime next = std::min(parts_->alarm.when(), parts_->links.next_deadline());
  if (const auto due = parts_->dictionary.next_deadline()) next = std::min(next, *due);
  return next;
}

const Dictionary& Engine::dictionary() const {
  return parts_->dictionary;
}

std::expected<void, WriteError> Engine::set(std::string_view key, RawView value) {
  parts_->clocks.look();
  const HasKey had = parts_->py2p.had(key);
  const auto written = parts_->dictionary.set(key, value);
  if (!written) return std::unexpected(written.error());
  parts_->broadcasts.publish(*written, had);
  return {};
}

std::expected<void, WriteError> Engine::erase(std::string_view key) {
  parts_->clocks.look();
  const HasKey had = parts_->py2p.had(key);
  const auto written = parts_->dictionary.erase(key);
  if (!written) return std::unexpected(written.error());
  parts_->broadcasts.publish(*written, had);
  return {};
}

std::expected<bool, WriteError> Engine::renew(std::string_view key) {
  const auto lease = parts_->dictionary.lease(key);
  if (!lease || !lease->held || !lease->ours) return false;
  const Raw value(parts_->dictionary.find(key)->value);
  if (auto written = set(key, value); !written) return std::unexpected(std::move(written.error()));
  return true;
}

std::expected<bool, WriteError> Engine::release(std::string_view key) {
  parts_->clocks.look();
  const HasKey had = parts_->py2p.had(key);
  const auto given_up = parts_->dictionary.release(key);
  if (!given_up) return std::unexpected(given_up.error());
  if (*given_up) parts_->broadcasts.publish(**given_up, had);
  return given_up->has_value();
}

std::expected<std::optional<std::string>, WriteError> Engine::release_from(std::string_view from, std::size_t most) {
  std::vector<std::string> keys;
  std::optional<std::string> next;
  const Dictionary::Records& records = parts_->dictionary.records();
  for (auto at = records.lower_bound(from); at != records.end(); ++at) {
    if (most-- == 0) {
      next = std::string(at->first);
      break;
    }
    if (at->second.version.owner == self_) keys.emplace_back(at->first);
  }
  for (const std::string& key : keys) {
    if (auto given_up = release(key); !given_up) return std::unexpected(std::move(given_up.error()));
  }
  return next;
}

std::expected<bool, WriteError> Engine::break_lease(std::string_view key) {
  parts_->clocks.look();
  const HasKey had = parts_->py2p.had(key);
  const auto taken = parts_->dictionary.break_lease(key);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) parts_->broadcasts.publish(**taken, had);
  return taken->has_value();
}

std::expected<std::size_t, Engine::BatchError> Engine::write(std::span<const WriteOp> ops) {
  parts_->clocks.look();
  const Dictionary& dictionary = parts_->dictionary;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (!ops[i].value && !dictionary.find(ops[i].key)) continue;
    if (auto admitted = dictionary.admit(ops[i].key); !admitted) {
      return std::unexpected(BatchError{.index = i, .error = std::move(admitted.error())});
    }
    if (!ops[i].value) continue;
    if (auto good = check_value(*ops[i].value); !good) {
      return std::unexpected(BatchError{.index = i, .error = BadValue{std::move(good.error())}});
    }
    if (!dictionary.has_room()) return std::unexpected(BatchError{.index = i, .error = NoRoom{}});
  }
  std::size_t written = 0;
  for (const WriteOp& op : ops) {
    if (op.value ? set(op.key, *op.value).has_value() : erase(op.key).has_value()) ++written;
  }
  return written;
}

std::optional<ConfirmationToken> Engine::confirm(std::vector<std::string> keys) {
  const auto token = parts_->confirmations.begin(std::move(keys));
  if (token) finish_input();
  return token;
}

void Engine::end_confirmation(ConfirmationToken token) {
  parts_->confirmations.end(token);
}

std::expected<MessageId, MessageFault> Engine::broadcast(std::span<const RawView> packets, SubFlag type) {
  auto message = user_message(packets, type);
  if (!message) return std::unexpected(message.error());
  const auto id = parts_->broadcasts.broadcast(*message);
  if (!id) return std::unexpected(MessageFault::kTooLarge);
  return *id;
}

bool Engine::has_room_for_messages() const {
  return parts_->links.all_have_room();
}

std::size_t Engine::neighbour_count() const {
  return parts_->links.pairs().size();
}

std::expected<WhisperOutcome, MessageFault> Engine::whisper(const NodeId& receiver, std::span<const RawView> packets,
                                                            SubFlag type) {
  auto message = user_message(packets, type);
  if (!message) return std::unexpected(message.error());
  if (receiver == self_ || receiver.empty()) return WhisperOutcome::kRefused;
  Pair* const pair = parts_->links.pair(receiver);
  if (pair == nullptr && !parts_->searches.has_room_for(receiver)) return WhisperOutcome::kRefused;
  const auto frame = parts_->originator.whisper(std::move(*message));
  if (!frame) return std::unexpected(MessageFault::kTooLarge);
  if (pair != nullptr) {
    const bool sent = parts_->links.offer(*pair->primary, CompressedOnce(*frame).for_peer(*pair->primary));
    return sent ? WhisperOutcome::kSent : WhisperOutcome::kRefused;
  }
  if (const auto ends = parts_->searches.hold(receiver, *frame)) next_expiry_ = std::min(next_expiry_, *ends);
  finish_input();
  return WhisperOutcome::kDeferred;
}

void Engine::connect(const Endpoint& to, const NodeId& expected) {
  parts_->overlay.connect(to, expected);
  finish_input();
}

bool Engine::forget(const Endpoint& address) {
  const bool known = parts_->overlay.forget(address);
  finish_input();
  return known;
}

void Engine::compare_with_all() {
  parts_->sessions.compare_with_all();
  finish_input();
}

void Engine::request_peers() {
  for (const auto& [peer, pair] : parts_->links.pairs())
    parts_->links.whisper(*pair.primary, Request{});
}

bool Engine::disconnect(const NodeId& peer) {
  const bool parted = parts_->overlay.disconnect(peer);
  if (parted) finish_input();
  return parted;
}

bool Engine::call_members() {
  const bool called = parts_->members.call();
  finish_input();
  return called;
}

std::vector<MemberView> Engine::members() const {
  return parts_->members.list();
}

bool Engine::remove_member(const NodeId& member, Duration lasts) {
  if (member == self_ || member.empty()) return false;
  parts_->members.remove(member, lasts);
  finish_input();
  return true;
}

void Engine::say_left() {
  parts_->members.leave();
}

void Engine::set_address(const Endpoint& advertise) {
  config_.advertise = advertise;
  if (parts_ != nullptr) parts_->links.set_address(advertise);
}

std::vector<NeighbourView> Engine::neighbours() const {
  const Links& links = parts_->links;
  std::vector<NeighbourView> views;
  views.reserve(links.pairs().size());
  const MonoTime now = clock_.monotonic();
  for (const auto& [peer, pair] : links.pairs()) {
    const Connection& primary = *pair.primary;
    views.push_back({.id = peer,
                     .address = primary.peer_address,
                     .dialed_by_us = primary.dialed_by_us,
                     .meshdict = pair.is_meshdict,
                     .connected_for = now - pair.since,
                     .connections = pair.links.size(),
                     .queued = links.waiting_for(primary),
                     .waiting_stores = primary.pacer != nullptr ? primary.pacer->stores() : 0,
                     .left_out = primary.left_out,
                     .clock = parts_->clocks.of(peer),
                     .round_trip = primary.last_round_trip});
  }
  return views;
}

std::vector<DepartedView> Engine::departed() const {
  return parts_->overlay.departed();
}

std::size_t Engine::known_addresses() const {
  return parts_->overlay.known_addresses();
}

const ClockView& Engine::clock() const {
  return parts_->clocks.own();
}

EngineStats Engine::stats() const {
  EngineStats stats = parts_->stats;
  stats.frames_sent = parts_->links.frames_sent();
  stats.bytes_sent = parts_->links.bytes_sent();
  stats.too_large += parts_->links.frames_too_large();
  stats.left_out = parts_->links.left_out();
  return stats;
}

void Engine::sanity_check() const {
  parts_->links.sanity_check();
  parts_->dictionary.sanity_check();
  parts_->overlay.sanity_check();
  parts_->clocks.sanity_check();
  parts_->sessions.sanity_check();
  parts_->broadcasts.sanity_check();
  parts_->searches.sanity_check();
  parts_->confirmations.sanity_check();
  parts_->members.sanity_check();
}

}  // namespace meshdict
