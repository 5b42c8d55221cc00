// What users may do. The table of commands is gone through as a whole, so that a new command is judged, too.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "app/resp/limits.h"
#include "core/encoding/msgpack.h"
#include "proptests/app/access_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kNoPermission = "-NOPERM this user has no permissions to ";

/// Each command and subcommand, with `words` as its arguments: as many as it wants at the least.
void for_each_command(const std::vector<std::string>& words,
                      const std::function<void(const Access&, const std::vector<std::string>&)>& visit) {
  const auto filled = [&words](std::vector<std::string> command, int arity) {
    for (std::size_t i = 0; command.size() < static_cast<std::size_t>(std::abs(arity)); ++i)
      command.push_back(words[i % words.size()]);
    return command;
  };
  for (const CommandSpec& spec : all_commands()) {
    if (spec.subcommands == nullptr) {
      visit(spec.access, filled({std::string(spec.name)}, spec.arity));
      continue;
    }
    for (const Subcommand& sub : spec.subcommands())
      visit(sub.access, filled({std::string(spec.name), std::string(sub.name)}, sub.arity));
  }
}

TEST(Access, BeforeLoggingInNothingIsRunButWhatLogsIn) {
  GuardedNode node(line_of("ada", "+read +write +publish +mesh +admin ~*"));
  node.write("k", "hidden");
  std::vector<std::string> allowed;
  for_each_command({"k", "1"}, [&](const Access& access, const std::vector<std::string>& command) {
    if (access.before_login) {
      allowed.push_back(command[0]);
    } else {
      EXPECT_EQ(node.run(command), kNoAuth) << command[0];
    }
  });
  EXPECT_THAT(allowed, ElementsAre("auth", "hello", "quit", "reset"));
  EXPECT_THAT(node.run({"HELLO"}), StartsWith("-NOAUTH HELLO must be called with the client already authenticated"));
  EXPECT_EQ(node.run({"RESET"}), "+RESET\r\n");
  EXPECT_THAT(node.run({"NOSUCH"}), StartsWith("-ERR unknown command"));
  EXPECT_THAT(node.run({"CLIENT", "HELP"}), kNoAuth);
  EXPECT_THAT(node.run({"COMMAND"}), kNoAuth);
  EXPECT_GT(node.service.security.without_login, 40U);
}

TEST(Access, WithoutARightNoCommandThatNeedsItIsRun) {
  for (const auto& [right, name] : kRightNames) {
    std::string others;
    for (const auto& [other, other_name] : kRightNames) {
      if (other != right) others += " +" + std::string(other_name);
    }
    GuardedNode node(line_of("ada", others + " ~*"));
    node.log_in("ada");
    std::size_t refused = 0;
    for_each_command({"k", "1"}, [&](const Access& access, const std::vector<std::string>& command) {
      // Those end the session, or begin what takes no other command.
      if (!access.needs.include(right)) return;
      const std::string reply = node.run(command);
      EXPECT_THAT(reply, StartsWith(kNoPermission)) << command[0] << " without " << name;
      EXPECT_THAT(reply, HasSubstr("run the '" + command[0]));
      ++refused;
    });
    EXPECT_GT(refused, 0U) << name;
    EXPECT_EQ(node.service.security.without_right, refused);
  }
}

TEST(Access, BackupsAreForAdministrators) {
  GuardedNode node(line_of("ada", "+read +write +publish +mesh ~*"));
  node.log_in("ada");
  EXPECT_THAT(node.run({"MESH", "BACKUP", "/b.db"}), StartsWith(kNoPermission));
  EXPECT_THAT(node.run({"MESH", "ID"}), StartsWith("$"));
}

TEST(Access, WithAllRightsNoCommandIsRefused) {
  GuardedNode node(line_of("ada", "+read +write +publish +mesh +admin ~*"));
  for_each_command({"k", "1"}, [&](const Access&, const std::vector<std::string>& command) {
    if (command[0] == "quit" || command.back() == "kill") return;
    node.run({"RESET"});
    node.log_in("ada");
    EXPECT_THAT(node.run(command), Not(StartsWith("-NO"))) << command[0];
  });
}

