#pragma once
// What a node has seen happen, for those who look at it later: counts of events, the last conflicts, and since when there is
// trouble that only events tell of.
//
// 1. Of a flood only the newest watch_limits::kMaxConflicts conflicts are kept; numbers go on, so that a reader sees what it missed.
// 2. Keys and values are cut when they are kept, however long they are.
//
// Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "app/watch/short_value.h"
#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/time.h"
#include "core/engine/event.h"
#include "core/env/clock.h"

namespace meshdict {

/// A write of this node's clients that lost to another.
struct SeenConflict {
  std::uint64_t number = 0;  ///< from 1 on, of this life of the node
  WallTime when{};
  std::string key;  ///< its beginning
  std::size_t key_bytes = 0;
  ShortValue losing;
  Epoch losing_epoch = Epoch::kNone;
  NodeId winner;
  Epoch winning_epoch = Epoch::kNone;
  std::string reason;  ///< the field of the version that decided
};

class Watch {
 public:
  /// `clock` outlives this.
  explicit Watch(const Clock& clock) : clock_(clock) {}

  void on_event(const Event& event);

  struct Counts {
    std::uint64_t conflicts = 0;
    std::uint64_t keys_set = 0;      ///< here or elsewhere
    std::uint64_t keys_deleted = 0;  ///< so too
    std::uint64_t neighbours_up = 0;
    std::uint64_t neighbours_down = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  /// Oldest first.
  [[nodiscard]] const std::deque<SeenConflict>& conflicts() const { return conflicts_; }
  /// Whether another process has our identity, as far as was seen lately.
  [[nodiscard]] bool identity_in_use() const { return is_recent(identity_in_use_); }
  /// A node that we dialled lately and that has other settings.
  [[nodiscard]] std::optional<Endpoint> other_settings() const;

 private:
  void note(const Conflict& conflict);
  void note(const Refused& refused);
  [[nodiscard]] bool is_recent(const std::optional<MonoTime>& when) const;

  const Clock& clock_;
  Counts counts_;
  std::deque<SeenConflict> conflicts_;
  std::optional<MonoTime> identity_in_use_;
  std::optional<MonoTime> settings_differed_;
  Endpoint differs_;
};

}  // namespace meshdict
