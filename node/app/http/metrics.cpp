#include "app/http/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "app/figures/figures.h"
#include "app/figures/health.h"
#include "app/http/limits.h"
#include "app/log/log.h"
#include "app/system/resources.h"
#include "store/database_file.h"
#include "store/disk_room.h"

namespace meshdict {
namespace {

/// In the text form: a backslash, a quote and the end of a line are escaped, and what is no printable ASCII is left out as '?'.
/// Rationale: the form wants UTF-8, which nobody promises of what others say.
std::string label_text(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '\\' || c == '"') made += '\\';
    made += c >= ' ' && c <= '~' ? c : '?';
  }
  return made;
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

struct Label {
  std::string_view name;
  std::string_view text;
};

class MetricsText {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <typename Value>
  void sample(std::string_view name, std::initializer_list<Label> labels, Value value) {
    text_ += name;
    char separator = '{';
    for (const Label& label : labels) {
      fmt::format_to(out(), "{}{}=\"{}\"", separator, label.name, label_text(label.text));
      separator = ',';
    }
    fmt::format_to(out(), "{} {}\n", labels.size() > 0 ? "}" : "", value);
  }
  template <typename Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    head(name, type, help);
    sample(name, {}, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
  std::string text_;
};

void of_table(const RespService& service, MetricsText& out) {
  const Reading reading(service);
  for (const Figure& figure : all_figures()) {
    const std::string name = fmt::format("meshdict_{}", figure.metric);
    const std::uint64_t value = figure.read(reading);
    if (figure.kind == FigureKind::kMicroseconds) {
      out.single(name, "gauge", figure.help, seconds(Duration(static_cast<std::int64_t>(value))));
    } else {
      out.single(name, figure.kind == FigureKind::kCounter ? "counter" : "gauge", figure.help, value);
    }
  }
  out.single("meshdict_keys", "gauge", "Keys that readers see.", service.engine.dictionary().size());
  out.single("meshdict_records", "gauge", "Records that are kept: keys, and deletions of the last time.",
             service.engine.dictionary().records().size());
}

void of_node(const RespService& service, MetricsText& out) {
  out.head("meshdict_node_info", "gauge", "Which node this is; always 1.");
  out.sample("meshdict_node_info",
             {{"version", MESHDICT_VERSION},
              {"id", service.engine.id().text()},
              {"network", printable(service.facts.network)},
              {"leasing", service.facts.mesh.leasing == Leasing::kOn ? "on" : "off"},
              {"proof", service.facts.mesh_proof}},
             1);
  out.single("meshdict_ready", "gauge", "Whether /readyz says yes.", reasons_not_ready(service).empty() ? 1 : 0);
  const auto states = degraded_states(service);
  out.head("meshdict_degraded", "gauge", "Whether the node does a part of its work only, by reason.");
  for (const Degraded state : kAllDegraded)
    out.sample("meshdict_degraded", {{"reason", to_string(state)}}, std::ranges::count(states, state));
  out.head("meshdict_proof_refusals_total", "counter", "Connections that were refused for want of proof, by reason.");
  for (std::size_t i = 0; i < service.proof_refusals.size(); ++i) {
    const auto reason = static_cast<EndReason>(static_cast<std::size_t>(EndReason::kAnotherId) + i);
    out.sample("meshdict_proof_refusals_total", {{"reason", word_of(reason)}}, service.proof_refusals[i]);
  }
}

/// Ours, and each neighbour's: what is not known has no sample.
void of_clocks(const RespService& service, const std::vector<NeighbourView>& neighbours, MetricsText& out) {
  const ClockView& own = service.engine.clock();
  if (own.standing != ClockStanding::kUnknown) {
    out.single("meshdict_clock_offset_seconds", "gauge",
               "Our clock against the median neighbour's; positive when ours is ahead.", seconds(own.offset.ahead));
    out.single("meshdict_clock_error_seconds", "gauge", "How far that may be off.", seconds(own.offset.error));
  }
  const auto known = [](const NeighbourView& peer) { return peer.clock.standing != ClockStanding::kUnknown; };
  if (std::ranges::none_of(neighbours, known)) return;
  out.head("meshdict_neighbour_clock_offset_seconds", "gauge",
           "A neighbour's clock against ours; positive when it is ahead.");
  for (const NeighbourView& peer : neighbours) {
    if (!known(peer)) continue;
    out.sample("meshdict_neighbour_clock_offset_seconds", {{"neighbour", peer.id.text()}},
               seconds(peer.clock.offset.ahead));
  }
  out.head("meshdict_neighbour_clock_error_seconds", "gauge", "How far that may be off.");
  for (const NeighbourView& peer : neighbours) {
    if (!known(peer)) continue;
    out.sample("meshdict_neighbour_clock_error_seconds", {{"neighbour", peer.id.text()}},
               seconds(peer.clock.offset.error));
  }
}

void of_links(const RespService& service, MetricsText& out) {
  auto neighbours = service.engine.neighbours();
  std::size_t queued = 0;
  for (const NeighbourView& peer : neighbours)
    queued += peer.queued;
  out.single("meshdict_queued_bytes", "gauge", "Bytes that wait for neighbours, over all.", queued);
  if (neighbours.size() > http_limits::kMaxNeighbours) neighbours.resize(http_limits::kMaxNeighbours);
  of_clocks(service, neighbours, out);
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value_of) {
    if (std::ranges::none_of(neighbours, [&](const NeighbourView& peer) { return value_of(peer).has_value(); })) return;
    out.head(name, type, help);
    for (const NeighbourView& peer : neighbours) {
      if (const auto value = value_of(peer)) out.sample(name, {{"neighbour", peer.id.text()}}, *value);
    }
  };
  each("meshdict_neighbour_round_trip_seconds", "gauge", "From the last ping to its answer.",
       [](const NeighbourView& peer) {
         return peer.round_trip ? std::optional(seconds(*peer.round_trip)) : std::nullopt;
       });
  each("meshdict_neighbour_connected_seconds", "gauge", "For how long a neighbour has been one.",
       [](const NeighbourView& peer) { return std::optional(seconds(peer.connected_for)); });
  each("meshdict_neighbour_queued_bytes", "gauge", "Bytes that wait for a neighbour.",
       [](const NeighbourView& peer) { return std::optional(peer.queued); });
  each("meshdict_neighbour_waiting_stores", "gauge", "Stores that wait for their turn, of a py2p node.",
       [](const NeighbourView& peer) { return std::optional(peer.waiting_stores); });
  each("meshdict_neighbour_messages_left_out_total", "counter",
       "Messages that were not sent to a neighbour on the present link.",
       [](const NeighbourView& peer) { return std::optional(peer.left_out); });
}

void of_disk(const std::string& data_dir, MetricsText& out) {
  if (data_dir.empty()) return;
  out.head("meshdict_disk_used_bytes", "gauge", "Size of the database and of its log.");
  out.sample("meshdict_disk_used_bytes", {{"file", "database"}},
             file_bytes(fmt::format("{}/{}", data_dir, kDatabaseFile)));
  out.sample("meshdict_disk_used_bytes", {{"file", "log"}}, file_bytes(fmt::format("{}/{}", data_dir, kLogFile)));
  if (const auto free = free_bytes(data_dir)) {
    out.single("meshdict_disk_free_bytes", "gauge", "What is free on the disk of the data directory.", *free);
  }
}

void of_process(const RespService& service, MetricsText& out) {
  const ProcessResources process = process_resources();
  out.single("process_resident_memory_bytes", "gauge", "Resident memory of the process.", process.resident_bytes);
  out.single("process_virtual_memory_bytes", "gauge", "Virtual memory of the process.", process.virtual_bytes);
  out.single("process_cpu_seconds_total", "counter", "Processor time of the process.",
             seconds(process.user + process.system));
  const auto uptime = service.clock.monotonic() - service.started;
  out.single("process_start_time_seconds", "gauge", "When the process was started, in seconds since the Unix epoch.",
             unix_seconds(service.clock.wall() - uptime));
}

void of_http(const HttpFacts& facts, MetricsText& out) {
  out.single("meshdict_http_connections", "gauge", "Connections of this HTTP endpoint.", facts.connections);
  out.head("meshdict_http_answers_total", "counter", "Answers of this HTTP endpoint, by status.");
  for (const auto& [status, count] : facts.answers)
    out.sample("meshdict_http_answers_total", {{"code", std::to_string(status)}}, count);
}

}  // namespace

std::string metrics_text(const RespService& service, const HttpFacts& facts) {
  MetricsText out;
  of_node(service, out);
  of_table(service, out);
  of_links(service, out);
  of_disk(facts.data_dir, out);
  of_process(service, out);
  of_http(facts, out);
  return out.take();
}

}  // namespace meshdict
