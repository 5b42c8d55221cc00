// MsgpackCursor against msgpack-c's own unpack as the model, and MsgpackWriter read back by it.

#include "core/encoding/msgpack.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <msgpack.hpp>
#include <optional>

#include "core/limits.h"
#include "proptests/core/wire/wire_gen.h"

namespace meshdict {
namespace {

/// What msgpack-c makes of the first value of `bytes`: the value and where it ends.
struct Model {
  msgpack::object_handle handle;
  std::size_t end = 0;
};
std::optional<Model> model_of(std::string_view bytes) {
  Model model;
  try {
    // The limits keep msgpack-c from making room for what a damaged count announces; no test holds so many elements.
    const msgpack::unpack_limit limit(1'000, 1'000);
    msgpack::unpack(model.handle, bytes.data(), bytes.size(), model.end, nullptr, nullptr, limit);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return model;
}

std::size_t depth_of(const msgpack::object& object) {
  std::size_t inner = 0;
  if (object.type == msgpack::type::ARRAY) {
    for (const auto& item : object.via.array)
      inner = std::max(inner, depth_of(item));
    return inner + 1;
  }
  if (object.type == msgpack::type::MAP) {
    for (const auto& item : object.via.map)
      inner = std::max({inner, depth_of(item.key), depth_of(item.val)});
    return inner + 1;
  }
  return 0;
}

/// Each reader must succeed exactly on its types, give the model's content, and move only then.
void compare_readers(std::string_view bytes, const std::optional<Model>& model) {
  using msgpack::type::object_type;
  const auto type = model ? model->handle->type : object_type::EXT;
  const bool is_unsigned = model && type == object_type::POSITIVE_INTEGER;
  const bool is_negative = model && type == object_type::NEGATIVE_INTEGER;
  const bool is_bin = model && type == object_type::BIN;
  const bool is_str = model && type == object_type::STR;
  const auto check = [&](auto read, bool expected, auto content) {
    MsgpackCursor cursor(bytes);
    const auto result = read(cursor);
    RC_ASSERT(result.has_value() == expected);
    RC_ASSERT(cursor.position() == (expected ? model->end : 0));
    if (expected) RC_ASSERT(content(*result));
  };
  const auto u64 = [&](std::uint64_t read) { return read == model->handle->via.u64; };
  const auto i64 = [&](std::int64_t read) { return read == model->handle->via.i64; };
  const auto body = [&](std::string_view read) {
    const auto& via = model->handle->via;
    return is_bin ? read == std::string_view(via.bin.ptr, via.bin.size)
                  : read == std::string_view(via.str.ptr, via.str.size);
  };
  const bool fits_signed = is_unsigned && model->handle->via.u64 <= std::uint64_t{INT64_MAX};
  check([](auto& c) { return c.unsigned_integer(); }, is_unsigned, u64);
  check([](auto& c) { return c.signed_integer(); }, is_negative || fits_signed, i64);
  check([](auto& c) { return c.bin(); }, is_bin, body);
  check([](auto& c) { return c.str(); }, is_str, body);
  check([](auto& c) { return c.bin_or_str(); }, is_bin || is_str, body);
  if (model && type == object_type::ARRAY) {
    RC_ASSERT(MsgpackCursor(bytes).array_size().value() == model->handle->via.array.size);
    RC_ASSERT(!MsgpackCursor(bytes).map_size());
  }
  if (model && type == object_type::MAP) {
    RC_ASSERT(MsgpackCursor(bytes).map_size().value() == model->handle->via.map.size);
    RC_ASSERT(!MsgpackCursor(bytes).array_size());
  }
  MsgpackCursor nil(bytes);
  RC_ASSERT(nil.skip_nil() == (model && type == object_type::NIL));
}

void compare(std::string_view bytes) {
  const auto model = model_of(bytes);
  MsgpackCursor cursor(bytes);
  const auto value = cursor.value();
  const bool acceptable = model && depth_of(model->handle.get()) <= limits::kMaxDepth;
  RC_ASSERT(value.has_value() == acceptable);
  RC_ASSERT(cursor.position() == (acceptable ? model->end : 0));
  if (acceptable) RC_ASSERT(*value == bytes.substr(0, model->end));
  compare_readers(bytes, model);
}

RC_GTEST_PROP(Cursor, ReadsWellFormedValuesAsMsgpackC, ()) {
  compare(wire_gen::value(3) + wire_gen::bytes(3));
}

RC_GTEST_PROP(Cursor, ReadsDamagedValuesAsMsgpackC, ()) {
  std::string bytes = wire_gen::value(3);
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << *rc::gen::inRange(0, 8)));
  compare(bytes);
}

RC_GTEST_PROP(Cursor, ReadsCutOffValuesAsMsgpackC, ()) {
  const std::string bytes = wire_gen::value(3);
  compare(std::string_view(bytes).substr(0, *rc::gen::inRange<std::size_t>(0, bytes.size())));
}

RC_GTEST_PROP(Cursor, ReadsRandomBytesAsMsgpackC, ()) {
  compare(wire_gen::bytes(60));
}

TEST(Cursor, EveryFirstByteIsReadAsByMsgpackC) {
  // Enough bytes behind it for every head; none are read beyond the end (the sanitizer build sees to that).
  for (int first = 0; first < 256; ++first) {
    for (const std::size_t behind : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 9U, 16U, 17U, 18U, 40U}) {
      for (const char fill : {'\0', '\x01', '\xC0', '\xFF'}) {
        const std::string bytes = static_cast<char>(first) + std::string(behind, fill);
        const auto model = model_of(bytes);
        MsgpackCursor cursor(bytes);
        ASSERT_EQ(cursor.value().has_value(), model.has_value()) << first << ' ' << behind;
        ASSERT_EQ(cursor.position(), model ? model->end : 0) << first << ' ' << behind;
      }
    }
  }
}

