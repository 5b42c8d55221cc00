#pragma once
// Options by name, whoever says them: the command line, a variable of the environment, or the file of --config.
//
// 1. What is said nearer to the person counts: the command line before the environment, that before the file.
// 2. A wrong name or value is told with its place: the variable, or the file's line and column.

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"

namespace meshdict {

/// How often an option may be given.
enum class Given : std::uint8_t { kOnce, kOften };
/// Where an option may stand.
enum class Stands : std::uint8_t { kEverywhere, kOnCommandLine };

struct KnownOption {
  std::string name;           ///< with its dashes
  std::string shown_default;  ///< empty: none
  Given given = Given::kOnce;
  Stands stands = Stands::kEverywhere;
  /// Throws a CLI::ValidationError for a wrong value.
  std::function<void(const std::string& value)> take{};
  std::vector<std::string> said{};
  std::string_view said_by = "the default";

  /// Throws a CLI::ValidationError.
  void take_all(const std::vector<std::string>& values, std::string_view by);
  /// What is in force.
  [[nodiscard]] std::vector<std::string> values() const;
};

class KnownOptions {
 public:
  /// The reference stays good.
  KnownOption& remember(KnownOption option) { return known_.emplace_back(std::move(option)); }

  [[nodiscard]] bool said(std::string_view name) const;
  /// What has not been said yet. Both throw a CLI::ValidationError.
  void fill_from_environment();
  void fill_from_file(const std::string& path);

  /// A line for each variable that begins as ours do and is near to one of them. It may be another program's, so that it is no
  /// error: Kubernetes sets some after the name of a service.
  [[nodiscard]] std::vector<std::string> misspelt_variables() const;
  /// All but what is a command of its own.
  [[nodiscard]] std::vector<EffectiveOption> effective() const;
  /// The same as a file for --config; behind each line stands who said it, and defaults are remarks.
  [[nodiscard]] std::string configuration() const;

 private:
  [[nodiscard]] std::vector<std::string> names() const;

  std::deque<KnownOption> known_;
};

/// "--data-dir" -> "MESHDICT_DATA_DIR".
std::string variable_of(std::string_view option);

}  // namespace meshdict
