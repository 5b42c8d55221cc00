#pragma once
// Whispers that wait until their receiver is found: its address is asked for, it is dialled, and they follow.
//
// 1. At most limits::kMaxDeferred nodes are searched for, with at most limits::kMaxDeferredOfOne whispers each.
// 2. Each whisper held is sent once, when its receiver becomes a neighbour, in the order of holding; or its sender is told
//    that it could not be delivered.
// 3. A search lasts for limits::kDeferredLifetime from its first whisper on, and is asked for once.
// 4. To whisper is to wish for a link (overlay.h).
// 5. When others search, the wanted node answers for itself; for a py2p node its neighbours answer. Rationale: if every node
//    answered that knows the wanted one, a question would cost a broadcast for each of them.
//
// Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/engine/broadcasts.h"
#include "core/engine/event.h"
#include "core/engine/overlay.h"
#include "core/env/clock.h"
#include "core/env/transport.h"
#include "core/links/links.h"
#include "core/messages/message.h"

namespace meshdict {

class Searches {
 public:
  /// What this works with. All of it outlives the searches.
  struct Surroundings {
    Links& links;
    Overlay& overlay;
    Broadcasts& broadcasts;
    const Clock& clock;
    Observer& observer;
  };

  explicit Searches(const Surroundings& surroundings);

  [[nodiscard]] bool has_room_for(const NodeId& wanted) const;
  /// Holds a whisper for a node that is no neighbour, and begins a search for it if there is none yet: then the moment is
  /// returned at which that search ends. REQUIRES: has_room_for(wanted).
  std::optional<MonoTime> hold(const NodeId& wanted, const Frame& whisper);

  /// A receiver may have been found: sends what was held for it.
  void on_pair_up(Pair& pair);
  void take_response(const Connection& from, const Response& response);
  /// Another node asks for a node, which need not be known here.
  void answer(const Request& request);

  /// Ends the searches whose time is over. Call it now and then, and at the moment that hold() returned.
  void expire(MonoTime now);
  void sanity_check() const;

 private:
  struct Search {
    std::vector<Frame> whispers;
    MonoTime expires;
    std::uint64_t wish = 0;
  };

  Links& links_;
  Overlay& overlay_;
  Broadcasts& broadcasts_;
  const Clock& clock_;
  Observer& observer_;
  std::map<NodeId, Search> searches_;
};

}  // namespace meshdict
