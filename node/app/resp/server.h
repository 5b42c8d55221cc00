#pragma once
// The sockets of the Redis-protocol endpoint.
//
// 1. Replies leave in flush() only, which the loop calls once per turn after the commit: what a client has been told is
//    durable, and a turn's replies to one client leave in one write.
// 2. A client that is hung up on for what it sent gets to read why: what it still sends is read and thrown away until it
//    ends, within resp_limits::kMaxDiscarded and kDiscardFor.
// 3. A client costs a socket and its session; one buffer serves all reads.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/resp/service.h"
#include "net/listener.h"

namespace meshdict {

class RespServer {
 public:
  /// What strangers can cause; for a log that limits repeated kinds.
  using OnTrouble = std::function<void(std::string_view kind, const std::string& detail)>;

  /// `service` outlives the server.
  RespServer(asio::io_context& io, RespService& service, OnTrouble on_trouble);
  ~RespServer();
  RespServer(const RespServer&) = delete;
  RespServer& operator=(const RespServer&) = delete;

  /// Binds; the address with the port that was chosen.
  std::expected<Endpoint, ListenFailure> listen(const Endpoint& at);
  void start();

  /// Sends what the sessions have to say, and closes those that are at their end.
  void flush();

  /// Accepts no client and runs no command any more; flush() closes each client once it has its last reply.
  void stop();
  [[nodiscard]] bool drained() const { return clients_.empty(); }

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;

  void on_socket(asio::ip::tcp::socket socket, const Endpoint& remote);
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
  OnTrouble on_trouble_;
  std::unique_ptr<Listener> listener_;
  /// By the id of the session.
  std::unordered_map<std::uint64_t, ClientPtr> clients_;
  std::vector<RespSession*> serving_;
  std::vector<char> read_buffer_;
  bool stopping_ = false;
};

}  // namespace meshdict
