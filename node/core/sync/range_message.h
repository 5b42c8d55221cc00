#pragma once
// The messages of range-based set reconciliation: what they say, and their bytes.
//
// A message covers the whole order of items, from the newest down. Each range goes from the lower bound of the one before
// (kAboveAll for the first) down to its own lower bound, included. About what is below the last range there is nothing to say
// (or, with `more`, it is put off).
//
// 1. Bounds fall strictly. Rationale: ranges cannot overlap, and a message cut off at any range still says what is
//    newest.
// 2. Decoding trusts nothing: a bound that does not fall, a count beyond the bytes or an unknown mode is a DecodeError.
//
// One range, in bytes: `mode << 6 | n`, `shared`, n bytes, content. The lower bound is the first `shared` bytes of the
// bound before, then the n bytes, then zeros; 24 in all, big-endian (write time, hash). Content: nothing for a skip; 8
// bytes of fingerprint; for ids, a count (7 bits a byte, the least significant first, the top bit says that more
// follow) and 8 bytes each. Rationale: negentropy (https://github.com/hoytech/negentropy, protocol 1) writes times as
// differences and hashes as shortest prefixes; one front-coded prefix over both does the same and is shorter, because
// bounds that need only tell neighbours apart end within the write time.
//
// Fingerprints and ids are 8 bytes where negentropy takes 16 and 32. Rationale: they are most of what is sent. Two
// unequal ranges look alike in one of 2^64 comparisons, and because fingerprints are salted with the session they
// differ in the next one. An id is only looked for within its range, among about as many as a list holds: a chance
// match hides a record in fewer than one of 2^50 lists. An attacker who forges a match (2^32 hashes, for two records of their
// own with the same write time) hides only the difference between those two records. Neither can put a wrong record in place:
// what is sent is merged by its version.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/numbers.h"
#include "core/encoding/msgpack.h"
#include "core/record/reconcile_set.h"

namespace meshdict {

/// Bytes of ranges in one message that we send: about 2,500 fingerprints, a few milliseconds of work for the node that answers.
inline constexpr std::size_t kMaxRangeBytes = 32 * 1024;
/// Bytes of ranges that we read: a later version may send somewhat more.
inline constexpr std::size_t kMaxRangeBytesRead = 2 * kMaxRangeBytes;

enum class RangeMode : std::uint8_t {
  kSkip = 0,         ///< nothing to say
  kFingerprint = 1,  ///< of all the sender's items in the range
  kItems = 2,        ///< ids of all the sender's items in the range
  kWanted = 3,       ///< ids, out of the receiver's list, of which the sender wants the records
};

struct Range {
  ReconcileItem lower;
  RangeMode mode = RangeMode::kSkip;
  std::uint64_t fingerprint = 0;
  std::vector<std::uint64_t> ids;
};

/// Payload of a question (from the node whose session it is) or of an answer (to it).
struct RangeMessage {
  SessionId session = SessionId::kNone;
  /// In a question: put off differences that lie more than so many items below the newest difference; 0: put off none.
  std::uint64_t reach = 0;
  /// In an answer: what is below the last range was put off.
  bool more = false;
  /// In a question: the asker has finished, and expects no answer.
  bool closing = false;
  std::string ranges;
};

/// Writes the payload's four elements: session, reach, flags, ranges.
inline constexpr std::uint32_t kRangeMessageElements = 4;
void write_range_message(MsgpackWriter& to, const RangeMessage& message);
/// Does not look into the ranges; the Reconciler does. Further elements and unknown flags are ignored.
std::expected<RangeMessage, DecodeError> read_range_message(std::span<const RawView> payload);

std::expected<std::vector<Range>, DecodeError> decode_ranges(std::string_view bytes);

/// The shortest bound above `below` and not above `item`. REQUIRES: below < item.
ReconcileItem separator(const ReconcileItem& below, const ReconcileItem& item);

/// Builds the bytes of a message, range by range. Neighbouring skips become one, and a last one is not written.
class RangeWriter {
 public:
  void skip(const ReconcileItem& lower);
  void fingerprint(const ReconcileItem& lower, std::uint64_t value);
  /// `mode` is kItems or kWanted.
  void ids(const ReconcileItem& lower, RangeMode mode, std::span<const std::uint64_t> ids);

  /// Bytes; 0 while there are only skips.
  [[nodiscard]] std::size_t size() const { return out_.size(); }

  /// A place to come back to.
  struct Mark {
    std::size_t size = 0;
    ReconcileItem last = kAboveAll;
    ReconcileItem skipped = kAboveAll;
  };
  [[nodiscard]] Mark mark() const { return {.size = out_.size(), .last = last_, .skipped = skipped_}; }
  void return_to(const Mark& mark);

  std::string take();
  /// The same, and a last skip is written too: what was put off begins below it.
  std::string take_with_last_skip();

 private:
  void open_range(const ReconcileItem& lower, RangeMode mode);
  void write_head(const ReconcileItem& lower, RangeMode mode);
  void write_id(std::uint64_t id);

  std::string out_;
  // Lower bound of the last range written.
  ReconcileItem last_ = kAboveAll;
  // Lower bound of the skips not yet written; not above last_.
  ReconcileItem skipped_ = kAboveAll;
};

}  // namespace meshdict
