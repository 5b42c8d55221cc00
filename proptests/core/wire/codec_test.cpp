// Messages: every type survives the way through encoding, frames, compression and any cutting of the stream; whatever
// else arrives is refused or ignored, never believed.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "core/encoding/frame.h"
#include "core/limits.h"
#include "core/messages/message.h"
#include "proptests/core/wire/wire_gen.h"

namespace {

/// Bytes asked for through operator new since the last reset, and the largest request.
std::size_t allocated_bytes = 0;
std::size_t largest_request = 0;

}  // namespace

// Not inlined: g++ 12 would see malloc() and free() where it expects a pair of new and delete.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated_bytes += size;
  largest_request = std::max(largest_request, size);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace meshdict {
namespace {

using wire_gen::Arena;
using wire_gen::Rendering;

EncodeHead any_head() {
  EncodeHead head;
  head.sender = wire_gen::node_id();
  head.time = static_cast<std::int64_t>(wire_gen::number(kMaxTime));
  if (*rc::gen::arbitrary<bool>()) head.stamp = Stamp{.boot = Boot{wire_gen::number()}, .counter = wire_gen::number()};
  head.user_main = *rc::gen::element(MainFlag::kBroadcast, MainFlag::kWhisper);
  return head;
}

/// Frames whose main flag follows from their type.
MainFlag expected_main(const EncodeHead& head, const Message& message) {
  if (std::holds_alternative<UserMessage>(message) || std::holds_alternative<StoreSet>(message)) return head.user_main;
  if (std::holds_alternative<Response>(message)) return MainFlag::kBroadcast;
  if (const auto* request = std::get_if<Request>(&message)) {
    return request->wanted.empty() ? MainFlag::kWhisper : MainFlag::kBroadcast;
  }
  const bool renegotiates =
      std::holds_alternative<RenegotiateCompression>(message) || std::holds_alternative<Resend>(message);
  return renegotiates ? MainFlag::kRenegotiate : MainFlag::kWhisper;
}

void check_arrival(std::string_view body, const EncodeHead& head, const Message& sent) {
  const auto opened = open_body(body, known_compressions());
  RC_ASSERT(opened.has_value());
  const auto envelope = decode_envelope(opened->plain.message);
  RC_ASSERT(envelope.has_value());
  RC_ASSERT(envelope->sender == head.sender);
  RC_ASSERT(envelope->time == head.time);
  RC_ASSERT(envelope->stamp == head.stamp);
  RC_ASSERT(envelope->main == expected_main(head, sent));
  const auto message = decode_message(*envelope);
  RC_ASSERT(message.has_value());
  RC_ASSERT(Rendering::of(*message) == Rendering::of(sent));
  const auto origin = peek_origin(opened->plain.message);
  RC_ASSERT(origin.has_value() == (head.stamp && envelope->main == MainFlag::kBroadcast));
  if (origin) RC_ASSERT(origin->sender == head.sender.text());
  if (origin) RC_ASSERT(origin->stamp == *head.stamp);
}

RC_GTEST_PROP(Messages, OfEveryTypeArriveAsTheyWereSent, ()) {
  Arena arena;
  std::vector<EncodeHead> heads;
  std::vector<Message> sent;
  std::string stream;
  const auto first = *rc::gen::inRange<std::size_t>(0, wire_gen::kTypes);
  for (std::size_t i = 0; i < 3; ++i) {
    heads.push_back(any_head());
    sent.push_back(wire_gen::message((first + i) % wire_gen::kTypes, arena));
    Frame frame = make_frame(encode_message(heads.back(), sent.back())).value();
    const auto all = known_compressions();
    const auto method = *rc::gen::inRange<std::size_t>(0, all.size() + 1);
    if (method < all.size()) frame = compress_frame(frame, all[method]);
    stream += *frame.bytes;
  }
  FrameDecoder decoder(limits::kMaxFrame);
  std::size_t arrived = 0;
  for (const std::string& piece : wire_gen::chunks(stream)) {
    decoder.feed(piece);
    for (;;) {
      const auto body = decoder.next();
      RC_ASSERT(body.has_value());
      if (!*body) break;
      check_arrival(**body, heads[arrived], sent[arrived]);
      ++arrived;
    }
  }
  RC_ASSERT(arrived == sent.size());
}

TEST(Messages, HaveEachANameOfItsOwn) {
  std::vector<std::string_view> names;
  EXPECT_TRUE(rc::check([&names] {
    names.clear();
    Arena arena;
    for (std::size_t type = 0; type < wire_gen::kTypes; ++type) {
      const Message message = wire_gen::message(type, arena);
      RC_ASSERT(message.index() == type);
      names.push_back(message_name(message));
    }
  }));
  names.push_back(message_name(Unknown{}));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

/// Damages one byte of S itself, as if its hash still fitted: a hostile peer hashes what it likes.
RC_GTEST_PROP(Messages, DamagedOnesAreRefusedOrReadAsSomethingElse, ()) {
  Arena arena;
  const auto type = *rc::gen::inRange<std::size_t>(0, wire_gen::kTypes);
  std::string message = encode_message(any_head(), wire_gen::message(type, arena));
  const auto hits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < hits; ++i) {
    message[*rc::gen::inRange<std::size_t>(0, message.size())] = *rc::gen::arbitrary<char>();
  }
  const auto envelope = decode_envelope(message);
  const auto origin = peek_origin(message);
  if (!envelope) return;
  RC_ASSERT(origin.has_value() == (envelope->stamp && envelope->main == MainFlag::kBroadcast));
  if (origin) RC_ASSERT(origin->stamp == *envelope->stamp);
  if (origin) RC_ASSERT(origin->sender == envelope->sender.text());
  const auto decoded = decode_message(*envelope);
  if (envelope->main == MainFlag::kBroadcast) RC_ASSERT(decoded.has_value());
  // Whatever is read can be written, and is the same again.
  if (!decoded || std::holds_alternative<Unknown>(*decoded)) return;
  EncodeHead head{envelope->sender, envelope->time, envelope->stamp, MainFlag::kBroadcast};
  const std::string again = encode_message(head, *decoded);
  const auto read_again = decode_envelope(again);
  RC_ASSERT(read_again.has_value());
  const auto same = decode_message(*read_again);
  RC_ASSERT(same.has_value());
  RC_ASSERT(Rendering::of(*same) == Rendering::of(*decoded));
}

RC_GTEST_PROP(Messages, CutOffOnesAreRefused, ()) {
  Arena arena;
  const auto type = *rc::gen::inRange<std::size_t>(0, wire_gen::kTypes);
  EncodeHead head = any_head();
  const std::string whole = encode_message(head, wire_gen::message(type, arena));
  head.stamp = std::nullopt;
  const std::size_t stamp = whole.size() >= 18 && decode_envelope(whole)->stamp ? 18 : 0;
  const auto size = *rc::gen::inRange<std::size_t>(0, whole.size());
  const auto cut = decode_envelope(std::string_view(whole).substr(0, size));
  // Exactly without its stamp it is whole again.
  RC_ASSERT(cut.has_value() == (stamp != 0 && size == whole.size() - stamp));
}

RC_GTEST_PROP(Messages, RandomBytesAreRefusedOrRead, ()) {
  using namespace std::string_view_literals;
  const auto begin = *rc::gen::element(""sv, "\x94"sv, "\x95\x00\xC4\x01z\x01"sv, "\x95\x02\xC4\x01z\x01\x40"sv);
  const std::string bytes = std::string(begin) + wire_gen::bytes(200);
  if (peek_origin(bytes)) RC_ASSERT(bytes.size() > 18U);
  const auto envelope = decode_envelope(bytes);
  RC_ASSERT((envelope.has_value() || !envelope.error().what.empty()));
  if (!envelope) return;
  const auto decoded = decode_message(*envelope);
  RC_ASSERT((decoded.has_value() || !decoded.error().what.empty()));
}

RC_GTEST_PROP(Messages, DecodingMakesNoMoreRoomThanTheirSizeAllows, ()) {
  // Arrays of any announced size, at each place where an array stands, with few bytes behind.
  const auto sub = *rc::gen::element<std::uint64_t>(0, 1, 5, 7, 8, 9, 10, 11, 0x40, 0x48, 0x4A);
  const auto main = *rc::gen::inRange<std::uint64_t>(0, 3);
  std::string array = *rc::gen::element<std::string>("\xDD", "\xDF");
  wire_gen::append_number(array, *rc::gen::element<std::uint64_t>(1, 64, 4'096, 1U << 20, UINT32_MAX), 4);
  array += wire_gen::bytes(100);
  std::string message;
  MsgpackWriter to(message);
  to.array(*rc::gen::element<std::uint32_t>(5, 8, 4'096, UINT32_MAX)).integer(main).bin("z");
  to.integer(std::uint64_t{1}).integer(sub);
  if (*rc::gen::arbitrary<bool>()) to.bin(array);
  message += array;
  const std::size_t before = allocated_bytes;
  largest_request = 0;
  const auto envelope = decode_envelope(message);
  if (envelope) RC_TAG(decode_message(*envelope).has_value());
  RC_ASSERT(largest_request <= 64 * message.size() + 1'024);
  RC_ASSERT(allocated_bytes - before <= 256 * message.size() + 8'192);
}

TEST(Messages, ABatchThatAnnouncesManyRecordsGetsNoRoomForThem) {
  std::string batch;
  MsgpackWriter(batch).array(limits::kMaxElements);
  batch += std::string(20, '\x94');
  std::string message;
  MsgpackWriter to(message);
  to.array(5).integer(std::uint64_t{2}).bin("z").integer(std::uint64_t{1}).integer(std::uint64_t{0x4A}).bin(batch);
  const auto envelope = decode_envelope(message);
  ASSERT_TRUE(envelope);
  largest_request = 0;
  EXPECT_FALSE(decode_message(*envelope));
  EXPECT_LE(largest_request, 1'024U);
}

/// S with the given main flag, sub-flag and payload, each raw.
std::string raw_message(std::string_view main, std::string_view sub, std::initializer_list<std::string_view> payload) {
  std::string out;
  MsgpackWriter to(out);
  to.array(static_cast<std::uint32_t>(4 + payload.size())).raw(main).bin("z").integer(std::uint64_t{1'500'000'000});
  to.raw(sub);
  for (const auto element : payload)
    to.raw(element);
  return out;
}

/// The name of what is decoded, or the error with "error: " before it.
std::string outcome(const std::string& message) {
  const auto envelope = decode_envelope(message);
  if (!envelope) return "error: " + envelope.error().what;
  const auto decoded = decode_message(*envelope);
  return decoded ? std::string(message_name(*decoded)) : "error: " + decoded.error().what;
}

using namespace std::string_view_literals;
constexpr auto kBroadcast = "\x00"sv;
constexpr auto kRenegotiate = "\x01"sv;
constexpr auto kWhisper = "\x02"sv;

TEST(Stores, AreReadByTheirLength) {
  const auto key = "\xC4\x01k"sv;
  const auto value = "\xA1v"sv;
  const auto owner = "\xC4\x01y"sv;
  const auto version = "\x96\x01\x02\x03\x04\x05\x00"sv;
  const auto store = "\x0B"sv;
  const auto versioned = [](const std::string& message) {
    return std::get<StoreSet>(*decode_message(*decode_envelope(message))).version.has_value();
  };
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key, value})), "store");
  EXPECT_FALSE(versioned(raw_message(kBroadcast, store, {key, value})));
  EXPECT_TRUE(versioned(raw_message(kBroadcast, store, {key, value, version})));
  // Later versions may append fields; a version of six that is none is for someone else.
  EXPECT_TRUE(
      versioned(raw_message(kBroadcast, store, {key, value, "\x98\x01\x02\x03\x04\x05\x01\xC0\x93\x01\x02\x03"sv})));
  EXPECT_FALSE(versioned(raw_message(kBroadcast, store, {key, value, "\x95\x01\x02\x03\x04\x05"sv})));
  EXPECT_FALSE(versioned(raw_message(kBroadcast, store, {key, value, "\xC0"sv})));
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key, value, "\x96\x01\x02\x03\x04\x05\x02"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key, value, "\x96\x01\x02\x03\x04\xC0\x00"sv})), "unknown");
  // Four elements are an entry of a py2p node's dictionary, and only in a whisper; five and more are a plain set.
  EXPECT_EQ(outcome(raw_message(kWhisper, store, {key, value, owner, "\xC4\x06\x33HYtjr"sv})), "stored-entry");
  EXPECT_EQ(outcome(raw_message(kWhisper, store, {key, value, owner, "\xA6\x33HYtjr"sv})), "stored-entry");
  EXPECT_EQ(outcome(raw_message(kWhisper, store, {key, value, owner, "\xA6!HYtjr"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, store, {key, value, "\xC4\x01!"sv, "\xA6\x33HYtjr"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key, value, owner, "\xC4\x06\x33HYtjr"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {key, value, version, version, version})), "store");
  EXPECT_FALSE(versioned(raw_message(kBroadcast, store, {key, value, version, version, version})));
  // A str key is in a slot that nobody can read.
  EXPECT_EQ(outcome(raw_message(kBroadcast, store, {"\xA1k"sv, value})), "unknown");
}

TEST(Handshakes, AreTakenAsPy2pTakesThem) {
  const auto shake = "\x05"sv;
  const auto id = "\xC4\x01z"sv;
  const auto protocol = "\xA1p"sv;
  const auto address = "\x92\xA1h\x50"sv;
  const auto address_of = [](const std::string& message) {
    return std::get<Handshake>(*decode_message(*decode_envelope(message))).address;
  };
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {id, protocol, address})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {id, protocol, address, "\x90"sv, "\xC0"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, shake, {id, protocol, address, "\x90"sv})), "unknown");
  EXPECT_EQ(address_of(raw_message(kWhisper, shake, {id, protocol, address, "\x90"sv})), (Endpoint{"h", 80}));
  for (const auto wrong : {"\xC0"sv, "\x90"sv, "\x92\xC0\x50"sv, "\x92\xA1h\x00"sv, "\x92\xA1h\xCE\x00\x01\x00\x00"sv,
                           "\x92\xA0\x50"sv, "\x92\xA1\n\x50"sv, "\x91\xA1h"sv, "\xA1h"sv}) {
    EXPECT_EQ(address_of(raw_message(kWhisper, shake, {id, protocol, wrong, "\x90"sv})), std::nullopt);
  }
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {id, protocol, address, "\xC0"sv})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {"\xC4\x01!"sv, protocol, address, "\x90"sv})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {id, "\x01"sv, address, "\x90"sv})).substr(0, 6), "error:");
  const auto mixed =
      raw_message(kWhisper, shake, {id, protocol, address, "\x95\x13\xA1x\xFF\xC0\xCE\x4D\x44\x00\x01"sv});
  const auto handshake = std::get<Handshake>(*decode_message(*decode_envelope(mixed)));
  EXPECT_EQ(handshake.compressions, (std::vector<std::uint64_t>{19, kCapability}));
  EXPECT_TRUE(handshake.is_meshdict());
  std::string many = "\xDC";
  wire_gen::append_number(many, limits::kMaxMethods + 1, 2);
  many.append(limits::kMaxMethods + 1, '\x10');
  EXPECT_EQ(outcome(raw_message(kWhisper, shake, {id, protocol, address, many})).substr(0, 6), "error:");
}