/// Everything that a client can say with these words, and what comes of it: replies and what is pushed to it meanwhile.
std::string all_that_is_heard(GuardedNode& node, const std::vector<std::string>& words) {
  std::string heard;
  for_each_command(words, [&](const Access&, const std::vector<std::string>& command) {
    if (command[0] == "quit" || (command[0] == "client" && command[1] == "kill")) return;
    node.run({"RESET"});
    node.log_in("ada");
    // The time and the figures of the process change by themselves, and no key is in them.
    if (command[0] == "time" || command[0] == "info") return;
    heard += command[0] + " " + node.run(command);
    if (node.session.subscriptions() > 0) {
      node.write("theirs:pushed", "hidden");
      heard += node.take_output();
    }
  });
  return heard;
}

constexpr std::string_view kOwnKeys = "+read +write +publish ~mine:*";

TEST(Access, WithoutItsPrefixNoKeyIsToldInAnyWay) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"*"},
                                             {"0"},
                                             {"mine:k"},
                                             {"theirs:secret"},
                                             {"theirs:*"},
                                             {"", "theirs:secret"},
                                             {"mesh"},
                                             {"__keyevent@0__:set"},
                                             {"__keyevent@0__:*"},
                                             {"__keyspace@0__:theirs:secret"}}) {
    GuardedNode with(line_of("ada", kOwnKeys));
    GuardedNode without(line_of("ada", kOwnKeys));
    // As many as make a reply of SCAN, which ends early, differ.
    for (int i = 0; i < 100; ++i)
      with.write("theirs:" + std::to_string(i), "hidden");
    with.write("theirs:secret", "hidden");
    const std::string heard = all_that_is_heard(with, words);
    EXPECT_THAT(heard, Not(HasSubstr("hidden"))) << words[0];
    EXPECT_THAT(heard, Not(HasSubstr("pushed"))) << words[0];
    EXPECT_EQ(heard, all_that_is_heard(without, words))
        << "what is there and may not be known changes no reply: " << words[0];
    EXPECT_TRUE(with.engine.dictionary().find("theirs:secret")) << "nor is it changed";
  }
}

TEST(Access, KeysOfItsPrefixesAreThere) {
  GuardedNode node(line_of("ada", "+read +write ~mine:* ~ours:*"));
  node.log_in("ada");
  for (const char* key : {"a", "mine:1", "mine:2", "n", "ours:1", "z"})
    node.write(key, "v");
  EXPECT_EQ(node.run({"GET", "mine:1"}), "$1\r\nv\r\n");
  EXPECT_EQ(node.run({"SET", "mine:3", "v"}), "+OK\r\n");
  EXPECT_EQ(node.run({"MGET", "mine:1", "ours:1"}), "*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"MGET", "mine:1", "a"},
                                             {"MSET", "mine:1", "x", "a", "x"},
                                             {"DEL", "mine:1", "z"},
                                             {"EXISTS", "mine"},
                                             {"MEMORY", "USAGE", "a"},
                                             {"EXPLAIN", "a"},
                                             {"LEASE", "a"},
                                             {"LEASE", "RENEW", "a"},
                                             {"LEASE", "RELEASE", "a"},
                                             {"WATCH", "a"},
                                             {"SET", "a", "x", "GET"}}) {
    EXPECT_EQ(node.run(command), std::string(kNoPermission) + "access one of the keys used as arguments\r\n")
        << command[0];
  }
  EXPECT_EQ(node.run({"GET", "mine:1"}), "$1\r\nv\r\n") << "all or none";
  EXPECT_EQ(node.run({"MEMORY", "USAGE", "mine:1"}).front(), ':');
  EXPECT_THAT(array_elements(node.run({"KEYS", "*"})), ElementsAre("mine:1", "mine:2", "mine:3", "ours:1"));
  EXPECT_THAT(array_elements(node.run({"KEYS", "?*1"})), ElementsAre("mine:1", "ours:1"));
  EXPECT_THAT(array_elements(node.run({"KEYS", "a*"})), IsEmpty());
  EXPECT_THAT(node.run({"DBSIZE"}), StartsWith(std::string(kNoPermission) + "access all keys and channels"));
  EXPECT_THAT(node.run({"RANDOMKEY"}), StartsWith(kNoPermission));
}

