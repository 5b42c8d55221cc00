#include "core/record/claim_history.h"

#include <cassert>

#include "core/limits.h"

namespace meshdict {

void ClaimHistory::note(std::string_view key, const Step& step) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= limits::kMaxHistories) {
      const auto oldest = entries_.find(by_age_.front());
      by_age_.pop_front();
      entries_.erase(oldest);
    }
    found = entries_.emplace(key, Entry{}).first;
    found->second.age = by_age_.insert(by_age_.end(), found->first);
  } else {
    by_age_.splice(by_age_.end(), by_age_, found->second.age);
  }
  Steps& steps = found->second.steps;
  if (!steps.empty() && same_claim(steps.back().version, step.version) && steps.back().end == step.end) {
    steps.back() = step;
    return;
  }
  if (steps.size() >= limits::kMaxSteps) steps.pop_front();
  steps.push_back(step);
}

const ClaimHistory::Steps* ClaimHistory::find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.steps;
}

void ClaimHistory::sanity_check() const {
  assert(entries_.size() == by_age_.size() && entries_.size() <= limits::kMaxHistories);
  for (const auto& [key, entry] : entries_)
    assert(*entry.age == key && !entry.steps.empty() && entry.steps.size() <= limits::kMaxSteps);
}

}  // namespace meshdict
