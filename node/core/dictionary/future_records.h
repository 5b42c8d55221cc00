#pragma once
// Future records: records from further ahead of our wall clock than the skew. They are held, and merged when their time has
// come. Rationale: taken at once, such a record would drag our clock along; dropped, it would be lost if it was our clock that
// was slow.
//
// F1. A future record is held if it is larger than the present record of its key. It and the present record both stand in the
//     set that nodes compare. Rationale: it must not hide the present record from a node that has just come, or that was cut
//     off when the present record was written. Otherwise a liar could hide the record of any key for years.
// F2. When another record becomes the present one, or the present one is discarded, what is held and smaller is dropped.
//     Rationale: it has lost, and would bring back what was deleted.
// F3. A node whose clock had jumped ahead, and was set right, shows as present what all others hold as future records. What it
//     lacks of theirs it is sent once, and holds it as they do: of what is smaller than its present record all that is from the
//     future, and of the rest the largest. So nodes that have met hold the same set, and have nothing more to send.
// F4. At most limits::kMaxFutureRecords are held, and limits::kMaxFutureBytes of their keys and values: beyond that the one is
//     discarded that would come back last.
// F5. A plain store of py2p is held as it came, and translated when it comes back: only then is it known which record it meets.
//     It is no part of the set. Stores of one second come back in the order of their arrival.
//
// Two nodes whose clocks differ by more than the skew, for as long as they do, are not equal. When one node has taken a record
// that the other still holds as a future record, each session sends the record that the other shows, until the time of the held
// one has come.
//
// Order of calls: hold() and the others that the merge needs, as records come; after each change of the wall clock, and when
// next_look() has come, take_due() until it gives nothing, then plan(). Not thread-safe.
//
// Cost: O(log n) comparisons for each call, and one SHA-256 for each record that comes or goes; nothing while none is held.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "core/dictionary/config.h"
#include "core/dictionary/plain.h"
#include "core/encoding/msgpack.h"
#include "core/env/clock.h"
#include "core/record/entry.h"
#include "core/record/hlc.h"
#include "core/record/reconcile_set.h"
#include "core/record/version.h"

namespace meshdict {

struct FutureRecord {
  /// Of a plain store only owner and write time count.
  Version version;
  std::string key;
  Raw value;
  Plain plain = Plain::kNo;
  /// When it comes back; nothing: at its write time.
  Hlc due{};
  /// Given by hold().
  std::uint64_t arrival = 0;
  [[nodiscard]] std::size_t bytes() const { return key.size() + value.size(); }
};

class FutureRecords {
 public:
  /// Items of what is held are put into `items` and taken out of it. All outlive this.
  FutureRecords(const DictionaryConfig& config, const Clock& clock, const HybridClock& hlc, ReconcileSet& items);
  // It is neither copied nor moved: handles point into it.
  FutureRecords(const FutureRecords&) = delete;
  FutureRecords& operator=(const FutureRecords&) = delete;

  [[nodiscard]] bool is_from_future(const Version& version) const;

  /// Holds a record until it is due. No effect when it is held already.
  void hold(FutureRecord record);
  /// Takes a record that has lost to our present one, as those nodes do that hold our present one as a future record: they
  /// still hold this one (F3). When they do not, there is nothing to do: they drop it, as we do. REQUIRES: it is smaller than
  /// `present`.
  void hold_as_others_do(std::string_view key, RawView value, const Version& version, const Version& present);
  /// Drops what is held of a key and not larger than this version, which is the present one now or was the last (F2).
  void drop_beaten(std::string_view key, const Version& version);

  /// Without leases, the record that a write of this time must stand above: of the key's held records the largest above which
  /// there is room. Null with leases, or when there is no such record. Valid until the next non-const call.
  [[nodiscard]] const Version* next_below_a_write(std::string_view key, Hlc written) const;

  /// Takes out the first record whose time has come.
  std::optional<FutureRecord> take_due();
  /// Sets next_look(): when the first record is due, but soon even if that is far away, since the wall clock may be corrected.
  void plan();
  /// Nothing while none is held.
  [[nodiscard]] std::optional<MonoTime> next_look() const;

  /// Whether a handle of the set leads to one of these; the others are those of a RecordTable.
  [[nodiscard]] static bool is_one(ReconcileSet::Handle handle) { return (handle & kHandleBit) != 0; }
  /// REQUIRES: is_one(handle). Valid until the next non-const call.
  [[nodiscard]] static RecordEntry entry(ReconcileSet::Handle handle);
  /// How many items of the set are of these.
  [[nodiscard]] std::size_t listed() const { return by_key_.size(); }

  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  /// Marks a handle; those of a RecordTable are even.
  static constexpr ReconcileSet::Handle kHandleBit = 1;

  struct ComesBackEarlier {
    Leasing leasing;
    bool operator()(const FutureRecord& left, const FutureRecord& right) const;
  };
  using Queue = std::set<FutureRecord, ComesBackEarlier>;

  struct KeyAndEpoch {
    std::string_view key;
    Epoch epoch = Epoch::kNone;
  };
  struct KeyThenVersion {
    using is_transparent = void;
    Leasing leasing;
    bool operator()(const FutureRecord* left, const FutureRecord* right) const;
    bool operator()(const FutureRecord* left, const KeyAndEpoch& right) const {
      return left->key != right.key ? left->key < right.key : left->version.epoch < right.epoch;
    }
  };

  [[nodiscard]] static ReconcileSet::Handle handle_of(const FutureRecord& record);
  FutureRecord take(Queue::const_iterator which);

  const DictionaryConfig& config_;
  const Clock& clock_;
  const HybridClock& hlc_;
  ReconcileSet& items_;
  Queue queue_;
  // The records that are no plain stores.
  std::set<const FutureRecord*, KeyThenVersion> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t arrivals_ = 0;
  // Meaningful while a record is held.
  MonoTime next_look_;
};

}  // namespace meshdict
