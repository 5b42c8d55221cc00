#pragma once
// One TCP connection of the transport: dialled or accepted, read, written, closed.
//
// 1. The owner is called from handlers only, never from within a call into the connection.
// 2. connection_ended() is the last call, and comes once. After close() or abort() no call comes at all.
// 3. Frames leave in the order of enqueue(), and only in flush().

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

namespace meshdict {

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Where to read into; what was read is handed over before the next use.
    virtual std::span<char> read_buffer() = 0;
    virtual void connection_up(TcpConnection& connection) = 0;
    virtual void connection_data(TcpConnection& connection, std::string_view bytes) = 0;
    /// The kernel has room for what the last flush() left: it wants another.
    virtual void connection_writable(TcpConnection& connection) = 0;
    /// queued() has fallen to limits::kBulkLowWater or below, from above it.
    virtual void connection_drained(TcpConnection& connection) = 0;
    virtual void connection_ended(TcpConnection& connection, std::string_view detail) = 0;
    /// A close() has run its course. Not called for abort().
    virtual void connection_closed(TcpConnection& connection) = 0;
  };

  /// `owner` outlives the connection, or calls abort() before its own end.
  TcpConnection(asio::io_context& io, ConnId id, Owner& owner);

  /// Takes an accepted socket and begins to read.
  void adopt(asio::ip::tcp::socket socket);
  /// Resolves and connects, within limits::kDialDeadline in all.
  void dial(const Endpoint& to);

  void enqueue(std::shared_ptr<const std::string> bytes);
  /// Hands to the kernel what it takes without waiting.
  void flush();
  [[nodiscard]] std::size_t queued() const { return queued_; }
  [[nodiscard]] Transport::Progress progress() const;
  /// True the first time since the last flush(): for the owner's list of what to flush.
  bool mark_unflushed() { return !std::exchange(unflushed_, true); }
  [[nodiscard]] ConnId id() const { return id_; }

  /// Sends the queue, then end of stream, then waits for the peer's, so that no reset destroys what is still on its
  /// way; env_limits::kCloseDeadline in all. The owner still calls flush(). False when there was nothing to send or to
  /// wait for (a dial is given up): it is over then.
  bool close();
  /// Ends at once.
  void abort();

 private:
  enum class State : std::uint8_t { kDialing, kOpen, kClosing, kDone };

  void connect_to(std::deque<asio::ip::tcp::endpoint> found);
  void on_dialed(const asio::error_code& error);
  void keep_queue_here();
  void wait_readable();
  void on_readable();
  void wait_writable();
  std::size_t write_once(asio::error_code& error);
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
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t head_sent_ = 0;  ///< bytes of queue_.front() that have left
  std::size_t queued_ = 0;
  std::uint64_t given_ = 0;  ///< bytes of all that was queued
  bool unflushed_ = false;
  bool waits_for_room_ = false;
  bool drain_pending_ = false;
  bool write_broken_ = false;
  bool half_closed_ = false;
};

}  // namespace meshdict
