#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/time.h"
#include "core/encoding/compression.h"
#include "core/encoding/frame.h"
#include "core/env/transport.h"
#include "core/limits.h"
#include "core/links/pacer.h"
#include "core/messages/message.h"

namespace meshdict {

/// How far a connection has come.
enum class ConnState : std::uint8_t {
  kDialing,      ///< waiting for the transport
  kHandshaking,  ///< both sides speak; waiting for the peer's handshake
  kGreeted,      ///< handshake good; waiting for the extended hello
  kEstablished,  ///< a link of its pair
  kRetired,      ///< a duplicate that gave way: read until it closes, never written
  kClosed,       ///< gone; the object lives until the end of the current input
};

/// Whether a connection that we dial is counted on.
enum class DialKind : std::uint8_t {
  kLasting,  ///< one of the target for outgoing connections
  kExtra,    ///< beyond the target: the first to go when there are too many
};

/// One byte stream to a peer. Plain data, changed by Links and by the engine.
struct Connection {
  ConnId id = ConnId::kNone;
  Endpoint remote;  ///< where it was dialled, or where it came from
  bool dialed_by_us = false;
  bool extra = false;  ///< dialled as DialKind::kExtra
  /// Which wish of the user's it was dialled for, counted over all; 0: for none.
  std::uint64_t wish = 0;
  /// The only node that it was dialled for; empty: whoever answers.
  NodeId expected;
  ConnState state = ConnState::kHandshaking;
  FrameDecoder decoder{limits::kMaxFrameBeforeHandshake};

  NodeId peer;
  Endpoint peer_address;  ///< where the peer says it listens, else `remote`
  bool is_meshdict = false;
  std::vector<Compression> compressions;  ///< that both read, the one to use first
  Nonce nonce = Nonce::kNone;
  Boot peer_boot = Boot::kNone;

  MonoTime opened;
  MonoTime heard;
  MonoTime spoken;        ///< we last sent something
  Duration round_trip{};  ///< no less than it took when the connection was made
  MonoTime frame_begun;   ///< of an incomplete frame: since when at the latest
  MonoTime deadline;      ///< of the dial, of the hello exchange, or of the linger
  MonoTime pinged;
  std::optional<MonoTime> probe_started;
  bool late = false;    ///< has not answered its probe in time
  MonoTime lingers_to;  ///< retired: its deadline moves with what comes, but not beyond this
  /// Nonce of the link that the peer uses instead of this one, where it has said its last.
  std::optional<Nonce> last_word;
  MonoTime told_to_keep;  ///< retired: when its peer was last told of the link that is kept

  // What the peer's machine has taken of what we sent; see Transport::Progress.
  std::uint64_t taken = 0;
  MonoTime taking;             ///< it was last seen to grow
  MonoTime asked;              ///< the first ping since we heard something was sent
  std::uint64_t asked_at = 0;  ///< and ends there
  MonoTime moved;              ///< something was taken before that ping was
  bool overflowed = false;     ///< it takes nothing, and what it asks for is beyond limits::kMaxAnswersUntaken
  bool congested = false;      ///< its queue was full (queues.cpp), and has not drained since
  /// What is to be answered with the peer's clock: the nonce that was sent, and when.
  struct ClockQuestion {
    Nonce nonce = Nonce::kNone;
    MonoTime asked;
  };
  std::optional<ClockQuestion> clock_question;
  std::uint64_t pings = 0;                  ///< sent, each with a nonce of its own
  std::optional<Duration> last_round_trip;  ///< from a ping to its answer: for people only
  std::size_t unchecked_bytes = 0;          ///< sent since the transport's queue was last looked at
  std::size_t untaken_answers = 0;          ///< bytes sent although it is congested
  std::uint64_t left_out = 0;               ///< messages that were not sent to it, since too much waited already
  std::optional<MonoTime> told_of_left_out;
  MonoTime waste_began;          ///< of the present window of limits::kWasteWindow
  std::size_t wasted_bytes = 0;  ///< decompressed in it, of messages that we had already

  /// Of a py2p node: all that is sent to it. Never shared between connections: Links copies it with the connection.
  std::shared_ptr<Pacer> pacer;

  [[nodiscard]] bool closed() const { return state == ConnState::kClosed; }
  [[nodiscard]] bool established() const { return state == ConnState::kEstablished; }
};

/// Of the last ping that was sent. REQUIRES: there was one.
inline Nonce nonce_of_ping(const Connection& conn) {
  return Nonce{std::to_underlying(conn.nonce) + conn.pings};
}

}  // namespace meshdict
