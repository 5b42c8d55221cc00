#include "sim/explore/claim_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>
#include <tuple>
#include <utility>

#include "sim/explore/claim_judge.h"
#include "sim/explore/claim_node.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

auto place_of(const MadeRecordPtr& record, NodeIndex to) {
  return std::tuple(record->name, digest_of(record->version), to);
}

}  // namespace

ClaimWorld::ClaimWorld(const ClaimPlan& plan)
    : plan_(plan),
      writes_left_(plan.writes),
      deletes_left_(plan.deletes),
      made_(plan.nodes.size()),
      in_turn_(plan.nodes.size()) {
  writes_left_.resize(plan.nodes.size());
  deletes_left_.resize(plan.nodes.size());
  for (NodeIndex node = 0; node < plan.nodes.size(); ++node)
    nodes_.push_back(std::make_shared<ClaimNode>(node));
}

ClaimWorld::ClaimWorld(const ClaimWorld& other) = default;
ClaimWorld::~ClaimWorld() = default;

/// Worlds share a node until one of them does something with it.
ClaimNode& ClaimWorld::change(NodeIndex node) {
  auto& shared = nodes_[node];
  if (shared.use_count() > 1) shared = std::make_shared<ClaimNode>(*shared);
  return *shared;
}

// What can happen

bool ClaimWorld::all_heard() const {
  return flights_.empty() && std::ranges::none_of(in_turn_, std::identity());
}

bool ClaimWorld::all_alike() const {
  return std::ranges::all_of(nodes_, [&](const auto& node) { return node->shown() == nodes_.front()->shown(); });
}

bool ClaimWorld::at_rest() const {
  return all_heard() && all_alike();
}

void ClaimWorld::add_arrivals(std::vector<Choice>& found) const {
  for (const Flight& flight : flights_) {
    const Choice choice{.act = Act::kDeliver, .node = flight.to, .peer = 0, .item = flight.record->name};
    if (found.empty() || found.back() != choice) found.push_back(choice);
  }
  const auto count = static_cast<NodeIndex>(nodes_.size());
  for (NodeIndex node = 0; node < count; ++node) {
    if (in_turn_[node]) found.push_back({.act = Act::kTurn, .node = node});
  }
  if (!all_heard()) return;
  for (NodeIndex a = 0; a < count; ++a) {
    for (NodeIndex b = a + 1; b < count; ++b) {
      if (nodes_[a]->shown() != nodes_[b]->shown()) found.push_back({.act = Act::kCompare, .node = a, .peer = b});
    }
  }
}

std::vector<Choice> ClaimWorld::choices() const {
  std::vector<Choice> found;
  add_arrivals(found);
  const auto count = static_cast<NodeIndex>(nodes_.size());
  for (NodeIndex node = 0; node < count; ++node) {
    if (writes_left_[node] > 0) found.push_back({.act = Act::kWrite, .node = node});
    if (deletes_left_[node] > 0) found.push_back({.act = Act::kErase, .node = node});
  }
  if (pauses_ < plan_.pauses.size()) found.push_back({.act = Act::kTime});
  add_faults(found);
  return found;
}

void ClaimWorld::add_faults(std::vector<Choice>& found) const {
  const auto of_flights = [&](Act act) {
    for (const Flight& flight : flights_) {
      const Choice choice{.act = act, .node = flight.to, .peer = 0, .item = flight.record->name};
      if (found.empty() || found.back() != choice) found.push_back(choice);
    }
  };
  if (spent_.lose < plan_.faults.lose) of_flights(Act::kLose);
  if (spent_.repeat < plan_.faults.repeat) of_flights(Act::kRepeat);
  if (spent_.restart >= plan_.faults.restart) return;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    if (!in_turn_[node]) found.push_back({.act = Act::kRestart, .node = node});
  }
}

// Making it so

std::vector<ClaimWorld::Flight>::const_iterator ClaimWorld::find(const Choice& choice) const {
  return std::ranges::find_if(
      flights_, [&](const Flight& flight) { return flight.record->name == choice.item && flight.to == choice.node; });
}

void ClaimWorld::apply(const Choice& choice) {
  switch (choice.act) {
    case Act::kWrite:
    case Act::kErase:
      return write(choice.node, choice.act == Act::kErase);
    case Act::kTurn:
      return end_turn(choice.node);
    case Act::kCompare:
      return compare(choice.node, choice.peer);
    case Act::kTime:
      now_ += plan_.pauses[pauses_++];
      return;
    case Act::kRestart:
      ++spent_.restart;
      change(choice.node).restart(now_);
      return;
    default:
      break;
  }
  const auto found = find(choice);
  assert(found != flights_.end());
  const MadeRecordPtr record = found->record;
  spent_.lose += choice.act == Act::kLose ? 1 : 0;
  spent_.repeat += choice.act == Act::kRepeat ? 1 : 0;
  if (choice.act != Act::kRepeat) flights_.erase(found);
  if (choice.act != Act::kLose) hear(choice.node, record);
}

