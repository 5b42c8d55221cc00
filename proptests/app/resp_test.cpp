// The Redis-protocol endpoint without sockets: parser, patterns, cursors, and commands over an engine that has no
// peers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands/commands.h"
#include "app/log/log.h"
#include "app/resp/glob.h"
#include "app/resp/limits.h"
#include "app/resp/parser.h"
#include "app/resp/scan_cursors.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Command = std::vector<std::string>;

/// Everything that a parser makes of bytes that arrive in the given pieces.
struct Parsed {
  std::vector<Command> commands;
  std::string error;
  bool operator==(const Parsed&) const = default;
};

Parsed parse_in_pieces(const std::string& bytes, const std::vector<std::size_t>& piece_lengths) {
  Parsed out;
  RespParser parser;
  std::string held;
  std::size_t at = 0;
  std::size_t turn = 0;
  while (at < bytes.size()) {
    const std::size_t wanted = piece_lengths[turn++ % piece_lengths.size()];
    const std::size_t length = std::min(wanted, bytes.size() - at);
    // A fresh string each time: views into the old one would show.
    held = std::string(held) + bytes.substr(at, length);
    at += length;
    for (;;) {
      const auto result = parser.next(held);
      if (result == RespParser::Result::kPartial) break;
      if (result == RespParser::Result::kError) {
        out.error = parser.error();
        return out;
      }
      if (result == RespParser::Result::kCommand) {
        const auto arguments = parser.arguments();
        out.commands.emplace_back(arguments.begin(), arguments.end());
      }
      RC_ASSERT(parser.consumed() > 0U);
      RC_ASSERT(parser.consumed() <= held.size());
      held.erase(0, parser.consumed());
    }
  }
  return out;
}

Parsed parse_whole(const std::string& bytes) {
  return parse_in_pieces(bytes, {bytes.size() + 1});
}

rc::Gen<std::vector<std::size_t>> piece_lengths() {
  return rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::just<std::size_t>(1), rc::gen::inRange<std::size_t>(1, 40))));
}

RC_GTEST_PROP(RespParserProperty, EncodedCommandsComeBackWhateverThePieces, ()) {
  const auto commands = *rc::gen::container<std::vector<Command>>(
      rc::gen::nonEmpty(rc::gen::container<Command>(rc::gen::arbitrary<std::string>())));
  std::string bytes;
  for (const Command& command : commands)
    bytes += resp_command(command);
  const Parsed parsed = parse_in_pieces(bytes, *piece_lengths());
  RC_ASSERT(parsed.error.empty());
  RC_ASSERT(parsed.commands == commands);
}

/// Pieces of the protocol in any order: far more often nearly right than random bytes are.
rc::Gen<std::string> protocol_like() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(
                          rc::gen::oneOf(rc::gen::elementOf(std::vector<std::string>{"*1\r\n",
                                                                                     "*2\r\n",
                                                                                     "*0\r\n",
                                                                                     "*-1\r\n",
                                                                                     "$1\r\na\r\n",
                                                                                     "$0\r\n\r\n",
                                                                                     "$3\r\nabc\r\n",
                                                                                     "*",
                                                                                     "$",
                                                                                     "\r\n",
                                                                                     "\n",
                                                                                     "PING\r\n",
                                                                                     "SET a 'b c'\r\n",
                                                                                     "\"\\x41\\n\" x\r\n",
                                                                                     "'",
                                                                                     "\"",
                                                                                     "$-1\r\n",
                                                                                     "*99999999999\r\n",
                                                                                     "$99999999999\r\n",
                                                                                     " ",
                                                                                     "a\"b\"\n",
                                                                                     "*1x\r\n"}),
                                         rc::gen::arbitrary<std::string>())),
                      [](const std::vector<std::string>& parts) {
                        std::string all;
                        for (const std::string& part : parts)
                          all += part;
                        return all;
                      });
}

RC_GTEST_PROP(RespParserProperty, AnyBytesGiveTheSameWhateverThePieces, ()) {
  const std::string bytes = *protocol_like();
  RC_ASSERT(parse_in_pieces(bytes, *piece_lengths()) == parse_whole(bytes));
}

RC_GTEST_PROP(RespSessionProperty, AnyBytesGiveTheSameRepliesWhateverThePieces, ()) {
  const std::string bytes = *protocol_like();
  const auto lengths = *piece_lengths();
  LonelyNode whole;
  LonelyNode pieces;
  const std::string expected = whole.send(bytes);
  std::string got;
  std::size_t at = 0;
  for (std::size_t turn = 0; at < bytes.size(); ++turn) {
    const std::string piece = bytes.substr(at, lengths[turn % lengths.size()]);
    got += pieces.send(piece);
    at += piece.size();
  }
  RC_ASSERT(got == expected);
  RC_ASSERT(pieces.session.closing() == whole.session.closing());
}

