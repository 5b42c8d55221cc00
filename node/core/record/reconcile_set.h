#pragma once
// The set that two nodes compare: one item for each record, in the order of write time.
//
// 1. Items are ordered by (write time, hash): what was written last stands together at the end, and that is where two
//    nodes differ after a time apart.
// 2. For any range: the number of items and the sum of their hashes, in O(log n).
// 3. The same items give the same answers, in whatever order they came and went.
//
// It is an OrderedTree, whose sums make the fingerprint of a range cheap.
//
// Cost at 1,000,000 items: see bench/reconcile_bench.cpp. Not thread-safe.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/ordered_tree.h"
#include "core/record/hlc.h"
#include "core/record/version.h"

namespace meshdict {

/// One record of the set, and also a bound between items: 24 bytes that compare as one big-endian number.
struct ReconcileItem {
  Hlc written;
  /// The first 8 bytes of the record's hash, big-endian.
  std::uint64_t hash_high = 0;
  /// The next 8.
  std::uint64_t hash_low = 0;
  auto operator<=>(const ReconcileItem&) const = default;
};

/// `record_hash` covers key and version (codec.h).
ReconcileItem make_item(Hlc written, const MessageId& record_hash);
/// The same, when the hash is not at hand.
ReconcileItem item_of(std::string_view key, const Version& version);

/// Above every item, and no item itself: a record whose hash begins with so many ones is as unlikely as a forged one.
inline constexpr ReconcileItem kAboveAll{.written = {std::numeric_limits<std::uint64_t>::max()},
                                         .hash_high = std::numeric_limits<std::uint64_t>::max(),
                                         .hash_low = std::numeric_limits<std::uint64_t>::max()};

/// Count of items, and the sum of their hashes modulo 2^128. Hashes are added and not combined by exclusive or: with that, sets
/// with a wanted result can be found by solving linear equations (Bellare and Micciancio, "A New Paradigm for Collision-free
/// Hashing: Incrementality at Reduced Cost", 1997; negentropy's fingerprints add, too).
struct ReconcileTotal {
  std::uint64_t count = 0;
  std::uint64_t sum_high = 0;
  std::uint64_t sum_low = 0;

  ReconcileTotal& operator+=(const ReconcileTotal& other);
  ReconcileTotal& operator-=(const ReconcileTotal& other);
  auto operator<=>(const ReconcileTotal&) const = default;
};
inline ReconcileTotal operator-(ReconcileTotal left, const ReconcileTotal& right) {
  return left -= right;
}

class ReconcileSet {
 public:
  /// Whatever leads the owner of the set to the record, such as an address.
  using Handle = std::uint64_t;
  struct Entry {
    ReconcileItem item;
    Handle handle = 0;
  };

  /// False, and no effect, when the item is there. REQUIRES: item < kAboveAll.
  bool insert(const ReconcileItem& item, Handle handle);
  /// False when the item is not there.
  bool erase(const ReconcileItem& item);

  [[nodiscard]] std::optional<Handle> find(const ReconcileItem& item) const;
  [[nodiscard]] std::size_t size() const;

  /// Of all items < bound. The count is the bound's rank.
  [[nodiscard]] ReconcileTotal below(const ReconcileItem& bound) const;
  /// Of all items in [lower, upper). REQUIRES: lower <= upper.
  [[nodiscard]] ReconcileTotal between(const ReconcileItem& lower, const ReconcileItem& upper) const {
    return below(upper) - below(lower);
  }
  /// The item of this rank. REQUIRES: rank < size().
  [[nodiscard]] const ReconcileItem& at(std::size_t rank) const;

  /// Some items from `lower` on, in order and without a gap; then go on from `next`. `entries` may be empty although there is a
  /// next. Valid until the set changes; `next` stays usable as a bound.
  struct Run {
    std::span<const Entry> entries;
    /// kAboveAll: there is no more.
    ReconcileItem next = kAboveAll;
  };
  [[nodiscard]] Run run(const ReconcileItem& lower) const;

  /// Bytes allocated for nodes.
  [[nodiscard]] std::size_t memory() const;
  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  struct Traits {
    using Slot = Entry;
    using Key = const ReconcileItem&;
    using Bound = ReconcileItem;
    using Total = ReconcileTotal;
    static const ReconcileItem& key_of(const Entry& entry) { return entry.item; }
    static ReconcileTotal total_of(const Entry& entry) {
      return {.count = 1, .sum_high = entry.item.hash_high, .sum_low = entry.item.hash_low};
    }
    /// A leaf has 2 KiB. Measured: 32 and 128 items cost the same per insert.
    static constexpr std::size_t kLeafCapacity = 64;
    static constexpr std::size_t kInnerCapacity = 32;
  };

  OrderedTree<Traits> tree_;
};

}  // namespace meshdict
