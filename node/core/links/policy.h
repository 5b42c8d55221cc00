#pragma once
// Which of several links of one pair are kept: the part of Links that can be replaced.
//
// Production has one policy, the Arbiter. The interface is there for the study of the alternatives in the simulator
// (sim/explore/link_policies.h), under the same handshake, deadlines and probes.
//
// Links calls a policy within one of its own inputs. A policy acts through the public effects of Links: whisper(),
// close(), retire(), probe(); and through Pair::primary and Pair::links. close() may call changed() back at once.

#include <cstdint>
#include <vector>

#include "core/links/connection.h"
#include "core/messages/message.h"

namespace meshdict {

class Links;
struct Pair;

class LinkPolicy {
 public:
  virtual ~LinkPolicy() = default;

  /// Whether a connection waits for the extended hello. Without it becomes a link at the handshake, as in py2p.
  [[nodiscard]] virtual bool wants_hello() const { return true; }

  /// `link` is about to join a pair that has links. `open_nonces`: of the connections that the peer holds open to us.
  virtual void examine(Links& links, Pair& pair, Connection& link, const std::vector<Nonce>& open_nonces) = 0;
  /// `link` has joined a pair that has others, as the last of pair.links.
  virtual void added(Links& links, Pair& pair, Connection& link) = 0;
  /// A link of the pair has gone, and left others; or one that was probed has answered.
  virtual void changed(Links& links, Pair& pair) = 0;

  virtual void on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) = 0;
  virtual void on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) = 0;
};

}  // namespace meshdict
