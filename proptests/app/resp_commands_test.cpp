// What the commands of the Redis-protocol endpoint answer: texts that client libraries and people rely on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "app/log/log.h"
#include "app/resp/limits.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

TEST(RespCommands, SetGetAndDelete) {
  LonelyNode node;
  EXPECT_EQ(node.run({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(node.run({"get", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(node.run({"GET", "missing"}), "$-1\r\n");
  EXPECT_EQ(node.run({"EXISTS", "k", "k", "missing"}), ":2\r\n");
  EXPECT_EQ(node.run({"TYPE", "k"}), "+string\r\n");
  EXPECT_EQ(node.run({"TYPE", "missing"}), "+none\r\n");
  EXPECT_EQ(node.run({"DBSIZE"}), ":1\r\n");
  EXPECT_EQ(node.run({"DEL", "k", "missing", "k"}), ":1\r\n");
  EXPECT_EQ(node.run({"DEL", "k"}), ":0\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(node.run({"DBSIZE"}), ":0\r\n");
  EXPECT_EQ(node.run({"RANDOMKEY"}), "$-1\r\n");
  EXPECT_EQ(node.run({"SET", "k", ""}), "+OK\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$0\r\n\r\n");
  EXPECT_EQ(node.run({"RANDOMKEY"}), "$1\r\nk\r\n");
  EXPECT_EQ(node.run({"GETDEL", "k"}), "$0\r\n\r\n");
  EXPECT_EQ(node.run({"GETDEL", "k"}), "$-1\r\n");
  const std::string bytes("\0\r\n\xff", 4);
  EXPECT_EQ(node.run({"SET", bytes, bytes}), "+OK\r\n");
  EXPECT_EQ(node.run({"GET", bytes}), "$4\r\n" + bytes + "\r\n");
}

TEST(RespCommands, SetTakesNxXxAndGet) {
  LonelyNode node;
  EXPECT_EQ(node.run({"SET", "k", "1", "XX"}), "$-1\r\n");
  EXPECT_EQ(node.run({"SET", "k", "1", "nx"}), "+OK\r\n");
  EXPECT_EQ(node.run({"SET", "k", "2", "NX"}), "$-1\r\n");
  EXPECT_EQ(node.run({"SET", "k", "2", "XX", "GET"}), "$1\r\n1\r\n");
  EXPECT_EQ(node.run({"SET", "k", "3", "NX", "GET"}), "$1\r\n2\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$1\r\n2\r\n");
  EXPECT_EQ(node.run({"SET", "new", "1", "GET"}), "$-1\r\n");
  EXPECT_EQ(node.run({"SET", "k", "3", "NX", "XX"}), "-ERR syntax error\r\n");
  EXPECT_EQ(node.run({"SET", "k", "3", "SOON"}), "-ERR syntax error\r\n");
  for (const std::vector<std::string>& lifetime :
       std::vector<std::vector<std::string>>{{"EX", "10"}, {"px", "10"}, {"EXAT", "10"}, {"PXAT", "10"}, {"KEEPTTL"}}) {
    std::vector<std::string> command{"SET", "k", "3"};
    command.insert(command.end(), lifetime.begin(), lifetime.end());
    EXPECT_THAT(node.run(command), StartsWith("-ERR leases set the lifetime")) << lifetime[0];
  }
  EXPECT_EQ(node.run({"GET", "k"}), "$1\r\n2\r\n");
}

TEST(RespCommands, SeveralKeysAtOnce) {
  LonelyNode node;
  EXPECT_EQ(node.run({"MSET", "a", "1", "b", "2", "a", "3"}), "+OK\r\n");
  EXPECT_EQ(node.run({"MGET", "a", "missing", "b"}), "*3\r\n$1\r\n3\r\n$-1\r\n$1\r\n2\r\n");
  EXPECT_EQ(node.run({"MSET", "a", "1", "b"}), "-ERR wrong number of arguments for 'mset' command\r\n");
  EXPECT_THAT(array_elements(node.run({"KEYS", "*"})), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(array_elements(node.run({"KEYS", "[^a]"})), ElementsAre("b"));
}

TEST(RespCommands, WordErrorsAsRedisDoes) {
  LonelyNode node;
  EXPECT_EQ(node.run({"get"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(node.run({"GET", "a", "b"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(node.run({"nope", "x\r\ny", "z"}),
            "-ERR unknown command 'nope', with args beginning with: 'x  y' 'z' \r\n");
  EXPECT_EQ(node.run({"CLIENT", "nope"}), "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n");
  EXPECT_EQ(node.run({"SELECT", "0"}), "+OK\r\n");
  EXPECT_EQ(node.run({"SELECT", "1"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(node.run({"SELECT", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(node.run({"SCAN", "x"}), "-ERR invalid cursor\r\n");
  EXPECT_THAT(node.run({"SCAN", "77"}), StartsWith("-ERR invalid cursor"));
  EXPECT_EQ(node.run({"SCAN", "0", "COUNT", "0"}), "-ERR syntax error\r\n");
  EXPECT_EQ(node.run({"SCAN", "0", "COUNT", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(node.run({"SCAN", "0", "MATCH"}), "-ERR syntax error\r\n");
  EXPECT_THAT(node.run({"CONFIG", "SET", "save", ""}), StartsWith("-ERR CONFIG SET"));
}

TEST(RespCommands, RefuseWhatDoesNotFitAFrame) {
  LonelyNode node;
  EXPECT_THAT(node.run({"SET", std::string(limits::kMaxKey + 1, 'k'), "v"}), StartsWith("-ERR"));
  EXPECT_EQ(node.run({"SET", std::string(limits::kMaxKey, 'k'), std::string(resp_limits::kMaxBytesOfValue, 'v')}),
            "+OK\r\n");
  EXPECT_EQ(node.run({"DBSIZE"}), ":1\r\n");
}

TEST(RespCommands, BeginTheCountersAnew) {
  LonelyNode node;
  node.service.stats.longest_turn = 1'234us;
  node.service.stats.longest_commit = 56us;
  EXPECT_THAT(node.run({"INFO", "stats"}),
              AllOf(HasSubstr("\r\nlongest_turn_us:1234\r\n"), HasSubstr("\r\nlongest_commit_us:56\r\n")));
  EXPECT_EQ(node.run({"CONFIG", "RESETSTAT"}), "+OK\r\n");
  EXPECT_THAT(node.run({"INFO", "stats"}),
              AllOf(HasSubstr("\r\nlongest_turn_us:0\r\n"), HasSubstr("\r\nlongest_commit_us:0\r\n")));
}

TEST(RespCommands, CountOldDeletionsThatWereTold) {
  constexpr Duration kHorizon = 600s;
  JoinedNodes nodes(kHorizon);
  EXPECT_EQ(nodes.first.run({"SET", "stays", "v"}), "+OK\r\n");
  EXPECT_EQ(nodes.first.run({"SET", "goes", "v"}), "+OK\r\n");
  nodes.pass(kHorizon + 30s);
  EXPECT_EQ(nodes.second.run({"GET", "goes"}), "$1\r\nv\r\n");
  EXPECT_EQ(nodes.first.run({"DEL", "goes"}), ":1\r\n");
  nodes.sleep(kHorizon + 60s);
  EXPECT_EQ(nodes.second.run({"GET", "goes"}), "$1\r\nv\r\n");
  EXPECT_THAT(nodes.first.run({"INFO", "mesh"}), HasSubstr("\r\nold_deletions_told:0\r\n"));
  nodes.pass(60s);
  EXPECT_EQ(nodes.second.run({"GET", "goes"}), "$-1\r\n");
  EXPECT_EQ(nodes.second.run({"GET", "stays"}), "$1\r\nv\r\n");
  EXPECT_THAT(nodes.first.run({"INFO", "mesh"}),
              AllOf(HasSubstr("\r\nold_deletions_told:1\r\n"), HasSubstr("\r\nkeys_returned:0\r\n")));
  EXPECT_THAT(nodes.second.run({"INFO", "mesh"}), HasSubstr("\r\nold_deletions_told:0\r\n"));
}

TEST(RespCommands, GreetClientLibraries) {
  LonelyNode node;
  EXPECT_EQ(node.run({"PING"}), "+PONG\r\n");
  EXPECT_EQ(node.run({"PING", "x"}), "$1\r\nx\r\n");
  EXPECT_EQ(node.run({"ECHO", "x"}), "$1\r\nx\r\n");
  EXPECT_THAT(node.run({"HELLO"}), StartsWith("*14\r\n$6\r\nserver\r\n"));
  EXPECT_THAT(node.run({"HELLO", "2", "SETNAME", "me"}), StartsWith("*14\r\n"));
  EXPECT_EQ(node.run({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(node.run({"HELLO", "3"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(node.run({"AUTH", "default", "anything"}), "+OK\r\n");
  EXPECT_THAT(node.run({"AUTH", "anything"}), StartsWith("-ERR AUTH <password> called without any password"));
  EXPECT_EQ(node.run({"HELLO", "2", "AUTH", "default", "p"}), node.run({"HELLO", "2"}));
  EXPECT_EQ(node.run({"HELLO", "2", "AUTH", "u", "p", "SETNAME", "n"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(node.run({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(node.run({"CLIENT", "SETINFO", "LIB-NAME", "x"}), "+OK\r\n");
  EXPECT_THAT(node.run({"CLIENT", "SETNAME", "a b"}), StartsWith("-ERR Client names"));
  EXPECT_THAT(node.run({"CLIENT", "LIST"}), HasSubstr("name=me"));
  EXPECT_EQ(node.run({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(node.run({"CONFIG", "GET", "nothing"}), "*0\r\n");
  EXPECT_THAT(node.run({"COMMAND", "COUNT"}), StartsWith(":"));
  EXPECT_THAT(node.run({"COMMAND", "INFO", "get", "nope"}), EndsWith("$-1\r\n"));
  EXPECT_THAT(node.run({"COMMAND", "DOCS", "lease"}), HasSubstr("fence"));
  EXPECT_THAT(node.run({"INFO"}), HasSubstr("# Keyspace"));
  EXPECT_THAT(node.run({"INFO", "memory"}),
              MatchesRegex(".*used_memory:[1-9][0-9]{5,}\r\nused_memory_human:[0-9.]+[KMG]\r\n.*"));
  EXPECT_THAT(node.run({"INFO", "server"}), HasSubstr("redis_version:"));
  EXPECT_THAT(node.run({"INFO", "server"}), Not(HasSubstr("# Mesh")));
  EXPECT_EQ(node.run({"QUIT"}), "+OK\r\n");
  EXPECT_TRUE(node.session.closing());
}

TEST(RespCommands, HttpIsHungUpOn) {
  LonelyNode node;
  EXPECT_EQ(node.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n"), "");
  EXPECT_TRUE(node.session.closing());
  EXPECT_EQ(node.engine.dictionary().size(), 0U);
}

TEST(RespSession, ARepliesBatchWaitsForItsReader) {
  LonelyNode node;
  node.run({"SET", "k", std::string(100'000, 'v')});
  std::string batch;
  for (int i = 0; i < 50; ++i)
    batch += resp_command({"GET", "k"});
  node.session.feed(batch);
  EXPECT_TRUE(node.session.has_more());
  EXPECT_LT(node.session.output().size(), resp_limits::kPauseOutput + 200'000);
  std::size_t total = 0;
  int rounds = 0;
  for (; node.session.has_more(); ++rounds) {
    total += node.take_output().size();
    node.session.feed({});
  }
  total += node.take_output().size();
  EXPECT_EQ(total, 50U * (100'000U + sizeof "$100000\r\n\r\n" - 1));
  EXPECT_GT(rounds, 5);
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
  EXPECT_EQ(node.service.output_bytes, 0U);
}

/// Lets a session do what it has to do, without sending anything.
void run_on(RespSession& session) {
  while (session.has_more())
    session.feed({});
}

TEST(RespSession, APipelineMayBeWrittenBeforeItIsRead) {
  LonelyNode node;
  node.run({"SET", "k", std::string(100'000, 'v')});
  const std::string get = resp_command({"GET", "k"});
  // Some 60 MB of replies: those that are not kept wait as commands.
  constexpr std::size_t kCount = 600;
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(node.session.wants_bytes()) << i;
    node.session.feed(get);
    run_on(node.session);
  }
  EXPECT_LE(node.session.output().size(), resp_limits::kMaxOutput + 101'000);
  std::size_t total = 0;
  for (bool more = true; more;) {
    total += node.take_output().size();
    more = node.session.has_more();
    node.session.feed({});
  }
  total += node.take_output().size();
  EXPECT_EQ(total, kCount * (100'000U + sizeof "$100000\r\n\r\n" - 1));
  EXPECT_FALSE(node.session.closing());
}

TEST(RespSession, WhoNeverReadsIsToldSoAndHungUpOn) {
  LonelyNode node;
  node.run({"SET", "k", std::string(1'000'000, 'v')});
  const std::string gets = resp_command({"GET", "k"}) + resp_command({"ECHO", std::string(60'000, 'x')});
  std::size_t fed = 0;
  while (!node.session.closing() && fed < 4 * resp_limits::kMaxPending) {
    ASSERT_TRUE(node.session.wants_bytes());
    node.session.feed(gets);
    run_on(node.session);
    fed += gets.size();
  }
  EXPECT_TRUE(node.session.closing());
  EXPECT_TRUE(node.session.misunderstood());
  EXPECT_LT(node.session.output().size(), resp_limits::kMaxOutput + 1'100'000);
  EXPECT_THAT(std::string(node.session.output().substr(node.session.output().size() - 200)), HasSubstr("-ERR 33"));
  EXPECT_THAT(std::string(node.session.output()), EndsWith("read what is answered before you send more\r\n"));
  EXPECT_EQ(node.service.stats.cut_off_clients, 1U);
}

TEST(RespSession, WhatHasEndedItsInputIsStillAnswered) {
  LonelyNode node;
  node.run({"SET", "k", std::string(4'000'000, 'v')});
  std::string batch;
  for (int i = 0; i < 20; ++i)
    batch += resp_command({"GET", "k"});
  node.session.feed(batch);
  run_on(node.session);
  node.session.end_input();
  EXPECT_FALSE(node.session.closing());
  std::size_t total = 0;
  while (!node.session.closing()) {
    total += node.take_output().size();
    node.session.feed({});
  }
  total += node.take_output().size();
  EXPECT_EQ(total, 20U * (4'000'000U + sizeof "$4000000\r\n\r\n" - 1));
}

TEST(RespSession, AReplyBeyondTheBoundIsAnError) {
  LonelyNode node;
  node.run({"SET", "k", std::string(4'000'000, 'v')});
  std::vector<std::string> command{"MGET"};
  command.insert(command.end(), 20, "k");
  EXPECT_THAT(node.run(command), StartsWith("-ERR the reply would be larger"));
  EXPECT_EQ(node.run({"PING"}), "+PONG\r\n");
}

TEST(RespSession, ASubscriberThatDoesNotReadIsCutOffAndCounted) {
  LonelyNode node;
  RespSession other(node.service, "127.0.0.1:2");
  node.session.feed(resp_command({"SUBSCRIBE", "c"}));
  const std::string publish = resp_command({"PUBLISH", "c", std::string(1'000'000, 'x')});
  for (int i = 0; i < 40; ++i) {
    other.feed(publish);
    other.sent(other.output().size());
  }
  EXPECT_TRUE(node.session.cut_off());
  EXPECT_LE(node.session.output().size(), resp_limits::kMaxOutput + 100);
  EXPECT_FALSE(other.cut_off());
  EXPECT_EQ(node.service.stats.cut_off_clients, 1U);
}

TEST(RespPubSub, SubscribersHearMessagesAndKeyEvents) {
  LonelyNode node;
  RespSession listener(node.service, "127.0.0.1:2");
  const auto hear = [&] {
    const std::string heard(listener.output());
    listener.sent(heard.size());
    return heard;
  };
  listener.feed(resp_command({"SUBSCRIBE", "news"}));
  EXPECT_EQ(hear(), "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
  listener.feed(resp_command({"PSUBSCRIBE", "__keyevent@0__:*"}));
  EXPECT_EQ(hear(), "*3\r\n$10\r\npsubscribe\r\n$16\r\n__keyevent@0__:*\r\n:2\r\n");
  EXPECT_EQ(node.run({"PUBLISH", "news", "x"}), ":1\r\n");
  EXPECT_EQ(hear(), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n");
  EXPECT_THAT(node.run({"PUBLISH", "__keyevent@0__:set", "x"}), StartsWith("-ERR this channel"));
  node.run({"SET", "k", "v"});
  EXPECT_EQ(hear(),
            "*4\r\n$8\r\npmessage\r\n$16\r\n__keyevent@0__:*\r\n$18\r\n__keyevent@0__:set\r\n"
            "$1\r\nk\r\n");
  node.run({"DEL", "k"});
  EXPECT_THAT(hear(), HasSubstr("__keyevent@0__:del\r\n$1\r\nk\r\n"));
  listener.feed(resp_command({"GET", "k"}));
  EXPECT_THAT(hear(), StartsWith("-ERR Can't execute 'get'"));
  listener.feed(resp_command({"PING"}));
  EXPECT_EQ(hear(), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  listener.feed(resp_command({"UNSUBSCRIBE"}) + resp_command({"PUNSUBSCRIBE"}) + resp_command({"UNSUBSCRIBE"}));
  EXPECT_EQ(hear(),
            "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n"
            "*3\r\n$12\r\npunsubscribe\r\n$16\r\n__keyevent@0__:*\r\n:0\r\n"
            "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
  listener.feed(resp_command({"GET", "k"}));
  EXPECT_EQ(hear(), "$-1\r\n");
  EXPECT_TRUE(node.service.pubsub.empty());
}

TEST(RespPubSub, MessagesOfOtherShapesAreShownOnTheMeshChannel) {
  const auto shown = [](const std::vector<Raw>& packets) {
    const auto message = channel_message(packets);
    return message ? std::string(message->channel) + "|" + std::string(message->payload)
                   : "mesh|" + shown_message(packets);
  };
  EXPECT_EQ(shown({bytes_value("c"), bytes_value("p")}), "c|p");
  EXPECT_EQ(shown({text_value("c"), bytes_value("p")}).substr(0, 5), "mesh|");
  EXPECT_EQ(shown({text_value("hello")}), "mesh|hello");
  EXPECT_EQ(shown({text_value("a"), text_value("b"), text_value("c")}), R"(mesh|["a","b","c"])");
  EXPECT_EQ(shown({bytes_value("__keyevent@0__:set"), bytes_value("k")}).substr(0, 5), "mesh|");
  EXPECT_EQ(shown({}), "mesh|[]");
}

TEST(RespLeases, AKeyOfAnotherNodeIsRefusedAndNothingIsWritten) {
  JoinedNodes nodes;
  nodes.pass(3s);
  EXPECT_EQ(nodes.first.run({"SET", "theirs", "v"}), "+OK\r\n");
  nodes.settle();
  EXPECT_EQ(nodes.second.run({"GET", "theirs"}), "$1\r\nv\r\n");
  const std::string owner(nodes.first.engine.id().text());
  const std::string refusal = nodes.second.run({"SET", "theirs", "mine"});
  EXPECT_THAT(refusal, StartsWith("-LEASED " + owner + " holds this key for 36"));
  EXPECT_THAT(refusal, EndsWith(" s\r\n"));
  EXPECT_THAT(nodes.second.run({"SET", "theirs", "mine", "GET"}), StartsWith("-LEASED "));
  EXPECT_THAT(nodes.second.run({"GETDEL", "theirs"}), StartsWith("-LEASED "));
  EXPECT_THAT(nodes.second.run({"DEL", "theirs"}), StartsWith("-LEASED "));
  EXPECT_THAT(nodes.second.run({"MSET", "mine", "1", "theirs", "2"}), EndsWith(": theirs; nothing was written\r\n"));
  EXPECT_EQ(nodes.second.run({"EXISTS", "mine"}), ":0\r\n");
  nodes.second.run({"SET", "mine", "1"});
  EXPECT_THAT(nodes.second.run({"DEL", "mine", "theirs"}), StartsWith("-LEASED "));
  EXPECT_EQ(nodes.second.run({"EXISTS", "mine", "theirs"}), ":2\r\n");
  EXPECT_THAT(nodes.second.run({"INFO", "stats"}), HasSubstr("writes_refused_by_lease:6\r\n"));

  const auto lease = array_elements(nodes.second.run({"LEASE", "theirs"}));
  ASSERT_EQ(lease.size(), 14U);
  EXPECT_THAT(lease[1], owner);
  EXPECT_EQ(lease[3], "1");
  EXPECT_EQ(lease[5], "0");
  EXPECT_EQ(lease[7], "foreign");
  const auto view = nodes.second.engine.dictionary().lease("theirs");
  ASSERT_TRUE(view);
  EXPECT_EQ(lease[13].size(), 2 * view->fence.size());
  EXPECT_THAT(lease[13], MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(nodes.second.run({"LEASE", "missing"}), "*-1\r\n");
  EXPECT_THAT(nodes.second.run({"EXPLAIN", "theirs"}), StartsWith("*"));
}

TEST(RespLeases, AWriteMayDependOnTheFence) {
  JoinedNodes nodes;
  LonelyNode& node = nodes.first;
  EXPECT_EQ(node.run({"SET", "k", "1", "IFFENCE", "00"}), "$-1\r\n") << "there is no claim yet";
  node.run({"SET", "k", "1"});
  const std::string fence = array_elements(node.run({"LEASE", "k"})).back();
  EXPECT_EQ(node.run({"SET", "k", "2", "IFFENCE", fence}), "+OK\r\n");
  EXPECT_EQ(node.run({"SET", "k", "3", "iffence", to_upper(fence), "GET"}), "$1\r\n2\r\n");
  node.run({"DEL", "k"});
  nodes.settle();
  nodes.second.run({"SET", "k", "another's"});
  nodes.settle();
  EXPECT_EQ(node.run({"SET", "k", "4", "IFFENCE", fence}), "$-1\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$9\r\nanother's\r\n");
  for (const auto& wrong : {"NX", "XX", "IFFENCE"})
    EXPECT_EQ(node.run({"SET", "k", "5", "IFFENCE", fence, wrong}), "-ERR syntax error\r\n");
}

TEST(RespLeases, ALeaseIsRenewedByItsHolder) {
  JoinedNodes nodes;
  EXPECT_EQ(nodes.first.run({"LEASE", "RENEW", "k"}), ":0\r\n");
  nodes.first.run({"SET", "k", "v"});
  nodes.settle();
  const auto before = array_elements(nodes.first.run({"LEASE", "k"}));
  EXPECT_EQ(nodes.second.run({"LEASE", "RENEW", "k"}), ":0\r\n");
  nodes.pass(10s);
  EXPECT_EQ(nodes.first.run({"LEASE", "renew", "k"}), ":1\r\n");
  const auto after = array_elements(nodes.first.run({"LEASE", "k"}));
  EXPECT_EQ(before.back(), after.back()) << "the claim stays the same";
  EXPECT_EQ(nodes.first.run({"GET", "k"}), "$1\r\nv\r\n");
  // One argument is a key.
  EXPECT_EQ(nodes.first.run({"LEASE", "RENEW"}), "*-1\r\n");
  EXPECT_THAT(nodes.first.run({"LEASE", "BORROW", "k"}), StartsWith("-ERR unknown subcommand 'BORROW'"));
  EXPECT_THAT(nodes.first.run({"LEASE", "RENEW", "k", "k"}), StartsWith("-ERR wrong number of arguments"));
}

TEST(RespLeases, WithTooFewNeighboursNothingIsWritten) {
  JoinedNodes nodes;
  nodes.first.service.min_neighbours = 1;
  EXPECT_EQ(nodes.first.run({"SET", "k", "v"}), "+OK\r\n");
  nodes.first.service.min_neighbours = 2;
  const std::vector<std::vector<std::string>> writes{{"SET", "k", "w"},       {"DEL", "k"},
                                                     {"LEASE", "RENEW", "k"}, {"MSET", "a", "1", "b", "2"},
                                                     {"GETDEL", "k"},         {"SETNX", "c", "1"}};
  for (const auto& command : writes)
    EXPECT_THAT(nodes.first.run(command), StartsWith("-NOREPLICAS this node has 1 neighbour and ")) << command[0];
  EXPECT_EQ(nodes.first.run({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_THAT(nodes.first.run({"LEASE", "k"}), StartsWith("*14"));
  EXPECT_EQ(nodes.first.run({"WAIT", "0", "1"}), ":0\r\n");
  nodes.first.run({"MULTI"});
  EXPECT_THAT(nodes.first.run({"SET", "k", "w"}), StartsWith("-NOREPLICAS"));
  EXPECT_THAT(nodes.first.run({"EXEC"}), StartsWith("-EXECABORT"));
  EXPECT_THAT(nodes.first.run({"INFO", "stats"}), HasSubstr("writes_refused_by_neighbours:7\r\n"));
}

TEST(RespMesh, ListsNeighboursAndCarriesMessages) {
  JoinedNodes nodes;
  nodes.pass(3s);
  const std::string id(nodes.first.engine.id().text());
  EXPECT_EQ(nodes.first.run({"MESH", "ID"}), "$" + std::to_string(id.size()) + "\r\n" + id + "\r\n");
  const std::string peers = nodes.second.run({"MESH", "PEERS"});
  EXPECT_THAT(peers, StartsWith("*1\r\n*24\r\n$2\r\nid\r\n"));
  EXPECT_THAT(peers, HasSubstr("clock_state\r\n$2\r\nok\r\n$15\r\nclock_offset_ms\r\n:"));
  EXPECT_THAT(peers, HasSubstr(id));
  EXPECT_THAT(peers, HasSubstr("outgoing"));
  nodes.second.session.feed(resp_command({"SUBSCRIBE", "c"}));
  nodes.second.take_output();
  EXPECT_EQ(nodes.first.run({"PUBLISH", "c", "hello"}), ":1\r\n");
  nodes.settle();
  EXPECT_EQ(nodes.second.take_output(), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n");
  EXPECT_THAT(nodes.first.run({"MESH", "CONNECT", "nowhere"}), StartsWith("-ERR "));
  EXPECT_THAT(nodes.first.run({"MESH", "DISCONNECT", "abc"}), StartsWith("-ERR no such neighbour"));
  const std::string other(nodes.second.engine.id().text());
  EXPECT_EQ(nodes.first.run({"MESH", "DISCONNECT", other}), "+OK\r\n");
  EXPECT_EQ(nodes.first.run({"MESH", "PEERS"}), "*0\r\n");
  EXPECT_THAT(nodes.first.run({"MESH", "DEPARTED"}), HasSubstr(other));
}

TEST(LogLimiter, WritesAFewAndCountsTheRest) {
  LogLimiter limiter;
  const MonoTime start(100s);
  std::uint64_t written = 0;
  for (int i = 0; i < 20; ++i)
    written += limiter.count(start + i * 1ms).write ? 1U : 0U;
  EXPECT_EQ(written, LogLimiter::kPerSecond);
  EXPECT_TRUE(limiter.is_suppressing());
  EXPECT_EQ(limiter.take_suppressed(start + 500ms), 0U);
  const auto verdict = limiter.count(start + 1s);
  EXPECT_TRUE(verdict.write);
  EXPECT_EQ(verdict.suppressed_before, 20U - LogLimiter::kPerSecond);
  EXPECT_EQ(limiter.take_suppressed(start + 3s), 0U);
}

TEST(Printable, LeavesNothingThatMovesACursor) {
  EXPECT_EQ(printable("a\n\x1b[2Jb"), "a\\x0a\\x1b[2Jb");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace meshdict
