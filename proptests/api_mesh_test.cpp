// MeshSocket over real sockets on loopback: each test stands in the table of node/api/README.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "api_fixture.h"
#include "raw_peer.h"

namespace meshdict {
namespace {

using api_test::are_neighbours;
using api_test::eventually;
using api_test::join;
using api_test::kPatience;
using api_test::RawPeer;
using api_test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// Lines of a socket's log, kept by any thread.
class Lines {
 public:
  [[nodiscard]] LogSink sink() {
    return [this](int, std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(line) + "\n";
    };
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

TEST(ApiMesh, ListensWhereItIsToldTo) {
  const MeshSocket any("127.0.0.1", 0);
  const Address address = any.out_addr();
  EXPECT_EQ(address.host, "127.0.0.1");
  EXPECT_NE(address.port, 0);
  std::string message;
  try {
    const MeshSocket second("127.0.0.1", address.port);
  } catch (const PortInUse& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr(to_string(address)));
}

TEST(ApiMesh, ThePortIsFreeAgainAfterTheEnd) {
  std::uint16_t port = 0;
  {
    MeshSocket first("127.0.0.1", 0);
    port = first.out_addr().port;
  }
  const MeshSocket again("127.0.0.1", port);
  EXPECT_EQ(again.out_addr().port, port);
}

TEST(ApiMesh, AnAddressThatIsNotOursIsAListenError) {
  EXPECT_THROW(MeshSocket("192.0.2.1", 0), ListenError);
  try {
    const MeshSocket socket("192.0.2.1", 0);
  } catch (const PortInUse&) {
    FAIL() << "nobody uses it";
  } catch (const ListenError&) {
  }
}

TEST(ApiMesh, NodesOfAnotherProtocolAreRefused) {
  MeshSocket first("127.0.0.1", 0, {.protocol = {.network = "blue"}});
  EXPECT_EQ(first.protocol().network, "blue");
  EXPECT_EQ(first.protocol().encryption, "Plaintext");
  EXPECT_NE(first.protocol().id(), Protocol{}.id());
  Lines lines;
  MeshSocket other("127.0.0.1", 0, {.protocol = {.network = "red"}, .debug_level = 1, .log = lines.sink()});
  other.connect("127.0.0.1", first.out_addr().port);
  EXPECT_TRUE(eventually([&] { return lines.text().find("refused: wrong network") != std::string::npos; }));
  EXPECT_THAT(other.routing_table(), IsEmpty());
  MeshSocket same("127.0.0.1", 0, {.protocol = {.network = "blue"}});
  EXPECT_TRUE(join(same, first));
}

TEST(ApiMesh, EncryptionThatIsNotThereIsASettingsError) {
  EXPECT_THROW(MeshSocket("127.0.0.1", 0, {.protocol = {.encryption = "SSL"}}), SettingsError);
}

TEST(ApiMesh, OutAddrIsToldToOthers) {
  MeshSocket first("127.0.0.1", 0, {.out_addr = Address{"203.0.113.7", 4444}});
  EXPECT_EQ(first.out_addr(), (Address{"203.0.113.7", 4444}));
  // It listens on a port that only its neighbours learn, so it dials.
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_EQ(second.routing_table().at(first.id()).address(), (Address{"203.0.113.7", 4444}));
}

TEST(ApiMesh, BoundToAllInterfacesItTellsTheLanAddress) {
  MeshSocket everywhere("0.0.0.0", 0);
  const Address told = everywhere.out_addr();
  EXPECT_NE(told.host, "0.0.0.0");
  EXPECT_NE(told.port, 0);
  MeshSocket second("127.0.0.1", 0);
  second.connect(told.host, told.port);
  EXPECT_TRUE(eventually([&] { return are_neighbours(everywhere, second); }));
}

TEST(ApiMesh, DebugLevelDecidesWhatIsTold) {
  Lines quiet;
  Lines talkative;
  MeshSocket first("127.0.0.1", 0, {.log = quiet.sink()});
  MeshSocket second("127.0.0.1", 0, {.debug_level = 4, .log = talkative.sink()});
  EXPECT_EQ(first.debug_level(), 0);
  ASSERT_TRUE(join(first, second));
  first.send("a word");
  EXPECT_TRUE(eventually([&] { return talkative.text().find("a word") != std::string::npos; }));
  EXPECT_THAT(talkative.text(), HasSubstr("neighbour " + first.id() + " up"));
  EXPECT_EQ(quiet.text(), "");
  first.set_debug_level(4);
  second.send("loud now");
  EXPECT_TRUE(eventually([&] { return quiet.text().find("loud now") != std::string::npos; }));
}

TEST(ApiMesh, IdIsBase58AndKeptInTheDataDirectory) {
  const TemporaryDirectory directory("api-id");
  std::string id;
  {
    const MeshSocket socket("127.0.0.1", 0, {.data_dir = directory.path()});
    id = socket.id();
  }
  EXPECT_GE(id.size(), 60U);
  EXPECT_LE(id.size(), 66U);
  EXPECT_THAT(id, Not(HasSubstr("0")));
  EXPECT_EQ(MeshSocket("127.0.0.1", 0, {.data_dir = directory.path()}).id(), id);
  EXPECT_NE(MeshSocket("127.0.0.1", 0).id(), id);
}

TEST(ApiMesh, ADataDirectoryInUseIsAStorageError) {
  const TemporaryDirectory directory("api-used");
  const MeshSocket socket("127.0.0.1", 0, {.data_dir = directory.path()});
  EXPECT_THROW(MeshSocket("127.0.0.1", 0, {.data_dir = directory.path()}), StorageError);
}

TEST(ApiMesh, ConnectDials) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  EXPECT_TRUE(first.connect("127.0.0.1", second.out_addr().port, second.id()));
  EXPECT_TRUE(eventually([&] { return are_neighbours(first, second); }));
  // Already there, by address and by id; and nobody dials itself.
  EXPECT_FALSE(first.connect("127.0.0.1", second.out_addr().port));
  EXPECT_FALSE(first.connect("localhost", 1, second.id()));
  EXPECT_FALSE(first.connect("127.0.0.1", first.out_addr().port));
  EXPECT_THROW(first.connect("127.0.0.1", 0), SettingsError);
  EXPECT_THROW(first.connect("", 1), SettingsError);
}

TEST(ApiMesh, RoutingTableOutgoingAndIncomingNameTheNeighbours) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  EXPECT_THAT(first.routing_table(), IsEmpty());
  ASSERT_TRUE(join(first, second));
  const Neighbour seen = first.routing_table().at(second.id());
  EXPECT_EQ(seen.id(), second.id());
  EXPECT_EQ(seen.address(), second.out_addr());
  EXPECT_TRUE(seen.outgoing());
  EXPECT_TRUE(seen.is_meshdict());
  EXPECT_GE(seen.connected_for().count(), 0);
  EXPECT_THAT(first.outgoing(), ElementsAre(second.id()));
  EXPECT_THAT(first.incoming(), IsEmpty());
  EXPECT_THAT(second.outgoing(), IsEmpty());
  EXPECT_THAT(second.incoming(), ElementsAre(first.id()));
}

TEST(ApiMesh, DisconnectSaysGoodbyeToOneNeighbour) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_FALSE(first.disconnect("no such id"));
  EXPECT_FALSE(first.disconnect(first.id()));
  EXPECT_TRUE(first.disconnect(first.routing_table().at(second.id())));
  EXPECT_TRUE(eventually([&] { return first.routing_table().empty() && second.routing_table().empty(); }));
  EXPECT_FALSE(first.disconnect(second.id()));
}

TEST(ApiMesh, CloseSaysGoodbyeAndASecondCloseIsAnError) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_FALSE(first.is_closed());
  first.close();
  EXPECT_TRUE(first.is_closed());
  EXPECT_THROW(first.close(), SocketClosed);
  EXPECT_TRUE(eventually([&] { return second.routing_table().empty(); }));
}

