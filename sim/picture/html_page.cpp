#include "sim/picture/html_page.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/picture/page_sources.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t micros_or_none(const std::optional<Duration>& time) {
  return time ? time->count() : -1;
}

/// An index into the page's nodes.
std::int64_t position(NodeIndex node) {
  return node == kNobody ? -1 : static_cast<std::int64_t>(node);
}

/// Numbers in columns: a run has many flights, and names of members would be most of the page.
Json flights_json(const std::vector<Flight>& flights) {
  const auto column = [&](const auto& of) {
    Json values = Json::array();
    for (const Flight& flight : flights)
      values.push_back(of(flight));
    return values;
  };
  return {
      {"number", column([](const Flight& f) { return f.number; })},
      {"conn", column([](const Flight& f) { return f.conn; })},
      {"from", column([](const Flight& f) { return position(f.from); })},
      {"to", column([](const Flight& f) { return position(f.to); })},
      {"sent", column([](const Flight& f) { return f.sent.count(); })},
      {"arrived", column([](const Flight& f) { return micros_or_none(f.arrived); })},
      {"kind", column([](const Flight& f) { return f.kind; })},
      {"size", column([](const Flight& f) { return f.size; })},
      {"id", column([](const Flight& f) { return f.id; })},
      {"keys", column([](const Flight& f) { return f.keys; })},
      {"line", column([](const Flight& f) { return f.line; })},
      {"arrivalLine", column([](const Flight& f) { return f.arrival_line; })},
  };
}

/// [moment, what, moment, what, ...]: evenly thinned when there are too many, always with the last.
template <typename Pairs>
Json steps_json(const Pairs& pairs) {
  Json steps = Json::array();
  const std::size_t stride = pairs.size() / sim_limits::kMaxDrawnOfClaim + 1;
  for (std::size_t i = 0; i < pairs.size(); i += stride) {
    const auto& step = pairs[i + stride < pairs.size() ? i : pairs.size() - 1];
    steps.push_back(step.first.count());
    steps.push_back(step.second);
  }
  return steps;
}

Json claim_json(const Claim& claim) {
  return {
      {"key", claim.key},
      {"owner", claim.owner},
      {"node", position(claim.owner_node)},
      {"epoch", claim.epoch},
      {"from", claim.from.count()},
      {"until", claim.until.count()},
      {"trusted", micros_or_none(claim.trusted_until)},
      {"held", micros_or_none(claim.held_until)},
      {"shown", steps_json(claim.shown)},
      {"values", steps_json(claim.values)},
  };
}

Json to_json(const History& history) {
  Json json = {
      {"plan", history.plan},
      // A seed may be larger than what JavaScript's numbers hold.
      {"seed", std::to_string(history.seed)},
      {"ending", history.end_text},
      {"end", history.end.count()},
      {"violations", history.violations},
      {"leftOut", history.left_out},
      {"wholeFrom", history.whole_from.count()},
      {"wholeUntil", history.whole_until.count()},
      {"nodes", history.nodes},
      {"keys", history.keys},
      {"kinds", history.kinds},
      {"flights", flights_json(history.flights)},
  };
  json["events"] = Json::array();
  for (const HistoryEvent& event : history.events) {
    json["events"].push_back({name_of(event.type), event.at.count(), event.nodes, event.keys, event.text, event.line});
  }
  json["down"] = Json::array();
  for (const DownTime& down : history.down)
    json["down"].push_back({down.node, down.from.count(), down.until.count()});
  json["partitions"] = Json::array();
  for (const PartitionTime& partition : history.partitions)
    json["partitions"].push_back({partition.from.count(), partition.until.count(), partition.group});
  json["troubles"] = Json::array();
  for (const Trouble& trouble : history.troubles)
    json["troubles"].push_back({trouble.what, trouble.nodes, trouble.from.count(), trouble.until.count()});
  json["claims"] = Json::array();
  for (const Claim& claim : history.claims)
    json["claims"].push_back(claim_json(claim));
  return json;
}

}  // namespace

std::string history_json(const History& history) {
  const std::string plain = to_json(history).dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string text;
  text.reserve(plain.size());
  for (const char c : plain) {
    if (c == '<') {
      // No text may end the element.
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

void write_html(const History& history, std::FILE* out) {
  const std::string json = history_json(history);
  const std::array<std::pair<std::string_view, std::string_view>, 3> parts = {{
      {"@STYLE@", kPageStyle},
      {"@HISTORY@", json},
      {"@SCRIPT@", kPageScript},
  }};
  std::string_view rest = kPageFrame;
  for (const auto& [mark, part] : parts) {
    const std::size_t at = rest.find(mark);
    assert(at != std::string_view::npos && "page.html has all marks, in this order");
    std::fwrite(rest.data(), 1, at, out);
    std::fwrite(part.data(), 1, part.size(), out);
    rest.remove_prefix(at + mark.size());
  }
  std::fwrite(rest.data(), 1, rest.size(), out);
}

}  // namespace meshdict::sim
