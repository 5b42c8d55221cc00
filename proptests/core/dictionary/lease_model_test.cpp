// Leases at the writer: one dictionary against a naive model, and two nodes with bad clocks.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/dictionary/dictionary.h"
#include "core/record/claim_marks.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;

/// What a node believes of one key, kept the slow and obvious way: as numbers of microseconds.
struct NaiveKey {
  std::string owner;
  bool deleted = false;
  Epoch epoch = Epoch::kNone;
  Sequence sequence = Sequence::kFirst;
  Hlc start;
  Hlc written;
  std::int64_t age_when_seen = 0;
  std::int64_t seen = 0;

  /// M1 in claim_marks.h.
  [[nodiscard]] bool given_up() const { return written < start; }
};

/// Runs random operations on one dictionary and predicts each answer. Other nodes are only heard of: they take keys
/// whenever they like, always with the next epoch, or renew what they have, or give it up. Clocks jump within the skew.
class Model {
 public:
  void step() {
    switch (*rc::gen::weightedElement<int>({{4, 0}, {2, 1}, {3, 2}, {4, 3}, {1, 4}, {1, 5}, {1, 6}})) {
      case 0:
        write(false);
        break;
      case 1:
        write(true);
        break;
      case 2:
        hear();
        break;
      case 3:
        node_.clock.advance(*rc::gen::element<Duration>(1us, 1ms, 10s, 600s, kLease - kMargin, kLease, kLease + kMargin,
                                                        kLease + kMargin + 1us, 2 * kMargin));
        break;
      case 4:
        offset_ = *rc::gen::element<Duration>(-10s, 0s, 10s);
        break;
      case 5:
        restart();
        break;
      default:
        release();
    }
    node_.clock.wall_time = WallTime(kStart + node_.clock.mono.time_since_epoch() + offset_);
    for (const std::string key : {"a", "b", "c"})
      check_shown(key);
    node_.d->sanity_check();
  }

 private:
  [[nodiscard]] std::int64_t now() const { return node_.clock.mono.time_since_epoch().count(); }
  [[nodiscard]] std::int64_t age(const NaiveKey& key) const { return key.age_when_seen + now() - key.seen; }
  [[nodiscard]] bool trusted(const NaiveKey& key) const {
    return key.owner == "M" && !key.given_up() && age(key) <= (kLease - kMargin).count();
  }

  /// What our hybrid clock shows: the wall clock, or what it has seen.
  [[nodiscard]] std::int64_t clock_ms() const {
    const auto wall = std::chrono::floor<std::chrono::milliseconds>(node_.clock.wall_time.time_since_epoch()).count();
    return std::max(wall, highest_.unix_ms());
  }

