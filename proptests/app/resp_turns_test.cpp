// No command keeps the others waiting: what looks at many keys goes on in later turns of the loop, or is bounded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/resp/limits.h"
#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"
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

Turns send_in_turns(LonelyNode& node, const std::string& bytes) {
  Turns turns;
  node.session.feed(bytes);
  turns.reply = node.take_output();
  for (; node.session.has_more(); ++turns.count) {
    node.session.feed({});
    turns.reply += node.take_output();
  }
  return turns;
}

Turns run_in_turns(LonelyNode& node, const std::vector<std::string>& command) {
  return send_in_turns(node, resp_command(command));
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

/// An array of so many ones, each of which JSON shows in two bytes.
Raw many_ones(std::uint32_t count) {
  Raw value;
  MsgpackWriter(value).array(count);
  value.append(count, '\x01');
  return value;
}

TEST(RespTurns, AValueOfManyElementsIsShownInLaterTurns) {
  LonelyNode node;
  constexpr std::uint32_t kElements = 400'000;
  ASSERT_TRUE(node.engine.set("k", many_ones(kElements)));
  const Turns whole = run_in_turns(node, {"GET", "k"});
  EXPECT_GE(whole.count, 10);
  ASSERT_TRUE(whole.reply.starts_with("$800001\r\n[1,1,1,"));
  EXPECT_TRUE(whole.reply.ends_with(",1,1]\r\n"));
  const Turns length = run_in_turns(node, {"STRLEN", "k"});
  EXPECT_EQ(length.reply, ":800001\r\n");
  EXPECT_GE(length.count, 10);
  const Turns twice = run_in_turns(node, {"MGET", "none", "k", "k"});
  EXPECT_EQ(twice.reply, "*3\r\n$-1\r\n" + whole.reply + whole.reply);
  EXPECT_GE(twice.count, 20);
  EXPECT_EQ(run_in_turns(node, {"EXPLAIN", "k"}).count, 1);
  const Turns old = run_in_turns(node, {"GETSET", "k", "v"});
  EXPECT_EQ(old.reply, whole.reply);
  EXPECT_GE(old.count, 10);
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTurns, AValueMayChangeWhileItIsShown) {
  LonelyNode node;
  ASSERT_TRUE(node.engine.set("k", many_ones(100'000)));
  node.session.feed(resp_command({"GET", "k"}));
  EXPECT_TRUE(node.session.has_more());
  ASSERT_TRUE(node.engine.set("k", bytes_value("v")));
  EXPECT_TRUE(node.send("").starts_with("$200001\r\n[1,1,"));
}

TEST(RespTurns, ATransactionShowsNoValueForLongAndWritesNothingItCannotAnswer) {
  LonelyNode node;
  ASSERT_TRUE(node.engine.set("k", many_ones(4'000'000)));
  node.run({"MULTI"});
  node.run({"GETSET", "k", "v"});
  node.run({"GETDEL", "k"});
  node.run({"SET", "k", "v", "GET"});
  node.run({"GET", "k"});
  const std::string reply = node.run({"EXEC"});
  EXPECT_TRUE(reply.starts_with("*4\r\n-ERR the value that is there takes too long"));
  EXPECT_EQ(node.engine.dictionary().find("k")->value.size(), 4'000'005U);
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

/// How many turns a pipeline takes whose replies are so many.
int turns_of(LonelyNode& node, const std::string& pipeline, int replies) {
  const Turns turns = send_in_turns(node, pipeline);
  std::string_view rest = turns.reply;
  for (; !rest.empty(); --replies)
    rest.remove_prefix(reply_length(rest));
  EXPECT_EQ(replies, 0);
  return turns.count;
}

std::string repeated(int times, const std::string& text) {
  std::string all;
  for (int i = 0; i < times; ++i)
    all += text;
  return all;
}

TEST(RespTurns, AllCommandsOfAPipelineShareWhatATurnMayDo) {
  LonelyNode node;
  for (std::size_t i = 0; i < 1'000; ++i)
    node.run({"SET", key_of(i), "v"});
  // A thousand looks each.
  EXPECT_GE(turns_of(node, repeated(100, resp_command({"KEYS", "*:x"})), 100), 12);
  EXPECT_GE(turns_of(node, repeated(100, resp_command({"SCAN", "0", "COUNT", "99999", "MATCH", "*:x"})), 100), 12);
  std::vector<std::string> exists(1'001, "a");
  exists[0] = "EXISTS";
  EXPECT_GE(turns_of(node, repeated(100, resp_command(exists)), 100), 12);
  // Commands that do next to nothing, and those that are refused.
  EXPECT_GE(turns_of(node, repeated(20'000, "PING\r\n"), 20'000), 10);
  EXPECT_GE(turns_of(node, repeated(20'000, "NOPE\r\n"), 20'000), 10);
  EXPECT_GE(turns_of(node, repeated(100, resp_command({"INFO", "memory"})), 100), 3);
  EXPECT_GE(turns_of(node, repeated(100, resp_command({"SET", "k", std::string(100'000, 'v')})), 100), 4);
}

TEST(RespTurns, AStepOfAScanAlwaysGetsOn) {
  LonelyNode node;
  fill(node);
  const std::string reply = node.send(repeated(30, resp_command({"SCAN", "0", "COUNT", "99999", "MATCH", "*:x"})));
  // A cursor of 0 would say that all has been seen.
  EXPECT_EQ(reply.find("*2\r\n$1\r\n0\r\n"), std::string::npos);
}

TEST(RespTurns, WhatWaitedBehindAWaitGoesOnBitByBit) {
  JoinedNodes nodes;
  LonelyNode& node = nodes.first;
  node.session.feed(resp_command({"SET", "k", "v"}) + resp_command({"WAIT", "9", "1000"}));
  ASSERT_TRUE(node.session.waiting());
  node.session.feed(repeated(10'000, resp_command({"SET", "k", "v"})));
  node.session.give_up_waiting();
  int turns = 0;
  for (; node.session.has_more(); ++turns)
    node.session.feed({});
  EXPECT_GE(turns, 5);
  EXPECT_EQ(node.take_output(), "+OK\r\n:0\r\n" + repeated(10'000, "+OK\r\n"));
}

TEST(RespTurns, ATransactionIsBoundedByTheKeysThatItWrites) {
  LonelyNode node;
  std::vector<std::string> mset{"MSET"};
  for (int i = 0; i < 8'000; ++i) {
    mset.push_back(std::to_string(i));
    mset.emplace_back("v");
  }
  node.run({"MULTI"});
  EXPECT_EQ(node.run(mset), "+QUEUED\r\n");
  EXPECT_EQ(node.run(mset), "+QUEUED\r\n");
  EXPECT_THAT(node.run(mset),
              StartsWith("-ERR the transaction is too large: at most 16384 commands, each key of MSET"));
  EXPECT_THAT(node.run({"EXEC"}), StartsWith("-EXECABORT"));
  EXPECT_EQ(node.engine.dictionary().size(), 0U);
}

TEST(RespTurns, ATransactionThatAsksForMuchIsToldSo) {
  LonelyNode node;
  std::vector<std::unique_ptr<RespSession>> others;
  for (int i = 0; i < 300; ++i)
    others.push_back(std::make_unique<RespSession>(node.service, "127.0.0.1:2"));
  for (const std::vector<std::string>& command : {std::vector<std::string>{"CLIENT", "LIST"}, {"INFO", "memory"}}) {
    node.send("MULTI\r\n" + repeated(1'000, resp_command(command)) + resp_command({"SET", "k", "v"}));
    const std::string reply = node.run({"EXEC"});
    EXPECT_THAT(reply, HasSubstr("-ERR the transaction looks at too much"));
    EXPECT_TRUE(reply.ends_with("+OK\r\n"));
    EXPECT_EQ(reply_length(reply), reply.size());
  }
}

TEST(RespTurns, PatternsAreReadInLaterTurns) {
  LonelyNode node;
  std::vector<std::string> command(1'002, std::string(1'000, '?'));
  command[0] = "CONFIG";
  command[1] = "GET";
  command.back() = "datab*";
  const Turns turns = run_in_turns(node, command);
  EXPECT_GE(turns.count, 100);
  EXPECT_EQ(turns.reply, "*2\r\n$9\r\ndatabases\r\n$1\r\n1\r\n");
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTurns, ChannelsAndClientsAreListedInLaterTurns) {
  LonelyNode node;
  std::vector<std::unique_ptr<RespSession>> others;
  for (int i = 0; i < 1'000; ++i) {
    others.push_back(std::make_unique<RespSession>(node.service, "127.0.0.1:2"));
    others.back()->feed(resp_command({"SUBSCRIBE", std::string(1'000, 'a') + std::to_string(i)}));
  }
  const Turns channels = run_in_turns(node, {"PUBSUB", "CHANNELS", "*" + std::string(1'000, 'a') + "7"});
  EXPECT_EQ(array_elements(channels.reply).size(), 1U);
  EXPECT_GE(channels.count, 20);
  const Turns clients = run_in_turns(node, {"CLIENT", "LIST"});
  EXPECT_EQ(std::ranges::count(clients.reply, '\n'), 1'001 + 2);
  EXPECT_GE(clients.count, 3);
}

TEST(RespTurns, WhatIsComparedWithEachMessageIsBoundedOverAllClients) {
  LonelyNode node;
  RespSession other(node.service, "127.0.0.1:2");
  std::string reply;
  int taken = 0;
  for (; !reply.starts_with("-") && taken < 10'000; ++taken)
    reply = node.run({"PSUBSCRIBE", "*x" + std::to_string(taken) + "q"});
  EXPECT_THAT(reply, StartsWith("-ERR too many patterns"));
  EXPECT_GT(taken, 900);
  EXPECT_LT(taken, 1'000);
  other.feed(resp_command({"PSUBSCRIBE", "*y*"}));
  EXPECT_THAT(std::string(other.output()), StartsWith("-ERR too many patterns"));
  other.sent(other.output().size());
  // One that is there already costs nothing more.
  other.feed(resp_command({"PSUBSCRIBE", "*x1q"}));
  EXPECT_THAT(std::string(other.output()), StartsWith("*3\r\n$10\r\npsubscribe"));
  node.run({"PUNSUBSCRIBE"});
  // Literal beginnings are cheap.
  for (int i = 0; i < 10'000; ++i)
    ASSERT_THAT(node.run({"PSUBSCRIBE", "user:" + std::to_string(i) + ":*"}), StartsWith("*3"));
}

TEST(RespTurns, ManyEventsAreComparedWithThePatternsOnce) {
  LonelyNode node;
  RespSession listener(node.service, "127.0.0.1:2");
  for (int i = 0; i < 900; ++i)
    listener.feed(resp_command({"PSUBSCRIBE", "*x" + std::to_string(i) + "q"}));
  std::vector<std::string> mset{"MSET"};
  for (int i = 0; i < 1'000; ++i) {
    mset.push_back("k" + std::to_string(i));
    mset.emplace_back("v");
  }
  const std::size_t before = node.service.pubsub.steps_done();
  node.run(mset);
  EXPECT_LT(node.service.pubsub.steps_done() - before, 5'000U);
  // What was found is forgotten when the patterns change.
  listener.sent(listener.output().size());
  listener.feed(resp_command({"PSUBSCRIBE", "*:set"}));
  listener.sent(listener.output().size());
  node.run({"SET", "k", "v"});
  EXPECT_THAT(std::string(listener.output()), StartsWith("*4\r\n$8\r\npmessage\r\n$5\r\n*:set\r\n"));
  listener.feed(resp_command({"PUNSUBSCRIBE", "*:set"}));
  listener.sent(listener.output().size());
  node.run({"SET", "k", "v"});
  EXPECT_EQ(listener.output(), "");
}

TEST(RespTurns, APublisherPaysForItsListeners) {
  LonelyNode node;
  RespSession listener(node.service, "127.0.0.1:2");
  for (int i = 0; i < 800; ++i)
    listener.feed(resp_command({"PSUBSCRIBE", "*x" + std::to_string(i) + "q"}));
  std::string pipeline;
  for (int i = 0; i < 100; ++i)
    pipeline += resp_command({"PUBLISH", "channel" + std::to_string(i), "m"});
  EXPECT_GE(turns_of(node, pipeline, 100), 9);
}

TEST(RespTurns, AMessageOfAnotherShapeIsConvertedForThoseWhoListen) {
  LonelyNode node;
  RespSession listener(node.service, "127.0.0.1:2");
  const auto arrive = [&](std::uint32_t texts) {
    Raw packet;
    MsgpackWriter writer(packet);
    writer.array(texts);
    for (std::uint32_t i = 0; i < texts; ++i)
      writer.str("");
    MessageArrived message;
    message.packets.push_back(packet);
    node.service.on_event(Event(message));
  };
  listener.feed(resp_command({"SUBSCRIBE", "elsewhere"}) + resp_command({"PSUBSCRIBE", "other*"}));
  arrive(2);
  EXPECT_EQ(node.service.stats.shown, 0U);
  listener.sent(listener.output().size());
  listener.feed(resp_command({"PSUBSCRIBE", "me*"}));
  listener.sent(listener.output().size());
  arrive(2);
  EXPECT_EQ(node.service.stats.shown, 1U);
  EXPECT_THAT(std::string(listener.output()), HasSubstr("$4\r\nmesh\r\n$7\r\n[\"\",\"\"]\r\n"));
  listener.sent(listener.output().size());
  arrive(4'000'000);
  EXPECT_THAT(std::string(listener.output()), HasSubstr("a message of 4000005 bytes, too large to be shown"));
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