TEST(Access, AScanHasAsManyPagesAsItsOwnKeysWant) {
  GuardedNode node(line_of("ada", "+read ~mine:*"));
  node.log_in("ada");
  for (int i = 0; i < 50; ++i) {
    node.write("a" + std::to_string(i), "v");
    node.write("z" + std::to_string(i), "v");
  }
  for (int i = 0; i < 25; ++i)
    node.write("mine:" + std::to_string(i), "v");
  std::string cursor = "0";
  std::size_t pages = 0;
  std::vector<std::string> all;
  do {
    const auto [next, keys] = node.scan({"SCAN", cursor});
    all.insert(all.end(), keys.begin(), keys.end());
    cursor = next;
    ++pages;
  } while (cursor != "0");
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(all.size(), 25U);
  EXPECT_THAT(all, testing::Each(StartsWith("mine:")));
  // One of somebody else's scan is no way to learn where that one stands.
  EXPECT_THAT(node.run({"SCAN", std::to_string(node.service.cursors.add("a1", "root"))}),
              StartsWith("-ERR invalid cursor"));
}

TEST(Access, SetWithGetReads) {
  GuardedNode node(line_of("ada", "+write ~*"));
  node.log_in("ada");
  node.write("k", "hidden");
  EXPECT_EQ(node.run({"SET", "k", "v"}), "+OK\r\n");
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"SET", "k", "v", "GET"},
                                                                                       {"set", "k", "v", "xx", "get"},
                                                                                       {"GETSET", "k", "v"},
                                                                                       {"GETDEL", "k"},
                                                                                       {"GET", "k"}}) {
    EXPECT_EQ(node.run(command), std::string(kNoPermission) + "run the '" + to_lower(command[0]) + "' command\r\n");
  }
}

TEST(Access, EventsAreHeardOfTheOwnKeysOnly) {
  GuardedNode node(line_of("ada", "+read ~mine:*") + line_of("eve", "+write ~*"));
  node.log_in("ada");
  node.run({"PSUBSCRIBE", "__keyevent@0__:*"});
  node.write("theirs:1", "v");
  EXPECT_EQ(node.take_output(), "");
  node.write("mine:1", "v");
  EXPECT_THAT(node.take_output(), EndsWith("$18\r\n__keyevent@0__:set\r\n$6\r\nmine:1\r\n"));
  Conflict conflict;
  conflict.key = "theirs:1";
  node.service.on_event(conflict);
  EXPECT_EQ(node.take_output(), "");
  conflict.key = "mine:1";
  node.service.on_event(conflict);
  EXPECT_THAT(node.take_output(), HasSubstr("conflict"));
}

TEST(Access, ChannelsAreNamesToo) {
  GuardedNode node(line_of("ada", "+read +publish ~mine:*") + line_of("root", "+read +publish ~*"));
  RespSession other(node.service, "127.0.0.1:2");
  node.log_in("root");
  other.feed(resp_command({"AUTH", "ada", "secret"}));
  node.worker.answer();
  other.feed({});
  other.feed(resp_command({"PSUBSCRIBE", "*"}));
  other.sent(other.output().size());
  EXPECT_EQ(node.run({"PUBLISH", "mine:news", "hello"}), ":1\r\n");
  EXPECT_THAT(other.output(), HasSubstr("hello"));
  other.sent(other.output().size());
  EXPECT_EQ(node.run({"PUBLISH", "theirs:news", "hidden"}), ":0\r\n") << "who may not hear it is no receiver";
  EXPECT_EQ(other.output(), "");
  // A message of a program of the mesh, which has no channel.
  MessageArrived message;
  message.packets = {Raw("\x01"), Raw("\x02"), Raw("\x03")};
  node.service.on_event(message);
  EXPECT_EQ(other.output(), "");

  node.run({"RESET"});
  node.log_in("ada");
  const std::string denied = std::string(kNoPermission) + "access one of the channels used as arguments\r\n";
  EXPECT_EQ(node.run({"PUBLISH", "theirs:news", "x"}), denied);
  EXPECT_EQ(node.run({"SUBSCRIBE", "mine:a", "theirs:news"}), denied);
  EXPECT_EQ(node.run({"SUBSCRIBE", "mesh"}), denied);
  EXPECT_EQ(node.session.subscriptions(), 0U);
  EXPECT_THAT(node.run({"PUBSUB", "CHANNELS"}), StartsWith(kNoPermission));
  EXPECT_THAT(node.run({"SUBSCRIBE", "__keyevent@0__:set"}), StartsWith("*3\r\n"));
}