TEST(RespParser, ReadsInlineCommandsWithQuotes) {
  const Parsed parsed = parse_whole("PING\r\n  SET  key \"a\\x20b\\n\\\"\" \n\r\nget 'it''s'\nget 'it\\'s' \"\"\n");
  EXPECT_EQ(parsed.error, "Protocol error: unbalanced quotes in request");
  ASSERT_EQ(parsed.commands.size(), 2U);
  EXPECT_THAT(parsed.commands[0], ElementsAre("PING"));
  EXPECT_THAT(parsed.commands[1], ElementsAre("SET", "key", "a b\n\""));
  const Parsed single = parse_whole("get 'it\\'s' \"\"\n");
  ASSERT_EQ(single.commands.size(), 1U);
  EXPECT_THAT(single.commands[0], ElementsAre("get", "it's", ""));
}

TEST(RespParser, RefusesWhatIsOutOfBounds) {
  const auto error_of = [](const std::string& bytes) { return parse_whole(bytes).error; };
  EXPECT_THAT(error_of("*1048577\r\n"), HasSubstr("invalid multibulk length"));
  EXPECT_THAT(error_of("*x\r\n"), HasSubstr("invalid multibulk length"));
  EXPECT_THAT(error_of("*1\r\n$-1\r\n"), HasSubstr("invalid bulk length"));
  // As in Redis a number ends at its carriage return, not at a line feed.
  EXPECT_THAT(error_of("*1\n$4\nPING\r\n"), HasSubstr("invalid multibulk length"));
  EXPECT_THAT(error_of("*1\r\n$4\nPING\r\n"), HasSubstr("invalid bulk length"));
  EXPECT_THAT(error_of("*1\r\n$4294967296\r\n"), HasSubstr("invalid bulk length"));
  EXPECT_THAT(error_of("*1\r\n$18446744073709551616\r\n"), HasSubstr("invalid bulk length"));
  EXPECT_THAT(error_of("*1\r\nx"), HasSubstr("expected '$', got 'x'"));
  const std::string endless(resp_limits::kMaxLine + 1, 'a');
  EXPECT_THAT(error_of(endless), HasSubstr("too big inline request"));
  EXPECT_THAT(error_of("*" + endless), HasSubstr("too big mbulk count string"));
  EXPECT_THAT(error_of("*1\r\n$" + endless), HasSubstr("too big bulk count string"));
  // Each argument is in bounds, all together are not.
  const std::string half = std::to_string(resp_limits::kMaxCommand / 2 + 1);
  const std::string bytes(resp_limits::kMaxCommand / 2 + 1, 'a');
  EXPECT_THAT(error_of("*2\r\n$" + half + "\r\n" + bytes + "\r\n$" + half + "\r\n"), HasSubstr("invalid bulk length"));
}

