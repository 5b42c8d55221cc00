// ReconcileSet against std::set, and the Reconciler against std::set_symmetric_difference, over a link that counts.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/random.h"
#include "core/messages/message.h"
#include "core/record/reconcile_set.h"
#include "core/sync/reconciler.h"
#include "proptests/core/sync/reconcile_fixture.h"

namespace meshdict {
namespace {

using reconcile_fixture::Link;
using reconcile_fixture::Write;

constexpr std::uint64_t kStart = 1'800'000'000'000;

/// Any two writes of one key at one time are the same.
Write write_at(std::uint64_t key, std::uint64_t unix_ms, std::uint64_t counter = 0) {
  Write write{.key = key, .item = {.written = {unix_ms << 16 | counter}}};
  RandomStream random(derive_seed(derive_seed(key, "item"), write.item.written.bits));
  write.item.hash_high = random.next();
  write.item.hash_low = random.next();
  return write;
}

// ReconcileSet

/// Written out digit by digit: shares nothing with ReconcileTotal.
std::array<std::uint8_t, 16> naive_sum(const std::vector<ReconcileItem>& items) {
  std::array<std::uint8_t, 16> sum{};
  for (const ReconcileItem& item : items) {
    unsigned carry = 0;
    for (unsigned i = 0; i < 16; ++i) {
      const std::uint64_t half = i < 8 ? item.hash_low : item.hash_high;
      carry += static_cast<unsigned>(sum[i]) + static_cast<unsigned>(half >> (8 * (i % 8)) & 0xFF);
      sum[i] = static_cast<std::uint8_t>(carry & 0xFF);
      carry >>= 8;
    }
  }
  return sum;
}

std::array<std::uint8_t, 16> bytes_of(const ReconcileTotal& total) {
  std::array<std::uint8_t, 16> bytes{};
  for (unsigned i = 0; i < 16; ++i)
    bytes[i] = static_cast<std::uint8_t>((i < 8 ? total.sum_low : total.sum_high) >> (8 * (i % 8)) & 0xFF);
  return bytes;
}

void expect_same(const ReconcileSet& set, const std::set<ReconcileItem>& model, const ReconcileItem& lower,
                 const ReconcileItem& upper) {
  const std::vector<ReconcileItem> expected(model.lower_bound(lower), model.lower_bound(upper));
  const ReconcileTotal total = set.between(lower, upper);
  RC_ASSERT(total.count == expected.size());
  RC_ASSERT(bytes_of(total) == naive_sum(expected));
  const std::size_t rank = set.below(lower).count;
  RC_ASSERT(rank == static_cast<std::size_t>(std::distance(model.begin(), model.lower_bound(lower))));
  for (std::size_t i = 0; i < expected.size(); i += 1 + expected.size() / 10)
    RC_ASSERT(set.at(rank + i) == expected[i]);
  std::vector<ReconcileItem> walked;
  for (ReconcileItem from = lower; from < upper;) {
    const ReconcileSet::Run run = set.run(from);
    for (const ReconcileSet::Entry& entry : run.entries) {
      if (entry.item < upper) walked.push_back(entry.item);
      RC_ASSERT(entry.handle == entry.item.hash_low);
    }
    RC_ASSERT(from < run.next);
    from = run.next;
  }
  RC_ASSERT(walked == expected);
}

// Phases, because only long runs of the same make a tree grow and shrink: grow at random, grow at the end, shrink.
RC_GTEST_PROP(ReconcileSet, IsASetThatSumsRanges, (std::uint64_t seed)) {
  RandomStream random(seed);
  const int phases = *rc::gen::inRange(1, 8);
  const std::uint64_t times = *rc::gen::element<std::uint64_t>(1, 50, 1'000'000);
  ReconcileSet set;
  std::set<ReconcileItem> model;
  std::uint64_t end = times;
  const auto any_item = [&] { return write_at(random.below(1'000), random.below(end)).item; };
  for (int phase = 0; phase < phases; ++phase) {
    const std::uint64_t kind = random.below(3);
    const std::uint64_t steps = random.below(4'000);
    for (std::uint64_t step = 0; step < steps; ++step) {
      if (kind == 2 && !model.empty()) {
        const auto near = model.lower_bound(any_item());
        const ReconcileItem item = near == model.end() ? *model.begin() : *near;
        RC_ASSERT(set.erase(item) == (model.erase(item) == 1));
        RC_ASSERT(!set.erase(item));
      } else {
        if (kind == 1) ++end;
        const ReconcileItem item = kind == 1 ? write_at(step, end).item : any_item();
        RC_ASSERT(set.insert(item, item.hash_low) == model.insert(item).second);
        RC_ASSERT(!set.insert(item, 0));
      }
    }
    set.sanity_check();
    RC_ASSERT(set.size() == model.size());
    expect_same(set, model, ReconcileItem{}, kAboveAll);
    for (int i = 0; i < 10; ++i) {
      const ReconcileItem one = any_item();
      const ReconcileItem other = any_item();
      expect_same(set, model, std::min(one, other), std::max(one, other));
      RC_ASSERT(set.find(one).has_value() == model.contains(one));
    }
  }
}

TEST(ReconcileSet, StaysCompactWhenRecordsAreOverwritten) {
  RandomStream random(5);
  ReconcileSet set;
  std::vector<ReconcileItem> present;
  for (std::uint64_t key = 0; key < 100'000; ++key) {
    present.push_back(write_at(key, kStart + key).item);
    set.insert(present.back(), key);
  }
  EXPECT_LE(set.memory() / set.size(), 38U);
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    const std::uint64_t key = random.below(present.size());
    ASSERT_TRUE(set.erase(present[key]));
    present[key] = write_at(key, kStart + 100'000 + i).item;
    ASSERT_TRUE(set.insert(present[key], key));
  }
  set.sanity_check();
  EXPECT_LE(set.memory() / set.size(), 48U);
}

// Bytes

RC_GTEST_PROP(RangeWriter, RoundTrips, (std::uint64_t seed, bool more)) {
  RandomStream random(seed);
  std::set<ReconcileItem, std::greater<>> bounds;
  for (std::uint64_t i = random.below(40); i > 0; --i) {
    const ReconcileItem below = write_at(random.below(5), kStart + random.below(20)).item;
    const ReconcileItem item = write_at(5 + random.below(5), kStart + random.below(1'000'000)).item;
    const ReconcileItem bound = below < item ? separator(below, item) : item;
    RC_ASSERT(bound <= item && (bound > below || bound == item));
    bounds.insert(bound);
  }
  RangeWriter writer;
  std::vector<std::tuple<ReconcileItem, RangeMode, std::vector<std::uint64_t>>> expected;
  for (const ReconcileItem& lower : bounds) {
    const auto mode = static_cast<RangeMode>(random.below(4));
    std::vector<std::uint64_t> ids(mode == RangeMode::kSkip ? 0 : random.below(300));
    if (mode == RangeMode::kFingerprint) ids.resize(1);
    for (std::uint64_t& id : ids)
      id = random.next();
    if (mode == RangeMode::kSkip) {
      writer.skip(lower);
      if (!expected.empty() && std::get<1>(expected.back()) == mode) expected.pop_back();
    } else if (mode == RangeMode::kFingerprint) {
      writer.fingerprint(lower, ids[0]);
    } else {
      writer.ids(lower, mode, ids);
    }
    expected.emplace_back(lower, mode, ids);
    const RangeWriter::Mark mark = writer.mark();
    writer.fingerprint(ReconcileItem{}, 7);
    writer.return_to(mark);
  }
  if (!more && !expected.empty() && std::get<1>(expected.back()) == RangeMode::kSkip) expected.pop_back();
  const auto decoded = decode_ranges(more ? writer.take_with_last_skip() : writer.take());
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [lower, mode, ids] = expected[i];
    const Range& range = (*decoded)[i];
    RC_ASSERT(range.lower == lower && range.mode == mode);
    const bool is_same = mode == RangeMode::kFingerprint ? range.fingerprint == ids[0] : range.ids == ids;
    RC_ASSERT(is_same);
  }
}

TEST(DecodeRanges, RefusesDamage) {
  const std::string lowest("\x00\x00", 2);
  EXPECT_TRUE(decode_ranges(lowest));
  EXPECT_FALSE(decode_ranges(lowest + lowest)) << "the bound does not fall";
  EXPECT_FALSE(decode_ranges("\x01")) << "half a head";
  EXPECT_FALSE(decode_ranges(std::string("\x19\x00", 2) + std::string(25, 'x'))) << "a bound of 25 bytes";
  EXPECT_FALSE(decode_ranges(std::string("\x01\x18x", 3))) << "24 shared bytes and one more";
  EXPECT_FALSE(decode_ranges(std::string("\x02\x00x", 3))) << "a bound cut off";
  EXPECT_FALSE(
      decode_ranges(std::string("\x40\x00"
                                "1234567",
                                9)))
      << "a fingerprint cut off";
  EXPECT_TRUE(
      decode_ranges(std::string("\x40\x00"
                                "12345678",
                                10)));
  EXPECT_FALSE(
      decode_ranges(std::string("\x80\x00\x02"
                                "12345678",
                                11)))
      << "one of two ids";
  EXPECT_TRUE(
      decode_ranges(std::string("\x80\x00\x01"
                                "12345678",
                                11)));
  EXPECT_FALSE(decode_ranges(std::string("\x80\x00\xff\xff\xff\xff\x0f", 7))) << "a count beyond all bytes";
  EXPECT_FALSE(decode_ranges(std::string("\x80\x00\xff", 3))) << "half a count";
}

TEST(Reconciler, RefusesAnAnswerThatPutsOffEverything) {
  ReconcileSet set;
  Reconciler reconciler(set);
  reconciler.ask(SessionId{1});
  ASSERT_TRUE(reconciler.work(100, [](const auto&) { return true; }));
  EXPECT_FALSE(
      reconciler.take_answer({.session = SessionId{1}, .reach = 0, .more = true, .closing = false, .ranges = {}}));
  EXPECT_TRUE(
      reconciler.take_answer({.session = SessionId{2}, .reach = 0, .more = true, .closing = false, .ranges = {}}))
      << "of another session: ignored";
}

// Two sides

struct Shape {
  std::uint64_t common = 0;
  std::uint64_t only[2] = {0, 0};
  // Of the common ones.
  std::uint64_t span_ms = 0;
  bool recent_differences = false;
};

void fill(Link& link, const Shape& shape, RandomStream& random) {
  std::uint64_t key = 0;
  const auto draw = [&](std::uint64_t from, std::uint64_t span) {
    const std::uint64_t time = from + random.below(span + 1);
    return write_at(++key, time, random.below(3));
  };
  for (std::uint64_t i = 0; i < shape.common; ++i) {
    const Write write = draw(kStart, shape.span_ms);
    for (auto& side : link.sides)
      side.merge(write);
  }
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::uint64_t i = 0; i < shape.only[side]; ++i) {
      link.sides[side].merge(shape.recent_differences ? draw(kStart + shape.span_ms, 1'000)
                                                      : draw(kStart, shape.span_ms));
    }
  }
}

std::vector<ReconcileItem> items_of(const ReconcileSet& set) {
  std::vector<ReconcileItem> items;
  items.reserve(set.size());
  for (std::size_t rank = 0; rank < set.size(); ++rank)
    items.push_back(set.at(rank));
  return items;
}

/// Messages that a session may take. Within a pass each side divides its items by 32 a turn until they fit a list; a
/// list, a wish and what answers it follow. A pass is cut short by the reach, which grows fourfold, or by the size
/// of a message: then as many different ranges were settled as fit one, each with a difference.
std::size_t most_messages(std::size_t items, std::size_t differences, std::size_t max_bytes) {
  constexpr std::size_t kLargestReply = 32 * (2 + 24 + 8) + 26;
  std::size_t levels = 0;
  for (std::size_t held = 64; held < items; held *= 32)
    ++levels;
  std::size_t passes = 1 + differences / (max_bytes / kLargestReply);
  for (std::size_t reach = 4'096; reach < items; reach *= 4)
    ++passes;
  return passes * (2 * levels + 6);
}

RC_GTEST_PROP(Reconciler, FindsTheSymmetricDifference, (std::uint64_t seed)) {
  RandomStream random(seed);
  const auto count = rc::gen::element<std::uint64_t>(0, 1, 2, 20, 300, 9'000);
  const Shape shape{.common = *count,
                    .only = {*count, *count},
                    .span_ms = *rc::gen::element<std::uint64_t>(0, 10, 100'000, 1'000'000'000),
                    .recent_differences = *rc::gen::arbitrary<bool>()};
  const std::size_t max_bytes = *rc::gen::inRange(kMinRangeBytes, kMaxRangeBytes);
  Link link(max_bytes);
  fill(link, shape, random);
  const auto items0 = items_of(link.sides[0].set);
  const auto items1 = items_of(link.sides[1].set);
  std::vector<ReconcileItem> only0;
  std::vector<ReconcileItem> only1;
  std::ranges::set_difference(items0, items1, std::back_inserter(only0));
  std::ranges::set_difference(items1, items0, std::back_inserter(only1));

  link.sides[0].reconciler.ask(SessionId{random.next()});
  const std::size_t budget = 1 + static_cast<std::size_t>(random.below(500));
  const std::size_t batch = 1 + static_cast<std::size_t>(random.below(100));
  RC_ASSERT(link.run(budget, batch));

  for (auto& side : link.sides)
    std::ranges::sort(side.sent);
  RC_ASSERT(link.sides[0].sent == only0);
  RC_ASSERT(link.sides[1].sent == only1);
  RC_ASSERT(link.is_healed());
  RC_ASSERT(link.sides[0].reconciler.asked() == Reconciler::Asked::kComplete);
  RC_ASSERT(link.sides[1].reconciler.peer_complete());
  RC_ASSERT(link.largest_ranges <= max_bytes);
  const std::size_t differences = only0.size() + only1.size();
  RC_ASSERT(link.messages <= most_messages(items0.size() + items1.size(), differences, max_bytes));
  // One question, and an answer with nothing in it.
  if (differences == 0) RC_ASSERT(link.messages == 2U);
}

RC_GTEST_PROP(Reconciler, EqualSetsSayNothingBack, (std::uint64_t seed)) {
  RandomStream random(seed);
  Link link;
  fill(link,
       {.common = random.below(3'000), .only = {0, 0}, .span_ms = random.below(1'000), .recent_differences = false},
       random);
  link.sides[1].reconciler.ask(SessionId{random.next()});
  const auto question = link.sides[1].reconciler.work(1'000'000, [](const auto&) { return true; });
  RC_ASSERT(question.has_value() && question->is_question);
  RC_ASSERT(link.sides[0].reconciler.take_question(question->message).has_value());
  const auto answer = link.sides[0].reconciler.work(1'000'000, [](const auto&) { return true; });
  RC_ASSERT(answer.has_value() && !answer->is_question);
  RC_ASSERT(answer->message.ranges.empty() && !answer->message.more);
}

TEST(Reconciler, FingerprintsTellApartSumCountAndSession) {
  const ReconcileTotal total{.count = 2, .sum_high = 3, .sum_low = 4};
  EXPECT_EQ(fingerprint(SessionId{1}, total), fingerprint(SessionId{1}, total));
  EXPECT_NE(fingerprint(SessionId{1}, total), fingerprint(SessionId{2}, total));
  EXPECT_NE(fingerprint(SessionId{1}, total), fingerprint(SessionId{1}, {.count = 1, .sum_high = 3, .sum_low = 4}));
  EXPECT_NE(fingerprint(SessionId{1}, total), fingerprint(SessionId{1}, {.count = 2, .sum_high = 4, .sum_low = 3}));
}

// Each pass reaches four times further: 4,096 items, 16,384, 65,536, all.
TEST(Reconciler, ManyOldDifferencesTakeFewPasses) {
  RandomStream random(3);
  Link link;
  fill(link, {.common = 150'000, .only = {100, 100}, .span_ms = 10'000'000, .recent_differences = false}, random);
  link.sides[0].reconciler.ask(SessionId{1});
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(link.is_healed());
  EXPECT_GE(link.passes, 2U) << "or this shows nothing";
  EXPECT_LE(link.passes, 5U);
}

// Both ask, records are overwritten, and both sides write on meanwhile: after one quiet session more all is well.
RC_GTEST_PROP(Reconciler, IsSafeWhileTheSetsChange, (std::uint64_t seed)) {
  RandomStream random(seed);
  Link link;
  fill(link, {.common = 3'000, .only = {300, 300}, .span_ms = 100'000, .recent_differences = true}, random);
  std::uint64_t now = kStart + 200'000;
  std::uint64_t writes = 500;
  link.before_step = [&] {
    if (writes == 0) return;
    --writes;
    const std::uint64_t key = random.below(4'000);
    const std::uint64_t side = random.below(2);
    link.sides[side].merge(write_at(key, random.chance(1, 2) ? ++now : kStart + random.below(200'000)));
  };
  for (auto& side : link.sides)
    side.reconciler.ask(SessionId{random.next()});
  RC_ASSERT(link.run(50, 7));
  RC_ASSERT(writes == 0U);
  link.forget_counts();
  link.sides[0].reconciler.ask(SessionId{random.next()});
  RC_ASSERT(link.run());
  RC_ASSERT(link.is_healed());
  link.forget_counts();
  link.sides[1].reconciler.ask(SessionId{random.next()});
  RC_ASSERT(link.run());
  RC_ASSERT(link.messages == 2U);
}

// A damaged message is refused, or it costs a difference that the next session finds; nothing worse.
RC_GTEST_PROP(Reconciler, SurvivesDamage, (std::uint64_t seed)) {
  RandomStream random(seed);
  Link link;
  fill(link, {.common = 2'000, .only = {200, 200}, .span_ms = 10'000, .recent_differences = true}, random);
  link.on_wire = [&](std::string bytes) {
    if (random.chance(1, 2)) return bytes;
    const auto at = static_cast<std::size_t>(random.below(bytes.size()));
    if (random.chance(1, 4)) {
      bytes.resize(at);
    } else {
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ 1U << random.below(8));
    }
    return bytes;
  };
  link.sides[0].reconciler.ask(SessionId{random.next()});
  link.run();
  Link fresh;
  for (std::size_t side = 0; side < 2; ++side) {
    link.sides[side].set.sanity_check();
    for (const auto& [key, item] : link.sides[side].present)
      fresh.sides[side].merge({.key = key, .item = item});
  }
  fresh.sides[0].reconciler.ask(SessionId{random.next()});
  RC_ASSERT(fresh.run());
  RC_ASSERT(fresh.is_healed());
}

// What design.md promises, in bytes and round trips, whole frames counted.

std::size_t record_frame_size() {
  RandomStream random(1);
  const std::string value(34, 'v');
  const Version version{.epoch = Epoch{3},
                        .claim_start = Hlc::from_ms(kStart),
                        .owner = NodeId::generate(random),
                        .boot = Boot{random.next()},
                        .sequence = Sequence{9},
                        .written = Hlc::from_ms(kStart)};
  const Records records{.entries = {{.key = "a key of 24 characters..", .value = value, .version = version}}};
  const EncodeHead head{.sender = version.owner, .time = kStart / 1'000, .stamp = Stamp{.boot = Boot{1}, .counter = 1}};
  return 4 + 32 + encode_message(head, records).size();
}

class AMillionKeys : public testing::Test {
 protected:
  static constexpr std::uint64_t kKeys = 1'000'000;

  AMillionKeys() {
    for (std::uint64_t key = 0; key < kKeys; ++key)
      write_both(write_at(key, next_time()));
  }

  std::uint64_t next_time() { return now_ += random_.below(80); }
  std::uint64_t any_time() { return kStart + random_.below(now_ - kStart); }
  void write_both(const Write& write) {
    for (auto& side : link_.sides)
      side.merge(write);
  }
  void heal() {
    link_.forget_counts();
    link_.sides[0].reconciler.ask(SessionId{random_.next()});
    ASSERT_TRUE(link_.run());
    ASSERT_TRUE(link_.is_healed());
  }

  RandomStream random_{11};
  std::uint64_t now_ = kStart;
  Link link_;
};

TEST_F(AMillionKeys, OneDifferenceHealsInThreeKibAndThreeRoundTrips) {
  std::uint64_t fresh_key = kKeys;
  const auto expect_cheap = [&](const char* what) {
    heal();
    EXPECT_LE(link_.range_bytes + record_frame_size(), 3U * 1'024) << what;
    EXPECT_LE(link_.record_flights, 6U) << what;
    EXPECT_EQ(link_.sides[0].sent.size() + link_.sides[1].sent.size(), 1U) << what;
  };
  for (std::size_t i = 0; i < 12; ++i) {
    auto& side = link_.sides[i % 2];
    side.merge(write_at(++fresh_key, next_time()));
    expect_cheap("a new key");
    side.merge(write_at(random_.below(kKeys), next_time()));
    expect_cheap("an old key written anew");
    side.merge(write_at(++fresh_key, any_time()));
    expect_cheap("an old difference somewhere");
  }
}

TEST_F(AMillionKeys, AHundredRecentDifferencesAreFoundInTenKib) {
  std::uint64_t fresh_key = kKeys;
  for (std::uint64_t sides = 1; sides <= 2; ++sides) {
    for (const bool overwrite : {false, true}) {
      for (std::uint64_t i = 0; i < 100; ++i)
        link_.sides[i % sides].merge(write_at(overwrite ? random_.below(kKeys) : ++fresh_key, next_time()));
      heal();
      EXPECT_LE(link_.range_bytes, 4U * 1'024) << sides << " sides, overwritten: " << overwrite;
      EXPECT_LE(link_.record_flights, 6U);
    }
  }
}

}  // namespace
}  // namespace meshdict
