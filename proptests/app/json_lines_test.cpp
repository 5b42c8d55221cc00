// Lines of an export: what comes back from them is what went in, and nothing else is taken.

#include "app/offline/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;
using namespace std::string_view_literals;

void expect_comes_back(std::string_view key, RawView value) {
  const std::string line = json_line(key, value);
  ASSERT_TRUE(line.ends_with('\n'));
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  ASSERT_TRUE(nlohmann::json::accept(line)) << line;
  const auto back = read_json_line(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(back) << line << back.error();
  EXPECT_EQ(back->key, key);
  EXPECT_EQ(back->value, value) << line;
}

/// MessagePack of some kind, nested, also in forms longer than need be.
Raw any_value(int depth) {
  Raw value;
  MsgpackWriter out(value);
  switch (*rc::gen::inRange(0, depth > 0 ? 11 : 9)) {
    case 0:
      out.nil();
      break;
    case 1:
      out.boolean(*rc::gen::arbitrary<bool>());
      break;
    case 2:
      out.integer(*rc::gen::arbitrary<std::uint64_t>());
      break;
    case 3:
      out.integer(*rc::gen::arbitrary<std::int64_t>());
      break;
    case 4:
      out.real(*rc::gen::arbitrary<double>());
      break;
    case 5:
      out.str(*rc::gen::element<std::string>("", "text", "quote \" and \\", "\n\t\x01", "naïve", "\U0001F600"));
      break;
    case 6:
      out.bin(*rc::gen::arbitrary<std::string>());
      break;
    case 7:
      // A float of four bytes, and an integer in more bytes than it needs.
      out.raw("\xCA\x3F\x80\x00\x00"sv);
      break;
    case 8:
      out.raw("\xCD\x00\x01"sv);
      break;
    case 9: {
      const auto size = *rc::gen::inRange<std::uint32_t>(0, 4);
      out.array(size);
      for (std::uint32_t i = 0; i < size; ++i)
        out.raw(any_value(depth - 1));
      break;
    }
    default: {
      const auto size = *rc::gen::inRange<std::uint32_t>(0, 4);
      out.map(size);
      for (std::uint32_t i = 0; i < size; ++i) {
        // Keys of any kind, or the same one again and again.
        out.raw(*rc::gen::arbitrary<bool>() ? text_value("k") : any_value(0)).raw(any_value(depth - 1));
      }
      break;
    }
  }
  return value;
}

RC_GTEST_PROP(JsonLines, GiveBackEveryKeyAndValue, ()) {
  const auto key = *rc::gen::arbitrary<std::string>();
  const Raw value = any_value(3);
  const std::string line = json_line(key, value);
  const auto back = read_json_line(std::string_view(line).substr(0, line.size() - 1));
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->key == key);
  RC_ASSERT(back->value == value);
}

RC_GTEST_PROP(JsonLines, AnyTextIsALineOrAnError, ()) {
  const auto piece =
      rc::gen::element<std::string>("{", "}", "\"key\":", "\"k\"", ",", "\"type\":", "\"json\"", "\"value\":", "[", "]",
                                    "1e999", "\"bytes\"", "\"value_base64\":", "\xFF", " ");
  std::string line;
  for (const std::string& one : *rc::gen::container<std::vector<std::string>>(piece))
    line += one;
  static_cast<void>(read_json_line(line));
}

TEST(JsonLines, AreForPeopleToo) {
  EXPECT_EQ(json_line("greeting", bytes_value("hello")),
            "{\"key\":\"greeting\",\"type\":\"bytes\",\"value\":\"hello\"}\n");
  EXPECT_EQ(json_line("t", text_value("naïve")), "{\"key\":\"t\",\"type\":\"text\",\"value\":\"naïve\"}\n");
  EXPECT_EQ(json_line("\xFF\0"sv, bytes_value("\xDE\xAD\xBE\xEF")),
            "{\"key_base64\":\"/wA=\",\"type\":\"bytes\",\"value_base64\":\"3q2+7w==\"}\n");
  Raw point;
  MsgpackWriter(point).map(2).str("x").integer(std::uint64_t{3}).str("y").real(4.5);
  EXPECT_EQ(json_line("point", point), "{\"key\":\"point\",\"type\":\"json\",\"value\":{\"x\":3,\"y\":4.5}}\n");
  Raw list;
  MsgpackWriter(list).array(1).bin("x");
  EXPECT_EQ(json_line("list", list), "{\"key\":\"list\",\"type\":\"msgpack\",\"value_base64\":\"kcQBeA==\"}\n");
  EXPECT_EQ(json_line("one", "\xCD\x00\x01"sv), "{\"key\":\"one\",\"type\":\"msgpack\",\"value_base64\":\"zQAB\"}\n");
}

TEST(JsonLines, KeepTheEndsOfNumbers) {
  for (const std::uint64_t number : {0UL, 127UL, 128UL, std::numeric_limits<std::uint64_t>::max()}) {
    Raw value;
    MsgpackWriter(value).integer(number);
    expect_comes_back("k", value);
  }
  for (const double number :
       {0.0, -0.0, 0.1, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::denorm_min(), 3.0,
        std::numeric_limits<double>::quiet_NaN()}) {
    Raw value;
    MsgpackWriter(value).real(number);
    expect_comes_back("k", value);
  }
}

TEST(JsonLines, TellWhatIsWrong) {
  const auto why = [](std::string_view line) {
    const auto read = read_json_line(line);
    return read ? "" : read.error();
  };
  EXPECT_THAT(why("hello"), HasSubstr("it is no JSON"));
  EXPECT_THAT(why("{\"key\":\"k\""), HasSubstr("column 11: it is no JSON"));
  EXPECT_THAT(why("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(why(R"({"type":"bytes","value":"v"})"), HasSubstr("it needs either \"key\" or \"key_base64\""));
  EXPECT_THAT(why(R"({"key":"k","key_base64":"aw==","type":"bytes","value":"v"})"), HasSubstr("either \"key\""));
  EXPECT_THAT(why(R"({"key":1,"type":"bytes","value":"v"})"), HasSubstr("\"key\" is no text"));
  EXPECT_THAT(why(R"({"key":"k","value":"v"})"), HasSubstr("it needs a \"type\""));
  EXPECT_THAT(why(R"({"key":"k","type":"int","value":1})"), HasSubstr("the type \"int\" is none of"));
  EXPECT_THAT(why(R"({"key":"k","type":"bytes","value":1})"), HasSubstr("\"value\" is no text"));
  EXPECT_THAT(why(R"({"key":"k","type":"json"})"), HasSubstr("it needs \"value\""));
  EXPECT_THAT(why(R"({"key_base64":"?","type":"bytes","value":"v"})"), HasSubstr("\"key_base64\" is no base64"));
  EXPECT_THAT(why(R"({"key":"k","type":"bytes","value":"v","ttl":3})"), HasSubstr("\"ttl\" means nothing here"));
  EXPECT_THAT(why(R"({"key":"k","type":"bytes","value":"v","key":"l"})"), HasSubstr("\"key\" stands there twice"));
  EXPECT_EQ(why(R"({"key":"k","type":"json","value":{"key":1,"type":{"key":2}}})"), "");
  const std::string deep = std::string(limits::kMaxDepth + 1, '[') + std::string(limits::kMaxDepth + 1, ']');
  EXPECT_THAT(why(R"({"key":"k","type":"json","value":)" + deep + "}"), HasSubstr("nested deeper than"));
  const std::string deepest = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(why(R"({"key":"k","type":"json","value":)" + deepest + "}"), HasSubstr("nested deeper than"));
}

}  // namespace
}  // namespace meshdict
