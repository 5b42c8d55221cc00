// The event emitter: each test stands in the table of node/api/README.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/steady_timer.hpp>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "meshdict/coroutine.h"
#include "meshdict/emitter.h"
#include "proptests/api/api_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Tick {
  static constexpr std::string_view kName = "tick";
  using Signature = void(int count, const std::string& text);
};

/// An emitter that knows Tick by name too.
class Clockwork : public EventEmitter {
 public:
  Clockwork() { declare(Events()); }
  using EventEmitter::emit;
  using EventEmitter::on;
  template <typename Handler>
  ListenerId on(std::string_view event, Handler handler) {
    return add_named(Events(), event, std::move(handler), detail::Calls::kAll);
  }
  template <typename... Arguments>
  bool emit(std::string_view event, Arguments&&... arguments) {
    return emit_named(Events(), event, std::forward<Arguments>(arguments)...);
  }

 private:
  using Events = detail::EventList<Tick, event::NewListener, event::Error>;
};

TEST(ApiEmitter, OnCallsEachHandlerInOrder) {
  Clockwork emitter;
  std::vector<std::string> calls;
  emitter.on<Tick>(
      [&](int count, const std::string& text) { calls.push_back("first " + text + std::to_string(count)); });
  emitter.on<Tick>([&](int, const std::string&) { calls.emplace_back("second"); });
  EXPECT_TRUE(emitter.emit<Tick>(1, "a"));
  EXPECT_TRUE(emitter.emit<Tick>(2, "b"));
  EXPECT_THAT(calls, ElementsAre("first a1", "second", "first b2", "second"));
}

TEST(ApiEmitter, OnByNameIsCheckedAgainstTheEvent) {
  Clockwork emitter;
  std::vector<int> counts;
  emitter.on("tick", [&](int count, const std::string&) { counts.push_back(count); });
  EXPECT_TRUE(emitter.emit<Tick>(1, "a"));
  EXPECT_TRUE(emitter.emit("tick", 2, "b"));
  EXPECT_THAT(counts, ElementsAre(1, 2));
  EXPECT_THROW(emitter.on("tick", [](const EventArguments&) {}), EventError);
  EXPECT_THROW(emitter.on("tick", [](std::unique_ptr<int>) {}), EventError);
  EXPECT_THROW(emitter.emit("tick", "not a number"), EventError);
  // Through a base that does not know the event, too.
  EventEmitter& base = emitter;
  EXPECT_THROW(base.on("tick", [](const EventArguments&) {}), EventError);
}

TEST(ApiEmitter, EventsOfAProgramsOwnTakeValues) {
  EventEmitter* emitter = nullptr;
  Clockwork clockwork;
  emitter = &clockwork;
  std::vector<Value> got;
  emitter->on("alarm", [&](const EventArguments& arguments) { got = arguments; });
  EXPECT_TRUE(emitter->emit("alarm", "disk full", 97, std::vector{1.5}));
  EXPECT_THAT(got, ElementsAre(Value("disk full"), Value(97), Value(std::vector{1.5})));
  EXPECT_THROW(emitter->on("alarm", [](int) {}), EventError);
}

TEST(ApiEmitter, EmitTellsWhetherAnybodyListens) {
  Clockwork emitter;
  EXPECT_FALSE(emitter.emit<Tick>(1, ""));
  EXPECT_FALSE(emitter.emit("alarm", 1));
  emitter.on<Tick>([](int, const std::string&) {});
  EXPECT_TRUE(emitter.emit<Tick>(1, ""));
}

TEST(ApiEmitter, OnceIsCalledOnce) {
  Clockwork emitter;
  std::atomic<int> calls = 0;
  emitter.once<Tick>([&](int, const std::string&) { ++calls; });
  EXPECT_THAT(emitter.listeners<Tick>(), SizeIs(1));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { emitter.emit<Tick>(1, ""); });
  threads.clear();
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(emitter.listeners<Tick>(), IsEmpty());
  emitter.once("alarm", [&](const EventArguments&) { ++calls; });
  EXPECT_TRUE(emitter.emit("alarm"));
  EXPECT_FALSE(emitter.emit("alarm"));
  EXPECT_EQ(calls, 2);
}

TEST(ApiEmitter, ListenersAreListedInOrder) {
  Clockwork emitter;
  const ListenerId first = emitter.on<Tick>([](int, const std::string&) {});
  const ListenerId second = emitter.on("tick", [](int, const std::string&) {});
  EXPECT_THAT(emitter.listeners<Tick>(), ElementsAre(first, second));
  EXPECT_THAT(emitter.listeners("tick"), ElementsAre(first, second));
  EXPECT_THAT(emitter.listeners("other"), IsEmpty());
}

TEST(ApiEmitter, ARemovedListenerIsNotCalled) {
  Clockwork emitter;
  int calls = 0;
  const ListenerId gone = emitter.on<Tick>([&](int, const std::string&) { calls += 100; });
  emitter.on<Tick>([&](int, const std::string&) { ++calls; });
  EXPECT_TRUE(emitter.remove_listener<Tick>(gone));
  EXPECT_FALSE(emitter.remove_listener<Tick>(gone));
  EXPECT_FALSE(emitter.remove_listener("other", gone));
  emitter.emit<Tick>(1, "");
  EXPECT_EQ(calls, 1);
}

