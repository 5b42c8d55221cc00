// The five compressors: round trips, damage, and bombs.

#include "core/encoding/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "core/limits.h"
#include "proptests/core/wire/wire_gen.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Compression any_method() {
  const auto all = known_compressions();
  return all[*rc::gen::inRange<std::size_t>(0, all.size())];
}

/// Bytes that compress now well and now badly.
std::string any_plain() {
  std::string plain = wire_gen::bytes(300);
  const auto repeats = *rc::gen::element<std::size_t>(0, 1, 40);
  std::string out;
  for (std::size_t i = 0; i <= repeats; ++i)
    out += plain;
  return out;
}

RC_GTEST_PROP(Compressors, GiveBackWhatTheyTook, ()) {
  const auto method = any_method();
  const std::string plain = any_plain();
  const std::string packed = compress(method, plain);
  const auto back = decompress(method, packed, plain.size());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == plain);
}

RC_GTEST_PROP(Compressors, StopAtTheLimit, ()) {
  const auto method = any_method();
  const std::string plain = any_plain() + 'x';
  const auto limit = *rc::gen::inRange<std::size_t>(0, plain.size());
  const auto refused = decompress(method, compress(method, plain), limit);
  RC_ASSERT(!refused.has_value());
  RC_ASSERT(refused.error().what.find("inflates beyond " + std::to_string(limit)) != std::string::npos);
}

RC_GTEST_PROP(Compressors, RefuseWhatIsCutOff, ()) {
  const auto method = any_method();
  const std::string packed = compress(method, any_plain());
  const auto size = *rc::gen::inRange<std::size_t>(0, packed.size());
  RC_ASSERT(!decompress(method, std::string_view(packed).substr(0, size), limits::kMaxInflated).has_value());
}

RC_GTEST_PROP(Compressors, RefuseOtherBytesBehind, ()) {
  const auto method = any_method();
  std::string packed = compress(method, any_plain());
  packed += *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  RC_ASSERT(!decompress(method, packed, limits::kMaxInflated).has_value());
}

RC_GTEST_PROP(Compressors, SurviveDamageAndStayWithinTheLimit, ()) {
  const auto method = any_method();
  std::string packed = compress(method, any_plain());
  const auto hits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < hits; ++i) {
    packed[*rc::gen::inRange<std::size_t>(0, packed.size())] = *rc::gen::arbitrary<char>();
  }
  const auto result = decompress(method, packed, 20'000);
  if (result) RC_ASSERT(result->size() <= 20'000U);
}

RC_GTEST_PROP(Compressors, SurviveRandomBytes, ()) {
  const auto result = decompress(any_method(), wire_gen::bytes(200), 20'000);
  if (result) RC_ASSERT(result->size() <= 20'000U);
}

TEST(Compressors, RefuseBombs) {
  const std::string zeros(16U << 20, '\0');
  for (const Compression method : known_compressions()) {
    const std::string bomb = compress(method, zeros);
    const auto refused = decompress(method, bomb, limits::kMaxInflated);
    ASSERT_FALSE(refused) << static_cast<int>(method);
    EXPECT_NE(refused.error().what.find("inflates beyond"), std::string::npos) << refused.error().what;
  }
}

TEST(Compressors, RefuseAnXzStreamThatWantsMuchMemory) {
  // Preset 9 asks its reader for 64 MiB, however little it holds.
  const std::string plain(100, 'x');
  std::string packed(1'000, '\0');
  std::size_t size = 0;
  ASSERT_EQ(lzma_easy_buffer_encode(9, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(plain.data()),
                                    plain.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  EXPECT_FALSE(decompress(Compression::kLzma, packed, limits::kMaxInflated));
  // py2p's own preset is taken.
  packed.resize(1'000);
  size = 0;
  ASSERT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(plain.data()),
                                    plain.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  EXPECT_EQ(decompress(Compression::kLzma, packed, limits::kMaxInflated), plain);
}

TEST(Compressors, AreFoundByTheirMagicAndSnappyIsAlwaysPossible) {
  for (const Compression method : known_compressions()) {
    const auto guess = guess_compression(compress(method, "some bytes to compress"));
    ASSERT_GE(guess.count, 1U);
    ASSERT_LE(guess.count, guess.methods.size());
    const auto* end = guess.methods.begin() + guess.count;
    EXPECT_NE(std::find(guess.methods.begin(), end, method), end) << static_cast<int>(method);
    EXPECT_EQ(guess.methods[guess.count - 1], Compression::kSnappy);
  }
  EXPECT_EQ(guess_compression("").count, 1U);
}

TEST(Compressors, AreThoseThatWeOfferByOurPreference) {
  const std::vector<std::uint64_t> py2p = {19, 17, 16, 18};
  EXPECT_THAT(common_compressions(py2p), ElementsAre(Compression::kZlib, Compression::kGzip));
  const std::vector<std::uint64_t> with_snappy = {18, 19, 0x4D440001, 32};
  EXPECT_THAT(common_compressions(with_snappy), ElementsAre(Compression::kSnappy, Compression::kZlib));
  const std::vector<std::uint64_t> strangers = {20, 31, 0xFFFFFFFFFFFFFFFF};
  EXPECT_THAT(common_compressions(strangers), IsEmpty());
  EXPECT_THAT(common_compressions({}), IsEmpty());
}

}  // namespace
}  // namespace meshdict
