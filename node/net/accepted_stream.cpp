#include "net/accepted_stream.h"

#include <asio/buffer.hpp>
#include <cassert>
#include <utility>

#include "net/tls/faults.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

using asio::ip::tcp;
using Stage = SecureChannel::Stage;

AcceptedStream::AcceptedStream(tcp::socket socket, const std::shared_ptr<const Credentials>& credentials)
    : socket_(std::move(socket)), secured_(credentials != nullptr) {
  if (secured_) channel_ = SecureChannel::make(credentials, Role::kAcceptor, socket_.get_executor());
}

bool AcceptedStream::is_securing() const {
  return channel_ != nullptr && channel_->stage() == Stage::kHandshaking;
}

std::string_view AcceptedStream::read(std::span<char> room, asio::error_code& error) {
  const std::size_t got = socket_.read_some(asio::buffer(room.data(), room.size()), error);
  if (error) return {};
  const std::string_view bytes(room.data(), got);
  if (channel_ == nullptr) {
    if (std::exchange(heard_, true) || !begins_as_tls(bytes)) return bytes;
    refuse(spoke_tls(), error);
    return {};
  }
  plain_.clear();
  channel_->receive(bytes, plain_);
  switch (channel_->stage()) {
    case Stage::kFailed:
      refuse(channel_->failure(), error);
      return {};
    case Stage::kEnded:
      error = asio::error::eof;
      break;
    case Stage::kHandshaking:
    case Stage::kReady: {
      // Whether it could be sent is found when more is.
      asio::error_code ignored;
      send_sealed(ignored);
      if (plain_.empty()) error = asio::error::would_block;
      break;
    }
  }
  return plain_;
}

std::size_t AcceptedStream::write(std::string_view bytes, asio::error_code& error) {
  if (channel_ == nullptr) return bytes.empty() ? 0 : socket_.write_some(asio::buffer(bytes), error);
  send_sealed(error);
  if (error || bytes.empty()) return 0;
  if (!channel_->can_seal()) {
    error = asio::error::not_connected;
    return 0;
  }
  const std::string_view piece = bytes.substr(0, tls_limits::kSealedAtOnce);
  channel_->seal(piece);
  if (channel_->stage() == Stage::kFailed) {
    error = asio::error::no_memory;  // nothing else keeps it from sealing
    return 0;
  }
  send_sealed(error);
  return piece.size();
}

void AcceptedStream::send_sealed(asio::error_code& error) {
  std::string& sealed = channel_->output();
  while (!sealed.empty() && !error) {
    const std::size_t sent = socket_.write_some(asio::buffer(sealed), error);
    if (!error) sealed.erase(0, sent);
  }
}

void AcceptedStream::refuse(const Ending& why, asio::error_code& error) {
  refusal_ = why;
  error = asio::error::connection_aborted;
}

void AcceptedStream::turn_away(std::string_view words) {
  const bool plain = channel_ == nullptr || (refusal_ && refusal_->reason == EndReason::kPlaintext);
  asio::error_code ignored;
  if (plain) {
    socket_.write_some(asio::buffer(words), ignored);
  } else {
    send_sealed(ignored);
  }
  channel_.reset();
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void AcceptedStream::end_writing() {
  asio::error_code ignored;
  if (channel_ != nullptr && channel_->can_seal()) {
    channel_->say_end();
    send_sealed(ignored);
  }
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void AcceptedStream::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace meshdict
