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

/// Reads one map; finish() complains about each key that was not asked for, and about those that are missing.
///
/// A key `<<` stands for the entries of another map, or of each map of a list. An entry counts only if neither the map itself
/// nor a map named earlier has its key (yaml.org/type/merge).
class MapReader {
 public:
  /// `what`: "network", "a node", ...: what the map is, for messages.
  MapReader(const YAML::Node& map, std::string what, PlanErrors& errors);

  /// The value of `key`; an undefined node when it is absent.
  YAML::Node optional(const std::string& key);
  [[nodiscard]] bool has(const std::string& key) const;
  /// The same as optional(); finish() complains when the key is absent, unless an unknown key was probably meant for it.
  YAML::Node required(const std::string& key);
  /// Keys that begin with "x-" are ignored: they hold what anchors name.
  void allow_extensions() { extensions_ = true; }
  void finish();

  [[nodiscard]] const YAML::Mark& mark() const { return mark_; }

 private:
  struct Entry {
    YAML::Node key;
    YAML::Node value;
    bool merged = false;
  };
  void add_entries(const YAML::Node& map, bool merged);
  void merge(const YAML::Node& maps);

  YAML::Mark mark_;
  std::vector<Entry> entries_;
  // How many maps were taken over by `<<`.
  std::size_t merged_ = 0;
  std::string what_;
  PlanErrors& errors_;
  bool extensions_ = false;
  std::vector<std::string> known_;
  std::vector<std::string> missing_;
};

/// Of a map, or of each map of a list.
template <typename Read>
void for_each_entry(const YAML::Node& node, const Read& read) {
  if (!node.IsDefined()) return;
  if (!node.IsSequence()) return read(node);
  for (const auto& item : node)
    read(item);
}

// Scalars. Each complains and returns nothing when the node has another form; for an undefined node it returns nothing and does
// not complain.

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
/// "300ppm", "-50ppm": parts per million, at most `most`.
std::optional<std::int64_t> read_ppm(const YAML::Node& node, std::int64_t most, PlanErrors& errors);
/// The index of the word in `words`.
std::optional<std::size_t> read_word(const YAML::Node& node, std::string_view what,
                                     const std::vector<std::string>& words, PlanErrors& errors);

/// The text forms of read_duration() and read_duration_range(); a range has no negative times, and does not run backwards.
std::optional<Duration> parse_duration(std::string_view text);
std::optional<DurationRange> parse_duration_range(std::string_view text);

// Values of the dictionary that are no text: lists and maps, null, and scalars with a tag of YAML, such as `!!int 5`, `!!float 1.5`,
// `!!bool on` or `!!binary aGk=`. Inside lists and maps a scalar without tag and quotes is what YAML 1.2's core schema (10.3.2)
// takes it for: a number, true or false, null, or a text.

/// Whether a value stands there that is no text.
bool is_typed_value(const YAML::Node& node);
/// Complains and returns nothing when the dictionary cannot hold such a value. REQUIRES: is_typed_value(node).
std::optional<TypedValue> read_typed_value(const YAML::Node& node, PlanErrors& errors);
/// Writes what a TypedValue's `yaml` says.
void emit_typed_value(YAML::Emitter& out, const std::string& yaml);

}  // namespace meshdict::sim