  /// The time until `key` is free for us; nothing when it is.
  [[nodiscard]] std::optional<std::int64_t> refusal(const std::string& key) const {
    const auto known = keys_.find(key);
    if (known == keys_.end() || known->second.deleted || known->second.owner == "M" || known->second.given_up())
      return std::nullopt;
    const std::int64_t left = (kLease + kMargin).count() - age(known->second);
    if (left < 0) return std::nullopt;
    return std::max<std::int64_t>(left, 1'000);
  }

  void check_shown(const std::string& key) const {
    const auto view = node_.d->lease(key);
    const auto known = keys_.find(key);
    RC_ASSERT(view.has_value() == (known != keys_.end() && !known->second.deleted));
    if (!view) return;
    RC_ASSERT(view->owner == id(known->second.owner));
    RC_ASSERT(view->epoch == known->second.epoch);
    RC_ASSERT(view->ours == (known->second.owner == "M"));
    RC_ASSERT(view->held == (view->ours ? trusted(known->second) : refusal(key).has_value()));
  }

  void write(bool deletes) {
    const std::string key = *rc::gen::element<std::string>("a", "b", "c");
    const auto expected = refusal(key);
    const auto admitted = node_.d->admit(key);
    const auto result = deletes ? node_.d->erase(key) : node_.set(key, "ours");
    RC_ASSERT(admitted.has_value() == !expected);
    if (expected) {
      for (const WriteError& error : {admitted.error(), result.error()}) {
        RC_ASSERT(std::get<Leased>(error).owner == id(keys_.at(key).owner));
        RC_ASSERT(std::get<Leased>(error).left.count() == *expected);
      }
      return;
    }
    const NaiveKey known = keys_.contains(key) ? keys_.at(key) : NaiveKey{};
    if (deletes && (known.epoch == Epoch::kNone || known.deleted)) {
      RC_ASSERT(std::holds_alternative<NoSuchKey>(result.error()));
      return;
    }
    RC_ASSERT(result.has_value());
    const Version& version = node_.version(key);
    const bool renews = trusted(known);
    RC_ASSERT(version.owner == id("M"));
    RC_ASSERT(version.epoch == (renews ? known.epoch : next(known.epoch)));
    RC_ASSERT(version.sequence == (renews ? next(known.sequence) : Sequence::kFirst));
    RC_ASSERT(version.claim_start == (renews ? known.start : version.written));
    RC_ASSERT(version.boot == Boot{boot_});
    RC_ASSERT(version.written > highest_);
    RC_ASSERT(version.written.unix_ms() == clock_ms());
    highest_ = version.written;
    keys_[key] = {.owner = "M",
                  .deleted = deletes,
                  .epoch = version.epoch,
                  .sequence = version.sequence,
                  .start = version.claim_start,
                  .written = version.written,
                  .age_when_seen = 0,
                  .seen = now()};
  }

  void release() {
    const std::string key = *rc::gen::element<std::string>("a", "b", "c");
    const NaiveKey known = keys_.contains(key) ? keys_.at(key) : NaiveKey{};
    const bool holds = trusted(known) && !known.deleted;
    const auto released = node_.d->release(key);
    RC_ASSERT(released.has_value());
    RC_ASSERT(released->has_value() == holds);
    if (!holds) return;
    const Version& version = node_.version(key);
    RC_ASSERT(version.owner == id("M"));
    RC_ASSERT(version.kind == RecordKind::kValue);
    RC_ASSERT(version.epoch == known.epoch);
    RC_ASSERT(version.sequence == next(known.sequence));
    RC_ASSERT(version.claim_start == known.start);
    RC_ASSERT(known.start - version.written > kLease + 2 * kMargin - 1ms);
    // The clock has moved on for it, although the write does not say when.
    highest_ = std::max(highest_, Hlc::from_ms(clock_ms()));
    NaiveKey& now_known = keys_.at(key);
    now_known.sequence = version.sequence;
    now_known.written = version.written;
    now_known.age_when_seen = (clock_ms() - version.written.unix_ms()) * 1'000;
    now_known.seen = now();
  }

  bool first_contest(const std::string& key, const std::string& rival) {
    auto& [began, rivals] = contests_[key];
    if (rivals.empty() || now() - began > kLease.count()) {
      began = now();
      rivals.clear();
    }
    return rivals.insert(rival).second;
  }

  void hear() {
    const std::string key = *rc::gen::element<std::string>("a", "b", "c");
    const NaiveKey known = keys_.contains(key) ? keys_.at(key) : NaiveKey{};
    const std::string owner = *rc::gen::element<std::string>("A", "Z");
    // On its way for up to an hour, or by a clock that is ahead of ours.
    const std::int64_t delay_ms = *rc::gen::element(0, 1, 20'000, 3'600'000, -5'000);
    const auto wall = std::chrono::floor<std::chrono::milliseconds>(node_.clock.wall_time.time_since_epoch()).count();
    const Hlc written = Hlc::from_ms(wall - delay_ms);
    Version version{
        .epoch = next(known.epoch), .claim_start = written, .owner = id(owner), .boot = Boot{1}, .written = written};
    if (known.owner == owner && *rc::gen::arbitrary<bool>()) {
      version.epoch = known.epoch;
      version.claim_start = known.start;
      version.sequence = next(known.sequence);
    }
    if (*rc::gen::inRange(0, 4) == 0) version.written = time_of_giving_up(version.claim_start, MeshSettings());
    if (*rc::gen::inRange(0, 4) == 0) version.kind = RecordKind::kTombstone;
    const bool nobodys = version.kind == RecordKind::kTombstone || is_given_up(version);
    const bool reclaims = trusted(known) && !known.deleted && nobodys && first_contest(key, owner);
    RC_ASSERT(node_.merge(key, "theirs", version) == (reclaims ? Merged::kLost : Merged::kWon));
    highest_ = std::max(highest_, version.written);
    if (reclaims) {
      const Version& taken = node_.version(key);
      RC_ASSERT(taken.epoch == next(version.epoch));
      RC_ASSERT(taken.written > highest_);
      RC_ASSERT(taken.written == taken.claim_start);
      highest_ = taken.written;
      keys_[key] = {.owner = "M",
                    .deleted = false,
                    .epoch = taken.epoch,
                    .sequence = Sequence{0},
                    .start = taken.written,
                    .written = taken.written,
                    .age_when_seen = 0,
                    .seen = now()};
      return;
    }
    // The same write under a larger epoch is as old as it was.
    const bool again = known.owner == owner && known.written == version.written;
    const std::int64_t age_ms = std::max<std::int64_t>(0, clock_ms() - version.written.unix_ms());
    keys_[key] = {.owner = owner,
                  .deleted = version.kind == RecordKind::kTombstone,
                  .epoch = version.epoch,
                  .sequence = version.sequence,
                  .start = version.claim_start,
                  .written = version.written,
                  .age_when_seen = again ? known.age_when_seen : age_ms * 1'000,
                  .seen = again ? known.seen : now()};
  }

  void restart() {
    node_.restart(++boot_);
    contests_.clear();
    highest_ = Hlc{};
    for (const auto& [key, known] : keys_)
      highest_ = std::max(highest_, known.written);
    for (auto& [key, known] : keys_) {
      known.age_when_seen = std::max<std::int64_t>(0, clock_ms() - known.written.unix_ms()) * 1'000;
      known.seen = now();
    }
  }

  Fixture node_;
  std::map<std::string, NaiveKey> keys_;
  std::map<std::string, std::pair<std::int64_t, std::set<std::string>>> contests_;
  std::uint64_t boot_ = 10;
  Hlc highest_;
  Duration offset_{};
};

RC_GTEST_PROP(Admission, AnswersAsTheNaiveModelSays, ()) {
  Model model;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i)
    model.step();
}

