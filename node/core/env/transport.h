#pragma once
// The core's interface to the network: connections as byte streams, and frames on them.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/ids.h"

namespace meshdict {

/// Names one connection for as long as the process runs. Never reused; 0 is no connection.
enum class ConnId : std::uint64_t { kNone = 0 };

/// Where a node listens: a host name or address in text form, and a TCP port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
};

/// "host:port", with brackets round an IPv6 address.
std::string to_string(const Endpoint& endpoint);

/// One whole frame, ready for the wire. Immutable and shared, so that a relay to many neighbours copies nothing.
struct Frame {
  std::shared_ptr<const std::string> bytes;
  /// Size of the frame as it would be uncompressed; the simulator charges links by it and not by bytes->size(), so
  /// that a compressor's version changes nothing.
  std::uint32_t plain_size = 0;
  MessageId id;
};

/// Byte streams to other nodes. The engine calls down through it; the implementation calls back into the engine
/// (Engine::on_accepted and its siblings), never from within one of the calls below.
/// Not thread-safe; used from the thread of the engine.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Starts to connect. The outcome arrives later as Engine::on_connected or Engine::on_closed with this id.
  virtual ConnId dial(const Endpoint& to) = 0;

  /// Queues one frame. Ignored when the connection is already closed.
  virtual void send(ConnId conn, const Frame& frame) = 0;

  /// Bytes accepted by send() that the network has not taken yet. 0 for a closed connection.
  [[nodiscard]] virtual std::size_t queued(ConnId conn) const = 0;

  /// How far what was sent has come, in bytes since the connection was opened, as the transport counts them. Neither number
  /// falls.
  struct Progress {
    /// Accepted by send().
    std::uint64_t given = 0;
    /// Of those, what the peer's machine has acknowledged; its process may not have read them.
    std::uint64_t taken = 0;
  };
  /// Zero for a closed connection, and in a transport that cannot tell.
  [[nodiscard]] virtual Progress progress(ConnId /*conn*/) const { return {}; }

  /// The id that the far end has proven to be its own, by a key from which the id follows; nothing where the transport proves
  /// none. Known from the moment when the engine hears of the connection.
  [[nodiscard]] virtual NodeId proven(ConnId /*conn*/) const { return {}; }

  /// Sends what is queued, then closes; gives up on the queue after a few seconds. No callback follows:
  /// the engine has forgotten the connection.
  virtual void close(ConnId conn) = 0;
};

}  // namespace meshdict
