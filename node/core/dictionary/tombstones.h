#pragma once
// Deletions: how long tombstones are compared, how long they are remembered, and what is left of those that are discarded.
// They are compared for a horizon, and remembered for as long as there is room.
//
// D1. Nothing is deleted because somebody lacks it: only a tombstone deletes, by the order of versions. So neither a clock
//     nor what a member says of its past removes a key, and a member that was apart loses nothing of its own.
// D2. A tombstone older than the horizon less the skew leaves the set that nodes compare. It does so once: a tombstone that has
//     left is old after a restart too, whatever the clocks show then. It stays the record of its key, on disk too.
// D3. A record that loses to a tombstone which has left the set comes from a node that was apart: the engine answers with the
//     tombstone. So two nodes that have met hold the same visible records, however long they were apart, and the loss of a
//     write is told at its writer like any other.
// D4. When it leaves the set, its epoch is folded into a floor, one for each of kFloorBuckets parts of the keys, and a claim
//     of an unknown key starts above its floor. Rationale: a node that has come since does not know the tombstone, and its
//     claim must win over it. A floor never refuses a record.
// D5. An owner whose own record loses to a tombstone which has left the set, and was written before, proposes it again above
//     it, with its write time (contests.h). Rationale: nobody had told it the epoch, and its client wrote after the delete.
// D6. Beyond DictionaryConfig::kept_deletions that have left the set, or kMaxKeptDeletionBytes of their keys, the one that left
//     first is discarded: only its floor is left, and the time at which it was written. A key that comes back from before that
//     time is told (Returned in event.h). This is the only way in which a deleted key can return, or a fence fall.
//
// Order of calls: load(), then least_age() of each loaded record, then loaded(). From then on the dictionary says for each
// record that it places whether it keep()s it here or lists it, and sweep()s at next_sweep(). Not thread-safe.
//
// Cost: a sweep looks at up to limits::kSweepItems items and discards as many tombstones; the rest is O(log n) or less.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/dictionary/config.h"
#include "core/dictionary/future_records.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/record/entry.h"
#include "core/record/hlc.h"
#include "core/record/reconcile_set.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

/// Parts of the keys that share a floor. Few, because a floor that is too high costs nothing but larger numbers.
inline constexpr std::size_t kFloorBuckets = 64;
/// The largest epoch of the tombstones that have left the set, for each part of the keys.
using Floors = std::array<Epoch, kFloorBuckets>;

class Tombstones {
 public:
  /// Takes tombstones out of `items`, and those that are discarded out of `records`, `store` and, with what they have beaten,
  /// `future`. All outlive this.
  Tombstones(const DictionaryConfig& config, const Clock& clock, HybridClock& hlc, Store& store, RecordTable& records,
             ReconcileSet& items, FutureRecords& future);
  Tombstones(const Tombstones&) = delete;
  Tombstones& operator=(const Tombstones&) = delete;

  /// Reads floors and the times of old tombstones. The error names what is damaged.
  std::expected<void, StoreError> load();
  /// How old a record from the store is at the least (D2).
  [[nodiscard]] Duration least_age(const Version& version) const;
  /// All records of the store are in their places.
  void loaded();

  /// Whether the record is a tombstone that is compared no more, or must leave the set now.
  [[nodiscard]] bool is_old(const Record& record) const;
  /// A tombstone that came too late to be compared by anybody, of a key that we do not have.
  [[nodiscard]] bool comes_too_late(const Version& version) const;
  /// Takes in a tombstone that is_old(), and has no item. It stays the record of its key.
  void keep(std::string_view key, const Record& record);
  /// A tombstone of this write time has got an item, or the clock was set back to before that time: the next sweep looks there
  /// too.
  void look_from(Hlc written);

  /// Sets next_sweep(): while there are tombstones, they are looked at often enough that each leaves the set well within the
  /// skew.
  void plan();
  /// Nothing while no key is deleted.
  [[nodiscard]] std::optional<MonoTime> next_sweep() const { return next_sweep_; }
  /// Takes what is old now out of the set, and discards what is beyond the bounds (D2, D6).
  void sweep();

  [[nodiscard]] const Floors& floors() const { return floors_; }
  [[nodiscard]] Epoch floor_of(std::string_view key) const { return floors_[bucket_of(key)]; }
  void raise_floor(std::string_view key, Epoch epoch) { raise_floor_of(bucket_of(key), epoch); }
  /// Takes in the floors of another node, except those that are from the future.
  void merge_floors(const Floors& floors);

  /// The tombstone of a key, if it is_old() and wins over this version (D3). Valid until a record changes.
  [[nodiscard]] std::optional<RecordEntry> old_deletion_above(std::string_view key, const Version& version) const;
  /// Whether this record of a key that we do not have may be older than a tombstone that we have discarded (D6).
  [[nodiscard]] bool may_be_discarded(std::string_view key, const Version& version) const;

 private:
  /// A tombstone that has left the set; some have been written again since.
  struct Left {
    MonoTime written_here;
    std::string key;
  };
  /// The largest write times of tombstones.
  struct Collected {
    /// Of those that have left the set.
    Hlc left;
    /// Of those that are discarded.
    Hlc discarded;
    bool operator==(const Collected&) const = default;
  };

  struct Found {
    std::vector<RecordTable::Handle> handles;
    /// There are items that were not looked at.
    bool more = false;
  };

  [[nodiscard]] static std::size_t bucket_of(std::string_view key);
  void raise_floor_of(std::size_t bucket, Epoch epoch);
  [[nodiscard]] std::expected<void, StoreError> load_floors();
  [[nodiscard]] std::expected<void, StoreError> load_collected();
  void store_collected();
  [[nodiscard]] Found find_old();
  void collect();
  void discard(std::string_view key);

  const DictionaryConfig& config_;
  const Clock& clock_;
  HybridClock& hlc_;
  Store& store_;
  RecordTable& records_;
  ReconcileSet& items_;
  FutureRecords& future_;
  // In the order in which they will be discarded.
  std::deque<Left> left_;
  // Bytes of their keys.
  std::size_t left_bytes_ = 0;
  Collected collected_;
  Collected stored_collected_;
  // Items written before this time have been looked at.
  Hlc swept_;
  std::optional<MonoTime> next_sweep_;
  Floors floors_{};
};

}  // namespace meshdict
