// Eight threads on one socket: set, get, on, remove_listener, connect, disconnect, close and the rest, until it is closed
// under them, again and again. The sanitizers' presets look for races; here it is checked that every thread reads its
// own writes, that listeners hear of them in order, that nothing but SocketClosed is thrown, and that nothing hangs.
//
// Runs MESHDICT_HAMMER_SECONDS (10): for a minute by hand,
// MESHDICT_HAMMER_SECONDS=60 build/tsan/proptests/tests_of_api --gtest_filter='ApiHammer.*'

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "proptests/api/api_fixture.h"

namespace meshdict {
namespace {

constexpr int kThreads = 8;
/// Operations of a thread before the socket is closed under all of them, at the most.
constexpr int kLongestRound = 400;

std::chrono::seconds hammer_time() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  const char* const given = std::getenv("MESHDICT_HAMMER_SECONDS");
  return std::chrono::seconds(given == nullptr ? 10 : std::atoi(given));
}

/// What one thread does to the socket. It is the only writer of its key.
class Worker {
 public:
  Worker(SyncSocket& socket, const MeshSocket& partner, std::string key, unsigned seed)
      : socket_(socket), partner_(partner), key_(std::move(key)), random_(seed) {}

  /// Until the socket is closed, by itself after `operations`.
  void run(int operations) {
    try {
      for (int i = 0; i < operations; ++i)
        do_something();
      socket_.close();
    } catch (const SocketClosed&) {
      EXPECT_TRUE(socket_.is_closed());
    }
  }

 private:
  void do_something() {
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
      case 4:
        return read();
      case 5:
        return listen();
      case 6:
        return hear_once();
      case 7:
        socket_.connect("127.0.0.1", partner_.out_addr().port);
        return;
      case 8:
        socket_.disconnect(partner_.id());
        return;
      case 9:
        socket_.send(key_, written_);
        socket_.recv();
        return;
      case 10:
        static_cast<void>(socket_.routing_table());
        static_cast<void>(socket_.snapshot(key_));
        return;
      default:
        return forget();
    }
  }

  void write() {
    socket_.set(key_, ++written_);
    present_ = true;
    EXPECT_EQ(socket_.get(key_), written_);
  }
  void read() {
    EXPECT_EQ(socket_.contains(key_), present_);
    EXPECT_EQ(socket_.get(key_, -1), present_ ? written_ : -1);
    for (const auto& [key, value] : socket_)
      EXPECT_GT(value.as<int>(), 0) << key;
  }
  void forget() {
    EXPECT_EQ(socket_.pop(key_, -1), present_ ? written_ : -1);
    present_ = false;
  }
  /// A listener and a watch come and go; they use the socket from inside.
  void listen() {
    auto last = std::make_shared<int>(0);
    const ListenerId listener = socket_.on<event::Update>(
        [last, mine = key_](SyncSocket& socket, const std::string& key, const Value& data, const Meta&) {
          if (key != mine) return;
          EXPECT_GT(data.as<int>(), *last) << "updates of one key come in order";
          *last = data.as<int>();
          static_cast<void>(socket.get(key));
          socket.remove_listener<event::Update>(
              socket.on<event::Update>([](SyncSocket&, const std::string&, const Value&, const Meta&) {}));
        });
    const Watch watch = socket_.watch(key_, [](const Change& change) { EXPECT_FALSE(change.key.empty()); });
    write();
    EXPECT_TRUE(socket_.remove_listener<event::Update>(listener));
  }
  void hear_once() {
    const ListenerId listener = socket_.once("message", [](MeshSocket& socket) { socket.recv(); });
    socket_.emit("message", socket_);
    socket_.remove_listener("message", listener);
  }

  SyncSocket& socket_;
  const MeshSocket& partner_;
  std::string key_;
  std::minstd_rand random_;
  int written_ = 0;
  bool present_ = false;
};

TEST(ApiHammer, EightThreadsOnOneSocketUntilItIsClosedUnderThem) {
  const auto end = std::chrono::steady_clock::now() + hammer_time();
  SyncSocket partner("127.0.0.1", 0);
  unsigned round = 0;
  while (std::chrono::steady_clock::now() < end) {
    ++round;
    SyncSocket socket("127.0.0.1", 0);
    std::vector<std::jthread> threads;
    for (int number = 0; number < kThreads; ++number) {
      threads.emplace_back([&socket, &partner, number, round] {
        const unsigned seed = round * 100U + static_cast<unsigned>(number) + 1U;
        // Of their round: the partner still has those of the rounds before, leased to sockets that are gone.
        Worker worker(socket, partner, "key " + std::to_string(number) + " of " + std::to_string(round), seed);
        worker.run(number == 0 ? 1 + static_cast<int>(seed * 7919U % kLongestRound) : 1'000'000);
      });
    }
    threads.clear();
    EXPECT_TRUE(socket.is_closed());
    EXPECT_THROW(socket.close(), SocketClosed);
    EXPECT_TRUE(socket.status().is_nominal()) << socket.status().text();
    if (HasFailure()) break;
  }
  EXPECT_GT(round, 0U);
  EXPECT_TRUE(partner.status().is_nominal()) << partner.status().text();
  RecordProperty("rounds", static_cast<int>(round));
  std::printf("%u rounds\n", round);
}

}  // namespace
}  // namespace meshdict
