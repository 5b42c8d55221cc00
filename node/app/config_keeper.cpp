#include "app/config_keeper.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

namespace meshdict {
namespace {

constexpr std::array<std::string_view, 6> kAtOnce{"join",      "log-format", "log-level",
                                                  "low-water", "max-disk",   "max-memory"};

std::vector<Endpoint> those_not_in(const std::vector<Endpoint>& some, const std::vector<Endpoint>& others) {
  std::vector<Endpoint> missing;
  for (const Endpoint& one : some) {
    if (std::ranges::find(others, one) == others.end()) missing.push_back(one);
  }
  return missing;
}

}  // namespace

std::expected<void, std::string> ConfigKeeper::read_again() {
  auto parsed = parse_options(in_force_.words);
  if (const auto* wrong = std::get_if<EarlyExit>(&parsed)) {
    std::string_view why = wrong->err;
    why.remove_prefix(std::min(why.size(), why.find(": ") + 2));
    why.remove_suffix(why.ends_with('\n') ? 1 : 0);
    return std::unexpected("the configuration stays as it was: " + printable(why, 400));
  }
  read_ = std::get<Options>(std::move(parsed));
  return {};
}

ConfigChange ConfigKeeper::take_change() {
  ConfigChange change{.log_level = read_.log_level,
                      .log_format = read_.log_format,
                      .bounds = read_.bounds,
                      .join = those_not_in(read_.join, in_force_.join),
                      .join_no_more = those_not_in(in_force_.join, read_.join)};
  // Both have all options, in one order.
  for (std::size_t i = 0; i < read_.effective.size(); ++i) {
    EffectiveOption& before = in_force_.effective[i];
    if (before == read_.effective[i]) continue;
    const bool at_once = std::ranges::find(kAtOnce, before.name) != kAtOnce.end();
    (at_once ? change.applied : change.waiting).push_back(before.name);
    if (at_once) before = read_.effective[i];
  }
  in_force_.join = read_.join;
  return change;
}

}  // namespace meshdict