TEST(ApiMesh, AClosedSocketRefusesWhatNeedsTheMesh) {
  MeshSocket socket("127.0.0.1", 0);
  const std::string id = socket.id();
  const Address address = socket.out_addr();
  socket.close();
  EXPECT_THROW(socket.send("x"), SocketClosed);
  EXPECT_THROW(socket.connect("127.0.0.1", 1), SocketClosed);
  EXPECT_THROW(socket.disconnect(id), SocketClosed);
  EXPECT_THROW(socket.request_peers(), SocketClosed);
  EXPECT_THROW(static_cast<void>(socket.routing_table()), SocketClosed);
  EXPECT_EQ(socket.id(), id);
  EXPECT_EQ(socket.out_addr(), address);
  EXPECT_TRUE(socket.status().is_nominal());
  EXPECT_EQ(socket.recv(), std::nullopt);
  EXPECT_EQ(socket.recv(std::chrono::milliseconds(60'000)), std::nullopt);
}

TEST(ApiMesh, TheDestructorCloses) {
  MeshSocket first("127.0.0.1", 0);
  {
    MeshSocket second("127.0.0.1", 0);
    ASSERT_TRUE(join(second, first));
  }
  EXPECT_TRUE(eventually([&] { return first.routing_table().empty(); }));
}

TEST(ApiMesh, SendReachesEverybodyAlsoThroughOthers) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket middle("127.0.0.1", 0);
  MeshSocket last("127.0.0.1", 0);
  ASSERT_TRUE(join(middle, first));
  ASSERT_TRUE(join(middle, last));
  ASSERT_TRUE(eventually([&] { return are_neighbours(first, last); }));
  first.disconnect(last.id());  // neither dials the other from now on
  ASSERT_TRUE(eventually([&] { return !are_neighbours(first, last); }));
  const auto now = std::chrono::system_clock::now();
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
    EXPECT_EQ(message->size(), 6U + 1U + 3U + 3U);
    EXPECT_THAT(message->describe(), HasSubstr("hello"));
  }
  // Each once, and none back to its sender.
  first.send("last");
  EXPECT_EQ(middle.recv(kPatience)->packets().front(), "last");
  EXPECT_EQ(last.recv(kPatience)->packets().front(), "last");
  EXPECT_EQ(first.recv(), std::nullopt);
}

TEST(ApiMesh, AMessagesTimeInBase58IsPy2psForm) {
  const Message message({.packets = {}, .sender = "x", .time = 58}, {});
  EXPECT_EQ(message.time_58(), "21");
}

TEST(ApiMesh, AWhisperIsNotPassedOn) {
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

TEST(ApiMesh, FlagsOfTheProtocolAreRefused) {
  MeshSocket socket("127.0.0.1", 0);
  for (int flag = 0; flag <= 0x60; ++flag) {
    if (flag == 0 || flag == 2) continue;
    const auto reserved = static_cast<Flag>(flag);
    EXPECT_THROW(socket.send({.flag = reserved}, "x"), ReservedFlag) << flag;
    EXPECT_THROW(socket.send({.type = reserved}, "x"), ReservedFlag) << flag;
  }
  socket.send({.flag = Flag::kWhisper}, "x");
}

TEST(ApiMesh, PacketsThatCannotBeSentAreAValueError) {
  MeshSocket socket("127.0.0.1", 0);
  EXPECT_THROW(socket.send("\xFF"), ValueError);
  const std::string half(2'100'000, 'x');
  socket.send(half);
  EXPECT_THROW(socket.send(half, half), ValueError);
}

TEST(ApiMesh, RecvGivesOneOrAtMostSoManyTheOldestFirst) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_EQ(second.recv(), std::nullopt);
  EXPECT_THAT(second.recv(5), IsEmpty());
  std::atomic<int> arrived = 0;
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
}

TEST(ApiMesh, WhatNobodyReceivesIsBoundedAndInTheStatus) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  std::atomic<int> arrived = 0;
  second.on<event::Message>([&](MeshSocket&) { ++arrived; });
  const std::string large(4'000'000, 'x');
  for (int i = 0; i < 20; ++i) {
    first.send(i, large);
    ASSERT_TRUE(eventually([&] { return arrived == i + 1; }));
  }
  EXPECT_THAT(second.status().text(), HasSubstr("messages are dropped"));
  const std::vector<Message> kept = second.recv(100);
  EXPECT_THAT(kept, SizeIs(16));
  EXPECT_EQ(kept.front().packets().front(), 4);
}

