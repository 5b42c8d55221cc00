#include "net/listener.h"

#include <cerrno>
#include <utility>

#include "net/close_on_exec.h"
#include "net/net_limits.h"

namespace meshdict {

using asio::ip::tcp;

struct Listener::State {
  explicit State(asio::io_context& io) : acceptor(io), pause(io) {}

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Endpoint address;
  OnSocket on_socket;
  OnTrouble on_trouble;
  bool closed = false;
};

namespace {

ListenFailure::Trouble trouble_of(const asio::error_code& error) {
  if (error == asio::error::address_in_use) return ListenFailure::Trouble::kInUse;
  if (error == asio::error::access_denied || error == asio::error::no_permission) {
    return ListenFailure::Trouble::kNotAllowed;
  }
  const bool no_such_host =
      error.category() == asio::error::get_netdb_category() || error.category() == asio::error::get_addrinfo_category();
  // Asio has no name for it.
  const bool not_ours = error.category() == asio::error::get_system_category() && error.value() == EADDRNOTAVAIL;
  if (no_such_host || not_ours) return ListenFailure::Trouble::kNotOurs;
  return ListenFailure::Trouble::kOther;
}

}  // namespace

std::string ListenFailure::describe() const {
  return "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " + what;
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  close();
}

const Endpoint& Listener::address() const {
  return state_->address;
}

std::expected<std::unique_ptr<Listener>, ListenFailure> Listener::open(asio::io_context& io, const Endpoint& at) {
  const auto fail = [&](const asio::error_code& error) {
    return std::unexpected(ListenFailure{.trouble = trouble_of(error), .address = at, .what = error.message()});
  };
  asio::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(at.host, std::to_string(at.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) return fail(error ? error : asio::error::host_not_found);
  const tcp::endpoint endpoint = found.begin()->endpoint();

  auto state = std::make_shared<State>(io);
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) close_on_exec(acceptor);
  // A restarted node takes its port back at once although old connections linger.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net_limits::kBacklog, error);
  if (error) return fail(error);
  const tcp::endpoint bound = acceptor.local_endpoint(error);
  if (error) return fail(error);
  state->address = {at.host, bound.port()};
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

void Listener::start(OnSocket on_socket, OnTrouble on_trouble) {
  state_->on_socket = std::move(on_socket);
  state_->on_trouble = std::move(on_trouble);
  accept_next(state_);
}

void Listener::close() {
  if (state_->closed) return;
  state_->closed = true;
  asio::error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
}

void Listener::accept_next(std::shared_ptr<State> state) {
  State& s = *state;
  s.acceptor.async_accept([state = std::move(state)](asio::error_code error, tcp::socket socket) {
    if (state->closed) return;
    if (!error) {
      // The peer may be gone already; its socket then says so at the first read.
      asio::error_code ignored;
      close_on_exec(socket);
      socket.non_blocking(true, ignored);
      socket.set_option(tcp::no_delay(true), ignored);
      const Endpoint remote = remote_endpoint(socket);
      state->on_socket(std::move(socket), remote);
      if (!state->closed) accept_next(state);
      return;
    }
    state->on_trouble("cannot accept on " + to_string(state->address) + ": " + error.message());
    if (state->closed) return;
    state->pause.expires_after(net_limits::kAcceptBackoff);
    state->pause.async_wait([state](asio::error_code) {
      if (!state->closed) accept_next(state);
    });
  });
}

Endpoint remote_endpoint(const tcp::socket& socket) {
  asio::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return {};
  asio::ip::address address = remote.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), remote.port()};
}

}  // namespace meshdict
