// CONFIG: settings by Redis's names where it has them, and by ours. Some may change while the node runs.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/commands/many_keys.h"
#include "app/resp/glob.h"
#include "app/resp/integer.h"
#include "app/resp/limits.h"
#include "app/system/byte_size.h"
#include "app/watch/limits.h"
#include "core/limits.h"

namespace meshdict::commands {
namespace {

struct Setting {
  std::string_view name;  ///< lower case
  std::string (*get)(const RespService& service);
  /// Whether it may change at all: checks the value, and with `apply` puts it in force.
  std::optional<std::string> (*set)(RespService& service, std::string_view value, bool apply) = nullptr;
};

/// A whole number from `least` to `most`, handed to `take`.
template <typename Take>
std::optional<std::string> number(std::string_view value, std::int64_t least, std::int64_t most, bool apply,
                                  Take take) {
  const auto parsed = parse_integer(value);
  if (!parsed) return "argument couldn't be parsed into an integer";
  if (*parsed < least || *parsed > most) {
    return fmt::format("argument must be between {} and {} inclusive", least, most);
  }
  if (apply) take(*parsed);
  return std::nullopt;
}

/// Bytes; 0 for no bound.
std::optional<std::string> set_bound(RespService& service, std::string_view value, bool apply,
                                     std::uint64_t BoundSizes::* which) {
  const auto size = parse_byte_size(value);
  if (!size) return "argument must be a memory value";
  if (*size > 0 && *size < BoundSizes::kLeast) {
    return fmt::format("argument must be at least {} bytes, or 0 for no bound", BoundSizes::kLeast);
  }
  if (service.bounds == nullptr) return "this node has no bounds";
  if (which == &BoundSizes::disk && !service.bounds->has_files())
    return "this node keeps nothing in files (--data-dir)";
  if (apply) {
    BoundSizes sizes = service.bounds->sizes();
    sizes.*which = *size;
    service.bounds->set(sizes);
  }
  return std::nullopt;
}

BoundSizes sizes_of(const RespService& service) {
  return service.bounds == nullptr ? BoundSizes{} : service.bounds->sizes();
}

std::optional<std::string> set_low_water(RespService& service, std::string_view value, bool apply) {
  if (service.bounds == nullptr) return "this node has no bounds";
  return number(value, BoundSizes::kLeastLowWater, BoundSizes::kMostLowWater, apply, [&](std::int64_t percent) {
    BoundSizes sizes = service.bounds->sizes();
    sizes.low_water = static_cast<unsigned>(percent);
    service.bounds->set(sizes);
  });
}

std::optional<std::string> set_log_level(RespService& service, std::string_view value, bool apply) {
  const auto level = log_level_named(value);
  if (!level) return "argument must be one of the following: trace, debug, info, warn, error";
  if (apply) {
    service.log_level = *level;
    service.set_log_level(*level);
  }
  return std::nullopt;
}

template <typename Unit>
std::string shown(const std::optional<Duration>& time, std::string_view none) {
  return time ? std::to_string(std::chrono::duration_cast<Unit>(*time).count()) : std::string(none);
}

constexpr std::int64_t kLongest = 1'000'000'000;

// In the order of names.
constexpr auto kSettings = std::to_array<Setting>({
    {"appendonly", [](const RespService&) -> std::string { return "no"; }},
    {"databases", [](const RespService&) -> std::string { return "1"; }},
    {"latency-monitor-threshold",
     [](const RespService& s) { return shown<std::chrono::milliseconds>(s.latency.threshold, "0"); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 0, kLongest, apply, [&](std::int64_t ms) {
         s.latency.threshold = ms == 0 ? std::nullopt : std::optional<Duration>(std::chrono::milliseconds(ms));
       });
     }},
    {"log-level", [](const RespService& s) { return std::string(to_string(s.log_level)); }, set_log_level},
    {"low-water", [](const RespService& s) { return std::to_string(sizes_of(s).low_water); }, set_low_water},
    {"max-disk", [](const RespService& s) { return std::to_string(sizes_of(s).disk); },
     [](RespService& s, std::string_view value, bool apply) { return set_bound(s, value, apply, &BoundSizes::disk); }},
    {"maxclients", [](const RespService& s) { return std::to_string(s.max_clients); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 1, static_cast<std::int64_t>(s.most_clients), apply,
                     [&](std::int64_t count) { s.max_clients = static_cast<std::size_t>(count); });
     }},
    {"maxmemory", [](const RespService& s) { return std::to_string(sizes_of(s).memory); },
     [](RespService& s, std::string_view value, bool apply) {
       return set_bound(s, value, apply, &BoundSizes::memory);
     }},
    {"maxmemory-policy", [](const RespService&) -> std::string { return "noeviction"; }},
    {"min-neighbours", [](const RespService& s) { return std::to_string(s.min_neighbours); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 0, limits::kMaxNeighbours, apply,
                     [&](std::int64_t count) { s.min_neighbours = static_cast<std::size_t>(count); });
     }},
    {"notify-keyspace-events", [](const RespService&) -> std::string { return "E$g"; }},
    {"proto-max-bulk-len", [](const RespService&) { return std::to_string(resp_limits::kMaxCommand); }},
    {"save", [](const RespService&) -> std::string { return ""; }},
    {"slowlog-log-slower-than",
     [](const RespService& s) { return shown<std::chrono::microseconds>(s.slow_log.threshold, "-1"); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, -1, kLongest, apply, [&](std::int64_t us) {
         s.slow_log.threshold = us < 0 ? std::nullopt : std::optional<Duration>(std::chrono::microseconds(us));
       });
     }},
    {"slowlog-max-len", [](const RespService& s) { return std::to_string(s.slow_log.most()); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 0, watch_limits::kMostSlowCommands, apply,
                     [&](std::int64_t most) { s.slow_log.limit(static_cast<std::size_t>(most)); });
     }},
    {"tcp-keepalive", [](const RespService& s) { return std::to_string(s.keepalive.count()); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 0, resp_limits::kLongestKeepalive, apply,
                     [&](std::int64_t time) { s.keepalive = std::chrono::seconds(time); });
     }},
    {"timeout", [](const RespService& s) { return std::to_string(s.timeout.count()); },
     [](RespService& s, std::string_view value, bool apply) {
       return number(value, 0, resp_limits::kLongestTimeout, apply,
                     [&](std::int64_t time) { s.timeout = std::chrono::seconds(time); });
     }},
});

