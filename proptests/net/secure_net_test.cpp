// TLS on loopback: who is let in hears and is heard, who is not learns why, and nobody keeps others out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include "core/limits.h"
#include "net/tls/mesh_key.h"
#include "net/tls/tls_limits.h"
#include "proptests/net/certificates.h"
#include "proptests/net/two_transports.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::shared_ptr<const Credentials> credentials_of(std::uint8_t fill) {
  MeshKey::Bytes bytes{};
  bytes.fill(fill);
  return *Credentials::of_mesh_keys({MeshKey(bytes)});
}

class SecureTransports : public TwoTransports {
 public:
  SecureTransports() {
    server.set_credentials(credentials_of(1));
    client.set_credentials(credentials_of(1));
  }

  /// One more connection, up on both sides. The acceptor speaks first, as a node does: by that the dialer is told that it is in.
  ConnId connect() {
    const std::size_t before = server_events.accepted.size();
    const ConnId conn = client.dial(address);
    EXPECT_TRUE(run_until([&] { return server_events.accepted.size() > before; }));
    EXPECT_THAT(client_events.connected, Not(Contains(conn))) << "it does not know yet that it is taken";
    server.send(server_events.accepted.back(), frame_of("welcome"));
    EXPECT_TRUE(run_until([&] { return client_events.data[conn] == "welcome"; }));
    EXPECT_THAT(client_events.connected, Contains(conn));
    client_events.data.clear();
    return conn;
  }

  /// A stranger's socket.
  asio::ip::tcp::socket stranger() {
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::make_address(address.host), address.port});
    return socket;
  }
};