TEST(PeersLists, KeepTheGoodEntries) {
  const auto list = "\x94\x92\x92\xA1h\x50\xC4\x01z\x92\xC0\xC4\x01z\xC0\x92\x92\xA1g\x51\xA1y"sv;
  const auto message = raw_message(kWhisper, "\x07"sv, {list});
  const auto peers = std::get<Peers>(*decode_message(*decode_envelope(message)));
  ASSERT_EQ(peers.entries.size(), 2U);
  EXPECT_EQ(peers.entries[0].address, (Endpoint{"h", 80}));
  EXPECT_EQ(peers.entries[1].id.text(), "y");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x07"sv, {"\xC0"sv})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x07"sv, {})).substr(0, 6), "error:");
  std::string long_list = "\xDC";
  wire_gen::append_number(long_list, limits::kMaxPeersRead + 5, 2);
  for (std::size_t i = 0; i < limits::kMaxPeersRead + 5; ++i)
    long_list += "\x92\x92\xA1h\x50\xC4\x01z"sv;
  const auto longer = raw_message(kWhisper, "\x07"sv, {long_list});
  EXPECT_EQ(std::get<Peers>(*decode_message(*decode_envelope(longer))).entries.size(), limits::kMaxPeersRead);
}

TEST(Renegotiations, AreReadInBothForms) {
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\x01"sv, {"\x91\x11"sv})), "renegotiate");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\xC0"sv, {"\x01"sv, "\x91\x11"sv})), "renegotiate");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\x09"sv, {})), "resend");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\xC0"sv, {"\x09"sv})), "resend");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\xC0"sv, {})), "unknown");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\x01"sv, {})), "unknown");
  EXPECT_EQ(outcome(raw_message(kRenegotiate, "\x05"sv, {})), "unknown");
}

