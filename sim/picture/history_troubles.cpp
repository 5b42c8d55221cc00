#include "sim/picture/history_troubles.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "sim/plan/yaml/reader.h"

namespace meshdict::sim {
namespace {

std::string scalar(const YAML::Node& arguments, const char* name) {
  const YAML::Node value = arguments[name];
  return value && value.IsScalar() ? value.Scalar() : "";
}

std::string list(const YAML::Node& arguments, const char* name) {
  std::vector<std::string> names;
  for (const YAML::Node& item : arguments[name])
    names.push_back(item.Scalar());
  return fmt::format("{}", fmt::join(names, " "));
}

/// Slots of cuts; the second begins as the first does, so that all are found behind it.
const std::string kCut = "cut ";
const std::string kCutOneWay = "cut one way ";

std::string sides(const YAML::Node& arguments) {
  return list(arguments, "from") + " / " + list(arguments, "to");
}

}  // namespace

void TroubleTracker::begin(const std::string& slot, const std::string& what, const std::vector<NodeIndex>& nodes,
                           Duration at) {
  end(slot, at);
  open_.emplace(slot, troubles_.size());
  troubles_.push_back({what, nodes, at, Duration::max()});
}

void TroubleTracker::end(const std::string& slot, Duration at) {
  const auto open = open_.find(slot);
  if (open == open_.end()) return;
  troubles_[open->second].until = at;
  open_.erase(open);
}

// A jump lasts until others have taken it back, a rate until it is 0.
void TroubleTracker::clock(const std::string& slot, const YAML::Node& arguments, const std::vector<NodeIndex>& nodes,
                           Duration at) {
  if (const std::string rate = scalar(arguments, "rate"); rate == "0ppm") {
    end(slot + " rate", at);
  } else if (!rate.empty()) {
    begin(slot + " rate", "clock " + rate, nodes, at);
  }
  if (const auto jump = parse_duration(scalar(arguments, "jump"))) {
    std::int64_t& sum = jumped_us_[slot];
    sum += jump->count();
    if (sum == 0) return end(slot + " jump", at);
    const std::int64_t whole_ms = sum / 1000;
    begin(slot + " jump", fmt::format("clock {}{} ms", sum > 0 ? "+" : "", whole_ms), nodes, at);
  }
}

void TroubleTracker::step(const std::string& verb, const YAML::Node& arguments, const std::vector<NodeIndex>& nodes,
                          Duration at) {
  if (!arguments.IsMap()) return;
  const std::string slot = fmt::format("{} {}", verb, scalar(arguments, "node"));
  if (verb == "pause") {
    begin(slot, "paused", nodes, at);
  } else if (verb == "resume" || verb == "crash") {
    end("pause " + scalar(arguments, "node"), at);
  } else if (verb == "cut") {
    const std::string what = (scalar(arguments, "one_way").empty() ? kCut : kCutOneWay) + sides(arguments);
    begin(what, what, nodes, at);
  } else if (verb == "mend") {
    const std::string one_way = scalar(arguments, "one_way");
    if (one_way != "off") end(kCutOneWay + sides(arguments), at);
    if (one_way != "on") end(kCut + sides(arguments), at);
  } else if (verb == "heal" && scalar(arguments, "cuts") != "off") {
    const auto first = open_.lower_bound(kCut);
    for (auto open = first; open != open_.end() && open->first.starts_with(kCut);)
      end((open++)->first, at);
  } else if (verb == "dials") {
    const std::string are = scalar(arguments, "are");
    are == "taken" ? end(slot, at) : begin(slot, "dials " + are, nodes, at);
  } else if (verb == "slow_reader") {
    const std::string rate = scalar(arguments, "rate");
    rate == "unlimited" ? end(slot, at) : begin(slot, "reads " + rate, nodes, at);
  } else if (verb == "disk") {
    if (const std::string full = scalar(arguments, "full"); !full.empty()) {
      full == "off" ? end(slot + " full", at) : begin(slot + " full", "disk full", nodes, at);
    }
    if (const auto delay = parse_duration(scalar(arguments, "delay"))) {
      const std::string what = fmt::format("disk {} ms late", delay->count() / 1000);
      *delay == Duration{} ? end(slot + " delay", at) : begin(slot + " delay", what, nodes, at);
    }
  } else if (verb == "clock") {
    clock(slot, arguments, nodes, at);
  }
}

void TroubleTracker::finish(Duration end) {
  for (Trouble& trouble : troubles_)
    trouble.until = std::min(trouble.until, end);
}

}  // namespace meshdict::sim
