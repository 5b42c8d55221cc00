#pragma once
// The replicated dictionary: records, their merge, and the rules of leases at the writer.
//
// 1. Whatever order records arrive in, and however often, equal sets of records give equal state (version.h).
// 2. A key that another node holds under a live lease is not written here.
// 3. Every acknowledged local write that loses to another record raises a Conflict.
// 4. No clock is looked at in the merge, only in admission.
//
// Usage: try_write()/write() for local operations, merge() for what arrives; the engine broadcasts what write()
// returns. Not thread-safe.

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/hlc.h"
#include "core/message.h"
#include "core/store.h"
#include "core/version.h"

namespace meshdict {

struct DictionaryConfig {
  NodeId self;
  std::uint64_t boot = 0;
  Leasing leasing = Leasing::kOn;
  Duration lease = 3600s;
  Duration skew = 30s;           ///< largest difference of two members' clocks
  std::int64_t drift_ppm = 500;  ///< largest rate error of a monotonic clock, parts per million (NTP's bound, RFC 5905)
};

struct Record {
  Version version;
  Raw value;                  ///< the empty bin for a tombstone
  Duration age_at_arrival{};  ///< our HLC - its write time when first seen here, at least 0
  MonoTime arrived;           ///< when it was first seen here
};

/// A write refused because another node holds the key.
struct Leased {
  NodeId owner;
  Duration left{};  ///< until the key is free for us, at least 1 ms
};
struct BadKey {
  std::string what;
};
struct BadValue {
  std::string what;
};
struct NoSuchKey {};
using WriteError = std::variant<Leased, BadKey, BadValue, NoSuchKey>;

/// One line of text for a person.
std::string describe(const WriteError& error);

struct Updated {
  std::string key;
  bool local = false;
};
struct Deleted {
  std::string key;
  bool local = false;
};
/// A local write that had been acknowledged lost to another record.
struct Conflict {
  std::string key;
  Raw losing_value;
  Version losing;
  Version winning;
  std::string reason;  ///< the field of the version that decided
};
using DictionaryEvent = std::variant<Updated, Deleted, Conflict>;

/// What LEASE key shows.
struct LeaseView {
  NodeId owner;
  Duration left{};    ///< 0 when lapsed
  bool held = false;  ///< live, as seen from here
  bool ours = false;
  std::uint64_t epoch = 0;
  std::string fence;
};

class Dictionary {
 public:
  using EventSink = std::function<void(const DictionaryEvent&)>;

  /// `clock` and `store` outlive the dictionary.
  Dictionary(DictionaryConfig config, const Clock& clock, Store& store, EventSink sink);

  /// Reads the records that the store holds. Error text names a damaged one.
  std::expected<void, std::string> load();

  // Local operations

  /// Whether a write of `key` would be admitted now; for writing several keys all or none.
  [[nodiscard]] std::expected<void, WriteError> admit(std::string_view key) const;

  /// Writes, and returns what must be broadcast.
  std::expected<StoreVersion, WriteError> set(std::string_view key, RawView value);
  /// NoSuchKey when there is nothing to delete.
  std::expected<StoreVersion, WriteError> erase(std::string_view key);

  /// The visible record: nothing for an unknown or deleted key. Valid until the next non-const call.
  [[nodiscard]] const Record* find(std::string_view key) const;
  [[nodiscard]] std::optional<LeaseView> lease(std::string_view key) const;
  /// Number of visible keys.
  [[nodiscard]] std::size_t size() const { return visible_; }
  /// The claim chain and why the present record won, as lines for a person.
  [[nodiscard]] std::string explain(std::string_view key) const;

  // Replication

  enum class Merged : std::uint8_t { kWon, kLost, kKnown, kSetAside, kRefused };
  /// Takes a record from elsewhere. kKnown: we have this very version; kSetAside: from too far in the future;
  /// kRefused: a key, value or version that no member may write (too long, too deep, a tombstone with a value).
  Merged merge(std::string_view key, RawView value, const Version& version);
  /// A plain py2p store (wire.md, last section): `seconds` is its timestamp.
  Merged merge_py2p(std::string_view key, RawView value, const NodeId& owner, std::int64_t seconds);

  /// Equal for equal sets of records, tombstones included.
  [[nodiscard]] const Summary& summary() const { return summary_; }

  /// All records, tombstones included, in the order of keys.
  [[nodiscard]] const std::map<std::string, Record, std::less<>>& records() const { return records_; }

  /// Takes back set-aside records whose time has come. Call at next_deadline().
  void on_time();
  [[nodiscard]] std::optional<MonoTime> next_deadline() const;

  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  using Records = std::map<std::string, Record, std::less<>>;
  struct SetAside {
    Raw value;
    Version version;
  };
  struct SetAsideKey {
    Hlc written;
    std::string key;
    auto operator<=>(const SetAsideKey&) const = default;
  };

  [[nodiscard]] Duration margin() const;
  [[nodiscard]] Duration age(const Record& record) const;
  /// Whether a record's lease binds others; a tombstone binds nobody.
  [[nodiscard]] bool binds_others(const Record& record) const;
  [[nodiscard]] Version next_version(const Record* present, RawView value, RecordKind kind);
  [[nodiscard]] StoreVersion write(std::string_view key, RawView value, RecordKind kind);
  Merged merge_checked(std::string_view key, RawView value, const Version& version);
  void set_aside(std::string_view key, RawView value, const Version& version);
  void replace(std::string_view key, RawView value, const Version& version, Duration age_at_arrival, bool local);
  [[nodiscard]] bool is_conflict(const Record& losing, const Version& winning) const;
  void account(std::string_view key, const Version& version, bool added);
  [[nodiscard]] const Record* any_record(std::string_view key) const;

  DictionaryConfig config_;
  const Clock& clock_;
  Store& store_;
  EventSink sink_;
  HybridClock hlc_;
  Records records_;
  std::size_t visible_ = 0;
  Summary summary_;
  std::map<SetAsideKey, SetAside> set_aside_;  // those that come back first in front
  std::optional<MonoTime> next_return_;
};

}  // namespace meshdict
