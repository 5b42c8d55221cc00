// Commands that client libraries and redis-cli use without being asked: transactions, which redis-py's pipelines are by
// default, and what looks at keys.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/resp/limits.h"
#include "core/encoding/value.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kAborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";

TEST(RespTransactions, ExecRunsWhatWasQueued) {
  LonelyNode node;
  EXPECT_EQ(node.run({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(node.run({"SET", "k", "1"}), kQueued);
  EXPECT_EQ(node.run({"get", "k"}), kQueued);
  EXPECT_EQ(node.run({"SELECT", "7"}), kQueued);
  EXPECT_EQ(node.run({"DEL", "k"}), kQueued);
  EXPECT_EQ(node.engine.dictionary().size(), 0U) << "queued, not run";
  EXPECT_THAT(node.session.describe(), HasSubstr(" multi=4 "));
  EXPECT_EQ(node.run({"EXEC"}), "*4\r\n+OK\r\n$1\r\n1\r\n-ERR DB index is out of range\r\n:1\r\n");
  EXPECT_THAT(node.session.describe(), HasSubstr(" multi=-1 "));
  EXPECT_EQ(node.run({"GET", "k"}), "$-1\r\n") << "back to normal";
  EXPECT_EQ(node.send(resp_command({"MULTI"}) + resp_command({"EXEC"})), "+OK\r\n*0\r\n");
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTransactions, APipelineOfRedisPyIsOneBatch) {
  LonelyNode node;
  EXPECT_EQ(node.send(resp_command({"MULTI"}) + resp_command({"SET", "a", "1"}) + resp_command({"MGET", "a", "b"}) +
                      resp_command({"EXEC"})),
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n*2\r\n$1\r\n1\r\n$-1\r\n");
}

TEST(RespTransactions, AnErrorWhileQueueingAborts) {
  LonelyNode node;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"GET"},
                                                                                     {"NOPE"},
                                                                                     {"CLIENT", "NOPE"},
                                                                                     {"CLIENT", "SETNAME"},
                                                                                     {"CONFIG", "HELP", "x"},
                                                                                     {"SUBSCRIBE", "c"},
                                                                                     {"PSUBSCRIBE", "c"},
                                                                                     {"UNSUBSCRIBE"},
                                                                                     {"WATCH", "k"},
                                                                                     {"UNWATCH"}}) {
    node.run({"MULTI"});
    EXPECT_EQ(node.run({"SET", "k", "v"}), kQueued);
    EXPECT_THAT(node.run(wrong), StartsWith("-ERR ")) << wrong[0];
    EXPECT_EQ(node.run({"SET", "k", "w"}), kQueued) << wrong[0];
    EXPECT_EQ(node.run({"EXEC"}), kAborted) << wrong[0];
    EXPECT_EQ(node.run({"EXISTS", "k"}), ":0\r\n") << wrong[0];
  }
  EXPECT_EQ(node.session.subscriptions(), 0U);
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTransactions, WordsOutOfPlace) {
  LonelyNode node;
  EXPECT_EQ(node.run({"EXEC"}), "-ERR EXEC without MULTI\r\n");
  EXPECT_EQ(node.run({"DISCARD"}), "-ERR DISCARD without MULTI\r\n");
  EXPECT_THAT(node.run({"WATCH", "k"}), StartsWith("-ERR WATCH is not available"));
  EXPECT_THAT(node.run({"UNWATCH"}), StartsWith("-ERR WATCH is not available"));
  node.run({"MULTI"});
  EXPECT_EQ(node.run({"SET", "k", "v"}), kQueued);
  EXPECT_EQ(node.run({"MULTI"}), "-ERR MULTI calls can not be nested\r\n");
  EXPECT_EQ(node.run({"EXEC"}), "*1\r\n+OK\r\n") << "nesting does not abort, as in Redis";
  node.run({"MULTI"});
  node.run({"DEL", "k"});
  EXPECT_EQ(node.run({"DISCARD"}), "+OK\r\n");
  EXPECT_EQ(node.run({"EXISTS", "k"}), ":1\r\n");
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(RespTransactions, AreBounded) {
  LonelyNode node;
  const std::string value(4'000'000, 'v');
  const auto queue = [&] { return node.run({"SET", "k", value}); };
  node.run({"MULTI"});
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(queue(), kQueued) << i;
  EXPECT_GT(node.service.unfinished_bytes, 8 * value.size());
  EXPECT_THAT(queue(), StartsWith("-ERR the transaction is"));
  EXPECT_EQ(node.run({"EXEC"}), kAborted);
  EXPECT_EQ(node.service.unfinished_bytes, 0U);

  node.run({"MULTI"});
  for (std::size_t i = 0; i < resp_limits::kMaxQueuedCommands; ++i)
    ASSERT_EQ(node.run({"PING"}), kQueued);
  EXPECT_THAT(node.run({"PING"}), StartsWith("-ERR the transaction is"));
  EXPECT_EQ(node.run({"EXEC"}), kAborted);
}

TEST(RespTransactions, TheReplyIsBoundedAndWhatWasRunIsTold) {
  LonelyNode node;
  node.run({"SET", "big", std::string(4'000'000, 'v')});
  node.run({"MULTI"});
  for (int i = 0; i < 20; ++i)
    node.run({"GET", "big"});
  node.run({"SET", "k", "v"});
  const std::string reply = node.run({"EXEC"});
  EXPECT_LT(reply.size(), resp_limits::kMaxOutput + 10'000);
  EXPECT_THAT(std::string_view(reply).substr(0, 5), "*21\r\n");
  EXPECT_EQ(reply_length(reply), reply.size());
  EXPECT_NE(reply.find("-ERR the reply would be larger"), std::string::npos);
  EXPECT_TRUE(reply.ends_with("+OK\r\n"));
  EXPECT_EQ(node.run({"EXISTS", "k"}), ":1\r\n");
}

TEST(RespTransactions, EndWithTheSessionAndWithReset) {
  LonelyNode node;
  {
    RespSession other(node.service, "127.0.0.1:2");
    other.feed(resp_command({"MULTI"}) + resp_command({"SET", "k", "v"}));
    EXPECT_GT(node.service.unfinished_bytes, 0U);
  }
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
  node.run({"CLIENT", "SETNAME", "me"});
  node.run({"MULTI"});
  node.run({"SET", "k", "v"});
  EXPECT_EQ(node.run({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(node.run({"EXEC"}), "-ERR EXEC without MULTI\r\n");
  EXPECT_EQ(node.run({"CLIENT", "GETNAME"}), "$-1\r\n");
  node.run({"SUBSCRIBE", "c"});
  EXPECT_EQ(node.run({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$-1\r\n");
  EXPECT_TRUE(node.service.pubsub.empty());
}

TEST(RespEveryday, RefusesAsRedisDoes) {
  LonelyNode node;
  EXPECT_EQ(node.run({"SET", "k", "v", "EX"}), "-ERR syntax error\r\n");
  EXPECT_EQ(node.run({"SET", "k", "v", "NX", "pxat"}), "-ERR syntax error\r\n");
  EXPECT_THAT(node.run({"SET", "k", "v", "EX", "10"}), StartsWith("-ERR leases set the lifetime here"));
  EXPECT_THAT(node.run({"SET", "k", "v", "KEEPTTL"}), StartsWith("-ERR leases set the lifetime here"));
  EXPECT_EQ(node.run({"SELECT", "99999999999"}),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
  EXPECT_EQ(node.run({"SELECT", "2147483648"}),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
  EXPECT_EQ(node.run({"SELECT", "2147483647"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(node.run({"SCAN", ""}), "*2\r\n$1\r\n0\r\n*0\r\n");
  EXPECT_EQ(node.run({"SCAN", "-0"}), "*2\r\n$1\r\n0\r\n*0\r\n");
  EXPECT_EQ(node.run({"SCAN", "-1"}), "-ERR invalid cursor\r\n");
  EXPECT_EQ(node.run({"SCAN", "+"}), "-ERR invalid cursor\r\n");
  EXPECT_EQ(node.run({"SCAN", "--1"}), "-ERR invalid cursor\r\n");
  node.run({"SUBSCRIBE", "c"});
  EXPECT_THAT(node.run({"PUBSUB", "CHANNELS"}),
              StartsWith("-ERR Can't execute 'pubsub|channels': only (P|S)SUBSCRIBE"));
}

TEST(RespTransactions, ARefusedWriteDoesNotUndoTheOthers) {
  JoinedNodes nodes;
  nodes.pass(3s);
  nodes.first.run({"SET", "theirs", "v"});
  nodes.settle();
  nodes.second.run({"MULTI"});
  nodes.second.run({"SET", "mine", "1"});
  nodes.second.run({"SET", "theirs", "1"});
  const std::string reply = nodes.second.run({"EXEC"});
  EXPECT_THAT(reply, StartsWith("*2\r\n+OK\r\n-LEASED "));
  EXPECT_EQ(nodes.second.run({"EXISTS", "mine"}), ":1\r\n");
}

TEST(RespEveryday, KeysDoNotExpire) {
  LonelyNode node;
  node.run({"SET", "k", "v"});
  for (const char* command : {"TTL", "PTTL"}) {
    EXPECT_EQ(node.run({command, "k"}), ":-1\r\n");
    EXPECT_EQ(node.run({command, "missing"}), ":-2\r\n");
  }
}

TEST(RespEveryday, SettingAndDeleting) {
  LonelyNode node;
  EXPECT_EQ(node.run({"SETNX", "k", "1"}), ":1\r\n");
  EXPECT_EQ(node.run({"SETNX", "k", "2"}), ":0\r\n");
  EXPECT_EQ(node.run({"GETSET", "k", "3"}), "$1\r\n1\r\n");
  EXPECT_EQ(node.run({"GETSET", "new", "x"}), "$-1\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), "$1\r\n3\r\n");
  EXPECT_EQ(node.run({"UNLINK", "k", "new", "missing"}), ":2\r\n");
  EXPECT_EQ(node.run({"DBSIZE"}), ":0\r\n");
}

TEST(RespEveryday, LengthsAndMemory) {
  LonelyNode node;
  node.run({"SET", "k", "abc"});
  ASSERT_TRUE(node.engine.set("text", text_value("abcd")));
  ASSERT_TRUE(node.engine.set("list", Raw("\x93\x01\x02\x03")));
  EXPECT_EQ(node.run({"STRLEN", "k"}), ":3\r\n");
  EXPECT_EQ(node.run({"STRLEN", "text"}), ":4\r\n");
  EXPECT_EQ(node.run({"STRLEN", "list"}), ":7\r\n") << "as GET shows it: [1,2,3]";
  EXPECT_EQ(node.run({"STRLEN", "missing"}), ":0\r\n");
  const auto usage = [&](const std::string& key) { return std::stoul(node.run({"MEMORY", "USAGE", key}).substr(1)); };
  const std::size_t small = usage("k");
  EXPECT_GT(small, 4U);
  node.run({"SET", "k", std::string(10'000, 'v')});
  EXPECT_GT(usage("k"), small + 9'000);
  EXPECT_THAT(node.run({"MEMORY", "USAGE", "k", "SAMPLES", "5"}), StartsWith(":"));
  EXPECT_EQ(node.run({"MEMORY", "USAGE", "k", "OFTEN", "5"}), "-ERR syntax error\r\n");
  EXPECT_EQ(node.run({"MEMORY", "USAGE", "missing"}), "$-1\r\n");
}

TEST(RespEveryday, TheLargestValueIsWhatTheDocumentationSays) {
  LonelyNode node;
  const std::string largest(4'127'739, 'v');
  const std::string error = "-ERR a value may be at most 4127739 bytes long, and this one has 4127740\r\n";
  EXPECT_EQ(resp_limits::kMaxBytesOfValue, largest.size());
  EXPECT_EQ(node.run({"SET", "k", largest}), "+OK\r\n");
  EXPECT_EQ(node.run({"STRLEN", "k"}), ":4127739\r\n");
  EXPECT_EQ(node.run({"SET", "k", largest + 'v'}), error);
  EXPECT_EQ(node.run({"SETNX", "new", largest + 'v'}), error);
  EXPECT_EQ(node.run({"GETSET", "k", largest + 'v'}), error);
  EXPECT_EQ(node.run({"MSET", "new", "1", "other", largest + 'v'}), error);
  EXPECT_EQ(node.run({"DBSIZE"}), ":1\r\n");
}

TEST(RespEveryday, PubsubTellsWhoListens) {
  LonelyNode node;
  RespSession listener(node.service, "127.0.0.1:2");
  listener.feed(resp_command({"SUBSCRIBE", "news", "weather"}) + resp_command({"PSUBSCRIBE", "n*"}));
  EXPECT_THAT(array_elements(node.run({"PUBSUB", "CHANNELS"})), ElementsAre("news", "weather"));
  EXPECT_THAT(array_elements(node.run({"PUBSUB", "CHANNELS", "n*"})), ElementsAre("news"));
  EXPECT_THAT(array_elements(node.run({"PUBSUB", "NUMSUB"})), IsEmpty());
  EXPECT_THAT(array_elements(node.run({"PUBSUB", "NUMSUB", "news", "x"})), ElementsAre("news", "1", "x", "0"));
  EXPECT_EQ(node.run({"PUBSUB", "NUMPAT"}), ":1\r\n");
  EXPECT_THAT(node.run({"PUBSUB", "CHANNELS", "a", "b"}), StartsWith("-ERR unknown subcommand or wrong number"));
}

TEST(RespEveryday, TimeIsTheNodesClock) {
  LonelyNode node;
  node.clock.passed = 1'500ms;
  EXPECT_THAT(array_elements(node.run({"TIME"})), ElementsAre("1704067201", "500000"));
}

TEST(RespEveryday, SubcommandsAreNamedWhenTheirArgumentsAreWrong) {
  LonelyNode node;
  const auto wrong = [](const std::string& name) {
    return "-ERR wrong number of arguments for '" + name + "' command\r\n";
  };
  EXPECT_EQ(node.run({"MESH", "CONNECT"}), wrong("mesh|connect"));
  EXPECT_EQ(node.run({"MESH", "CONNECT", "a", "1", "2"}), wrong("mesh|connect"));
  EXPECT_EQ(node.run({"mesh", "peers", "all"}), wrong("mesh|peers"));
  EXPECT_EQ(node.run({"MESH", "DISCONNECT"}), wrong("mesh|disconnect"));
  EXPECT_EQ(node.run({"CLIENT", "SETNAME"}), wrong("client|setname"));
  EXPECT_EQ(node.run({"CONFIG", "GET"}), wrong("config|get"));
  EXPECT_EQ(node.run({"COMMAND", "COUNT", "x"}), wrong("command|count"));
  EXPECT_EQ(node.run({"MEMORY", "USAGE"}), wrong("memory|usage"));
  EXPECT_EQ(node.run({"MESH", "CONNET", "a:1"}), "-ERR unknown subcommand 'CONNET'. Try MESH HELP.\r\n");
  for (const char* container : {"CLIENT", "COMMAND", "CONFIG", "MEMORY", "MESH", "PUBSUB"})
    EXPECT_THAT(node.run({container, "HELP"}), StartsWith("*")) << container;
}

TEST(RespEveryday, DocsCarryTheSyntax) {
  LonelyNode node;
  EXPECT_THAT(
      node.run({"COMMAND", "DOCS", "set"}),
      EndsWith("$9\r\narguments\r\n*1\r\n*4\r\n$4\r\nname\r\n$41\r\nkey value [NX | XX | IFFENCE fence] [GET]\r\n"
               "$4\r\ntype\r\n$6\r\nstring\r\n"));
  const std::string all = node.run({"COMMAND", "DOCS"});
  EXPECT_EQ(reply_length(all), all.size());
  for (const std::string& name : array_elements(node.run({"COMMAND", "LIST"}))) {
    EXPECT_THAT(all, HasSubstr("\r\n" + name + "\r\n")) << "redis-cli's help has it";
    EXPECT_THAT(array_elements(node.run({"COMMAND", "DOCS", name})), Contains(name)) << name;
    EXPECT_THAT(node.run({"COMMAND", "INFO", name}), StartsWith("*1\r\n*10\r\n")) << name;
  }
}

TEST(RespMesh, OurOwnAddressIsNotDialled) {
  JoinedNodes nodes;
  nodes.pass(3s);
  EXPECT_THAT(nodes.first.run({"MESH", "CONNECT", "a:1"}), StartsWith("-ERR this is our own address"));
  EXPECT_TRUE(nodes.first.pipe.dialed.empty());
  EXPECT_EQ(nodes.first.run({"MESH", "CONNECT", "b", "1"}), "+OK\r\n");
}

TEST(RespMesh, AForgottenAddressIsNotDialledAgain) {
  LonelyNode node;
  const auto dials_in_an_hour = [&] {
    const std::size_t before = node.engine.stats().dials;
    for (int i = 0; i < 3'600; ++i) {
      node.clock.passed += 1s;
      while (!node.pipe.dialed.empty()) {
        node.engine.on_closed(node.pipe.dialed.front().first, "nobody there");
        node.pipe.dialed.pop_front();
      }
      if (node.clock.monotonic() >= node.engine.next_deadline()) node.engine.on_time();
    }
    return node.engine.stats().dials - before;
  };
  EXPECT_EQ(node.run({"MESH", "CONNECT", "wrong:1"}), "+OK\r\n");
  EXPECT_GT(dials_in_an_hour(), 10U);
  EXPECT_EQ(node.run({"MESH", "FORGET", "wrong:1"}), ":1\r\n");
  EXPECT_LE(dials_in_an_hour(), 1U) << "one may have been under way";
  EXPECT_EQ(node.run({"MESH", "FORGET", "wrong", "1"}), ":0\r\n");
  EXPECT_THAT(node.run({"MESH", "FORGET", "wrong"}), StartsWith("-ERR "));
  EXPECT_EQ(node.engine.known_addresses(), 0U);
}

/// A node whose backups end when the test says so.
struct BackedUp {
  BackedUp() {
    node.service.back_up = [this](const std::string& path, std::function<void(BackupOutcome)> told) -> BackupOutcome {
      paths.push_back(path);
      if (done) return std::unexpected("another backup is under way");
      done = std::move(told);
      return {};
    };
  }
  /// What the client is sent then.
  std::string end(BackupOutcome outcome) {
    std::exchange(done, nullptr)(std::move(outcome));
    return node.send("");
  }

  LonelyNode node;
  std::vector<std::string> paths;
  std::function<void(BackupOutcome)> done;
};

TEST(RespBackups, AreAnsweredOnlyAtTheirEnd) {
  BackedUp it;
  const std::vector<std::string> command{"MESH", "BACKUP", "/backups/node.db"};
  EXPECT_EQ(it.node.send(resp_command(command) + resp_command({"PING"})), "");
  EXPECT_EQ(it.paths, std::vector<std::string>{"/backups/node.db"});
  EXPECT_EQ(it.end({}), "+OK\r\n+PONG\r\n");
  EXPECT_EQ(it.node.run(command), "");
  EXPECT_EQ(it.end(std::unexpected("the disk is full")), "-ERR no backup was made: the disk is full\r\n");
}

TEST(RespBackups, RefuseWhatCannotBe) {
  EXPECT_THAT(LonelyNode().run({"MESH", "BACKUP", "/b.db"}), StartsWith("-ERR this node keeps all in memory"));
  BackedUp it;
  for (const char* path : {"", "b.db", "../b.db"})
    EXPECT_THAT(it.node.run({"MESH", "BACKUP", path}), StartsWith("-ERR the path must be absolute"));
  for (const char* path : {"/etc/cron.d/job", "/b.sh", "/.db", "/b.db/"})
    EXPECT_THAT(it.node.run({"MESH", "BACKUP", path}), StartsWith("-ERR the name of a backup must end with .db"));
  EXPECT_THAT(it.node.run({"MESH", "BACKUP", std::string("/b\0.db", 6)}), StartsWith("-ERR a path has no zero byte"));
  EXPECT_EQ(it.node.run({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(it.node.run({"MESH", "BACKUP", "/b.db"}), kQueued);
  EXPECT_THAT(it.node.run({"EXEC"}), HasSubstr("-ERR MESH BACKUP takes longer than a transaction may"));
  EXPECT_EQ(it.paths.size(), 0U);
  EXPECT_EQ(it.node.run({"MESH", "BACKUP", "/b.db"}), "");
  RespSession other(it.node.service, "127.0.0.1:2");
  other.feed(resp_command({"MESH", "BACKUP", "/c.db"}));
  EXPECT_EQ(other.output(), "-ERR another backup is under way\r\n");
}

TEST(RespBackups, OutliveTheirClient) {
  BackedUp it;
  {
    RespSession gone(it.node.service, "127.0.0.1:2");
    gone.feed(resp_command({"MESH", "BACKUP", "/c.db"}));
  }
  EXPECT_EQ(it.end({}), "");
}

}  // namespace
}  // namespace meshdict
