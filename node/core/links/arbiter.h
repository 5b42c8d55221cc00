#pragma once
// The policy of production: of one pair, only the node with the larger id closes duplicates.
//
// 1. It keeps the link that was established first, says KEEP on it, and retires the others when KEEP_ACK arrives: it
//    never writes to them again, reads what the peer had sent, and then closes them.
// 2. The smaller id accepts all and closes none; it sends where it was last told to. Its last message on each other link is
//    KEEP_ACK with the nonce of the link that is kept: nothing follows, and that other link may be closed. This does not cover
//    a link that was established there after KEEP had come; as long as something is sent on it, KEEP is said again.
// 3. A new link whose hello does not list an older one shows that the older may be half-open. The larger id probes the older;
//    meanwhile nothing is decided, and when no answer comes in time another link is kept. The smaller id pings the older link,
//    too, but closes it only for the long silence (links.h): answers can be late, and then each end would have closed another
//    link.
//
// Rationale: two nodes that both choose can choose differently, and then close both connections (py2p loses the link in
// most simultaneous dials). One chooser cannot disagree with itself.

#include "core/links/policy.h"

namespace meshdict {

/// Holds nothing itself: what is pending stands in the Pair.
class Arbiter final : public LinkPolicy {
 public:
  void examine(Links& links, Pair& pair, Connection& link, const std::vector<Nonce>& open_nonces) override;
  void added(Links& links, Pair& pair, Connection& link) override;
  void changed(Links& links, Pair& pair) override;
  void on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) override;
  void on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) override;

 private:
  static void arbitrate(Links& links, Pair& pair);
};

}  // namespace meshdict
