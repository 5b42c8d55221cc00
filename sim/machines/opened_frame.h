#pragma once
// The message inside a frame, for parts of the simulator that look at traffic.

#include <expected>
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

}  // namespace meshdict::sim
