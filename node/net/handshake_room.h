#pragma once
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <map>
#include <string_view>

#include "core/env/transport.h"

namespace meshdict {

/// Of what strangers have under way, by ids that grow, what gives way for one more: the oldest of the host that has most. So whoever
/// opens many takes the room from itself. REQUIRES: there is one.
template <typename Id>
auto oldest_of_fullest_host(const std::map<Id, Endpoint>& under_way) {
  assert(!under_way.empty());
  std::map<std::string_view, std::size_t> by_host;
  for (const auto& [id, remote] : under_way)
    ++by_host[remote.host];
  const auto most = std::ranges::max_element(by_host, {}, [](const auto& entry) { return entry.second; });
  return std::ranges::find(under_way, most->first,
                           [](const auto& entry) { return std::string_view(entry.second.host); });
}

}  // namespace meshdict
