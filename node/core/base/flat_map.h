#pragma once
// A map of few entries that are walked far more often than they change: pairs in one array, sorted by key.
//
// Walking touches memory in order, which a tree of nodes does not; insertion and removal move what stands behind.
// Rationale: the standard's flat_map (P0429) comes with C++23 libraries that Debian 12 lacks; this is what is used of it.

#include <algorithm>
#include <utility>
#include <vector>

namespace meshdict {

/// References, pointers and iterators are valid until the next insertion or removal.
template <typename Key, typename Value>
class FlatMap {
 public:
  using Entry = std::pair<Key, Value>;
  using iterator = typename std::vector<Entry>::iterator;
  using const_iterator = typename std::vector<Entry>::const_iterator;

  [[nodiscard]] iterator begin() { return entries_.begin(); }
  [[nodiscard]] iterator end() { return entries_.end(); }
  [[nodiscard]] const_iterator begin() const { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  [[nodiscard]] iterator find(const Key& key) {
    const auto place = lower_bound(entries_, key);
    return place != entries_.end() && place->first == key ? place : entries_.end();
  }
  [[nodiscard]] const_iterator find(const Key& key) const {
    const auto place = lower_bound(entries_, key);
    return place != entries_.end() && place->first == key ? place : entries_.end();
  }

  /// The entry of `key`, and whether it is new; one that was there keeps its value.
  std::pair<iterator, bool> emplace(const Key& key, Value value) {
    const auto place = lower_bound(entries_, key);
    if (place != entries_.end() && place->first == key) return {place, false};
    return {entries_.emplace(place, key, std::move(value)), true};
  }

  void erase(const_iterator place) { entries_.erase(place); }

 private:
  static auto lower_bound(auto& entries, const Key& key) {
    return std::lower_bound(entries.begin(), entries.end(), key,
                            [](const Entry& entry, const Key& sought) { return entry.first < sought; });
  }

  std::vector<Entry> entries_;
};

}  // namespace meshdict
