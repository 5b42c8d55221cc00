#include "app/resp/server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <span>
#include <utility>

#include "app/resp/limits.h"
#include "app/resp/session.h"
#include "net/accepted_stream.h"
#include "net/addresses.h"
#include "net/handshake_room.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

using asio::ip::tcp;

/// Handlers share it and may outlive the session, and then find none.
struct RespServer::Client {
  Client(tcp::socket connected, const std::shared_ptr<const Credentials>& credentials, RespService& service,
         const Endpoint& remote)
      : stream(std::move(connected), credentials), session(std::make_unique<RespSession>(service, to_string(remote))) {}
  tcp::socket& socket() { return stream.socket(); }

  AcceptedStream stream;
  std::unique_ptr<RespSession> session;
  bool waits_for_room = false;
  bool reading = false;
  bool resuming = false;
  /// While its handshake is under way, and while what it sends is read away.
  std::unique_ptr<asio::steady_timer> patience;
  bool turned_away = false;
  /// When its WAIT ends at the latest, and the timer for that.
  std::optional<MonoTime> wait_ends;
  std::unique_ptr<asio::steady_timer> wait_timer;
  std::size_t discarded = 0;
};

RespServer::RespServer(asio::io_context& io, RespService& service)
    : io_(io), service_(service), idle_timer_(io), read_buffer_(resp_limits::kReadBuffer) {}

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
                   [this](std::string_view detail) { service_.tell("accept", std::string(detail)); });
  look_for_idle();
}

void RespServer::look_for_idle() {
  const MonoTime now = service_.clock.monotonic();
  for (const auto& [id, session] : service_.sessions) {
    if (service_.timeout == 0s || session->waiting() || session->held() || session->subscriptions() > 0) continue;
    if (now - session->last_active() < service_.timeout) continue;
    ++service_.stats.timed_out;
    session->end();
  }
  idle_timer_.expires_after(resp_limits::kLookForIdleEvery);
  idle_timer_.async_wait([this](asio::error_code cancelled) {
    if (!cancelled && !stopping_) look_for_idle();
  });
}

bool RespServer::has_place_for_operator(const Endpoint& remote) {
  if (!is_loopback(remote.host) || service_.most_clients < resp_limits::kLeastForOperator) return false;
  const auto found = clients_.find(operator_);
  if (found == clients_.end()) return true;
  if (found->second->session->has_operated()) return false;
  drop(ClientPtr(found->second));
  return true;
}

/// As Redis does: after so long the system asks three times.
void RespServer::set_keepalive(tcp::socket& socket) const {
  const auto seconds = static_cast<int>(service_.keepalive.count());
  asio::error_code ignored;
  socket.set_option(tcp::socket::keep_alive(seconds > 0), ignored);
  if (seconds == 0) return;
  const auto set = [&](int option, int value) {
    setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, seconds);
  set(TCP_KEEPINTVL, std::max(1, seconds / 3));
  set(TCP_KEEPCNT, 3);
}

void RespServer::stop() {
  stopping_ = true;
  listener_.reset();
  idle_timer_.cancel();
  for (auto& [id, client] : clients_)
    service_.touch(*client->session);
}

void RespServer::on_socket(tcp::socket socket, const Endpoint& remote) {
  ++service_.stats.connections;
  asio::error_code ignored;
  const bool full = clients_.size() >= service_.max_clients && !make_room();
  if (full && !has_place_for_operator(remote)) {
    ++service_.stats.rejected_connections;
    socket.write_some(asio::buffer(std::string_view("-ERR max number of clients reached\r\n")), ignored);
    service_.tell("max clients", "client " + to_string(remote) + " turned away: there are " +
                                     std::to_string(clients_.size()) + " already");
    return;
  }
  set_keepalive(socket);
  const auto client = std::make_shared<Client>(std::move(socket), credentials_, service_, remote);
  clients_.emplace(client->session->id(), client);
  if (full) {
    operator_ = client->session->id();
    client->session->keep_for_operator();
  }
  if (!client->stream.usable()) {
    return turn_away(client, {.reason = EndReason::kTlsFailed, .detail = "no memory for TLS"});
  }
  if (client->stream.is_securing()) limit_handshake(client, remote);
  wait_readable(client);
}

/// The oldest of those that have yet to log in, or were refused, gives way. False when there is none.
bool RespServer::make_room() {
  const auto gives_way = [this](const auto& entry) {
    const auto found = clients_.find(entry.first);
    return found != clients_.end() && (entry.second->user() == nullptr || found->second->turned_away);
  };
  const auto oldest = std::ranges::find_if(service_.sessions, gives_way);
  if (oldest == service_.sessions.end()) return false;
  ++service_.stats.rejected_connections;
  service_.tell("max clients",
                "client " + oldest->second->remote() + " had not logged in, and gave its place to another");
  drop(ClientPtr(clients_.at(oldest->first)));
  return true;
}