static_assert(std::ranges::is_sorted(kSettings, {}, &Setting::name));

/// CONFIG GET, a pattern for each step.
class SettingsMatching {
 public:
  explicit SettingsMatching(const RespService& service) {
    for (const Setting& one : kSettings)
      left_.emplace_back(one.name, one.get(service));
  }

  bool operator()(ManyKeys& patterns, std::string& reply, std::size_t& steps) {
    while (const auto text = patterns.next(steps)) {
      patterns.charge(Glob::compile_cost(*text), steps);
      const auto pattern = Glob::compile(to_lower(*text));
      if (!pattern) {
        ReplyWriter(reply).error(bad_pattern());
        return true;
      }
      const auto matching =
          std::ranges::stable_partition(left_, [&](const auto& setting) { return !pattern->matches(setting.first); });
      std::ranges::move(matching, std::back_inserter(found_));
      left_.erase(matching.begin(), matching.end());
    }
    if (patterns.over()) write(ReplyWriter(reply));
    return patterns.over();
  }

 private:
  /// In the order of names, whatever the order of the patterns.
  void write(ReplyWriter reply) {
    std::ranges::sort(found_);
    reply.array(2 * found_.size());
    for (const auto& [name, value] : found_)
      reply.field(name, value);
  }

  std::vector<std::pair<std::string_view, std::string>> left_;
  std::vector<std::pair<std::string_view, std::string>> found_;
};

void config_get(RespSession& session, Arguments arguments) {
  for_many_keys(session, arguments.subspan(2), SettingsMatching(session.service()));
}

/// All or none, as Redis does it, and with its words.
void config_set(RespSession& session, Arguments arguments) {
  const Arguments pairs = arguments.subspan(2);
  if (pairs.size() % 2 != 0) return reply_syntax_error(session);
  const auto failed = [&](std::string_view name, std::string_view why) {
    session.reply().error(
        fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name.substr(0, 128), why));
  };
  for (const bool apply : {false, true}) {
    for (std::size_t i = 0; i < pairs.size(); i += 2) {
      const std::string name = to_lower(pairs[i]);
      const auto* const setting = std::ranges::find(kSettings, name, &Setting::name);
      if (setting == kSettings.end()) {
        session.reply().error(
            fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", pairs[i].substr(0, 128)));
        return;
      }
      if (setting->set == nullptr) return failed(name, "can't set immutable config");
      if (const auto wrong = setting->set(session.service(), pairs[i + 1], apply)) return failed(name, *wrong);
    }
  }
  session.reply().simple("OK");
}

}  // namespace

std::span<const Subcommand> config_subcommands() {
  static constexpr Access kAdminister{Right::kAdmin, Access::Touches::kNothing};
  static constexpr Subcommand kSubcommands[] = {
      {"get", -3, kAdminister, config_get, "pattern [pattern ...]", "Shows settings whose names match."},
      {"resetstat", 2, kAdminister,
       [](RespSession& s, Arguments) {
         s.service().stats = {};
         s.reply().simple("OK");
       },
       "", "Sets the counters of INFO stats to zero."},
      {"set", -4, kAdminister, config_set, "parameter value [parameter value ...]",
       "Changes settings until the node ends; options and --config say what holds from its next start."},
  };
  return kSubcommands;
}

}  // namespace meshdict::commands
