// The loop that drives an engine on real sockets: nodes find each other, nothing is told before it is committed, and
// stopping says goodbye.

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "core/encoding/value.h"
#include "core/env/memory_store.h"
#include "net/asio_transport.h"
#include "net/engine_loop.h"
#include "net/net_limits.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "proptests/base/eventually.h"

namespace meshdict {
namespace {

class FragileStore final : public Store {
 public:
  std::expected<void, StoreError> load(Table table, const Visitor& visit) override { return kept_.load(table, visit); }
  void put(Table table, std::string_view key, std::string_view value) override { kept_.put(table, key, value); }
  void erase(Table table, std::string_view key) override { kept_.erase(table, key); }
  std::expected<void, StoreError> commit() override {
    if (while_committing) while_committing();
    if (broken) return std::unexpected(StoreError{.trouble = StoreTrouble::kFull, .what = "the disk is full"});
    ++commits;
    waiting = 0;
    return kept_.commit();
  }
  [[nodiscard]] std::size_t staged() const override { return waiting; }

  std::function<void()> while_committing;
  bool broken = false;
  std::size_t waiting = 0;
  std::atomic<std::uint64_t> commits = 0;

 private:
  MemoryStore kept_;
};

/// A node on a thread of its own.
class LoopNode : private Observer {
 public:
  explicit LoopNode(std::vector<Endpoint> join)
      : transport_(io_), engine_(config(std::move(join)), clock_, transport_, store, random_, *this) {
    const auto bound = transport_.listen({"127.0.0.1", 0});
    if (bound) address = *bound;
    engine_.set_address(address);
    EngineLoop::Hooks hooks;
    hooks.after_commit = [this] {
      if (in_turn_) ++turns_told;
      in_turn_ = false;
    };
    loop_.emplace(io_, clock_, transport_, store, engine_, std::move(hooks));
    EXPECT_TRUE(engine_.start());
    transport_.start_accepting();
    thread_ = std::thread([this] { outcome = loop_->run(); });
  }
  ~LoopNode() override { stop(); }

  /// On the node's thread, at the beginning of a turn; waits for it.
  template <typename Action>
  auto ask(Action action) {
    std::promise<decltype(action(engine_))> answer;
    asio::post(io_, [&] {
      in_turn_ = true;
      answer.set_value(action(engine_));
    });
    return answer.get_future().get();
  }
  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { loop_->stop(); });
    thread_.join();
  }
  /// Waits for a run that ends by itself.
  void join() { thread_.join(); }
  /// The engine after the end of the run.
  const Engine& engine() const { return engine_; }

  FragileStore store;
  Endpoint address;
  std::expected<void, StoreError> outcome;
  std::atomic<int> peers_said_bye = 0;
  std::atomic<int> turns_told = 0;

 private:
  static EngineConfig config(std::vector<Endpoint> join) {
    EngineConfig made;
    made.join = std::move(join);
    return made;
  }
  void on_event(const Event& event) override {
    const auto* down = std::get_if<PeerDown>(&event);
    if (down != nullptr && down->reason == EndReason::kBye) ++peers_said_bye;
  }

  asio::io_context io_;
  SystemClock clock_;
  SystemRandom random_;
  AsioTransport transport_;
  Engine engine_;
  std::optional<EngineLoop> loop_;
  bool in_turn_ = false;
  std::thread thread_;
};

TEST(EngineLoop, NodesShareADictionaryAndSayGoodbye) {
  LoopNode first({});
  LoopNode second({first.address});
  const std::string value = bytes_value("v");
  ASSERT_TRUE(first.ask([&](Engine& engine) { return engine.set("k", value).has_value(); }));
  EXPECT_TRUE(eventually([&] {
    return second.ask([&](Engine& engine) {
      const auto record = engine.dictionary().find("k");
      return record && record->value == value;
    });
  }));
  second.stop();
  EXPECT_TRUE(second.outcome);
  EXPECT_TRUE(eventually([&] { return first.peers_said_bye == 1; }));
  first.stop();
  EXPECT_TRUE(first.outcome);
}