TEST(Requests, AskForAllOrForOne) {
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x08"sv, {"\xA1*"sv})), "request");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x08"sv, {"\xC4\x01*"sv})), "request");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x08"sv, {"\xC4\x01*"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x08"sv, {"\xC4\x01r"sv, "\xC4\x01z"sv})), "request");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x08"sv, {"\xC4\x01r"sv, "\xC4\x01!"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x0A"sv, {"\xC4\x01r"sv, "\x92\xC0\xC4\x01z"sv})), "unknown");
}

TEST(Additions, AreForNeighboursOnlyAndIgnoreWhatTheyDoNotKnow) {
  const auto hello =
      "\x85\xA4"
      "boot\x07\xA5"
      "nonce\x08\xA5"
      "later\x91\x01\x05\xC0\xA8"
      "software\xA3"
      "a\x07"
      "c"sv;
  const auto message = raw_message(kWhisper, "\x40"sv, {hello, "\xC0"sv});
  const auto decoded = decode_message(*decode_envelope(message));
  ASSERT_TRUE(decoded) << decoded.error().what;
  const auto& content = std::get<Hello>(*decoded);
  EXPECT_EQ(content.boot, Boot{7});
  EXPECT_EQ(content.nonce, Nonce{8});
  EXPECT_EQ(content.software, "a?c");
  EXPECT_EQ(content.lease_ms, 0);
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x40"sv, {hello})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x40"sv,
                                {"\x81\xA4"
                                 "boot\x07"sv})),
            "error: hello: lacks its boot or nonce");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x40"sv, {})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x41"sv, {"\xFF"sv})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x03"sv, {"\xA1x"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x43"sv, {})), "bye");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x48"sv, {"\x01"sv, "\xC4\x01x"sv})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x5F"sv, {})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\x4F"sv, {})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\x4D"sv, {"\x01"sv})), "unknown");
  EXPECT_EQ(outcome(raw_message(kWhisper, "\xCD\x01\x0B"sv, {"\xC4\x01k"sv, "\x01"sv})), "unknown");
  std::string long_reason = "\xDA";
  wire_gen::append_number(long_reason, 400, 2);
  long_reason += std::string(400, 'r');
  const auto bye = raw_message(kWhisper, "\x43"sv, {long_reason});
  EXPECT_EQ(std::get<Bye>(*decode_message(*decode_envelope(bye))).text.size(), limits::kMaxText);
}

