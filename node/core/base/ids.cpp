#include "core/base/ids.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/base/base58.h"
#include "core/base/random.h"

namespace meshdict {
namespace {

constexpr std::size_t kIdBits = 384;

}  // namespace

std::uint64_t MessageId::prefix() const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = (value << 8) | bytes[i];
  return value;
}

std::expected<NodeId, std::string> NodeId::parse(std::string_view text) {
  if (text.empty()) return std::unexpected("empty node id");
  if (text.size() > kMaxLength) {
    return std::unexpected("node id of " + std::to_string(text.size()) + " characters, more than " +
                           std::to_string(kMaxLength));
  }
  if (!is_base58(text)) {
    const auto* wrong = std::find_if_not(text.begin(), text.end(), is_base58_character);
    return std::unexpected("node id with a character outside base58 at position " +
                           std::to_string(wrong - text.begin()));
  }
  if (text.size() > 1 && text.front() == '1') return std::unexpected("node id with a leading zero");
  NodeId id;
  std::ranges::copy(text, id.text_.begin());
  id.length_ = static_cast<std::uint8_t>(text.size());
  return id;
}

NodeId NodeId::generate(RandomStream& random) {
  std::array<std::uint8_t, kIdBits / 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t word = random.next();
    for (std::size_t k = 0; k < 8; ++k)
      bytes[i + k] = static_cast<std::uint8_t>(word >> (56 - 8 * k));
  }
  auto id = parse(base58_encode(bytes));
  assert(id);
  return *id;
}

std::size_t NodeId::hash() const {
  // Characters behind the end are zero, so that whole words can be read.
  static_assert(kMaxLength == 66);
  std::uint64_t mixed = length_;
  for (std::size_t i = 0; i < 64; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text_.data() + i, sizeof word);
    mixed = (mixed ^ word) * 0x9E3779B97F4A7C15ULL;
    mixed ^= mixed >> 32;
  }
  const auto tail =
      static_cast<unsigned>(static_cast<unsigned char>(text_[64]) << 8) | static_cast<unsigned char>(text_[65]);
  mixed = (mixed ^ tail) * 0x9E3779B97F4A7C15ULL;
  return mixed ^ (mixed >> 29);
}

}  // namespace meshdict
