#include "core/memory/seen.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>

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

/// Of these times, the one by which a quarter is over.
MonoTime first_quarter(std::vector<MonoTime> times) {
  const auto quarter = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4);
  std::nth_element(times.begin(), quarter, times.end());
  return *quarter;
}

/// In a full table a neighbour gets room only from one that holds more than it does.
bool may_ask_for_room(const Shares& shares, Via via) {
  return shares.held(via) < shares.held(shares.greediest());
}

}  // namespace

void Shares::give_back(Via via) {
  const auto found = held_.find(via);
  assert(found != held_.end());
  --total_;
  if (--found->second == 0) held_.erase(found);
}

Via Shares::greediest() const {
  return std::ranges::max_element(held_, {}, [](const auto& entry) { return entry.second; })->first;
}

std::size_t Shares::held(Via via) const {
  const auto found = held_.find(via);
  return found == held_.end() ? 0 : found->second;
}

SeenMessages::SeenMessages() : run_shares_(limits::kMaxRuns), id_shares_(limits::kMaxUnstampedIds) {}

SeenMessages::OriginKey SeenMessages::key_of(std::string_view sender, Boot boot) {
  return {.sender = hash_text(sender), .boot = boot};
}

bool SeenMessages::contains(std::string_view sender, const Stamp& stamp) const {
  const auto origin = origins_.find(key_of(sender, stamp.boot));
  if (origin == origins_.end()) return false;
  for (auto run = origin->second.rbegin(); run != origin->second.rend(); ++run) {
    if (stamp.counter > run->last) return false;
    if (stamp.counter >= run->first) return true;
  }
  return false;
}

SeenMessages::Outcome SeenMessages::insert(std::string_view sender, const Stamp& stamp, Via via, MonoTime expires) {
  const OriginKey key = key_of(sender, stamp.boot);
  const std::uint64_t counter = stamp.counter;
  if (const auto origin = origins_.find(key); origin != origins_.end()) {
    Runs& runs = origin->second;
    // The first run that ends at or behind the counter. Nearly always the search ends at the back at once.
    auto at = runs.end();
    while (at != runs.begin() && std::prev(at)->last >= counter)
      --at;
    if (at != runs.end() && at->first <= counter) {
      at->expires = std::max(at->expires, expires);
      return Outcome::kKnown;
    }
    if (extend(runs, at, counter, expires)) return Outcome::kNew;
    if (runs.size() >= limits::kMaxGaps) return Outcome::kNoRoom;
  }
  if (run_shares_.full() && !make_room_for_run(via)) return Outcome::kNoRoom;
  Runs& runs = origins_[key];
  const auto behind = std::ranges::find_if(runs, [&](const Run& run) { return run.first > counter; });
  runs.insert(behind, Run{.first = counter, .last = counter, .expires = expires, .via = via});
  run_shares_.take(via);
  return Outcome::kNew;
}

bool SeenMessages::extend(Runs& runs, Runs::iterator at, std::uint64_t counter, MonoTime expires) {
  const bool extends_previous = at != runs.begin() && std::prev(at)->last + 1 == counter;
  const bool extends_next = at != runs.end() && counter + 1 == at->first;
  if (!extends_previous && !extends_next) return false;
  Run& run = extends_previous ? *std::prev(at) : *at;
  run.expires = std::max(run.expires, expires);
  if (!extends_previous) {
    run.first = counter;
  } else if (!extends_next) {
    run.last = counter;
  } else {
    run.last = at->last;
    run.expires = std::max(run.expires, at->expires);
    run_shares_.give_back(at->via);
    runs.erase(at);
  }
  return true;
}

SeenMessages::Outcome SeenMessages::insert(const MessageId& id, Via via, MonoTime expires) {
  if (ids_.contains(id)) return Outcome::kKnown;
  if (id_shares_.full() && !make_room_for_id(via)) return Outcome::kNoRoom;
  ids_.emplace(id, IdState{.expires = expires, .via = via});
  id_shares_.take(via);
  return Outcome::kNew;
}

template <typename Wanted>
void SeenMessages::forget_runs(Wanted wanted) {
  for (auto origin = origins_.begin(); origin != origins_.end();) {
    std::erase_if(origin->second, [&](const Run& run) {
      const bool goes = wanted(run);
      if (goes) run_shares_.give_back(run.via);
      return goes;
    });
    origin = origin->second.empty() ? origins_.erase(origin) : std::next(origin);
  }
}

template <typename Wanted>
void SeenMessages::forget_ids(Wanted wanted) {
  std::erase_if(ids_, [&](const auto& entry) {
    const bool goes = wanted(entry.second);
    if (goes) id_shares_.give_back(entry.second.via);
    return goes;
  });
}

/// The quarter of the greediest that expires first goes.
bool SeenMessages::make_room_for_run(Via via) {
  if (!may_ask_for_room(run_shares_, via)) return false;
  const Via greediest = run_shares_.greediest();
  std::vector<MonoTime> times;
  for (const auto& origin : origins_) {
    for (const Run& run : origin.second) {
      if (run.via == greediest) times.push_back(run.expires);
    }
  }
  const MonoTime limit = first_quarter(std::move(times));
  forget_runs([&](const Run& run) { return run.via == greediest && run.expires <= limit; });
  return true;
}

bool SeenMessages::make_room_for_id(Via via) {
  if (!may_ask_for_room(id_shares_, via)) return false;
  const Via greediest = id_shares_.greediest();
  std::vector<MonoTime> times;
  for (const auto& entry : ids_) {
    if (entry.second.via == greediest) times.push_back(entry.second.expires);
  }
  const MonoTime limit = first_quarter(std::move(times));
  forget_ids([&](const IdState& id) { return id.via == greediest && id.expires <= limit; });
  return true;
}

void SeenMessages::expire(MonoTime now) {
  forget_runs([now](const Run& run) { return run.expires <= now; });
  forget_ids([now](const IdState& id) { return id.expires <= now; });
}

void SeenMessages::sanity_check() const {
  std::size_t runs = 0;
  for (const auto& origin : origins_) {
    assert(!origin.second.empty() && origin.second.size() <= limits::kMaxGaps);
    runs += origin.second.size();
  }
  assert(runs == run_shares_.total() && runs <= limits::kMaxRuns);
  assert(ids_.size() == id_shares_.total() && ids_.size() <= limits::kMaxUnstampedIds);
}

}  // namespace meshdict
