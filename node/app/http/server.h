#pragma once
// The sockets of the HTTP endpoint, on the node's loop.
//
// 1. Answers leave in flush() only, which the loop calls once per turn after the commit: what is shown is durable, as with replies to
//    Redis clients.
// 2. One answer is made at a time, whoever asks, and after it none for http_limits::kRestPerAnswer times as long as it took: clients
//    of this port can slow each other down, and neither the mesh nor Redis clients.
// 3. A connection holds a head and one answer; it is read only while it has neither to send nor to wait for. So a pipeline is
//    answered in order, and costs no memory.
// 4. Every state of a connection has a deadline. Who is hung up on gets to read why.
//
// Not thread-safe.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/http/pages.h"
#include "core/env/clock.h"
#include "net/listener.h"

namespace meshdict {

class HttpServer {
 public:
  /// What strangers can cause; for a log that limits repeated kinds.
  using OnTrouble = std::function<void(std::string_view kind, const std::string& detail)>;

  /// The references outlive the server. `most`: connections at a time.
  HttpServer(asio::io_context& io, const Clock& clock, HttpPages& pages, std::size_t most, OnTrouble on_trouble);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds; the address with the port that was chosen.
  std::expected<Endpoint, ListenFailure> listen(const Endpoint& at);
  void start();
  /// Sends what was answered.
  void flush();
  /// Ends all connections: nobody waits for a page.
  void stop();

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;

  void on_socket(asio::ip::tcp::socket socket, const Endpoint& remote);
  void wait_readable(const ClientPtr& client);
  void on_readable(const ClientPtr& client);
  void read_away(const ClientPtr& client, std::string_view bytes);
  /// Looks at what has come, after more of it, or after an answer.
  void look(const ClientPtr& client, std::string_view bytes);
  void answer_later();
  void answer_next();
  void reply(const ClientPtr& client, const HttpResponse& response, HttpMethod method, bool keep_alive);
  void serve(const ClientPtr& client);
  void after_answer(const ClientPtr& client);
  void limit(const ClientPtr& client, std::chrono::seconds patience);
  void on_deadline(const ClientPtr& client);
  /// By value: what is given may be the place in the table that it leaves.
  void drop(ClientPtr client);

  asio::io_context& io_;
  const Clock& clock_;
  HttpPages& pages_;
  std::size_t most_;
  OnTrouble on_trouble_;
  std::unique_ptr<Listener> listener_;
  std::set<ClientPtr> clients_;
  std::deque<ClientPtr> asking_;     ///< have a head, and wait for their turn
  std::vector<ClientPtr> answered_;  ///< have something to send
  asio::steady_timer rest_;          ///< until the next answer is made
  bool resting_ = false;
  std::vector<char> read_buffer_;
};

}  // namespace meshdict
