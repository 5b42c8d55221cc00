// SLOWLOG, LATENCY, and what MEMORY tells beside MEMORY USAGE.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/figures/health.h"
#include "app/resp/integer.h"
#include "app/system/memory_limit.h"
#include "app/system/resources.h"

namespace meshdict::commands {
namespace {

constexpr Access kForAdmins{Right::kAdmin, Access::Touches::kNothing};

std::int64_t whole_ms(Duration time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time).count();
}

/// As Redis: ten, or so many; -1 for all.
void slowlog_get(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) {
    session.reply().error("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
    return;
  }
  const auto& entries = session.service().slow_log.entries();
  std::size_t count = std::min<std::size_t>(10, entries.size());
  if (arguments.size() == 3) {
    const auto wanted = parse_integer(arguments[2]);
    if (!wanted || *wanted < -1) {
      session.reply().error("ERR count should be greater than or equal to -1");
      return;
    }
    count = *wanted == -1 ? entries.size() : std::min(entries.size(), static_cast<std::size_t>(*wanted));
  }
  session.reply().array(count);
  for (std::size_t i = 0; i < count; ++i) {
    const SlowCommand& one = entries[i];
    const auto second = std::chrono::floor<std::chrono::seconds>(one.when.time_since_epoch()).count();
    session.reply().array(6).integer(one.id).integer(second).integer(one.took.count()).array(one.arguments.size());
    for (const std::string& argument : one.arguments)
      session.reply().bulk(argument);
    session.reply().bulk(one.client).bulk(one.name);
  }
}

void slowlog_reset(RespSession& session, Arguments) {
  session.service().slow_log.clear();
  session.reply().simple("OK");
}

void latency_latest(RespSession& session, Arguments) {
  const Latency& latency = session.service().latency;
  std::vector<Spike> kinds;
  std::ranges::copy_if(kAllSpikes, std::back_inserter(kinds),
                       [&](Spike kind) { return !latency.history(kind).samples.empty(); });
  session.reply().array(kinds.size());
  for (const Spike kind : kinds) {
    const Latency::History& history = latency.history(kind);
    const Latency::Sample& last = history.samples.back();
    session.reply().array(4).bulk(to_string(kind)).integer(last.second).integer(whole_ms(last.took));
    session.reply().integer(whole_ms(history.longest));
  }
}

void latency_history(RespSession& session, Arguments arguments) {
  const auto kind = spike_named(to_lower(arguments[2]));
  if (!kind) {
    session.reply().array(0);
    return;
  }
  const auto& samples = session.service().latency.history(*kind).samples;
  session.reply().array(samples.size());
  for (const Latency::Sample& one : samples)
    session.reply().array(2).integer(one.second).integer(whole_ms(one.took));
}

/// Answers how many kinds it had spikes of.
void latency_reset(RespSession& session, Arguments arguments) {
  Latency& latency = session.service().latency;
  std::size_t forgotten = 0;
  for (const Spike kind : kAllSpikes) {
    const auto names = arguments.subspan(2);
    const bool meant = names.empty() || std::ranges::any_of(names, [kind](std::string_view name) {
                         return is_word(name, to_string(kind));
                       });
    if (!meant || latency.history(kind).samples.empty()) continue;
    latency.forget(kind);
    ++forgotten;
  }
  session.reply().integer(forgotten);
}

/// What to do about the spikes of one kind.
std::string_view advice(Spike kind) {
  switch (kind) {
    case Spike::kCommand:
      return "SLOWLOG GET names the commands: SCAN instead of KEYS, fewer keys in an MSET or DEL, smaller transactions";
    case Spike::kTurn:
      return "many large commands at a time, a machine without a free core, or one that was frozen";
    case Spike::kCommit:
      return "the disk is slow to sync: a faster one, nothing else on it, or --durability interval";
  }
  return "";
}

void latency_doctor(RespSession& session, Arguments) {
  const Latency& latency = session.service().latency;
  std::string text;
  for (const Spike kind : kAllSpikes) {
    const Latency::History& history = latency.history(kind);
    if (history.samples.empty()) continue;
    text += fmt::format("{}: {} seconds with spikes, the longest {} ms: {}.\n", to_string(kind), history.samples.size(),
                        whole_ms(history.longest), advice(kind));
  }
  if (text.empty()) {
    text = latency.threshold ? fmt::format("Nothing took {} ms or longer.\n", whole_ms(*latency.threshold))
                             : "Spikes are not looked for: CONFIG SET latency-monitor-threshold MILLISECONDS.\n";
  }
  session.reply().bulk(text);
}

void memory_stats(RespSession& session, Arguments) {
  const RespService& service = session.service();
  const RecordTable& records = service.engine.dictionary().records();
  const std::uint64_t dataset = counted_bytes(records);
  const std::uint64_t queues = service.queued_bytes();
  const ProcessResources process = process_resources();
  const std::pair<std::string_view, std::uint64_t> figures[] = {
      {"total.allocated", allocated_bytes()},
      {"process.resident", process.resident_bytes},
      {"dataset.bytes", dataset},
      {"keys.count", records.visible()},
      {"deletions.count", records.size() - records.visible()},
      {"keys.bytes-per-key", records.size() == 0 ? 0 : dataset / records.size()},
      {"queues.bytes", queues},
      {"clients.replies", service.output_bytes},
      {"clients.commands", service.unfinished_bytes},
      {"maxmemory", service.memory_marks().most},
      {"maxmemory.low-water", service.memory_marks().low}};
  session.reply().array(2 * std::size(figures));
  for (const auto& [name, value] : figures)
    session.reply().bulk(name).integer(value);
}

void memory_doctor(RespSession& session, Arguments) {
  const RespService& service = session.service();
  const RecordTable& records = service.engine.dictionary().records();
  const std::uint64_t used = counted_bytes(records) + service.queued_bytes();
  const WaterMarks marks = service.memory_marks();
  const Lacks lacks = service.lacks();
  std::string text;
  if (lacks.memory) text += fmt::format("{}.\n", describe(Degraded::kMemoryShort));
  if (lacks.memory_limit) text += fmt::format("{}.\n", describe(Degraded::kMemoryLimit));
  if (marks.bounded()) {
    text +=
        fmt::format("{} of {} bytes of --max-memory are in use ({} %).\n", used, marks.most, used * 100 / marks.most);
  } else {
    text += fmt::format("{} bytes are in use; there is no --max-memory.\n", used);
  }
  if (const std::size_t deletions = records.size() - records.visible(); deletions > records.visible()) {
    text += fmt::format("{} of {} records are deletions, which go a day after they were made.\n", deletions,
                        records.size());
  }
  session.reply().bulk(text);
}

}  // namespace

