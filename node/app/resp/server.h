#pragma once
// The sockets of the Redis-protocol endpoint.
//
// 1. Replies leave in flush() only, which the loop calls once per turn after the commit: what a client has been told is
//    durable, and a turn's replies to one client leave in one write.
// 2. A client that is hung up on for what it sent gets to read why: what it still sends is read and thrown away until it
//    ends, within resp_limits::kMaxDiscarded and kDiscardFor.
// 3. A client costs a socket and its session, and with TLS some 80 KiB more; one buffer serves all reads.
// 4. With credentials every client speaks TLS. Of those in the middle of their handshake there are tls_limits::kMaxHandshakes,
//    each for tls_limits::kHandshakeDeadline; one more takes the place of the oldest of the host that has most.
// 5. Beyond the largest number of clients there is one more place, for an operator on this machine: its connection may do what
//    touches no keys. One that has done nothing for an operator gives way to the next.
// 6. A client that says nothing for RespService::timeout is hung up on, unless it listens or waits.
// 7. Where there is no room for one more client, the oldest that has yet to log in gives way: strangers keep nobody out.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/resp/service.h"
#include "core/links/end_reason.h"
#include "net/listener.h"
#include "net/tls/credentials.h"

namespace meshdict {

class RespServer {
 public:
  /// `service` outlives the server.
  RespServer(asio::io_context& io, RespService& service);
  ~RespServer();
  RespServer(const RespServer&) = delete;
  RespServer& operator=(const RespServer&) = delete;

  /// Binds; the address with the port that was chosen.
  std::expected<Endpoint, ListenFailure> listen(const Endpoint& at);
  void start();
  /// What clients are shown and asked for from now on; null: they speak without TLS.
  void set_credentials(std::shared_ptr<const Credentials> credentials) { credentials_ = std::move(credentials); }

  /// Sends what the sessions have to say, and closes those that are at their end.
  void flush();

  /// Accepts no client and runs no command any more; flush() closes each client once it has its last reply.
  void stop();
  [[nodiscard]] bool drained() const { return clients_.empty(); }

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;

  void on_socket(asio::ip::tcp::socket socket, const Endpoint& remote);
  bool make_room();
  [[nodiscard]] bool has_place_for_operator(const Endpoint& remote);
  void set_keepalive(asio::ip::tcp::socket& socket) const;
  void look_for_idle();
  void limit_handshake(const ClientPtr& client, const Endpoint& remote);
  void turn_away(const ClientPtr& client, const Ending& why);
  void wait_readable(const ClientPtr& client);
  void on_readable(const ClientPtr& client);
  void feed(const ClientPtr& client, std::string_view bytes);
  /// Arms the timer for the end of the WAIT that the client is in now, if it has one.
  void limit_wait(const ClientPtr& client);
  void wait_writable(const ClientPtr& client);
  void resume_later(const ClientPtr& client);
  void serve(const ClientPtr& client);
  void read_away(const ClientPtr& client);
  void keep_reading_away(const ClientPtr& client);
  void drop(const ClientPtr& client);

  asio::io_context& io_;
  RespService& service_;
  std::shared_ptr<const Credentials> credentials_;
  std::unique_ptr<Listener> listener_;
  /// By the id of the session.
  std::unordered_map<std::uint64_t, ClientPtr> clients_;
  /// Those in the middle of a handshake, by the same.
  std::map<std::uint64_t, Endpoint> securing_;
  std::uint64_t operator_ = 0;  ///< the id of the session that is kept for one; 0: none
  asio::steady_timer idle_timer_;
  std::vector<RespSession*> serving_;
  std::vector<char> read_buffer_;
  bool stopping_ = false;
};

}  // namespace meshdict