void RespServer::limit_handshake(const ClientPtr& client, const Endpoint& remote) {
  if (securing_.size() >= tls_limits::kMaxHandshakes) {
    const auto oldest = clients_.find(oldest_of_fullest_host(securing_)->first);
    turn_away(ClientPtr(oldest->second),
              {.reason = EndReason::kTooMany, .detail = "its host has most handshakes under way"});
  }
  securing_.emplace(client->session->id(), remote);
  client->patience = std::make_unique<asio::steady_timer>(io_, tls_limits::kHandshakeDeadline);
  client->patience->async_wait([this, client](asio::error_code cancelled) {
    if (cancelled || client->session == nullptr || !client->stream.is_securing()) return;
    turn_away(client, {.reason = EndReason::kTlsFailed, .detail = "its handshake was not done in time"});
  });
}

void RespServer::turn_away(const ClientPtr& client, const Ending& why) {
  const RespSession& session = *client->session;
  service_.note_refused(why.reason);
  service_.tell(fmt::format("client refused: {}", to_string(why.reason)),
                fmt::format("client {} refused: {} ({})", session.remote(), to_string(why.reason), why.detail));
  securing_.erase(session.id());
  client->turned_away = true;
  client->stream.turn_away(why.reason == EndReason::kPlaintext
                               ? "-ERR this endpoint speaks TLS: use rediss://, or --tls with redis-cli\r\n"
                               : "-ERR this endpoint speaks without TLS: use redis://\r\n");
  client->patience.reset();
  read_away(client);
}

void RespServer::wait_readable(const ClientPtr& client) {
  if (client->reading) return;
  client->reading = true;
  client->socket().async_wait(tcp::socket::wait_read, [this, client](asio::error_code) {
    client->reading = false;
    if (client->session != nullptr && !stopping_) on_readable(client);
  });
}

void RespServer::on_readable(const ClientPtr& client) {
  if (client->turned_away) return;
  RespSession& session = *client->session;
  // Of one that has yet to log in no more is taken than it may have unfinished.
  const std::size_t most = session.user() == nullptr ? resp_limits::kMaxCommandOfStranger : read_buffer_.size();
  asio::error_code error;
  const bool was_securing = client->stream.is_securing();
  const std::string_view got = client->stream.read(std::span(read_buffer_).first(most), error);
  if (client->stream.refusal()) return turn_away(client, *client->stream.refusal());
  if (was_securing && !client->stream.is_securing()) {
    securing_.erase(session.id());
    client->patience.reset();
  }
  if (client->stream.has_unsent()) wait_writable(client);
  const bool nothing = error == asio::error::would_block || error == asio::error::try_again;
  if (nothing) return wait_readable(client);
  if (!got.empty()) feed(client, got);
  if (!error) return;
  if (error == asio::error::eof && (!session.output().empty() || session.has_more() || session.held())) {
    // It has said all that it had to say, and may well read the replies: `printf 'PING\r\n' | nc`.
    session.end_input();
    return service_.touch(session);
  }
  drop(client);
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
  if (session.ended() || (client->turned_away && stopping_)) return drop(client);
  if (client->turned_away) return;
  if (session.cut_off()) {
    service_.tell("cut off", "client " + session.remote() + " cut off: " + std::to_string(session.unread()) +
                                 " bytes of replies unread or too many commands unfinished");
    return drop(client);
  }
  if (session.wait_deadline() != client->wait_ends) limit_wait(client);
  const auto has_unsent = [&] { return !session.output().empty() || client->stream.has_unsent(); };
  while (has_unsent() && !client->waits_for_room) {
    asio::error_code error;
    session.sent(client->stream.write(session.output(), error));
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable(client);
    } else if (error) {
      return drop(client);
    }
  }
  if (session.has_more() && !stopping_) resume_later(client);
  // Before the last reply has left: one that is still writing may not read before it has written.
  if (session.misunderstood() && !stopping_) read_away(client);
  if (has_unsent()) return;
  if (session.misunderstood() && !stopping_) {
    client->stream.end_writing();
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
  client->socket().async_wait(tcp::socket::wait_read, [this, client](asio::error_code) {
    if (client->session == nullptr) return;
    asio::error_code error;
    client->discarded += client->socket().read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
    const bool over = error && error != asio::error::would_block && error != asio::error::try_again;
    if (over || stopping_ || client->discarded > resp_limits::kMaxDiscarded) return drop(client);
    keep_reading_away(client);
  });
}

void RespServer::wait_writable(const ClientPtr& client) {
  if (std::exchange(client->waits_for_room, true)) return;
  client->socket().async_wait(tcp::socket::wait_write, [this, client](asio::error_code) {
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
  if (!client->turned_away) client->stream.end_writing();
  // Unread bytes would turn the close into a reset, which may overtake the last reply.
  asio::error_code error;
  constexpr int kDiscards = 16;
  for (int i = 0; i < kDiscards && !error; ++i) {
    client->socket().read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
  }
  client->stream.close();
  client->patience.reset();
  client->wait_timer.reset();
  securing_.erase(client->session->id());
  clients_.erase(client->session->id());
  client->session.reset();
}

}  // namespace meshdict
