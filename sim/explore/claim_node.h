#pragma once
// One node of a ClaimWorld: a Dictionary with a disk, and all that it was given so far. A copy is made by giving it the
// same again. Moments are given with each call; they never run backwards.

#include <memory>
#include <optional>
#include <vector>

#include "core/dictionary/dictionary.h"
#include "core/env/clock.h"
#include "core/env/memory_store.h"
#include "sim/explore/claim_world.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

/// What all clocks show at the beginning.
inline constexpr Duration kClaimWorldBegins = 1'893'456'000s;

class ClaimNode {
 public:
  using Shown = ClaimShown;
  /// What came of an input.
  struct Outcome {
    std::optional<WriteError> refused;  ///< of a write
    std::vector<Conflict> conflicts;
    std::vector<Shown> sends;  ///< of a turn's end
  };

  explicit ClaimNode(NodeIndex node);
  ClaimNode(const ClaimNode& other);
  ClaimNode& operator=(const ClaimNode&) = delete;
  ~ClaimNode();

  // Inputs

  Outcome write(Duration now) { return take({.act = Act::kWrite, .at = now, .record = nullptr}); }
  Outcome erase(Duration now) { return take({.act = Act::kErase, .at = now, .record = nullptr}); }
  Outcome hear(Duration now, const MadeRecordPtr& record) {
    return take({.act = Act::kDeliver, .at = now, .record = record});
  }
  Outcome end_turn(Duration now) { return take({.act = Act::kTurn, .at = now, .record = nullptr}); }
  Outcome restart(Duration now) { return take({.act = Act::kRestart, .at = now, .record = nullptr}); }

  // Views

  [[nodiscard]] const NodeId& id() const { return config_.self; }
  [[nodiscard]] bool has_restarted() const { return !config_.earlier_boots.empty(); }
  /// Its record, a tombstone too.
  [[nodiscard]] const std::optional<Shown>& shown() const { return shown_; }
  [[nodiscard]] std::optional<LeaseView> lease(Duration now) const;
  /// Of all that it has heard and done, and that counts.
  [[nodiscard]] std::uint64_t digest() const { return story_.value(); }

 private:
  struct Input {
    Act act = Act::kWrite;
    Duration at{};
    MadeRecordPtr record;
  };
  struct StillClock final : Clock {
    Duration now{};
    [[nodiscard]] MonoTime monotonic() const override { return MonoTime(now); }
    [[nodiscard]] WallTime wall() const override { return WallTime(kClaimWorldBegins + now); }
  };

  Outcome take(const Input& input);
  /// Whether the input may have changed anything.
  bool perform(const Input& input, Outcome& outcome);
  void start();

  DictionaryConfig config_;
  mutable StillClock clock_;
  MemoryStore disk_;
  std::unique_ptr<Dictionary> dictionary_;
  std::vector<Conflict> conflicts_;
  std::vector<Input> inputs_;
  std::uint32_t writes_ = 0;
  std::optional<Shown> shown_;
  TraceHash story_;
};

/// Equal for equal versions.
std::uint64_t digest_of(const Version& version);

}  // namespace meshdict::sim
