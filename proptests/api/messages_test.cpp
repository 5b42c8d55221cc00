// Messages of MeshSocket, over real sockets on loopback: each test stands in the table of node/api/README.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "proptests/api/api_fixture.h"
#include "proptests/api/raw_peer.h"

namespace meshdict {
namespace {

using api_test::are_neighbours;
using api_test::join;
using api_test::RawPeer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(ApiMessages, SendReachesEverybodyAlsoThroughOthers) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket middle("127.0.0.1", 0);
  MeshSocket last("127.0.0.1", 0);
  ASSERT_TRUE(join(middle, first));
  ASSERT_TRUE(join(middle, last));
  ASSERT_TRUE(eventually([&] { return are_neighbours(first, last); }));
  // Neither dials the other from now on.
  first.disconnect(last.id());
  ASSERT_TRUE(eventually([&] { return !are_neighbours(first, last); }));
  const auto now = std::chrono::system_clock::now();
  std::set<std::string> ids;
  first.send("hello", 42, Bytes{"\xFF"}, std::vector{1, 2});
  for (MeshSocket* const socket : {&middle, &last}) {
    const auto message = socket->recv(kPatience);
    ASSERT_TRUE(message);
    EXPECT_THAT(message->packets(),
                ElementsAre(Value("hello"), Value(42), Value(Bytes{"\xFF"}), Value(std::vector{1, 2})));
    EXPECT_EQ(message->sender(), first.id());
    EXPECT_EQ(message->flag(), Flag::kBroadcast);
    EXPECT_EQ(message->type(), Flag::kBroadcast);
    EXPECT_LE(std::chrono::abs(message->time() - now), std::chrono::seconds(60));
    EXPECT_EQ(message->id().size(), 32U);
    ids.insert(message->id());
    EXPECT_EQ(message->size(), 6U + 1U + 3U + 3U);
    EXPECT_THAT(message->describe(), HasSubstr("hello"));
  }
  // Each once, and none back to its sender.
  first.send("last");
  const auto further = middle.recv(kPatience);
  ASSERT_TRUE(further);
  EXPECT_EQ(further->packets().front(), "last");
  // One message, one id.
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_THAT(ids, Not(Contains(further->id())));
  EXPECT_EQ(last.recv(kPatience)->packets().front(), "last");
  EXPECT_EQ(first.recv(), std::nullopt);
}

TEST(ApiMessages, AMessagesTimeInBase58IsPy2psForm) {
  const Message message({.packets = {}, .sender = "x", .time = 58}, {});
  EXPECT_EQ(message.time_58(), "21");
}

TEST(ApiMessages, AWhisperIsNotPassedOn) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket middle("127.0.0.1", 0);
  MeshSocket last("127.0.0.1", 0);
  ASSERT_TRUE(join(middle, first));
  ASSERT_TRUE(join(middle, last));
  ASSERT_TRUE(eventually([&] { return are_neighbours(first, last); }));
  first.disconnect(last.id());
  ASSERT_TRUE(eventually([&] { return !are_neighbours(first, last); }));
  first.send({.flag = Flag::kWhisper, .type = Flag::kWhisper}, "between us");
  first.send({.type = Flag::kWhisper}, "for all");
  auto message = middle.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->packets().front(), "between us");
  EXPECT_EQ(message->flag(), Flag::kWhisper);
  EXPECT_EQ(message->type(), Flag::kWhisper);
  message = last.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->packets().front(), "for all");
  EXPECT_EQ(message->flag(), Flag::kBroadcast);
  EXPECT_EQ(message->type(), Flag::kWhisper);
}

TEST(ApiMessages, FlagsOfTheProtocolAreRefused) {
  MeshSocket socket("127.0.0.1", 0);
  for (int flag = 0; flag <= 0x60; ++flag) {
    if (flag == 0 || flag == 2) continue;
    const auto reserved = static_cast<Flag>(flag);
    EXPECT_THROW(socket.send({.flag = reserved}, "x"), ReservedFlag) << flag;
    EXPECT_THROW(socket.send({.type = reserved}, "x"), ReservedFlag) << flag;
  }
  socket.send({.flag = Flag::kWhisper}, "x");
}

