#pragma once
// Redis's patterns: `*`, `?`, `[abc]`, `[^abc]`, `[a-z]`, and a backslash before a character taken literally. A bracket that
// does not close ends with the pattern.
//
// 1. compile() is linear in the pattern, matches() in the text: nothing is tried twice. A pattern's literal beginning is
//    compared; the rest is a row of elements, and a bit for each says whether the text up to here fits up to there. A character
//    moves all bits at once, a word of them at a time.
// 2. kMaxElements bounds the words, and with them the price of a character: 16 words.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

class Glob {
 public:
  /// Elements behind the literal beginning; stars are none, a set in brackets is one. Patterns of people have a few.
  static constexpr std::size_t kMaxElements = 1'023;

  /// Bytes of a pattern: to read more takes milliseconds, and none needs them.
  static constexpr std::size_t kMaxPattern = 1024 * 1024;

  /// What compile() costs at most, in units as cost()'s.
  static std::size_t compile_cost(std::string_view pattern);
  /// Nothing for more than kMaxElements, or kMaxPattern.
  static std::optional<Glob> compile(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view text) const;
  /// The literal beginning that all matches share.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// What matching a text of so many bytes costs at most, in units of one short comparison.
  [[nodiscard]] std::size_t cost(std::size_t text) const { return 1 + text * words_ / 64; }
  /// What it adds to the price of matching all patterns, in units of a literal beginning compared.
  [[nodiscard]] std::size_t weight() const { return elements_ == 0 ? 1 : 1 + kWeightOfWord * words_; }
  /// Memory that it takes.
  [[nodiscard]] std::size_t bytes() const { return prefix_.size() + (accepts_.size() + stars_.size()) * sizeof(Word); }

 private:
  using Word = std::uint64_t;
  static constexpr std::size_t kWeightOfWord = 16;

  std::string prefix_;
  std::size_t elements_ = 0;
  std::size_t words_ = 1;
  /// For each character, which elements it fits; empty when there are none.
  std::vector<Word> accepts_;
  /// Before which elements, the end among them, a star stands.
  std::vector<Word> stars_;
};

}  // namespace meshdict
