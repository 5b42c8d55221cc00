#include "sim/picture/perfetto_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meshdict::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMeshProcess = 1;
constexpr std::uint64_t kLeaseProcess = 2;
constexpr std::uint64_t kFirstNode = 10;
constexpr std::uint64_t kEvents = 1;
constexpr std::uint64_t kDownTimes = 2;
/// Of a slice that has no length of its own; the format counts in microseconds.
constexpr double kNanosecond = 0.001;
/// Nanoseconds that events of one microsecond may take.
constexpr std::uint64_t kMostTogether = 999;

double micros(Duration time) {
  return static_cast<double>(time.count());
}

std::string joined(const std::vector<NameIndex>& names, const std::vector<std::string>& table) {
  std::vector<std::string_view> texts;
  texts.reserve(names.size());
  for (const NameIndex name : names)
    texts.emplace_back(table[name]);
  return fmt::format("{}", fmt::join(texts, " "));
}

/// Something that a node does or that happens to it.
struct Moment {
  NodeIndex node = 0;
  Duration at{};
  std::uint64_t line = 0;
  const Flight* flight = nullptr;  ///< null: `event`
  bool arrival = false;
  const HistoryEvent* event = nullptr;
};

class PerfettoWriter {
 public:
  PerfettoWriter(const History& history, std::FILE* out) : history_(history), out_(out) {}
  void write();

 private:
  void put(const Json& event);
  void name(std::uint64_t process, std::uint64_t thread, std::string_view kind, const std::string& name);
  void slice(std::uint64_t process, std::uint64_t thread, const std::string& name, Duration from, Duration until,
             Json arguments);
  void names();
  void moments();
  void moment(const Moment& moment, double at);
  void mesh();
  void spans();
  void span(std::uint64_t process, std::string_view category, const std::string& name, Duration from, Duration until,
            Json arguments);
  [[nodiscard]] std::string groups_text(const PartitionTime& partition) const;

  const History& history_;
  std::FILE* out_;
  bool first_ = true;
  std::uint64_t spans_ = 0;
};

void PerfettoWriter::put(const Json& event) {
  const std::string text = event.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::fputs(first_ ? "\n" : ",\n", out_);
  std::fwrite(text.data(), 1, text.size(), out_);
  first_ = false;
}

void PerfettoWriter::name(std::uint64_t process, std::uint64_t thread, std::string_view kind, const std::string& name) {
  put({{"ph", "M"}, {"pid", process}, {"tid", thread}, {"name", kind}, {"args", {{"name", name}}}});
}

void PerfettoWriter::slice(std::uint64_t process, std::uint64_t thread, const std::string& name, Duration from,
                           Duration until, Json arguments) {
  put({{"ph", "X"},
       {"pid", process},
       {"tid", thread},
       {"name", name},
       {"cat", "fault"},
       {"ts", micros(from)},
       {"dur", micros(until - from)},
       {"args", std::move(arguments)}});
}

void PerfettoWriter::names() {
  name(kMeshProcess, 0, "process_name", "the mesh");
  name(kMeshProcess, kEvents, "thread_name", "partitions");
  name(kLeaseProcess, 0, "process_name", "leases");
  for (NodeIndex node = 0; node < history_.nodes.size(); ++node) {
    name(kFirstNode + node, 0, "process_name", history_.nodes[node]);
    name(kFirstNode + node, kEvents, "thread_name", "events");
    name(kFirstNode + node, kDownTimes, "thread_name", "down");
  }
}

void PerfettoWriter::moment(const Moment& moment, double at) {
  const Flight* flight = moment.flight;
  Json event = {{"ph", "X"}, {"pid", kFirstNode + moment.node}, {"tid", kEvents}};
  Json arguments = {{"line", moment.line}};
  if (flight != nullptr) {
    const std::string& peer = history_.nodes[moment.arrival ? flight->from : flight->to];
    event["name"] = fmt::format("{} {} {}", moment.arrival ? "<-" : "->", peer, history_.kinds[flight->kind]);
    event["cat"] = moment.arrival ? "arrival" : "sending";
    arguments.update(
        {{"frame", flight->number}, {"connection", flight->conn}, {"bytes", flight->size}, {"id", flight->id}});
    if (!flight->keys.empty()) arguments["keys"] = joined(flight->keys, history_.keys);
  } else {
    event["name"] = moment.event->text;
    event["cat"] = name_of(moment.event->type);
  }
  event.update({{"ts", at}, {"dur", kNanosecond}, {"args", std::move(arguments)}});
  put(event);
  if (flight == nullptr || !flight->arrived) return;
  // Two flights of one frame are two flows.
  const auto flow = static_cast<std::uint64_t>(flight - history_.flights.data()) + 1;
  Json end = {{"ph", moment.arrival ? "f" : "s"},    {"pid", event["pid"]}, {"tid", kEvents}, {"name", "frame"},
              {"cat", history_.kinds[flight->kind]}, {"id", flow},          {"ts", at}};
  if (moment.arrival) end["bp"] = "e";
  put(end);
}

