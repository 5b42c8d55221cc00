#include "net/addresses.h"

#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>

#include "core/base/parse_number.h"
#include "core/limits.h"

namespace meshdict {

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  const auto wrong = [&] {
    return std::unexpected("'" + std::string(text.substr(0, limits::kMaxHost)) +
                           "' is not HOST:PORT (an IPv6 address as [ADDRESS]:PORT, a port from 0 "
                           "to 65535)");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return wrong();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  if (host.empty() || host.size() > limits::kMaxHost) return wrong();
  for (const char c : host) {
    if (c <= ' ' || c > '~') return wrong();
  }
  const auto port = parse_number<std::uint16_t>(port_text);
  if (!port) return wrong();
  return Endpoint{std::string(host), *port};
}

bool is_wildcard(std::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

bool is_loopback(std::string_view host) {
  asio::error_code no_address;
  const auto address = asio::ip::make_address(std::string(host), no_address);
  return no_address ? host == "localhost" : address.is_loopback();
}

std::string lan_address() {
  // Connecting a datagram socket only asks the routing table. 192.0.2.1 is reserved for documentation (RFC 5737).
  asio::io_context io;
  asio::ip::udp::socket socket(io);
  asio::error_code error;
  socket.open(asio::ip::udp::v4(), error);
  if (error) return "127.0.0.1";
  socket.connect(asio::ip::udp::endpoint(asio::ip::make_address_v4("192.0.2.1"), 9), error);
  if (error) return "127.0.0.1";
  const auto local = socket.local_endpoint(error);
  return error ? "127.0.0.1" : local.address().to_string();
}

}  // namespace meshdict