TEST(Goodbyes, OfNodesThatKnowNoNumbersMeanWhatTheirTextSays) {
  const auto reason = [](std::string_view text) {
    std::string str;
    MsgpackWriter(str).str(text);
    const std::string bye = raw_message(kWhisper, "\x43"sv, {str});
    return std::get<Bye>(*decode_message(*decode_envelope(bye))).reason;
  };
  EXPECT_EQ(reason("stopping"), ByeReason::kStopping);
  EXPECT_EQ(reason("disconnected by its user"), ByeReason::kUnwanted);
  EXPECT_EQ(reason("has enough links"), ByeReason::kEnough);
  EXPECT_EQ(reason("stopping."), ByeReason::kOther);
  EXPECT_EQ(reason(""), ByeReason::kOther);
}

TEST(Goodbyes, TheirNumberCountsWhateverTheTextSays) {
  const auto said = [](std::string_view number) { return raw_message(kWhisper, "\x43"sv, {"\xA8stopping"sv, number}); };
  const auto reason = [&](std::string_view number) {
    return std::get<Bye>(*decode_message(*decode_envelope(said(number)))).reason;
  };
  EXPECT_EQ(reason("\x01"sv), ByeReason::kStopping);
  EXPECT_EQ(reason("\x02"sv), ByeReason::kUnwanted);
  EXPECT_EQ(reason("\x03"sv), ByeReason::kEnough);
  EXPECT_EQ(reason("\x00"sv), ByeReason::kOther);
  EXPECT_EQ(reason("\xCD\x01\x01"sv), ByeReason::kOther) << "of a later version";
  EXPECT_EQ(outcome(said("\xC0"sv)).substr(0, 6), "error:");
}

