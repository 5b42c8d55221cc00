#include "app/access/prefixes.h"

#include <algorithm>

namespace meshdict {

void Prefixes::add(std::string_view prefix) {
  if (allow(prefix)) return;
  std::erase_if(list_, [prefix](const std::string& one) { return one.starts_with(prefix); });
  list_.insert(std::ranges::upper_bound(list_, prefix), std::string(prefix));
}

bool Prefixes::allow(std::string_view name) const {
  // What stands between a prefix and a name that begins with it begins with it, too: of those before the name, only the last counts.
  const auto behind = std::ranges::upper_bound(list_, name);
  return behind != list_.begin() && name.starts_with(*std::prev(behind));
}

std::optional<std::string_view> Prefixes::first_from(std::string_view name) const {
  if (allow(name)) return name;
  const auto behind = std::ranges::upper_bound(list_, name);
  if (behind == list_.end()) return std::nullopt;
  return *behind;
}

}  // namespace meshdict
