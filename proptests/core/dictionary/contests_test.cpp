// What an owner does when another's claim meets its own: the rules of contests.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/dictionary/contests.h"
#include "core/dictionary/dictionary.h"
#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Merged = Dictionary::Merged;

/// A node that has claimed "k" ten seconds after the start, and holds it.
class Contest : public ::testing::Test {
 protected:
  Contest() {
    node.clock.advance(10s);
    node.write("k", "ours");
    node.told();
  }
  /// The key is ours with this epoch, with nothing told and the news to be broadcast.
  void expect_kept(std::uint64_t epoch) {
    EXPECT_EQ(node.get("k"), "ours");
    EXPECT_EQ(node.version("k").owner, id("M"));
    EXPECT_EQ(node.version("k").epoch, Epoch{epoch});
    EXPECT_EQ(node.told(), "");
    EXPECT_THAT(reissued(node), ElementsAre("k"));
    node.d->sanity_check();
  }
  Fixture node;
};

// Taken again

TEST_F(Contest, ATombstoneDoesNotEndALiveClaim) {
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 5, 1'000))), Merged::kLost);
  expect_kept(6);
  EXPECT_EQ(node.version("k").claim_start, node.version("k").written);
  EXPECT_EQ(node.version("k").sequence, Sequence{0});
  EXPECT_EQ(node.d->lease("k")->left, kLease - kMargin);
}

