#pragma once
// A node put together by hand, at the far end of a real connection. It blocks; CTest ends a test that hangs.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict::api_test {

class RawPeer {
 public:
  /// Connects to a node on loopback, says its handshake and waits for the node's.
  RawPeer(std::uint16_t port, std::string_view protocol_id);
  /// The same as a meshdict node with the default settings, whose wall clock is `ahead` of this machine's.
  RawPeer(std::uint16_t port, std::string_view protocol_id, std::chrono::milliseconds ahead);
  ~RawPeer();

  [[nodiscard]] std::string id() const;
  /// Says `packets`, MessagePack each, as py2p's send() would.
  void say(const std::vector<std::string>& packets);
  /// The names (core/messages/message.h) of the messages that the node says until one named `last` has come, that one included.
  std::vector<std::string> hear_until(std::string_view last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meshdict::api_test
