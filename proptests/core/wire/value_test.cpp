// What may be stored, and what a client is shown.

#include "core/encoding/value.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "proptests/core/wire/wire_gen.h"

namespace meshdict {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

/// A value that every member may store, as JSON without bytes; nested `depth` at the most.
json any_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return wire_gen::number();
    case 3:
      return -static_cast<std::int64_t>(wire_gen::number(INT64_MAX)) - 1;
    case 4: {
      const auto real = *rc::gen::arbitrary<double>();
      return std::isfinite(real) ? real : 0.5;
    }
    case 5:
      return *rc::gen::element<std::string>("", "text", "quote \" and \\", "\n\t\x01", "naïve 测", "\U0001F600");
    case 6: {
      json array = json::array();
      const auto size = *rc::gen::inRange(0, 4);
      for (int i = 0; i < size; ++i)
        array.push_back(any_json(depth - 1));
      return array;
    }
    default: {
      json map = json::object();
      const auto size = *rc::gen::inRange(0, 4);
      for (int i = 0; i < size; ++i)
        map["k\"" + std::to_string(i)] = any_json(depth - 1);
      return map;
    }
  }
}

Raw packed(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

RC_GTEST_PROP(Values, AreShownAsTheJsonThatTheyWere, ()) {
  const json value = any_json(4);
  const Raw raw = packed(value);
  RC_ASSERT(check_value(raw).has_value());
  const std::string text = client_text(raw);
  if (value.is_string()) {
    RC_ASSERT(text == value.get<std::string>());
  } else {
    RC_ASSERT(json::parse(text) == value);
  }
}

RC_GTEST_PROP(Values, AnythingIsShownSomehow, ()) {
  // Values that no member may store, and damaged ones: never a crash, and JSON that a client can read.
  const auto bytes = wire_gen::value(4) + wire_gen::bytes(2);
  const auto text = client_text(bytes);
  if (!MsgpackCursor(bytes).bin_or_str()) RC_ASSERT(json::accept(text));
  const auto random = wire_gen::bytes(60);
  if (!MsgpackCursor(random).bin_or_str()) RC_ASSERT(json::accept(client_text(random)));
}

RC_GTEST_PROP(Values, DamagedOnesAreRefused, ()) {
  const Raw raw = packed(any_json(3));
  const auto size = *rc::gen::inRange<std::size_t>(0, raw.size());
  RC_ASSERT(!check_value(RawView(raw).substr(0, size)).has_value());
  RC_ASSERT(!check_value(raw + "\x01").has_value());
}

RC_GTEST_PROP(Values, WhatIsTakenIsOneWholeValue, ()) {
  const auto bytes = *rc::gen::arbitrary<bool>() ? wire_gen::value(4) : wire_gen::bytes(20);
  const auto checked = check_value(bytes);
  RC_ASSERT((checked.has_value() || !checked.error().empty()));
  MsgpackCursor cursor(bytes);
  if (checked) RC_ASSERT(cursor.value().has_value());
  if (checked) RC_ASSERT(cursor.at_end());
}

TEST(Values, NumbersAreExact) {
  std::string out;
  MsgpackWriter(out).array(6).integer(UINT64_MAX).integer(std::numeric_limits<std::int64_t>::min());
  MsgpackWriter(out).real(0.1).real(2.0).real(std::nan("")).real(std::numeric_limits<double>::infinity());
  EXPECT_EQ(client_text(out), "[18446744073709551615,-9223372036854775808,0.1,2.0,null,null]");
  EXPECT_TRUE(check_value(out));
}

TEST(Values, BytesAreThemselvesAtTheTopAndBase64Inside) {
  const auto bytes = "a\0b\xFF"sv;
  EXPECT_EQ(client_text(bytes_value(bytes)), bytes);
  EXPECT_EQ(client_text("\x91" + bytes_value(bytes)), "[\"YQBi/w==\"]");
  EXPECT_TRUE(is_bytes(bytes_value("")));
  EXPECT_TRUE(is_empty_bytes(bytes_value("")));
  EXPECT_FALSE(is_empty_bytes(bytes_value("x")));
  EXPECT_FALSE(is_empty_bytes(text_value("")));
  EXPECT_FALSE(is_bytes(text_value("x")));
  EXPECT_FALSE(is_bytes(""));
  EXPECT_EQ(client_text(text_value("naïve")), "naïve");
}

TEST(Values, TextThatIsNotUtf8IsRefusedAndShownWithReplacements) {
  for (const auto wrong : {"\x80"sv, "\xC0\x80"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv, "\xF4\x90\x80\x80"sv, "\xC3"sv,
                           "\xE2\x82"sv, "\xF0\x9F\x98"sv, "\xC3\x28"sv, "\xFF"sv}) {
    const auto checked = check_value(text_value(wrong));
    ASSERT_FALSE(checked) << wire_gen::hex(wrong);
    EXPECT_EQ(checked.error(), "a string is not UTF-8");
    EXPECT_TRUE(json::accept(client_text("\x91" + text_value(wrong))));
  }
  for (const auto good : {"\xC2\x80"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv, "\xF4\x8F\xBF\xBF"sv}) {
    EXPECT_TRUE(check_value(text_value(good))) << wire_gen::hex(good);
  }
}

TEST(Values, WhatIsOfNoDictionaryTypeIsRefused) {
  const auto why = [](RawView value) {
    const auto checked = check_value(value);
    return checked ? std::string("taken") : checked.error();
  };
  EXPECT_EQ(why("\xD4Tx"sv), "an extension type");
  EXPECT_EQ(why("\x91\xC7\x01Tx"sv), "an extension type");
  EXPECT_EQ(why("\x81\xD4Tx\x02"sv), "an extension type");
  EXPECT_EQ(why("\x81\xA1k\x02"sv), "taken");
  EXPECT_EQ(why("\x81\xA1k\x81\xA1k\x02"sv), "taken");
  EXPECT_EQ(why(""sv), "not one complete MessagePack value");
  EXPECT_EQ(why("\xC1"sv), "not one complete MessagePack value");
  EXPECT_EQ(why("\xC4\x02x"sv), "not one complete MessagePack value");
  EXPECT_EQ(why("\xC4\x01xy"sv), "not one complete MessagePack value");
}

TEST(Values, AMapMayHaveKeysOfAnyType) {
  for (const auto key : {"\xC0"sv, "\xC3"sv, "\x01"sv, "\xFF"sv, "\xCA\x00\x00\x00\x00"sv, "\xC4\x01k"sv, "\xA1k"sv,
                         "\x92\x01\x02"sv, "\x81\x01\x02"sv}) {
    const std::string map = '\x81' + std::string(key) + '\x02';
    const auto checked = check_value(map);
    EXPECT_TRUE(checked) << wire_gen::hex(map) << ": " << checked.error();
  }
}

TEST(Values, DepthAndSizeAreBounded) {
  const std::string deep = std::string(limits::kMaxDepth, '\x91') + '\x01';
  EXPECT_TRUE(check_value(deep));
  EXPECT_TRUE(MsgpackCursor(deep).value());
  EXPECT_FALSE(check_value('\x91' + deep));
  EXPECT_FALSE(check_value('\x81' + deep + '\x01')) << "in a key too";
  EXPECT_EQ(client_text('\x91' + deep), "null");
  const std::string large = bytes_value(std::string(limits::kMaxValue - 5, 'x'));
  ASSERT_EQ(large.size(), limits::kMaxValue);
  EXPECT_TRUE(check_value(large));
  EXPECT_FALSE(check_value(bytes_value(std::string(limits::kMaxValue - 4, 'x'))));
}

TEST(Values, KeysOfOtherTypesAreShownAsText) {
  EXPECT_EQ(client_text("\x81\x01\x02"sv), R"({"1":2})");
  EXPECT_EQ(client_text("\x82\xC0\xC3\xC4\x01k\x90"sv), R"({"null":true,"aw==":[]})");
  EXPECT_EQ(client_text("\x82\x81\x01\x91\x02\x03\x90\x80"sv), R"({"?":3,"?":{}})");
  // Quoting nested keys would double them at each level.
  std::string nested;
  for (int i = 0; i < 30; ++i)
    nested += '\x81';
  nested += "\xA1\"";
  nested.append(30, '\x01');
  EXPECT_EQ(client_text(nested), R"({"?":1})");
}

}  // namespace
}  // namespace meshdict
