#pragma once
// Builds the frames of messages that this node originates: fills in sender and time, and stamps each message. Not thread-safe.

#include <algorithm>
#include <cstdint>
#include <expected>
#include <utility>
#include <variant>

#include "core/encoding/frame.h"
#include "core/env/clock.h"
#include "core/messages/message.h"

namespace meshdict {

class Originator {
 public:
  Originator(NodeId self, Boot boot, const Clock& clock) : self_(self), boot_(boot), clock_(clock) {}

  /// The stamp of the next broadcast, whether or not it must be encoded for anybody.
  Stamp stamp_broadcast() { return {.boot = boot_, .counter = broadcasts_++}; }
  [[nodiscard]] std::expected<Frame, FrameTooLarge> broadcast(const Message& message, const Stamp& stamp) const {
    return encode(message, stamp, MainFlag::kBroadcast);
  }

  std::expected<Frame, FrameTooLarge> whisper(const Message& message) {
    const Stamp stamp{.boot = boot_, .counter = Stamp::kNotBroadcast | others_++};
    return encode(message, stamp, MainFlag::kWhisper);
  }

  /// A store for one py2p neighbour. It takes the store for one that the owner made at that time, and does not mind its age.
  std::expected<Frame, FrameTooLarge> plain_store(const StoreSet& store, const NodeId& owner, std::int64_t seconds) {
    const Stamp stamp{.boot = boot_, .counter = Stamp::kNotBroadcast | others_++};
    return make_frame(
        encode_message({.sender = owner, .time = seconds, .stamp = stamp, .user_main = MainFlag::kWhisper}, store));
  }

  [[nodiscard]] const NodeId& self() const { return self_; }
  [[nodiscard]] Boot boot() const { return boot_; }

 private:
  std::expected<Frame, FrameTooLarge> encode(const Message& message, const Stamp& stamp, MainFlag user_main) const {
    std::int64_t time = unix_seconds(clock_.wall());
    // py2p compares the times of messages, where we compare write times.
    if (const auto* store = std::get_if<StoreSet>(&message); store != nullptr && store->version) {
      time = std::max(time, store->version->written.unix_ms() / 1'000);
    }
    return make_frame(encode_message({.sender = self_, .time = time, .stamp = stamp, .user_main = user_main}, message));
  }

  NodeId self_;
  Boot boot_;
  const Clock& clock_;
  std::uint64_t broadcasts_ = 0;
  std::uint64_t others_ = 0;
};

}  // namespace meshdict
