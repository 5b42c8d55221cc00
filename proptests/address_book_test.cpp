#include "core/address_book.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/limits.h"

namespace meshdict {
namespace {

MonoTime at(Duration since_start) {
  return MonoTime(since_start);
}
Endpoint host(int number) {
  return {.host = "h" + std::to_string(number), .port = 1};
}
const AddressBook::Wanted kAny = [](const Endpoint&, const AddressBook::Entry&) { return true; };

NodeId some_id(std::uint64_t seed) {
  RandomStream random(seed);
  return NodeId::generate(random);
}

TEST(AddressBook, BacksOffExponentiallyWithJitterAndResetsOnSuccess) {
  AddressBook book(RandomStream(1));
  book.add(host(1), NodeId(), at(0s), false);
  MonoTime now = at(0s);
  Duration full = limits::kBackoffFirst;
  for (int failure = 0; failure < 12; ++failure) {
    book.failed(host(1), now);
    const MonoTime next = *book.next_try(kAny);
    EXPECT_GE(next - now, full / 2) << failure;
    EXPECT_LE(next - now, full) << failure;
    EXPECT_FALSE(book.pick(next - 1us, false, kAny));
    EXPECT_EQ(book.pick(next, false, kAny), host(1));
    now = next;
    full = std::min(limits::kBackoffCap, full * 2);
  }
  book.succeeded(host(1), some_id(1), now);
  book.failed(host(1), now);
  EXPECT_LE(*book.next_try(kAny) - now, limits::kBackoffFirst);
}

TEST(AddressBook, PrefersTheUsersAddressesWhenAsked) {
  AddressBook book(RandomStream(1));
  for (int i = 0; i < 50; ++i)
    book.add(host(i), NodeId(), at(0s), i == 17);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(book.pick(at(0s), true, kAny), host(17));
}

RC_GTEST_PROP(AddressBook, StaysBoundedAndKeepsTheUsersAddresses, ()) {
  AddressBook book(RandomStream(*rc::gen::arbitrary<std::uint64_t>()));
  book.add(host(-1), NodeId(), at(0s), true);
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      400, rc::gen::pair(rc::gen::inRange(0, 300), rc::gen::inRange(0, 3)));
  Duration time{};
  for (const auto& [number, action] : steps) {
    time += 1ms;
    if (action == 0) book.failed(host(number), at(time));
    if (action == 1) book.succeeded(host(number), some_id(static_cast<std::uint64_t>(number)), at(time));
    if (action == 2) book.add(host(number), NodeId(), at(time), false);
    book.sanity_check();
    RC_ASSERT(book.size() <= limits::kMaxAddresses);
  }
  RC_ASSERT(book.entry(host(-1)) != nullptr);
}

TEST(AddressBook, TheAddressThatFailsMostGivesWay) {
  AddressBook book(RandomStream(1));
  for (int i = 0; i < static_cast<int>(limits::kMaxAddresses); ++i)
    book.add(host(i), NodeId(), at(0s), false);
  book.failed(host(5), at(1s));
  book.add(host(9'999), NodeId(), at(2s), false);
  EXPECT_EQ(book.entry(host(5)), nullptr);
  EXPECT_NE(book.entry(host(9'999)), nullptr);
}

TEST(AddressBook, FindsTheWorkingAddressOfANode) {
  AddressBook book(RandomStream(1));
  const NodeId id = some_id(3);
  book.add(host(1), id, at(0s), false);
  book.add(host(2), id, at(0s), false);
  book.failed(host(1), at(0s));
  EXPECT_EQ(book.find(id), host(2));
  EXPECT_EQ(book.find(some_id(4)), std::nullopt);
}

TEST(AddressBook, SamplesOnlyNodesThatWereReachable) {
  AddressBook book(RandomStream(1));
  book.add(host(1), some_id(1), at(0s), false);
  book.add(host(2), some_id(2), at(0s), false);
  book.add(host(3), NodeId(), at(0s), false);
  book.failed(host(2), at(0s));
  const auto sample = book.sample(10);
  ASSERT_EQ(sample.size(), 1U);
  EXPECT_EQ(sample[0].address, host(1));
}

TEST(AddressBook, RefusesWhatCannotBeDialled) {
  AddressBook book(RandomStream(1));
  book.add({.host = "", .port = 1}, NodeId(), at(0s), true);
  book.add({.host = "h", .port = 0}, NodeId(), at(0s), true);
  book.add({.host = std::string(limits::kMaxHost + 1, 'h'), .port = 1}, NodeId(), at(0s), true);
  EXPECT_EQ(book.size(), 0U);
}

}  // namespace
}  // namespace meshdict
