// The sockets of the HTTP endpoint, on a loop that the test turns by hand: what leaves when, in which order, and to how many.

#include "app/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/connect.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "app/http/limits.h"
#include "app/options.h"
#include "resp_fixture.h"

namespace meshdict {
namespace {

using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

/// Each look at it takes some time.
class SlowClock final : public Clock {
 public:
  explicit SlowClock(Duration step) : step_(step) {}
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(now_ += step_); }
  [[nodiscard]] WallTime wall() const override { return WallTime(1'704'067'200s); }

 private:
  Duration step_;
  mutable Duration now_{};
};

class HttpServerTest : public testing::Test {
 protected:
  explicit HttpServerTest(std::size_t most = 4, Duration step = 0s)
      : clock(step),
        pages(node.service, HttpHosts({}), "", FixedRandom(1)),
        server(io, clock, pages, most,
               [this](std::string_view kind, const std::string&) { troubles.emplace_back(kind); }) {
    const auto bound = server.listen({"127.0.0.1", 0});
    EXPECT_TRUE(bound);
    port = bound->port;
    server.start();
  }
  ~HttpServerTest() override { server.stop(); }

  tcp::socket connect() {
    tcp::socket socket(mine);
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    turn();
    return socket;
  }
  /// Handlers, without what follows them in a turn of the node.
  void run_handlers() {
    io.restart();
    io.run_for(std::chrono::milliseconds(20));
  }
  void turn() {
    run_handlers();
    server.flush();
  }
  /// Until the server knows of so many.
  void await_connections(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (pages.facts().connections != count && std::chrono::steady_clock::now() < deadline)
      turn();
  }
  static void say(tcp::socket& socket, const std::string& bytes) { asio::write(socket, asio::buffer(bytes)); }
  /// All that has come by the time when there is `part` of it; "" when that takes too long.
  std::string heard(tcp::socket& socket, const std::string& part = "\r\n\r\n") {
    std::string bytes;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (bytes.find(part) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return "";
      turn();
      std::string more(socket.available(), '\0');
      more.resize(asio::read(socket, asio::buffer(more)));
      bytes += more;
    }
    return bytes;
  }
  static std::string request(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

  LonelyNode node;
  SlowClock clock;
  asio::io_context io;
  asio::io_context mine;
  HttpPages pages;
  HttpServer server;
  std::uint16_t port = 0;
  std::vector<std::string> troubles;
};

TEST_F(HttpServerTest, NothingLeavesBeforeTheCommit) {
  tcp::socket client = connect();
  say(client, request("/healthz"));
  run_handlers();
  run_handlers();
  EXPECT_EQ(client.available(), 0U);
  server.flush();
  EXPECT_THAT(heard(client), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, APipelineIsAnsweredInOrder) {
  tcp::socket client = connect();
  say(client, request("/healthz") + request("/nothing") + request("/readyz") + "nonsense\r\n\r\n");
  const std::string answers = heard(client, "Connection: close\r\n");
  std::vector<std::string> statuses;
  for (std::size_t at = answers.find("HTTP/1.1 "); at != std::string::npos; at = answers.find("HTTP/1.1 ", at + 1))
    statuses.push_back(answers.substr(at + 9, 3));
  EXPECT_THAT(statuses, testing::ElementsAre("200", "404", "200", "400"));
}

TEST_F(HttpServerTest, OneTooManyIsTurnedAwayAndTold) {
  std::vector<tcp::socket> clients;
  for (int i = 0; i < 4; ++i)
    clients.push_back(connect());
  await_connections(4);
  tcp::socket last = connect();
  EXPECT_THAT(heard(last), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(troubles, testing::ElementsAre("http connections"));
  clients.pop_back();
  await_connections(3);
  tcp::socket next = connect();
  say(next, request("/healthz"));
  EXPECT_THAT(heard(next), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnswersAreCounted) {
  tcp::socket client = connect();
  say(client, request("/healthz") + request("/metrics"));
  EXPECT_THAT(heard(client, "\nmeshdict_http_answers_total{"),
              HasSubstr("meshdict_http_answers_total{code=\"200\"} 1\n"));
}

/// Of whom each answer takes 30 ms.
class BusyHttpServerTest : public HttpServerTest {
 protected:
  BusyHttpServerTest() : HttpServerTest(4, 30ms) {}
};

TEST_F(BusyHttpServerTest, AfterAnAnswerTheLoopIsTheOthers) {
  tcp::socket one = connect();
  tcp::socket two = connect();
  say(one, request("/healthz"));
  say(two, request("/healthz"));
  const auto begun = std::chrono::steady_clock::now();
  while (two.available() == 0 || one.available() == 0) {
    run_handlers();
    server.flush();
    ASSERT_LT(std::chrono::steady_clock::now() - begun, 20s);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begun, http_limits::kRestPerAnswer * 30ms);
}

TEST(HttpOptions, BeyondThisMachineItNeedsToBeTold) {
  Options options;
  options.security.proof = MeshProof::kMeshKey;
  EXPECT_TRUE(open_endpoints(options).empty());
  options.http = {"127.0.0.1", 80};
  EXPECT_TRUE(open_endpoints(options).empty());
  options.http = {"0.0.0.0", 80};
  EXPECT_THAT(open_endpoints(options), testing::ElementsAre(StartsWith("--http: other machines reach 0.0.0.0:80")));
}

}  // namespace
}  // namespace meshdict
