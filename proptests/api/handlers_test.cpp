// Handlers on a thread of their own: nothing waits for one but those behind it, and what waits is bounded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "meshdict/meshdict.h"
#include "node/api/api_limits.h"
#include "node/api/handler_thread.h"
#include "proptests/api/api_fixture.h"

namespace meshdict::api_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kWrites = 1'000;

/// Whether `work` comes to its end. One that hangs is left behind, and what it uses with it.
bool comes_to_an_end(std::function<void()> work) {
  std::packaged_task<void()> task(std::move(work));
  auto end = task.get_future();
  std::thread(std::move(task)).detach();
  return end.wait_for(kPatience) == std::future_status::ready;
}

// Nobody waits for a handler

TEST(ApiHandlers, TakeALockThatIsHeldAroundWrites) {
  struct Program {
    std::mutex mutex;
    std::atomic<int> seen = 0;
    SyncSocket socket{"127.0.0.1", 0};
  };
  const auto program = std::make_shared<Program>();
  const auto count = [program = program.get()](auto&&...) {
    const std::lock_guard lock(program->mutex);
    ++program->seen;
  };
  program->socket.on<event::Update>(count);
  ASSERT_TRUE(comes_to_an_end([program] {
    for (int i = 0; i < kWrites; ++i) {
      const std::lock_guard lock(program->mutex);
      program->socket.set("key", i);
    }
  })) << "a write and a handler wait for each other";
  EXPECT_TRUE(eventually([&] { return program->seen == kWrites; }));
}

TEST(ApiHandlers, WriteIntoSocketsWhoseHandlersWriteIntoTheirs) {
  struct Program {
    std::atomic<int> seen = 0;
    SyncSocket left{"127.0.0.1", 0};
    SyncSocket right{"127.0.0.1", 0};
    void answer_in(SyncSocket& from, SyncSocket& to) {
      from.on<event::Update>([this, &to](SyncSocket&, const std::string& key, const Value& value, const Meta&) {
        if (key == "ask") to.set("answer", value);
        if (key == "answer") ++seen;
      });
    }
  };
  const auto program = std::make_shared<Program>();
  program->answer_in(program->left, program->right);
  program->answer_in(program->right, program->left);
  ASSERT_TRUE(comes_to_an_end([program] {
    std::jthread other([program] {
      for (int i = 0; i < kWrites; ++i)
        program->right.set("ask", i);
    });
    for (int i = 0; i < kWrites; ++i)
      program->left.set("ask", i);
  })) << "two sockets wait for each other's handlers";
  EXPECT_TRUE(eventually([&] { return program->seen == 2 * kWrites; }));
}

TEST(ApiHandlers, DelayNobodysWrites) {
  struct Program {
    std::latch goes_on{1};
    std::vector<int> seen;
    std::atomic<bool> done = false;
    SyncSocket socket{"127.0.0.1", 0};
  };
  const auto program = std::make_shared<Program>();
  program->socket.on<event::Update>(
      [program = program.get()](SyncSocket&, const std::string&, const Value& value, const Meta&) {
        program->goes_on.wait();
        program->seen.push_back(value.as<int>());
        program->done = program->seen.size() == kWrites;
      });
  const bool ended = comes_to_an_end([program] {
    for (int i = 0; i < kWrites; ++i)
      program->socket.set("key", i);
  });
  EXPECT_TRUE(ended) << "a write waits for a handler";
  program->goes_on.count_down();
  ASSERT_TRUE(eventually([&] { return program->done.load(); }));
  EXPECT_TRUE(std::ranges::is_sorted(program->seen));
}

TEST(ApiHandlers, ASinkOfTheLogTakesALockThatIsHeldAroundCalls) {
  struct Program {
    std::mutex mutex;
    std::atomic<int> lines = 0;
    SyncSocket first{"127.0.0.1", 0, {.debug_level = 4, .log = [this](int, std::string_view) {
                                        const std::lock_guard lock(mutex);
                                        ++lines;
                                      }}};
    SyncSocket second{"127.0.0.1", 0};
  };
  const auto program = std::make_shared<Program>();
  EXPECT_TRUE(comes_to_an_end([program] {
    program->second.connect("127.0.0.1", program->first.out_addr().port);
    for (int i = 0; i < kWrites; ++i) {
      const std::lock_guard lock(program->mutex);
      program->second.set("key", i);
      (void)program->first.routing_table();
    }
  })) << "the loop waits for a sink";
  EXPECT_TRUE(eventually([&] { return program->lines >= kWrites / 2; }));
}

