// Values: what converts, what comes back, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "meshdict/errors.h"
#include "meshdict/value.h"

namespace meshdict {
namespace {

/// Any value, nested `depth` at the most.
Value any_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>() >> *rc::gen::inRange(0, 64);
    case 3:
      return *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64);
    case 4:
      return *rc::gen::element<std::string>("", "text", "naïve 测", std::string(300, 'x'));
    case 5:
      return Bytes{*rc::gen::arbitrary<std::string>()};
    case 6: {
      Value::Array array;
      for (int left = *rc::gen::inRange(0, 4); left > 0; --left)
        array.push_back(any_value(depth - 1));
      return array;
    }
    default: {
      Value::Map map;
      for (int left = *rc::gen::inRange(0, 4); left > 0; --left)
        map["k" + std::to_string(left)] = any_value(depth - 1);
      return map;
    }
  }
}

RC_GTEST_PROP(ApiValue, SurvivesTheWire, ()) {
  const Value value = any_value(3);
  RC_ASSERT(Value::unpacked(value.packed()) == value);
}

RC_GTEST_PROP(ApiValue, BytesFromElsewhereGiveAValueOrAnError, ()) {
  const auto bytes = *rc::gen::arbitrary<std::string>();
  try {
    static_cast<void>(Value::unpacked(bytes));
  } catch (const ValueError&) {
  }
}

template <typename T>
void expect_round_trip(const T& from, Value::Type type) {
  const Value value = from;
  EXPECT_EQ(value.type(), type) << value;
  EXPECT_EQ(value.as<T>(), from) << value;
  EXPECT_EQ(Value::unpacked(value.packed()).as<T>(), from) << value;
}

TEST(ApiValue, OrdinaryTypesComeBackAsTheyWere) {
  using Type = Value::Type;
  expect_round_trip(true, Type::kBool);
  expect_round_trip(false, Type::kBool);
  expect_round_trip(std::int8_t{-5}, Type::kInteger);
  expect_round_trip(std::uint8_t{200}, Type::kInteger);
  expect_round_trip(42, Type::kInteger);
  expect_round_trip(std::numeric_limits<std::int64_t>::min(), Type::kInteger);
  expect_round_trip(std::numeric_limits<std::uint64_t>::max(), Type::kInteger);
  expect_round_trip(2.5, Type::kReal);
  expect_round_trip(0.25F, Type::kReal);
  expect_round_trip(std::string("text"), Type::kText);
  expect_round_trip(Bytes{std::string("\0\xFF", 2)}, Type::kBytes);
  expect_round_trip(std::vector{std::byte{0}, std::byte{255}}, Type::kBytes);
  expect_round_trip(std::optional<int>(), Type::kNil);
  expect_round_trip(std::optional<int>(7), Type::kInteger);
  expect_round_trip(std::vector<std::string>{"a", "b"}, Type::kArray);
  expect_round_trip(std::vector{true, false}, Type::kArray);
  expect_round_trip(std::list{1, 2}, Type::kArray);
  expect_round_trip(std::deque{1.5, 2.5}, Type::kArray);
  expect_round_trip(std::set<std::string>{"x", "y"}, Type::kArray);
  expect_round_trip(std::array{1, 2, 3}, Type::kArray);
  expect_round_trip(std::pair(1, std::string("x")), Type::kArray);
  expect_round_trip(std::tuple(true, 2.5, std::vector{1}), Type::kArray);
  expect_round_trip(std::map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}}, Type::kMap);
  expect_round_trip(std::unordered_map<std::string, std::optional<int>>{{"a", 1}, {"b", {}}}, Type::kMap);
}

TEST(ApiValue, LiteralsAndNestedListsMakeValues) {
  EXPECT_EQ(Value("text").as<std::string>(), "text");
  EXPECT_EQ(Value(std::string_view("text")).as<std::string>(), "text");
  EXPECT_TRUE(Value(nullptr).is_nil());
  EXPECT_TRUE(Value(std::nullopt).is_nil());
  const Value sensor = {{"name", "sensor 7"}, {"at", 21.5}, {"tags", Value::array({1, "two"})}};
  EXPECT_EQ(sensor.at("name"), "sensor 7");
  EXPECT_EQ(sensor.at("tags").at(1), "two");
  EXPECT_EQ(sensor.size(), 3U);
  EXPECT_EQ(sensor.json(), R"({"at":21.5,"name":"sensor 7","tags":[1,"two"]})");
}

TEST(ApiValue, EqualIntegersAreEqualWhateverTypeTheyCameFrom) {
  EXPECT_EQ(Value(5), Value(std::uint64_t{5}));
  EXPECT_EQ(Value(5).packed(), Value(std::uint64_t{5}).packed());
  EXPECT_NE(Value(5), Value(5.0));
}

TEST(ApiValue, WhatDoesNotFitIsATypeErrorAndNeverASilentLoss) {
  EXPECT_THROW(static_cast<void>(Value(300).as<std::uint8_t>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(-1).as<std::uint64_t>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(std::numeric_limits<std::uint64_t>::max()).as<std::int64_t>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(2.5).as<int>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value("5").as<int>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(1).as<bool>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value("text").as<Bytes>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(std::vector{1, 2}).as<std::array<int, 3>>()), TypeError);
  EXPECT_THROW(static_cast<void>(Value(std::tuple(1, "x")).as<std::vector<int>>()), TypeError);
  EXPECT_EQ(Value("5").to<int>(), std::nullopt);
  EXPECT_EQ(Value(3).as<double>(), 3.0);
  // A std::string holds either; other programs may have written bytes.
  EXPECT_EQ(Value(Bytes{"b"}).as<std::string>(), "b");
}

TEST(ApiValue, MissesAreErrors) {
  const Value map = {{"a", 1}};
  EXPECT_THROW(static_cast<void>(map.at("b")), KeyError);
  EXPECT_THROW(static_cast<void>(map.at(0)), TypeError);
  EXPECT_THROW(static_cast<void>(Value(std::vector{1}).at(1)), TypeError);
  EXPECT_THROW(static_cast<void>(Value(1).size()), TypeError);
}

TEST(ApiValue, WhatNobodyMayStoreIsAValueError) {
  Value deep;
  for (int i = 0; i < 33; ++i)
    deep = Value::Array{deep};
  EXPECT_THROW(static_cast<void>(deep.packed()), ValueError);
  EXPECT_THROW(static_cast<void>(Value("\xFF").packed()), ValueError);
  EXPECT_THROW(static_cast<void>(Value::unpacked("\xC1")), ValueError);
  EXPECT_THROW(static_cast<void>(Value::unpacked("\x01\x02")), ValueError);
}

TEST(ApiValue, WhatOnlyOtherProgramsWriteIsRead) {
  using std::string_literals::operator""s;
  // A float of four bytes.
  EXPECT_EQ(Value::unpacked("\xCA\x3F\x80\x00\x00"s), Value(1.0));
  // An integer longer than it must be.
  EXPECT_EQ(Value::unpacked("\xD1\x00\x05"s), Value(5));
  // An extension type.
  EXPECT_TRUE(Value::unpacked("\xD4\x01\x00"s).is_nil());
  // Keys that are no text.
  EXPECT_EQ(Value::unpacked("\x82\x01\xA1x\xC4\x01y\x02"s).json(), R"({"1":"x","y":2})");
}

}  // namespace
}  // namespace meshdict
