#pragma once
// Why a key stands as it does, for a person.

#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/dictionary/lease_view.h"
#include "core/record/claim_history.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

/// What is known of a key that has a record. Views: to be used at once.
struct KeyStory {
  const Record& present;
  bool ours = false;
  /// How long ago the present record was written.
  Duration age{};
  /// Claims that gave way or were turned away; null: none is remembered.
  const ClaimHistory::Steps* met = nullptr;
  Leasing leasing = Leasing::kOn;
  /// Of a visible record.
  std::optional<LeaseView> lease = std::nullopt;
  /// When our clock is wrong: how far it is ahead of the median neighbour's.
  std::optional<Duration> clock_ahead = std::nullopt;
};

/// Lines of text: the present version, the claims that it met before, its lease, and our clock if it is wrong.
std::string explain(const KeyStory& story);

/// "61 s": at least so long, as a caller who waits for it wants to know.
std::string seconds_left_text(Duration left);
/// "61.5 s ahead of", "0.9 s behind".
std::string distance_text(Duration ahead);

}  // namespace meshdict
