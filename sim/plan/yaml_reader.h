#pragma once
// Reading YAML that people write: every mistake is reported with its line, column, what was wrong and what was
// expected, and reading goes on, so that one run shows them all.

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// "a, b or c".
std::string list_words(const std::vector<std::string>& words);

/// "'laptop' is no node, expected one of ...", with the one that was meant when one is close.
std::string unknown_word(std::string_view word, std::string_view is_no, const std::vector<std::string>& words);

class PlanErrors {
 public:
  /// `file` stands before each line.
  explicit PlanErrors(std::string file) : file_(std::move(file)) {}

  /// "FILE:LINE:COLUMN: WHAT". Lines and columns count from 1.
  void add(const YAML::Mark& mark, const std::string& what);
  /// The same about a word that is none of those expected.
  void add_unknown(const YAML::Mark& mark, std::string_view word, std::string_view is_no,
                   const std::vector<std::string>& words);
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  std::string file_;
  std::vector<std::string> list_;
};

/// Reads one map; finish() complains about each key that nobody has asked for, and about those that are missing.
class MapReader {
 public:
  /// `what`: "network", "a node", ...: what the map is, for messages.
  MapReader(const YAML::Node& map, std::string what, PlanErrors& errors);

  /// The value of `key`; an undefined node when it is absent.
  YAML::Node optional(const std::string& key);
  /// The same; finish() complains when it is absent and no unknown key is likely to be meant for it.
  YAML::Node required(const std::string& key);
  void finish();

  [[nodiscard]] const YAML::Node& map() const { return map_; }

 private:
  YAML::Node map_;
  std::string what_;
  PlanErrors& errors_;
  std::vector<std::string> known_;
  std::vector<std::string> missing_;
};

// Scalars. Each complains and gives nothing when the node is not of its form; an undefined node gives nothing without a
// word.

std::optional<std::string> read_text(const YAML::Node& node, PlanErrors& errors);
std::optional<bool> read_flag(const YAML::Node& node, PlanErrors& errors);
std::optional<std::uint64_t> read_count(const YAML::Node& node, PlanErrors& errors, std::uint64_t least = 0,
                                        std::uint64_t most = 1'000'000'000);
/// "3", "2..4" or "2..".
std::optional<CountRange> read_count_range(const YAML::Node& node, PlanErrors& errors);
/// "250us", "5ms", "1.5s", "2min", "1h", "0"; negative when allowed.
std::optional<Duration> read_duration(const YAML::Node& node, PlanErrors& errors);
/// "5ms" or "5ms..40ms".
std::optional<DurationRange> read_duration_range(const YAML::Node& node, PlanErrors& errors,
                                                 bool may_be_negative = false);
/// "500B", "64KB", "1MB", "1GB", powers of 1,000.
std::optional<std::uint64_t> read_size(const YAML::Node& node, PlanErrors& errors);
/// "64KB/s" and the like, or "unlimited".
std::optional<std::uint64_t> read_bandwidth(const YAML::Node& node, PlanErrors& errors);
/// "300ppm", "-50ppm": parts per million, `most` at the most.
std::optional<std::int64_t> read_ppm(const YAML::Node& node, std::int64_t most, PlanErrors& errors);
/// The index of the word in `words`.
std::optional<std::size_t> read_word(const YAML::Node& node, std::string_view what,
                                     const std::vector<std::string>& words, PlanErrors& errors);

/// For tests: the text form of read_duration().
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace meshdict::sim
