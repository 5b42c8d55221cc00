// What clients ask about clients and commands: CLIENT LIST and KILL, and COMMAND with the subcommands of containers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands/commands.h"
#include "app/resp/limits.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Three clients of a node: the fixture's (id 1), one that listens (2), and one named "late" (3).
struct ThreeClients : LonelyNode {
  ThreeClients() {
    listener.feed(resp_command({"SUBSCRIBE", "c"}));
    late.feed(resp_command({"CLIENT", "SETNAME", "late"}));
    for (RespSession* each : {&listener, &late})
      each->sent(each->output().size());
  }
  RespSession listener{service, "127.0.0.1:2"};
  RespSession late{service, "127.0.0.1:3"};
};

TEST(RespClients, AreListedByKindAndById) {
  ThreeClients node;
  EXPECT_THAT(node.run({"CLIENT", "LIST"}), AllOf(HasSubstr("id=1 "), HasSubstr("id=2 "), HasSubstr("id=3 ")));
  EXPECT_THAT(node.run({"CLIENT", "LIST", "TYPE", "pubsub"}), AllOf(HasSubstr("id=2 "), Not(HasSubstr("id=3 "))));
  EXPECT_THAT(node.run({"CLIENT", "LIST", "TYPE", "normal"}), AllOf(Not(HasSubstr("id=2 ")), HasSubstr("id=3 ")));
  EXPECT_THAT(node.run({"CLIENT", "LIST", "ID", "3", "1", "77"}),
              AllOf(HasSubstr("id=1 "), Not(HasSubstr("id=2 ")), HasSubstr("id=3 ")));
  EXPECT_EQ(node.run({"CLIENT", "LIST", "TYPE", "replica"}), "$0\r\n\r\n");
  EXPECT_EQ(node.run({"CLIENT", "LIST", "TYPE", "x"}), "-ERR Unknown client type 'x'\r\n");
  EXPECT_EQ(node.run({"CLIENT", "LIST", "ID", "x"}), "-ERR Invalid client ID\r\n");
  EXPECT_EQ(node.run({"CLIENT", "INFO"}).find("id=2 "), std::string::npos);
}

TEST(RespClients, AreEndedByAddressIdOrKind) {
  {
    ThreeClients node;
    EXPECT_EQ(node.run({"CLIENT", "KILL", "127.0.0.1:3"}), "+OK\r\n");
    EXPECT_TRUE(node.late.ended());
    EXPECT_THAT(node.service.touched, Contains(&node.late)) << "the server is to close it";
    EXPECT_FALSE(node.listener.ended());
    EXPECT_EQ(node.run({"CLIENT", "KILL", "127.0.0.1:3"}), "-ERR No such client\r\n") << "it is as good as gone";
  }
  {
    ThreeClients node;
    EXPECT_EQ(node.run({"CLIENT", "KILL", "TYPE", "pubsub", "ADDR", "127.0.0.1:3"}), ":0\r\n") << "both must fit";
    EXPECT_EQ(node.run({"CLIENT", "KILL", "TYPE", "pubsub"}), ":1\r\n");
    EXPECT_TRUE(node.listener.ended());
    EXPECT_EQ(node.run({"CLIENT", "KILL", "ID", "3"}), ":1\r\n");
    EXPECT_TRUE(node.late.ended());
    EXPECT_EQ(node.service.stats.cut_off_clients, 0U);
  }
  {
    ThreeClients node;
    EXPECT_EQ(node.run({"CLIENT", "KILL", "USER", "default"}), ":2\r\n");
    EXPECT_FALSE(node.session.closing());
    EXPECT_EQ(node.run({"CLIENT", "KILL", "LADDR", "elsewhere:1", "SKIPME", "no"}), ":0\r\n");
    EXPECT_EQ(node.run({"CLIENT", "KILL", "SKIPME", "no", "ID", "1"}), ":1\r\n") << "told before it goes";
    EXPECT_TRUE(node.session.closing());
    EXPECT_FALSE(node.session.ended());
  }
}

TEST(RespClients, AnEndedOneRunsAndHearsNothingMore) {
  ThreeClients node;
  node.run({"CLIENT", "KILL", "SKIPME", "yes"});
  node.late.feed(resp_command({"SET", "k", "v"}));
  EXPECT_EQ(node.run({"PUBLISH", "c", "m"}), ":1\r\n");
  EXPECT_EQ(node.listener.output(), "");
  EXPECT_EQ(node.late.output(), "");
  EXPECT_EQ(node.engine.dictionary().size(), 0U);
}

/// A listener to one channel, whose unread output is so large.
struct Behind {
  Behind(LonelyNode& node, const std::string& channel, std::size_t bytes) : session(node.service, "127.0.0.1:9") {
    session.feed(resp_command({"SUBSCRIBE", channel}));
    session.sent(session.output().size());
    if (bytes > 0) node.run({"PUBLISH", channel, std::string(bytes, 'm')});
  }
  RespSession session;
};

