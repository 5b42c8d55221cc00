#pragma once
// The replicated dictionary: records, their merge, and the rules of leases at the writer.
//
// 1. Equal sets of records give equal state, whatever order they arrive in and however often (version.h).
// 2. A key that another node holds under a live lease is not written here.
// 3. A local write always beats what it replaces.
// 4. Every acknowledged local write that loses to a record which was not its rightful successor raises a Conflict.
// 5. No clock decides between two records. Clocks are looked at only in admission, and to hold back what is from the future.
//
// It has the records, and tells each of its parts what becomes of them; the parts do not call back. Each part has its rules:
//   admission.h       who may write a key, and under which version
//   lease_terms.h     how old a lease is, and who may rely on it
//   contests.h        what an owner does when another's claim meets its own
//   future_records.h  records from further ahead than the skew
//   tombstones.h      how long deletions are compared and remembered
//   clock_guard.h     what a node writes while its wall clock is wrong, and afterwards
//   plain.h           stores of py2p nodes
//
// Order of calls: construct, load() once, then anything. The engine broadcasts what set() and erase() return, and calls
// on_time() at next_deadline(). Events are raised at the end of the call that causes them; the sink must not call back.
// Each accepted record is put to the Store at once; the driver commits. Not thread-safe.
//
// Cost: O(log n) comparisons of keys for each call, and for each accepted record two SHA-256 of about 150 bytes (one
// when the key is new).

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dictionary/admission.h"
#include "core/dictionary/clock_guard.h"
#include "core/dictionary/config.h"
#include "core/dictionary/contact.h"
#include "core/dictionary/contests.h"
#include "core/dictionary/events.h"
#include "core/dictionary/future_records.h"
#include "core/dictionary/lease_terms.h"
#include "core/dictionary/lease_view.h"
#include "core/dictionary/own_record.h"
#include "core/dictionary/plain.h"
#include "core/dictionary/tombstones.h"
#include "core/dictionary/write_error.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/record/claim_history.h"
#include "core/record/clock_offsets.h"
#include "core/record/entry.h"
#include "core/record/hlc.h"
#include "core/record/reconcile_set.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

class Dictionary {
 public:
  using EventSink = std::function<void(const DictionaryEvent&)>;
  using Records = RecordTable;

  /// `clock` and `store` outlive the dictionary.
  Dictionary(DictionaryConfig config, const Clock& clock, Store& store, EventSink sink);

  /// Reads the records that the store holds; their leases have aged by what the clocks say. Raises no events. An error
  /// names the first damaged one; the dictionary cannot be used then. REQUIRES: nothing was written or merged
  /// before.
  std::expected<void, StoreError> load();

  /// For a node that has a new id: keys that it held as `former`, under leases that it trusts, it holds from now on under its
  /// own id, each by a claim above the former one. Neither values nor ages of leases change. Returns how many keys; none
  /// without leasing. REQUIRES: after load(), before all else.
  std::size_t take_over(const NodeId& former);

  // Local operations (local.cpp)

  [[nodiscard]] bool has_room() const { return store_.has_room(); }
  /// Whether a write of `key` would be admitted now; for writing several keys all or none.
  [[nodiscard]] std::expected<void, WriteError> admit(std::string_view key) const;

  /// Writes, and returns what must be broadcast.
  std::expected<OwnRecord, WriteError> set(std::string_view key, RawView value);
  /// Leaves a tombstone, admitted like any write. NoSuchKey when there is nothing to delete.
  std::expected<OwnRecord, WriteError> erase(std::string_view key);

  /// Gives up a lease of ours: the value stays, anybody may claim the key at once, and that claim's fence is larger. Nothing when we
  /// do not hold the key.
  std::expected<std::optional<OwnRecord>, WriteError> release(std::string_view key);
  /// For an operator: takes a key that another node holds, with the value that is there. Its holder is told of a conflict, and every
  /// node of LeaseBroken. Nothing when nobody else holds the key.
  std::expected<std::optional<OwnRecord>, WriteError> break_lease(std::string_view key);

  /// The visible record: nothing for an unknown or deleted key. Valid until the next non-const call.
  [[nodiscard]] std::optional<Record> find(std::string_view key) const;
  /// Nothing for an unknown or deleted key.
  [[nodiscard]] std::optional<LeaseView> lease(std::string_view key) const;
  /// Number of visible keys.
  [[nodiscard]] std::size_t size() const { return records_.visible(); }
  /// Where the key stands and why, as lines for a person: the present version, its lease, and the claims that it met
  /// before, as far as they are remembered (claim_history.h).
  [[nodiscard]] std::string explain(std::string_view key) const;

  // Replication

  enum class Merged : std::uint8_t {
    kWon,      ///< it is the present record now
    kLost,     ///< the present one is larger
    kKnown,    ///< it is the present one
    kFuture,   ///< from too far in the future: it is held until its time has come
    kRefused,  ///< no member may write this key, value or version
    kNoRoom,   ///< the store has no room for it: the next session after there is some brings it again
  };
  /// Takes a record from elsewhere. REQUIRES: version.value_hash is the SHA-256 of `value`.
  Merged merge(std::string_view key, RawView value, const Version& version);