MadeRecordPtr ClaimWorld::make(NodeIndex writer, const ClaimShown& shown) {
  const ItemName name{.of = writer, .count = ++made_[writer]};
  return std::make_shared<const MadeRecord>(name, shown.value, shown.version);
}

void ClaimWorld::send_to_others(NodeIndex from, const MadeRecordPtr& record) {
  for (NodeIndex to = 0; to < nodes_.size(); ++to) {
    if (to == from) continue;
    const auto place = [](const Flight& flight) { return place_of(flight.record, flight.to); };
    flights_.insert(std::ranges::lower_bound(flights_, place_of(record, to), {}, place), {.record = record, .to = to});
  }
}

void ClaimWorld::write(NodeIndex node, bool deletes) {
  --(deletes ? deletes_left_ : writes_left_)[node];
  ClaimNode& writer = change(node);
  Judge judge(*this, node);
  const ClaimNode::Outcome outcome = deletes ? writer.erase(now_) : writer.write(now_);
  judge.wrote(deletes, outcome);
  if (outcome.refused || !writer.shown()) return;
  acknowledged_.push_back(make(node, *writer.shown()));
  send_to_others(node, acknowledged_.back());
}

void ClaimWorld::hear(NodeIndex node, const MadeRecordPtr& record) {
  ClaimNode& hearer = change(node);
  const auto before = hearer.shown();
  Judge judge(*this, node);
  judge.heard(*record, hearer.hear(now_, record));
  const bool anew = hearer.shown() && hearer.shown() != before && hearer.shown()->version.owner == hearer.id() &&
                    hearer.shown()->version != record->version;
  if (anew) in_turn_[node] = true;
}

void ClaimWorld::end_turn(NodeIndex node) {
  in_turn_[node] = false;
  ClaimNode& sender = change(node);
  Judge judge(*this, node);
  const ClaimNode::Outcome outcome = sender.end_turn(now_);
  judge.ended_turn(outcome);
  for (const ClaimNode::Shown& sent : outcome.sends)
    send_to_others(node, make(node, sent));
}

void ClaimWorld::compare(NodeIndex a, NodeIndex b) {
  const auto of_a = nodes_[a]->shown();
  const auto of_b = nodes_[b]->shown();
  const auto tell = [&](NodeIndex from, const std::optional<ClaimNode::Shown>& shown, NodeIndex to) {
    if (shown)
      hear(to, std::make_shared<const MadeRecord>(ItemName{.of = from, .count = 0}, shown->value, shown->version));
  };
  tell(a, of_a, b);
  tell(b, of_b, a);
  if (nodes_[a]->shown() == of_a && nodes_[b]->shown() == of_b) {
    misdeeds_.push_back(fmt::format("{} and {} differ, and comparing changes nothing", plan_.nodes[a], plan_.nodes[b]));
  }
}

// Views

std::uint64_t ClaimWorld::digest() const {
  TraceHash hash;
  for (const auto& node : nodes_)
    hash.add(node->digest());
  hash.add(flights_.size());
  for (const Flight& flight : flights_) {
    hash.add(std::uint64_t{flight.record->name.of} << 32 | flight.record->name.count);
    hash.add(digest_of(flight.record->version));
    hash.add(flight.to);
  }
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    hash.add(std::uint64_t{writes_left_[node]} << 32 | deletes_left_[node]);
    hash.add(static_cast<std::uint64_t>(in_turn_[node]));
  }
  hash.add(pauses_);
  for (const std::uint32_t count : {spent_.lose, spent_.repeat, spent_.restart})
    hash.add(count);
  hash.add(misdeeds_.size());
  return hash.value();
}

std::string ClaimWorld::describe(const Choice& choice) const {
  if (choice.act == Act::kTime) return fmt::format("to {} s", seconds_text(now_ + plan_.pauses[pauses_]));
  const bool of_flight = choice.act == Act::kDeliver || choice.act == Act::kLose || choice.act == Act::kRepeat;
  if (!of_flight) return {};
  const Version& version = find(choice)->record->version;
  return fmt::format("{} of epoch {}", is_visible(version) ? "a value" : "a deletion",
                     std::to_underlying(version.epoch));
}

std::string ClaimWorld::look() const {
  const auto& shown = nodes_.front()->shown();
  if (!shown) return "nothing";
  const auto owner = std::ranges::find_if(nodes_, [&](const auto& node) { return node->id() == shown->version.owner; });
  return fmt::format("{} of {}, epoch {}", is_visible(shown->version) ? "a value" : "a deletion",
                     plan_.nodes[static_cast<std::size_t>(owner - nodes_.begin())],
                     std::to_underlying(shown->version.epoch));
}

}  // namespace meshdict::sim
