// INFO: facts and counters as "name:value" lines under section heads, as Redis has them.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include "app/commands/commands.h"
#include "app/figures/figures.h"
#include "app/log/log.h"
#include "app/system/resources.h"

namespace meshdict::commands {
namespace {

class InfoText {
 public:
  void section(std::string_view title) {
    fmt::format_to(std::back_inserter(text_), "{}# {}\r\n", text_.empty() ? "" : "\r\n", title);
  }
  template <typename Value>
  void line(std::string_view name, const Value& value) {
    fmt::format_to(std::back_inserter(text_), "{}:{}\r\n", name, value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void server(RespService& service, InfoText& out) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(service.clock.monotonic() - service.started);
  out.section("Server");
  out.line("redis_version", kRedisVersion);
  out.line("redis_mode", "standalone");
  out.line("meshdict_version", MESHDICT_VERSION);
  out.line("process_id", getpid());
  out.line("tcp_port", service.facts.resp_address.port);
  out.line("uptime_in_seconds", uptime.count());
  out.line("uptime_in_days", uptime.count() / 86'400);
  out.line("run_id", service.engine.id().text());
  out.line("os", "Linux");
  out.line("arch_bits", 8 * sizeof(void*));
}

/// The rows of the table of figures that belong to a section.
void figures_of(std::string_view section, RespService& service, InfoText& out) {
  const Reading reading(service);
  for (const Figure& figure : all_figures()) {
    if (figure.section == section) out.line(figure.info, figure.read(reading));
  }
}

void clients(RespService& service, InfoText& out) {
  out.section("Clients");
  figures_of("clients", service, out);
}

std::string for_people(std::size_t bytes) {
  constexpr std::array<std::pair<std::size_t, std::string_view>, 3> kUnits{
      {{std::size_t{1} << 30, "G"}, {std::size_t{1} << 20, "M"}, {std::size_t{1} << 10, "K"}}};
  for (const auto& [unit, name] : kUnits) {
    if (bytes >= unit) return fmt::format("{}.{:02}{}", bytes / unit, bytes % unit * 100 / unit, name);
  }
  return fmt::format("{}B", bytes);
}

/// To hundredths; 1 where one of them is not known.
std::string ratio(std::size_t of, std::size_t to) {
  const std::size_t hundredths = of == 0 || to == 0 ? 100 : of * 100 / to;
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

void memory(RespService& service, InfoText& out) {
  const std::size_t resident = process_resources().resident_bytes;
  out.section("Memory");
  // What --max-memory bounds is less: used_memory_dataset and used_memory_queues.
  const std::size_t allocated = allocated_bytes();
  const std::size_t used = allocated == 0 ? resident : allocated;
  out.line("used_memory", used);
  out.line("used_memory_human", for_people(used));
  out.line("used_memory_rss", resident);
  out.line("used_memory_rss_human", for_people(resident));
  out.line("mem_fragmentation_ratio", ratio(resident, used));
  out.line("mem_allocator", "libc");
  out.line("maxmemory_human", for_people(service.memory_marks().most));
  out.line("maxmemory_policy", "noeviction");
  figures_of("memory", service, out);
}

/// Of Redis's figures those that its tools look for. What a node acknowledges is on disk, if it has one.
void persistence(RespService& service, InfoText& out) {
  const bool keeps = service.back_up != nullptr;
  const bool fails = service.lacks().disk || service.lacks().disk_limit;
  const auto now = std::chrono::floor<std::chrono::seconds>(service.clock.wall().time_since_epoch()).count();
  out.section("Persistence");
  out.line("loading", 0);
  out.line("rdb_changes_since_last_save", keeps ? std::uint64_t{0} : service.watch.counts().keys_set);
  out.line("rdb_bgsave_in_progress", 0);
  out.line("rdb_last_save_time", keeps ? now : 0);
  out.line("rdb_last_bgsave_status", fails ? "err" : "ok");
  out.line("aof_enabled", 0);
}

/// Every node takes writes: nobody is a replica.
void replication(RespService&, InfoText& out) {
  out.section("Replication");
  out.line("role", "master");
  out.line("connected_slaves", 0);
  out.line("master_repl_offset", 0);
}

std::string seconds_of(std::chrono::microseconds time) {
  return fmt::format("{}.{:06}", time.count() / 1'000'000, time.count() % 1'000'000);
}

void cpu(RespService&, InfoText& out) {
  const ProcessResources used = process_resources();
  out.section("CPU");
  out.line("used_cpu_sys", seconds_of(used.system));
  out.line("used_cpu_user", seconds_of(used.user));
}

void stats(RespService& service, InfoText& out) {
  out.section("Stats");
  // There is neither.
  for (const std::string_view none : {"expired_keys", "evicted_keys", "latest_fork_usec"})
    out.line(none, 0);
  figures_of("stats", service, out);
}

/// Positive: our clock is ahead of the median neighbour's. Empty while nothing was measured.
void clock_lines(const ClockView& clock, InfoText& out) {
  const bool known = clock.standing != ClockStanding::kUnknown;
  const auto ms = [&](Duration time) {
    return known ? std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count()) : std::string();
  };
  out.line("clock_state", to_string(clock.standing));
  out.line("clock_offset_ms", ms(clock.offset.ahead));
  out.line("clock_error_ms", ms(clock.offset.error));
}

void mesh_section(RespService& service, InfoText& out) {
  const Engine& engine = service.engine;
  out.section("Mesh");
  out.line("id", engine.id().text());
  out.line("address", to_string(engine.address()));
  out.line("network", printable(service.facts.network));
  out.line("leasing", service.facts.mesh.leasing == Leasing::kOn ? "on" : "off");
  out.line("lease_seconds", service.facts.mesh.lease / 1s);
  clock_lines(engine.clock(), out);
  figures_of("mesh", service, out);
}

/// Those that `counts` says, of the reasons that are about proof.
void refusals(std::string_view prefix, const ProofRefusals& refused, bool (*counts)(EndReason), InfoText& out) {
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const auto reason = static_cast<EndReason>(static_cast<std::size_t>(EndReason::kAnotherId) + i);
    if (counts(reason)) out.line(std::string(prefix) + word_of(reason), refused[i]);
  }
}

/// Clients have neither node ids nor mesh keys.
bool is_about_clients(EndReason reason) {
  return reason != EndReason::kAnotherId && reason != EndReason::kNoMeshKey && reason != EndReason::kAnotherMeshKey;
}

void security(RespService& service, InfoText& out) {
  const Logins& logins = service.logins;
  out.section("Security");
  out.line("mesh_proof", service.facts.mesh_proof);
  out.line("mesh_encryption", service.facts.mesh_encryption);
  refusals("refused_", service.proof_refusals, [](EndReason) { return true; }, out);
  out.line("client_tls", service.facts.tls ? "on" : "off");
  out.line("client_certificates", service.facts.client_certificates ? "required" : "not_asked");
  refusals("client_refused_", service.security.refusals, is_about_clients, out);
  out.line("users", logins.users().are_open() ? 0 : logins.users().all().size());
  out.line("logins", logins.counts().right);
  out.line("logins_wrong_password", logins.counts().wrong);
  out.line("logins_turned_away", logins.counts().busy);
  out.line("passwords_waiting", logins.pending());
  out.line("commands_without_login", service.security.without_login);
  out.line("commands_without_right", service.security.without_right);
}

void keyspace(RespService& service, InfoText& out) {
  const std::size_t keys = service.engine.dictionary().size();
  out.section("Keyspace");
  if (keys > 0) out.line("db0", fmt::format("keys={},expires=0,avg_ttl=0", keys));
}

struct Section {
  std::string_view name;
  void (*write)(RespService& service, InfoText& out);
};

constexpr std::array<Section, 10> kSections{{{"server", server},
                                             {"clients", clients},
                                             {"memory", memory},
                                             {"persistence", persistence},
                                             {"stats", stats},
                                             {"replication", replication},
                                             {"cpu", cpu},
                                             {"mesh", mesh_section},
                                             {"security", security},
                                             {"keyspace", keyspace}}};

}  // namespace

void info(RespSession& session, Arguments arguments) {
  const auto wanted = arguments.subspan(1);
  const auto asks_for = [&](std::string_view section) {
    return std::ranges::any_of(wanted, [&](std::string_view w) { return is_word(w, section); });
  };
  const bool everything = wanted.empty() || asks_for("all") || asks_for("default") || asks_for("everything");
  // The clients are counted, some ten in the time of a step, and /proc is read.
  constexpr std::size_t kClientsPerStep = 8;
  constexpr std::size_t kSystemCalls = 300;
  InfoText out;
  for (const Section& section : kSections) {
    if (everything || asks_for(section.name)) section.write(session.service(), out);
  }
  session.charge(kSystemCalls + session.service().sessions.size() / kClientsPerStep);
  session.reply().bulk(out.text());
}

}  // namespace meshdict::commands
