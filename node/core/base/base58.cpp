#include "core/base/base58.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace meshdict {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kMaxText = 128;

/// 58^5, the largest power of 58 below 2^32: dividing by it yields five digits a round.
constexpr std::uint32_t kFiveDigits = 58U * 58U * 58U * 58U * 58U;

/// The value of each character, or -1.
constexpr std::array<int, 256> kDigits = [] {
  std::array<int, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int>(i);
  }
  return digits;
}();

int digit_of(char c) {
  return kDigits[static_cast<unsigned char>(c)];
}

std::string no_digit(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::string shown = byte > 0x20 && byte < 0x7F ? std::string{'\'', text[at], '\''} : std::to_string(byte);
  return "character " + shown + " at position " + std::to_string(at) + " is not of base58";
}

std::expected<void, std::string> check_text(std::string_view text) {
  if (text.empty()) return std::unexpected("empty base58 text");
  if (text.size() > kMaxText) {
    return std::unexpected("base58 text of " + std::to_string(text.size()) + " characters, more than " +
                           std::to_string(kMaxText));
  }
  const auto* wrong = std::find_if_not(text.begin(), text.end(), is_base58_character);
  if (wrong != text.end()) return std::unexpected(no_digit(text, static_cast<std::size_t>(wrong - text.begin())));
  return {};
}

/// The number in 32-bit limbs, most significant first.
std::vector<std::uint32_t> to_limbs(std::span<const std::uint8_t> big_endian) {
  std::vector<std::uint32_t> limbs((big_endian.size() + 3) / 4);
  for (std::size_t i = 0; i < big_endian.size(); ++i) {
    const std::size_t from_end = big_endian.size() - 1 - i;
    limbs[limbs.size() - 1 - from_end / 4] |= std::uint32_t{big_endian[i]} << (8 * (from_end % 4));
  }
  return limbs;
}

}  // namespace

bool is_base58_character(char c) {
  return digit_of(c) >= 0;
}

bool is_base58(std::string_view text) {
  // No early end: one load a character, and no branch to guess. -1 is the only digit with a sign.
  int digits = 0;
  for (const char c : text)
    digits |= digit_of(c);
  return digits >= 0;
}

std::string base58_encode(std::span<const std::uint8_t> big_endian) {
  std::vector<std::uint32_t> limbs = to_limbs(big_endian);
  std::string reversed;
  std::size_t first = 0;
  for (;;) {
    while (first < limbs.size() && limbs[first] == 0)
      ++first;
    if (first == limbs.size()) break;
    std::uint64_t rest = 0;
    for (std::size_t i = first; i < limbs.size(); ++i) {
      const std::uint64_t part = (rest << 32) | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(part / kFiveDigits);
      rest = part % kFiveDigits;
    }
    for (int i = 0; i < 5; ++i) {
      reversed.push_back(kAlphabet[rest % 58]);
      rest /= 58;
    }
  }
  const std::size_t significant = reversed.find_last_not_of('1');
  if (significant == std::string::npos) return "1";
  reversed.resize(significant + 1);
  std::ranges::reverse(reversed);
  return reversed;
}

std::string base58_encode(std::uint64_t number) {
  std::string reversed;
  do {
    reversed.push_back(kAlphabet[number % 58]);
    number /= 58;
  } while (number != 0);
  std::ranges::reverse(reversed);
  return reversed;
}

std::expected<std::vector<std::uint8_t>, std::string> base58_decode(std::string_view text) {
  if (auto checked = check_text(text); !checked) return std::unexpected(std::move(checked.error()));
  // Five characters a round: the number so far, in limbs, least significant first, times 58^5 plus their value.
  std::vector<std::uint32_t> limbs;
  for (std::size_t begin = 0; begin < text.size(); begin += 5) {
    const std::string_view digits = text.substr(begin, 5);
    std::uint64_t factor = 1;
    std::uint64_t carry = 0;
    for (const char c : digits) {
      factor *= 58;
      carry = carry * 58 + static_cast<std::uint64_t>(digit_of(c));
    }
    for (auto& limb : limbs) {
      carry += limb * factor;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs.push_back(static_cast<std::uint32_t>(carry));
  }
  std::vector<std::uint8_t> big_endian;
  big_endian.reserve(limbs.size() * 4);
  for (const std::uint32_t limb : limbs | std::views::reverse) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      const auto byte = static_cast<std::uint8_t>(limb >> shift);
      if (byte != 0 || !big_endian.empty()) big_endian.push_back(byte);
    }
  }
  return big_endian;
}

std::expected<std::uint64_t, std::string> base58_decode_u64(std::string_view text) {
  if (auto checked = check_text(text); !checked) return std::unexpected(std::move(checked.error()));
  std::uint64_t number = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(digit_of(c));
    if (number > (UINT64_MAX - digit) / 58) return std::unexpected("base58 number of more than 64 bits");
    number = number * 58 + digit;
  }
  return number;
}

}  // namespace meshdict
