#include "core/address_book.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/limits.h"
#include "core/memory_store.h"

namespace meshdict {
namespace {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(passed); }
  [[nodiscard]] WallTime wall() const override { return WallTime(1'800'000'000s + passed); }
  Duration passed{};
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

NodeId some_id(std::uint64_t seed) {
  RandomStream random(seed);
  return NodeId::generate(random);
}

TEST(AddressBook, BacksOffExponentiallyWithJitterAndResetsOnSuccess) {
  Fixture world;
  AddressBook& book = world.book;
  book.add(host(1), NodeId(), false);
  Duration full = limits::kBackoffFirst;
  for (int failure = 0; failure < 12; ++failure) {
    book.failed(host(1));
    const Duration wait = *book.next_try(kAny) - world.clock.monotonic();
    EXPECT_GE(wait, full / 2) << failure;
    EXPECT_LE(wait, full) << failure;
    world.clock.passed += wait - 1us;
    EXPECT_FALSE(book.pick(false, kAny));
    world.clock.passed += 1us;
    EXPECT_EQ(book.pick(false, kAny), host(1));
    full = std::min(limits::kBackoffCap, full * 2);
  }
  book.succeeded(host(1), some_id(1));
  book.failed(host(1));
  EXPECT_LE(*book.next_try(kAny) - world.clock.monotonic(), limits::kBackoffFirst);
}

TEST(AddressBook, OneOfAnotherNetworkIsLeftAloneUnlessTheUserGaveIt) {
  Fixture world;
  world.book.add(host(1), NodeId(), false);
  world.book.add(host(2), NodeId(), true);
  for (int again = 0; again < 12; ++again) {
    world.book.turned_away(host(1));
    world.book.turned_away(host(2));
  }
  world.clock.passed += limits::kBackoffCap;
  EXPECT_EQ(world.book.pick(false, kAny), host(2));
  world.book.mute(host(2));
  EXPECT_EQ(world.book.pick(false, kAny), std::nullopt) << "parted from on purpose";
  world.clock.passed += limits::kMutedFor;
  EXPECT_NE(world.book.pick(false, kAny), std::nullopt);
}

TEST(AddressBook, OutlivesTheProcessAndForgetsWhatIsNotHeardOf) {
  Fixture world;
  world.book.add(host(1), some_id(1), false);
  world.book.add(host(2), NodeId(), true);
  world.book.add(host(3), NodeId(), false);
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
  EXPECT_NE(loaded.error().find("h1:1"), std::string::npos);
}

TEST(AddressBook, PrefersTheUsersAddressesWhenAsked) {
  Fixture world;
  AddressBook& book = world.book;
  for (int i = 0; i < 50; ++i)
    book.add(host(i), NodeId(), i == 17);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(book.pick(true, kAny), host(17));
}

RC_GTEST_PROP(AddressBook, StaysBoundedAndKeepsTheUsersAddresses, ()) {
  Fixture world(*rc::gen::arbitrary<std::uint64_t>());
  AddressBook& book = world.book;
  book.add(host(-1), NodeId(), true);
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      400, rc::gen::pair(rc::gen::inRange(0, 300), rc::gen::inRange(0, 3)));
  for (const auto& [number, action] : steps) {
    world.clock.passed += 1ms;
    if (action == 0) book.failed(host(number));
    if (action == 1) book.succeeded(host(number), some_id(static_cast<std::uint64_t>(number)));
    if (action == 2) book.add(host(number), NodeId(), false);
    book.sanity_check();
    RC_ASSERT(book.size() <= limits::kMaxAddresses);
  }
  RC_ASSERT(book.entry(host(-1)) != nullptr);
}

TEST(AddressBook, TheAddressThatFailsMostGivesWay) {
  Fixture world;
  AddressBook& book = world.book;
  for (int i = 0; i < static_cast<int>(limits::kMaxAddresses); ++i)
    book.add(host(i), NodeId(), false);
  world.clock.passed += 1s;
  book.failed(host(5));
  book.add(host(9'999), NodeId(), false);
  EXPECT_EQ(book.entry(host(5)), nullptr);
  EXPECT_NE(book.entry(host(9'999)), nullptr);
}

TEST(AddressBook, FindsTheWorkingAddressOfANode) {
  Fixture world;
  AddressBook& book = world.book;
  const NodeId id = some_id(3);
  book.add(host(1), id, false);
  book.add(host(2), id, false);
  book.failed(host(1));
  EXPECT_EQ(book.find(id), host(2));
  EXPECT_EQ(book.find(some_id(4)), std::nullopt);
}

TEST(AddressBook, SamplesOnlyNodesThatWereReachable) {
  Fixture world;
  AddressBook& book = world.book;
  book.add(host(1), some_id(1), false);
  book.add(host(2), some_id(2), false);
  book.add(host(3), NodeId(), false);
  book.failed(host(2));
  const auto sample = book.sample(10);
  ASSERT_EQ(sample.size(), 1U);
  EXPECT_EQ(sample[0].address, host(1));
}

TEST(AddressBook, RefusesWhatCannotBeDialled) {
  Fixture world;
  AddressBook& book = world.book;
  book.add({.host = "", .port = 1}, NodeId(), true);
  book.add({.host = "h", .port = 0}, NodeId(), true);
  book.add({.host = std::string(limits::kMaxHost + 1, 'h'), .port = 1}, NodeId(), true);
  EXPECT_EQ(book.size(), 0U);
}

}  // namespace
}  // namespace meshdict
