#pragma once
// Records from the future: from further ahead of our wall clock than the skew. They are held, and merged when their time has
// come. Rationale: taken at once, such a record would drag our clock along; dropped, it would be lost when it was our clock
// that was slow.
//
// F1. Held is what is larger than the present record of its key. It and the present record both stand in the set that nodes
//     compare. Rationale: it must not hide the present record from a node that has just come, or that was cut off when that
//     was written; a liar could hide any key's for years.
// F2. When another becomes the present record, or the present one is discarded, what is held and smaller goes. Rationale: it
//     has lost, and would bring back what was deleted.
// F3. A node whose clock had jumped ahead, and was set right, shows as present what all others hold as from the future. Of
//     what they hold it is sent what it lacks, once, and holds that too, as they do: of what is smaller than its present
//     record all that is from the future, and of the rest the largest. So nodes that have met hold the same set, and are quiet.
// F4. At most limits::kMaxFutureRecords are held, and limits::kMaxFutureBytes of their keys and values: beyond it the one goes
//     that would come back last.
// F5. A plain store of py2p is held as it came, and translated when it comes back: only then is it known what it meets. It is
//     no part of the set. Those of one second come back in the order of their arrival.
//
// Two nodes whose clocks differ by more than the skew, and stay so, are not equal: of each key of which one has taken what
// the other holds as from the future, the record that is shown there is sent with each session until its time has come.
//
// Order of calls: hold() and what the merge demands as records come; after each change of the wall clock, and when
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
  // Handles lead into it.
  FutureRecords(const FutureRecords&) = delete;
  FutureRecords& operator=(const FutureRecords&) = delete;

  [[nodiscard]] bool is_from_future(const Version& version) const;

  /// Holds a record until it is due. No effect when it is held already.
  void hold(FutureRecord record);
  /// Takes a record that has lost to our present one as the others do who hold that as from the future: they hold it still (F3).
  /// Nothing to do, when they do not, since then they drop it as we do. REQUIRES: it is smaller than `present`.
  void hold_as_others_do(std::string_view key, RawView value, const Version& version, const Version& present);
  /// Drops what is held of a key and not larger than this version, which is the present one now or was the last (F2).
  void drop_beaten(std::string_view key, const Version& version);

  /// Without leases, the record that a write of this time is to stand above: of those that are held of the key, the largest
  /// above which it has room. With leases, or for want of such, null. Valid until the next non-const call.
  [[nodiscard]] const Version* next_below_a_write(std::string_view key, Hlc written) const;

  /// The first whose time has come: it is held no more.
  std::optional<FutureRecord> take_due();
  /// Sets next_look(): when the first is due, but soon even when that is far away, since the wall clock may be corrected.
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
  // Those that are not plain.
  std::set<const FutureRecord*, KeyThenVersion> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t arrivals_ = 0;
  // Meaningful while one is held.
  MonoTime next_look_;
};

}  // namespace meshdict
