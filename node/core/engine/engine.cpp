#include "core/engine/engine.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/encoding/value.h"
#include "core/engine/identity.h"
#include "core/engine/parts.h"
#include "core/limits.h"
#include "core/links/compressed_once.h"

namespace meshdict {
namespace {

constexpr std::string_view kTooLarge = "larger than a message may be";

std::expected<UserMessage, std::string> user_message(std::span<const RawView> packets, SubFlag type) {
  std::size_t size = 0;
  for (const RawView packet : packets)
    size += packet.size();
  if (packets.size() > limits::kMaxPackets) return std::unexpected("more packets than a message may have");
  if (size > limits::kMaxValue) return std::unexpected(std::string(kTooLarge));
  return UserMessage{.packets = {packets.begin(), packets.end()}, .type = type};
}

}  // namespace

std::string describe(const StartError& error) {
  return std::visit([](const auto& why) { return std::string(why.describe()); }, error);
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
  assert(parts_ == nullptr || !parts_->running_);
  if (auto good = check_lease(config_); !good) return std::unexpected(std::move(good.error()));
  if (auto good = check_horizon(config_); !good) return std::unexpected(std::move(good.error()));
  auto identity = load_identity(store_, clock_, random_.stream("identity"));
  if (!identity) return std::unexpected(std::move(identity.error()));
  self_ = identity->id;
  boot_ = identity->boot;
  const DictionaryConfig settings{config_,
                                  self_,
                                  std::to_underlying(boot_),
                                  std::move(identity->earlier_boots),
                                  config_.kept_deletions,
                                  config_.clock_guard};
  parts_ = std::make_unique<Parts>(config_, settings, clock_, transport_, store_, random_, observer_);
  if (auto loaded = parts_->dictionary_.load(); !loaded) return std::unexpected(std::move(loaded.error()));
  if (auto loaded = parts_->overlay_.load(); !loaded) return std::unexpected(std::move(loaded.error()));

  parts_->running_ = true;
  const MonoTime now = clock_.monotonic();
  parts_->overlay_.start(config_.join);
  parts_->next_compare_ = now + limits::kCompareEvery;
  parts_->next_expiry_ = now + limits::kBroadcastLifetime;
  finish_input();
  return {};
}

void Engine::stop() {
  if (!is_running()) return;
  parts_->running_ = false;
  parts_->links_.part_from_all(ByeReason::kStopping);
  parts_->links_.sweep();
}

bool Engine::is_running() const {
  return parts_ != nullptr && parts_->running_;
}

void Engine::on_accepted(ConnId conn, const Endpoint& remote) {
  parts_->links_.on_accepted(conn, remote);
  finish_input();
}

void Engine::on_connected(ConnId conn) {
  Links& links = parts_->links_;
  if (Connection* const found = links.find(conn)) links.on_connected(*found);
  finish_input();
}

void Engine::on_data(ConnId conn, std::string_view bytes) {
  Connection* const found = parts_->links_.find(conn);
  if (found == nullptr) return;
  EngineStats& stats = parts_->stats_;
  stats.bytes_received += bytes.size();
  found->heard = clock_.monotonic();
  if (found->decoder.buffered() == 0) found->frame_begun = found->heard;
  found->decoder.feed(bytes);
  while (!found->closed()) {
    const auto body = found->decoder.next();
    if (!body) {
      ++stats.refused;
      parts_->links_.close(*found, EndReason::kProtocolError, body.error().what);
    } else if (!*body) {
      break;
    } else {
      ++stats.frames_received;
      found->frame_begun = found->heard;
      parts_->handle_body(*found, **body);
    }
  }
  finish_input();
}

void Engine::on_drained(ConnId conn) {
  Connection* const found = parts_->links_.find(conn);
  if (found == nullptr) return;
  parts_->links_.on_drained(*found);
  parts_->alarm_.set(clock_.monotonic());
}

void Engine::on_closed(ConnId conn, std::string_view detail) {
  Links& links = parts_->links_;
  if (Connection* const found = links.find(conn)) links.on_closed(*found, detail);
  finish_input();
}

void Engine::on_time() {
  const MonoTime now = clock_.monotonic();
  Parts& parts = *parts_;
  if (parts.links_.next_deadline() <= now) parts.links_.on_time(now);
  if (const auto due = parts.dictionary_.next_deadline(); due && *due <= now) parts.dictionary_.on_time();
  if (parts.alarm_.rings(now)) {
    parts.overlay_.on_time(now);
    if (parts.next_compare_ <= now) parts.compare_with_somebody(now);
    if (parts.next_expiry_ <= now) {
      parts.seen_.expire(now);
      parts.overlay_.expire(now);
      parts.expire_searches(now);
      parts.next_expiry_ = now + limits::kExpireEvery;
    }
    if (parts.next_confirm_again_ <= now) parts.ask_again_to_confirm(now);
    parts.continue_transfers(now);
  }
  finish_input();
}

void Engine::finish_input() {
  if (!is_running()) return;
  Parts& parts = *parts_;
  parts.watch_clock();
  for (const OwnRecord& record : parts.dictionary_.take_reissued())
    parts.publish(record, HasKey::kPerhaps);
  parts.overlay_.dial_where_needed();
  parts.alarm_.set(
      std::min({parts.overlay_.next_deadline(), parts.next_compare_, parts.next_expiry_, parts.next_confirm_again_}));
  parts.links_.sweep();
}

MonoTime Engine::next_deadline() const {
  MonoTime next = std::min(parts_->alarm_.when(), parts_->links_.next_deadline());
  if (const auto due = parts_->dictionary_.next_deadline()) next = std::min(next, *due);
  return next;
}

const Dictionary& Engine::dictionary() const {
  return parts_->dictionary_;
}

std::expected<void, WriteError> Engine::set(std::string_view key, RawView value) {
  parts_->watch_clock();
  const HasKey had = parts_->had_by_py2p(key);
  const auto written = parts_->dictionary_.set(key, value);
  if (!written) return std::unexpected(written.error());
  parts_->publish(*written, had);
  return {};
}

std::expected<void, WriteError> Engine::erase(std::string_view key) {
  parts_->watch_clock();
  const HasKey had = parts_->had_by_py2p(key);
  const auto written = parts_->dictionary_.erase(key);
  if (!written) return std::unexpected(written.error());
  parts_->publish(*written, had);
  return {};
}

std::expected<std::size_t, Engine::BatchError> Engine::write(std::span<const WriteOp> ops) {
  parts_->watch_clock();
  const Dictionary& dictionary = parts_->dictionary_;
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
  const auto token = parts_->confirm(std::move(keys));
  if (token) finish_input();
  return token;
}

void Engine::end_confirmation(ConfirmationToken token) {
  parts_->confirmations_.erase(token);
}

std::expected<MessageId, std::string> Engine::broadcast(std::span<const RawView> packets, SubFlag type) {
  auto message = user_message(packets, type);
  if (!message) return std::unexpected(std::move(message.error()));
  const auto frame = parts_->originator_.broadcast(std::move(*message), parts_->stamp_broadcast());
  if (!frame) return std::unexpected(std::string(kTooLarge));
  CompressedOnce once(*frame);
  parts_->send_to_all(once, nullptr);
  return frame->id;
}

std::expected<WhisperOutcome, std::string> Engine::whisper(const NodeId& receiver, std::span<const RawView> packets,
                                                           SubFlag type) {
  auto message = user_message(packets, type);
  if (!message) return std::unexpected(std::move(message.error()));
  if (receiver == self_ || receiver.empty()) return WhisperOutcome::kRefused;
  Pair* const pair = parts_->links_.pair(receiver);
  if (pair == nullptr && !parts_->has_room_for(receiver)) return WhisperOutcome::kRefused;
  const auto frame = parts_->originator_.whisper(std::move(*message));
  if (!frame) return std::unexpected(std::string(kTooLarge));
  if (pair != nullptr) {
    parts_->links_.send(*pair->primary, CompressedOnce(*frame).for_peer(*pair->primary));
    return WhisperOutcome::kSent;
  }
  parts_->search_for(receiver, *frame);
  finish_input();
  return WhisperOutcome::kDeferred;
}

void Engine::connect(const Endpoint& to, const NodeId& expected) {
  parts_->overlay_.connect(to, expected);
  finish_input();
}

bool Engine::forget(const Endpoint& address) {
  const bool known = parts_->overlay_.forget(address);
  finish_input();
  return known;
}

void Engine::request_peers() {
  for (const auto& [peer, pair] : parts_->links_.pairs())
    parts_->links_.whisper(*pair.primary, Request{});
}

bool Engine::disconnect(const NodeId& peer) {
  const bool parted = parts_->overlay_.disconnect(peer);
  if (parted) finish_input();
  return parted;
}

void Engine::set_address(const Endpoint& advertise) {
  config_.advertise = advertise;
  if (parts_ != nullptr) parts_->links_.set_address(advertise);
}

std::vector<NeighbourView> Engine::neighbours() const {
  const Links& links = parts_->links_;
  std::vector<NeighbourView> views;
  views.reserve(links.pairs().size());
  const MonoTime now = clock_.monotonic();
  const WallTime wall = clock_.wall();
  for (const auto& [peer, pair] : links.pairs()) {
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
                     .clock = parts_->clocks_.of(peer, now, wall)});
  }
  return views;
}

std::vector<DepartedView> Engine::departed() const {
  return parts_->overlay_.departed();
}

std::size_t Engine::known_addresses() const {
  return parts_->overlay_.known_addresses();
}

const ClockView& Engine::clock() const {
  return parts_->clocks_.own();
}

const EngineStats& Engine::stats() const {
  parts_->stats_.frames_sent = parts_->links_.frames_sent();
  return parts_->stats_;
}

void Engine::sanity_check() const {
  parts_->links_.sanity_check();
  parts_->dictionary_.sanity_check();
  parts_->overlay_.sanity_check();
  parts_->seen_.sanity_check();
  parts_->clocks_.sanity_check();
  assert(parts_->searches_.size() <= limits::kMaxDeferred);
  assert(parts_->confirmations_.size() <= limits::kMaxConfirmations);
  for (const auto& [id, conn] : parts_->links_.connections()) {
    if (conn->sync && conn->sync->due) assert(std::ranges::count(parts_->due_, id) == 1);
  }
}

}  // namespace meshdict
