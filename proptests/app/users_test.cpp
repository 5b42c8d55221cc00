// The file of users, its passwords, and what names may begin with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proptests/app/access_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Match = PasswordHash::Match;

TEST(Passwords, AreHashedAsOthersDo) {
  const auto hash = PasswordHash::parse(kHashOfSecret);
  ASSERT_TRUE(hash) << hash.error();
  EXPECT_EQ(hash->text(), kHashOfSecret);
  EXPECT_EQ(hash->matches("secret"), Match::kYes);
  EXPECT_EQ(hash->matches("Secret"), Match::kNo);
}

TEST(Passwords, HaveASaltEach) {
  const auto one = PasswordHash::of("secret");
  const auto other = PasswordHash::of("secret");
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->text(), other->text());
  const auto read = PasswordHash::parse(one->text());
  ASSERT_TRUE(read) << one->text();
  EXPECT_EQ(*read, *one);
  EXPECT_EQ(read->matches("secret"), Match::kYes);
  EXPECT_EQ(PasswordHash::of_nobody().matches(""), Match::kNo);
}

TEST(Passwords, OtherTextsAreRefusedAndNotRepeated) {
  const std::string good(kHashOfSecret);
  for (const std::string& text :
       {std::string("hunter2"), std::string(), good + "A", good.substr(0, good.size() - 1), good + "=",
        std::string("$scrypt$ln=10,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$dJjH24E4NX6nzpVwT3tjaq4fioVPdvMyW6bGf5Y60ew"),
        std::string("$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw"),
        std::string("$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0OD!$dJjH24E4NX6nzpVwT3tjaq4fioVPdvMyW6bGf5Y60ew"),
        // The same bytes, written in another way.
        std::string("$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODx$dJjH24E4NX6nzpVwT3tjaq4fioVPdvMyW6bGf5Y60ew")}) {
    const auto hash = PasswordHash::parse(text);
    ASSERT_FALSE(hash) << text;
    EXPECT_THAT(hash.error(), HasSubstr("--hash-password"));
    if (!text.empty()) {
      EXPECT_THAT(hash.error(), Not(HasSubstr(text)));
    }
  }
}

TEST(UsersFile, HasALineForEachUser) {
  const auto users = users_of("# who may do what\n\n" + line_of("bob", "+read ~app:* ~tmp:*") +
                              "default nopass +read ~public:*\r\n" + "\t" + line_of("ada", "+admin +mesh"));
  ASSERT_EQ(users->all().size(), 3U);
  EXPECT_EQ(users->all().front()->name, "ada");
  EXPECT_EQ(users->find("bob")->rights, Rights(Right::kRead));
  EXPECT_THAT(users->find("bob")->names.list(), ElementsAre("app:", "tmp:"));
  EXPECT_EQ(users->find("nobody"), nullptr);
  EXPECT_EQ(users->stranger(), users->find("default"));
  EXPECT_EQ(users_of(line_of("default", "+read ~*"))->stranger(), nullptr) << "it has a password";
}

TEST(UsersFile, ErrorsNameTheLine) {
  const std::string good = line_of("ada", "+read ~*");
  const std::string hash(kHashOfSecret);
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "there is no user in it"},
      {"# nobody\n\n", "there is no user in it"},
      {good + "bob", "line 2: the second word is no hash"},
      {good + "\nbob hunter2 +read ~*", "line 3: the second word is no hash"},
      {good + "bob nopass +read ~*", "line 2: only the user default"},
      {good + good, "line 2: line 1 is of the same user"},
      {"bob " + hash + " +fly ~*", "line 1: a right is none of +read, +write, +publish, +mesh and +admin"},
      {"bob " + hash + " read", "line 1: a word behind the hash begins with + (a right) or ~ (keys)"},
      {"bob " + hash + " +read", "line 1: it does not say which keys"},
      {"bob " + hash + " +mesh +publish", "line 1: it does not say which keys"},
      {"bob " + hash + " +read ~app", "line 1: names are given by how they begin"},
      {"bob " + hash + " +read ~", "line 1: names are given by how they begin"},
      {"bob " + hash + " +read ~a*b*", "line 1: names are given by how they begin"},
      {"bob " + hash + " +read ~a?*", "line 1: names are given by how they begin"},
      {std::string(access_limits::kMaxUserName + 1, 'u') + " " + hash, "line 1: a user's name has at most"},
      {"b\xC3\xB6"
       "b " +
           hash,
       "line 1: a user's name has at most"}};
  for (const auto& [text, says] : wrong) {
    const auto users = Users::parse(text);
    ASSERT_FALSE(users) << text;
    EXPECT_THAT(users.error(), StartsWith(says)) << text;
    EXPECT_THAT(users.error(), Not(HasSubstr("hunter2")));
  }
}

TEST(UsersFile, HasBounds) {
  std::string many;
  for (std::size_t i = 0; i <= access_limits::kMaxUsers; ++i)
    many += line_of("u" + std::to_string(i), "+mesh");
  EXPECT_THAT(Users::parse(many).error(), HasSubstr("more than 1024 users"));
  std::string prefixes;
  for (std::size_t i = 0; i <= access_limits::kMaxPrefixes; ++i)
    prefixes += " ~" + std::to_string(100 + i) + "*";
  EXPECT_THAT(Users::parse(line_of("u", "+read" + prefixes)).error(), HasSubstr("at most 64 beginnings"));
}

RC_GTEST_PROP(Prefixes, AllowWhatBeginsWithOneOfThem, ()) {
  const auto text = [] { return rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c')); };
  const auto given = *rc::gen::container<std::vector<std::string>>(text());
  const auto names = *rc::gen::container<std::vector<std::string>>(text());
  const std::string from = *text();
  Prefixes prefixes;
  for (const std::string& one : given)
    prefixes.add(one);
  const auto allowed = [&](const std::string& name) {
    return std::ranges::any_of(given, [&](const std::string& one) { return name.starts_with(one); });
  };
  for (const std::string& name : names)
    RC_ASSERT(prefixes.allow(name) == allowed(name));
  RC_ASSERT(prefixes.allow_all() == allowed(""));
  // Nothing that is allowed is left out.
  const auto first = prefixes.first_from(from);
  if (first) RC_ASSERT(*first >= from);
  for (const std::string& name : names) {
    if (name >= from && allowed(name)) RC_ASSERT(first && *first <= name);
  }
}

}  // namespace
}  // namespace meshdict