TEST(Batches, AreTakenWholeOrNotAtAll) {
  const auto batch = [](std::string_view content) {
    std::string bin;
    MsgpackWriter(bin).bin(content);
    return outcome(raw_message(kWhisper, "\x4A"sv, {bin}));
  };
  const auto record = std::string("\x94\xC4\x01k\x01\xC4\x01z\x96\x01\x02\x03\x04\x05\x00"sv);
  EXPECT_EQ(batch("\x90"), "records");
  EXPECT_EQ(batch("\x91" + record), "records");
  // Later versions may append.
  EXPECT_EQ(batch(std::string("\x91\x95\xC4\x01k\x01\xC4\x01z\x97\x01\x02\x03\x04\x05\x00\xC0\xC0"sv)), "records");
  for (const auto& wrong : {"\x92" + record, std::string("\x90\x90"sv), std::string(""sv), std::string("\xC0"sv),
                            std::string("\x91\x93\xC4\x01k\x01\xC4\x01z"sv),
                            std::string("\x91\x94\xA1k\x01\xC4\x01z\x96\x01\x02\x03\x04\x05\x00"sv),
                            std::string("\x91\x94\xC4\x01k\x01\xC4\x01!\x96\x01\x02\x03\x04\x05\x00"sv),
                            std::string("\x91\x94\xC4\x01k\x01\xC4\x01z\x96\x01\x02\x03\x04\x05\x02"sv)}) {
    EXPECT_EQ(batch(wrong).substr(0, 6), "error:") << wire_gen::hex(wrong);
  }
  std::string many = "\xDC";
  wire_gen::append_number(many, limits::kMaxElements + 1, 2);
  for (std::size_t i = 0; i <= limits::kMaxElements; ++i)
    many += record;
  EXPECT_EQ(batch(many).substr(0, 6), "error:");
}

