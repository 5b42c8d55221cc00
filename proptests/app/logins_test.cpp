// How clients become users: passwords, what wrong ones cost, and users that change.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "app/resp/limits.h"
#include "proptests/app/access_fixture.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

std::string ada() {
  return line_of("ada", "+read +write ~*");
}

TEST(Logins, ARightPasswordLetsIn) {
  GuardedNode node(ada() + line_of("default", "+read ~*"));
  EXPECT_EQ(node.log_in("ada"), "+OK\r\n");
  EXPECT_EQ(node.run({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(node.answered(node.run({"AUTH", "secret"})), "+OK\r\n") << "a password alone is the user default's";
  EXPECT_EQ(node.run({"ACL", "WHOAMI"}), "$7\r\ndefault\r\n");
  EXPECT_EQ(node.run({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), kNoAuth);
  EXPECT_EQ(node.run({"AUTH", "a", "b", "c"}), "-ERR syntax error\r\n");
}

TEST(Logins, HelloLogsIn) {
  GuardedNode node(ada());
  EXPECT_EQ(node.run({"HELLO", "3", "AUTH", "ada", "secret"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(node.run({"GET", "k"}), kNoAuth) << "which has logged nobody in";
  const std::string greeting = node.answered(node.run({"HELLO", "2", "AUTH", "ada", "secret", "SETNAME", "me"}));
  EXPECT_THAT(greeting, StartsWith("*14\r\n$6\r\nserver\r\n"));
  EXPECT_EQ(node.run({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(node.answered(node.run({"HELLO", "2", "AUTH", "ada", "x", "SETNAME", "other"})), kWrong);
  EXPECT_EQ(node.run({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(node.run({"ACL", "WHOAMI"}), "$3\r\nada\r\n") << "a wrong password changes nothing, as in Redis";
}

TEST(Logins, WhatIsSaidBehindAPasswordWaitsForIt) {
  GuardedNode node(ada());
  EXPECT_EQ(node.send(resp_command({"AUTH", "ada", "secret"}) + resp_command({"SET", "k", "v"})), "");
  EXPECT_TRUE(node.session.held());
  node.worker.answer();
  EXPECT_FALSE(node.session.held());
  EXPECT_EQ(node.go_on(), "+OK\r\n+OK\r\n");
  EXPECT_EQ(node.service.unfinished_bytes, 0U);
}

TEST(Logins, AWrongPasswordIsAnsweredAfterAPauseAndCounted) {
  GuardedNode node(ada());
  std::string told;
  node.service.tell = [&told](std::string_view, const std::string& detail) { told += detail + "\n"; };
  for (const std::string user : {"ada", "nobody"}) {
    EXPECT_EQ(node.run({"AUTH", user, "guess"}), "");
    node.worker.answer();
    ASSERT_TRUE(node.session.held());
    EXPECT_EQ(*node.session.wait_deadline(), node.clock.monotonic() + access_limits::kWrongPause);
    EXPECT_EQ(node.go_on(), "") << "not before its time";
    node.clock.passed += access_limits::kWrongPause;
    node.session.give_up_waiting();
    EXPECT_EQ(node.go_on(), kWrong);
  }
  EXPECT_EQ(node.service.logins.counts().wrong, 2U);
  EXPECT_EQ(told,
            "client 127.0.0.1:1 gave a wrong password for the user ada\n"
            "client 127.0.0.1:1 gave a wrong password for a user that there is not\n");
  EXPECT_EQ(node.run({"GET", "k"}), kNoAuth);
}

TEST(Logins, ANameThatNobodyHasCostsAsMuch) {
  GuardedNode node(ada());
  node.run({"AUTH", "nobody", "secret"});
  ASSERT_EQ(node.worker.count, 1U) << "it is compared, too";
  EXPECT_EQ(node.worker.wanted.second, "secret");
  EXPECT_NE(node.worker.wanted.first.text(), kHashOfSecret);
  // Not even a hash that fits helps.
  node.worker.answer(PasswordHash::Match::kYes);
  node.clock.passed += access_limits::kWrongPause;
  node.session.give_up_waiting();
  EXPECT_EQ(node.go_on(), kWrong);
}

TEST(Logins, ThePasswordOfAPoolIsComparedOnce) {
  GuardedNode node(ada());
  RespSession second(node.service, "127.0.0.1:2");
  node.run({"AUTH", "ada", "secret"});
  second.feed(resp_command({"AUTH", "ada", "secret"}));
  EXPECT_EQ(node.worker.count, 1U);
  node.worker.answer();
  second.feed({});
  EXPECT_EQ(second.output(), "+OK\r\n");
  EXPECT_EQ(node.go_on(), "+OK\r\n");
  RespSession third(node.service, "127.0.0.1:3");
  third.feed(resp_command({"AUTH", "ada", "secret"}));
  EXPECT_EQ(third.output(), "+OK\r\n") << "at once: it was right before";
  EXPECT_EQ(node.worker.count, 1U);
  third.feed(resp_command({"AUTH", "ada", "Secret"}));
  EXPECT_TRUE(third.held()) << "a wrong one never is";
  EXPECT_EQ(node.worker.count, 2U);
}

TEST(Logins, WaitingPasswordsAreBounded) {
  GuardedNode node(ada());
  std::vector<std::unique_ptr<RespSession>> guessing;
  const auto guess = [&](const std::string& host, std::size_t n) {
    guessing.push_back(std::make_unique<RespSession>(node.service, host + ":" + std::to_string(n)));
    guessing.back()->feed(resp_command({"AUTH", "ada", "guess" + host + std::to_string(n)}));
    return guessing.back()->held();
  };
  for (std::size_t n = 0; n < access_limits::kMaxChecksOfHost; ++n)
    EXPECT_TRUE(guess("10.0.0.1", n));
  EXPECT_FALSE(guess("10.0.0.1", 99)) << "of one host";
  EXPECT_THAT(guessing.back()->output(), StartsWith("-ERR too many passwords wait"));
  EXPECT_TRUE(guess("10.0.0.2", 0)) << "which keeps no other out";
  for (std::size_t n = 0; n < access_limits::kMaxChecks; ++n)
    guess("10.0.1." + std::to_string(n), 0);
  EXPECT_EQ(node.service.logins.pending(), access_limits::kMaxChecks);
  EXPECT_GT(node.service.logins.counts().busy, 1U);
  EXPECT_EQ(node.worker.count, 1U) << "one at a time";
  // Whoever goes takes its password along.
  guessing.clear();
  EXPECT_EQ(node.service.logins.pending(), 1U) << "the one that is compared just now";
  node.worker.answer();
  EXPECT_EQ(node.service.logins.pending(), 0U);
  EXPECT_EQ(node.log_in("ada"), "+OK\r\n");
}

TEST(Logins, AnAnswerThatDoesNotComeIsWaitedForSoLong) {
  GuardedNode node(ada());
  node.run({"AUTH", "ada", "secret"});
  EXPECT_EQ(*node.session.wait_deadline(), node.clock.monotonic() + access_limits::kCheckPatience);
  node.session.give_up_waiting();
  EXPECT_THAT(node.go_on(), StartsWith("-ERR the password could not be checked in time"));
  node.worker.answer();
  EXPECT_EQ(node.run({"GET", "k"}), kNoAuth) << "it comes too late";
}

TEST(Logins, WithoutMemoryForScryptNobodyIsLetIn) {
  GuardedNode node(ada());
  node.run({"AUTH", "ada", "secret"});
  node.worker.answer(PasswordHash::Match::kNoMemory);
  EXPECT_THAT(node.go_on(), StartsWith("-OOM "));
  EXPECT_EQ(node.run({"GET", "k"}), kNoAuth);
}

TEST(Logins, UsersThatChange) {
  GuardedNode node(ada() + line_of("bob", "+read ~*"));
  RespSession bob(node.service, "127.0.0.1:2");
  bob.feed(resp_command({"AUTH", "bob", "secret"}));
  node.worker.answer();
  bob.feed({});
  node.log_in("ada");
  // Rights change at once; who is gone is hung up on.
  node.service.set_users(users_of(line_of("ada", "+read ~*")));
  EXPECT_TRUE(bob.ended());
  EXPECT_FALSE(node.session.ended());
  EXPECT_THAT(node.run({"SET", "k", "v"}), StartsWith("-NOPERM"));
  EXPECT_EQ(node.run({"GET", "k"}), "$-1\r\n");
  // What was right before is compared anew.
  const std::size_t before = node.worker.count;
  EXPECT_EQ(node.log_in("ada"), "+OK\r\n");
  EXPECT_EQ(node.worker.count, before + 1);
  // Another password is another user.
  node.service.set_users(users_of("ada " + PasswordHash::of_nobody().text() + " +read ~*"));
  EXPECT_TRUE(node.session.ended());
}

TEST(Logins, APasswordThatIsReplacedMeanwhileIsWrong) {
  GuardedNode node(ada());
  node.run({"AUTH", "ada", "secret"});
  node.service.set_users(users_of("ada " + PasswordHash::of_nobody().text() + " +read ~*"));
  node.worker.answer();
  node.session.give_up_waiting();
  EXPECT_EQ(node.go_on(), kWrong);
}

TEST(Logins, WhoHasNotLoggedInSaysLittle) {
  for (const auto& [bytes, error] : std::vector<std::pair<std::string, std::string>>{
           {"*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"},
           {"*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"},
           {"*2\r\n$10000\r\n" + std::string(10'000, 'x') + "\r\n$10000\r\n",
            "-ERR Protocol error: unauthenticated bulk length\r\n"},
           {std::string(resp_limits::kMaxCommandOfStranger + 1, 'x'),
            "-ERR Protocol error: too big inline request\r\n"}}) {
    GuardedNode node(ada());
    EXPECT_EQ(node.send(bytes), error);
    EXPECT_TRUE(node.session.closing());
    GuardedNode known(ada());
    known.log_in("ada");
    known.send(bytes);
    EXPECT_FALSE(known.session.closing());
  }
  GuardedNode node(ada());
  node.send(resp_command({"AUTH", "ada", "secret"}) + std::string(resp_limits::kMaxCommandOfStranger, ' '));
  EXPECT_FALSE(node.session.wants_bytes());
  EXPECT_THAT(node.run({"AUTH", "ada", std::string(access_limits::kMaxPassword + 1, 'p')}), Not(HasSubstr("OK")));
}

}  // namespace
}  // namespace meshdict
