#include "core/address_book.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "core/limits.h"

namespace meshdict {

void AddressBook::add(const Endpoint& address, const NodeId& id, MonoTime now, bool from_user) {
  if (address.host.empty() || address.host.size() > limits::kMaxHost || address.port == 0) return;
  auto found = entries_.find(address);
  if (found == entries_.end()) {
    if (entries_.size() >= limits::kMaxAddresses) make_room();
    found = entries_.emplace(address, Entry{}).first;
    found->second.next_try = now;
  }
  Entry& entry = found->second;
  if (!id.empty()) entry.id = id;
  entry.last_heard = now;
  entry.from_user |= from_user;
}

void AddressBook::make_room() {
  const auto worth = [](const Entry& entry) {
    return std::tuple(entry.from_user, -static_cast<std::int64_t>(entry.failures), entry.last_heard);
  };
  const auto worst = std::min_element(entries_.begin(), entries_.end(), [&](const auto& left, const auto& right) {
    return worth(left.second) < worth(right.second);
  });
  if (worst != entries_.end()) entries_.erase(worst);
}

void AddressBook::succeeded(const Endpoint& address, const NodeId& id, MonoTime now) {
  add(address, id, now, false);
  if (const auto found = entries_.find(address); found != entries_.end()) {
    found->second.failures = 0;
    found->second.next_try = now;
  }
}

void AddressBook::failed(const Endpoint& address, MonoTime now) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const std::uint32_t doublings = std::min<std::uint32_t>(entry.failures, 16);
  const Duration full = std::min(limits::kBackoffCap, limits::kBackoffFirst * (std::int64_t{1} << doublings));
  ++entry.failures;
  entry.next_try = now + full / 2 + Duration(random_.between(0, (full / 2).count()));
}

void AddressBook::mute(const Endpoint& address, MonoTime until) {
  if (const auto found = entries_.find(address); found != entries_.end()) {
    found->second.next_try = std::max(found->second.next_try, until);
  }
}

void AddressBook::forget(const Endpoint& address) {
  entries_.erase(address);
}

std::optional<Endpoint> AddressBook::pick(MonoTime now, bool user_first, const Wanted& wanted) {
  std::vector<const Endpoint*> due;
  bool only_user = false;
  for (const auto& [address, entry] : entries_) {
    if (entry.next_try > now || (only_user && !entry.from_user) || !wanted(address, entry)) continue;
    if (user_first && entry.from_user && !only_user) {
      only_user = true;
      due.clear();
    }
    due.push_back(&address);
  }
  if (due.empty()) return std::nullopt;
  return *due[static_cast<std::size_t>(random_.below(due.size()))];
}

std::optional<MonoTime> AddressBook::next_try(const Wanted& wanted) const {
  std::optional<MonoTime> first;
  for (const auto& [address, entry] : entries_) {
    if ((!first || entry.next_try < *first) && wanted(address, entry)) first = entry.next_try;
  }
  return first;
}

std::optional<Endpoint> AddressBook::find(const NodeId& id) const {
  std::optional<Endpoint> best;
  std::uint32_t failures = 0;
  for (const auto& [address, entry] : entries_) {
    if (entry.id != id || (best && entry.failures >= failures)) continue;
    best = address;
    failures = entry.failures;
  }
  return best;
}

const AddressBook::Entry* AddressBook::entry(const Endpoint& address) const {
  const auto found = entries_.find(address);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<PeerEntry> AddressBook::sample(std::size_t most) {
  std::vector<PeerEntry> known;
  for (const auto& [address, entry] : entries_) {
    if (!entry.id.empty() && entry.failures == 0) known.push_back({.address = address, .id = entry.id});
  }
  random_.shuffle(known);
  if (known.size() > most) known.resize(most);
  return known;
}

void AddressBook::sanity_check() const {
  assert(entries_.size() <= limits::kMaxAddresses);
  for (const auto& entry : entries_)
    assert(!entry.first.host.empty() && entry.first.port != 0);
}

}  // namespace meshdict