TEST_F(SecureTransports, FramesArriveWholeAndInOrder) {
  const ConnId conn = connect();
  const ConnId other = server_events.accepted.front();
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string bytes(static_cast<std::size_t>(i * i % 20'000), static_cast<char>('a' + i % 26));
    expected += bytes;
    client.send(conn, frame_of(bytes));
  }
  EXPECT_EQ(client.queued(conn), expected.size());
  server.send(other, frame_of("answer"));
  ASSERT_TRUE(run_until(
      [&] { return server_events.data[other].size() >= expected.size() && client_events.data[conn].size() >= 6; }));
  EXPECT_TRUE(server_events.data[other] == expected);
  EXPECT_EQ(client_events.data[conn], "answer");
  EXPECT_EQ(client.queued(conn), 0U);
  EXPECT_THAT(client_events.drained, Contains(conn));
}

TEST_F(SecureTransports, NothingLeavesBeforeFlush) {
  const ConnId conn = connect();
  client.send(conn, frame_of("early"));
  run_without_flush();
  EXPECT_TRUE(server_events.data.empty());
  ASSERT_TRUE(run_until([&] { return !server_events.data.empty(); }));
}

TEST_F(SecureTransports, WhatIsTakenNeverFallsAndComesToAllThatWasGiven) {
  const ConnId conn = connect();
  std::uint64_t taken = 0;
  for (int i = 0; i < 200; ++i)
    client.send(conn, frame_of(std::string(30'000, 'x')));
  ASSERT_TRUE(run_until([&] {
    const auto progress = client.progress(conn);
    EXPECT_GE(progress.taken, taken);
    EXPECT_LE(progress.taken, progress.given);
    taken = progress.taken;
    return client.queued(conn) == 0 && progress.taken == progress.given;
  }));
  EXPECT_GE(taken, 200U * 30'000U);
}

TEST_F(SecureTransports, CloseSendsTheQueueFirst) {
  const ConnId conn = connect();
  client.send(conn, frame_of(std::string(1'000'000, 'q')));
  client.close(conn);
  const ConnId other = server_events.accepted.front();
  ASSERT_TRUE(run_until([&] { return server_events.closed.contains(other); }));
  EXPECT_EQ(server_events.data[other].size(), 1'000'000U);
  EXPECT_EQ(server_events.closed[other], "end of stream");
  ASSERT_TRUE(run_until([&] { return client.idle() && server.idle(); }));
}

TEST_F(SecureTransports, AnotherKeyIsTurnedAwayAndHearsOfIt) {
  client.set_credentials(credentials_of(2));
  const ConnId conn = client.dial(address);
  ASSERT_TRUE(run_until([&] { return client_events.refused.contains(conn) && !server_events.turned_away.empty(); }));
  EXPECT_EQ(client_events.refused[conn], EndReason::kAnotherMeshKey);
  EXPECT_THAT(server_events.turned_away, ElementsAre(EndReason::kAnotherMeshKey));
  EXPECT_THAT(server_events.accepted, IsEmpty());
  EXPECT_THAT(client_events.connected, IsEmpty());
  ASSERT_TRUE(run_until([&] { return client.idle() && server.idle(); }));
}

TEST_F(SecureTransports, WhoDialsWithoutTlsLearnsThatTheOtherSpeaksIt) {
  client.set_credentials(nullptr);
  const ConnId conn = client.dial(address);
  ASSERT_TRUE(run_until([&] { return !client_events.connected.empty(); }));
  client.send(conn, frame_of("hello in the clear"));
  ASSERT_TRUE(run_until([&] { return client_events.refused.contains(conn); }));
  EXPECT_EQ(client_events.refused[conn], EndReason::kSpeaksTls);
  EXPECT_THAT(server_events.turned_away, ElementsAre(EndReason::kPlaintext));
}

TEST_F(SecureTransports, WhoDialsWithTlsLearnsThatTheOtherDoesNot) {
  server.set_credentials(nullptr);
  const ConnId conn = client.dial(address);
  ASSERT_TRUE(run_until([&] { return !server_events.refused.empty(); }));
  EXPECT_EQ(server_events.refused.begin()->second, EndReason::kSpeaksTls);
  ASSERT_TRUE(run_until([&] { return client_events.refused.contains(conn) || client_events.closed.contains(conn); }));
  EXPECT_THAT(client_events.connected, IsEmpty());
}

TEST_F(SecureTransports, ANodeWithoutTlsThatGreetsIsToldApartByTheDialer) {
  server.set_credentials(nullptr);
  const ConnId conn = client.dial(address);
  ASSERT_TRUE(run_until([&] {
    if (!server_events.accepted.empty()) server.send(server_events.accepted.front(), frame_of("hello in the clear"));
    return client_events.refused.contains(conn) || client_events.closed.contains(conn);
  }));
  EXPECT_EQ(client_events.refused[conn], EndReason::kPlaintext);
}

TEST_F(SecureTransports, NewCredentialsAreForNewConnections) {
  const ConnId before = connect();
  server.set_credentials(credentials_of(2));
  client.set_credentials(credentials_of(2));
  client.send(before, frame_of("as before"));
  const ConnId after = connect();
  client.send(after, frame_of("as well"));
  ASSERT_TRUE(run_until([&] { return server_events.data.size() == 2; }));
  EXPECT_THAT(server_events.closed, IsEmpty());
}

TEST_F(SecureTransports, CertificatesProveIds) {
  TestAuthority authority("authority");
  const auto member = [&] {
    const Pems pems = authority.issue();
    return *Credentials::of_certificates(
        {.certificate = pems.certificate, .key = pems.key, .authority = authority.certificate(), .revoked = {}});
  };
  const auto of_server = member();
  const auto of_client = member();
  server.set_credentials(of_server);
  client.set_credentials(of_client);
  const ConnId conn = connect();
  EXPECT_EQ(client.proven(conn), of_server->id());
  EXPECT_EQ(server.proven(server_events.accepted.front()), of_client->id());
  EXPECT_EQ(server.proven(ConnId{99}), NodeId());
}

TEST_F(SecureTransports, ManyHalfDoneHandshakesKeepNobodyOut) {
  std::vector<asio::ip::tcp::socket> idle;
  for (std::size_t i = 0; i < 2 * tls_limits::kMaxHandshakes; ++i) {
    idle.push_back(stranger());
    io.restart();
    while (io.poll_one() > 0) {
    }
  }
  ASSERT_TRUE(run_until([&] { return server_events.turned_away.size() >= tls_limits::kMaxHandshakes; }));
  EXPECT_THAT(server_events.turned_away, Each(EndReason::kTooMany));
  connect();
}

TEST_F(SecureTransports, WhoGoesInTheMiddleIsForgotten) {
  {
    auto socket = stranger();
    asio::write(socket, asio::buffer(std::string_view("\x16\x03\x01", 3)));
  }
  ASSERT_TRUE(run_until([&] { return !server_events.turned_away.empty(); }));
  EXPECT_THAT(server_events.turned_away, ElementsAre(EndReason::kClosedByPeer));
  EXPECT_TRUE(server.idle());
}

}  // namespace
}  // namespace meshdict
