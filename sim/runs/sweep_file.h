#pragma once
// What `sweep --json-lines` has written, read back: a line of JSON for each seed, in files of several parts, perhaps of a sweep
// that was killed while it wrote.

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/runs/tally.h"

namespace meshdict::sim {

/// What was found in one file.
struct SweepFile {
  /// Up to the end of the last whole line.
  std::uint64_t whole_bytes = 0;
  /// Whether the last line lacks its end but is a whole result.
  bool lacks_line_end = false;
  /// What is behind the last whole line: no result.
  std::optional<std::string> torn;
};

/// Takes a result. Error: what is wrong with it.
using TakeTally = std::function<std::expected<void, std::string>(const Tally& run)>;

/// Hands over each result. The last line may be torn, no other. Error: file, line and what is wrong.
std::expected<SweepFile, std::string> read_sweep_file(const std::string& name, const TakeTally& take);

/// Results of one sweep, from wherever they come.
class SweepResults {
 public:
  /// False: it was there already. Error: it belongs to another sweep than the others, or contradicts a result of the same seed.
  std::expected<bool, std::string> add(const Tally& run);
  [[nodiscard]] bool has(std::uint64_t seed) const { return seeds_.contains(seed); }

  struct Missing {
    std::uint64_t count = 0;
    std::uint64_t of = 0;
    /// The smallest seeds.
    std::vector<std::uint64_t> first;
    /// The parts of which seeds are missing ("3/4"), and how many are.
    std::vector<std::string> parts;
  };
  /// What is missing of the whole sweep, all parts together; nothing when all are there, or when no result says to which sweep
  /// it belongs.
  [[nodiscard]] std::optional<Missing> missing() const;

 private:
  [[nodiscard]] std::expected<void, std::string> check_part(const Tally& run);

  /// The plan, in a sweep over one plan.
  std::optional<std::string> plan_;
  std::optional<SweepPart> of_;
  // Seeds, and what came of each.
  std::unordered_map<std::uint64_t, std::uint64_t> seeds_;
};

}  // namespace meshdict::sim
