// Frames and messages: what each delivered or originated message costs in the codec.

#include <benchmark/benchmark.h>

#include <string>

#include "core/base/random.h"
#include "core/encoding/frame.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "core/messages/message.h"

namespace meshdict {
namespace {

EncodeHead head() {
  RandomStream random(1);
  return {.sender = NodeId::generate(random),
          .time = 1'800'000'000,
          .stamp = Stamp{.boot = Boot{1'800'000'000ULL << 32}, .counter = 77},
          .user_main = MainFlag::kBroadcast};
}

Message store_of(const std::string& value) {
  return StoreSet{.key = "user:1234",
                  .value = value,
                  .version = StoreVersion{.epoch = Epoch{3},
                                          .claim_start = Hlc::from_ms(1'800'000'000'000),
                                          .boot = Boot{1'800'000'000ULL << 32},
                                          .sequence = Sequence{5},
                                          .written = Hlc::from_ms(1'800'000'000'100),
                                          .kind = RecordKind::kValue}};
}

void encode_store(benchmark::State& state) {
  const std::string value = bytes_value(std::string(static_cast<std::size_t>(state.range(0)), 'v'));
  const EncodeHead sender = head();
  const Message message = store_of(value);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Frame frame = make_frame(encode_message(sender, message)).value();
    bytes += frame.plain_size;
    benchmark::DoNotOptimize(frame);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(encode_store)->Arg(16)->Arg(1024)->Arg(65'536);

void decode_store(benchmark::State& state) {
  const std::string value = bytes_value(std::string(static_cast<std::size_t>(state.range(0)), 'v'));
  const Frame frame = make_frame(encode_message(head(), store_of(value))).value();
  std::size_t bytes = 0;
  for (auto _ : state) {
    FrameDecoder decoder(limits::kMaxFrame);
    decoder.feed(*frame.bytes);
    const auto body = decoder.next();
    const auto opened = open_body(**body, known_compressions());
    const auto envelope = decode_envelope(opened->plain.message);
    auto message = decode_message(*envelope);
    benchmark::DoNotOptimize(message);
    bytes += frame.plain_size;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(decode_store)->Arg(16)->Arg(1024)->Arg(65'536);

/// What a copy of a known broadcast costs beside its hash: it is recognised without decoding.
void recognise_duplicate(benchmark::State& state) {
  const std::string value = bytes_value("sixteen bytes...");
  const Frame frame = make_frame(encode_message(head(), store_of(value))).value();
  for (auto _ : state) {
    const auto plain = split_body(std::string_view(*frame.bytes).substr(4));
    auto origin = peek_origin(plain->message);
    benchmark::DoNotOptimize(origin);
  }
}
BENCHMARK(recognise_duplicate);

void compress_body(benchmark::State& state) {
  const auto method = static_cast<Compression>(state.range(0));
  std::string text;
  for (int i = 0; text.size() < 65'536; ++i)
    text += "record " + std::to_string(i * 7919) + "; ";
  const Frame frame = make_frame(encode_message(head(), store_of(bytes_value(text)))).value();
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Frame packed = compress_frame(frame, method);
    bytes += frame.plain_size;
    benchmark::DoNotOptimize(packed);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(compress_body)
    ->ArgName("method")
    ->Arg(static_cast<std::int64_t>(Compression::kSnappy))
    ->Arg(static_cast<std::int64_t>(Compression::kZlib))
    ->Arg(static_cast<std::int64_t>(Compression::kBz2))
    ->Arg(static_cast<std::int64_t>(Compression::kLzma));

}  // namespace
}  // namespace meshdict