TEST(ApiHandlers, WhatASinkThrowsIsInTheStatus) {
  SyncSocket socket("127.0.0.1", 0,
                    {.debug_level = 4, .log = [](int, std::string_view) { throw std::runtime_error("clumsy sink"); }});
  socket.set("key", 1);
  EXPECT_TRUE(eventually([&] { return socket.status().text().find("clumsy sink") != std::string::npos; }));
}

// The end

TEST(ApiHandlers, CloseDoesNotWaitForOneThatRuns) {
  std::latch goes_on(1);
  std::atomic<int> begun = 0;
  std::optional<SyncSocket> socket(std::in_place, "127.0.0.1", std::uint16_t{0});
  socket->on<event::Update>([&](auto&&...) {
    ++begun;
    goes_on.wait();
  });
  socket->set("key", 1);
  socket->set("key", 2);
  ASSERT_TRUE(eventually([&] { return begun == 1; }));
  EXPECT_TRUE(comes_to_an_end([&] { socket->close(); }));
  goes_on.count_down();
  // Which waits for all that would begin.
  socket.reset();
  EXPECT_EQ(begun, 1) << "a handler has begun after close()";
}

TEST(ApiHandlers, MayCloseEachOthersSockets) {
  struct Program {
    std::latch both{2};
    std::atomic<int> closed = 0;
    SyncSocket left{"127.0.0.1", 0};
    SyncSocket right{"127.0.0.1", 0};
    void close_in(SyncSocket& from, SyncSocket& to) {
      from.on<event::Update>([this, &to](auto&&...) {
        both.arrive_and_wait();
        to.close();
        ++closed;
      });
    }
  };
  auto program = std::make_shared<Program>();
  program->close_in(program->left, program->right);
  program->close_in(program->right, program->left);
  program->left.set("key", 1);
  program->right.set("key", 1);
  ASSERT_TRUE(eventually([&] { return program->closed == 2; }));
  EXPECT_TRUE(program->left.is_closed() && program->right.is_closed());
  EXPECT_TRUE(comes_to_an_end([last = std::exchange(program, nullptr)]() mutable { last.reset(); }));
}

// What waits

TEST(ApiHandlers, ASlowOneMissesNoKeysLastChange) {
  constexpr int kKeys = 10;
  const int writes = static_cast<int>(api_limits::kMaxChanges) + 1'000;
  std::latch goes_on(1);
  std::mutex mutex;
  std::map<std::string, int> seen;
  std::atomic<int> overflows = 0;
  SyncSocket socket("127.0.0.1", 0);
  socket.on<event::Overflow>([&](MeshSocket&) { ++overflows; });
  const Watch watch = socket.watch("", [&](const Change& change) {
    goes_on.wait();
    const std::lock_guard lock(mutex);
    seen[change.key] = change.value->as<int>();
  });
  for (int i = 0; i < writes; ++i)
    socket.set("key " + std::to_string(i % kKeys), i);
  goes_on.count_down();
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return std::ranges::count_if(seen, [&](const auto& last) { return last.second >= writes - kKeys; }) == kKeys;
  }));
  EXPECT_TRUE(eventually([&] { return overflows == 1; }));
  const Status status = socket.status();
  EXPECT_THAT(status.merged_changes, Ge(api_limits::kMaxChanges - kKeys));
  EXPECT_THAT(status.errors, Contains(HasSubstr("handlers are slower than what comes")));
}

/// Posts while the thread is held, and tells what then ran.
class Held {
 public:
  Held() {
    handlers.start();
    std::latch begun(1);
    handlers.post(delivery(Delivery::Kind::kMessage, "", 0, [this, &begun] {
      begun.count_down();
      goes_on.wait();
    }));
    begun.wait();
  }
  ~Held() { release(); }