TEST(Envelopes, AreRefusedOrIgnored) {
  EXPECT_EQ(outcome("\x90").substr(0, 6), "error:");
  EXPECT_EQ(outcome(std::string("\x93\x00\xC4\x01z\x01"sv)).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message("\x03"sv, "\x00"sv, {})), "unknown");
  EXPECT_EQ(outcome(raw_message("\x55"sv, "\x00"sv, {})), "unknown");
  EXPECT_EQ(outcome(raw_message("\xA1x"sv, "\x00"sv, {})).substr(0, 6), "error:");
  EXPECT_EQ(outcome(raw_message(kBroadcast, "\xA1x"sv, {"\x01"sv})), "unknown");
  EXPECT_EQ(outcome(std::string("\x94\x00\xC4\x01z\xFF\x00"sv)).substr(0, 6), "error:");  // negative time
  EXPECT_EQ(outcome(std::string("\x94\x00\xC4\x01z\xCF\x00\x00\x01\x00\x00\x00\x00\x00\x00"sv)).substr(0, 6),
            "error:");  // far future
  EXPECT_EQ(outcome(std::string("\x94\x00\xC4\x01!\x01\x00"sv)).substr(0, 6), "error:");
  EXPECT_EQ(outcome(std::string("\x94\x00\xA1z\x01\x00"sv)), "user-message") << "a sender as text, as py2p takes it";
  EXPECT_EQ(outcome(std::string("\x94\x00\x01\x01\x00"sv)).substr(0, 6), "error:");
  // Behind the array: one value of any kind, or nothing.
  const std::string plain = raw_message(kBroadcast, "\x00"sv, {"\x01"sv});
  EXPECT_EQ(outcome(plain + "\xA5later"), "user-message");
  EXPECT_EQ(outcome(plain + std::string("\x91"sv)).substr(0, 6), "error:");
  EXPECT_EQ(outcome(plain + std::string("\x01\x01"sv)).substr(0, 6), "error:");
  EXPECT_EQ(decode_envelope(plain + "\xC4\x0F" + std::string(15, 's'))->stamp, std::nullopt);
  const auto stamped = plain + std::string("\xC4\x10\0\0\0\0\0\0\0\x01\x80\0\0\0\0\0\0\x02"sv);
  EXPECT_EQ(decode_envelope(stamped)->stamp, (Stamp{.boot = Boot{1}, .counter = Stamp::kNotBroadcast | 2}));
}

TEST(Origins, AValueOf16BytesIsNoStamp) {
  // A plain py2p store of such a value ends in the same bytes as a stamp.
  const auto store = raw_message(kBroadcast, "\x0B"sv,
                                 {"\xC4\x01k"sv,
                                  "\xC4\x10"
                                  "0123456789abcdef"sv});
  EXPECT_FALSE(peek_origin(store));
  EXPECT_EQ(peek_origin(store + "\xC4\x10"
                                "0123456789abcdef")
                ->sender,
            "z");
}

}  // namespace
}  // namespace meshdict
