#include "net/tcp_connection.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <cassert>
#include <utility>

#include "core/env/limits.h"
#include "core/limits.h"
#include "net/close_on_exec.h"
#include "net/net_limits.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

using asio::ip::tcp;

namespace {

Ending too_slow() {
  return {.reason = EndReason::kTlsFailed, .detail = "its handshake was not done in time"};
}

}  // namespace

TcpConnection::TcpConnection(asio::io_context& io, ConnId id, Owner& owner)
    : id_(id), owner_(&owner), socket_(io), resolver_(io), deadline_(io) {}

bool TcpConnection::adopt(tcp::socket socket) {
  assert(state_ == State::kDialing);
  socket_ = std::move(socket);
  keep_queue_here();
  if (credentials_ != nullptr) {
    deadline_.expires_after(tls_limits::kHandshakeDeadline);
    deadline_.async_wait([self = shared_from_this()](asio::error_code error) {
      if (!error && self->state_ == State::kSecuring) self->refuse(too_slow());
    });
    if (begin_securing(Role::kAcceptor)) return true;
    release();
    return false;
  }
  state_ = State::kOpen;
  wait_readable();
  return true;
}

void TcpConnection::dial(const Endpoint& to) {
  assert(state_ == State::kDialing);
  dialed_ = true;
  deadline_.expires_after(limits::kDialDeadline);
  deadline_.async_wait([self = shared_from_this()](asio::error_code error) {
    if (!error && self->state_ == State::kDialing) self->end("not answered in time");
    if (!error && self->state_ == State::kSecuring) self->refuse(too_slow());
  });
  asio::error_code not_numeric;
  const auto address = asio::ip::make_address(to.host, not_numeric);
  if (!not_numeric) {
    connect_to({tcp::endpoint(address, to.port)});
    return;
  }
  resolver_.async_resolve(to.host, std::to_string(to.port), tcp::resolver::numeric_service,
                          [self = shared_from_this()](asio::error_code error, tcp::resolver::results_type found) {
                            if (self->state_ != State::kDialing) return;
                            if (error) return self->end(error.message());
                            self->connect_to({found.begin(), found.end()});
                          });
}

/// Tries one after the other. REQUIRES: there is one.
void TcpConnection::connect_to(std::deque<tcp::endpoint> found) {
  const tcp::endpoint next = found.front();
  found.pop_front();
  asio::error_code error;
  socket_.close(error);
  socket_.open(next.protocol(), error);
  if (error) return end(error.message());
  close_on_exec(socket_);
  socket_.async_connect(next, [self = shared_from_this(), left = std::move(found)](asio::error_code outcome) {
    if (self->state_ != State::kDialing) return;
    if (outcome && !left.empty()) return self->connect_to(left);
    self->on_dialed(outcome);
  });
}

void TcpConnection::on_dialed(const asio::error_code& error) {
  if (error) return end(error.message());
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  keep_queue_here();
  if (credentials_ != nullptr) {
    if (!begin_securing(Role::kDialer)) end("no memory for TLS");
    return;
  }
  deadline_.cancel();
  state_ = State::kOpen;
  wait_readable();
  owner_->connection_up(*this);
}

void TcpConnection::enqueue(std::shared_ptr<const std::string> bytes) {
  if (state_ == State::kDone || state_ == State::kClosing || write_broken_) return;
  if (bytes->empty()) return;
  queued_ += bytes->size();
  given_ += bytes->size();
  queue_.push_back(std::move(bytes));
}

/// The kernel would take megabytes that wait for a slow line: queued() would not count them, and a small message could not be
/// put before what is left to be sent.
void TcpConnection::keep_queue_here() {
  using NotSentLowWater = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
  asio::error_code ignored;
  socket_.set_option(NotSentLowWater(net_limits::kNotSentLowWater), ignored);
}

Transport::Progress TcpConnection::progress() const {
  if (state_ != State::kOpen) return {};
  // What the kernel holds counts as not taken: it may hold megabytes.
  int unacknowledged = 0;
  const int fd = const_cast<tcp::socket&>(socket_).native_handle();  // reads only
  if (ioctl(fd, SIOCOUTQ, &unacknowledged) != 0 || unacknowledged < 0) unacknowledged = 0;
  const std::uint64_t left = queued() + static_cast<std::uint64_t>(unacknowledged);
  const std::uint64_t given = given_ + overhead_;
  return {.given = given, .taken = given - std::min(given, left)};
}

