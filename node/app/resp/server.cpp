#include "app/resp/server.h"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <utility>

#include "app/resp/limits.h"
#include "app/resp/session.h"

namespace meshdict {

using asio::ip::tcp;

/// Handlers share it and may outlive the session, and then find none.
struct RespServer::Client {
  Client(tcp::socket connected, RespService& service, const Endpoint& remote)
      : socket(std::move(connected)), session(std::make_unique<RespSession>(service, to_string(remote))) {}

  tcp::socket socket;
  std::unique_ptr<RespSession> session;
  bool waits_for_room = false;
  bool reading = false;
  bool resuming = false;
  /// While what it sends is read away.
  std::unique_ptr<asio::steady_timer> patience;
  /// When its WAIT ends at the latest, and the timer for that.
  std::optional<MonoTime> wait_ends;
  std::unique_ptr<asio::steady_timer> wait_timer;
  std::size_t discarded = 0;
};

RespServer::RespServer(asio::io_context& io, RespService& service, OnTrouble on_trouble)
    : io_(io), service_(service), on_trouble_(std::move(on_trouble)), read_buffer_(resp_limits::kReadBuffer) {}

RespServer::~RespServer() {
  for (auto& [id, client] : clients_)
    client->session.reset();
}

std::expected<Endpoint, ListenFailure> RespServer::listen(const Endpoint& at) {
  auto opened = Listener::open(io_, at);
  if (!opened) return std::unexpected(std::move(opened.error()));
  listener_ = std::move(*opened);
  service_.facts.resp_address = listener_->address();
  return listener_->address();
}

void RespServer::start() {
  listener_->start([this](tcp::socket socket, const Endpoint& remote) { on_socket(std::move(socket), remote); },
                   [this](std::string_view detail) { on_trouble_("accept", std::string(detail)); });
}

void RespServer::stop() {
  stopping_ = true;
  listener_.reset();
  for (auto& [id, client] : clients_)
    service_.touch(*client->session);
}

void RespServer::on_socket(tcp::socket socket, const Endpoint& remote) {
  ++service_.stats.connections;
  asio::error_code ignored;
  if (clients_.size() >= service_.max_clients) {
    ++service_.stats.rejected_connections;
    socket.write_some(asio::buffer(std::string_view("-ERR max number of clients reached\r\n")), ignored);
    on_trouble_("max clients", "client " + to_string(remote) + " turned away: there are " +
                                   std::to_string(clients_.size()) + " already");
    return;
  }
  socket.set_option(tcp::socket::keep_alive(true), ignored);
  const auto client = std::make_shared<Client>(std::move(socket), service_, remote);
  clients_.emplace(client->session->id(), client);
  wait_readable(client);
}

void RespServer::wait_readable(const ClientPtr& client) {
  if (client->reading) return;
  client->reading = true;
  client->socket.async_wait(tcp::socket::wait_read, [this, client](asio::error_code) {
    client->reading = false;
    if (client->session != nullptr && !stopping_) on_readable(client);
  });
}

void RespServer::on_readable(const ClientPtr& client) {
  asio::error_code error;
  const std::size_t got = client->socket.read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
  if (error == asio::error::would_block || error == asio::error::try_again) {
    return wait_readable(client);
  }
  RespSession& session = *client->session;
  if (error == asio::error::eof && (!session.output().empty() || session.has_more() || session.held())) {
    // It has said all that it had to say, and may well read the replies: `printf 'PING\r\n' | nc`.
    session.end_input();
    return service_.touch(session);
  }
  if (error) return drop(client);
  feed(client, {read_buffer_.data(), got});
}

void RespServer::feed(const ClientPtr& client, std::string_view bytes) {
  RespSession& session = *client->session;
  session.feed(bytes);
  if (session.needs_service()) service_.touch(session);
  if (session.wait_deadline() != client->wait_ends) limit_wait(client);
  // Also in a wait: whose client goes is not waited for.
  if (session.wants_bytes()) wait_readable(client);
}

void RespServer::limit_wait(const ClientPtr& client) {
  client->wait_ends = client->session->wait_deadline();
  client->wait_timer.reset();
  if (!client->wait_ends) return;
  const MonoTime deadline = *client->wait_ends;
  client->wait_timer = std::make_unique<asio::steady_timer>(io_, deadline - service_.clock.monotonic());
  client->wait_timer->async_wait([client, deadline](asio::error_code cancelled) {
    if (cancelled || client->session == nullptr || client->session->wait_deadline() != deadline) return;
    client->session->give_up_waiting();
  });
}

void RespServer::flush() {
  service_.look_for_room();
  serving_.swap(service_.touched);
  for (RespSession* session : serving_)
    session->clear_touched();
  for (RespSession* session : serving_) {
    const auto found = clients_.find(session->id());
    if (found == clients_.end()) continue;
    // A copy: serving may end the client and take it off the table.
    const ClientPtr client = found->second;
    serve(client);
  }
  serving_.clear();
}

void RespServer::serve(const ClientPtr& client) {
  RespSession& session = *client->session;
  if (session.ended()) return drop(client);
  if (session.cut_off()) {
    on_trouble_("cut off", "client " + session.remote() + " cut off: " + std::to_string(session.unread()) +
                               " bytes of replies unread or too many commands unfinished");
    return drop(client);
  }
  while (!session.output().empty() && !client->waits_for_room) {
    asio::error_code error;
    const std::string_view output = session.output();
    const std::size_t sent = client->socket.write_some(asio::buffer(output.data(), output.size()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable(client);
    } else if (error) {
      return drop(client);
    } else {
      session.sent(sent);
    }
  }
  if (session.has_more() && !stopping_) resume_later(client);
  // Before the last reply has left: one that is still writing may not read before it has written.
  if (session.misunderstood() && !stopping_) read_away(client);
  if (!session.output().empty()) return;
  if (session.misunderstood() && !stopping_) {
    asio::error_code ignored;
    client->socket.shutdown(tcp::socket::shutdown_send, ignored);
  } else if (session.closing() || stopping_) {
    drop(client);
  }
}

void RespServer::read_away(const ClientPtr& client) {
  if (client->patience != nullptr) return;
  client->patience = std::make_unique<asio::steady_timer>(io_, resp_limits::kDiscardFor);
  client->patience->async_wait([this, client](asio::error_code cancelled) {
    if (!cancelled && client->session != nullptr) drop(client);
  });
  keep_reading_away(client);
}

void RespServer::keep_reading_away(const ClientPtr& client) {
  client->socket.async_wait(tcp::socket::wait_read, [this, client](asio::error_code) {
    if (client->session == nullptr) return;
    asio::error_code error;
    client->discarded += client->socket.read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
    const bool over = error && error != asio::error::would_block && error != asio::error::try_again;
    if (over || stopping_ || client->discarded > resp_limits::kMaxDiscarded) return drop(client);
    keep_reading_away(client);
  });
}

void RespServer::wait_writable(const ClientPtr& client) {
  client->waits_for_room = true;
  client->socket.async_wait(tcp::socket::wait_write, [this, client](asio::error_code) {
    client->waits_for_room = false;
    // Sent at the end of the turn: by then newer replies may stand behind the committed ones.
    if (client->session != nullptr) service_.touch(*client->session);
  });
}

void RespServer::resume_later(const ClientPtr& client) {
  if (std::exchange(client->resuming, true)) return;
  asio::post(io_, [this, client] {
    client->resuming = false;
    if (client->session == nullptr || stopping_) return;
    feed(client, {});
  });
}

void RespServer::drop(const ClientPtr& client) {
  // Unread bytes would turn the close into a reset, which may overtake the last reply.
  asio::error_code error;
  constexpr int kDiscards = 16;
  for (int i = 0; i < kDiscards && !error; ++i) {
    client->socket.read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
  }
  client->socket.close(error);
  client->patience.reset();
  client->wait_timer.reset();
  clients_.erase(client->session->id());
  client->session.reset();
}

}  // namespace meshdict
