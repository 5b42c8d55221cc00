#include "core/base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace meshdict {
namespace {

constexpr std::size_t kFurthestTypo = 3;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& words) {
  std::optional<std::string> best;
  std::size_t least = kFurthestTypo + 1;
  for (const std::string& candidate : words) {
    // Words of other lengths need as many edits at least; a long word is not worth the table.
    if (word.size() > candidate.size() + kFurthestTypo) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least && 2 * distance <= candidate.size()) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace meshdict
