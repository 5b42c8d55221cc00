#include "sim/picture/history_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "core/base/parse_number.h"
#include "sim/picture/history_claims.h"
#include "sim/picture/history_troubles.h"
#include "sim/trace/transcript_reader.h"

namespace meshdict::sim {
namespace {

/// Steps by which clients act; what is none of these and no expectation is a fault.
constexpr std::array<std::string_view, 9> kOperations = {"set",        "delete", "broadcast", "whisper", "connect",
                                                         "disconnect", "start",  "release",   "break"};

constexpr Duration kUntilEnd = Duration::max();

class HistoryReader {
 public:
  HistoryReader(std::FILE* file, const std::string& name, const HistoryLimits& limits)
      : reader_(file, name), limits_(limits), claims_(history_), troubles_(history_) {}

  std::expected<History, std::string> read();

 private:
  using Result = std::expected<void, std::string>;

  Result remark();
  Result line();
  Result step();
  Result violated(Words words);
  void frame(const FrameLine& frame, NodeIndex node);
  void of_node(NodeIndex node);
  void life(NodeIndex node, bool up);
  void partition(const YAML::Node& groups);
  void end_partition();
  void collect_nodes(const YAML::Node& yaml, std::vector<NodeIndex>& into) const;
  void add(EventType type, std::vector<NodeIndex> nodes, std::vector<NameIndex> keys);
  void finish();
  void trim();
  [[nodiscard]] bool wanted(Duration at) const { return limits_.from <= at && at <= limits_.until; }
  [[nodiscard]] NodeIndex node_of(std::string_view name) const;
  std::vector<NameIndex> keys_of(std::string_view words);