/// A node whose clocks run at a rate and stand at an offset, within the bounds that the configuration promises.
class OddNode {
 public:
  OddNode(std::string_view name, Duration skew)
      : node_({.self = id(name), .skew = skew}), skew_(skew), rate_ppm_(*rc::gen::element(-500, 0, 500)) {
    redraw_offset();
  }

  /// Turns the clocks to a true time since the start.
  void at(Duration time) {
    node_.clock.mono = MonoTime(Duration(time.count() + time.count() / 1'000 * rate_ppm_ / 1'000));
    node_.clock.wall_time = WallTime(kStart + time + offset_);
  }
  void restart() { node_.restart(11); }
  void redraw_offset() { offset_ = skew_ / 2 * *rc::gen::element(-1, 0, 1); }

  [[nodiscard]] bool trusts() const { return node_.d->lease("k")->ours && node_.d->lease("k")->held; }
  [[nodiscard]] bool may_write() const { return node_.d->admit("k").has_value(); }
  Fixture& node() { return node_; }

 private:
  Fixture node_;
  Duration skew_;
  std::int64_t rate_ppm_;
  Duration offset_{};
};

/// The first true time from which `holds` is false, to the microsecond. REQUIRES: it changes once.
template <typename Predicate>
Duration end_of(OddNode& node, Duration from, Predicate holds) {
  Duration low = from;
  Duration high = from + 3 * kLease;
  while (high - low > 1us) {
    const Duration middle = low + (high - low) / 2;
    node.at(middle);
    (holds() ? low : high) = middle;
  }
  return high;
}

RC_GTEST_PROP(Admission, WithClocksInBoundsTheOwnerStopsBeforeAnyoneStarts, ()) {
  const Duration skew = *rc::gen::element<Duration>(0s, 30s);
  OddNode owner("A", skew);
  OddNode other("B", skew);
  const Duration written =
      std::chrono::milliseconds(*rc::gen::inRange(20'000, 30'000)) + Duration(*rc::gen::element(0, 1, 500, 999));
  owner.at(written);
  const auto sent = owner.node().set("k", "x");
  RC_ASSERT(sent.has_value());
  const Version version = owner.node().version("k");

  const Duration arrived = written + *rc::gen::element<Duration>(0us, 1'001us, 2s, 1000s);
  other.at(arrived);
  RC_ASSERT(other.node().merge("k", "x", version) == Merged::kWon);
  Duration from = arrived;
  if (*rc::gen::arbitrary<bool>()) {
    // A lease that went through a restart is aged by the wall clock, which may have been set meanwhile.
    from = arrived + *rc::gen::element<Duration>(1us, 1s, 3'000s);
    owner.redraw_offset();
    owner.at(from);
    owner.restart();
  }
  const Duration stops = end_of(owner, from, [&] { return owner.trusts(); });
  const Duration starts = end_of(other, from, [&] { return !other.may_write(); });
  RC_ASSERT(stops <= starts);
}

}  // namespace
}  // namespace meshdict
