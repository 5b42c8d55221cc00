#include "app/resp/scan_cursors.h"

#include "app/resp/limits.h"

namespace meshdict {

ScanCursors::ScanCursors(std::uint64_t first) : next_((first & ((std::uint64_t{1} << 50) - 1)) + 1) {}

std::uint64_t ScanCursors::add(std::string_view last_key, std::string_view user) {
  while (!entries_.empty() &&
         (entries_.size() >= resp_limits::kMaxCursors || bytes_ + last_key.size() > resp_limits::kMaxCursorBytes)) {
    forget_one();
  }
  const std::uint64_t cursor = next_++;
  waiting_.push_back(cursor);
  bytes_ += last_key.size();
  entries_.emplace(cursor, Entry{.last_key = std::string(last_key),
                                 .user = std::string(user),
                                 .used = false,
                                 .place = std::prev(waiting_.end())});
  return cursor;
}

void ScanCursors::forget_one() {
  std::list<std::uint64_t>& from = used_.empty() ? waiting_ : used_;
  const auto found = entries_.find(from.front());
  bytes_ -= found->second.last_key.size();
  entries_.erase(found);
  from.pop_front();
}

std::optional<std::string> ScanCursors::take(std::uint64_t cursor, std::string_view user) {
  const auto found = entries_.find(cursor);
  if (found == entries_.end() || found->second.user != user) return std::nullopt;
  Entry& entry = found->second;
  if (!entry.used) {
    entry.used = true;
    used_.splice(used_.end(), waiting_, entry.place);
  }
  return entry.last_key;
}

}  // namespace meshdict
