#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/compression.h"
#include "core/frame.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/message.h"
#include "core/time.h"
#include "core/transport.h"

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

/// One byte stream to a peer. Plain data, changed by Links and by the engine.
struct Connection {
  ConnId id = ConnId::kNone;
  Endpoint remote;  ///< where it was dialled, or where it came from
  bool dialed_by_us = false;
  /// Dialled beyond the target for outgoing connections; the first to go when there are too many.
  bool extra = false;
  ConnState state = ConnState::kHandshaking;
  FrameDecoder decoder{limits::kMaxFrameBeforeHandshake};

  NodeId peer;
  Endpoint peer_address;  ///< where the peer says it listens, else `remote`
  bool is_meshdict = false;
  std::optional<Compression> compression;
  std::uint64_t nonce = 0;
  std::uint64_t peer_boot = 0;

  MonoTime opened;
  MonoTime heard;
  MonoTime deadline;  ///< of the dial, of the hello exchange, or of the linger
  MonoTime pinged;
  std::optional<MonoTime> probe_started;
  bool overflowed = false;          ///< its queue was beyond limits::kMaxQueued
  std::size_t unchecked_bytes = 0;  ///< sent since the transport's queue was last looked at

  /// A bulk transfer of the dictionary in progress: the last key sent.
  struct Bulk {
    std::optional<std::string> last_key;
  };
  std::optional<Bulk> bulk;
  /// Of our dictionary when the last bulk transfer over this connection began.
  std::optional<Summary> sent_state;

  /// Towards py2p, which breaks when frames arrive in bulk: one frame at a time.
  struct Pacer {
    std::deque<Frame> waiting;
    MonoTime next;
  };
  std::shared_ptr<Pacer> pacer;  ///< never shared between connections: Links copies it with the connection

  [[nodiscard]] bool closed() const { return state == ConnState::kClosed; }
  [[nodiscard]] bool established() const { return state == ConnState::kEstablished; }
};

}  // namespace meshdict
