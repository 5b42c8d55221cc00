// Frames: any cutting of the stream gives the same bodies, and no damage is taken for a body.

#include "core/encoding/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "core/base/sha256.h"
#include "core/limits.h"
#include "proptests/core/wire/wire_gen.h"

namespace meshdict {
namespace {

std::string any_message() {
  return wire_gen::value(3) + wire_gen::bytes(80);
}

std::string header(std::size_t size) {
  std::string out;
  wire_gen::append_number(out, size, 4);
  return out;
}

/// Bodies that come out of `pieces`, and the decoder's error if it ends in one.
struct Cut {
  std::vector<std::string> bodies;
  std::optional<DecodeError> error;
};
Cut cut(FrameDecoder& decoder, const std::vector<std::string>& pieces) {
  Cut result;
  for (const std::string& piece : pieces) {
    decoder.feed(piece);
    for (;;) {
      const auto body = decoder.next();
      if (!body) {
        result.error = body.error();
        break;
      }
      if (!*body) break;
      result.bodies.emplace_back(**body);
    }
  }
  return result;
}

RC_GTEST_PROP(FrameDecoders, GiveTheBodiesHoweverTheStreamIsCut, ()) {
  std::vector<std::string> bodies;
  std::string stream;
  const auto count = *rc::gen::inRange(0, 8);
  for (int i = 0; i < count; ++i) {
    const auto size = *rc::gen::element<std::size_t>(1, 3, 33, 200, 20'000);
    bodies.push_back(*rc::gen::container<std::string>(size, rc::gen::arbitrary<char>()));
    stream += header(size) + bodies.back();
  }
  const std::string rest = *rc::gen::element<std::string>("", "\0", header(50) + "begun", header(50).substr(0, 3));
  FrameDecoder decoder(20'000);
  const Cut result = cut(decoder, wire_gen::chunks(stream + rest));
  RC_ASSERT(!result.error);
  RC_ASSERT(result.bodies == bodies);
  RC_ASSERT(decoder.buffered() == rest.size());
}

RC_GTEST_PROP(FrameDecoders, RefuseASizeBeyondTheLimitBeforeTheBody, ()) {
  const auto limit = *rc::gen::inRange<std::size_t>(1, 5'000);
  const auto size = *rc::gen::element<std::size_t>(0, limit + 1, limit + 1'000, 0xFFFFFFFF);
  const std::string good(limit, 'x');
  FrameDecoder decoder(limit);
  const Cut result = cut(decoder, wire_gen::chunks(header(limit) + good + header(size)));
  RC_ASSERT(result.bodies == std::vector<std::string>{good});
  RC_ASSERT(result.error.has_value());
  RC_ASSERT(decoder.buffered() <= 4U);
  // Whatever comes later changes nothing.
  decoder.feed("more");
  decoder.feed("and more");
  RC_ASSERT(!decoder.next().has_value());
  RC_ASSERT(decoder.buffered() <= 4U);
}

TEST(FrameDecoders, ReadWholeFramesInPlace) {
  const std::string stream = header(40) + std::string(40, 'a') + header(50) + std::string(50, 'b') + header(60) + "c";
  FrameDecoder decoder(100);
  decoder.feed(stream);
  EXPECT_EQ((*decoder.next())->data(), stream.data() + 4);
  EXPECT_EQ((*decoder.next())->data(), stream.data() + 48);
  EXPECT_EQ(decoder.buffered(), 0U);
  EXPECT_FALSE(*decoder.next());
  EXPECT_EQ(decoder.buffered(), 5U);
}

TEST(FrameDecoders, TakeLargerFramesOnceTheLimitIsRaised) {
  FrameDecoder decoder(10);
  const std::string first = header(10) + std::string(10, 'a') + header(11) + std::string(11, 'b');
  decoder.feed(first);
  EXPECT_TRUE(*decoder.next());
  decoder.set_max_frame(11);
  EXPECT_TRUE(*decoder.next());
  EXPECT_FALSE(*decoder.next());
}

RC_GTEST_PROP(Frames, OpenToTheirMessagePlainOrCompressed, ()) {
  const std::string message = any_message();
  const Frame plain = make_frame(message).value();
  RC_ASSERT(plain.id == sha256(message));
  RC_ASSERT(plain.plain_size == plain.bytes->size());
  RC_ASSERT(plain.bytes->substr(0, 4) == header(32 + message.size()));
  const auto all = known_compressions();
  const auto method = all[*rc::gen::inRange<std::size_t>(0, all.size())];
  const Frame packed = compress_frame(plain, method);
  RC_ASSERT(packed.id == plain.id);
  RC_ASSERT(packed.plain_size == plain.plain_size);
  RC_ASSERT(packed.bytes->size() <= plain.bytes->size());
  for (const Frame& frame : {plain, packed}) {
    RC_ASSERT(frame.bytes->substr(0, 4) == header(frame.bytes->size() - 4));
    const auto opened = open_body(std::string_view(*frame.bytes).substr(4), known_compressions());
    RC_ASSERT(opened.has_value());
    RC_ASSERT(opened->plain.message == message);
    RC_ASSERT(opened->plain.id == plain.id);
    RC_ASSERT(opened->method.has_value() == (frame.bytes->size() < plain.bytes->size()));
  }
}

TEST(Frames, AreCompressedWhenThatGains) {
  const Frame plain = make_frame(std::string(4'000, 'a')).value();
  for (const Compression method : known_compressions()) {
    const Frame packed = compress_frame(plain, method);
    EXPECT_LT(packed.bytes->size(), 1'000U);
    const auto opened = open_body(std::string_view(*packed.bytes).substr(4), known_compressions());
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->method, method);
    EXPECT_EQ(opened->plain.message, std::string(4'000, 'a'));
  }
}

/// What a receiver makes of `stream`: the messages that it accepts.
std::vector<std::string> accepted(std::string_view stream, std::size_t max_frame) {
  std::vector<std::string> messages;
  FrameDecoder decoder(max_frame);
  const Cut result = cut(decoder, {std::string(stream)});
  for (const std::string& body : result.bodies) {
    const auto opened = open_body(body, known_compressions());
    if (!opened) break;
    messages.emplace_back(opened->plain.message);
  }
  return messages;
}

TEST(Frames, NoSingleFlippedBitIsTakenForAMessage) {
  const std::string message = "\x95" + std::string(100, 'm');
  const std::string good = *make_frame(message)->bytes;
  ASSERT_EQ(accepted(good, limits::kMaxFrame), std::vector<std::string>{message});
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string damaged = good;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_TRUE(accepted(damaged, limits::kMaxFrame).empty()) << "bit " << bit;
    // Followed by good frames, a damaged size must not be taken for one either.
    EXPECT_TRUE(accepted(damaged + good + good, limits::kMaxFrame).empty()) << "bit " << bit;
  }
}

TEST(Frames, NoCutOffFrameIsTakenForAMessage) {
  const std::string good = *make_frame("\x95" + std::string(100, 'm'))->bytes;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(accepted(good.substr(0, size), limits::kMaxFrame).empty());
    if (size >= 4) {
      EXPECT_FALSE(open_body(std::string_view(good).substr(4, size - 4), known_compressions()));
    }
  }
}

RC_GTEST_PROP(Frames, DamagedCompressedBodiesNeverGiveAnotherMessage, ()) {
  const std::string message(400, *rc::gen::arbitrary<char>());
  const auto all = known_compressions();
  const auto method = all[*rc::gen::inRange<std::size_t>(0, all.size())];
  std::string body = compress_frame(make_frame(message).value(), method).bytes->substr(4);
  const auto at = *rc::gen::inRange<std::size_t>(0, body.size());
  body[at] = static_cast<char>(body[at] ^ (1 << *rc::gen::inRange(0, 8)));
  // A compressor may ignore a bit (gzip's header has such); the message must be the same then.
  const auto opened = open_body(body, known_compressions());
  if (opened) RC_ASSERT(opened->plain.message == message);
}

RC_GTEST_PROP(Frames, RandomBytesAreNoMessage, ()) {
  RC_ASSERT(accepted(wire_gen::bytes(400), 1'000).empty());
  RC_ASSERT(!open_body(wire_gen::bytes(400), known_compressions()).has_value());
}

TEST(Frames, ABodyThatLooksCompressedIsStillReadAsItIs) {
  // The first byte of a hash may be any magic number: search for messages whose hash says so.
  int found = 0;
  for (int i = 0; i < 100'000 && found < 5; ++i) {
    const std::string message = "message " + std::to_string(i);
    const Frame frame = make_frame(message).value();
    const auto body = std::string_view(*frame.bytes).substr(4);
    if (guess_compression(body).count < 2) continue;
    ++found;
    const auto opened = open_body(body, known_compressions());
    ASSERT_TRUE(opened);
    EXPECT_FALSE(opened->method);
    EXPECT_EQ(opened->plain.message, message);
  }
  EXPECT_EQ(found, 5);
}

TEST(Frames, ErrorsSayWhatWasWrong) {
  const auto error_of = [](std::string_view body) { return open_body(body, known_compressions()).error().what; };
  EXPECT_EQ(error_of(std::string(32, 'a')), "body of 32 bytes, less than 33");
  EXPECT_EQ(error_of(std::string(40, 'a')), "hash does not match");
  const std::string bomb = compress(Compression::kZlib, std::string(limits::kMaxInflated + 1, 'a'));
  EXPECT_NE(error_of(bomb).find("zlib: inflates beyond 4194303 bytes"), std::string::npos) << error_of(bomb);
}

}  // namespace
}  // namespace meshdict