  using Plain = meshdict::Plain;
  /// Takes a plain py2p store (plain.h; wire.md, "Beside py2p nodes"). `seconds` is its timestamp; an empty bin deletes. A
  /// store of the key's live owner continues the claim; one of anybody else is admitted like a local write, with `seconds` as
  /// claim start. Boot is 0. Within one second its place is behind the present record: a writer's own writes stand in the order
  /// of their arrival, and of two writers the one with the smaller id overwrites, as at py2p nodes. kKnown: the present record
  /// is this very store. kLost also for a store that is refused, that deletes nothing, or that is older than the present
  /// record. A kept one must be younger than that: py2p sends its whole dictionary at each handshake, and what was deleted or
  /// overwritten meanwhile must not come back with it.
  Merged merge_py2p(std::string_view key, RawView value, const NodeId& owner, std::int64_t seconds, Plain how);

  /// What this node has written anew by itself since the last call (contests.h, clock_guard.h), to be broadcast: each as it was
  /// written, and only if it is still the present record. What has lost meanwhile is for others to tell.
  [[nodiscard]] std::vector<OwnRecord> take_reissued();

  /// Whether we have a live neighbour and have compared dictionaries with one; settles claims.
  void set_contact(bool in_contact) { contact_.set_linked(in_contact, clock_.monotonic()); }
  [[nodiscard]] bool in_contact() const { return contact_.is_linked(); }
  /// What the neighbours say of our wall clock.
  void set_clock(const ClockView& ours);
  /// The wall clock was set: on_time() will look at what lies in the future by it.
  void clock_was_set();

  /// What two nodes compare: an item for each record that we hold, future records included, but none for old tombstones.
  [[nodiscard]] const ReconcileSet& items() const { return items_; }
  /// The record of an item. Valid until the next non-const call.
  [[nodiscard]] RecordEntry entry(ReconcileSet::Handle handle) const;

  // What is left of old deletions (tombstones.h)

  using Floors = meshdict::Floors;
  [[nodiscard]] const Floors& floors() const { return tombstones_.floors(); }
  /// Takes in the floors of another node.
  void merge_floors(const Floors& floors);
  /// The tombstone of a key, if it is one that is compared no more and wins over this version. Valid until the next
  /// non-const call.
  [[nodiscard]] std::optional<RecordEntry> old_deletion_above(std::string_view key, const Version& version) const {
    return tombstones_.old_deletion_above(key, version);
  }
  /// Whether this record of a key that we do not have may be older than a tombstone that we have discarded.
  [[nodiscard]] bool may_be_discarded(std::string_view key, const Version& version) const {
    return tombstones_.may_be_discarded(key, version);
  }

  /// All records, tombstones included, in the order of keys.
  [[nodiscard]] const Records& records() const { return records_; }

  /// Merges future records whose time has come, writes again what a wrong clock has timed, and collects tombstones.
  void on_time();
  /// When on_time() must be called next; nothing while it has nothing to do.
  [[nodiscard]] std::optional<MonoTime> next_deadline() const;

  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  enum class Origin : std::uint8_t {
    kLocal,     ///< a client's write
    kForeign,   ///< merged
    kReissued,  ///< our own, with the same value under another version
  };

  // local.cpp
  OwnRecord write(std::string_view key, RawView value, RecordKind kind);
  OwnRecord place(std::string_view key, RawView value, const Admission::Write& next);
  [[nodiscard]] LeaseState state_of(std::string_view key, const Record& record) const;

  // dictionary.cpp
  [[nodiscard]] Duration least_age_of_ours(const Version& version, Hlc newest_of_ours, Hlc now) const;
  void forget_jump();
  void accept(std::string_view key, RawView value, const Version& version, Origin origin);
  void accept_aged(std::string_view key, RawView value, const Version& version, Origin origin, Duration age);
  [[nodiscard]] bool is_of_a_copy(const Version& winning, const Version& lost) const;
  [[nodiscard]] bool is_conflict(const Record& losing, const Version& winning) const;
  void note_turned_away(std::string_view key, const Version& present, const Version& incoming);
  void compare_again(std::string_view key, const Record& present);
  void list(Records::Handle handle, const MessageId& hash);
  void unlist(std::string_view key, const Version& version) { items_.erase(item_of(key, version)); }
  void write_again();
  void check_items() const;

  DictionaryConfig config_;
  const Clock& clock_;
  Store& store_;
  EventSink sink_;
  HybridClock hlc_;
  LeaseTerms terms_;
  Records records_;
  ReconcileSet items_;
  FutureRecords future_;
  Tombstones tombstones_;
  Contests contests_;
  ClockGuard guard_;
  Admission admission_;
  ClaimHistory history_;
  Contact contact_;
  // What was written anew and is to be broadcast: the last version of each key.
  std::map<std::string, Version, std::less<>> reissued_;
};

}  // namespace meshdict
