#pragma once
// Finds what two nodes' sets lack of each other: range-based set reconciliation, as a state machine without I/O.
//
// After A. Meyer, "Range-Based Set Reconciliation" (2023, https://arxiv.org/abs/2212.13567) and D. Hoyte's negentropy
// (https://github.com/hoytech/negentropy). One node asks, the other answers, in turn. A message is a list of ranges of
// the order of items. To a fingerprint that is not ours we answer with the fingerprints of smaller ranges, or, where we
// hold few items, with their ids. A node that gets a list of ids sends what the other lacks, and asks for what it
// lacks itself.
//
// 1. No message grows beyond a bound, and no call of work() does more than it is told.
// 2. Between two calls nothing is remembered of the set but bounds and ids: the set may change at any time. A change meanwhile
//    can hide a difference, which a later session then finds, or show a false one, which does no harm in a merge.
// 3. The answerer remembers nothing between an answer and the next question.
// 4. A session ends: each pass begins below where the one before stopped, and turns are counted.
// 5. Records found missing at the peer come out of work() before the message that follows: sent in this order, they
//    are merged before the peer reads it.
//
// The first question is skewed. Its ranges hold the newest 16 items, then 48, 192, 768, 3,072, and then equal parts of
// the rest. Rationale: after a time apart the differences are the newest items, and lists of them come one message
// later; the equal parts keep one old difference among 1,000,000 within three round trips.
//
// The newest differences come first; others wait for the next pass. The answerer puts off what differs further below
// the newest difference than `reach` items. Rationale: a node that overwrites old records takes as many old items out of its
// set, each at another place. When the new records have been merged, those differences are gone from both sets. Looking for
// them first would cost a descent for each. Each pass reaches four times further, so that many old differences cost no more
// than a few passes.
//
// Both nodes may ask at once. The two sessions do not touch each other, but each finds, and sends, the same: it is better to
// let one node ask.
//
// Order of calls: ask() or take_*(), then work() until it gives a message, or busy() is false. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/numbers.h"
#include "core/record/reconcile_set.h"
#include "core/sync/range_message.h"

namespace meshdict {

/// Items of a range that are listed rather than divided: 64 ids cost as much as 40 fingerprints with their bounds.
inline constexpr std::size_t kListAtMost = 64;
/// Parts that a range is divided into: 25 * 32 * 32 lists of 64 hold more than 1,600,000 items.
inline constexpr std::size_t kMaxParts = 32;
/// The newest items get ranges of their own: so many, then four times as many in all, up to kFirstReach.
inline constexpr std::size_t kNewestRange = 16;
inline constexpr std::size_t kFirstReach = 4'096;
/// Smallest bound of a message: one range divided, or one list, must fit.
inline constexpr std::size_t kMinRangeBytes = 2'048;
/// Questions of one session. Two sets of 200,000 items without a common one take 147, so this is for some 20,000,000.
inline constexpr std::size_t kMaxQuestions = 16'384;

/// First 8 bytes of SHA-256 over session, sum and count, big-endian.
std::uint64_t fingerprint(SessionId session, const ReconcileTotal& total);

/// Works through one received message: finds what the peer lacks, and writes the ranges to send back.
class RangeJob {
 public:
  /// Takes an item whose record the peer lacks; false: enough for this time.
  using Sink = std::function<bool(const ReconcileSet::Entry&)>;

  RangeJob(const ReconcileSet& set, SessionId session, std::uint64_t reach, std::vector<Range> ranges,
           std::size_t max_bytes);

  /// `budget` counts ranges and items looked at, about half a microsecond each. True when done.
  bool step(std::size_t& budget, const Sink& missing_at_peer);

  [[nodiscard]] RangeWriter& out() { return out_; }
  /// Where the ranges begin that were put off.
  [[nodiscard]] std::optional<ReconcileItem> put_off() const { return put_off_; }

 private:
  enum class Scan : std::uint8_t { kPaused, kDone };

  void answer_fingerprint(const Range& range, std::size_t& budget);
  Scan scan(Range& range, std::size_t& budget, const Sink& missing_at_peer);
  void stop_here(const RangeWriter::Mark& mark);

  const ReconcileSet* set_;
  SessionId session_;
  std::uint64_t reach_;
  std::vector<Range> ranges_;
  std::size_t max_bytes_;
  // The range that is being worked on.
  std::size_t at_ = 0;
  // Its upper bound.
  ReconcileItem upper_ = kAboveAll;
  // How far that range is scanned.
  std::optional<ReconcileItem> cursor_;
  // Which of its ids we have, too.
  std::vector<bool> met_;
  std::optional<std::uint64_t> newest_difference_;  // rank
  std::optional<ReconcileItem> put_off_;
  RangeWriter out_;
};

/// Both roles towards one peer.
class Reconciler {
 public:
  enum class Asked : std::uint8_t {
    kNever,
    kUnderWay,
    kComplete,  ///< all differences of this session are found, our records sent, and the wanted ones received
    kGivenUp,   ///< too many questions
  };

  /// `set` outlives this. REQUIRES: max_bytes >= kMinRangeBytes.
  explicit Reconciler(const ReconcileSet& set, std::size_t max_bytes = kMaxRangeBytes);

  /// Begins a session of ours, in place of one that is under way. `session` is random: it salts the fingerprints.
  void ask(SessionId session);
  [[nodiscard]] Asked asked() const { return asked_; }
  /// Whether the peer has closed a session of its own since the last call of clear_peer_complete().
  [[nodiscard]] bool peer_complete() const { return peer_complete_; }
  void clear_peer_complete() { peer_complete_ = false; }

  /// A new question replaces an unanswered one.
  std::expected<void, DecodeError> take_question(const RangeMessage& message);
  /// An answer that we do not wait for is ignored.
  std::expected<void, DecodeError> take_answer(const RangeMessage& message);

  /// Whether there is something for work() to do.
  [[nodiscard]] bool busy() const { return answer_.has_value() || question_.has_value() || ready_.has_value(); }

  struct Outgoing {
    bool is_question = false;
    RangeMessage message;
  };
  /// Goes on for `budget` units or until `missing_at_peer` has enough. A message that comes out must be sent after the
  /// records that came out before.
  std::optional<Outgoing> work(std::size_t budget, const RangeJob::Sink& missing_at_peer);

 private:
  void begin_pass(const ReconcileItem& top);
  void finish_question();
  Outgoing finish_answer();

  const ReconcileSet* set_;
  std::size_t max_bytes_;

  Asked asked_ = Asked::kNever;
  SessionId session_ = SessionId::kNone;
  std::uint64_t reach_ = kFirstReach;
  std::size_t questions_ = 0;
  // Whether we wait for an answer.
  bool waiting_ = false;
  // Top of this pass.
  ReconcileItem top_ = kAboveAll;
  // Top of the next pass.
  std::optional<ReconcileItem> put_off_;
  // The next question, being made from an answer.
  std::optional<RangeJob> question_;
  // A question to send.
  std::optional<RangeMessage> ready_;

  SessionId peer_session_ = SessionId::kNone;
  std::optional<RangeJob> answer_;
  bool peer_complete_ = false;
};

}  // namespace meshdict
