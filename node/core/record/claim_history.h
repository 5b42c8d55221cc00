#pragma once
// What became of the claims that a key has met: for EXPLAIN, and for a writer that asks what happened to its claim.
//
// 1. Per key the last limits::kMaxSteps claims that gave way or were turned away, the oldest first. Writes within one
//    claim are one step.
// 2. At most limits::kMaxHistories keys; beyond that the history that changed longest ago is discarded. Histories are kept in
//    memory only: nothing here decides anything, so nothing is lost with them.

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "core/record/version.h"

namespace meshdict {

/// How a claim ended, as seen from here.
enum class ClaimEnd : std::uint8_t {
  kFollowed,    ///< another claim took its place
  kLost,        ///< the same, and an acknowledged write of ours went with it: its writer was told of the conflict
  kTurnedAway,  ///< it met a larger one
};

class ClaimHistory {
 public:
  struct Step {
    Version version;
    ClaimEnd end = ClaimEnd::kFollowed;
    VersionField decided_by = VersionField::kNone;
  };
  using Steps = std::deque<Step>;

  void note(std::string_view key, const Step& step);
  /// Nothing when the key has met no other claim, or its history was discarded. Valid until the next non-const call.
  [[nodiscard]] const Steps* find(std::string_view key) const;

  void sanity_check() const;

 private:
  struct Entry {
    Steps steps;
    std::list<std::string_view>::iterator age;
  };
  std::map<std::string, Entry, std::less<>> entries_;
  // Keys of entries_; the one that changed last stands last.
  std::list<std::string_view> by_age_;
};

}  // namespace meshdict
