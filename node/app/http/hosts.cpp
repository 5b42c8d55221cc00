#include "app/http/hosts.h"

#include <algorithm>
#include <asio/ip/address.hpp>
#include <cctype>

namespace meshdict {

HttpHosts::HttpHosts(const std::vector<std::string>& named) : named_(named) {
  for (std::string& name : named_) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
}

bool HttpHosts::admits(std::string_view host) const {
  if (host.empty() || host == "localhost" || host.ends_with(".localhost")) return true;
  if (std::ranges::find(named_, host) != named_.end()) return true;
  asio::error_code no_address;
  asio::ip::make_address(std::string(host), no_address);
  return !no_address;
}

}  // namespace meshdict
