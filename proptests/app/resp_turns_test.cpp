// No command keeps the others waiting: what looks at many keys goes on in later turns of the loop, or is bounded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/resp/limits.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kKeys = 3 * resp_limits::kStepsPerTurn;

std::string key_of(std::size_t i) {
  return "key:" + std::to_string(1'000'000 + i);
}

void fill(LonelyNode& node) {
  for (std::size_t i = 0; i < kKeys; ++i)
    node.run({"SET", key_of(i), "v"});
}

/// The reply, and how many turns it took.
struct Turns {
  std::string reply;
  int count = 1;
};

Turns run_in_turns(LonelyNode& node, const std::vector<std::string>& command) {
  Turns turns;
  node.session.feed(resp_command(command));
  turns.reply = node.take_output();
  for (; node.session.has_more(); ++turns.count) {
    node.session.feed({});
    turns.reply += node.take_output();
  }
  return turns;
}

std::vector<std::string> with_all_keys(const std::string& name) {
  std::vector<std::string> command{name};
  for (std::size_t i = 0; i < kKeys; ++i)
    command.push_back(key_of(i));
  return command;
}

TEST(RespTurns, KeysGoOnInLaterTurns) {
  LonelyNode node;
  fill(node);
  const Turns turns = run_in_turns(node, {"KEYS", "*:1*"});
  EXPECT_GE(turns.count, 3);
  EXPECT_EQ(array_elements(turns.reply).size(), kKeys);
  EXPECT_EQ(array_elements(turns.reply).back(), key_of(kKeys - 1));
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTurns, WhatComesMeanwhileWaitsAndIsAnsweredInOrder) {
  LonelyNode node;
  fill(node);
  RespSession other(node.service, "127.0.0.1:2");
  node.session.feed(resp_command({"KEYS", "none*:x"}) + resp_command({"KEYS", "*:x"}) + resp_command({"PING"}));
  EXPECT_TRUE(node.session.has_more());
  EXPECT_FALSE(node.session.wants_bytes());
  other.feed(resp_command({"PING"}));
  EXPECT_EQ(other.output(), "+PONG\r\n");
  // Keys that come and go meanwhile.
  other.feed(resp_command({"DEL", key_of(0), key_of(kKeys / 2)}));
  while (node.session.has_more())
    node.session.feed({});
  EXPECT_EQ(node.take_output(), "*0\r\n*0\r\n+PONG\r\n");
}

TEST(RespTurns, ASessionMayEndInTheMiddle) {
  LonelyNode node;
  fill(node);
  {
    RespSession other(node.service, "127.0.0.1:2");
    other.feed(resp_command(with_all_keys("MGET")));
    EXPECT_TRUE(other.has_more());
    EXPECT_GT(node.service.unfinished_bytes, 0U);
  }
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTurns, ManyArgumentsAreReadInLaterTurns) {
  LonelyNode node;
  fill(node);
  const Turns exist = run_in_turns(node, with_all_keys("EXISTS"));
  EXPECT_EQ(exist.reply, ":" + std::to_string(kKeys) + "\r\n");
  EXPECT_GE(exist.count, 3);
  const Turns values = run_in_turns(node, with_all_keys("MGET"));
  EXPECT_EQ(array_elements(values.reply), std::vector<std::string>(kKeys, "v"));
  EXPECT_GE(values.count, 3);
}

TEST(RespTurns, ValuesCountByTheirSize) {
  LonelyNode node;
  node.run({"SET", "k", std::string(4'000'000, 'v')});
  const Turns turns = run_in_turns(node, {"MGET", "k", "k", "k", "k", "k", "k", "none"});
  EXPECT_GT(turns.count, 1);
  EXPECT_EQ(array_elements(turns.reply).size(), 7U);
}