TEST(Access, ATransactionIsCheckedWhenItIsQueuedAndWhenItIsRun) {
  const std::string allowed = line_of("ada", "+read +write ~mine:*");
  GuardedNode node(allowed);
  node.log_in("ada");
  node.run({"MULTI"});
  EXPECT_THAT(node.run({"GET", "theirs"}), StartsWith(kNoPermission));
  EXPECT_THAT(node.run({"EXEC"}), StartsWith("-EXECABORT"));

  node.run({"MULTI"});
  node.run({"SET", "mine:1", "v"});
  node.run({"GET", "mine:1"});
  node.service.set_users(users_of(line_of("ada", "+read ~mine:*")));
  EXPECT_EQ(node.run({"EXEC"}), "*2\r\n" + std::string(kNoPermission) + "run the 'set' command\r\n$-1\r\n");
  EXPECT_EQ(node.run({"MULTI"}), "+OK\r\n");
  EXPECT_THAT(node.run({"AUTH", "ada", "secret"}), StartsWith("-ERR Command not allowed inside a transaction"));
}

TEST(Access, OthersClientsAreSeenAndEndedByAdminsOnly) {
  GuardedNode node(line_of("ada", "+read ~*") + line_of("root", "+admin"));
  node.log_in("ada");
  EXPECT_THAT(node.run({"CLIENT", "LIST"}), StartsWith(kNoPermission));
  EXPECT_THAT(node.run({"CLIENT", "KILL", "127.0.0.1:1"}), StartsWith(kNoPermission));
  EXPECT_THAT(node.run({"CLIENT", "INFO"}), HasSubstr(" user=ada "));
  RespSession other(node.service, "127.0.0.1:2");
  node.log_in("root");
  EXPECT_THAT(node.run({"CLIENT", "LIST"}), HasSubstr(" user=root "));
  EXPECT_THAT(node.run({"CLIENT", "KILL", "USER", "nobody"}), StartsWith("-ERR No such user 'nobody'"));
  EXPECT_EQ(node.run({"CLIENT", "KILL", "USER", "default"}), ":1\r\n");
  EXPECT_TRUE(other.ended());
}

TEST(Access, AclTellsWithoutSecrets) {
  GuardedNode node("default nopass +read ~public:*\n" + line_of("root", "+read +write +publish +mesh +admin ~*"));
  EXPECT_EQ(node.run({"ACL", "WHOAMI"}), "$7\r\ndefault\r\n");
  EXPECT_THAT(node.run({"ACL", "LIST"}), StartsWith(std::string(kNoPermission) + "run the 'acl|list' command"));
  EXPECT_EQ(node.run({"ACL", "CAT", "publish"}), "*1\r\n$7\r\npublish\r\n");
  EXPECT_THAT(node.run({"ACL", "CAT", "x"}), StartsWith("-ERR Unknown category 'x'"));
  EXPECT_THAT(array_elements(node.run({"ACL", "CAT"})), ElementsAre("read", "write", "publish", "mesh", "admin"));
  node.log_in("root");
  EXPECT_EQ(node.run({"ACL", "WHOAMI"}), "$4\r\nroot\r\n");
  EXPECT_THAT(array_elements(node.run({"ACL", "USERS"})), ElementsAre("default", "root"));
  EXPECT_THAT(array_elements(node.run({"ACL", "LIST"})),
              ElementsAre("user default on nopass ~public:* &public:* -@all +@read", "user root on ~* &* +@all"));
  EXPECT_EQ(
      node.run({"ACL", "GETUSER", "default"}),
      "*12\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$6\r\nnopass\r\n$9\r\npasswords\r\n*0\r\n$8\r\ncommands\r\n$12\r\n"
      "-@all "
      "+@read\r\n$4\r\nkeys\r\n$9\r\n~public:*\r\n$8\r\nchannels\r\n$9\r\n&public:*\r\n$9\r\nselectors\r\n*0\r\n");
  EXPECT_EQ(node.run({"ACL", "GETUSER", "nobody"}), "$-1\r\n");
  EXPECT_THAT(node.run({"ACL", "SETUSER", "eve"}), StartsWith("-ERR unknown subcommand"));
  LonelyNode open;
  EXPECT_THAT(array_elements(open.run({"ACL", "LIST"})), ElementsAre("user default on nopass ~* &* +@all"));
}

}  // namespace
}  // namespace meshdict
