#include "net/asio_transport.h"

#include <cassert>
#include <utility>

#include "core/env/limits.h"
#include "net/net_limits.h"

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
  listener_->start(
      [this](asio::ip::tcp::socket socket, const Endpoint& remote) {
        const ConnectionPtr connection = make_connection();
        connection->adopt(std::move(socket));
        events_->on_accepted(connection->id(), remote);
      },
      [this](std::string_view detail) { events_->on_listen_trouble(detail); });
}

void AsioTransport::stop_listening() {
  listener_.reset();
}

AsioTransport::ConnectionPtr AsioTransport::make_connection() {
  const ConnId id{++last_id_};
  Owner& owner = *this;
  auto connection = std::make_shared<TcpConnection>(io_, id, owner);
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
  closing_.emplace(conn, connection);
  if (closing_.size() > net_limits::kMaxClosing) {
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
  events_->on_connected(connection.id());
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
  events_->on_closed(connection.id(), detail);
}

void AsioTransport::connection_closed(TcpConnection& connection) {
  closing_.erase(connection.id());
}

}  // namespace meshdict
