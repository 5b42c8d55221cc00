#pragma once
// What is known of one connection, from its dial to its end.

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
  /// Where it was dialled, or where it came from.
  Endpoint remote;
  bool dialed_by_us = false;
  /// Dialled as DialKind::kExtra.
  bool extra = false;
  /// The number of the user's wish for which it was dialled (overlay.h); 0: for none.
  std::uint64_t wish = 0;
  /// The only node that may answer the dial; empty: any node may.
  NodeId expected;
  ConnState state = ConnState::kHandshaking;
  FrameDecoder decoder{limits::kMaxFrameBeforeHandshake};

  NodeId peer;
  /// Where the peer says it listens, else `remote`.
  Endpoint peer_address;
  bool is_meshdict = false;
  /// Methods that both ends read, the one to use first.
  std::vector<Compression> compressions;
  Nonce nonce = Nonce::kNone;
  Boot peer_boot = Boot::kNone;

  MonoTime opened;
  MonoTime heard;
  /// When we last sent something.
  MonoTime spoken;
  /// Never less than it was when the connection was made.
  Duration round_trip{};
  /// When an incomplete frame began to arrive, at the latest.
  MonoTime frame_begun;
  /// Of the dial, of the hello exchange, or of the linger.
  MonoTime deadline;
  MonoTime pinged;
  std::optional<MonoTime> probe_started;
  /// It has not answered its probe in time.
  bool late = false;
  /// Retired: its deadline moves with what comes, but not beyond this.
  MonoTime lingers_to;
  /// Nonce of the link that the peer uses instead of this one, on which it has sent its last message.
  std::optional<Nonce> last_word;
  /// When the peer last told us to keep it. Retired: when the peer was last told of the link that is kept.
  MonoTime told_to_keep = MonoTime::min();

  // What the peer's machine has taken of what we sent; see Transport::Progress.
  std::uint64_t taken = 0;
  /// When `taken` was last seen to grow.
  MonoTime taking;
  /// When we sent the first ping since we last heard something.
  MonoTime asked;
  /// Where that ping ends, in bytes given to the transport.
  std::uint64_t asked_at = 0;
  /// When something was last taken that had been sent before that ping.
  MonoTime moved;
  /// It takes nothing, and asks for more answers than limits::kMaxAnswersUntaken.
  bool overflowed = false;
  /// Its queue was full (queues.cpp), and has not drained since.
  bool congested = false;
  /// A ping whose answer will show the peer's clock: its nonce, and when it was sent.
  struct ClockQuestion {
    Nonce nonce = Nonce::kNone;
    MonoTime asked;
  };
  std::optional<ClockQuestion> clock_question;
  /// Pings sent, each with a nonce of its own.
  std::uint64_t pings = 0;
  /// From a ping to its answer: for people only.
  std::optional<Duration> last_round_trip;
  /// Bytes sent since the transport's queue was last looked at.
  std::size_t unchecked_bytes = 0;
  /// Bytes sent although it is congested.
  std::size_t untaken_answers = 0;
  /// Messages that were not sent to it, since too much waited already.
  std::uint64_t left_out = 0;
  std::optional<MonoTime> told_of_left_out;
  /// When the present window of limits::kWasteWindow began.
  MonoTime waste_began;
  /// Bytes decompressed in it for messages that we had already.
  std::size_t wasted_bytes = 0;

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
