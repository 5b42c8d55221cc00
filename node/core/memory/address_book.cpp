#include "core/memory/address_book.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "core/encoding/msgpack.h"
#include "core/limits.h"

namespace meshdict {
namespace {

bool can_be_dialled(const Endpoint& address) {
  return !address.host.empty() && address.host.size() <= limits::kMaxHost && address.port != 0;
}

/// Of the entries for which `may_go`, the one with the most failures in a row; of these, the one not heard of for longest.
template <typename MayGo>
std::optional<Endpoint> worst(const FlatMap<Endpoint, AddressBook::Entry>& entries, MayGo may_go) {
  const auto worth = [](const AddressBook::Entry& entry) {
    return std::tuple(-static_cast<std::int64_t>(entry.failures), entry.heard);
  };
  const std::pair<Endpoint, AddressBook::Entry>* found = nullptr;
  for (const auto& entry : entries) {
    if (may_go(entry.second) && (found == nullptr || worth(entry.second) < worth(found->second))) found = &entry;
  }
  return found == nullptr ? std::nullopt : std::optional(found->first);
}

}  // namespace

AddressSource address_source(std::string_view name) {
  const std::uint64_t number = derive_seed(0, name);
  return AddressSource{std::max<std::uint64_t>(number, 1)};
}

AddressBook::Entry* AddressBook::find_or_make(const Endpoint& address, AddressSource source, bool from_user) {
  if (!can_be_dialled(address)) return nullptr;
  if (const auto found = entries_.find(address); found != entries_.end()) return &found->second;
  if (entries_.size() >= limits::kMaxAddresses && !make_room(source, from_user)) return nullptr;
  Entry fresh;
  fresh.source = source;
  fresh.next_try = clock_.monotonic();
  // So that it is stored when it is first heard of.
  fresh.stored_age = limits::kAddressLifetime;
  return &entries_.emplace(address, fresh).first->second;
}

AddressBook::Entry* AddressBook::entry_of(const Endpoint& address, const NodeId& id) {
  const auto found = entries_.find(address);
  return found == entries_.end() || found->second.id != id ? nullptr : &found->second;
}

bool AddressBook::make_room(AddressSource source, bool from_user) {
  const auto is_hearsay = [](const Entry& entry) { return !entry.from_user && !entry.proven; };
  std::map<AddressSource, std::size_t> buckets;
  for (const auto& [address, entry] : entries_) {
    if (is_hearsay(entry)) ++buckets[entry.source];
  }
  std::optional<Endpoint> goes;
  if (!buckets.empty()) {
    // What comes in counts with those that came from there before.
    ++buckets[source];
    const auto size = [](const auto& bucket) { return bucket.second; };
    const std::size_t largest = std::ranges::max_element(buckets, {}, size)->second;
    goes = worst(entries_, [&](const Entry& entry) { return is_hearsay(entry) && buckets[entry.source] == largest; });
  }
  const bool is_ours = from_user || source == AddressSource::kOurselves;
  if (!goes) {
    const MonoTime long_ago = clock_.monotonic() - limits::kProvenStays;
    goes = worst(entries_, [&](const Entry& entry) {
      return !entry.from_user && (is_ours || (entry.failures > 0 && entry.heard < long_ago));
    });
  }
  if (!goes && from_user) goes = worst(entries_, [](const Entry&) { return true; });
  if (!goes) return false;
  forget(*goes);
  return true;
}

void AddressBook::heard(const Endpoint& address, Entry& entry, bool changed) {
  entry.heard = clock_.monotonic();
  if (changed || entry.stored_age >= limits::kAgeStep) save(address, entry);
}

void AddressBook::add(const Endpoint& address, const NodeId& id, AddressSource source) {
  Entry* const entry = find_or_make(address, source, false);
  if (entry == nullptr) return;
  const bool open_to_hearsay = !entry->proven && !entry->from_user;
  const bool changed = open_to_hearsay && !id.empty() && entry->id != id;
  if (changed) {
    // Contradicted by another, neither is believed: a dial will tell.
    const bool contradicts = !entry->id.empty() && entry->source != source;
    entry->id = contradicts ? NodeId() : id;
  }
  heard(address, *entry, changed);
}

void AddressBook::add_from_user(const Endpoint& address) {
  Entry* const entry = find_or_make(address, AddressSource::kOurselves, true);
  if (entry == nullptr) return;
  entry->insist_until = MonoTime::max();
  if (!entry->from_user && !entry->proven) entry->id = NodeId();
  heard(address, *entry, !std::exchange(entry->from_user, true));
}

void AddressBook::answered(const Endpoint& address, const NodeId& id) {
  Entry* const entry = find_or_make(address, AddressSource::kOurselves, false);
  if (entry != nullptr) heard(address, *entry, std::exchange(entry->id, id) != id);
}

void AddressBook::linked(const Endpoint& address, const NodeId& id) {
  answered(address, id);
  Entry* const entry = entry_of(address, id);
  if (entry == nullptr) return;
  entry->insist_until = MonoTime::min();
  heard(address, *entry, !std::exchange(entry->proven, true));
}

void AddressBook::lived(const Endpoint& address, const NodeId& id) {
  Entry* const entry = entry_of(address, id);
  if (entry == nullptr) return;
  entry->failures = 0;
  entry->put_off = false;
  entry->next_try = std::min(entry->next_try, clock_.monotonic());
  heard(address, *entry, false);
}

void AddressBook::back_off(Entry& entry) {
  const MonoTime now = clock_.monotonic();
  const bool was_lost = entry.insist_until > now && entry.insist_until != MonoTime::max();
  const Duration put_off_cap = entry.from_user ? limits::kPutOffCapOfUser : limits::kPutOffCap;
  const Duration cap = entry.put_off ? put_off_cap : was_lost ? limits::kInsistPause : limits::kBackoffCap;
  const std::uint32_t doublings = std::min<std::uint32_t>(entry.failures, 16);
  const Duration full = std::min(cap, limits::kBackoffFirst * (std::int64_t{1} << doublings));
  ++entry.failures;
  entry.next_try = now + full / 2 + Duration(random_.between(0, (full / 2).count()));
}

void AddressBook::failed(const Endpoint& address) {
  if (const auto found = entries_.find(address); found != entries_.end()) back_off(found->second);
}

void AddressBook::lost(const Endpoint& address, const NodeId& id) {
  Entry* const entry = entry_of(address, id);
  if (entry == nullptr) return;
  // One that has not lived yet since it was put off is no loss.
  if (entry->failures == 0) entry->insist_until = clock_.monotonic() + limits::kInsistFor;
  back_off(*entry);
}

void AddressBook::put_off(Entry& entry) {
  entry.put_off = true;
  entry.insist_until = MonoTime::min();
  back_off(entry);
}

void AddressBook::put_off(const Endpoint& address) {
  if (const auto found = entries_.find(address); found != entries_.end()) put_off(found->second);
}

void AddressBook::put_off(const Endpoint& address, const NodeId& id) {
  if (Entry* const entry = entry_of(address, id)) put_off(*entry);
}

void AddressBook::mute(const Endpoint& address, const NodeId& id) {
  if (Entry* const entry = entry_of(address, id)) entry->next_try = clock_.monotonic() + limits::kMutedFor;
}

void AddressBook::turned_away(const Endpoint& address) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return;
  back_off(found->second);
  if (!found->second.from_user) found->second.next_try = clock_.monotonic() + limits::kMutedFor;
}

