#include "proptests/api/raw_peer.h"

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <optional>

#include "core/base/random.h"
#include "core/encoding/compression.h"
#include "core/encoding/frame.h"
#include "core/engine/engine.h"
#include "core/limits.h"
#include "core/messages/message.h"
#include "proptests/core/engine/hello.h"

namespace meshdict::api_test {

struct RawPeer::State {
  explicit State(std::uint16_t port) : random(port), id(NodeId::generate(random)) {
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
  }

  void say(const Message& message) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const EncodeHead head{.sender = id, .time = std::chrono::floor<std::chrono::seconds>(now).count(), .stamp = {}};
    asio::write(socket, asio::buffer(*make_frame(encode_message(head, message))->bytes));
  }

  /// The name of the next message, or nothing at the end of the stream.
  std::optional<std::string> hear() {
    for (;;) {
      if (const auto body = decoder.next(); body && *body) {
        const auto opened = open_body(**body, known_compressions());
        return std::string(message_name(*decode_message(*decode_envelope(opened->plain.message))));
      }
      asio::error_code error;
      const std::size_t got = socket.read_some(asio::buffer(room), error);
      if (error) return std::nullopt;
      decoder.feed({room.data(), got});
    }
  }

  RandomStream random;
  NodeId id;
  asio::io_context io;
  asio::ip::tcp::socket socket{io};
  FrameDecoder decoder{limits::kMaxFrame};
  // What the decoder reads in place.
  std::array<char, 4096> room{};
};

RawPeer::RawPeer(std::uint16_t port, std::string_view protocol_id) : state_(std::make_unique<State>(port)) {
  state_->say(Handshake{.id = state_->id,
                        .protocol = std::string(protocol_id),
                        .address = {},
                        .compressions = {static_cast<std::uint64_t>(Compression::kZlib)}});
  hear_until("handshake");
}
RawPeer::RawPeer(std::uint16_t port, std::string_view protocol_id, std::chrono::milliseconds ahead)
    : state_(std::make_unique<State>(port)) {
  state_->say(
      Handshake{.id = state_->id, .protocol = std::string(protocol_id), .address = {}, .compressions = {kCapability}});
  Hello hello = default_hello();
  const auto clock = std::chrono::system_clock::now().time_since_epoch() + ahead;
  hello.clock_ms = std::chrono::floor<std::chrono::milliseconds>(clock).count();
  state_->say(hello);
  hear_until("hello");
}
RawPeer::~RawPeer() = default;

std::string RawPeer::id() const {
  return std::string(state_->id.text());
}

void RawPeer::say(const std::vector<std::string>& packets) {
  state_->say(UserMessage{.packets = {packets.begin(), packets.end()}});
}

std::vector<std::string> RawPeer::hear_until(std::string_view last) {
  std::vector<std::string> heard;
  while (auto name = state_->hear()) {
    heard.push_back(*std::move(name));
    if (heard.back() == last) break;
  }
  return heard;
}

}  // namespace meshdict::api_test
