#include "meshdict/snapshot.h"

#include <algorithm>

#include "core/dictionary/dictionary.h"
#include "meshdict/errors.h"

namespace meshdict {

const Snapshot::Record* Snapshot::find(TextView key) const {
  const auto at = std::ranges::lower_bound(*records_, std::string_view(key), {},
                                           [](const Record& one) { return std::string_view(one.key); });
  return at != records_->end() && at->key == std::string_view(key) ? &*at : nullptr;
}

Value Snapshot::get(TextView key, Value fallback) const {
  const Record* const found = find(key);
  return found == nullptr ? std::move(fallback) : Value::unpacked(found->packed);
}

Value Snapshot::at(TextView key) const {
  const Record* const found = find(key);
  if (found == nullptr) throw KeyError(std::string(key));
  return Value::unpacked(found->packed);
}

Meta Snapshot::meta(TextView key) const {
  const Record* const found = find(key);
  if (found == nullptr) throw KeyError(std::string(key));
  return found->meta;
}

Snapshot::Item Snapshot::Iterator::operator*() const {
  const Record& record = (*records_)[at_];
  return {record.key, Value::unpacked(record.packed)};
}

std::string Fence::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

static_assert(static_cast<LeaseState>(LeaseInfo::State::kForeign) == LeaseState::kForeign &&
              static_cast<LeaseState>(LeaseInfo::State::kTentative) == LeaseState::kTentative &&
              static_cast<LeaseState>(LeaseInfo::State::kSettled) == LeaseState::kSettled &&
              static_cast<LeaseState>(LeaseInfo::State::kUnconfirmed) == LeaseState::kUnconfirmed &&
              static_cast<LeaseState>(LeaseInfo::State::kLost) == LeaseState::kLost &&
              static_cast<LeaseState>(LeaseInfo::State::kReleased) == LeaseState::kReleased);

std::string_view to_string(LeaseInfo::State state) {
  return to_string(static_cast<LeaseState>(state));
}

}  // namespace meshdict
