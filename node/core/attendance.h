#pragma once
// How long this node was apart from the network, and who starts from whose state when two meet again.
//
// A deletion is remembered for a horizon. Who was apart for longer may hold keys that the others have deleted, and
// forgotten that they have; comparing alone would bring them back everywhere. So of two that meet one may defer to the
// other: it lets go of the old records that only it has, and keeps of them its own writes since it last compared.
//
// Old: older than the reach, which is the horizon less four times the skew. Rationale: a tombstone leaves the set that
// nodes compare when it is a skew short of the horizon, by a clock that may be a skew fast, over one that was a skew
// slow; the fourth is for the time that a comparison takes. What is younger than the reach needs no rule: if it was
// deleted, the tombstone is there.
//
// Levels, from the lowest. Who is above the first is a member.
//   apart     not running for longer than the reach, and not compared with a member since; or new
//   lived on  a member that was not in step within the reach
//   in step   a member that was
// A node becomes a member when it has compared with one, or has been running for a horizon; then it is settled too.
// Rationale: some node must be the first; after a horizon no tombstone is left from before it ran, so that it misses
// none that others still have.
//
// Two settled nodes that compare are in step as of the beginning of that comparison. Others are in step as of when their
// neighbour was. Rationale: who has just come knows the network only through its neighbour, and a node that was cut off
// and found a newcomer is not back.
//
// Own writes count as known to the network as of the last comparison with a settled node; while a node is new, with
// anybody, since what it writes is not old yet.
//
// Readings from while a clock was ahead, ours or another's, count for nothing once it is set right. Rationale: no later
// comparison would be later than those, and the node would defer to others until that time has come.
//
// The lower level defers to the higher, if the higher's memory reaches back to before the lower last compared. Memory:
// since when a node, or one that it has compared with, has been there. Rationale: whoever was not there does not lack a
// key because it was deleted; the only node that still has an old network's keys must not drop them before a new one.
//
// Of equals none defers. If both lived on, or were in step with different neighbours, for longer than the horizon, keys
// that one side has deleted come back with the other. That is told (Returned in event.h).
//
// Both sides judge alike, by what they last told each other: what the one lets go of the other does not take, should it
// come. Rationale: records may be on their way while the levels change. And who starts from another's state judges for
// that other: a newcomer may have got old records from it a moment before, and would bring them back.
//
// Order of calls: construct, load(), then anything; on_time() at next_deadline(). Not thread-safe.

#include <cstdint>
#include <expected>
#include <string>

#include "core/clock.h"
#include "core/hlc.h"
#include "core/ids.h"
#include "core/presence.h"
#include "core/store.h"
#include "core/time.h"
#include "core/version.h"

namespace meshdict {

[[nodiscard]] constexpr bool is_member(const Presence& presence) {
  return presence.level != Presence::Level::kApart;
}

/// Whether `one` starts from the state of `other`.
[[nodiscard]] constexpr bool defers(const Presence& one, const Presence& other) {
  const bool remembers = one.compared == Hlc{} || other.memory_ms <= one.compared.unix_ms();
  return one.level < other.level && remembers;
}

struct AttendanceConfig {
  Duration horizon = 24h;
  Duration skew = 30s;
};

/// Error text unless the horizon leaves a reach worth the name: horizon >= 8 x skew.
[[nodiscard]] std::expected<void, std::string> check_horizon(const AttendanceConfig& config);

class Attendance {
 public:
  /// `clock` and `store` outlive this. REQUIRES: check_horizon(config).
  Attendance(AttendanceConfig config, const Clock& clock, Store& store);

  /// Reads what an earlier life has left. `now` is the dictionary's clock. Error text when it is damaged.
  std::expected<void, std::string> load(Hlc now);

  [[nodiscard]] Presence presence() const;
  /// Whether the others must be told, who know this of us. Of the time when we were in step they need no exact idea.
  [[nodiscard]] bool should_tell(const Presence& told) const;

  /// A session of comparing that began at `began` is complete: what either had then, both have. `with`: as it was last
  /// told; `now` is the dictionary's clock.
  void compared(Hlc began, const Presence& with, Hlc now);
  /// We have written something: others know it only after the next comparison.
  void wrote() { wrote_ = true; }

  /// Whether `who`, who defers, lets go of a record that only it has.
  [[nodiscard]] bool lets_go(const NodeId& who, const Presence& presence, const Version& version, Hlc now) const;

  void on_time();
  [[nodiscard]] MonoTime next_deadline() const { return seen_ + pause(); }

 private:
  enum class State : std::uint8_t { kNew = 0, kMember = 1, kReturning = 2 };

  void notice();
  void save();
  [[nodiscard]] bool is_settled(MonoTime now) const { return now - running_since_ >= config_.horizon; }
  [[nodiscard]] Duration reach() const { return config_.horizon - 4 * config_.skew; }
  [[nodiscard]] Duration pause() const { return reach() / 16; }

  AttendanceConfig config_;
  const Clock& clock_;
  Store& store_;
  State state_ = State::kNew;
  MonoTime running_since_;
  MonoTime seen_;  // when we last noticed that we run
  Hlc compared_;
  Hlc in_step_;
  MonoTime in_step_here_;  // the same on our monotonic clock
  MonoTime saved_;
  std::int64_t memory_ms_ = 0;
  bool wrote_ = false;
};

}  // namespace meshdict
