#include "core/memory/address_book.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/encoding/msgpack.h"
#include "core/env/memory_store.h"
#include "core/limits.h"

namespace meshdict {
namespace {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(passed); }
  [[nodiscard]] WallTime wall() const override { return WallTime(1'800'000'000s + passed + jumped); }
  Duration passed{};
  Duration jumped{};
};

struct Fixture {
  FakeClock clock;
  MemoryStore store;
  AddressBook book;
  explicit Fixture(std::uint64_t seed = 1) : book(RandomStream(seed), clock, store) {}
};

Endpoint host(int number) {
  return {.host = "h" + std::to_string(number), .port = 1};
}
const AddressBook::Wanted kAny = [](const Endpoint&, const AddressBook::Entry&) { return true; };

constexpr AddressSource kSomebody{1};
constexpr AddressSource kAnother{2};

NodeId some_id(std::uint64_t seed) {
  RandomStream random(seed);
  return NodeId::generate(random);
}

TEST(AddressBook, BacksOffExponentiallyWithJitterAndResetsOnSuccess) {
  Fixture world;
  AddressBook& book = world.book;
  book.add(host(1), NodeId(), kSomebody);
  Duration full = limits::kBackoffFirst;
  for (int failure = 0; failure < 12; ++failure) {
    book.failed(host(1));
    const Duration wait = *book.next_try(kAny) - world.clock.monotonic();
    EXPECT_GE(wait, full / 2) << failure;
    EXPECT_LE(wait, full) << failure;
    world.clock.passed += wait - 1us;
    EXPECT_FALSE(book.pick(AddressBook::Order::kAnyOfAll, kAny));
    world.clock.passed += 1us;
    EXPECT_EQ(book.pick(AddressBook::Order::kAnyOfAll, kAny), host(1));
    full = std::min(limits::kBackoffCap, full * 2);
  }
  book.linked(host(1), some_id(1));
  book.failed(host(1));
  EXPECT_GE(*book.next_try(kAny) - world.clock.monotonic(), limits::kBackoffCap / 2) << "a handshake is no success";
  book.lived(host(1), some_id(1));
  book.failed(host(1));
  EXPECT_LE(*book.next_try(kAny) - world.clock.monotonic(), limits::kBackoffFirst);
}

TEST(AddressBook, OneOfAnotherNetworkIsLeftAloneUnlessTheUserGaveIt) {
  Fixture world;
  world.book.add(host(1), NodeId(), kSomebody);
  world.book.add_from_user(host(2));
  for (int again = 0; again < 12; ++again) {
    world.book.turned_away(host(1));
    world.book.turned_away(host(2));
  }
  world.clock.passed += limits::kBackoffCap;
  EXPECT_EQ(world.book.pick(AddressBook::Order::kAnyOfAll, kAny), host(2));
  world.book.answered(host(2), some_id(2));
  world.book.mute(host(2), some_id(2));
  EXPECT_EQ(world.book.pick(AddressBook::Order::kAnyOfAll, kAny), std::nullopt) << "parted from on purpose";
  world.clock.passed += limits::kMutedFor;
  EXPECT_NE(world.book.pick(AddressBook::Order::kAnyOfAll, kAny), std::nullopt);
}

TEST(AddressBook, OutlivesTheProcessAndForgetsWhatIsNotHeardOf) {
  Fixture world;
  world.book.add(host(1), some_id(1), kSomebody);
  world.book.add_from_user(host(2));
  world.book.add(host(3), NodeId(), kSomebody);
  world.book.forget(host(3));

  AddressBook reborn(RandomStream(2), world.clock, world.store);
  ASSERT_TRUE(reborn.load());
  EXPECT_EQ(reborn.size(), 2U);
  ASSERT_NE(reborn.entry(host(1)), nullptr);
  EXPECT_EQ(reborn.entry(host(1))->id, some_id(1));
  EXPECT_TRUE(reborn.entry(host(2))->from_user);

  world.clock.passed += limits::kAddressLifetime + 1s;
  reborn.expire();
  EXPECT_EQ(reborn.entry(host(1)), nullptr);
  EXPECT_NE(reborn.entry(host(2)), nullptr) << "given by the user";
}

TEST(AddressBook, SaysWhichStoredEntryIsDamaged) {
  Fixture world;
  world.store.put(Table::kAddresses, "h1:1", "\xFFgarbage");
  const auto loaded = world.book.load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().what.find("h1:1"), std::string::npos);
}

TEST(AddressBook, PrefersTheUsersAddressesWhenAsked) {
  Fixture world;
  AddressBook& book = world.book;
  for (int i = 0; i < 50; ++i)
    book.add(host(i), NodeId(), kSomebody);
  book.add_from_user(host(17));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(book.pick(AddressBook::Order::kUserFirst, kAny), host(17));
}

RC_GTEST_PROP(AddressBook, StaysBoundedAndKeepsTheUsersAddresses, ()) {
  Fixture world(*rc::gen::arbitrary<std::uint64_t>());
  AddressBook& book = world.book;
  book.add_from_user(host(-1));
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      400, rc::gen::pair(rc::gen::inRange(0, 300), rc::gen::inRange(0, 3)));
  for (const auto& [number, action] : steps) {
    world.clock.passed += 1ms;
    if (action == 0) book.failed(host(number));
    if (action == 1) book.linked(host(number), some_id(static_cast<std::uint64_t>(number)));
    if (action == 2) book.add(host(number), NodeId(), kSomebody);
    book.sanity_check();
    RC_ASSERT(book.size() <= limits::kMaxAddresses);
  }
  RC_ASSERT(book.entry(host(-1)) != nullptr);
}