TEST_F(Contest, NeitherDoesAClaimWhoseLeaseHasLapsed) {
  node.clock.advance(2h);
  node.write("k", "ours");
  node.told();
  EXPECT_EQ(node.merge("k", "theirs", claim("A", 5, 20'000)), Merged::kLost);
  expect_kept(6);
}

TEST_F(Contest, NorOneOfAnEarlierIncarnation) {
  EXPECT_EQ(node.merge("k", "then", claim("M", 5, 1'000)), Merged::kLost);
  expect_kept(6);
  EXPECT_EQ(node.version("k").boot, Boot{10});
}

TEST_F(Contest, ALiveClaimDoes) {
  EXPECT_EQ(node.merge("k", "theirs", claim("A", 5, 1'000)), Merged::kWon);
  EXPECT_EQ(node.told(), "!k:ours:epoch +k");
  EXPECT_THAT(reissued(node), IsEmpty());
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kLost);
}

TEST_F(Contest, WhoDoesNotTrustItsLeaseTakesNothingAgain) {
  node.clock.advance(kLease - kMargin + 1us);
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 5, 1'000))), Merged::kWon);
  EXPECT_THAT(reissued(node), IsEmpty());
}

TEST_F(Contest, ADeletedKeyIsNotTakenAgain) {
  node.remove("k");
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 5, 1'000))), Merged::kWon);
  EXPECT_THAT(reissued(node), IsEmpty());
}

// Issued again

TEST_F(Contest, AWinnerOfTheSameEpochTakesTheNext) {
  const Version before = node.version("k");
  EXPECT_EQ(node.merge("k", "theirs", claim("A", 1, 20'000)), Merged::kLost);
  expect_kept(2);
  const Version& after = node.version("k");
  EXPECT_EQ(after.claim_start, before.claim_start);
  EXPECT_EQ(after.written, before.written) << "the lease must not grow";
  EXPECT_EQ(after.sequence, next(before.sequence));
}

TEST_F(Contest, AClaimIssuedAgainIsAsOldAsItWas) {
  node.clock.advance(3'000s);
  const Duration left = node.d->lease("k")->left;
  node.clock.wall_time -= 2'990s;
  node.merge("k", "theirs", claim("A", 1, 20'000));
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  EXPECT_EQ(node.d->lease("k")->left, left);
}

TEST_F(Contest, AClaimIssuedAgainIsAsOldAsItWasAtOthers) {
  Fixture other;
  const Version first = claim("A", 1, 0);
  other.merge("k", "x", first);
  other.clock.advance(10min);
  other.clock.wall_time += 2h;
  Version again = first;
  again.epoch = Epoch{2};
  again.sequence = Sequence{1};
  EXPECT_EQ(other.merge("k", "x", again), Merged::kWon);
  EXPECT_EQ(other.d->lease("k")->left, kLease + kMargin - 10min);
  EXPECT_FALSE(other.try_write("k", "taken"));
}

TEST_F(Contest, WithoutRoomForAnotherEpochNothingIsIssued) {
  Version full = claim("M", 0, 10'000);
  full.boot = Boot{10};
  full.epoch = largest_epoch(full.written);
  node.merge("k", "ours", full);
  EXPECT_EQ(node.merge("k", "theirs", claim("A", full.epoch, 20'000)), Merged::kLost);
  EXPECT_EQ(node.version("k").epoch, full.epoch);
  EXPECT_THAT(reissued(node), IsEmpty());
}

TEST_F(Contest, WhatHasLostMeanwhileIsNoLongerOurs) {
  node.merge("k", "theirs", claim("A", 1, 20'000));
  node.merge("k", "theirs", claim("A", 5, 20'000));
  EXPECT_THAT(reissued(node), IsEmpty());
}

TEST_F(Contest, OneThatStandsAboveAlreadyStays) {
  EXPECT_EQ(node.merge("k", "theirs", claim("A", 0, 20'000)), Merged::kLost);
  EXPECT_EQ(node.version("k").epoch, Epoch{1});
  EXPECT_THAT(reissued(node), IsEmpty());
}

TEST_F(Contest, ABystanderIssuesNothing) {
  node.merge("j", "theirs", claim("A", 1, 0));
  EXPECT_EQ(node.merge("j", "others", claim("B", 1, 1)), Merged::kLost);
  EXPECT_THAT(reissued(node), IsEmpty());
}

TEST_F(Contest, WithoutLeasesNothingIsContested) {
  Fixture free({.leasing = Leasing::kOff});
  free.clock.advance(10s);
  free.write("k", "ours");
  EXPECT_EQ(free.merge("k", "theirs", claim("A", 1, 0)), Merged::kLost);
  EXPECT_EQ(free.merge("k", "", deleted(claim("A", 5, 0))), Merged::kWon);
  EXPECT_THAT(reissued(free), IsEmpty());
}

TEST_F(Contest, EachRivalOnceInALeaseTime) {
  node.merge("k", "theirs", claim("A", 1, 20'000));
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  node.merge("k", "theirs", claim("A", 2, 20'001));
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 9, 1'000))), Merged::kWon) << "of whichever kind";
  node.told();

  node.clock.advance(kLease + 1us);
  node.write("k", "ours");
  const Epoch epoch = node.version("k").epoch;
  node.merge("k", "theirs", claim("A", epoch, 7'300'000));
  EXPECT_EQ(node.version("k").epoch, next(epoch));
}

TEST_F(Contest, ABoundedNumberOfRivals) {
  for (std::size_t i = 0; i < limits::kMaxContestedRivals + 5; ++i) {
    node.merge("k", "theirs", claim(std::string(1, "ABCDEFGHJKLNPQRST"[i]), node.version("k").epoch, 20'000));
  }
  EXPECT_EQ(node.version("k").epoch, Epoch{1 + limits::kMaxContestedRivals});
}

TEST_F(Contest, ABoundedNumberOfKeys) {
  for (std::size_t i = 0; i < limits::kMaxContests + 5; ++i) {
    const std::string key = std::to_string(i);
    node.write(key, "ours");
    node.merge(key, "theirs", claim("A", 1, 20'000));
  }
  EXPECT_EQ(node.d->take_reissued().size(), limits::kMaxContests);
  node.d->sanity_check();
  node.clock.advance(kLease + 1us);
  node.write("k", "ours");
  node.merge("k", "theirs", claim("A", node.version("k").epoch, 7'300'000));
  EXPECT_THAT(reissued(node), ElementsAre("k")) << "old contests make room";
}

// States

TEST(LeaseStates, AClaimIsSettledAfterTwiceTheDelayInContact) {
  Fixture node;
  node.d->set_contact(true);
  node.write("k", "ours");
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kTentative);
  node.clock.advance(4s - 1us);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kTentative);
  node.clock.advance(1us);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kSettled);
  node.d->set_contact(false);
  node.clock.advance(10min);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kSettled) << "what was settled stays so";
  node.write("k", "again");
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kSettled) << "a write within the claim is no new one";
}

TEST(LeaseStates, AloneItIsUnconfirmedUntilTheMeshHasBeenThereForLongEnough) {
  Fixture node;
  node.write("k", "ours");
  node.clock.advance(4s);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kUnconfirmed);
  node.d->set_contact(true);
  node.clock.advance(3s);
  node.d->set_contact(false);
  node.clock.advance(3s);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kUnconfirmed) << "too short a contact";
  node.d->set_contact(true);
  node.clock.advance(4s);
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kSettled);
}

TEST(LeaseStates, AnothersIsForeignAndAfterOurOwnNextClaimNothingIsLost) {
  Fixture node;
  node.clock.advance(10s);
  node.merge("k", "theirs", claim("A", 1, 5'000));
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kForeign);
  node.clock.advance(2h);
  node.write("k", "ours");
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kTentative);
  node.merge("k", "theirs", claim("A", 9, 7'000'000));
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kLost);
  node.clock.advance(2h);
  node.write("k", "ours");
  node.clock.advance(2h);
  node.merge("k", "theirs", claim("B", 11, 21'000'000));
  EXPECT_EQ(node.d->lease("k")->state, LeaseState::kForeign) << "the last of ours was followed in order";
}

// Nodes that contest the same keys come to rest, whatever their clocks say.

RC_GTEST_PROP(Contests, SettleWhateverTheClocksSay, ()) {
  const std::vector<std::string> names = {"A", "M", "Z"};
  std::vector<std::unique_ptr<Fixture>> nodes;
  for (const std::string& name : names) {
    nodes.push_back(std::make_unique<Fixture>(Chosen{.self = id(name)}));
    nodes.back()->clock.wall_time += *rc::gen::element<Duration>(0s, 10s, 29s, -29s, 45min, -45min, 3h, -3h);
  }
  const auto records_of = [&](std::size_t node) {
    std::vector<std::tuple<std::size_t, std::string, Version>> out;
    for (const auto& [key, record] : nodes[node]->d->records())
      out.emplace_back(node, key, record.version);
    return out;
  };

  const int rounds = *rc::gen::inRange(1, 6);
  for (int round = 0; round < rounds; ++round) {
    // Apart, everybody does something.
    for (auto& node : nodes) {
      node->clock.advance(*rc::gen::element<Duration>(1ms, 1s, 10min, 59min, 2h));
      const std::string key = *rc::gen::element<std::string>("a", "b");
      if (*rc::gen::inRange(0, 3) == 0) {
        node->try_remove(key);
      } else {
        node->try_write(key, "x");
      }
    }
    if (*rc::gen::arbitrary<bool>()) continue;
    // Together: all that there is, in any order, and then whatever that brings forth.
    std::deque<std::tuple<std::size_t, std::string, Version>> flying;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      for (auto& sent : records_of(node))
        flying.push_back(std::move(sent));
    }
    std::size_t deliveries = 0;
    while (!flying.empty()) {
      RC_ASSERT(++deliveries < 1'000);
      const auto at = *rc::gen::inRange<std::size_t>(0, flying.size());
      const auto [from, key, version] = flying[at];
      flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(at));
      for (std::size_t to = 0; to < nodes.size(); ++to) {
        if (to == from) continue;
        nodes[to]->merge(key, "x", version);
        for (const std::string& news : reissued(*nodes[to]))
          flying.emplace_back(to, news, nodes[to]->version(news));
      }
    }
  }
  for (auto& node : nodes)
    node->d->sanity_check();
}

// The class alone: whatever our record meets, an answer stands above both, and there are few.

/// Of our record or another's, in a narrow choice of epochs and times.
Version any_version(std::string_view owner, MonoTime now) {
  const std::int64_t now_ms = (now - FakeClock{}.mono) / 1ms;
  const std::int64_t start = now_ms - 1'000 * *rc::gen::inRange<std::int64_t>(1, 8'000);
  Version version = claim(owner, static_cast<std::uint64_t>(*rc::gen::inRange(1, 4)), start);
  version.kind = *rc::gen::element(RecordKind::kValue, RecordKind::kValue, RecordKind::kTombstone);
  version.boot = Boot{static_cast<std::uint64_t>(*rc::gen::inRange(0, 3))};
  return version;
}

void check_answer(const Version& ours, const Version& met, const Version& answer) {
  RC_ASSERT(answer.owner == ours.owner && answer.value_hash == ours.value_hash && answer.kind == ours.kind);
  RC_ASSERT(answer.epoch == next(met.epoch));
  RC_ASSERT(std::is_gt(compare(answer, met, Leasing::kOn)) && std::is_gt(compare(answer, ours, Leasing::kOn)));
  // Taken again, not issued again.
  if (answer.written != ours.written) return;
  RC_ASSERT(answer.claim_start == ours.claim_start && answer.sequence == next(ours.sequence));
}

RC_GTEST_PROP(Contests, AnAnswerStandsAboveBothAndEachRivalGetsOneInALeaseTime, ()) {
  const DictionaryConfig config{{}, id("M"), Boot{2}};
  FakeClock clock;
  HybridClock hlc(clock);
  const LeaseTerms terms(config, clock);
  Contests contests(config, terms, clock, hlc);

  const MonoTime begin = clock.mono;
  std::map<std::pair<std::string, NodeId>, std::int64_t> answers;
  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    const std::string key = *rc::gen::element<std::string>("j", "k");
    const Version met = any_version(*rc::gen::element<std::string>("A", "B", "M", "Z"), clock.mono);
    Version ours = any_version("M", clock.mono);
    ours.boot = Boot{*rc::gen::element<std::uint64_t>(1, 2)};
    const Raw value = bytes_value("ours");
    const Duration age = hlc.now() - ours.written;
    const Record present{.version = ours, .value = value, .written_here = clock.mono - age};
    const auto order = compare(met, ours, config.leasing);
    if (order == 0) continue;
    const auto answer =
        order > 0 ? contests.answer_to_winner(key, present, met) : contests.answer_to_loser(key, present, met);
    contests.sanity_check();
    if (answer) {
      RC_ASSERT(is_visible(ours));
      check_answer(ours, met, *answer);
      const std::int64_t lease_times = (clock.mono - begin) / config.lease;
      const std::int64_t count = ++answers[std::pair(key, met.owner)];
      RC_ASSERT(count <= lease_times + 1);
    }
    clock.advance(*rc::gen::element<Duration>(0s, 1s, 20min));
  }
}

}  // namespace
}  // namespace meshdict