TEST(ApiMesh, AReplyGoesToTheSenderOnly) {
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

TEST(ApiMesh, AReplyFindsASenderThatIsNoNeighbour) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket middle("127.0.0.1", 0);
  MeshSocket last("127.0.0.1", 0);
  ASSERT_TRUE(join(middle, first));
  ASSERT_TRUE(join(middle, last));
  ASSERT_TRUE(eventually([&] { return are_neighbours(first, last); }));
  first.disconnect(last.id());
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

TEST(ApiMesh, AReplyAfterTheSocketsEndIsAnError) {
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

TEST(ApiMesh, ANeighbourCanBeSpokenToAlone) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  first.routing_table().at(second.id()).send("psst");
  const auto message = second.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->packets().front(), "psst");
  EXPECT_EQ(message->flag(), Flag::kWhisper);
}

TEST(ApiMesh, HandlersAreTriedInOrderUntilOneReturnsTrue) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  std::vector<std::string> calls;  // of the loop's thread, until the queued message has come
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

TEST(ApiMesh, HandleMsgShowsAMessageToTheHandlersOrQueuesIt) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  first.send("again and again");
  const auto message = second.recv(kPatience);
  ASSERT_TRUE(message);
  const Neighbour from = second.routing_table().at(first.id());
  int raised = 0;
  second.on<event::Message>([&](MeshSocket&) { ++raised; });
  EXPECT_TRUE(second.handle_msg(*message, from));
  EXPECT_EQ(raised, 1);
  EXPECT_EQ(second.recv()->packets().front(), "again and again");
  second.register_handler([](const Message&, const Neighbour&) { return true; });
  EXPECT_TRUE(second.handle_msg(*message, from));
  EXPECT_EQ(raised, 1);
  EXPECT_EQ(second.recv(), std::nullopt);
}