TEST(ApiEmitter, AListenerMayRemoveOneThatIsStillToCome) {
  Clockwork emitter;
  int calls = 0;
  ListenerId second = ListenerId::kNone;
  emitter.on<Tick>([&](int, const std::string&) { emitter.remove_listener<Tick>(second); });
  second = emitter.on<Tick>([&](int, const std::string&) { ++calls; });
  emitter.emit<Tick>(1, "");
  EXPECT_EQ(calls, 0);
}

TEST(ApiEmitter, RemoveAllListenersOfOneEventOrOfAll) {
  Clockwork emitter;
  emitter.on<Tick>([](int, const std::string&) {});
  emitter.on("alarm", [](const EventArguments&) {});
  emitter.remove_all_listeners<Tick>();
  EXPECT_THAT(emitter.listeners<Tick>(), IsEmpty());
  EXPECT_THAT(emitter.listeners("alarm"), SizeIs(1));
  emitter.on<Tick>([](int, const std::string&) {});
  emitter.remove_all_listeners();
  EXPECT_THAT(emitter.listeners<Tick>(), IsEmpty());
  EXPECT_THAT(emitter.listeners("alarm"), IsEmpty());
  // What is built in keeps its signature.
  EXPECT_THROW(emitter.EventEmitter::on("tick", [](const EventArguments&) {}), EventError);
}

TEST(ApiEmitter, NewListenerIsRaisedBeforeOneIsAdded) {
  Clockwork emitter;
  std::vector<std::string> announced;
  std::size_t listeners_then = 0;
  emitter.on<event::NewListener>([&](const std::string& event, ListenerId) {
    announced.push_back(event);
    listeners_then = emitter.listeners<Tick>().size();
  });
  emitter.on<Tick>([](int, const std::string&) {});
  EXPECT_THAT(announced, ElementsAre("tick"));
  EXPECT_EQ(listeners_then, 0U);
}

TEST(ApiEmitter, AnErrorThatNobodyListensToIsThrown) {
  Clockwork emitter;
  EXPECT_THROW(emitter.emit<event::Error>(std::runtime_error("out of paper")), Error);
  std::string heard;
  emitter.on("error", [&](const std::exception& error) { heard = error.what(); });
  EXPECT_TRUE(emitter.emit<event::Error>(std::runtime_error("out of paper")));
  EXPECT_EQ(heard, "out of paper");
}

TEST(ApiEmitter, WhatAHandlerThrowsReachesTheCallerOfEmit) {
  Clockwork emitter;
  emitter.on<Tick>([](int, const std::string&) { throw std::runtime_error("no"); });
  EXPECT_THROW(emitter.emit<Tick>(1, ""), std::runtime_error);
}

TEST(ApiEmitter, AHandlerOfAnEmitterWithoutLoopCannotBeACoroutine) {
  Clockwork emitter;
  emitter.on<Tick>([](int, std::string) -> asio::awaitable<void> { co_return; });
  EXPECT_THROW(emitter.emit<Tick>(1, ""), EventError);
}

TEST(ApiEmitter, CoroutinesAreSpawnedAndEmitDoesNotWait) {
  std::atomic<bool> resumed = false;
  std::atomic<bool> gate = false;
  std::string seen;
  MeshSocket socket("127.0.0.1", 0);
  socket.on<Tick>([&, owned = std::make_unique<int>(7).get() != nullptr](
                      int count, const std::string& text) -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!gate) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
    // The arguments are copies: what emit() was given is gone by now.
    seen = text + std::to_string(count);
    resumed = owned;
  });
  EXPECT_TRUE(socket.emit<Tick>(3, std::string("late ") + "text "));
  EXPECT_FALSE(resumed);
  gate = true;
  EXPECT_TRUE(eventually([&] { return resumed.load(); }));
  EXPECT_EQ(seen, "late text 3");
}

TEST(ApiEmitter, WhatACoroutineThrowsIsInTheStatus) {
  MeshSocket socket("127.0.0.1", 0);
  socket.on<event::Message>([](MeshSocket&) -> asio::awaitable<void> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    throw std::runtime_error("from a coroutine");
  });
  socket.emit<event::Message>(socket);
  EXPECT_TRUE(eventually([&] { return !socket.status().is_nominal(); }));
  EXPECT_THAT(socket.status().text(), ::testing::HasSubstr("from a coroutine"));
}

TEST(ApiEmitter, CoroutinesThatWaitEndWithTheSocket) {
  auto alive = std::make_shared<int>();
  {
    std::atomic<bool> begun = false;
    MeshSocket socket("127.0.0.1", 0);
    socket.on<event::Message>([&begun, alive](MeshSocket&) -> asio::awaitable<void> {
      begun = true;
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
      co_await timer.async_wait(asio::use_awaitable);
    });
    socket.emit("message", socket);
    EXPECT_TRUE(eventually([&] { return begun.load(); }));
    EXPECT_GT(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace meshdict
