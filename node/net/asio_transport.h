#pragma once
// Transport over TCP, on one io_context and one thread.
//
// 1. The engine is called from handlers only, never from within a Transport call.
// 2. Nothing leaves before flush(): the driver of the engine calls it once per turn, after the commit, so that no peer
//    sees what would not survive a crash; frames of one turn are gathered into few writes.
// 3. With credentials, connections speak TLS, and the engine hears only of those whose far end has proven what is demanded.
//    Handshakes that are under way are bounded in number, by host, so that no host takes the room of others.
// 4. A silent connection costs a socket and a few hundred bytes: one buffer serves all reads.

#include <asio/io_context.hpp>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/env/transport.h"
#include "net/listener.h"
#include "net/net_limits.h"
#include "net/tcp_connection.h"

namespace meshdict {

/// What a transport tells its user: the inputs of an engine, and trouble with the listening socket.
class TransportEvents {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_accepted(ConnId conn, const Endpoint& remote) = 0;
  virtual void on_connected(ConnId conn) = 0;
  virtual void on_data(ConnId conn, std::string_view bytes) = 0;
  virtual void on_drained(ConnId conn) = 0;
  virtual void on_closed(ConnId conn, std::string_view detail) = 0;
  /// The same, because of what the far end has proven or how it speaks; for a dial, too.
  virtual void on_refused(ConnId conn, const Ending& ending) = 0;
  /// The same for a connection of which on_accepted() has not told.
  virtual void on_turned_away(const Endpoint& remote, const Ending& ending) = 0;
  virtual void on_listen_trouble(std::string_view detail) = 0;
};

class AsioTransport final : public Transport, private TcpConnection::Owner {
 public:
  explicit AsioTransport(asio::io_context& io);
  ~AsioTransport() override;
  AsioTransport(const AsioTransport&) = delete;
  AsioTransport& operator=(const AsioTransport&) = delete;

  /// Before anything else; `events` outlives the transport.
  void set_events(TransportEvents& events) { events_ = &events; }
  /// For connections from now on; existing ones keep what they have. Null: they speak without TLS.
  void set_credentials(std::shared_ptr<const Credentials> credentials) { credentials_ = std::move(credentials); }
  /// Binds; the address with the port that was chosen.
  std::expected<Endpoint, ListenFailure> listen(const Endpoint& at);
  /// Begins to accept.
  void start_accepting();
  void stop_listening();

  /// Closing connections kept at a time, instead of net_limits::kMaxClosing.
  void limit_closing(std::size_t most) { most_closing_ = most; }
  /// Writes what has been queued since the last call.
  void flush();
  /// True when no connection is open or closing.
  [[nodiscard]] bool idle() const { return open_.empty() && closing_.empty(); }

  ConnId dial(const Endpoint& to) override;
  void send(ConnId conn, const Frame& frame) override;
  [[nodiscard]] std::size_t queued(ConnId conn) const override;
  [[nodiscard]] Progress progress(ConnId conn) const override;
  [[nodiscard]] NodeId proven(ConnId conn) const override;
  void close(ConnId conn) override;

 private:
  using ConnectionPtr = std::shared_ptr<TcpConnection>;

  std::span<char> read_buffer() override { return read_buffer_; }
  void connection_up(TcpConnection& connection) override;
  void connection_data(TcpConnection& connection, std::string_view bytes) override;
  void connection_writable(TcpConnection& connection) override;
  void connection_drained(TcpConnection& connection) override;
  void connection_ended(TcpConnection& connection, std::string_view detail) override;
  void connection_refused(TcpConnection& connection, const Ending& ending) override;
  void connection_closed(TcpConnection& connection) override;
  void accept(asio::ip::tcp::socket socket, const Endpoint& remote);
  void make_room_for_handshake();
  void keep_closing(const ConnectionPtr& connection);
  ConnectionPtr make_connection();
  void flush_later(const ConnectionPtr& connection);

  asio::io_context& io_;
  TransportEvents* events_ = nullptr;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<const Credentials> credentials_;
  /// Where accepted connections come from that have not proven themselves yet. Ordered by age.
  std::map<ConnId, Endpoint> securing_;
  std::uint64_t last_id_ = 0;
  std::size_t most_closing_ = net_limits::kMaxClosing;
  std::unordered_map<ConnId, ConnectionPtr> open_;
  /// Connections that the engine has closed. Ordered by age.
  std::map<ConnId, ConnectionPtr> closing_;
  std::vector<ConnectionPtr> unflushed_;
  std::vector<char> read_buffer_;
};

}  // namespace meshdict