TEST(ApiMesh, RequestPeersAsksTheNeighbours) {
  MeshSocket socket("127.0.0.1", 0);
  RawPeer peer(socket.out_addr().port, socket.protocol().id());
  ASSERT_TRUE(eventually([&] { return socket.routing_table().contains(peer.id()); }));
  socket.send("before");
  peer.hear_until("user-message");
  socket.request_peers();
  socket.send("after");
  EXPECT_THAT(peer.hear_until("user-message"), ElementsAre("request", "user-message"));
}

TEST(ApiMesh, APy2pNodeIsANeighbourToo) {
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

TEST(ApiMesh, ConnectIsRaisedWhenTheFirstNeighbourArrives) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  MeshSocket third("127.0.0.1", 0);
  std::atomic<int> raised = 0;
  std::atomic<MeshSocket*> told = nullptr;
  first.on<event::Connect>([&](MeshSocket& socket) {
    told = &socket;
    raised += socket.routing_table().empty() ? 100 : 1;
  });
  ASSERT_TRUE(join(second, first));
  ASSERT_TRUE(join(third, first));
  EXPECT_TRUE(eventually([&] { return raised == 1; }));
  EXPECT_EQ(told, &first);
  second.close();
  third.close();
  ASSERT_TRUE(eventually([&] { return first.routing_table().empty(); }));
  EXPECT_EQ(raised, 1);
  MeshSocket fourth("127.0.0.1", 0);
  ASSERT_TRUE(join(fourth, first));
  EXPECT_TRUE(eventually([&] { return raised == 2; }));
}

