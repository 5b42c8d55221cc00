// The part that all messages share: the array's first four elements, and the stamp behind it.

#include <algorithm>
#include <utility>

#include "core/encoding/decode_fields.h"
#include "core/limits.h"
#include "core/messages/message.h"

namespace meshdict {
namespace {

/// A bin of 16 bytes with its head.
constexpr std::size_t kStampSize = 18;

std::uint64_t read_u64(const char* from) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = (value << 8) | static_cast<unsigned char>(from[i]);
  return value;
}

/// Nothing unless `trailing` is one bin of 16 bytes.
std::optional<Stamp> read_stamp(std::string_view trailing) {
  if (trailing.size() != kStampSize || !trailing.starts_with("\xC4\x10")) return std::nullopt;
  return Stamp{.boot = Boot{read_u64(trailing.data() + 2)}, .counter = read_u64(trailing.data() + 10)};
}

MainFlag main_flag(std::uint64_t number) {
  return number <= static_cast<std::uint64_t>(MainFlag::kPong) ? static_cast<MainFlag>(number) : MainFlag::kUnknown;
}

}  // namespace

std::expected<Envelope, DecodeError> decode_envelope(std::string_view message) {
  MsgpackCursor cursor(message);
  Envelope envelope;
  Fields fields;
  const std::uint32_t size = fields.take(cursor.array_size(), "message");
  if (size < 4) fields.fail("message", "fewer than four elements");
  if (size > limits::kMaxElements) fields.fail("message", std::to_string(size) + " elements");
  if (fields.failed()) return fields.result(std::move(envelope));
  envelope.main = main_flag(fields.take(cursor.unsigned_integer(), "main flag"));
  const std::size_t sender_at = cursor.position();
  const std::string_view sender = fields.take(cursor.bin_or_str(), "sender");
  envelope.time = fields.take(cursor.signed_integer(), "time");
  if (fields.failed()) return fields.result(std::move(envelope));
  auto id = NodeId::parse(sender);
  if (!id) fields.fail("sender", id.error(), sender_at);
  if (envelope.time < 0 || envelope.time > kMaxTime) fields.fail("time", "out of range", cursor.position());
  if (fields.failed()) return fields.result(std::move(envelope));
  envelope.sender = *id;

  const auto sub = cursor.unsigned_integer();
  envelope.sub = sub ? *sub : Envelope::kNoSub;
  const std::uint32_t elements = sub ? size - 4 : size - 3;
  // Each element takes a byte at least: a count is no reason to make room for more than that.
  envelope.payload.reserve(std::min<std::size_t>(elements, cursor.rest().size()));
  for (std::uint32_t i = 0; i < elements; ++i) {
    const auto element = cursor.value();
    if (!element) return std::unexpected(element.error());
    envelope.payload.push_back(*element);
  }
  if (cursor.at_end()) return envelope;
  envelope.stamp = read_stamp(cursor.rest());
  if (const auto behind = cursor.value(); !behind) return std::unexpected(behind.error());
  if (!cursor.at_end()) return std::unexpected(DecodeError{"bytes behind the message", cursor.position()});
  return envelope;
}

bool is_broadcast(std::string_view message) {
  MsgpackCursor cursor(message);
  if (!cursor.array_size()) return false;
  const auto main = cursor.unsigned_integer();
  return main && main_flag(*main) == MainFlag::kBroadcast;
}

std::optional<Origin> peek_origin(std::string_view message) {
  // Most messages have no stamp-like end, and need no walk to find out.
  if (message.size() < kStampSize || !read_stamp(message.substr(message.size() - kStampSize))) return std::nullopt;
  MsgpackCursor cursor(message);
  const auto size = cursor.array_size();
  if (!size || *size < 4 || *size > limits::kMaxElements) return std::nullopt;
  const auto main = cursor.unsigned_integer();
  if (!main || main_flag(*main) != MainFlag::kBroadcast) return std::nullopt;
  const auto sender = cursor.bin_or_str();
  if (!sender) return std::nullopt;
  for (std::uint32_t i = 2; i < *size; ++i) {
    if (!cursor.value()) return std::nullopt;
  }
  const auto stamp = read_stamp(cursor.rest());
  if (!stamp) return std::nullopt;
  return Origin{*sender, *stamp};
}

}  // namespace meshdict
