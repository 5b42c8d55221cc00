#pragma once
// What the members of a mesh say to each other, and the neighbours that a socket hears it from.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meshdict/value.h"

namespace meshdict {

namespace detail {
class MeshNode;
}  // namespace detail

/// The flags of the protocol (py2p.flags). All but kBroadcast and kWhisper belong to the protocol itself.
enum class Flag : std::uint8_t {
  kBroadcast = 0,  ///< everybody passes it on
  kRenegotiate = 1,
  kWhisper = 2,  ///< nobody passes it on
  kPing = 3,
  kPong = 4,
  kHandshake = 5,
  kNotify = 6,
  kPeers = 7,
  kRequest = 8,
  kResend = 9,
  kResponse = 10,
  kStore = 11,
  kRetrieve = 12,
  kRetrieved = 13,
};

template <typename... T>
concept Packets = (std::convertible_to<const T&, Value> && ...);

/// A message that has arrived. A handle: cheap to copy, and never changed, so that any thread may look at it.
class Message {
 public:
  struct Content {
    std::vector<Value> packets{};
    std::string sender{};
    std::int64_t time = 0;  ///< Unix seconds
    std::string id{};
    Flag flag = Flag::kBroadcast;
    Flag type = Flag::kBroadcast;
    std::size_t size = 0;
  };
  /// For the socket that received it.
  Message(Content content, std::weak_ptr<detail::MeshNode> node);

  /// As they were sent. (py2p puts the type in front of them.)
  [[nodiscard]] const std::vector<Value>& packets() const { return content_->packets; }
  /// The id of the node that said it, whoever passed it on.
  [[nodiscard]] const std::string& sender() const { return content_->sender; }
  /// When it was sent, by its sender's clock.
  [[nodiscard]] std::chrono::sys_seconds time() const;
  /// The same in base 58, as py2p writes times.
  [[nodiscard]] std::string time_58() const;
  /// 32 bytes, unlike any other message's: the SHA-256 of what was sent.
  [[nodiscard]] const std::string& id() const { return content_->id; }
  /// How it was sent: kBroadcast to everybody, or kWhisper to this node.
  [[nodiscard]] Flag flag() const { return content_->flag; }
  /// What its sender called it: kBroadcast or kWhisper.
  [[nodiscard]] Flag type() const { return content_->type; }
  /// Bytes of the packets as MessagePack.
  [[nodiscard]] std::size_t size() const { return content_->size; }
  /// One line for a log.
  [[nodiscard]] std::string describe() const;

  /// Whispers to the sender. When that is no neighbour, the mesh is asked for its address and it is dialled; the reply is then
  /// held back for up to 30 seconds, and dropped when nobody knows the sender. Throws ValueError, SocketClosed, and Error when
  /// too many messages are held back already.
  template <typename... T>
    requires Packets<T...>
  void reply(const T&... packets) const {
    reply_packets(std::vector<Value>{Value(packets)...});
  }
  void reply_packets(const std::vector<Value>& packets) const;

 private:
  std::shared_ptr<const Content> content_;
  std::weak_ptr<detail::MeshNode> node_;
};

/// Where a node listens.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Address&) const = default;
};
/// "host:port", with brackets round an IPv6 address.
std::string to_string(const Address& address);

/// A neighbour as it was when it was asked for. A handle, safe from any thread.
class Neighbour {
 public:
  struct Content {
    std::string id{};
    Address address{};
    bool outgoing = false;
    bool meshdict = false;
    std::chrono::microseconds connected_for{};
  };
  /// For the socket whose neighbour it is.
  Neighbour(Content content, std::weak_ptr<detail::MeshNode> node);

  [[nodiscard]] const std::string& id() const { return content_.id; }
  /// Where it says that it listens, or where it connected from.
  [[nodiscard]] const Address& address() const { return content_.address; }
  /// We dialled.
  [[nodiscard]] bool outgoing() const { return content_.outgoing; }
  /// It is a meshdict node, not one of py2p.
  [[nodiscard]] bool is_meshdict() const { return content_.meshdict; }
  /// As of the moment when this neighbour was asked for.
  [[nodiscard]] std::chrono::microseconds connected_for() const { return content_.connected_for; }

  /// Whispers to it; as Message::reply().
  template <typename... T>
    requires Packets<T...>
  void send(const T&... packets) const {
    send_packets(std::vector<Value>{Value(packets)...});
  }
  void send_packets(const std::vector<Value>& packets) const;

 private:
  Content content_;
  std::weak_ptr<detail::MeshNode> node_;
};

}  // namespace meshdict
