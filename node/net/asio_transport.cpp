#include "net/asio_transport.h"

#include <cassert>
#include <utility>

#include "core/env/limits.h"
#include "net/handshake_room.h"
#include "net/net_limits.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

AsioTransport::AsioTransport(asio::io_context& io) : io_(io), read_buffer_(env_limits::kReadBuffer) {}

AsioTransport::~AsioTransport() {
  for (auto& [id, connection] : open_)
    connection->abort();
  for (auto& [id, connection] : closing_)
    connection->abort();
}

std::expected<Endpoint, ListenFailure> AsioTransport::listen(const Endpoint& at) {
  auto opened = Listener::open(io_, at);
  if (!opened) return std::unexpected(std::move(opened.error()));
  listener_ = std::move(*opened);
  return listener_->address();
}

void AsioTransport::start_accepting() {
  assert(listener_ != nullptr && events_ != nullptr);
  listener_->start([this](asio::ip::tcp::socket socket, const Endpoint& remote) { accept(std::move(socket), remote); },
                   [this](std::string_view detail) { events_->on_listen_trouble(detail); });
}

void AsioTransport::stop_listening() {
  listener_.reset();
}

void AsioTransport::accept(asio::ip::tcp::socket socket, const Endpoint& remote) {
  if (credentials_ != nullptr) make_room_for_handshake();
  const ConnectionPtr connection = make_connection();
  if (credentials_ != nullptr) securing_.emplace(connection->id(), remote);
  if (!connection->adopt(std::move(socket))) {
    securing_.erase(connection->id());
    open_.erase(connection->id());
    events_->on_turned_away(remote, {.reason = EndReason::kTlsFailed, .detail = "no memory for TLS"});
  } else if (credentials_ == nullptr) {
    events_->on_accepted(connection->id(), remote);
  }
}

/// The host with most handshakes loses its oldest.
void AsioTransport::make_room_for_handshake() {
  if (securing_.size() < tls_limits::kMaxHandshakes) return;
  const auto oldest = oldest_of_fullest_host(securing_);
  const Endpoint remote = oldest->second;
  const auto found = open_.find(oldest->first);
  assert(found != open_.end());
  found->second->abort();
  open_.erase(found);
  securing_.erase(oldest);
  events_->on_turned_away(remote, {.reason = EndReason::kTooMany, .detail = "its host has most handshakes under way"});
}

AsioTransport::ConnectionPtr AsioTransport::make_connection() {
  const ConnId id{++last_id_};
  Owner& owner = *this;
  auto connection = std::make_shared<TcpConnection>(io_, id, owner);
  if (credentials_ != nullptr) connection->secure(credentials_);
  open_.emplace(id, connection);
  return connection;
}

ConnId AsioTransport::dial(const Endpoint& to) {
  const ConnectionPtr connection = make_connection();
  connection->dial(to);
  return connection->id();
}

void AsioTransport::send(ConnId conn, const Frame& frame) {
  const auto found = open_.find(conn);
  if (found == open_.end()) return;
  flush_later(found->second);
  found->second->enqueue(frame.bytes);
}

std::size_t AsioTransport::queued(ConnId conn) const {
  const auto found = open_.find(conn);
  return found == open_.end() ? 0 : found->second->queued();
}

Transport::Progress AsioTransport::progress(ConnId conn) const {
  const auto found = open_.find(conn);
  return found == open_.end() ? Progress() : found->second->progress();
}

void AsioTransport::close(ConnId conn) {
  const auto found = open_.find(conn);
  if (found == open_.end()) return;
  const ConnectionPtr connection = std::move(found->second);
  open_.erase(found);
  if (!connection->close()) return;
  flush_later(connection);
  keep_closing(connection);
}

NodeId AsioTransport::proven(ConnId conn) const {
  const auto found = open_.find(conn);
  return found == open_.end() ? NodeId() : found->second->proven();
}

void AsioTransport::keep_closing(const ConnectionPtr& connection) {
  closing_.emplace(connection->id(), connection);
  if (closing_.size() > most_closing_) {
    closing_.begin()->second->abort();
    closing_.erase(closing_.begin());
  }
}

void AsioTransport::flush_later(const ConnectionPtr& connection) {
  if (connection->mark_unflushed()) unflushed_.push_back(connection);
}

void AsioTransport::flush() {
  for (const ConnectionPtr& connection : unflushed_)
    connection->flush();
  unflushed_.clear();
}

void AsioTransport::connection_up(TcpConnection& connection) {
  const auto accepted = securing_.extract(connection.id());
  if (accepted) {
    events_->on_accepted(connection.id(), accepted.mapped());
  } else {
    events_->on_connected(connection.id());
  }
}

void AsioTransport::connection_data(TcpConnection& connection, std::string_view bytes) {
  events_->on_data(connection.id(), bytes);
}

void AsioTransport::connection_writable(TcpConnection& connection) {
  flush_later(connection.shared_from_this());
}

void AsioTransport::connection_drained(TcpConnection& connection) {
  events_->on_drained(connection.id());
}

void AsioTransport::connection_ended(TcpConnection& connection, std::string_view detail) {
  open_.erase(connection.id());
  const auto accepted = securing_.extract(connection.id());
  if (accepted) {
    events_->on_turned_away(accepted.mapped(), {.reason = EndReason::kClosedByPeer, .detail = std::string(detail)});
  } else {
    events_->on_closed(connection.id(), detail);
  }
}

void AsioTransport::connection_refused(TcpConnection& connection, const Ending& ending) {
  open_.erase(connection.id());
  keep_closing(connection.shared_from_this());
  const auto accepted = securing_.extract(connection.id());
  if (accepted) {
    events_->on_turned_away(accepted.mapped(), ending);
  } else {
    events_->on_refused(connection.id(), ending);
  }
}

void AsioTransport::connection_closed(TcpConnection& connection) {
  closing_.erase(connection.id());
}

}  // namespace meshdict
