#pragma once
// Identifiers of py2p 0.6: base58 text, node ids, protocol ids and message ids.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace meshdict {

class RandomStream;

/// SHA-256 of a message's bytes: its id and its checksum.
struct MessageId {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const MessageId&) const = default;
  /// The first 8 bytes as a big-endian integer: a ready-made hash.
  [[nodiscard]] std::uint64_t prefix() const;
  [[nodiscard]] std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// A node's id: base58 text, usually 65 or 66 characters (384 bits), held inline without allocation.
/// Ids compare as the integers that they encode. The empty id is "no node" and the smallest.
class NodeId {
 public:
  static constexpr std::size_t kMaxLength = 66;

  constexpr NodeId() = default;

  /// Error text when `text` is empty, longer than 66 characters, has a character outside the base58 alphabet, or
  /// leading zeros ("1", unless alone), which would give one integer two names.
  static std::expected<NodeId, std::string> parse(std::string_view text);

  /// 384 random bits.
  static NodeId generate(RandomStream& random);

  [[nodiscard]] std::string_view text() const { return {text_.data(), length_}; }
  [[nodiscard]] bool empty() const { return length_ == 0; }
  /// The first eight characters: enough for a log line.
  [[nodiscard]] std::string_view brief() const { return text().substr(0, 8); }

  /// base58 without padding: a shorter text is a smaller integer, and the alphabet is in ASCII order.
  std::strong_ordering operator<=>(const NodeId& other) const {
    if (length_ != other.length_) return length_ <=> other.length_;
    return text() <=> other.text();
  }
  bool operator==(const NodeId& other) const { return text() == other.text(); }

  /// Mixes all characters; for hash tables whose order reaches no output.
  [[nodiscard]] std::size_t hash() const;

 private:
  std::array<char, kMaxLength> text_{};
  std::uint8_t length_ = 0;
};

}  // namespace meshdict

template <>
struct std::hash<meshdict::NodeId> {
  std::size_t operator()(const meshdict::NodeId& id) const noexcept { return id.hash(); }
};
