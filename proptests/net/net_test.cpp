// The real network on loopback: two transports exchange frames, refuse, close and drain; a loop drives two engines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env/memory_store.h"
#include "core/limits.h"
#include "net/addresses.h"
#include "net/asio_transport.h"
#include "net/engine_loop.h"
#include "net/net_limits.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "proptests/net/two_transports.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;

TEST_F(TwoTransports, FramesArriveWholeAndInOrder) {
  const ConnId conn = connect();
  const ConnId other = server_events.accepted.front();
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string bytes(static_cast<std::size_t>(i * 7 % 1'000), static_cast<char>('a' + i % 26));
    expected += bytes;
    client.send(conn, frame_of(bytes));
  }
  EXPECT_EQ(client.queued(conn), expected.size());
  server.send(other, frame_of("answer"));
  ASSERT_TRUE(run_until(
      [&] { return server_events.data[other].size() >= expected.size() && client_events.data[conn].size() >= 6; }));
  EXPECT_EQ(server_events.data[other], expected);
  EXPECT_EQ(client_events.data[conn], "answer");
  EXPECT_EQ(client.queued(conn), 0U);
}

TEST_F(TwoTransports, NothingLeavesBeforeFlush) {
  const ConnId conn = connect();
  client.send(conn, frame_of("early"));
  run_without_flush();
  EXPECT_TRUE(server_events.data.empty());
  EXPECT_EQ(client.queued(conn), 5U);
  ASSERT_TRUE(run_until([&] { return !server_events.data.empty(); }));
}

TEST_F(TwoTransports, ARefusedDialIsReportedAfterwards) {
  server.stop_listening();
  const ConnId conn = client.dial(address);
  EXPECT_TRUE(client_events.closed.empty());
  ASSERT_TRUE(run_until([&] { return client_events.closed.contains(conn); }));
  EXPECT_THAT(client_events.closed[conn], HasSubstr("refused"));
  EXPECT_TRUE(client_events.connected.empty());
  EXPECT_TRUE(client.idle());
}

TEST_F(TwoTransports, AnUnknownHostIsReportedAfterwards) {
  const ConnId conn = client.dial({"no-such-host.invalid", 1});
  EXPECT_TRUE(client_events.closed.empty());
  ASSERT_TRUE(run_until([&] { return client_events.closed.contains(conn); }));
  EXPECT_NE(client_events.closed[conn], "");
}

TEST_F(TwoTransports, CloseSendsTheQueueFirstAndIsNotReportedHere) {
  const ConnId conn = connect();
  const ConnId other = server_events.accepted.front();
  const std::string last(3'000'000, 'z');
  client.send(conn, frame_of(last));
  client.close(conn);
  EXPECT_EQ(client.queued(conn), 0U);
  client.send(conn, frame_of("too late"));
  ASSERT_TRUE(run_until([&] { return server_events.closed.contains(other); }));
  EXPECT_EQ(server_events.data[other].size(), last.size());
  EXPECT_EQ(server_events.closed[other], "end of stream");
  ASSERT_TRUE(run_until([&] { return client.idle(); }));
  EXPECT_TRUE(client_events.closed.empty());
  EXPECT_TRUE(server.idle());
}

TEST_F(TwoTransports, WhatASilentReaderDoesNotTakeIsQueuedAndDrainsLater) {
  // A plain socket that does not read until it is told to.
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  const ConnId conn = client.dial({"127.0.0.1", acceptor.local_endpoint().port()});
  asio::ip::tcp::socket reader = acceptor.accept();
  ASSERT_TRUE(run_until([&] { return !client_events.connected.empty(); }));
  const std::size_t size = 4'000'000;
  for (int i = 0; i < 8; ++i)
    client.send(conn, frame_of(std::string(size, 'q')));
  client.flush();
  EXPECT_GT(client.queued(conn), limits::kBulkLowWater);
  EXPECT_TRUE(client_events.drained.empty());
  std::vector<char> sink(1 << 20);
  std::size_t read = 0;
  reader.non_blocking(true);
  ASSERT_TRUE(run_until([&] {
    asio::error_code error;
    read += reader.read_some(asio::buffer(sink), error);
    return read == 8 * size;
  }));
  EXPECT_EQ(client.queued(conn), 0U);
  ASSERT_TRUE(run_until([&] { return !client_events.drained.empty(); }));
  EXPECT_EQ(client_events.drained.size(), 1U);
}

TEST_F(TwoTransports, RoomInTheKernelLetsNothingOutBeforeFlush) {
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  const ConnId conn = client.dial({"127.0.0.1", acceptor.local_endpoint().port()});
  asio::ip::tcp::socket reader = acceptor.accept();
  ASSERT_TRUE(run_until([&] { return !client_events.connected.empty(); }));
  client.send(conn, frame_of(std::string(32'000'000, 'q')));
  client.flush();
  const std::size_t left = client.queued(conn);
  ASSERT_GT(left, 0U);
  client.send(conn, frame_of("of a turn that has not been committed"));
  std::vector<char> sink(1 << 20);
  reader.non_blocking(true);
  for (int i = 0; i < 100; ++i) {
    asio::error_code error;
    reader.read_some(asio::buffer(sink), error);
    io.restart();
    io.run_one_for(std::chrono::milliseconds(1));
  }
  EXPECT_GT(client.queued(conn), left);
}

TEST_F(TwoTransports, WhatCameBeforeAResetIsStillDelivered) {
  asio::ip::tcp::socket peer(io);
  peer.connect({asio::ip::make_address("127.0.0.1"), address.port});
  ASSERT_TRUE(run_until([&] { return !server_events.accepted.empty(); }));
  const ConnId conn = server_events.accepted.front();
  asio::write(peer, asio::buffer(std::string("goodbye")));
  ASSERT_TRUE(run_until([&] { return server_events.data[conn] == "goodbye"; }));
  peer.set_option(asio::socket_base::linger(true, 0));
  peer.close();
  server.send(conn, frame_of("nobody hears this"));
  ASSERT_TRUE(run_until([&] { return server_events.closed.contains(conn); }));
  EXPECT_TRUE(server.idle());
}

TEST_F(TwoTransports, APortInUseIsOneClearLine) {
  AsioTransport late(io);
  const auto bound = late.listen(address);
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().describe(), HasSubstr("cannot listen on " + to_string(address)));
  EXPECT_THAT(bound.error().describe(), HasSubstr("in use"));
  EXPECT_EQ(bound.error().trouble, ListenFailure::Trouble::kInUse);
  EXPECT_EQ(bound.error().address, address);
  const auto nowhere = late.listen({"192.0.2.1", 0});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().trouble, ListenFailure::Trouble::kNotOurs);
  const auto nobody = late.listen({"no-such-host.invalid", 0});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().trouble, ListenFailure::Trouble::kNotOurs);
}

