#pragma once
// A dictionary with clocks that a test can turn, a store that it can look into, and a list of what the dictionary told.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/encoding/value.h"
#include "core/env/memory_store.h"

namespace meshdict {

// Unix time at which tests begin.
inline constexpr Duration kStart = 1'800'000'000s;

/// What the defaults of MeshSettings come to: a lease, and a margin of the skew, 500 ppm of 4,059 s (a little above 9/8 of a
/// lease), and a millisecond.
inline constexpr Duration kLease = 3600s;
inline constexpr Duration kMargin = 30s + 2'029'500us + 1ms;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return mono; }
  [[nodiscard]] WallTime wall() const override { return wall_time; }
  void advance(Duration by) {
    mono += by;
    wall_time += by;
  }
  MonoTime mono{1'000s};
  WallTime wall_time{kStart};
};

inline NodeId id(std::string_view text) {
  return *NodeId::parse(text);
}

inline Hlc at_ms(std::int64_t after_start) {
  return Hlc::from_ms(std::chrono::duration_cast<std::chrono::milliseconds>(kStart).count() + after_start);
}

/// What tests choose of a DictionaryConfig.
struct Chosen {
  /// In the middle of the other ids of the tests.
  NodeId self = id("M");
  Leasing leasing = MeshSettings().leasing;
  Duration lease = MeshSettings().lease;
  Duration skew = MeshSettings().skew;
  Duration horizon = MeshSettings().horizon;
  std::size_t kept_deletions = DictionaryConfig().kept_deletions;
  bool clock_guard = DictionaryConfig().clock_guard;
};

/// One node's dictionary.
class Fixture {
 public:
  explicit Fixture(const Chosen& chosen = {})
      : config_{{.leasing = chosen.leasing, .lease = chosen.lease, .skew = chosen.skew, .horizon = chosen.horizon},
                chosen.self,
                Boot{10},
                {},
                chosen.kept_deletions,
                chosen.clock_guard} {
    make();
  }

  /// Ends this process and starts the next, which finds the store as it was.
  void restart(std::uint64_t boot) {
    config_.earlier_boots.insert(config_.earlier_boots.begin(), std::exchange(config_.boot, Boot{boot}));
    make();
    ASSERT_TRUE(d->load());
  }

  Dictionary::Merged merge(std::string_view key, std::string_view text, Version version) {
    const Raw value = version.kind == RecordKind::kTombstone ? bytes_value("") : bytes_value(text);
    version.value_hash = sha256(value);
    return d->merge(key, value, version);
  }

  Dictionary::Merged merge_py2p(std::string_view key, std::string_view text, std::string_view owner,
                                std::int64_t after_start, Dictionary::Plain how = Dictionary::Plain::kSaid) {
    const std::int64_t start = std::chrono::duration_cast<std::chrono::seconds>(kStart).count();
    return d->merge_py2p(key, bytes_value(text), id(owner), start + after_start, how);
  }

  auto set(std::string_view key, std::string_view text) { return d->set(key, bytes_value(text)); }

  /// A write, or a delete, that must be admitted.
  void write(std::string_view key, std::string_view text) { EXPECT_TRUE(set(key, text).has_value()); }
  void remove(std::string_view key) { EXPECT_TRUE(d->erase(key).has_value()); }

  /// The same, when it may be refused. True when it was admitted.
  bool try_write(std::string_view key, std::string_view text) { return set(key, text).has_value(); }
  bool try_remove(std::string_view key) { return d->erase(key).has_value(); }

  /// The visible value's bytes; "-" for none.
  [[nodiscard]] std::string get(std::string_view key) const {
    const auto record = d->find(key);
    return record ? client_text(record->value) : "-";
  }

  /// REQUIRES: there is a record.
  [[nodiscard]] Version version(std::string_view key) const { return d->records().get(key).value().version; }

  /// Of the set that nodes compare.
  [[nodiscard]] ReconcileTotal total() const { return d->items().below(kAboveAll); }

  /// What was told since the last call, one word each: "+key" updated, "-key" deleted, "!key:value:reason" conflict;
  /// "l" behind it when local.
  std::string told() {
    std::string out;
    for (const DictionaryEvent& event : std::exchange(events, {})) {
      if (!out.empty()) out += ' ';
      if (const auto* updated = std::get_if<Updated>(&event)) out += "+" + updated->key + (updated->local ? "l" : "");
      if (const auto* deleted = std::get_if<Deleted>(&event)) out += "-" + deleted->key + (deleted->local ? "l" : "");
      if (const auto* conflict = std::get_if<Conflict>(&event)) {
        out += "!" + conflict->key + ":" + client_text(conflict->losing_value) + ":" + conflict->reason;
      }
    }
    return out;
  }

  FakeClock clock;
  MemoryStore store;
  std::vector<DictionaryEvent> events;
  std::unique_ptr<Dictionary> d;

 private:
  void make() {
    d = std::make_unique<Dictionary>(config_, clock, store,
                                     [this](const DictionaryEvent& event) { events.push_back(event); });
  }

  DictionaryConfig config_;
};

/// A claim of `owner`, begun and written at the same time.
inline Version claim(std::string_view owner, Epoch epoch, std::int64_t start_ms) {
  return {
      .epoch = epoch, .claim_start = at_ms(start_ms), .owner = id(owner), .boot = Boot{1}, .written = at_ms(start_ms)};
}
inline Version claim(std::string_view owner, std::uint64_t epoch, std::int64_t start_ms) {
  return claim(owner, Epoch{epoch}, start_ms);
}
inline Version renewed(Version version, std::uint64_t sequence, std::int64_t written_ms) {
  version.sequence = Sequence{sequence};
  version.written = at_ms(written_ms);
  return version;
}
inline Version deleted(Version version) {
  version.kind = RecordKind::kTombstone;
  return version;
}

inline const Leased* leased(const std::expected<void, WriteError>& result) {
  return result ? nullptr : std::get_if<Leased>(&result.error());
}

/// Calls on_time() whenever the dictionary asks for it.
inline void pass(Fixture& node, Duration time) {
  const MonoTime end = node.clock.mono + time;
  while (node.d->next_deadline() && *node.d->next_deadline() <= end) {
    node.clock.advance(std::max(Duration::zero(), *node.d->next_deadline() - node.clock.mono));
    node.d->on_time();
  }
  node.clock.advance(end - node.clock.mono);
}

/// The keys that were written anew since the last call.
inline std::vector<std::string> reissued(Fixture& node) {
  std::vector<std::string> keys;
  for (const OwnRecord& record : node.d->take_reissued())
    keys.emplace_back(record.key());
  return keys;
}

}  // namespace meshdict