void AddressBook::forget(const Endpoint& address) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return;
  store_.erase(Table::kAddresses, to_string(address));
  entries_.erase(found);
}

void AddressBook::expire() {
  const MonoTime now = clock_.monotonic();
  std::vector<Endpoint> old;
  for (auto& [address, entry] : entries_) {
    const Duration age = now - entry.heard;
    if (!entry.from_user && age > limits::kAddressLifetime) {
      old.push_back(address);
    } else if (age >= entry.stored_age + limits::kAgeStep) {
      save(address, entry);
    }
  }
  for (const Endpoint& address : old)
    forget(address);
}

/// [host, port, id, age in seconds, given by the user, proven, source]. Before there were proven ones it was five elements,
/// and in place of the age the Unix time when it was last heard of.
void AddressBook::save(const Endpoint& address, Entry& entry) {
  entry.stored_age = std::max(Duration::zero(), clock_.monotonic() - entry.heard);
  const auto age = std::chrono::floor<std::chrono::seconds>(entry.stored_age).count();
  std::string bytes;
  MsgpackWriter(bytes)
      .array(7)
      .str(address.host)
      .integer(std::uint64_t{address.port})
      .bin(entry.id.text())
      .integer(static_cast<std::uint64_t>(age))
      .integer(std::uint64_t{entry.from_user})
      .integer(std::uint64_t{entry.proven})
      .integer(static_cast<std::uint64_t>(entry.source));
  store_.put(Table::kAddresses, to_string(address), bytes);
}

std::expected<void, StoreError> AddressBook::load() {
  std::optional<std::string> damage;
  const auto loaded = store_.load(Table::kAddresses, [&](std::string_view key, std::string_view bytes) {
    MsgpackCursor cursor(bytes);
    const auto fields = cursor.array_size();
    const auto host = cursor.str();
    const auto port = cursor.unsigned_integer();
    const auto id = cursor.bin();
    const auto age = cursor.unsigned_integer();
    const auto from_user = cursor.unsigned_integer();
    const auto parsed = id && !id->empty() ? NodeId::parse(*id) : NodeId();
    bool good = fields && host && port && *port <= UINT16_MAX && age && from_user && parsed;
    Entry entry;
    entry.next_try = clock_.monotonic();
    entry.heard = entry.next_try;
    if (good && *fields >= 7) {
      const auto proven = cursor.unsigned_integer();
      const auto source = cursor.unsigned_integer();
      good = proven && source;
      entry.proven = good && *proven != 0;
      entry.source = AddressSource{good ? *source : 0};
      constexpr auto kOldest = std::chrono::floor<std::chrono::seconds>(limits::kAddressLifetime).count();
      entry.stored_age = std::chrono::seconds(std::min<std::uint64_t>(*age, kOldest));
      entry.heard -= entry.stored_age;
    }
    if (!good) {
      damage = "the stored address '" + std::string(key) + "' is damaged";
      return;
    }
    if (entries_.size() >= limits::kMaxAddresses) return;
    entry.id = *parsed;
    entry.from_user = *from_user != 0;
    entries_.emplace(Endpoint{.host = std::string(*host), .port = static_cast<std::uint16_t>(*port)}, entry);
  });
  if (!loaded) return loaded;
  if (damage) return std::unexpected(StoreError::damaged(*damage));
  return {};
}

std::optional<Endpoint> AddressBook::pick(Order order, const Wanted& wanted) {
  const MonoTime now = clock_.monotonic();
  std::vector<const Endpoint*> due;
  bool only_user = false;
  for (const auto& [address, entry] : entries_) {
    if (entry.next_try > now || (only_user && !entry.from_user) || !wanted(address, entry)) continue;
    if (order == Order::kUserFirst && entry.from_user && !only_user) {
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
    if (entry.second.proven && entry.second.failures == 0) known.push_back(&entry);
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
    assert(can_be_dialled(entry.first));
}

}  // namespace meshdict