TEST(Addresses, AreReadStrictly) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:80"), (Endpoint{"127.0.0.1", 80}));
  EXPECT_EQ(parse_endpoint("example.org:0"), (Endpoint{"example.org", 0}));
  EXPECT_EQ(parse_endpoint("[::1]:65535"), (Endpoint{"::1", 65535}));
  for (const char* wrong :
       {"", ":", "a", "a:", ":1", "a:65536", "a:-1", "a:1x", "::1:5", "[::1]5", "[]:1", "a b:1", "a: 1", "[::1:5"}) {
    EXPECT_FALSE(parse_endpoint(wrong).has_value()) << wrong;
  }
}

TEST(SystemClocks, AreThoseOfTheSystem) {
  const SystemClock clock;
  const MonoTime before = clock.monotonic();
  EXPECT_GE(clock.monotonic(), before);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto difference = clock.wall().time_since_epoch() - now;
  EXPECT_LT(std::chrono::abs(std::chrono::duration_cast<Duration>(difference)), Duration(60s));
}

TEST(SystemRandom, SameNameSameStreamOtherInstanceOtherStream) {
  const SystemRandom random;
  const SystemRandom other;
  RandomStream first = random.stream("x");
  RandomStream again = random.stream("x");
  RandomStream unlike = random.stream("y");
  RandomStream foreign = other.stream("x");
  const std::uint64_t draw = first.next();
  EXPECT_EQ(again.next(), draw);
  EXPECT_NE(unlike.next(), draw);
  EXPECT_NE(foreign.next(), draw);
}

}  // namespace
}  // namespace meshdict
