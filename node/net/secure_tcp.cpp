// The part of TcpConnection that speaks TLS, and recognises peers that do not.

#include <algorithm>
#include <asio/buffer.hpp>
#include <utility>

#include "net/tcp_connection.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

using Stage = SecureChannel::Stage;

std::size_t TcpConnection::queued() const {
  return queued_ + (channel_ == nullptr ? 0 : channel_->output().size());
}

bool TcpConnection::has_unsent() const {
  return !queue_.empty() || (channel_ != nullptr && !channel_->output().empty());
}

/// False when there is no memory for it.
bool TcpConnection::begin_securing(Role role) {
  channel_ = SecureChannel::make(credentials_, role, socket_.get_executor());
  if (channel_ == nullptr) return false;
  state_ = State::kSecuring;
  send_sealed();
  wait_readable();
  return true;
}

/// Hands to the kernel what TLS itself has to say: nothing of the engine's is in it, unless that has been let out before.
void TcpConnection::send_sealed() {
  std::string& sealed = channel_->output();
  while (!sealed.empty() && !waits_for_room_) {
    asio::error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(sealed), error);
    if (error == asio::error::would_block || error == asio::error::try_again) return wait_writable();
    // The reading side reports the end.
    if (error) return sealed.clear();
    sealed.erase(0, sent);
  }
}

/// Seals what is at the head of the queue: small frames together.
void TcpConnection::seal_some() {
  std::string plain;
  std::size_t skip = head_sent_;
  for (const auto& bytes : queue_) {
    const std::size_t room = tls_limits::kSealedAtOnce - plain.size();
    if (room == 0) break;
    plain.append(*bytes, skip, room);
    skip = 0;
  }
  take_off(plain.size());
  channel_->seal(plain);
  const std::size_t sealed = channel_->output().size();
  overhead_ += sealed - std::min(sealed, plain.size());
}

void TcpConnection::on_plain(std::string_view bytes) {
  if (!std::exchange(heard_, true) && begins_as_tls(bytes)) return refuse(spoke_tls());
  owner_->connection_data(*this, bytes);
}

void TcpConnection::on_sealed(std::string_view bytes) {
  std::string plain;
  channel_->receive(bytes, plain);
  const Stage stage = channel_->stage();
  if (stage != Stage::kFailed) send_sealed();
  if (state_ == State::kSecuring) {
    if (stage == Stage::kFailed) return refuse(channel_->failure());
    if (stage == Stage::kHandshaking) return;
    if (stage == Stage::kEnded && plain.empty()) return end("end of stream");
    deadline_.cancel();
    state_ = State::kOpen;
    owner_->connection_up(*this);
  }
  if (state_ == State::kOpen && !plain.empty()) owner_->connection_data(*this, plain);
  if (state_ != State::kOpen) return;
  if (stage == Stage::kFailed) return refuse(channel_->failure());
  if (stage == Stage::kEnded) end("end of stream");
}

/// Closes like close(), so that an alert gets to the far end, and tells the owner why.
void TcpConnection::refuse(const Ending& ending) {
  const auto self = shared_from_this();
  state_ = State::kClosing;
  queue_.clear();
  queued_ = 0;
  head_sent_ = 0;
  limit_closing();
  if (channel_ != nullptr) send_sealed();
  if (!has_unsent()) half_close();
  owner_->connection_refused(*this, ending);
}

}  // namespace meshdict
