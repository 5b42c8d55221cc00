#include "meshdict/emitter.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <typeindex>

namespace meshdict::detail {

/// Listeners that are removed are destroyed without the lock: what a handler holds may use the emitter at its end.
struct ListenerTable::State {
  struct Event {
    std::type_index signature;
    /// Stays when it has no listeners.
    bool declared = false;
    Listeners listeners;
  };
  using Events = std::map<std::string, Event, std::less<>>;

  /// Nothing for an event without listeners that was not declared. Throws EventError for another signature.
  [[nodiscard]] Event* find(std::string_view event, const std::type_info& signature) {
    const auto found = events.find(event);
    if (found == events.end()) return nullptr;
    if (found->second.signature != signature) {
      throw EventError("event '" + std::string(event) + "' has other arguments");
    }
    return &found->second;
  }

  std::mutex mutex;
  std::uint64_t last_id = 0;
  Events events;
};

namespace {

void mark_removed(const Listeners& listeners) {
  for (const auto& listener : listeners)
    listener->removed = true;
}

}  // namespace

ListenerTable::ListenerTable() : state_(std::make_unique<State>()) {}
ListenerTable::~ListenerTable() = default;

void ListenerTable::declare(std::string_view event, const std::type_info& signature) {
  const std::lock_guard lock(state_->mutex);
  state_->events.emplace(event, State::Event{.signature = signature, .declared = true, .listeners = {}});
}

ListenerId ListenerTable::next_id() {
  const std::lock_guard lock(state_->mutex);
  return static_cast<ListenerId>(++state_->last_id);
}

void ListenerTable::check(std::string_view event, const std::type_info& signature) const {
  const std::lock_guard lock(state_->mutex);
  static_cast<void>(state_->find(event, signature));
}

void ListenerTable::add(std::string_view event, const std::type_info& signature, std::shared_ptr<Listener> listener) {
  const std::lock_guard lock(state_->mutex);
  State::Event* found = state_->find(event, signature);
  if (found == nullptr) {
    found = &state_->events.emplace(event, State::Event{.signature = signature, .declared = false, .listeners = {}})
                 .first->second;
  }
  found->listeners.push_back(std::move(listener));
}

Listeners ListenerTable::of(std::string_view event, const std::type_info& signature) const {
  const std::lock_guard lock(state_->mutex);
  const State::Event* const found = state_->find(event, signature);
  return found == nullptr ? Listeners() : found->listeners;
}

std::vector<ListenerId> ListenerTable::ids(std::string_view event) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<ListenerId> ids;
  const auto found = state_->events.find(event);
  if (found == state_->events.end()) return ids;
  for (const auto& listener : found->second.listeners)
    ids.push_back(listener->id);
  return ids;
}

bool ListenerTable::has(std::string_view event) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->events.find(event);
  return found != state_->events.end() && !found->second.listeners.empty();
}

bool ListenerTable::remove(std::string_view event, ListenerId listener) {
  std::shared_ptr<Listener> removed;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->events.find(event);
  if (found == state_->events.end()) return false;
  Listeners& listeners = found->second.listeners;
  const auto at = std::ranges::find(listeners, listener, [](const auto& one) { return one->id; });
  if (at == listeners.end()) return false;
  removed = std::move(*at);
  removed->removed = true;
  listeners.erase(at);
  if (listeners.empty() && !found->second.declared) state_->events.erase(found);
  return true;
}

void ListenerTable::clear(std::string_view event) {
  Listeners removed;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->events.find(event);
  if (found == state_->events.end()) return;
  removed.swap(found->second.listeners);
  mark_removed(removed);
  if (!found->second.declared) state_->events.erase(found);
}

void ListenerTable::clear() {
  std::vector<Listeners> removed;
  const std::lock_guard lock(state_->mutex);
  for (auto& [name, event] : state_->events) {
    mark_removed(event.listeners);
    removed.emplace_back().swap(event.listeners);
  }
  std::erase_if(state_->events, [](const auto& entry) { return !entry.second.declared; });
}

void refuse_handler(std::string_view event) {
  throw EventError("the handler does not take what event '" + std::string(event) + "' gives it");
}

void refuse_emit(std::string_view event) {
  throw EventError("event '" + std::string(event) + "' is raised with other arguments");
}

}  // namespace meshdict::detail
