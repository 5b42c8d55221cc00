#include "app/resp/written_keys.h"

#include <algorithm>

#include "app/resp/limits.h"

namespace meshdict {

void WrittenKeys::add(std::string_view key) {
  while (!ends_.empty() &&
         (ends_.size() >= resp_limits::kMaxWrittenKeys || bytes_.size() + key.size() > resp_limits::kMaxWrittenBytes)) {
    forget_older_half();
  }
  bytes_.append(key);
  ends_.push_back(bytes_.size());
}

void WrittenKeys::forget_older_half() {
  const std::size_t gone = (ends_.size() + 1) / 2;
  const std::size_t cut = ends_[gone - 1];
  bytes_.erase(0, cut);
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (std::size_t& end : ends_)
    end -= cut;
}

std::vector<std::string> WrittenKeys::distinct() const {
  std::vector<std::string> keys;
  keys.reserve(ends_.size());
  std::size_t start = 0;
  for (const std::size_t end : ends_) {
    keys.emplace_back(bytes_, start, end - start);
    start = end;
  }
  std::ranges::sort(keys);
  const auto repeated = std::ranges::unique(keys);
  keys.erase(repeated.begin(), repeated.end());
  return keys;
}

}  // namespace meshdict
