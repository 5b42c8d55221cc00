// WAIT: the client hears how many neighbours have committed what it wrote, and its further commands wait with it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/resp/limits.h"
#include "app/resp/written_keys.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// As the server does once the session is touched.
std::string go_on(LonelyNode& node) {
  return node.send("");
}

TEST(RespWait, AnswersOnceAnotherHasTheWrites) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  EXPECT_EQ(node.run({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(node.run({"WAIT", "1", "0"}), "");
  EXPECT_TRUE(node.session.waiting());
  EXPECT_FALSE(node.session.has_waited());
  EXPECT_EQ(go_on(node), "");
  EXPECT_THAT(node.session.describe(), HasSubstr(" flags=b "));
  node.service.touched.clear();
  node.session.clear_touched();

  nodes.settle();
  EXPECT_EQ(nodes.second.run({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_TRUE(node.session.has_waited());
  EXPECT_THAT(node.service.touched, ElementsAre(&node.session)) << "the server is to call feed()";
  EXPECT_EQ(go_on(node), ":1\r\n");
  EXPECT_FALSE(node.session.waiting());
  EXPECT_TRUE(node.service.waiting.empty());
}

TEST(RespWait, GivesUpAtItsDeadlineAndTellsHowManyHaveIt) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  node.run({"SET", "k", "v"});
  EXPECT_EQ(node.run({"WAIT", "2", "1500"}), "");
  EXPECT_EQ(node.session.wait_deadline(), node.clock.monotonic() + 1500ms);
  nodes.settle();
  EXPECT_FALSE(node.session.has_waited());
  node.session.give_up_waiting();
  EXPECT_EQ(go_on(node), ":1\r\n");
  node.session.give_up_waiting();
  EXPECT_EQ(go_on(node), "") << "too late to matter";
}

TEST(RespWait, CommandsBehindItRunAfterIt) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  EXPECT_EQ(node.send(resp_command({"SET", "a", "1"}) + resp_command({"WAIT", "1", "0"}) + resp_command({"GET", "b"}) +
                      resp_command({"WAIT", "1", "0"}) + resp_command({"ECHO", "end"}).substr(0, 7)),
            "+OK\r\n");
  EXPECT_EQ(node.send(resp_command({"ECHO", "end"}).substr(7)), "") << "kept, and not run";
  EXPECT_GT(node.service.unfinished_bytes, 0U);
  node.engine.set("b", "\xc4\x01x");
  nodes.settle();
  EXPECT_EQ(go_on(node), ":1\r\n$1\r\nx\r\n") << "and waits again";
  nodes.settle();
  EXPECT_EQ(go_on(node), ":1\r\n$3\r\nend\r\n");
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespWait, AsksForAllThatWasWrittenSinceTheLast) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  node.run({"SET", "first", "v"});
  node.run({"MSET", "second", "v", "third", "v"});
  nodes.settle();
  const auto sent_again = [&] {
    node.run({"WAIT", "1", "0"});
    std::string bytes;
    for (const auto& [conn, frame] : node.pipe.sent)
      bytes += *frame;
    nodes.settle();
    EXPECT_EQ(go_on(node), ":1\r\n");
    return bytes;
  };
  EXPECT_THAT(sent_again(), AllOf(HasSubstr("first"), HasSubstr("second"), HasSubstr("third")));
  EXPECT_THAT(sent_again(), Not(HasSubstr("first")));
  node.run({"DEL", "second"});
  node.run({"SETNX", "fourth", "v"});
  node.run({"GETDEL", "first"});
  nodes.settle();
  EXPECT_THAT(sent_again(),
              AllOf(HasSubstr("first"), HasSubstr("second"), HasSubstr("fourth"), Not(HasSubstr("third"))));
}

TEST(RespWait, OfNobodyIsOverAtOnce) {
  LonelyNode node;
  EXPECT_EQ(node.run({"WAIT", "0", "0"}), ":0\r\n");
  EXPECT_EQ(node.run({"WAIT", "-1", "10"}), ":0\r\n");
  EXPECT_FALSE(node.session.waiting());
}

TEST(RespWait, ChecksItsArguments) {
  LonelyNode node;
  EXPECT_EQ(node.run({"WAIT", "x", "0"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(node.run({"WAIT", "1", "x"}), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(node.run({"WAIT", "1", "-1"}), "-ERR timeout is negative\r\n");
  EXPECT_EQ(node.run({"WAIT", "1", "9223372036854775807"}), "");
  EXPECT_TRUE(node.session.waiting());
  EXPECT_EQ(node.session.wait_deadline(), std::nullopt);
}

TEST(RespWait, IsNotForTransactions) {
  LonelyNode node;
  node.run({"MULTI"});
  EXPECT_EQ(node.run({"WAIT", "1", "0"}), "-ERR Command not allowed inside a transaction\r\n");
  EXPECT_THAT(node.run({"EXEC"}), StartsWith("-EXECABORT"));
}

TEST(RespWait, EndsWithItsClient) {
  LonelyNode node;
  for (std::size_t i = 0; i < limits::kMaxConfirmations + 10; ++i) {
    RespSession other(node.service, "127.0.0.1:2");
    other.feed(resp_command({"WAIT", "1", "0"}));
    EXPECT_TRUE(other.waiting()) << i;
  }
  EXPECT_TRUE(node.service.waiting.empty());
  std::vector<std::unique_ptr<RespSession>> many;
  for (std::size_t i = 0; i < limits::kMaxConfirmations; ++i)
    many.emplace_back(std::make_unique<RespSession>(node.service, "x"))->feed(resp_command({"WAIT", "1", "0"}));
  EXPECT_EQ(node.run({"WAIT", "1", "0"}), "-ERR too many clients wait already\r\n");
}

TEST(WrittenKeys, AreBoundedAndKeepTheLatest) {
  WrittenKeys keys;
  for (std::size_t i = 0; i < 10'000; ++i) {
    keys.add("key" + std::to_string(i));
    if (i % 500 == 0) {
      ASSERT_LE(keys.distinct().size(), resp_limits::kMaxWrittenKeys);
    }
  }
  EXPECT_GE(keys.distinct().size(), resp_limits::kMaxWrittenKeys / 2);
  EXPECT_EQ(keys.distinct().back(), "key9999");
  keys.add(std::string(resp_limits::kMaxWrittenBytes, 'k'));
  EXPECT_THAT(keys.distinct(), ElementsAre(std::string(resp_limits::kMaxWrittenBytes, 'k')));
  keys.add("b");
  keys.add("a");
  keys.add("b");
  EXPECT_THAT(keys.distinct(), ElementsAre("a", "b"));
  keys.clear();
  EXPECT_THAT(keys.distinct(), ElementsAre());
}

// A PUBLISH waits for neighbours that take less than comes

TEST(RespRoom, APublishWaitsUntilNeighboursTakeMessages) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  node.pipe.backlog = limits::kMaxQueued;
  EXPECT_EQ(node.send(resp_command({"PUBLISH", "c", "m"}) + resp_command({"PING"})), "");
  EXPECT_TRUE(node.session.held());
  EXPECT_FALSE(node.session.has_more()) << "the loop does not spin";
  EXPECT_TRUE(node.session.wants_bytes());
  EXPECT_THAT(node.session.describe(), HasSubstr(" flags=b "));
  EXPECT_EQ(go_on(node), "");
  node.service.look_for_room();
  EXPECT_TRUE(node.session.held());
  EXPECT_EQ(node.service.stats.published, 0);

  node.pipe.backlog = 0;
  node.service.look_for_room();
  EXPECT_THAT(node.service.touched, Contains(&node.session)) << "the server is to call feed()";
  EXPECT_EQ(go_on(node), ":1\r\n+PONG\r\n");
  EXPECT_EQ(node.service.stats.published, 1);
  EXPECT_EQ(node.service.unfinished_bytes, 0);
  EXPECT_EQ(node.engine.stats().left_out, 0);
}

TEST(RespRoom, APublishDoesNotWaitForEver) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  node.pipe.backlog = limits::kMaxQueued;
  std::string incompressible;
  for (RandomStream random(1); incompressible.size() < 1'000'000;)
    incompressible += static_cast<char>(random.below(256));
  EXPECT_EQ(node.run({"PUBLISH", "c", incompressible}), "");
  EXPECT_EQ(node.session.wait_deadline(), node.clock.monotonic() + resp_limits::kRoomPatience);
  node.session.give_up_waiting();
  EXPECT_EQ(go_on(node), ":1\r\n");
  EXPECT_EQ(node.engine.stats().left_out, 1);
}

TEST(RespRoom, ATransactionDoesNotWait) {
  JoinedNodes nodes;
  nodes.pass(3s);
  nodes.first.pipe.backlog = limits::kMaxQueued;
  nodes.first.run({"MULTI"});
  nodes.first.run({"PUBLISH", "c", "m"});
  EXPECT_EQ(nodes.first.run({"EXEC"}), "*1\r\n:1\r\n");
}

TEST(RespRoom, AClientMayGoMeanwhile) {
  JoinedNodes nodes;
  nodes.pass(3s);
  LonelyNode& node = nodes.first;
  node.pipe.backlog = limits::kMaxQueued;
  {
    RespSession other(node.service, "127.0.0.1:2");
    other.feed(resp_command({"PUBLISH", "c", "m"}));
    EXPECT_TRUE(other.held());
  }
  EXPECT_TRUE(node.service.held.empty());
  EXPECT_EQ(node.service.unfinished_bytes, 0);
  node.pipe.backlog = 0;
  node.service.look_for_room();
}

}  // namespace
}  // namespace meshdict