TEST(ApiMesh, MessageIsRaisedForEachThatIsQueued) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  std::atomic<int> raised = 0;
  second.on("message", [&](MeshSocket& socket) {
    if (&socket == &second && socket.recv()) ++raised;
  });
  first.send(1);
  first.send(2);
  EXPECT_TRUE(eventually([&] { return raised == 2; }));
}

TEST(ApiMesh, StatusIsNominalUntilAHandlerThrows) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_EQ(second.status().text(), "Nominal");
  std::atomic<int> others = 0;
  second.on<event::Message>([](MeshSocket&) { throw std::runtime_error("clumsy listener"); });
  second.on<event::Message>([&](MeshSocket&) { ++others; });
  first.send(1);
  ASSERT_TRUE(eventually([&] { return others == 1; }));
  EXPECT_THAT(second.status().errors, ElementsAre(HasSubstr("clumsy listener")));
  second.register_handler([](const Message&, const Neighbour&) -> bool { throw 7; });
  first.send(2);
  ASSERT_TRUE(eventually([&] { return second.status().errors.size() == 2; }));
  // It goes on, neighbour and all.
  EXPECT_TRUE(are_neighbours(first, second));
}

TEST(ApiMesh, EverythingMayBeUsedFromInsideAHandler) {
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  std::atomic<bool> done = false;
  second.on<event::Message>([&](MeshSocket& socket) {
    EXPECT_EQ(socket.recv(kPatience)->packets().front(), "go");  // and does not wait
    EXPECT_EQ(socket.recv(kPatience), std::nullopt);
    EXPECT_THAT(socket.routing_table(), SizeIs(1));
    EXPECT_THAT(socket.incoming(), SizeIs(1));
    EXPECT_FALSE(socket.connect("127.0.0.1", socket.out_addr().port));
    socket.request_peers();
    socket.send("from inside");
    const ListenerId listener = socket.on<event::Connect>([](MeshSocket&) {});
    EXPECT_TRUE(socket.remove_listener<event::Connect>(listener));
    EXPECT_TRUE(socket.disconnect(first.id()));
    EXPECT_THAT(socket.routing_table(), IsEmpty());
    socket.close();
    EXPECT_TRUE(socket.is_closed());
    EXPECT_THROW(socket.close(), SocketClosed);
    EXPECT_THROW(socket.send("too late"), SocketClosed);
    done = true;
  });
  ASSERT_TRUE(join(first, second));
  first.send("go");
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_EQ(first.recv(kPatience)->packets().front(), "from inside");
  EXPECT_TRUE(eventually([&] { return first.routing_table().empty(); }));
}

TEST(ApiMesh, AReaderIsWokenWhenTheSocketIsClosed) {
  MeshSocket socket("127.0.0.1", 0);
  std::jthread closer([&] { socket.close(); });
  EXPECT_EQ(socket.recv(std::chrono::hours(1)), std::nullopt);
}

TEST(ApiMesh, ItHoldsNoDictionary) {
  // Nor is it of one network with those that do, whatever its name.
  MeshSocket mesh("127.0.0.1", 0, {.protocol = {.network = "sync"}});
  Lines lines;
  SyncSocket sync("127.0.0.1", 0, {.debug_level = 1, .log = lines.sink()});
  sync.connect("127.0.0.1", mesh.out_addr().port);
  EXPECT_TRUE(eventually([&] { return lines.text().find("refused: wrong network") != std::string::npos; }));
}

}  // namespace
}  // namespace meshdict