TEST(Cursor, NestingIsBounded) {
  for (const char opening : {'\x91', '\x81'}) {
    std::string bytes;
    for (std::size_t i = 0; i < limits::kMaxDepth; ++i) {
      bytes += opening;
      if (opening == '\x81') bytes += '\x01';
    }
    bytes += '\xC0';
    EXPECT_TRUE(MsgpackCursor(bytes).value());
    const std::string deeper = opening + std::string(opening == '\x81' ? "\x01" : "") + bytes;
    const auto refused = MsgpackCursor(deeper).value();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("nested"), std::string::npos);
  }
  EXPECT_FALSE(MsgpackCursor(std::string(4'000'000, '\x91')).value());
}

TEST(Cursor, SignedIntegersStopAt63Bits) {
  const auto read = [](std::uint64_t number) {
    std::string out;
    MsgpackWriter(out).integer(number);
    MsgpackCursor cursor(out);
    return cursor.signed_integer();
  };
  EXPECT_EQ(read(std::uint64_t{INT64_MAX}), INT64_MAX);
  EXPECT_FALSE(read(std::uint64_t{INT64_MAX} + 1));
  EXPECT_FALSE(read(UINT64_MAX));
}

TEST(Cursor, AnAnnouncedCountIsNotBelieved) {
  using namespace std::string_view_literals;
  for (const auto bytes : {"\xDD\xFF\xFF\xFF\xFF\x01"sv, "\xDF\xFF\xFF\xFF\xFF\x01\x01"sv, "\xC6\xFF\xFF\xFF\xFF"sv,
                           "\xDB\xFF\xFF\xFF\xFFx"sv, "\xC9\xFF\xFF\xFF\xFFTx"sv, "\x92\xC9\xFF\xFF\xFF\xFFTx"sv}) {
    EXPECT_FALSE(MsgpackCursor(bytes).value());
  }
}

RC_GTEST_PROP(Writer, IsReadBackByMsgpackC, ()) {
  const auto unsigned_number = wire_gen::number();
  const auto signed_number = static_cast<std::int64_t>(wire_gen::number()) * (*rc::gen::arbitrary<bool>() ? 1 : -1);
  const auto real = *rc::gen::arbitrary<double>();
  const auto text = wire_gen::bytes(70'000);
  std::string out;
  MsgpackWriter(out).array(9).integer(unsigned_number).integer(signed_number).real(real).bin(text).str(text);
  MsgpackWriter(out).nil().boolean(true).boolean(false).map(1).nil().raw("\x07");
  const auto model = model_of(out);
  RC_ASSERT(model.has_value());
  RC_ASSERT(model->end == out.size());
  const auto& items = model->handle->via.array;
  RC_ASSERT(items.size == 9U);
  RC_ASSERT(items.ptr[0].as<std::uint64_t>() == unsigned_number);
  RC_ASSERT(items.ptr[1].as<std::int64_t>() == signed_number);
  RC_ASSERT(items.ptr[2].type == msgpack::type::FLOAT64);
  RC_ASSERT(std::bit_cast<std::uint64_t>(items.ptr[2].via.f64) == std::bit_cast<std::uint64_t>(real));
  RC_ASSERT(items.ptr[3].type == msgpack::type::BIN);
  RC_ASSERT(std::string_view(items.ptr[3].via.bin.ptr, items.ptr[3].via.bin.size) == text);
  RC_ASSERT(items.ptr[4].type == msgpack::type::STR);
  RC_ASSERT(std::string_view(items.ptr[4].via.str.ptr, items.ptr[4].via.str.size) == text);
  RC_ASSERT(items.ptr[5].is_nil());
  RC_ASSERT(items.ptr[6].as<bool>());
  RC_ASSERT(!items.ptr[7].as<bool>());
  RC_ASSERT(items.ptr[8].via.map.size == 1U);
  RC_ASSERT(items.ptr[8].via.map.ptr[0].val.via.u64 == 7U);
}

TEST(Writer, WholeFloatsStayFloats) {
  std::string out;
  MsgpackWriter(out).real(1.0);
  EXPECT_EQ(wire_gen::hex(out), "cb3ff0000000000000");
}

TEST(Writer, IntegersTakeTheShortestForm) {
  const auto size = [](auto number) {
    std::string out;
    MsgpackWriter(out).integer(number);
    return out.size();
  };
  EXPECT_EQ(size(std::uint64_t{127}), 1U);
  EXPECT_EQ(size(std::uint64_t{128}), 2U);
  EXPECT_EQ(size(std::uint64_t{256}), 3U);
  EXPECT_EQ(size(std::uint64_t{65'536}), 5U);
  EXPECT_EQ(size(std::uint64_t{1} << 32), 9U);
  EXPECT_EQ(size(std::int64_t{-32}), 1U);
  EXPECT_EQ(size(std::int64_t{-33}), 2U);
  EXPECT_EQ(size(std::int64_t{200}), 2U);
  EXPECT_EQ(size(std::numeric_limits<std::int64_t>::min()), 9U);
}

}  // namespace
}  // namespace meshdict
