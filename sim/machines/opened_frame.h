#pragma once
// What is inside a frame, for parts of the simulator that look at traffic.

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/encoding/frame.h"
#include "core/messages/message.h"

namespace meshdict::sim {

/// Calls `take` with the message of a frame. Error: what is wrong with the frame.
template <typename Take>
auto with_message(std::string_view frame, const Take& take)
    -> std::expected<decltype(take(Message())), std::string_view> {
  if (frame.size() < kFrameHeader) return std::unexpected("damaged");
  const auto body = open_body(frame.substr(kFrameHeader), known_compressions());
  if (!body) return std::unexpected("damaged");
  const auto envelope = decode_envelope(body->plain.message);
  if (!envelope) return std::unexpected("malformed");
  const auto message = decode_message(*envelope);
  if (!message) return std::unexpected("malformed");
  return take(*message);
}

/// The bytes of a compressed frame as they were before; those of any other as they are.
inline std::shared_ptr<const std::string> uncompressed(const std::shared_ptr<const std::string>& frame) {
  if (frame->size() < kFrameHeader) return frame;
  const auto body = open_body(std::string_view(*frame).substr(kFrameHeader), known_compressions());
  if (!body || !body->method) return frame;
  const auto plain = reframe(body->plain);
  return plain ? plain->bytes : frame;
}

}  // namespace meshdict::sim
