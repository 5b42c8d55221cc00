#include "app/http/server.h"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <utility>

#include "app/http/limits.h"

namespace meshdict {

using asio::ip::tcp;

/// Handlers share it and may outlive its place in the table.
struct HttpServer::Client {
  enum class State : std::uint8_t {
    kReading,    ///< waits for a head
    kAsking,     ///< has one, and waits for its turn
    kAnswering,  ///< its answer is to leave
    kLeaving,    ///< was hung up on: what it still sends is read away
    kGone,
  };

  Client(asio::io_context& io, tcp::socket connected) : socket(std::move(connected)), deadline(io) {}

  tcp::socket socket;
  asio::steady_timer deadline;
  State state = State::kReading;
  HttpHead head;
  std::string output;
  std::size_t sent = 0;
  bool keep_alive = true;
  bool reading = false;
  bool waits_for_room = false;
  std::size_t discarded = 0;
};

HttpServer::HttpServer(asio::io_context& io, const Clock& clock, HttpPages& pages, std::size_t most,
                       OnTrouble on_trouble)
    : io_(io),
      clock_(clock),
      pages_(pages),
      most_(most),
      on_trouble_(std::move(on_trouble)),
      rest_(io),
      read_buffer_(http_limits::kReadBuffer) {}

HttpServer::~HttpServer() {
  for (const ClientPtr& client : clients_)
    client->state = Client::State::kGone;
}

std::expected<Endpoint, ListenFailure> HttpServer::listen(const Endpoint& at) {
  auto opened = Listener::open(io_, at);
  if (!opened) return std::unexpected(std::move(opened.error()));
  listener_ = std::move(*opened);
  return listener_->address();
}

void HttpServer::start() {
  listener_->start([this](tcp::socket socket, const Endpoint& remote) { on_socket(std::move(socket), remote); },
                   [this](std::string_view detail) { on_trouble_("accept", std::string(detail)); });
}

void HttpServer::stop() {
  listener_.reset();
  while (!clients_.empty())
    drop(*clients_.begin());
}

void HttpServer::on_socket(tcp::socket socket, const Endpoint& remote) {
  if (clients_.size() >= most_) {
    ++pages_.facts().answers[503];
    asio::error_code ignored;
    const std::string wire =
        wire_of(text_response(503, "too many connections to this port"), HttpMethod::kGet, false, clock_.wall());
    socket.write_some(asio::buffer(wire), ignored);
    on_trouble_("http connections", "HTTP client " + to_string(remote) + " turned away: there are " +
                                        std::to_string(clients_.size()) + " connections already");
    return;
  }
  const auto client = std::make_shared<Client>(io_, std::move(socket));
  clients_.insert(client);
  pages_.facts().connections = clients_.size();
  limit(client, http_limits::kHeadPatience);
  wait_readable(client);
}

void HttpServer::wait_readable(const ClientPtr& client) {
  if (std::exchange(client->reading, true)) return;
  client->socket.async_wait(tcp::socket::wait_read, [this, client](asio::error_code) {
    client->reading = false;
    if (client->state == Client::State::kReading || client->state == Client::State::kLeaving) on_readable(client);
  });
}

void HttpServer::on_readable(const ClientPtr& client) {
  asio::error_code error;
  const std::size_t got = client->socket.read_some(asio::buffer(read_buffer_.data(), read_buffer_.size()), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return wait_readable(client);
  if (error) return drop(client);
  const std::string_view bytes(read_buffer_.data(), got);
  if (client->state == Client::State::kLeaving) return read_away(client, bytes);
  // From its first byte a head has its time, also after a pause between requests.
  if (client->head.empty()) limit(client, http_limits::kHeadPatience);
  look(client, bytes);
}

void HttpServer::read_away(const ClientPtr& client, std::string_view bytes) {
  client->discarded += bytes.size();
  if (client->discarded > http_limits::kMaxDiscarded) return drop(client);
  wait_readable(client);
}

void HttpServer::look(const ClientPtr& client, std::string_view bytes) {
  if (const auto good = client->head.feed(bytes); !good) {
    return reply(client, response_of(good.error()), HttpMethod::kGet, false);
  }
  if (!client->head.complete()) return wait_readable(client);
  client->state = Client::State::kAsking;
  client->deadline.cancel();
  asking_.push_back(client);
  answer_later();
}

void HttpServer::answer_later() {
  if (resting_ || asking_.empty()) return;
  // Through the loop, so that answers of one turn are not made in a row without a rest.
  resting_ = true;
  rest_.expires_after({});
  rest_.async_wait([this](asio::error_code cancelled) {
    if (!cancelled) answer_next();
  });
}

void HttpServer::answer_next() {
  resting_ = false;
  while (!asking_.empty() && asking_.front()->state != Client::State::kAsking)
    asking_.pop_front();
  if (asking_.empty()) return;
  const ClientPtr client = std::move(asking_.front());
  asking_.pop_front();
  const MonoTime begun = clock_.monotonic();
  if (const auto request = parse_request(client->head.take()); !request) {
    reply(client, response_of(request.error()), HttpMethod::kGet, false);
  } else {
    reply(client, pages_.answer(*request), request->method, request->keep_alive);
  }
  resting_ = true;
  rest_.expires_after(http_limits::kRestPerAnswer * (clock_.monotonic() - begun));
  rest_.async_wait([this](asio::error_code cancelled) {
    if (!cancelled) answer_next();
  });
}

void HttpServer::reply(const ClientPtr& client, const HttpResponse& response, HttpMethod method, bool keep_alive) {
  ++pages_.facts().answers[response.status];
  client->state = Client::State::kAnswering;
  client->keep_alive = keep_alive;
  client->output = wire_of(response, method, keep_alive, clock_.wall());
  client->sent = 0;
  limit(client, http_limits::kAnswerPatience);
  answered_.push_back(client);
}

void HttpServer::flush() {
  for (const ClientPtr& client : std::exchange(answered_, {}))
    serve(client);
  // What was answered meanwhile leaves with the next turn, which is to be soon.
  if (!answered_.empty()) asio::post(io_, [] {});
}

void HttpServer::serve(const ClientPtr& client) {
  if (client->state != Client::State::kAnswering || client->waits_for_room) return;
  while (client->sent < client->output.size()) {
    asio::error_code error;
    client->sent += client->socket.write_some(
        asio::buffer(client->output.data() + client->sent, client->output.size() - client->sent), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      client->waits_for_room = true;
      client->socket.async_wait(tcp::socket::wait_write, [this, client](asio::error_code) {
        client->waits_for_room = false;
        if (client->state == Client::State::kAnswering) answered_.push_back(client);
      });
      return;
    }
    if (error) return drop(client);
  }
  after_answer(client);
}

void HttpServer::after_answer(const ClientPtr& client) {
  client->output = {};
  if (!client->keep_alive) {
    // Unread bytes would turn a close into a reset, which may overtake the answer.
    asio::error_code ignored;
    client->socket.shutdown(tcp::socket::shutdown_send, ignored);
    client->state = Client::State::kLeaving;
    limit(client, http_limits::kDiscardFor);
    return wait_readable(client);
  }
  client->state = Client::State::kReading;
  limit(client, client->head.empty() ? http_limits::kIdlePatience : http_limits::kHeadPatience);
  look(client, {});
}

void HttpServer::limit(const ClientPtr& client, std::chrono::seconds patience) {
  client->deadline.expires_after(patience);
  client->deadline.async_wait([this, client](asio::error_code cancelled) {
    if (!cancelled) on_deadline(client);
  });
}

void HttpServer::on_deadline(const ClientPtr& client) {
  // One that was armed anew meanwhile: this is its earlier end.
  if (client->state == Client::State::kGone || client->deadline.expiry() > asio::steady_timer::clock_type::now())
    return;
  const bool in_a_head = client->state == Client::State::kReading && !client->head.empty();
  if (!in_a_head) return drop(client);
  reply(client, text_response(408, "the request did not come in time"), HttpMethod::kGet, false);
}

void HttpServer::drop(ClientPtr client) {
  client->state = Client::State::kGone;
  client->deadline.cancel();
  asio::error_code ignored;
  client->socket.close(ignored);
  clients_.erase(client);
  pages_.facts().connections = clients_.size();
}

}  // namespace meshdict
