#include "sync_state.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/record/claim_marks.h"

namespace meshdict::detail {

Meta meta_of(const Version& version) {
  return {.owner = std::string(version.owner.text()),
          .timestamp = std::chrono::sys_time<std::chrono::milliseconds>(
              std::chrono::milliseconds(last_held(version).unix_ms()))};
}

SyncState::SyncState(MeshNode& node, SyncSocket& facade)
    : node_(node), facade_(facade), confirmed_(node.runtime().make_wait_point()) {
  facade.declare(SyncSocket::OwnEvents());
  node.set_dictionary_hooks([this](const Event& event, const Dictionary& dictionary) { on_event(event, dictionary); },
                            [this] { end_waits(); });
}

void SyncState::on_event(const Event& event, const Dictionary& dictionary) {
  if (const auto* updated = std::get_if<Updated>(&event)) {
    tell(*updated, dictionary);
  } else if (const auto* deleted = std::get_if<Deleted>(&event)) {
    tell(*deleted, dictionary);
  } else if (const auto* conflict = std::get_if<meshdict::Conflict>(&event)) {
    tell(*conflict);
  } else if (const auto* confirmed = std::get_if<Confirmed>(&event)) {
    const std::lock_guard lock(mutex_);
    if (const auto waiter = waiters_.find(confirmed->token); waiter != waiters_.end()) ++waiter->second;
    confirmed_->notify_all();
  }
}

void SyncState::note_write(std::vector<std::string> keys) {
  const std::lock_guard lock(mutex_);
  last_written_ = std::move(keys);
}

std::size_t SyncState::wait(std::size_t replicas, std::chrono::milliseconds timeout) {
  const auto token = node_.core().call([this](Engine& engine) {
    std::vector<std::string> keys;
    {
      const std::lock_guard lock(mutex_);
      keys = last_written_;
    }
    const auto asked = engine.confirm(std::move(keys));
    const std::lock_guard lock(mutex_);
    if (asked) waiters_.emplace(*asked, 0);
    return asked;
  });
  if (!token) throw Error("too many threads wait for others already");
  std::size_t confirmed = 0;
  bool ended = false;
  {
    std::unique_lock lock(mutex_);
    const auto enough = [&] { return ended_ || waiters_.at(*token) >= replicas; };
    if (!node_.core().on_loop_thread()) confirmed_->wait(lock, timeout, enough);
    confirmed = waiters_.at(*token);
    ended = ended_;
    waiters_.erase(*token);
  }
  if (ended) throw SocketClosed("the socket was closed during a wait");
  node_.core().call([&](Engine& engine) { engine.end_confirmation(*token); });
  return confirmed;
}

void SyncState::end_waits() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  confirmed_->notify_all();
}

/// The value is copied here, where it is the one that the event speaks of, and only when somebody wants it.
void SyncState::tell(const Updated& e, const Dictionary& dictionary) {
  if (node_.logs(4)) node_.log(4, "set " + e.key);
  auto watches = watchers_of(e.key);
  if (watches.empty() && !facade_.has_listeners(event::Update::kName)) return;
  const auto record = dictionary.find(e.key);
  if (!record) return;
  node_.core().deliver(Delivery::change(
      Topic::kKey, e.key, e.key.size() + record->value.size(),
      [this, key = e.key, packed = Raw(record->value), meta = meta_of(record->version), watches = std::move(watches)] {
        const Change change{.key = key, .value = Value::unpacked(packed), .meta = meta};
        node_.raise<event::Update>(facade_, key, *change.value, meta);
        for (const auto& watch : watches)
          hand_over(*watch, change);
      }));
}

void SyncState::tell(const Deleted& e, const Dictionary& dictionary) {
  if (node_.logs(4)) node_.log(4, "delete " + e.key);
  auto watches = watchers_of(e.key);
  if (watches.empty() && !facade_.has_listeners(event::Delete::kName)) return;
  const auto tombstone = dictionary.records().get(e.key);
  if (!tombstone) return;
  node_.core().deliver(
      Delivery::change(Topic::kKey, e.key, e.key.size(),
                       [this, gone = Change{.key = e.key, .value = {}, .meta = meta_of(tombstone->version)},
                        watches = std::move(watches)] {
                         node_.raise<event::Delete>(facade_, gone.key);
                         for (const auto& watch : watches)
                           hand_over(*watch, gone);
                       }));
}

void SyncState::tell(const meshdict::Conflict& e) {
  node_.log(1, "our write of " + e.key + " lost to " + std::string(e.winning.owner.text()) + " by " + e.reason);
  if (!facade_.has_listeners(event::Conflict::kName)) return;
  node_.core().deliver(Delivery::change(Topic::kConflict, e.key, e.key.size() + e.losing_value.size(), [this, e] {
    const ConflictInfo info{.lost = is_visible(e.losing) ? Value::unpacked(e.losing_value) : Value(),
                            .lost_meta = meta_of(e.losing),
                            .winner = meta_of(e.winning),
                            .reason = e.reason};
    node_.raise<event::Conflict>(facade_, e.key, info);
  }));
}

void SyncState::watch(const std::shared_ptr<WatchState>& watch, const Dictionary& dictionary) {
  watches_.push_back(watch);
  const auto& records = dictionary.records();
  for (auto at = records.lower_bound(watch->prefix); at != records.end() && at->first.starts_with(watch->prefix);
       ++at) {
    if (!is_visible(at->second.version)) continue;
    // For this watch alone: nothing else stands for it.
    const std::string of = std::to_string(reinterpret_cast<std::uintptr_t>(watch.get())) + ":" + std::string(at->first);
    node_.core().deliver(Delivery::change(Topic::kWatch, of, at->first.size() + at->second.value.size(),
                                          [this, watch, key = std::string(at->first), packed = Raw(at->second.value),
                                           meta = meta_of(at->second.version)] {
                                            hand_over(*watch,
                                                      {.key = key, .value = Value::unpacked(packed), .meta = meta});
                                          }));
  }
}

std::vector<std::shared_ptr<WatchState>> SyncState::watchers_of(std::string_view key) {
  std::vector<std::shared_ptr<WatchState>> found;
  std::erase_if(watches_, [](const auto& watch) { return watch->cancelled.load(); });
  std::ranges::copy_if(watches_, std::back_inserter(found),
                       [&](const auto& watch) { return key.starts_with(watch->prefix); });
  return found;
}

void SyncState::hand_over(const WatchState& watch, const Change& change) {
  if (watch.cancelled) return;
  try {
    watch.handler(change);
  } catch (...) {
    node_.note_exception("a watch", std::current_exception());
  }
}

}  // namespace meshdict::detail
