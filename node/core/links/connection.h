#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
  /// Which wish of the user's it was dialled for, counted over all; 0: for none.
  std::uint64_t wish = 0;
  /// The only node that it was dialled for; empty: whoever answers.
  NodeId expected;
  ConnState state = ConnState::kHandshaking;
  FrameDecoder decoder{limits::kMaxFrameBeforeHandshake};

  NodeId peer;
  /// Where the peer says it listens, else `remote`.
  Endpoint peer_address;
  bool is_meshdict = false;
  /// That both read, the one to use first.
  std::vector<Compression> compressions;
  Nonce nonce = Nonce::kNone;
  Boot peer_boot = Boot::kNone;

  MonoTime opened;
  MonoTime heard;
  /// We last sent something.
  MonoTime spoken;
  /// No less than it took when the connection was made.
  Duration round_trip{};
  /// Of an incomplete frame: since when at the latest.
  MonoTime frame_begun;
  /// Of the dial, of the hello exchange, or of the linger.
  MonoTime deadline;
  MonoTime pinged;
  std::optional<MonoTime> probe_started;
  /// Has not answered its probe in time.
  bool late = false;
  /// Retired: its deadline moves with what comes, but not beyond this.
  MonoTime lingers_to;
  /// Nonce of the link that the peer uses instead of this one, where it has said its last.
  std::optional<Nonce> last_word;
  /// Retired: when its peer was last told of the link that is kept.
  MonoTime told_to_keep;

  // What the peer's machine has taken of what we sent; see Transport::Progress.
  std::uint64_t taken = 0;
  /// It was last seen to grow.
  MonoTime taking;
  /// The first ping since we heard something was sent.
  MonoTime asked;
  /// And ends there.
  std::uint64_t asked_at = 0;
  /// Something was taken before that ping was.
  MonoTime moved;
  /// It takes nothing, and what it asks for is beyond limits::kMaxAnswersUntaken.
  bool overflowed = false;
  /// Its queue was full (queues.cpp), and has not drained since.
  bool congested = false;
  /// What is to be answered with the peer's clock: the nonce that was sent, and when.
  struct ClockQuestion {
    Nonce nonce = Nonce::kNone;
    MonoTime asked;
  };
  std::optional<ClockQuestion> clock_question;
  /// Sent, each with a nonce of its own.
  std::uint64_t pings = 0;
  /// Sent since the transport's queue was last looked at.
  std::size_t unchecked_bytes = 0;
  /// Bytes sent although it is congested.
  std::size_t untaken_answers = 0;
  /// Messages that were not sent to it, since too much waited already.
  std::uint64_t left_out = 0;
  std::optional<MonoTime> told_of_left_out;
  /// Of the present window of limits::kWasteWindow.
  MonoTime waste_began;
  /// Decompressed in it, of messages that we had already.
  std::size_t wasted_bytes = 0;

  /// Of a py2p node: all that is sent to it. Never shared between connections: Links copies it with the connection.
  std::shared_ptr<Pacer> pacer;

  [[nodiscard]] bool closed() const { return state == ConnState::kClosed; }
  [[nodiscard]] bool established() const { return state == ConnState::kEstablished; }
};

}  // namespace meshdict
