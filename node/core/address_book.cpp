#include "core/address_book.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "core/limits.h"
#include "core/msgpack.h"

namespace meshdict {

void AddressBook::add(const Endpoint& address, const NodeId& id, bool from_user) {
  if (address.host.empty() || address.host.size() > limits::kMaxHost || address.port == 0) return;
  auto found = entries_.find(address);
  const bool fresh = found == entries_.end();
  if (fresh) {
    if (entries_.size() >= limits::kMaxAddresses) make_room();
    found = entries_.emplace(address, Entry{}).first;
    found->second.next_try = clock_.monotonic();
  }
  Entry& entry = found->second;
  if (from_user) entry.insist_until = MonoTime::max();
  const WallTime now = clock_.wall();
  const bool worth_saving = fresh || (!id.empty() && entry.id != id) ||
                            entry.from_user != (entry.from_user || from_user) ||
                            now - entry.last_heard > limits::kAddressLifetime / 100;
  if (!id.empty()) entry.id = id;
  entry.from_user |= from_user;
  if (!worth_saving) return;
  entry.last_heard = now;
  save(address, entry);
}

void AddressBook::save(const Endpoint& address, const Entry& entry) {
  std::string bytes;
  const auto heard = std::max<std::int64_t>(0, unix_seconds(entry.last_heard));
  MsgpackWriter(bytes)
      .array(5)
      .str(address.host)
      .integer(std::uint64_t{address.port})
      .bin(entry.id.text())
      .integer(static_cast<std::uint64_t>(heard))
      .integer(std::uint64_t{entry.from_user});
  store_.put(Table::kAddresses, to_string(address), bytes);
}

std::expected<void, std::string> AddressBook::load() {
  std::optional<std::string> damage;
  const auto loaded = store_.load(Table::kAddresses, [&](std::string_view key, std::string_view bytes) {
    MsgpackCursor cursor(bytes);
    const auto fields = cursor.array_size();
    const auto host = cursor.str();
    const auto port = cursor.unsigned_integer();
    const auto id = cursor.bin();
    const auto heard = cursor.unsigned_integer();
    const auto from_user = cursor.unsigned_integer();
    const auto parsed = id && !id->empty() ? NodeId::parse(*id) : NodeId();
    if (!fields || !host || !port || *port > UINT16_MAX || !heard || !from_user || !parsed) {
      damage = "the stored address '" + std::string(key) + "' is damaged";
      return;
    }
    if (entries_.size() >= limits::kMaxAddresses) return;
    entries_.emplace(Endpoint{.host = std::string(*host), .port = static_cast<std::uint16_t>(*port)},
                     Entry{.id = *parsed,
                           .failures = 0,
                           .next_try = clock_.monotonic(),
                           .last_heard = WallTime(std::chrono::seconds(*heard)),
                           .from_user = *from_user != 0});
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (damage) return std::unexpected(*damage);
  return {};
}

void AddressBook::expire() {
  const WallTime now = clock_.wall();
  std::vector<Endpoint> old;
  for (const auto& [address, entry] : entries_) {
    if (!entry.from_user && now - entry.last_heard > limits::kAddressLifetime) old.push_back(address);
  }
  for (const Endpoint& address : old)
    forget(address);
}

void AddressBook::make_room() {
  const auto worth = [](const Entry& entry) {
    return std::tuple(entry.from_user, -static_cast<std::int64_t>(entry.failures), entry.last_heard);
  };
  const auto worst = std::min_element(entries_.begin(), entries_.end(), [&](const auto& left, const auto& right) {
    return worth(left.second) < worth(right.second);
  });
  if (worst != entries_.end()) forget(Endpoint(worst->first));
}

void AddressBook::succeeded(const Endpoint& address, const NodeId& id) {
  add(address, id, false);
  if (const auto found = entries_.find(address); found != entries_.end()) {
    found->second.failures = 0;
    found->second.next_try = clock_.monotonic();
    found->second.insist_until = MonoTime::min();
  }
}

void AddressBook::failed(const Endpoint& address) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const MonoTime now = clock_.monotonic();
  const bool was_lost = entry.insist_until > now && entry.insist_until != MonoTime::max();
  const Duration cap = was_lost ? limits::kInsistPause : limits::kBackoffCap;
  const std::uint32_t doublings = std::min<std::uint32_t>(entry.failures, 16);
  const Duration full = std::min(cap, limits::kBackoffFirst * (std::int64_t{1} << doublings));
  ++entry.failures;
  entry.next_try = now + full / 2 + Duration(random_.between(0, (full / 2).count()));
}

void AddressBook::lost(const Endpoint& address) {
  if (const auto found = entries_.find(address); found != entries_.end()) {
    found->second.insist_until = clock_.monotonic() + limits::kInsistFor;
  }
  failed(address);
}

void AddressBook::turned_away(const Endpoint& address) {
  failed(address);
  if (const Entry* const known = entry(address); known && !known->from_user) mute(address);
}

void AddressBook::mute(const Endpoint& address) {
  if (const auto found = entries_.find(address); found != entries_.end()) {
    found->second.next_try = clock_.monotonic() + limits::kMutedFor;
  }
}

void AddressBook::forget(const Endpoint& address) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return;
  store_.erase(Table::kAddresses, to_string(address));
  entries_.erase(found);
}

std::optional<Endpoint> AddressBook::pick(bool user_first, const Wanted& wanted) {
  const MonoTime now = clock_.monotonic();
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
  std::vector<const FlatMap<Endpoint, Entry>::Entry*> known;
  for (const auto& entry : entries_) {
    if (!entry.second.id.empty() && entry.second.failures == 0) known.push_back(&entry);
  }
  std::vector<PeerEntry> chosen;
  for (std::size_t i = 0; i < std::min(most, known.size()); ++i) {
    const std::size_t other = i + static_cast<std::size_t>(random_.below(known.size() - i));
    std::swap(known[i], known[other]);
    chosen.push_back({.address = known[i]->first, .id = known[i]->second.id});
  }
  return chosen;
}

void AddressBook::sanity_check() const {
  assert(entries_.size() <= limits::kMaxAddresses);
  for (const auto& entry : entries_)
    assert(!entry.first.host.empty() && entry.first.port != 0);
}

}  // namespace meshdict
