#pragma once
// Messages for everybody: what we say, and what others said and we pass on.
//
// 1. Each broadcast is taken once, however often it comes: what was seen is remembered (seen.h) for as long as a copy is young
//    enough to be taken. What is too old to be told from a copy is not taken.
// 2. What we say counts as seen. A message with our boot that we do not remember was made up by somebody.
// 3. What is taken goes on to all other neighbours, its hashed bytes unchanged, so that ids stay the same. It goes compressed
//    as it came to neighbours that read that method, so that a message that cost us a few bytes costs each of them a few.
// 4. A neighbour for which too much is queued already hears of stores in an anti-entropy session, at its own pace.
// 5. A py2p node gets everything through its pacer: stores of one key as one, all else as it is.
//
// Not thread-safe.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "core/dictionary/dictionary.h"
#include "core/encoding/frame.h"
#include "core/engine/py2p.h"
#include "core/engine/sessions.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/links/compressed_once.h"
#include "core/links/links.h"
#include "core/memory/seen.h"
#include "core/messages/message.h"
#include "core/messages/originator.h"

namespace meshdict {

class Broadcasts {
 public:
  /// What this works with. All of it outlives this.
  struct Surroundings {
    Originator& originator;
    Links& links;
    Sessions& sessions;
    const Py2p& py2p;
    const Clock& clock;
    EngineStats& stats;
  };

  explicit Broadcasts(const Surroundings& surroundings);

  // What others say

  /// Whether this is an undamaged copy of a broadcast that was seen. Found out without decoding, since most frames of a mesh
  /// are copies.
  [[nodiscard]] bool is_copy(const PlainBody& plain) const;
  enum class Accepted : std::uint8_t {
    kYes,     ///< marked as seen
    kNo,      ///< a copy, or too old to be told from one
    kNoRoom,  ///< not taken now
  };
  Accepted accept(const Connection& from, const Envelope& envelope, const PlainBody& plain);
  /// `body` is the message as it came: neighbours that read its compression get that again, and nothing is compressed twice.
  /// REQUIRES: it was accepted, and is not merged yet.
  void relay(const Connection& from, const OpenedBody& opened, std::string_view body, const Envelope& envelope,
             const Message& message);

  // What we say

  /// `store`: what the message is to py2p nodes, if it is a store.
  void say(const Message& message, const PacedStore* store = nullptr);
  /// For a user, who wants to know the message's id, whether there are neighbours or not.
  std::expected<MessageId, FrameTooLarge> broadcast(const UserMessage& message);
  /// The only way to broadcast a store. The owner of a store is its sender, so this takes nothing but records of ours. `had`:
  /// whether py2p nodes had the key before this store.
  void publish(const OwnRecord& record, HasKey had);

  void expire(MonoTime now) { seen_.expire(now); }
  void sanity_check() const { seen_.sanity_check(); }

 private:
  Stamp stamp();
  void send_to_all(CompressedOnce& once, const Connection* except, const PacedStore* store);

  Originator& originator_;
  Links& links_;
  Sessions& sessions_;
  const Py2p& py2p_;
  const Clock& clock_;
  EngineStats& stats_;
  SeenMessages seen_;
};

}  // namespace meshdict