void PerfettoWriter::moments() {
  std::vector<Moment> all;
  for (const Flight& flight : history_.flights) {
    all.push_back({flight.from, flight.sent, flight.line, &flight, false, nullptr});
    if (flight.arrived) all.push_back({flight.to, *flight.arrived, flight.arrival_line, &flight, true, nullptr});
  }
  for (const HistoryEvent& event : history_.events) {
    for (const NodeIndex node : event.nodes)
      all.push_back({node, event.at, event.line, nullptr, false, &event});
  }
  std::ranges::stable_sort(all, {}, &Moment::line);
  struct Last {
    Duration at = Duration::min();
    std::uint64_t together = 0;
  };
  std::vector<Last> last(history_.nodes.size());
  for (const Moment& next : all) {
    Last& before = last[next.node];
    before.together = before.at == next.at ? std::min(before.together + 1, kMostTogether) : 0;
    before.at = next.at;
    moment(next, micros(next.at) + kNanosecond * static_cast<double>(before.together));
  }
}

std::string PerfettoWriter::groups_text(const PartitionTime& partition) const {
  const std::uint32_t groups = *std::ranges::max_element(partition.group);
  std::string text;
  for (std::uint32_t group = 0; group <= groups; ++group) {
    std::string members;
    for (NodeIndex node = 0; node < partition.group.size(); ++node) {
      if (partition.group[node] == group) members += " " + history_.nodes[node];
    }
    if (!members.empty()) text += (text.empty() ? "" : " |") + members;
  }
  return text;
}

void PerfettoWriter::mesh() {
  for (const PartitionTime& partition : history_.partitions) {
    if (partition.group.empty()) continue;
    slice(kMeshProcess, kEvents, "partition" + groups_text(partition), partition.from, partition.until, Json::object());
  }
  for (const DownTime& down : history_.down)
    slice(kFirstNode + down.node, kDownTimes, "down", down.from, down.until, Json::object());
  for (const HistoryEvent& event : history_.events) {
    if (event.type != EventType::kFault && event.type != EventType::kViolated) continue;
    put({{"ph", "i"},
         {"s", "g"},
         {"pid", kMeshProcess},
         {"tid", kEvents},
         {"name", event.text},
         {"cat", name_of(event.type)},
         {"ts", micros(event.at)}});
  }
}

// What may overlap anything: a nestable pair.
void PerfettoWriter::span(std::uint64_t process, std::string_view category, const std::string& name, Duration from,
                          Duration until, Json arguments) {
  Json event = {{"ph", "b"},       {"pid", process}, {"tid", kEvents},    {"id", ++spans_},
                {"cat", category}, {"name", name},   {"ts", micros(from)}};
  Json end = event;
  event["args"] = std::move(arguments);
  end["ph"] = "e";
  end["ts"] = micros(until);
  put(event);
  put(end);
}

void PerfettoWriter::spans() {
  for (const Claim& claim : history_.claims) {
    const std::string last = claim.values.empty() ? "" : claim.values.back().second;
    span(kLeaseProcess, "lease", fmt::format("{}: {}", history_.keys[claim.key], claim.owner), claim.from, claim.until,
         {{"epoch", claim.epoch}, {"value", last}});
  }
  for (const Trouble& trouble : history_.troubles) {
    for (const NodeIndex node : trouble.nodes)
      span(kFirstNode + node, "fault", trouble.what, trouble.from, trouble.until, Json::object());
  }
}

void PerfettoWriter::write() {
  const Json about = {{"plan", history_.plan}, {"seed", std::to_string(history_.seed)}, {"end", history_.end_text}};
  const std::string head = fmt::format(R"({{"displayTimeUnit": "ms", "otherData": {}, "traceEvents": [)",
                                       about.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fputs(head.c_str(), out_);
  names();
  mesh();
  spans();
  moments();
  std::fputs("\n]}\n", out_);
}

}  // namespace

void write_perfetto(const History& history, std::FILE* out) {
  PerfettoWriter(history, out).write();
}

}  // namespace meshdict::sim
