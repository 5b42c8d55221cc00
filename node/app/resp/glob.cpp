#include "app/resp/glob.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <utility>

namespace meshdict {
namespace {

constexpr std::size_t kCharacters = 256;
constexpr std::size_t kBits = 64;
constexpr std::size_t kMaxWords = (Glob::kMaxElements + kBits) / kBits;
using CharacterSet = std::bitset<kCharacters>;

/// Characters and ranges of them, put in one by one; what a range costs does not depend on its width.
class Ranges {
 public:
  void add(char from, char to) {
    auto low = static_cast<unsigned char>(from);
    auto high = static_cast<unsigned char>(to);
    if (low > high) std::swap(low, high);
    ends_[low] = std::max(ends_[low], high + 1);
  }
  [[nodiscard]] CharacterSet set() const {
    CharacterSet made;
    int end = 0;
    for (std::size_t c = 0; c < kCharacters; ++c) {
      end = std::max(end, ends_[c]);
      made.set(c, static_cast<int>(c) < end);
    }
    return made;
  }

 private:
  /// Behind the last character of the widest range that begins with each.
  std::array<int, kCharacters> ends_{};
};

/// A set in brackets, from the '[' at pattern[at]; `at` ends behind it.
CharacterSet read_set(std::string_view pattern, std::size_t& at) {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  Ranges ranges;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      ranges.add(pattern[at], pattern[at]);
      ++at;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      ranges.add(pattern[at], pattern[at + 2]);
      at += 3;
    } else {
      ranges.add(pattern[at], pattern[at]);
      ++at;
    }
  }
  if (at < pattern.size()) ++at;
  return negated ? ~ranges.set() : ranges.set();
}

/// The characters that the element at pattern[at], which is no star, fits; `at` ends behind the element.
CharacterSet read_element(std::string_view pattern, std::size_t& at) {
  CharacterSet set;
  switch (pattern[at]) {
    case '?':
      ++at;
      return set.set();
    case '[':
      return read_set(pattern, at);
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      [[fallthrough]];
    default:
      return set.set(static_cast<unsigned char>(pattern[at++]));
  }
}

/// Takes the literal beginning off `pattern`.
std::string take_prefix(std::string_view& pattern) {
  std::string prefix;
  std::size_t at = 0;
  for (; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '*' || c == '?' || c == '[') break;
    if (c == '\\' && at + 1 < pattern.size()) ++at;
    prefix.push_back(pattern[at]);
  }
  pattern.remove_prefix(at);
  return prefix;
}

}  // namespace

std::size_t Glob::compile_cost(std::string_view pattern) {
  // An element is put into a row for each of the characters; the rest is only read.
  constexpr std::size_t kStepsPerElement = 2;
  constexpr std::size_t kBytesPerStep = 64;
  return 1 + kStepsPerElement * std::min(pattern.size(), kMaxElements) + pattern.size() / kBytesPerStep;
}

std::optional<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) return std::nullopt;
  Glob made;
  made.prefix_ = take_prefix(pattern);
  std::vector<CharacterSet> elements;
  std::bitset<kMaxElements + 1> stars;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '*') {
      stars.set(elements.size());
      ++at;
    } else if (elements.size() == kMaxElements) {
      return std::nullopt;
    } else {
      elements.push_back(read_element(pattern, at));
    }
  }
  made.elements_ = elements.size();
  made.words_ = elements.size() / kBits + 1;
  made.stars_.resize(made.words_);
  for (std::size_t i = 0; i <= elements.size(); ++i) {
    if (stars[i]) made.stars_[i / kBits] |= Word{1} << (i % kBits);
  }
  if (elements.empty()) return made;
  made.accepts_.resize(kCharacters * made.words_);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    for (std::size_t c = 0; c < kCharacters; ++c) {
      if (elements[i][c]) made.accepts_[c * made.words_ + i / kBits] |= Word{1} << (i % kBits);
    }
  }
  return made;
}

bool Glob::matches(std::string_view text) const {
  if (!text.starts_with(prefix_)) return false;
  text.remove_prefix(prefix_.size());
  const std::size_t last = words_ - 1;
  const Word end = Word{1} << (elements_ % kBits);
  const bool open = (stars_[last] & end) != 0;
  if (elements_ == 0) return open || text.empty();
  if (text.size() < elements_) return false;
  // Bit i: what has been read fits the first i elements.
  std::array<Word, kMaxWords> fits{1};
  for (const char c : text) {
    const Word* accepts = &accepts_[static_cast<unsigned char>(c) * words_];
    Word carry = 0;
    Word any = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      const Word moved = fits[w] & accepts[w];
      fits[w] = (moved << 1) | carry | (fits[w] & stars_[w]);
      carry = moved >> (kBits - 1);
      any |= fits[w];
    }
    if (any == 0) return false;
    if (open && (fits[last] & end) != 0) return true;
  }
  return (fits[last] & end) != 0;
}

}  // namespace meshdict
