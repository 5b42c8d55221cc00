// MeshSocket over real sockets on loopback: each test stands in the table of node/api/README.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

#include "proptests/api/api_fixture.h"
#include "proptests/api/raw_peer.h"

namespace meshdict {
namespace {

using api_test::are_neighbours;
using api_test::join;
using api_test::Lines;
using api_test::RawPeer;
using api_test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

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
  EXPECT_EQ(MeshSocket("127.0.0.2", 0).out_addr().host, "127.0.0.2");
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
  } catch (const ListenError& error) {
    EXPECT_EQ(error.host(), "192.0.2.1");
    EXPECT_EQ(error.port(), 0);
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
  EXPECT_THROW(MeshSocket("127.0.0.1", 0, {.protocol = {.encryption = "ssl"}}), SettingsError);
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
  EXPECT_TRUE(eventually([&] { return first.routing_table().at(second.id()).connected_for() > seen.connected_for(); }));
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

TEST(ApiMesh, ConnectIsRaisedWhenTheFirstNeighbourArrives) {
  std::atomic<int> raised = 0;
  std::atomic<MeshSocket*> told = nullptr;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  MeshSocket third("127.0.0.1", 0);
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

TEST(ApiMesh, StatusIsNominalUntilAHandlerThrows) {
  std::atomic<int> others = 0;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(first, second));
  EXPECT_EQ(second.status().text(), "Nominal");
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
  std::atomic<bool> done = false;
  MeshSocket first("127.0.0.1", 0);
  MeshSocket second("127.0.0.1", 0);
  second.on<event::Message>([&](MeshSocket& socket) {
    // And does not wait.
    EXPECT_EQ(socket.recv(kPatience)->packets().front(), "go");
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