TEST(EngineLoop, NothingIsToldThatCouldNotBeCommitted) {
  LoopNode first({});
  LoopNode second({first.address});
  const auto neighbours = [](Engine& engine) { return engine.neighbours().size(); };
  ASSERT_TRUE(eventually([&] { return first.ask(neighbours) == 1 && second.ask(neighbours) == 1; }));
  int told = 0;
  static_cast<void>(first.ask([&](Engine& engine) {
    told = first.turns_told;
    first.store.broken = true;
    return engine.set("k", bytes_value("v")).has_value();
  }));
  first.join();
  ASSERT_FALSE(first.outcome);
  EXPECT_EQ(first.outcome.error().describe(), "the disk is full");
  EXPECT_EQ(first.turns_told, told);
  // Its sockets are still open, and what it had queued has stayed where it was: the neighbour's loop turns many times
  // more and hears nothing.
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(second.ask([](Engine& engine) { return engine.dictionary().find("k").has_value(); }));
  }
}

TEST(EngineLoop, StopsWithoutNeighboursAtOnceAndCommitsWhatItDid) {
  LoopNode node({});
  ASSERT_TRUE(node.ask([](Engine& engine) { return engine.set("k", bytes_value("v")).has_value(); }));
  const std::uint64_t commits = node.store.commits;
  node.stop();
  EXPECT_TRUE(node.outcome);
  EXPECT_GT(node.store.commits, commits);
  EXPECT_EQ(node.engine().dictionary().size(), 1U);
}

/// Goes on only when told to.
class SteppedClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return now; }
  [[nodiscard]] WallTime wall() const override { return WallTime(std::chrono::hours(500'000)); }
  MonoTime now{1'000s};
};

class Deaf final : public Observer {
 public:
  void on_event(const Event& /*event*/) override {}
};

constexpr Duration kCommit = 7us;

/// Runs handlers that are all ready, each of which takes so long and stages so much, and tells of each turn.
std::vector<TurnTimes> run_handlers(int count, Duration each, Duration processor_time, std::size_t writes = 0) {
  asio::io_context io;
  SteppedClock clock;
  FragileStore store;
  store.while_committing = [&] { clock.now += kCommit; };
  const SystemRandom random;
  Deaf deaf;
  AsioTransport transport(io);
  Engine engine({}, clock, transport, store, random, deaf);
  EXPECT_TRUE(engine.start());
  std::vector<TurnTimes> turns;
  EngineLoop::Hooks hooks;
  hooks.after_turn = [&](const TurnTimes& times) { turns.push_back(times); };
  EngineLoop loop(io, clock, transport, store, engine, std::move(hooks));
  for (int i = 1; i <= count; ++i) {
    asio::post(io, [&, i] {
      const Duration until = thread_processor_time() + processor_time;
      while (thread_processor_time() < until) {
      }
      clock.now += each;
      store.waiting += writes;
      if (i == count) loop.stop();
    });
  }
  EXPECT_TRUE(loop.run());
  return turns;
}

TEST(EngineLoop, NoHandlerIsBegunAfterATurnsTime) {
  constexpr int kHandlers = 20;
  EXPECT_EQ(run_handlers(kHandlers, 0us, 0us).size(), 1U);
  // Beside the first of a turn, which may have been waited for.
  EXPECT_EQ(run_handlers(kHandlers, net_limits::kTurnBudget, 0us).size(), kHandlers / 2U);
  EXPECT_EQ(run_handlers(kHandlers, net_limits::kTurnBudget / 4, 0us).size(), kHandlers / 5U);
}

TEST(EngineLoop, NoHandlerIsBegunAfterATurnsWrites) {
  constexpr int kHandlers = 20;
  EXPECT_EQ(run_handlers(kHandlers, 0us, 0us, net_limits::kWritesPerTurn).size(), kHandlers);
  EXPECT_EQ(run_handlers(kHandlers, 0us, 0us, net_limits::kWritesPerTurn / 4).size(), kHandlers / 4U);
}

TEST(EngineLoop, TellsWhatATurnTook) {
  const TurnTimes first = run_handlers(1, 0us, 3ms).front();
  EXPECT_GE(first.busy, 3ms);
  EXPECT_EQ(first.commit, kCommit);
}

}  // namespace
}  // namespace meshdict
