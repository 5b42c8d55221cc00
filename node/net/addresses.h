#pragma once
// Addresses as people write them.

#include <expected>
#include <string>
#include <string_view>

#include "core/env/transport.h"

namespace meshdict {

/// "host:port" or "[IPv6]:port"; port 0 to 65535. Error text says what was expected.
std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

/// True for the addresses that mean "all interfaces": others cannot dial them.
bool is_wildcard(std::string_view host);

/// True for the addresses that only this machine reaches: 127.0.0.0/8, ::1, and the name localhost.
bool is_loopback(std::string_view host);

/// The address that this machine shows to its network: that of the interface with the default route. Nothing is sent.
/// "127.0.0.1" when there is no network.
std::string lan_address();

}  // namespace meshdict