  static Delivery delivery(Delivery::Kind kind, std::string subject, std::size_t bytes, std::function<void()> run) {
    return {.kind = kind, .run = std::move(run), .subject = std::move(subject), .bytes = bytes};
  }
  void post(Delivery::Kind kind, int number, const std::string& subject = "", std::size_t bytes = 0) {
    handlers.post(delivery(kind, subject, bytes, [this, number] { ran.push_back(number); }));
  }
  void release() {
    if (std::exchange(released, true)) return;
    goes_on.count_down();
    std::latch done(1);
    handlers.post(delivery(Delivery::Kind::kLine, "", 0, [&done] { done.count_down(); }));
    done.wait();
  }

  std::latch goes_on{1};
  bool released = false;
  std::vector<int> ran;
  int overflows = 0;
  HandlerThread handlers{[this] { ++overflows; }};
};

TEST(HandlerThread, DropsTheOldestMessages) {
  Held held;
  const int many = static_cast<int>(api_limits::kMaxReceived) + 3;
  for (int i = 0; i < many; ++i)
    held.post(Delivery::Kind::kMessage, i);
  held.release();
  EXPECT_THAT(held.ran, SizeIs(api_limits::kMaxReceived));
  EXPECT_EQ(held.ran.front(), 3);
  EXPECT_EQ(held.ran.back(), many - 1);
  EXPECT_EQ(held.handlers.losses().dropped_messages, 3U);
  EXPECT_EQ(held.overflows, 1);
}

TEST(HandlerThread, BoundsBytesToo) {
  Held held;
  const std::size_t third = api_limits::kMaxReceivedBytes / 3;
  for (int i = 0; i < 4; ++i)
    held.post(Delivery::Kind::kMessage, i, "", third);
  held.post(Delivery::Kind::kChange, 4, "key", api_limits::kMaxChangeBytes);
  held.post(Delivery::Kind::kChange, 5, "key", 1);
  held.post(Delivery::Kind::kChange, 6, "other", 1);
  held.release();
  EXPECT_THAT(held.ran, ElementsAre(1, 2, 3, 5, 6));
}

TEST(HandlerThread, SaysLinesEvenAfterTheEnd) {
  Held held;
  held.post(Delivery::Kind::kMessage, 1);
  held.post(Delivery::Kind::kChange, 2, "key");
  held.post(Delivery::Kind::kLine, 3);
  held.handlers.stop();
  held.post(Delivery::Kind::kMessage, 4);
  held.post(Delivery::Kind::kLine, 5);
  held.release();
  EXPECT_THAT(held.ran, ElementsAre(3, 5));
}

// However many wait: messages and changes come in the order of posting, and each subject's last change comes.
RC_GTEST_PROP(HandlerThread, KeepsTheOrderAndTheLastChangeOfEachSubject, ()) {
  const bool overflows = *rc::gen::arbitrary<bool>();
  const auto posts = *rc::gen::container<std::vector<std::pair<bool, int>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 5)));
  Held held;
  int number = 0;
  // Fills the queue up to its bound with one subject.
  if (overflows) {
    for (std::size_t i = 0; i < api_limits::kMaxChanges; ++i)
      held.post(Delivery::Kind::kChange, number++, "fills");
  }
  std::map<std::string, int> last;
  std::vector<int> messages;
  for (const auto& [is_change, subject] : posts) {
    const std::string name = is_change ? std::to_string(subject) : "";
    if (is_change) last[name] = number;
    if (!is_change) messages.push_back(number);
    held.post(is_change ? Delivery::Kind::kChange : Delivery::Kind::kMessage, number++, name);
  }
  held.release();
  RC_ASSERT(std::ranges::is_sorted(held.ran));
  RC_ASSERT(std::ranges::includes(held.ran, messages));
  for (const auto& [name, newest] : last)
    RC_ASSERT(std::ranges::binary_search(held.ran, newest));
  const auto merged = static_cast<std::size_t>(number) - held.ran.size();
  RC_ASSERT(held.handlers.losses().merged_changes == merged);
  if (!overflows) RC_ASSERT(merged == 0U);
  if (overflows && !last.empty()) RC_ASSERT(merged >= api_limits::kMaxChanges - 1);
}

}  // namespace
}  // namespace meshdict::api_test
