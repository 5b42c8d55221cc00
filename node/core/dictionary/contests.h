#pragma once
// Contests: what the owner of a key does when another's claim meets its own. Two nodes can claim one key without knowing of
// each other. Then the merge chooses; and each owner, while it trusts its lease, sees to it that the outcome is sound.
//
// K1. When a live claim loses to a tombstone, to a claim whose lease has lapsed or was given up, or to an older incarnation of
//     its own owner, its owner takes the key again at once, with an epoch above the winner's. Rationale: nobody holds what won, so nobody
//     loses by it; and a client was promised this key. A deletion may thus be undone by a holder that had not heard of it.
// K2. A claim that has won over another of the same epoch is issued again with epoch + 1: claim start and write time stay, and
//     its age (the lease does not grow, here or at others), sequence + 1. Rationale: the integer epoch alone is then a valid
//     fencing token.
// K3. A value that loses to a tombstone which has left the set, and was written before, is issued again above it, leased or
//     not (D5 in tombstones.h).
// K4. Of a plain store and our claim, both of one second, py2p nodes keep the one with the smaller id. When that is ours, it is
//     taken or issued again above the other, and so stands everywhere.
// K5. Each rival is contested at most once in a lease time, and at most limits::kMaxContestedRivals of them for a key, and
//     limits::kMaxContests keys. Rationale: nodes whose clocks are beyond the bounds could otherwise outbid each other for ever.
//
// Usage: the merge asks for an answer when a record of ours meets another, and makes the answer the present record. Not
// thread-safe. Cost: O(1), and O(log n) of the keys that are contested; nothing is allocated for a record of another owner.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/dictionary/config.h"
#include "core/dictionary/lease_terms.h"
#include "core/env/clock.h"
#include "core/record/hlc.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

class Contests {
 public:
  /// All outlive this.
  Contests(const DictionaryConfig& config, const LeaseTerms& terms, const Clock& clock, HybridClock& hlc);

  // Each gives the version under which we write the present value again; nothing, when the merge's choice stands.

  /// REQUIRES: `winning` is greater than the present record, and our clock has observed it.
  std::optional<Version> answer_to_winner(std::string_view key, const Record& present, const Version& winning);
  /// REQUIRES: `losing` is smaller than the present record.
  std::optional<Version> answer_to_loser(std::string_view key, const Record& present, const Version& losing);
  /// A plain store of another writer and this second was refused.
  std::optional<Version> answer_to_plain(std::string_view key, const Record& present, const NodeId& rival,
                                         std::int64_t seconds);

  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  /// Rivals that were contested for one key.
  struct Contest {
    MonoTime began;
    std::vector<NodeId> rivals;
  };

  bool is_first(std::string_view key, const NodeId& rival);
  [[nodiscard]] bool is_live_claim_of_ours(const Record& record) const;
  [[nodiscard]] bool should_take_again(const Record& present, const Version& winning) const;
  [[nodiscard]] bool should_propose_again(const Record& present, const Version& winning) const;
  [[nodiscard]] Version taken_again(const Record& present, const Version& winning);
  [[nodiscard]] Version issued_again(const Record& present, Epoch epoch) const;

  const DictionaryConfig& config_;
  const LeaseTerms& terms_;
  const Clock& clock_;
  HybridClock& hlc_;
  std::map<std::string, Contest, std::less<>> by_key_;
};

}  // namespace meshdict
