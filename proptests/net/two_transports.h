#pragma once
// Two transports on loopback, and for each a list of what it has told.

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/asio_transport.h"
#include "proptests/base/eventually.h"

namespace meshdict {

/// Writes down what a transport tells.
class Recorder final : public TransportEvents {
 public:
  explicit Recorder(AsioTransport& transport) { transport.set_events(*this); }
  void on_accepted(ConnId conn, const Endpoint&) override { accepted.push_back(conn); }
  void on_connected(ConnId conn) override { connected.push_back(conn); }
  void on_data(ConnId conn, std::string_view bytes) override { data[conn] += bytes; }
  void on_drained(ConnId conn) override { drained.push_back(conn); }
  void on_closed(ConnId conn, std::string_view detail) override { closed[conn] = detail; }
  void on_refused(ConnId conn, const Ending& ending) override { refused[conn] = ending.reason; }
  void on_turned_away(const Endpoint&, const Ending& ending) override { turned_away.push_back(ending.reason); }
  void on_listen_trouble(std::string_view) override {}

  std::vector<ConnId> accepted;
  std::vector<ConnId> connected;
  std::vector<ConnId> drained;
  std::map<ConnId, std::string> data;
  std::map<ConnId, std::string> closed;
  std::map<ConnId, EndReason> refused;
  std::vector<EndReason> turned_away;
};

inline Frame frame_of(std::string bytes) {
  Frame frame;
  frame.plain_size = static_cast<std::uint32_t>(bytes.size());
  frame.bytes = std::make_shared<const std::string>(std::move(bytes));
  return frame;
}

class TwoTransports : public ::testing::Test {
 public:
  TwoTransports() {
    const auto bound = server.listen({"127.0.0.1", 0});
    if (bound) address = *bound;
    server.start_accepting();
  }

  /// Runs both until `done`, or for a very long time.
  template <typename Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_one_for(std::chrono::milliseconds(20));
      client.flush();
      server.flush();
    }
    return true;
  }
  /// Some turns of the loop, in which neither is told to send.
  void run_without_flush() {
    for (int i = 0; i < 10; ++i) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds(5));
    }
  }
  /// One connection, up on both sides.
  ConnId connect() {
    const ConnId conn = client.dial(address);
    EXPECT_TRUE(run_until([&] { return !client_events.connected.empty() && !server_events.accepted.empty(); }));
    return conn;
  }

  asio::io_context io;
  AsioTransport server{io};
  AsioTransport client{io};
  Recorder server_events{server};
  Recorder client_events{client};
  Endpoint address;
};

}  // namespace meshdict
