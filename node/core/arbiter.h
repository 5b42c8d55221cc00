#pragma once
// The policy of production: of one pair, only the node with the larger id closes duplicates.
//
// 1. It keeps the link that was established first, says KEEP on it, and retires the others when KEEP_ACK arrives: it
//    never writes to them again and closes them after a linger, in which it still reads what the peer had sent.
// 2. The smaller id accepts all and closes none; it sends where it was last told to.
// 3. A new link whose hello does not list an older one shows that the older may be half-open. The larger id probes the
//    older, and closes it when it stays silent for a second; meanwhile nothing is decided. The smaller id pings it, too,
//    but closes it for the long silence only (links.h): answers can be late, and then each end would have closed another.
//
// Rationale: two nodes that both choose can choose differently, and then close both connections (py2p loses the link in
// most simultaneous dials). One chooser cannot disagree with itself.

#include "core/link_policy.h"

namespace meshdict {

/// Holds nothing itself: what is pending stands in the Pair.
class Arbiter final : public LinkPolicy {
 public:
  void examine(Links& links, Pair& pair, Connection& link, const std::vector<std::uint64_t>& open_nonces) override;
  void added(Links& links, Pair& pair, Connection& link) override;
  void changed(Links& links, Pair& pair) override;
  void on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) override;
  void on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) override;

 private:
  static void arbitrate(Links& links, Pair& pair);
};

}  // namespace meshdict
