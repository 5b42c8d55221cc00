#pragma once
// One TCP connection of the transport: dialled or accepted, read, written, closed.
//
// 1. The owner is called from handlers only, never from within a call into the connection.
// 2. connection_ended() is the last call, and comes once. After close() or abort() no call comes at all.
// 3. Frames leave in the order of enqueue(), and only in flush().
// 4. A connection that is made secure() is up once both ends have proven what the credentials demand. Until then, and when that
//    fails, its owner hears of it only by connection_refused(). TLS's own messages leave at once.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/env/transport.h"
#include "core/links/end_reason.h"
#include "net/tls/channel.h"
#include "net/tls/credentials.h"

namespace meshdict {

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Where to read into; what was read is handed over before the next use.
    virtual std::span<char> read_buffer() = 0;
    /// A dialled connection is up, or an accepted one that had to be secured first.
    virtual void connection_up(TcpConnection& connection) = 0;
    virtual void connection_data(TcpConnection& connection, std::string_view bytes) = 0;
    /// The kernel has room for what the last flush() left: call flush() again.
    virtual void connection_writable(TcpConnection& connection) = 0;
    /// queued() has fallen to limits::kBulkLowWater or below, from above it.
    virtual void connection_drained(TcpConnection& connection) = 0;
    virtual void connection_ended(TcpConnection& connection, std::string_view detail) = 0;
    /// The connection has ended because of what the far end has proven or how it speaks. It is closing, as after close(), so
    /// that the far end learns of it; connection_closed() follows.
    virtual void connection_refused(TcpConnection& connection, const Ending& ending) = 0;
    /// A close() or a refusal has run its course. Not called after abort().
    virtual void connection_closed(TcpConnection& connection) = 0;
  };

  /// `owner` outlives the connection, or calls abort() before its own end.
  TcpConnection(asio::io_context& io, ConnId id, Owner& owner);

  /// Before adopt() or dial(): the connection is to speak TLS with these.
  void secure(std::shared_ptr<const Credentials> credentials) { credentials_ = std::move(credentials); }
  /// Takes an accepted socket and begins to read. False when there is no memory for TLS: then the connection is over.
  bool adopt(asio::ip::tcp::socket socket);
  /// Resolves and connects, within limits::kDialDeadline in all.
  void dial(const Endpoint& to);

  void enqueue(std::shared_ptr<const std::string> bytes);
  /// Hands the kernel as much as it takes without waiting.
  void flush();
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] Transport::Progress progress() const;
  /// True the first time since the last flush(): for the owner's list of what to flush.
  bool mark_unflushed() { return !std::exchange(unflushed_, true); }
  [[nodiscard]] ConnId id() const { return id_; }
  [[nodiscard]] bool was_dialed() const { return dialed_; }
  /// The id that the far end has proven, if any.
  [[nodiscard]] NodeId proven() const { return channel_ == nullptr ? NodeId() : channel_->proven(); }

  /// Sends the queue, then end of stream, then waits for the peer's, so that no reset destroys what is still on its
  /// way; env_limits::kCloseDeadline in all. The owner still calls flush(). False when there was nothing to send or to
  /// wait for (a dial is given up): then the connection is over.
  bool close();
  /// Ends at once.
  void abort();

 private:
  enum class State : std::uint8_t { kDialing, kSecuring, kOpen, kClosing, kDone };

  void connect_to(std::deque<asio::ip::tcp::endpoint> found);
  void on_dialed(const asio::error_code& error);
  void keep_queue_here();
  void wait_readable();
  void on_readable();
  bool begin_securing(Role role);
  void on_sealed(std::string_view bytes);
  void on_plain(std::string_view bytes);
  void send_sealed();
  void seal_some();
  void refuse(const Ending& ending);
  void limit_closing();
  [[nodiscard]] bool has_unsent() const;
  void wait_writable();
  std::size_t write_once(asio::error_code& error);
  std::size_t gather_and_write(asio::error_code& error);
  void take_off(std::size_t sent);
  void half_close();
  void end(std::string_view detail);
  void release();

  const ConnId id_;
  Owner* owner_;
  State state_ = State::kDialing;
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer deadline_;
  std::shared_ptr<const Credentials> credentials_;
  /// Null: bytes leave as they are.
  std::unique_ptr<SecureChannel> channel_;
  /// Bytes that sealing has added, so that progress() counts in one unit.
  std::uint64_t overhead_ = 0;
  std::deque<std::shared_ptr<const std::string>> queue_;
  /// Bytes of queue_.front() that have left.
  std::size_t head_sent_ = 0;
  std::size_t queued_ = 0;
  /// Bytes of all that was queued.
  std::uint64_t given_ = 0;
  bool unflushed_ = false;
  bool waits_for_room_ = false;
  bool drain_pending_ = false;
  bool write_broken_ = false;
  bool half_closed_ = false;
  bool dialed_ = false;
  /// Something has come.
  bool heard_ = false;
};

}  // namespace meshdict