TEST(RespTurns, AScanStopsEarlierThanItsCount) {
  LonelyNode node;
  fill(node);
  std::string cursor = "0";
  std::size_t seen = 0;
  int steps = 0;
  do {
    const auto [next, keys] = node.scan({"SCAN", cursor, "COUNT", "100000000"});
    cursor = next;
    seen += keys.size();
    ++steps;
  } while (cursor != "0");
  EXPECT_EQ(seen, kKeys);
  EXPECT_GE(steps, 3);
}

TEST(RespTurns, WhatRunsInOneTurnHasABound) {
  LonelyNode node;
  const std::size_t many = resp_limits::kMaxArgumentsInOneTurn + 1;
  for (const std::string name : {"DEL", "UNLINK", "MSET", "COMMAND", "CONFIG", "SUBSCRIBE", "UNSUBSCRIBE", "CLIENT"}) {
    std::vector<std::string> command{name};
    command.insert(command.end(), many, "k");
    std::string lower = name;
    for (char& c : lower)
      c = static_cast<char>(c | 0x20);
    EXPECT_EQ(node.run(command), "-ERR too many arguments for '" + lower + "': at most 16384 at a time\r\n");
  }
  EXPECT_EQ(node.engine.dictionary().size(), 0U);
}

TEST(RespTurns, ATransactionLooksAtSoMuch) {
  LonelyNode node;
  fill(node);
  node.run({"MULTI"});
  for (int i = 0; i < 50; ++i)
    node.run({"KEYS", "*:x"});
  node.run({"SET", "k", "v"});
  const std::string reply = node.run({"EXEC"});
  EXPECT_THAT(reply, StartsWith("*51\r\n*0\r\n"));
  EXPECT_THAT(reply, HasSubstr("-ERR the transaction looks at too much"));
  EXPECT_TRUE(reply.ends_with("+OK\r\n"));
  EXPECT_FALSE(node.session.has_more());
}

TEST(RespTurns, APatternThatIsTooLongIsAnError) {
  LonelyNode node;
  const std::string pattern = "*" + std::string(2'000, 'a');
  for (const std::vector<std::string>& command : {std::vector<std::string>{"KEYS", pattern},
                                                  {"SCAN", "0", "MATCH", pattern},
                                                  {"PSUBSCRIBE", pattern},
                                                  {"PUBSUB", "CHANNELS", pattern},
                                                  {"CONFIG", "GET", pattern},
                                                  {"COMMAND", "LIST", "FILTERBY", "PATTERN", pattern}}) {
    EXPECT_THAT(node.run(command), StartsWith("-ERR a pattern may be 1048576 bytes long, and have 1023 characters"));
  }
}

TEST(RespTurns, SubscriptionsAreBoundedInBytes) {
  LonelyNode node;
  EXPECT_THAT(node.run({"SUBSCRIBE", std::string(30'000'000, 'c')}),
              StartsWith("-ERR the name of a channel may be at most"));
  EXPECT_THAT(node.run({"PUBLISH", std::string(4'097, 'c'), "m"}),
              StartsWith("-ERR the name of a channel may be at most"));
  std::string reply;
  for (int i = 0; !reply.starts_with("-") && i < 10'000; ++i)
    reply = node.run({"PSUBSCRIBE", std::string(1'000'000, 'p') + std::to_string(i)});
  EXPECT_THAT(reply, StartsWith("-ERR too many subscriptions: a client's may be 16384, and take 8388608 bytes"));
  EXPECT_LE(node.session.subscribed_bytes, resp_limits::kMaxSubscribedBytes);
  node.run({"PUNSUBSCRIBE"});
  EXPECT_EQ(node.session.subscribed_bytes, 0U);
}

TEST(RespTurns, AnEmptyPatternIsAPattern) {
  LonelyNode node;
  RespSession other(node.service, "127.0.0.1:2");
  node.run({"PSUBSCRIBE", ""});
  other.feed(resp_command({"PUBLISH", "", "hi"}));
  EXPECT_EQ(node.take_output(), "*4\r\n$8\r\npmessage\r\n$0\r\n\r\n$0\r\n\r\n$2\r\nhi\r\n");
}

}  // namespace
}  // namespace meshdict
