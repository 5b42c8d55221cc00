// Whispers that wait for their receiver, against a naive model: each is sent once in its order, or told to be undeliverable.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "core/engine/searches.h"
#include "proptests/core/engine/part_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SearchesFixture final : public PartFixture {
 public:
  void on_pair_up(Pair& pair) override {
    overlay.on_pair_up(pair.peer);
    searches.on_pair_up(pair);
  }
  void on_address(const Endpoint& address, const Connection& conn) override { overlay.on_address(address, conn); }

  Frame whisper(std::string_view text) {
    const Raw packet = bytes_value(text);
    return *originator.whisper(UserMessage{.packets = {packet}, .type = SubFlag::kWhisper});
  }

  Overlay overlay{links, AddressBook(random.stream("address book"), clock, store), clock, leisure, stats};
  Sessions sessions{around_sessions(), random.stream("sync")};
  Py2p py2p{{.dictionary = dictionary,
             .originator = originator,
             .links = links,
             .sessions = sessions,
             .clock = clock,
             .stats = stats},
            true};
  Broadcasts broadcasts{
      {.originator = originator, .links = links, .sessions = sessions, .py2p = py2p, .clock = clock, .stats = stats}};
  Searches searches{{.links = links, .overlay = overlay, .broadcasts = broadcasts, .clock = clock, .observer = *this}};
};

std::vector<MessageId> undeliverable(const PartFixture& node) {
  std::vector<MessageId> ids;
  for (const Undeliverable& one : node.told<Undeliverable>())
    ids.push_back(one.id);
  return ids;
}

TEST(Searches, AreAskedForOnceAndTheFirstWhisperSaysWhenTheyEnd) {
  SearchesFixture node;
  const ConnId conn = node.accept("A", 1).id;
  node.heard(conn);
  EXPECT_EQ(node.searches.hold(id("Z"), node.whisper("1")), node.clock.mono + limits::kDeferredLifetime);
  EXPECT_THAT(node.heard(conn), ElementsAre("request"));
  EXPECT_EQ(node.searches.hold(id("Z"), node.whisper("2")), std::nullopt);
  EXPECT_THAT(node.heard(conn), IsEmpty());
}

TEST(Searches, WhoseAddressIsToldIsDialledForTheWishAndForNothingElse) {
  SearchesFixture node;
  Connection& from = node.accept("A", 1);
  const Response response{.request_id = "1", .found = {.address = {"host-Z", 7}, .id = id("Z")}};
  node.searches.take_response(from, response);
  EXPECT_THAT(node.transport.dialed, IsEmpty());
  node.searches.hold(id("Z"), node.whisper("1"));
  node.searches.take_response(from, response);
  node.searches.take_response(from, response);
  ASSERT_EQ(node.transport.dialed.size(), 1U);
  EXPECT_EQ(node.transport.dialed.front().second, (Endpoint{"host-Z", 7}));
  const Connection& dialed = *node.links.find(node.transport.dialed.front().first);
  EXPECT_TRUE(dialed.extra);
  EXPECT_GT(dialed.wish, 0U);
}

TEST(Searches, TheWantedNodeAnswersForItselfAndForAPy2pNodeItsNeighbours) {
  SearchesFixture node;
  const ConnId asker = node.accept("A", 1).id;
  node.accept_py2p("B");
  node.accept("C", 2);
  const auto answered = [&](std::string_view wanted) {
    node.heard(asker);
    node.searches.answer(Request{.request_id = "1", .wanted = id(wanted)});
    const auto names = node.heard(asker);
    return std::ranges::find(names, "response") != names.end();
  };
  EXPECT_TRUE(answered("M"));
  EXPECT_TRUE(answered("B"));
  EXPECT_FALSE(answered("C"));
  EXPECT_FALSE(answered("Z"));
}

/// A few receivers, so that searches meet; times around the life of one.
RC_GTEST_PROP(SearchesModel, EachWhisperIsSentOnceInOrderOrTold, ()) {
  struct Model {
    std::vector<MessageId> whispers;
    std::vector<Raw> texts;
    MonoTime expires;
  };
  SearchesFixture node;
  std::map<std::string, Model> model;
  std::vector<MessageId> given_up;
  std::uint64_t nonce = 1;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    const std::string name(1, *rc::gen::elementOf(std::string("BCDNPQ")));
    const int what = *rc::gen::inRange(0, 10);
    if (what < 5 && !node.links.linked_to(id(name))) {
      const auto found = model.find(name);
      const bool room = found == model.end() || found->second.whispers.size() < limits::kMaxDeferredOfOne;
      RC_ASSERT(node.searches.has_room_for(id(name)) == room);
      if (!room) continue;
      const Frame frame = node.whisper(std::to_string(step));
      const auto ends = node.searches.hold(id(name), frame);
      RC_ASSERT(ends.has_value() == (found == model.end()));
      Model& search = model[name];
      if (ends) search.expires = *ends;
      search.whispers.push_back(frame.id);
      search.texts.push_back(bytes_value(std::to_string(step)));
    } else if (what < 8 && !node.links.linked_to(id(name))) {
      const ConnId conn = node.accept(name, nonce++).id;
      std::vector<Raw> sent;
      for_each_message(node.transport.sent[conn], [&](const Message& message) {
        if (const auto* user = std::get_if<UserMessage>(&message)) sent.emplace_back(user->packets.front());
      });
      RC_ASSERT(sent == model[name].texts);
      model.erase(name);
      node.lose(*node.links.find(conn));
    } else {
      node.clock.advance(std::chrono::seconds(*rc::gen::inRange(0, 20)));
      node.searches.expire(node.clock.mono);
      for (auto search = model.begin(); search != model.end();) {
        if (search->second.expires > node.clock.mono) {
          ++search;
          continue;
        }
        given_up.insert(given_up.end(), search->second.whispers.begin(), search->second.whispers.end());
        search = model.erase(search);
      }
      RC_ASSERT(undeliverable(node) == given_up);
    }
    node.links.sweep();
    node.searches.sanity_check();
  }
}

TEST(Searches, OnlySoManyNodesAreSearchedFor) {
  SearchesFixture node;
  for (std::size_t i = 0; i < limits::kMaxDeferred; ++i) {
    RandomStream random(i);
    const NodeId wanted = NodeId::generate(random);
    ASSERT_TRUE(node.searches.has_room_for(wanted));
    node.searches.hold(wanted, node.whisper("1"));
  }
  EXPECT_FALSE(node.searches.has_room_for(id("Z")));
  node.clock.advance(limits::kDeferredLifetime);
  node.searches.expire(node.clock.mono);
  EXPECT_TRUE(node.searches.has_room_for(id("Z")));
  node.searches.sanity_check();
}

}  // namespace
}  // namespace meshdict
