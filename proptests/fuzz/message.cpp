// S, as it stands behind the hash: envelope, every kind of message, and what is written of it again.

#include "core/messages/message.h"

#include <cstdlib>
#include <variant>

#include "core/encoding/frame.h"

using namespace meshdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(is_broadcast(bytes));
  const auto origin = peek_origin(bytes);
  const auto envelope = decode_envelope(bytes);
  if (!envelope) return 0;
  const bool stamped_broadcast = envelope->main == MainFlag::kBroadcast && envelope->stamp;
  if (stamped_broadcast &&
      (!origin || origin->sender != envelope->sender.text() || origin->stamp != *envelope->stamp)) {
    std::abort();
  }
  const auto message = decode_message(*envelope);
  if (!message || std::holds_alternative<Unknown>(*message)) return 0;
  static_cast<void>(message_name(*message));
  const EncodeHead head{.sender = envelope->sender,
                        .time = envelope->time,
                        .stamp = envelope->stamp,
                        .user_main = envelope->main == MainFlag::kWhisper ? MainFlag::kWhisper : MainFlag::kBroadcast};
  // What was understood is understood again, in the form in which we write it.
  const std::string written = encode_message(head, *message);
  static_cast<void>(make_frame(written));
  const auto second_envelope = decode_envelope(written);
  if (!second_envelope) std::abort();
  const auto second = decode_message(*second_envelope);
  if (!second || second->index() != message->index()) std::abort();
  return 0;
}
