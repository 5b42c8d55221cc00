#include "app/known_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "app/config_file.h"
#include "app/log/log.h"
#include "core/base/nearest.h"

namespace meshdict {
namespace {

constexpr std::string_view kVariables = "MESHDICT_";
/// Of misspelt variables.
constexpr std::size_t kMostWarnings = 8;

/// "a, b,c" -> a, b, c.
std::vector<std::string> words_of_list(const std::string& text) {
  std::vector<std::string> words;
  for (std::string& word : CLI::detail::split(text, ','))
    words.push_back(CLI::detail::trim(word));
  return words;
}

void take_from(KnownOption& option, const std::vector<std::string>& values, std::string_view by,
               const std::string& place) {
  try {
    option.take_all(values, by);
  } catch (const CLI::ValidationError& error) {
    std::string_view what = error.what();
    // The place tells which option it is.
    if (what.starts_with(option.name + ": ")) what.remove_prefix(option.name.size() + 2);
    throw CLI::ValidationError(fmt::format("{}: {}", place, what));
  }
}

}  // namespace

std::string variable_of(std::string_view option) {
  std::string name(kVariables);
  for (const char c : option.substr(2))
    name += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  return name;
}

void KnownOption::take_all(const std::vector<std::string>& values, std::string_view by) {
  if (values.empty()) throw CLI::ValidationError(name, "there is no value");
  if (values.size() > 1 && given == Given::kOnce) throw CLI::ValidationError(name, "given twice");
  for (const std::string& value : values)
    take(value);
  said = values;
  said_by = by;
}

std::vector<std::string> KnownOption::values() const {
  if (!said.empty() || shown_default.empty()) return said;
  return {shown_default};
}

bool KnownOptions::said(std::string_view name) const {
  const auto found = std::ranges::find(known_, name, &KnownOption::name);
  return found != known_.end() && !found->said.empty();
}

std::vector<std::string> KnownOptions::names() const {
  std::vector<std::string> names;
  for (const KnownOption& one : known_) {
    if (one.stands == Stands::kEverywhere) names.push_back(one.name.substr(2));
  }
  return names;
}

void KnownOptions::fill_from_environment() {
  for (KnownOption& option : known_) {
    // Which file is read may be told by a variable too.
    if (option.stands == Stands::kOnCommandLine && option.name != "--config") continue;
    const std::string variable = variable_of(option.name);
    const char* const value = std::getenv(variable.c_str());
    if (value == nullptr || !option.said.empty()) continue;
    const std::string text(value);
    take_from(option, option.given == Given::kOften ? words_of_list(text) : std::vector{text}, "the environment",
              variable);
  }
}

std::vector<std::string> KnownOptions::misspelt_variables() const {
  std::vector<std::string> suffixes{"CONFIG"};
  for (const std::string& name : names())
    suffixes.push_back(variable_of("--" + name).substr(kVariables.size()));
  std::vector<std::string> lines;
  for (char** one = environ; *one != nullptr && lines.size() < kMostWarnings; ++one) {
    const std::string_view entry(*one);
    if (!entry.starts_with(kVariables)) continue;
    const std::string suffix(entry.substr(kVariables.size(), entry.find('=') - kVariables.size()));
    if (std::ranges::find(suffixes, suffix) != suffixes.end()) continue;
    if (const auto meant = nearest(suffix, suffixes)) {
      lines.push_back(fmt::format("the variable {}{} is no option and is not looked at, did you mean {}{}?", kVariables,
                                  printable(suffix, 40), kVariables, *meant));
    }
  }
  return lines;
}

void KnownOptions::fill_from_file(const std::string& path) {
  const auto entries = read_config_file(path);
  if (!entries) throw CLI::ValidationError("--config", entries.error());
  for (const ConfigEntry& entry : *entries) {
    const auto option = std::ranges::find(known_, "--" + entry.name, &KnownOption::name);
    if (option == known_.end()) {
      const auto meant = nearest(entry.name, names());
      throw CLI::ValidationError(fmt::format("{}: {}: no such option{}", entry.where, printable(entry.name, 40),
                                             meant ? fmt::format(", did you mean {}?", *meant) : ""));
    }
    if (option->stands == Stands::kOnCommandLine) {
      throw CLI::ValidationError(fmt::format("{}: {}: only for the command line", entry.where, entry.name));
    }
    if (option->said.empty()) take_from(*option, entry.values, "the file", entry.where);
  }
}

std::vector<EffectiveOption> KnownOptions::effective() const {
  std::vector<EffectiveOption> effective;
  for (const KnownOption& one : known_) {
    if (one.stands == Stands::kEverywhere) effective.push_back({one.name.substr(2), one.values()});
  }
  return effective;
}

std::string KnownOptions::configuration() const {
  std::string text;
  for (const KnownOption& one : known_) {
    if (one.stands == Stands::kOnCommandLine) continue;
    const std::string name = one.name.substr(2);
    const std::vector<std::string> values = one.values();
    // Not said, a default says nothing: some options may not even stand there without others.
    if (one.said.empty()) text += "# ";
    text += values.empty() ? name + ":\n" : config_line(name, values, one.said_by);
  }
  return text;
}

}  // namespace meshdict