TEST(ApiMessages, PacketsThatCannotBeSentAreAValueError) {
  MeshSocket socket("127.0.0.1", 0);
  EXPECT_THROW(socket.send("\xFF"), ValueError);
  const std::string half(2'100'000, 'x');
  socket.send(half);
  EXPECT_THROW(socket.send(half, half), ValueError);
}

TEST(ApiMessages, RecvGivesOneOrAtMostSoManyTheOldestFirst) {
  std::atomic<int> arrived = 0;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_EQ(second.recv(), std::nullopt);
  EXPECT_THAT(second.recv(5), IsEmpty());
  second.on<event::Message>([&](MeshSocket&) { ++arrived; });
  for (int i = 0; i < 5; ++i)
    first.send(i);
  ASSERT_TRUE(eventually([&] { return arrived == 5; }));
  EXPECT_EQ(second.recv()->packets().front(), 0);
  const std::vector<Message> some = second.recv(2);
  ASSERT_THAT(some, SizeIs(2));
  EXPECT_EQ(some[0].packets().front(), 1);
  EXPECT_EQ(some[1].packets().front(), 2);
  EXPECT_THAT(second.recv(10), SizeIs(2));
  std::jthread later([&] { first.send("late"); });
  const auto waited_for = second.recv(kPatience);
  ASSERT_TRUE(waited_for);
  EXPECT_EQ(waited_for->packets().front(), "late");
}

TEST(ApiMessages, WhatNobodyReceivesIsBoundedAndInTheStatus) {
  const Neighbour from({}, {});
  MeshSocket bytes("127.0.0.1", 0);
  for (int i = 0; i < 20; ++i)
    bytes.handle_msg(Message({.packets = {i}, .size = 4'000'000}, {}), from);
  EXPECT_THAT(bytes.status().text(), HasSubstr("messages are dropped"));
  std::vector<Message> kept = bytes.recv(100);
  EXPECT_THAT(kept, SizeIs(16));
  EXPECT_EQ(kept.front().packets().front(), 4);

  MeshSocket number("127.0.0.1", 0);
  for (int i = 0; i < 16'385; ++i)
    number.handle_msg(Message({.packets = {i}}, {}), from);
  kept = number.recv(100'000);
  EXPECT_THAT(kept, SizeIs(16'384));
  EXPECT_EQ(kept.front().packets().front(), 1);
}

TEST(ApiMessages, AReplyGoesToTheSenderOnly) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  MeshSocket third("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  ASSERT_TRUE(join(third, first));
  first.send("who is there?");
  const auto question = second.recv(kPatience);
  ASSERT_TRUE(question);
  question->reply("I am", 2);
  const auto answer = first.recv(kPatience);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->packets(), ElementsAre(Value("I am"), Value(2)));
  EXPECT_EQ(answer->sender(), second.id());
  EXPECT_EQ(answer->flag(), Flag::kWhisper);
  ASSERT_TRUE(third.recv(kPatience));
  EXPECT_EQ(third.recv(), std::nullopt);
}

TEST(ApiMessages, AReplyFindsASenderThatIsNoNeighbour) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket middle("127.0.0.1", 0);
  MeshSocket last("127.0.0.1", 0);
  ASSERT_TRUE(join(middle, first));
  ASSERT_TRUE(join(middle, last));
  ASSERT_TRUE(eventually([&] { return are_neighbours(first, last); }));
  // What it says to it later is a newer wish.
  last.disconnect(first.id());
  ASSERT_TRUE(eventually([&] { return !are_neighbours(first, last); }));
  first.send("who is there?");
  const auto question = last.recv(kPatience);
  ASSERT_TRUE(question);
  ASSERT_FALSE(last.routing_table().contains(question->sender()));
  question->reply("I am, far away");
  const auto answer = first.recv(kPatience);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->packets(), ElementsAre(Value("I am, far away")));
}

TEST(ApiMessages, AReplyAfterTheSocketsEndIsAnError) {
  MeshSocket first("127.0.0.1", 0);
  std::optional<Message> question;
  {
    MeshSocket second("127.0.0.1", 0);
    ASSERT_TRUE(join(second, first));
    first.send("who is there?");
    question = second.recv(kPatience);
    ASSERT_TRUE(question);
    second.close();
    EXPECT_THROW(question->reply("too late"), SocketClosed);
  }
  EXPECT_THROW(question->reply("too late"), SocketClosed);
}

TEST(ApiMessages, ANeighbourCanBeSpokenToAlone) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  first.routing_table().at(second.id()).send("psst");
  const auto message = second.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->packets().front(), "psst");
  EXPECT_EQ(message->flag(), Flag::kWhisper);
}

