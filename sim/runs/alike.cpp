#include "sim/runs/alike.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace meshdict::sim {
namespace {

/// Words by which the demands of one step differ (sim/world/expectations.cpp, operations.cpp); the last fits several, and so
/// comes last.
constexpr std::array<std::string_view, 14> kDemands = {
    "should be absent",       "should be owned by",  "should be a neighbour",
    "should be no neighbour", "should have refused", "should hold the same",
    "neighbours, and has",    "keys, and has",       "messages, and has",
    "conflicts, and has",     "messages in all",     "conflicts in all",
    "changes nothing",        "should be "};

/// What is demanded; where that is told in other words, these without their numbers.
std::string demand_of(std::string_view what) {
  const bool is_nothing = what.contains("and is nothing") || what.contains("and is owned by nobody");
  for (const std::string_view demand : kDemands)
    if (what.contains(demand)) return std::string(demand) + (is_nothing ? "nothing" : "");
  std::string words;
  for (const char c : what)
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) words += c;
  return words;
}

}  // namespace

bool is_alike(const Violation& one, const Violation& other) {
  if (one.property != other.property) return false;
  if (one.property != "expect") return true;
  const auto is_of_other = [&](const std::string& node) {
    return std::ranges::find(other.nodes, node) != other.nodes.end();
  };
  return one.line == other.line && one.nodes.empty() == other.nodes.empty() &&
         std::ranges::all_of(one.nodes, is_of_other) && demand_of(one.what) == demand_of(other.what);
}

std::optional<Violation> find_alike(const std::vector<Violation>& violations, const Violation& other) {
  const auto found = std::ranges::find_if(violations, [&](const Violation& one) { return is_alike(one, other); });
  return found == violations.end() ? std::nullopt : std::optional(*found);
}

}  // namespace meshdict::sim