  TranscriptReader reader_;
  HistoryLimits limits_;
  TranscriptLine line_;
  History history_;
  ClaimTracker claims_;
  TroubleTracker troubles_;
  std::map<std::string, NodeIndex, std::less<>> nodes_;
  NameTable keys_;
  NameTable kinds_;
  // Of the last operation: an outcome names none.
  std::vector<NameIndex> operation_keys_;
  // By number; looked up only.
  std::unordered_map<std::uint64_t, std::size_t> flights_;
  // Positions in History::down of those that last.
  std::map<NodeIndex, std::size_t> down_;
};

std::expected<History, std::string> HistoryReader::read() {
  while (true) {
    const auto more = reader_.next(line_);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const Result result = line_.remark ? remark() : line();
    if (!result) return std::unexpected(reader_.error(result.error()));
  }
  finish();
  return std::move(history_);
}

HistoryReader::Result HistoryReader::remark() {
  Words words(line_.what);
  if (words.skip("plan")) {
    history_.plan = words.next().value_or("");
    const auto seed = words.skip("seed") ? parse_number<std::uint64_t>(words.rest()) : std::nullopt;
    if (!seed) return std::unexpected("names no seed, expected 'plan <file> seed <number>'");
    history_.seed = *seed;
  } else if (words.skip("nodes")) {
    while (auto name = words.next()) {
      const auto index = static_cast<NodeIndex>(history_.nodes.size());
      nodes_.emplace(*name, index);
      history_.nodes.push_back(*std::move(name));
      // Nobody is up before it has been started.
      down_.emplace(index, history_.down.size());
      history_.down.push_back({index, Duration{}, kUntilEnd});
    }
  } else if (words.skip("end")) {
    history_.end_text = words.rest();
    const auto at = parse_seconds(words.next().value_or(""));
    if (!at) return std::unexpected("names no time, expected 'end <seconds> ...'");
    history_.end = *at;
  }
  return {};
}

NodeIndex HistoryReader::node_of(std::string_view name) const {
  const auto node = nodes_.find(name);
  return node == nodes_.end() ? kNobody : node->second;
}

std::vector<NameIndex> HistoryReader::keys_of(std::string_view text) {
  std::vector<NameIndex> found;
  Words words(text);
  while (!words.skip("and")) {
    const auto key = words.next();
    if (!key) break;
    found.push_back(keys_.add(*key));
  }
  return found;
}

void HistoryReader::add(EventType type, std::vector<NodeIndex> nodes, std::vector<NameIndex> keys) {
  if (!wanted(line_.at)) {
    ++history_.left_out;
    return;
  }
  history_.events.push_back({type, line_.at, std::move(nodes), std::move(keys), std::string(line_.what), line_.number});
}

HistoryReader::Result HistoryReader::line() {
  history_.end = std::max(history_.end, line_.at);
  if (line_.node == "-") return step();
  const NodeIndex node = node_of(line_.node);
  if (node == kNobody) return std::unexpected(fmt::format("'{}' is none of the transcript's nodes", line_.node));
  if (const auto of_frame = parse_frame_line(line_.what)) {
    frame(*of_frame, node);
  } else {
    of_node(node);
  }
  return {};
}

void HistoryReader::frame(const FrameLine& frame, NodeIndex node) {
  const auto known = flights_.find(frame.number);
  if (frame.sent) {
    if (!wanted(line_.at)) {
      ++history_.left_out;
      return;
    }
    flights_[frame.number] = history_.flights.size();
    history_.flights.push_back({frame.number, frame.conn, node, node_of(frame.peer), line_.at, std::nullopt,
                                kinds_.add(frame.kind), frame.size, frame.id, keys_of(frame.keys), line_.number, 0});
  } else if (known != flights_.end()) {
    Flight* flight = &history_.flights[known->second];
    if (flight->arrived) {
      Flight again = *flight;
      flight = &history_.flights.emplace_back(std::move(again));
    }
    flight->arrived = line_.at;
    flight->arrival_line = line_.number;
  }
}

void HistoryReader::of_node(NodeIndex node) {
  Words words(line_.what);
  EventType type = EventType::kConnection;
  std::vector<NameIndex> keys;
  if (words.skip("!")) {
    type = EventType::kRaised;
    if (words.skip("updated") || words.skip("deleted") || words.skip("conflict")) {
      keys.push_back(keys_.add(words.next().value_or("")));
    }
  } else if (words.skip("=")) {
    type = EventType::kOutcome;
    keys = operation_keys_;
  } else if (words.skip("record")) {
    type = EventType::kRecord;
    keys.push_back(keys_.add(words.next().value_or("")));
    claims_.record(node, keys.front(), words, line_.at, nodes_);
  } else if (words.skip("is")) {
    type = EventType::kLife;
    life(node, !words.skip("down"));
  }
  add(type, {node}, std::move(keys));
}

void HistoryReader::life(NodeIndex node, bool up) {
  const auto down = down_.find(node);
  if (up && down != down_.end()) {
    history_.down[down->second].until = line_.at;
    down_.erase(down);
  } else if (!up && down == down_.end()) {
    down_.emplace(node, history_.down.size());
    history_.down.push_back({node, line_.at, kUntilEnd});
    claims_.down(node, line_.at);
  }
}

// Steps

void HistoryReader::collect_nodes(const YAML::Node& yaml, std::vector<NodeIndex>& into) const {
  if (yaml.IsScalar()) {
    const NodeIndex node = node_of(yaml.Scalar());
    if (node != kNobody && std::ranges::find(into, node) == into.end()) into.push_back(node);
  } else if (yaml.IsSequence()) {
    for (const YAML::Node& item : yaml)
      collect_nodes(item, into);
  }
}

HistoryReader::Result HistoryReader::step() {
  Words words(line_.what);
  if (words.skip("violated")) return violated(words);
  const std::string verb = words.next().value_or("");
  YAML::Node arguments;
  try {
    arguments = YAML::Load(std::string(words.rest()));
  } catch (const YAML::Exception&) {
    return std::unexpected(fmt::format("'{}' is no step, expected a verb and what it was given", line_.what));
  }
  EventType type = EventType::kFault;
  if (verb == "expect") type = EventType::kExpect;
  if (std::ranges::find(kOperations, verb) != kOperations.end()) type = EventType::kOperation;
  std::vector<NodeIndex> nodes;
  std::vector<NameIndex> keys;
  if (arguments.IsMap()) {
    for (const auto& argument : arguments) {
      const std::string name = argument.first.Scalar();
      if (name == "key") keys.push_back(keys_.add(argument.second.Scalar()));
      // A fault befalls all that it names; any other step happens where it says, and its texts may be names of nodes.
      const bool is_place = name == "node" || name == "nodes" || (type == EventType::kFault && name != "groups");
      if (is_place) collect_nodes(argument.second, nodes);
    }
  }
  if (type == EventType::kOperation) operation_keys_ = keys;
  if (verb == "partition" && arguments["groups"]) partition(arguments["groups"]);
  if (verb == "heal") end_partition();
  if (type == EventType::kFault) troubles_.step(verb, arguments, nodes, line_.at);
  add(type, std::move(nodes), std::move(keys));
  return {};
}

HistoryReader::Result HistoryReader::violated(Words words) {
  ++history_.violations;
  // The property and a comma.
  words.next();
  const std::string_view rest = words.rest();
  std::vector<NodeIndex> nodes;
  Words names(rest.substr(0, rest.find(": ")));
  while (const auto name = names.next()) {
    if (const NodeIndex node = node_of(*name); node != kNobody) nodes.push_back(node);
  }
  add(EventType::kViolated, std::move(nodes), {});
  return {};
}

void HistoryReader::partition(const YAML::Node& groups) {
  end_partition();
  PartitionTime time{line_.at, kUntilEnd, std::vector<std::uint32_t>(history_.nodes.size(), 0)};
  std::uint32_t group = 0;
  for (const YAML::Node& members : groups) {
    ++group;
    std::vector<NodeIndex> nodes;
    collect_nodes(members, nodes);
    for (const NodeIndex node : nodes)
      time.group[node] = group;
  }
  history_.partitions.push_back(std::move(time));
}

void HistoryReader::end_partition() {
  if (!history_.partitions.empty() && history_.partitions.back().until == kUntilEnd) {
    history_.partitions.back().until = line_.at;
  }
}

// The end

void HistoryReader::finish() {
  history_.whole_from = std::min(limits_.from, history_.end);
  history_.whole_until = std::min(limits_.until, history_.end);
  for (DownTime& down : history_.down)
    down.until = std::min(down.until, history_.end);
  std::erase_if(history_.down, [](const DownTime& down) { return down.from == down.until; });
  for (PartitionTime& partition : history_.partitions)
    partition.until = std::min(partition.until, history_.end);
  troubles_.finish(history_.end);
  claims_.finish(history_.end);
  history_.keys = keys_.take();
  history_.kinds = kinds_.take();
  trim();
}

/// Keeps a span of the run that has few enough flights and events in it.
void HistoryReader::trim() {
  const std::size_t all = history_.flights.size() + history_.events.size();
  if (all <= limits_.most) return;
  std::vector<std::pair<std::uint64_t, Duration>> lines;
  lines.reserve(all);
  for (const Flight& flight : history_.flights)
    lines.emplace_back(flight.line, flight.sent);
  for (const HistoryEvent& event : history_.events)
    lines.emplace_back(event.line, event.at);
  std::ranges::sort(lines);
  const auto violated = std::ranges::find(history_.events, EventType::kViolated, &HistoryEvent::type);
  std::size_t last = limits_.most - 1;
  if (violated != history_.events.end()) {
    const auto place = std::ranges::lower_bound(lines, std::pair(violated->line, Duration{})) - lines.begin();
    last = std::max(last, static_cast<std::size_t>(place));
  }
  const auto [first_line, first_time] = lines[last + 1 - limits_.most];
  const auto [last_line, last_time] = lines[last];
  const auto outside = [first = first_line, end = last_line](const auto& item) {
    return item.line < first || item.line > end;
  };
  std::erase_if(history_.flights, outside);
  std::erase_if(history_.events, outside);
  if (last + 1 > limits_.most) history_.whole_from = first_time;
  if (last + 1 < all) history_.whole_until = last_time;
  history_.left_out += all - history_.flights.size() - history_.events.size();
}

}  // namespace

std::expected<History, std::string> read_history(std::FILE* transcript, const std::string& name,
                                                 const HistoryLimits& limits) {
  return HistoryReader(transcript, name, limits).read();
}

}  // namespace meshdict::sim
