#pragma once
// From the bytes of a frame to the part of the engine that it concerns.
//
// 1. Bytes from a peer can be anything: what does not fit closes its connection, but never because of another node's broadcast
//    that a neighbour only passed on.
// 2. A damaged frame shows that the stream is out of step, even if the frame looks like a copy.
// 3. Nothing of a stranger's is decompressed, and of a neighbour's only what uses a method that we offered. A copy of a
//    compressed broadcast is recognised before it is decompressed. A neighbour that makes us decompress copies all the same, in
//    another form each time, is dropped (limits::kMaxWastedBytes).
// 4. Until the hello is exchanged, only the link layer speaks.
// 5. A node without a dictionary takes no records.
//
// Not thread-safe.

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/encoding/frame.h"
#include "core/engine/broadcasts.h"
#include "core/engine/event.h"
#include "core/engine/members.h"
#include "core/engine/overlay.h"
#include "core/engine/py2p.h"
#include "core/engine/searches.h"
#include "core/engine/sessions.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/links/links.h"
#include "core/memory/known_bodies.h"
#include "core/messages/message.h"

namespace meshdict {

class Receiver {
 public:
  /// What this hands on to. All of it outlives the receiver.
  struct Surroundings {
    Links& links;
    Overlay& overlay;
    Sessions& sessions;
    Py2p& py2p;
    Broadcasts& broadcasts;
    Searches& searches;
    Members& members;
    const Clock& clock;
    EngineStats& stats;
    Observer& observer;
  };

  Receiver(const Surroundings& surroundings, bool has_dictionary);

  /// `body`: what a frame holds behind its size.
  void take(Connection& conn, std::string_view body);

 private:
  /// Nothing when there is no more to do: it is a copy, or has closed the connection.
  std::optional<OpenedBody> open(Connection& conn, std::string_view body);
  void note_copy(Connection& conn);
  /// A broadcast that was decompressed and not taken.
  void note_waste(Connection& conn, std::size_t bytes);
  void hand_on(Connection& conn, const Envelope& envelope, const Message& message, const MessageId& id);
  void deliver(const Connection& conn, const Envelope& envelope, const UserMessage& message, const MessageId& id);

  Links& links_;
  Overlay& overlay_;
  Sessions& sessions_;
  Py2p& py2p_;
  Broadcasts& broadcasts_;
  Searches& searches_;
  Members& members_;
  const Clock& clock_;
  EngineStats& stats_;
  Observer& observer_;
  KnownBodies known_bodies_;
  bool has_dictionary_;
};

}  // namespace meshdict
