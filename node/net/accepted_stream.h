#pragma once
// One accepted connection of an endpoint for clients, with TLS or without it. It waits for nothing: its owner reads and writes when
// the socket is ready, and is the one who limits how long the handshake takes.
//
// 1. Whoever speaks TLS where there is none, or none where there is, is told apart: see refusal().
// 2. What TLS itself has to say leaves within read(); what the owner writes is sealed and sent within write().

#include <asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/links/end_reason.h"
#include "net/tls/channel.h"
#include "net/tls/credentials.h"

namespace meshdict {

class AcceptedStream {
 public:
  /// `credentials`: null for bytes as they are. False in usable() when there is no memory for TLS.
  AcceptedStream(asio::ip::tcp::socket socket, const std::shared_ptr<const Credentials>& credentials);

  [[nodiscard]] bool usable() const { return !secured_ || channel_ != nullptr; }
  /// For waiting, and for options.
  asio::ip::tcp::socket& socket() { return socket_; }
  /// In the middle of the handshake.
  [[nodiscard]] bool is_securing() const;

  /// What the client says, as a view into `room` or into the stream, until the next call. `error` may be set beside bytes: they came
  /// first. would_block: there is nothing yet. connection_aborted: refused, see refusal().
  std::string_view read(std::span<char> room, asio::error_code& error);
  /// How many of the bytes were taken; with would_block, no more are for now. With none it only sends what has been taken.
  std::size_t write(std::string_view bytes, asio::error_code& error);
  /// Something was taken that has not left.
  [[nodiscard]] bool has_unsent() const { return channel_ != nullptr && !channel_->output().empty(); }

  /// Why read() has refused the client.
  [[nodiscard]] const std::optional<Ending>& refusal() const { return refusal_; }
  /// A client that speaks without TLS gets `words`, any other what TLS has to say; and nothing follows. What TLS took of memory is
  /// given back. REQUIRES: it is refused, or still in its handshake.
  void turn_away(std::string_view words);
  /// Nothing follows what has been written.
  void end_writing();
  void close();

 private:
  void refuse(const Ending& why, asio::error_code& error);
  void send_sealed(asio::error_code& error);

  asio::ip::tcp::socket socket_;
  const bool secured_;
  std::unique_ptr<SecureChannel> channel_;
  std::string plain_;  ///< what the last read() has opened
  bool heard_ = false;
  std::optional<Ending> refusal_;
};

}  // namespace meshdict