std::span<const Subcommand> slowlog_subcommands() {
  static constexpr Subcommand kSubcommands[] = {
      {"get", -2, kForAdmins, slowlog_get, "[count]", "Shows commands that took long, the newest first."},
      {"len", 2, kForAdmins,
       [](RespSession& s, Arguments) { s.reply().integer(s.service().slow_log.entries().size()); }, "",
       "Returns how many there are."},
      {"reset", 2, kForAdmins, slowlog_reset, "", "Forgets them."},
  };
  return kSubcommands;
}

std::span<const Subcommand> latency_subcommands() {
  static constexpr Subcommand kSubcommands[] = {
      {"doctor", 2, kForAdmins, latency_doctor, "", "Tells for people what took long, and what to do."},
      {"history", 3, kForAdmins, latency_history, "event",
       "Shows the spikes of command, turn or commit: when, and ms."},
      {"latest", 2, kForAdmins, latency_latest, "", "Shows of each kind the last spike and the longest."},
      {"reset", -2, kForAdmins, latency_reset, "[event [event ...]]", "Forgets spikes."},
  };
  return kSubcommands;
}

std::span<const Subcommand> memory_subcommands() {
  static const Subcommand kSubcommands[] = {
      {"doctor", 2, kForAdmins, memory_doctor, "", "Tells for people how memory is used."},
      {"stats", 2, kForAdmins, memory_stats, "", "Shows how memory is used: names and numbers."},
      memory_usage_subcommand(),
  };
  return kSubcommands;
}

}  // namespace meshdict::commands