TEST(RespClients, TheSubscriberFurthestBehindIsCutOffWhenAllTogetherHoldTooMuch) {
  LonelyNode node;
  Behind furthest(node, "a", 2'000'000);
  Behind second(node, "b", 1'000'000);
  Behind reads(node, "c", 0);
  // The rest is other clients'.
  node.service.output_bytes += resp_limits::kMaxOutputOfAll - 4'000'000;
  const std::size_t before = node.service.output_bytes;
  EXPECT_EQ(node.run({"PUBLISH", "c", std::string(1'500'000, 'm')}), ":1\r\n");
  EXPECT_TRUE(furthest.session.cut_off());
  EXPECT_EQ(furthest.session.output(), "") << "its memory is given back at once";
  EXPECT_GE(furthest.session.unread(), 2'000'000U) << "for the log";
  EXPECT_FALSE(second.session.cut_off());
  EXPECT_GE(reads.session.output().size(), 1'500'000U);
  EXPECT_EQ(node.service.stats.cut_off_clients, 1U);
  EXPECT_LT(node.service.output_bytes, before);
  EXPECT_LE(node.service.output_bytes, resp_limits::kMaxOutputOfAll);
}

TEST(RespClients, WhoReadsIsNotCutOffForTheOthers) {
  LonelyNode node;
  Behind second(node, "b", 1'000'000);
  Behind reads(node, "c", 0);
  // Once a subscriber, now a publisher that has not read what it heard.
  Behind once(node, "d", 1'000'000);
  node.service.output_bytes += resp_limits::kMaxOutputOfAll - 100 - node.service.output_bytes;
  const std::string message(1'000, 'm');
  once.session.feed(resp_command({"UNSUBSCRIBE"}) + resp_command({"PUBLISH", "c", message}));
  EXPECT_FALSE(once.session.cut_off());
  EXPECT_TRUE(std::string_view(once.session.output()).ends_with(":1\r\n"));
  EXPECT_TRUE(second.session.cut_off());
  EXPECT_FALSE(reads.session.cut_off());
  EXPECT_THAT(std::string(reads.session.output()), HasSubstr(message));
  reads.session.sent(reads.session.output().size());
  // A client that reads its messages in time gets the next ones too.
  node.service.output_bytes += resp_limits::kMaxOutputOfAll;
  node.run({"PUBLISH", "c", "more"});
  EXPECT_THAT(std::string(reads.session.output()), HasSubstr("more"));
  EXPECT_EQ(node.service.stats.cut_off_clients, 1U);
}

TEST(RespCommandTable, ListsSubcommandsBehindTheirContainers) {
  LonelyNode node;
  EXPECT_THAT(array_elements(node.run({"COMMAND", "LIST", "FILTERBY", "PATTERN", "MESH*"})),
              ElementsAre("mesh", "mesh|backup", "mesh|connect", "mesh|departed", "mesh|disconnect", "mesh|forget",
                          "mesh|id", "mesh|leave", "mesh|members", "mesh|peers", "mesh|remove"));
  EXPECT_EQ(node.run({"COMMAND", "COUNT"}), ":" + std::to_string(all_commands().size()) + "\r\n");
  EXPECT_EQ(node.run({"COMMAND", "LIST", "FILTERBY", "MODULE", "x"}), "-ERR syntax error\r\n");
  EXPECT_THAT(node.run({"COMMAND", "DOCS", "mesh|connect"}), HasSubstr("host:port"));
  EXPECT_EQ(node.run({"COMMAND", "DOCS", "mesh|nope"}), "*0\r\n");
  EXPECT_EQ(node.run({"COMMAND", "DOCS", "get|nope"}), "*0\r\n");
}

TEST(RespCommandTable, EveryArityIsWhatRuns) {
  // One argument fewer than the least, or one too many, is refused with the subcommand's name, so that table and code agree.
  LonelyNode node;
  int seen = 0;
  for (const CommandSpec& spec : all_commands()) {
    if (spec.subcommands == nullptr) continue;
    for (const Subcommand& sub : spec.subcommands()) {
      ++seen;
      std::vector<std::string> words{std::string(spec.name), std::string(sub.name)};
      const auto least = static_cast<std::size_t>(std::abs(sub.arity));
      const std::string refusal = "-ERR wrong number of arguments for '" + words[0] + "|" + words[1] + "' command\r\n";
      if (spec.takes_subcommand(least - 1)) {
        words.resize(least - 1, "x");
        EXPECT_EQ(node.run(words), refusal);
      } else if (sub.arity > 0) {
        words.resize(least + 1, "x");
        EXPECT_EQ(node.run(words), refusal);
      }
      EXPECT_FALSE(sub.summary.empty());
    }
  }
  EXPECT_GT(seen, 20);
}

TEST(RespCommandTable, HelpComesFromTheTable) {
  LonelyNode node;
  const auto lines = array_elements(node.run({"mesh", "help"}));
  EXPECT_THAT(lines, Contains("MESH <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  EXPECT_THAT(lines, Contains("CONNECT host:port"));
  EXPECT_EQ(lines.back(), "    Print this help.");
  EXPECT_THAT(node.run({"MESH", "HELP", "x"}), StartsWith("-ERR wrong number of arguments for 'mesh|help'"));
}

}  // namespace
}  // namespace meshdict
