#include "core/seen.h"

#include <algorithm>
#include <cstring>

#include "core/limits.h"

namespace meshdict {
namespace {

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ text.size();
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t taken = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), taken);
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 32;
    text.remove_prefix(taken);
  }
  return hash;
}

/// Makes room in a full table: forgets the quarter that expires first.
template <typename Table, typename ExpiryOf>
void forget_soonest(Table& table, ExpiryOf expiry_of) {
  std::vector<MonoTime> times;
  times.reserve(table.size());
  for (const auto& entry : table)
    times.push_back(expiry_of(entry));
  const auto quarter = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4);
  std::nth_element(times.begin(), quarter, times.end());
  const MonoTime limit = *quarter;
  std::erase_if(table, [&](const auto& entry) { return expiry_of(entry) <= limit; });
}

}  // namespace

SeenMessages::OriginKey SeenMessages::key_of(std::string_view sender, std::uint64_t boot) {
  return {.sender = hash_text(sender), .boot = boot};
}

bool SeenMessages::contains(std::string_view sender, const Stamp& stamp) const {
  const auto origin = origins_.find(key_of(sender, stamp.boot));
  if (origin == origins_.end()) return false;
  for (auto run = origin->second.runs.rbegin(); run != origin->second.runs.rend(); ++run) {
    if (stamp.counter > run->last) return false;
    if (stamp.counter >= run->first) return true;
  }
  return false;
}

bool SeenMessages::insert(std::string_view sender, const Stamp& stamp, MonoTime expires) {
  if (origins_.size() >= limits::kMaxOrigins) {
    forget_soonest(origins_, [](const auto& entry) { return entry.second.expires; });
  }
  auto& origin = origins_[key_of(sender, stamp.boot)];
  origin.expires = std::max(origin.expires, expires);
  return insert_counter(origin.runs, stamp.counter);
}

bool SeenMessages::insert_counter(std::vector<Run>& runs, std::uint64_t counter) {
  // The first run that ends at or behind the counter. Nearly always the search ends at the back at once.
  auto at = runs.end();
  while (at != runs.begin() && std::prev(at)->last >= counter)
    --at;
  if (at != runs.end() && at->first <= counter) return false;

  const bool extends_previous = at != runs.begin() && std::prev(at)->last + 1 == counter;
  const bool extends_next = at != runs.end() && counter + 1 == at->first;
  if (extends_previous && extends_next) {
    std::prev(at)->last = at->last;
    runs.erase(at);
  } else if (extends_previous) {
    std::prev(at)->last = counter;
  } else if (extends_next) {
    at->first = counter;
  } else {
    runs.insert(at, Run{.first = counter, .last = counter});
    if (runs.size() > limits::kMaxGaps) {
      runs[1].first = runs[0].first;
      runs.erase(runs.begin());
    }
  }
  return true;
}

bool SeenMessages::insert(const MessageId& id, MonoTime expires) {
  if (ids_.size() >= limits::kMaxUnstampedIds) {
    forget_soonest(ids_, [](const auto& entry) { return entry.second; });
  }
  return ids_.emplace(id, expires).second;
}

void SeenMessages::expire(MonoTime now) {
  std::erase_if(origins_, [now](const auto& entry) { return entry.second.expires <= now; });
  std::erase_if(ids_, [now](const auto& entry) { return entry.second <= now; });
}

}  // namespace meshdict
