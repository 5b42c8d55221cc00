#pragma once
// Which expected word a person may have meant by one that is not expected.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

/// The word of `words` with the smallest edit distance (Levenshtein) to `word`, the first of several. Nothing when none is
/// close: three edits at the most, and at most half of the letters, or "ring" would be taken for "none".
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace meshdict