TEST(ApiMessages, HandlersAreTriedInOrderUntilOneReturnsTrue) {
  // Of the loop's thread, until the queued message has come.
  std::vector<std::string> calls;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  second.register_handler([&](const Message& message, const Neighbour& from) {
    calls.push_back("first " + from.id() + (message.sender() == from.id() ? " itself" : ""));
    return false;
  });
  second.register_handler([&](const Message& message, const Neighbour&) {
    calls.emplace_back("second");
    if (message.packets().front() != "for a handler") return false;
    message.reply("handled");
    return true;
  });
  second.register_handler([&](const Message&, const Neighbour&) {
    calls.emplace_back("third");
    return false;
  });
  EXPECT_THROW(second.register_handler({}), EventError);
  first.send("for a handler");
  EXPECT_EQ(first.recv(kPatience)->packets().front(), "handled");
  first.send("for the queue");
  EXPECT_EQ(second.recv(kPatience)->packets().front(), "for the queue");
  const std::string told = "first " + first.id() + " itself";
  EXPECT_THAT(calls, ElementsAre(told, "second", told, "second", "third"));
}

TEST(ApiMessages, HandleMsgShowsAMessageToTheHandlersOrQueuesIt) {
  int raised = 0;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  first.send("again and again");
  const auto message = second.recv(kPatience);
  ASSERT_TRUE(message);
  const Neighbour from = second.routing_table().at(first.id());
  second.on<event::Message>([&](MeshSocket&) { ++raised; });
  EXPECT_TRUE(second.handle_msg(*message, from));
  EXPECT_EQ(raised, 1);
  EXPECT_EQ(second.recv()->packets().front(), "again and again");
  second.register_handler([](const Message&, const Neighbour&) { return true; });
  EXPECT_TRUE(second.handle_msg(*message, from));
  EXPECT_EQ(raised, 1);
  EXPECT_EQ(second.recv(), std::nullopt);
}

TEST(ApiMessages, APy2pNodeIsANeighbourToo) {
  MeshSocket socket("127.0.0.1", 0);
  RawPeer peer(socket.out_addr().port, Protocol{.network = "mesh", .encryption = "Plaintext"}.id());
  ASSERT_TRUE(eventually([&] { return socket.routing_table().contains(peer.id()); }));
  EXPECT_FALSE(socket.routing_table().at(peer.id()).is_meshdict());
  peer.say({Value("from py2p").packed()});
  const auto message = socket.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sender(), peer.id());
  EXPECT_THAT(message->packets(), ElementsAre(Value("from py2p")));
}

TEST(ApiMessages, MessageIsRaisedForEachThatIsQueued) {
  std::atomic<int> raised = 0;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  second.on("message", [&](MeshSocket& socket) {
    if (&socket == &second && socket.recv()) ++raised;
  });
  first.send(1);
  first.send(2);
  EXPECT_TRUE(eventually([&] { return raised == 2; }));
}

TEST(ApiMessages, AReaderIsWokenWhenTheSocketIsClosed) {
  MeshSocket socket("127.0.0.1", 0);
  std::jthread closer([&] { socket.close(); });
  EXPECT_EQ(socket.recv(std::chrono::hours(1)), std::nullopt);
}

}  // namespace
}  // namespace meshdict