/// Patterns by their definition: try every way to divide the text.
bool naive_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return naive_match(pattern.substr(1), text) || (!text.empty() && naive_match(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  if (pattern[0] == '?') return naive_match(pattern.substr(1), text.substr(1));
  if (pattern[0] == '\\' && pattern.size() > 1) {
    return pattern[1] == text[0] && naive_match(pattern.substr(2), text.substr(1));
  }
  if (pattern[0] != '[') {
    return pattern[0] == text[0] && naive_match(pattern.substr(1), text.substr(1));
  }
  // Expand the brackets into the characters that they mean.
  std::set<char> members;
  std::string_view rest = pattern.substr(1);
  const bool negated = !rest.empty() && rest[0] == '^';
  if (negated) rest.remove_prefix(1);
  while (!rest.empty() && rest[0] != ']') {
    if (rest[0] == '\\' && rest.size() > 1) {
      members.insert(rest[1]);
      rest.remove_prefix(2);
    } else if (rest.size() > 2 && rest[1] == '-') {
      const auto [low, high] = std::minmax(rest[0], rest[2]);
      for (char c = low; c <= high; ++c)
        members.insert(c);
      rest.remove_prefix(3);
    } else {
      members.insert(rest[0]);
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return members.contains(text[0]) != negated && naive_match(rest, text.substr(1));
}

/// A pattern, and a text that fits it or nearly does: each element with something that it may stand for.
struct PatternAndText {
  std::string pattern;
  std::string text;
};

PatternAndText pattern_and_text() {
  const std::vector<PatternAndText> elements{
      {"a", "a"},     {"b", "b"},       {"?", "a"},    {"?", "]"},    {"*", ""},     {"*", "a"},
      {"*", "ab"},    {"*", "bb-a"},    {"[ab]", "b"}, {"[^a]", "b"}, {"[^a]", "a"}, {"[a-c]", "b"},
      {"[c-a]", "c"}, {"[a\\]b]", "]"}, {"\\*", "*"},  {"\\", "a"},   {"[", "["},    {"]", "]"},
      {"^", "^"},     {"[^", ""},       {"-", "-"},    {"", "b"}};
  PatternAndText made;
  const auto chosen =
      *rc::gen::resize(8, rc::gen::container<std::vector<PatternAndText>>(rc::gen::elementOf(elements)));
  for (const auto& [pattern, text] : chosen) {
    made.pattern += pattern;
    made.text += text;
  }
  return made;
}

RC_GTEST_PROP(GlobProperty, AgreesWithItsDefinition, ()) {
  const auto [pattern, text] = pattern_and_text();
  RC_LOG() << "pattern " << pattern << " text " << text << "\n";
  const Glob glob = *Glob::compile(pattern);
  const bool matches = glob.matches(text);
  RC_TAG(matches);
  RC_ASSERT(matches == naive_match(pattern, text));
  if (matches) RC_ASSERT(text.starts_with(glob.prefix()));
}

bool glob_match(std::string_view pattern, std::string_view text) {
  return Glob::compile(pattern)->matches(text);
}

TEST(Glob, ManyStarsAreNoTrouble) {
  std::string pattern;
  for (int i = 0; i < 1'000; ++i)
    pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "*b", std::string(20'000, 'a')));
  EXPECT_TRUE(glob_match(pattern, std::string(20'000, 'a')));
}

TEST(Glob, ALongSetIsReadOnce) {
  // Read anew for each character, these would be 2.4e10 steps, and more than anybody waits for.
  const std::string text(60'000, 'q');
  EXPECT_FALSE(glob_match("*[" + std::string(400'000, 'z') + "]", text));
  EXPECT_TRUE(glob_match("*[" + std::string(400'000, 'z') + "q]", text));
}

TEST(Glob, WhatFollowsAStarIsNotTriedAtEachPlace) {
  const std::string text(65'000, 'a');
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(glob_match("*" + std::string(1'000, '?') + "b", text));
    ASSERT_FALSE(glob_match("*" + std::string(1'000, 'a') + "b*", text));
  }
}

TEST(Glob, ElementsAndBytesAreBounded) {
  EXPECT_TRUE(Glob::compile(std::string(Glob::kMaxElements, '?')));
  EXPECT_FALSE(Glob::compile(std::string(Glob::kMaxElements + 1, '?')));
  EXPECT_TRUE(glob_match(std::string(10'000, 'a') + "*", std::string(10'001, 'a')));
  EXPECT_TRUE(glob_match(std::string(5'000, '*'), "a"));
  EXPECT_TRUE(glob_match("*" + std::string(Glob::kMaxElements, '?'), std::string(Glob::kMaxElements + 10, 'a')));
  EXPECT_FALSE(Glob::compile(std::string(Glob::kMaxPattern + 1, '*')));
}

TEST(Glob, FollowsRedis) {
  EXPECT_TRUE(glob_match("h[^e]llo", "hallo"));
  EXPECT_FALSE(glob_match("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_match("h[a-b]llo", "hbllo"));
  EXPECT_TRUE(glob_match("h[b-a]llo", "hbllo"));
  EXPECT_TRUE(glob_match("\\*", "*"));
  EXPECT_FALSE(glob_match("\\*", "x"));
  EXPECT_TRUE(glob_match("a[bc", "ab"));
}

/// Runs a whole scan while the keys change between its steps.
RC_GTEST_PROP(ScanProperty, ReturnsEveryKeyThatStaysAndNoneTwice, ()) {
  LonelyNode node;
  const auto key = [](int i) { return "k" + std::to_string(i); };
  const auto initial = *rc::gen::container<std::set<int>>(rc::gen::inRange(0, 60));
  for (const int i : initial)
    node.run({"SET", key(i), "v"});
  const std::string count = std::to_string(*rc::gen::inRange(1, 12));

  std::vector<std::string> seen;
  std::set<int> touched;
  std::string cursor = "0";
  do {
    const auto [next, keys] = node.scan({"SCAN", cursor, "COUNT", count});
    seen.insert(seen.end(), keys.begin(), keys.end());
    cursor = next;
    const int changed = *rc::gen::inRange(0, 60);
    touched.insert(changed);
    node.run({*rc::gen::element<std::string>("SET", "DEL"), key(changed), "v"});
  } while (cursor != "0");

  const std::set<std::string> distinct(seen.begin(), seen.end());
  RC_ASSERT(distinct.size() == seen.size());
  for (const int i : initial) {
    if (!touched.contains(i)) RC_ASSERT(distinct.contains(key(i)));
  }
}

TEST(ScanCursors, AreBoundedInBytesAndForgetTheOldest) {
  ScanCursors cursors(1);
  const std::string key(65'535, 'k');
  const std::uint64_t first = cursors.add(key, "ada");
  const std::uint64_t small = cursors.add("k", "ada");
  std::uint64_t last = 0;
  for (int i = 0; i < 1'000; ++i)
    last = cursors.add(key, "ada");
  EXPECT_LE(cursors.bytes(), resp_limits::kMaxCursorBytes);
  EXPECT_EQ(cursors.size(), resp_limits::kMaxCursorBytes / key.size());
  EXPECT_FALSE(cursors.take(first, "ada"));
  EXPECT_FALSE(cursors.take(small, "ada"));
  EXPECT_EQ(cursors.take(last, "ada"), key);
  // Small ones take the room of large ones.
  for (int i = 0; i < 100'000; ++i)
    cursors.add("k", "ada");
  EXPECT_EQ(cursors.size(), resp_limits::kMaxCursors);
  EXPECT_EQ(cursors.bytes(), resp_limits::kMaxCursors);
}

TEST(ScanCursors, ForgetsUsedOnesFirst) {
  ScanCursors cursors(12345);
  const std::uint64_t used = cursors.add("used", "ada");
  const std::uint64_t waiting = cursors.add("waiting", "ada");
  EXPECT_EQ(cursors.take(used, "ada"), "used");
  EXPECT_EQ(cursors.take(used, "bob"), std::nullopt) << "it is not his";
  EXPECT_EQ(cursors.take(used, "ada"), "used");
  for (std::size_t i = 0; i < resp_limits::kMaxCursors - 1; ++i)
    cursors.take(cursors.add("x", "ada"), "ada");
  EXPECT_EQ(cursors.size(), resp_limits::kMaxCursors);
  EXPECT_EQ(cursors.take(used, "ada"), std::nullopt);
  EXPECT_EQ(cursors.take(waiting, "ada"), "waiting");
  EXPECT_EQ(cursors.take(0, "ada"), std::nullopt);
}

TEST(Commands, StandInTheOrderOfTheirNamesAndAreFoundInAnyCase) {
  const CommandTable table(all_commands());
  for (const CommandSpec& spec : all_commands()) {
    EXPECT_EQ(table.find(spec.name), &spec);
    std::string upper(spec.name);
    std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(c - 32); });
    EXPECT_EQ(table.find(upper), &spec) << upper;
  }
  EXPECT_EQ(table.find(""), nullptr);
  EXPECT_EQ(table.find("sets"), nullptr);
  EXPECT_EQ(table.find(std::string(1'000, 'a')), nullptr);
}

/// Commands that end the connection or leave the mode in which the next would be understood.
bool changes_the_session(std::string_view name) {
  return name == "quit" || name == "subscribe" || name == "psubscribe";
}

RC_GTEST_PROP(CommandsProperty, EveryCommandAnswersOnceWhateverItsArguments, ()) {
  LonelyNode node;
  const auto word =
      rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                     rc::gen::element<std::string>("GET", "NX", "MATCH", "COUNT", "*", "0", "2", "-1", "LIST", "k",
                                                   "DOCS", "PEERS", "HELP", "ID", "CONNECT", "DISCONNECT"));
  const auto spec = *rc::gen::elementOf(std::vector<CommandSpec>(all_commands().begin(), all_commands().end()));
  RC_PRE(!changes_the_session(spec.name));
  Command command = *rc::gen::container<Command>(word);
  command.insert(command.begin(), std::string(spec.name));
  const std::string reply = node.run(command);
  if (spec.name == "unsubscribe" || spec.name == "punsubscribe") return;
  RC_ASSERT(reply_length(reply) == reply.size());
}

}  // namespace
}  // namespace meshdict
