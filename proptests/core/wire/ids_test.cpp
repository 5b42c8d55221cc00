// base58, node ids, message ids, hashes, and addresses as text.

#include "core/base/ids.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <compare>
#include <set>
#include <unordered_set>
#include <vector>

#include "core/base/base58.h"
#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/env/transport.h"
#include "proptests/core/wire/wire_gen.h"

namespace meshdict {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// base58 as one does it on paper: divide the whole number by 58, byte by byte.
std::string paper_base58(Bytes number) {
  constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::string digits;
  while (std::any_of(number.begin(), number.end(), [](auto byte) { return byte != 0; })) {
    unsigned rest = 0;
    for (auto& byte : number) {
      const unsigned part = rest * 256 + byte;
      byte = static_cast<std::uint8_t>(part / 58);
      rest = part % 58;
    }
    digits.insert(digits.begin(), kAlphabet[rest]);
  }
  return digits.empty() ? "1" : digits;
}

Bytes without_leading_zeros(Bytes number) {
  number.erase(number.begin(), std::find_if(number.begin(), number.end(), [](auto byte) { return byte != 0; }));
  return number;
}

RC_GTEST_PROP(Base58, EncodesAsOnPaper, (const Bytes& number)) {
  RC_ASSERT(base58_encode(number) == paper_base58(number));
}

RC_GTEST_PROP(Base58, DecodesWhatItEncodes, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(0, 60);
  const auto number = *rc::gen::container<Bytes>(size, rc::gen::arbitrary<std::uint8_t>());
  const auto decoded = base58_decode(base58_encode(number));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == without_leading_zeros(number));
}

RC_GTEST_PROP(Base58, NumbersOf64BitsAgreeWithBytes, ()) {
  const std::uint64_t number = wire_gen::number();
  Bytes bytes(8);
  for (std::size_t i = 0; i < 8; ++i)
    bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  RC_ASSERT(base58_encode(number) == base58_encode(bytes));
  RC_ASSERT(base58_decode_u64(base58_encode(number)).value() == number);
}

TEST(Base58, RefusesWhatIsNoNumber) {
  EXPECT_FALSE(base58_decode(""));
  EXPECT_FALSE(base58_decode(std::string(129, 'z')));
  EXPECT_TRUE(base58_decode(std::string(128, 'z')));
  for (const char c : {'0', 'I', 'O', 'l', ' ', '\0', '\xFF', '-'}) {
    const auto decoded = base58_decode(std::string("ab") + c + "d");
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().find("position 2"), std::string::npos) << decoded.error();
  }
}

TEST(Base58, HasOneAlphabet) {
  constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool inside = kAlphabet.find(c) != std::string_view::npos;
    EXPECT_EQ(is_base58_character(c), inside) << i;
    EXPECT_EQ(is_base58(std::string(40, 'z') + c + std::string(20, '2')), inside) << i;
  }
  EXPECT_TRUE(is_base58(""));
}

TEST(Base58, KnowsTheLargestNumberOf64Bits) {
  const std::string largest = base58_encode(UINT64_MAX);
  EXPECT_EQ(base58_decode_u64(largest), UINT64_MAX);
  Bytes next(9, 0);
  next[0] = 1;
  EXPECT_FALSE(base58_decode_u64(base58_encode(next)));
  EXPECT_FALSE(base58_decode_u64(std::string(66, 'z')));
}

/// Order of the integers that two ids encode.
std::strong_ordering integer_order(const NodeId& left, const NodeId& right) {
  const Bytes a = *base58_decode(left.text());
  const Bytes b = *base58_decode(right.text());
  return a.size() != b.size() ? a.size() <=> b.size() : a <=> b;
}

NodeId any_id() {
  const auto size = *rc::gen::element<std::size_t>(1, 2, 8, 47, 48);
  const auto number = *rc::gen::container<Bytes>(size, rc::gen::element<std::uint8_t>(0, 1, 57, 58, 127, 128, 255));
  return *NodeId::parse(base58_encode(number));
}

RC_GTEST_PROP(NodeIds, CompareAsTheIntegersThatTheyEncode, ()) {
  const NodeId left = any_id();
  const NodeId right = any_id();
  RC_ASSERT((left <=> right) == integer_order(left, right));
  RC_ASSERT((left == right) == (integer_order(left, right) == std::strong_ordering::equal));
}

RC_GTEST_PROP(NodeIds, ParseTakesExactlyBase58WithoutLeadingZeros, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(0, 70);
  const auto text = *rc::gen::container<std::string>(size, rc::gen::element('1', '2', 'z', 'A', 'a', '0', 'l', '\n'));
  const bool good = !text.empty() && text.size() <= 66 && text.find_first_of("0l\n") == std::string::npos &&
                    (text == "1" || text[0] != '1');
  const auto id = NodeId::parse(text);
  RC_ASSERT(id.has_value() == good);
  if (good) RC_ASSERT(id->text() == text);
}

TEST(NodeIds, TheEmptyIdIsTheSmallest) {
  const NodeId none;
  EXPECT_TRUE(none.empty());
  EXPECT_LT(none, *NodeId::parse("1"));
  EXPECT_EQ(none, NodeId{});
}

TEST(NodeIds, GeneratedOnesAreDistinctRepeatableAndOfFullLength) {
  std::set<std::string> seen;
  std::unordered_set<std::size_t> hashes;
  RandomStream random(7);
  RandomStream again(7);
  for (int i = 0; i < 1'000; ++i) {
    const NodeId id = NodeId::generate(random);
    EXPECT_EQ(id, NodeId::generate(again));
    EXPECT_GE(id.text().size(), 63U);
    EXPECT_EQ(id.brief(), id.text().substr(0, 8));
    seen.emplace(id.text());
    hashes.insert(id.hash());
  }
  EXPECT_EQ(seen.size(), 1'000U);
  EXPECT_EQ(hashes.size(), 1'000U);
}

TEST(NodeIds, HashLooksAtEveryCharacter) {
  const std::string text(66, 'a');
  std::unordered_set<std::size_t> hashes = {NodeId::parse(text)->hash()};
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = 'b';
    hashes.insert(NodeId::parse(other)->hash());
  }
  EXPECT_EQ(hashes.size(), text.size() + 1);
}

TEST(MessageIds, PrefixIsBigEndian) {
  MessageId id;
  for (std::uint8_t i = 0; i < 32; ++i)
    id.bytes[i] = i;
  EXPECT_EQ(id.prefix(), 0x0001020304050607U);
}

TEST(Sha256, GivesTheStandardsExamples) {
  const auto text = [](std::string_view bytes) {
    const MessageId id = sha256(bytes);
    return wire_gen::hex({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  };
  // FIPS 180-4's one-block example, and the empty message.
  EXPECT_EQ(text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Endpoints, BracketAnIpv6Address) {
  EXPECT_EQ(to_string(Endpoint{"127.0.0.1", 44565}), "127.0.0.1:44565");
  EXPECT_EQ(to_string(Endpoint{"::1", 1}), "[::1]:1");
  EXPECT_EQ(to_string(Endpoint{"node.example", 0}), "node.example:0");
}

}  // namespace
}  // namespace meshdict