TEST(AddressBook, TheAddressThatFailsMostGivesWay) {
  Fixture world;
  AddressBook& book = world.book;
  for (int i = 0; i < static_cast<int>(limits::kMaxAddresses); ++i)
    book.add(host(i), NodeId(), kSomebody);
  world.clock.passed += 1s;
  book.failed(host(5));
  book.add(host(9'999), NodeId(), kSomebody);
  EXPECT_EQ(book.entry(host(5)), nullptr);
  EXPECT_NE(book.entry(host(9'999)), nullptr);
}

TEST(AddressBook, FindsTheWorkingAddressOfANode) {
  Fixture world;
  AddressBook& book = world.book;
  const NodeId id = some_id(3);
  book.add(host(1), id, kSomebody);
  book.add(host(2), id, kSomebody);
  book.failed(host(1));
  EXPECT_EQ(book.find(id), host(2));
  EXPECT_EQ(book.find(some_id(4)), std::nullopt);
}

TEST(AddressBook, SamplesOnlyNodesThatWereReachable) {
  Fixture world;
  AddressBook& book = world.book;
  book.linked(host(1), some_id(1));
  book.linked(host(2), some_id(2));
  book.add(host(3), some_id(3), kSomebody);
  book.failed(host(2));
  const auto sample = book.sample(10);
  ASSERT_EQ(sample.size(), 1U);
  EXPECT_EQ(sample[0].address, host(1));
}

// Ages

TEST(AddressBook, AWallClockThatJumpsForgetsNobody) {
  Fixture world;
  world.book.add(host(1), some_id(1), kSomebody);
  world.clock.jumped = 10 * limits::kAddressLifetime;
  world.book.expire();
  EXPECT_NE(world.book.entry(host(1)), nullptr);
}

TEST(AddressBook, WhoLivesIsHeardOf) {
  Fixture world;
  world.book.linked(host(1), some_id(1));
  world.book.linked(host(2), some_id(2));
  for (Duration passed{}; passed <= limits::kAddressLifetime; passed += 1h) {
    world.clock.passed += 1h;
    world.book.lived(host(1), some_id(1));
    world.book.expire();
  }
  EXPECT_NE(world.book.entry(host(1)), nullptr);
  EXPECT_EQ(world.book.entry(host(2)), nullptr);
}

TEST(AddressBook, AgesAddUpOverManyShortIncarnations) {
  Fixture world;
  world.book.add(host(1), some_id(1), kSomebody);
  const Duration life = limits::kAddressLifetime / 20;
  for (int lives = 0; lives < 22; ++lives) {
    AddressBook reborn(RandomStream(2), world.clock, world.store);
    ASSERT_TRUE(reborn.load());
    ASSERT_EQ(reborn.size(), lives < 20 ? 1U : reborn.size()) << lives;
    world.clock.passed += life;
    reborn.expire();
    // On the shelf.
    world.clock.jumped += 100 * limits::kAddressLifetime;
  }
  AddressBook last(RandomStream(2), world.clock, world.store);
  ASSERT_TRUE(last.load());
  EXPECT_EQ(last.size(), 0U);
}

TEST(AddressBook, ReadsEntriesThatWereStoredWithAWallTime) {
  Fixture world;
  std::string bytes;
  MsgpackWriter(bytes).array(5).str("h1").integer(std::uint64_t{1}).bin(some_id(1).text());
  MsgpackWriter(bytes).integer(std::uint64_t{1'700'000'000}).integer(std::uint64_t{0});
  world.store.put(Table::kAddresses, "h1:1", bytes);
  ASSERT_TRUE(world.book.load());
  world.book.expire();
  ASSERT_NE(world.book.entry(host(1)), nullptr);
  EXPECT_EQ(world.book.entry(host(1))->id, some_id(1));
}

// Which sources may drive out others

/// Whatever sources tell, and however much: what we have seen ourselves and what the user gave stays as it is, and so does
/// the room of those that tell less.
RC_GTEST_PROP(AddressBook, HearsayDrivesOutNothingButHearsayOfTheLargestBucket, ()) {
  Fixture world(*rc::gen::arbitrary<std::uint64_t>());
  AddressBook& book = world.book;
  const int proven = *rc::gen::inRange(0, 40);
  const int given = *rc::gen::inRange(0, 20);
  const int told = *rc::gen::inRange(0, 30);
  for (int i = 0; i < proven; ++i)
    book.linked(host(1'000 + i), some_id(static_cast<std::uint64_t>(i)));
  for (int i = 0; i < given; ++i)
    book.add_from_user(host(2'000 + i));
  for (int i = 0; i < told; ++i)
    book.add(host(3'000 + i), NodeId(), kSomebody);
  // Shrinking so many would take minutes and show nothing.
  const auto flood = *rc::gen::noShrink(rc::gen::container<std::vector<int>>(600, rc::gen::inRange(0, 4'000)));
  for (const int number : flood) {
    world.clock.passed += 1s;
    book.add(host(number), some_id(99), kAnother);
    if (number % 3 == 0) book.failed(host(number));
    book.sanity_check();
  }
  for (int i = 0; i < proven; ++i) {
    RC_ASSERT(book.entry(host(1'000 + i)) != nullptr);
    RC_ASSERT(book.entry(host(1'000 + i))->id == some_id(static_cast<std::uint64_t>(i)));
  }
  for (int i = 0; i < given; ++i) {
    RC_ASSERT(book.entry(host(2'000 + i)) != nullptr);
    RC_ASSERT(book.entry(host(2'000 + i))->id.empty());
  }
  for (int i = 0; i < told; ++i)
    RC_ASSERT(book.entry(host(3'000 + i)) != nullptr);
}

TEST(AddressBook, ATableFullOfProvenAddressesTakesHearsayInPlaceOfThoseLongGone) {
  Fixture world;
  AddressBook& book = world.book;
  for (int i = 0; i < static_cast<int>(limits::kMaxAddresses); ++i)
    book.linked(host(i), some_id(static_cast<std::uint64_t>(i)));
  book.failed(host(5));
  book.add(host(9'999), NodeId(), kAnother);
  EXPECT_EQ(book.entry(host(9'999)), nullptr);
  world.clock.passed += limits::kProvenStays + 1s;
  book.add(host(9'999), NodeId(), kAnother);
  EXPECT_EQ(book.entry(host(5)), nullptr) << "it failed, and nobody has heard of it for a day";
  EXPECT_NE(book.entry(host(9'999)), nullptr);
}

TEST(AddressBook, OfTwoThatContradictEachOtherNeitherIsBelieved) {
  Fixture world;
  AddressBook& book = world.book;
  book.add(host(1), some_id(1), kSomebody);
  book.add(host(1), some_id(2), kAnother);
  EXPECT_TRUE(book.entry(host(1))->id.empty());
  book.answered(host(1), some_id(3));
  book.linked(host(1), some_id(3));
  book.add(host(1), some_id(4), kAnother);
  EXPECT_EQ(book.entry(host(1))->id, some_id(3));
}

TEST(AddressBook, WhoClaimsAnothersAddressCannotPartFromIt) {
  Fixture world;
  AddressBook& book = world.book;
  book.linked(host(1), some_id(1));
  book.mute(host(1), some_id(2));
  book.put_off(host(1), some_id(2));
  book.lost(host(1), some_id(2));
  EXPECT_EQ(book.entry(host(1))->failures, 0U);
  EXPECT_EQ(book.pick(AddressBook::Order::kAnyOfAll, kAny), host(1));
}

TEST(AddressBook, OneThatWasPutOffIsTriedEverMoreSeldomUntilALinkThereHasLived) {
  for (const bool from_user : {false, true}) {
    Fixture world;
    AddressBook& book = world.book;
    if (from_user) book.add_from_user(host(1));
    book.linked(host(1), some_id(1));
    const Duration cap = from_user ? limits::kPutOffCapOfUser : limits::kPutOffCap;
    Duration wait{};
    for (int tries = 0; tries < 20; ++tries) {
      book.put_off(host(1), some_id(1));
      wait = *book.next_try(kAny) - world.clock.monotonic();
      EXPECT_LE(wait, cap);
      world.clock.passed += wait;
      book.linked(host(1), some_id(1));
    }
    EXPECT_GE(wait, cap / 2);
    book.lived(host(1), some_id(1));
    for (int tries = 0; tries < 20; ++tries)
      book.failed(host(1));
    EXPECT_LE(*book.next_try(kAny) - world.clock.monotonic(), limits::kBackoffCap);
  }
}

TEST(AddressBook, RefusesWhatCannotBeDialled) {
  Fixture world;
  AddressBook& book = world.book;
  book.add_from_user({.host = "", .port = 1});
  book.add_from_user({.host = "h", .port = 0});
  book.add_from_user({.host = std::string(limits::kMaxHost + 1, 'h'), .port = 1});
  EXPECT_EQ(book.size(), 0U);
}

}  // namespace
}  // namespace meshdict