void TcpConnection::flush() {
  unflushed_ = false;
  if (state_ != State::kOpen && state_ != State::kClosing) return;
  const std::size_t before = queued();
  while (has_unsent() && !waits_for_room_) {
    asio::error_code error;
    const std::size_t sent = write_once(error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable();
    } else if (error) {
      // What the peer sent before it went is still to be read, so the reading side reports the end.
      write_broken_ = true;
      queue_.clear();
      queued_ = 0;
      head_sent_ = 0;
      if (channel_ != nullptr) channel_->output().clear();
      asio::error_code ignored;
      socket_.shutdown(tcp::socket::shutdown_both, ignored);
    } else {
      take_off(sent);
    }
  }
  if (state_ == State::kClosing) {
    if (!has_unsent()) half_close();
    return;
  }
  if (before > limits::kBulkLowWater && queued() <= limits::kBulkLowWater && !drain_pending_) {
    drain_pending_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      self->drain_pending_ = false;
      if (self->state_ == State::kOpen) self->owner_->connection_drained(*self);
    });
  }
}

/// Bytes of the queue that have left, or have been sealed to leave.
std::size_t TcpConnection::write_once(asio::error_code& error) {
  if (channel_ == nullptr) return gather_and_write(error);
  std::string& sealed = channel_->output();
  if (sealed.empty()) seal_some();
  if (channel_->stage() == SecureChannel::Stage::kFailed) {
    // Nothing else keeps it from sealing.
    error = asio::error::no_memory;
    return 0;
  }
  const std::size_t sent = socket_.write_some(asio::buffer(sealed), error);
  if (!error) sealed.erase(0, sent);
  return 0;
}

std::size_t TcpConnection::gather_and_write(asio::error_code& error) {
  std::array<asio::const_buffer, net_limits::kGather> parts;
  std::size_t count = 0;
  std::size_t skip = head_sent_;
  for (const auto& bytes : queue_) {
    if (count == parts.size()) break;
    parts[count++] = asio::buffer(*bytes) + skip;
    skip = 0;
  }
  return socket_.write_some(std::span(parts).first(count), error);
}

void TcpConnection::take_off(std::size_t sent) {
  assert(sent <= queued_);
  queued_ -= sent;
  head_sent_ += sent;
  while (!queue_.empty() && head_sent_ >= queue_.front()->size()) {
    head_sent_ -= queue_.front()->size();
    queue_.pop_front();
  }
}

void TcpConnection::wait_writable() {
  waits_for_room_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](asio::error_code) {
    self->waits_for_room_ = false;
    // Not sent here: behind what may leave there may be frames of this turn, which has not been committed.
    if (self->state_ == State::kSecuring) self->send_sealed();
    if (self->state_ == State::kOpen || self->state_ == State::kClosing) self->owner_->connection_writable(*self);
  });
}

void TcpConnection::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](asio::error_code) {
    const bool reads =
        self->state_ == State::kSecuring || self->state_ == State::kOpen || self->state_ == State::kClosing;
    if (reads) self->on_readable();
  });
}

void TcpConnection::on_readable() {
  const std::span<char> room = owner_->read_buffer();
  asio::error_code error;
  const std::size_t got = socket_.read_some(asio::buffer(room.data(), room.size()), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return wait_readable();
  if (error) return end(error == asio::error::eof ? "end of stream" : error.message());
  if (state_ != State::kClosing) {
    const std::string_view bytes(room.data(), got);
    if (channel_ != nullptr) {
      on_sealed(bytes);
    } else {
      on_plain(bytes);
    }
  }
  if (state_ != State::kDone) wait_readable();
}

bool TcpConnection::close() {
  assert(state_ != State::kClosing);
  if (state_ != State::kOpen) {
    abort();
    return false;
  }
  state_ = State::kClosing;
  limit_closing();
  return true;
}

void TcpConnection::limit_closing() {
  deadline_.expires_after(env_limits::kCloseDeadline);
  deadline_.async_wait([self = shared_from_this()](asio::error_code error) {
    if (!error && self->state_ == State::kClosing) self->end("closing took too long");
  });
}

void TcpConnection::half_close() {
  if (half_closed_) return;
  half_closed_ = true;
  if (channel_ != nullptr && channel_->stage() == SecureChannel::Stage::kReady) {
    channel_->say_end();
    send_sealed();
  }
  asio::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TcpConnection::end(std::string_view detail) {
  const bool was_closing = state_ == State::kClosing;
  const std::string text(detail);
  const auto self = shared_from_this();
  release();
  if (was_closing) {
    owner_->connection_closed(*this);
  } else {
    owner_->connection_ended(*this, text);
  }
}

void TcpConnection::abort() {
  release();
}

void TcpConnection::release() {
  state_ = State::kDone;
  asio::error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  deadline_.cancel();
  queue_.clear();
  queued_ = 0;
}

}  // namespace meshdict
