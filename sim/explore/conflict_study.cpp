#include "sim/explore/conflict_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <utility>

#include "core/base/random.h"
#include "sim/explore/small_world.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

constexpr Duration kRedialPause = 250ms;
constexpr Duration kDeadFor = 500ms;
constexpr std::uint32_t kMany = 1'000'000;

SmallPlan plan_of(const StudyCase& what, Rule rule) {
  SmallPlan plan{.nodes = {}, .dials = {}, .faults = {}, .rule = rule, .reduced = false};
  for (NodeIndex node = 0; node < what.nodes; ++node)
    plan.nodes.push_back(fmt::format("n{}", node + 1));
  for (NodeIndex from = 0; from < what.nodes; ++from) {
    for (NodeIndex to = 0; to < what.nodes; ++to) {
      for (std::uint32_t i = 0; i < what.dials && from != to; ++i)
        plan.dials.push_back({.from = from, .to = to});
    }
  }
  plan.faults = {.reset = kMany, .half_open = kMany, .crash = kMany, .late = 0, .in_all = kMany};
  return plan;
}

class Run final : public Delays {
 public:
  Run(const StudyCase& what, Rule rule, std::uint64_t seed);

  StudyRun run();
  Duration draw(NodeIndex from, NodeIndex to) override;

 private:
  using Pair = std::pair<NodeIndex, NodeIndex>;

  [[nodiscard]] std::optional<std::pair<Duration, Choice>> next_arrival() const;
  [[nodiscard]] std::optional<Choice> choose_fault();
  void apply(const Choice& choice);
  void look_at(NodeIndex node, NodeIndex peer);
  void tick();
  [[nodiscard]] StudyRun judge() const;

  const StudyCase what_;
  RandomStream schedule_;
  RandomStream noise_;
  SmallPlan plan_;
  std::vector<Duration> latencies_;
  std::multimap<Duration, Choice> planned_;  // dials, restarts, redials
  std::optional<Duration> fault_at_;
  std::map<Pair, std::optional<ItemName>> used_;
  std::map<Pair, Duration> redials_;
  Duration settled_{};
  SmallWorld world_;
};

Run::Run(const StudyCase& what, Rule rule, std::uint64_t seed)
    : what_(what),
      schedule_(derive_seed(seed, "study")),
      noise_(derive_seed(seed, "noise")),
      plan_(plan_of(what, rule)),
      world_(plan_, seed, this) {
  latencies_.resize(std::size_t{what.nodes} * what.nodes);
  for (NodeIndex a = 0; a < what.nodes; ++a) {
    for (NodeIndex b = a + 1; b < what.nodes; ++b) {
      const Duration latency = Duration(schedule_.between(1'000, 30'000));
      latencies_[a * what.nodes + b] = latency;
      latencies_[b * what.nodes + a] = latency;
    }
  }
  for (const Course& dial : plan_.dials) {
    const Duration when = Duration(schedule_.between(0, 5'000));
    planned_.emplace(when, Choice{.act = Act::kDial, .node = dial.from, .peer = dial.to});
  }
  if (what.fault != StudyFault::kNone) fault_at_ = Duration(schedule_.between(0, 200'000));
}

Duration Run::draw(NodeIndex from, NodeIndex to) {
  return latencies_[from * what_.nodes + to] + Duration(noise_.between(0, 10'000));
}

/// The next thing that arrives, or that was planned.
std::optional<std::pair<Duration, Choice>> Run::next_arrival() const {
  std::optional<std::pair<Duration, Choice>> next;
  const auto consider = [&](Duration when, const Choice& choice) {
    when = std::max(when, world_.now());
    if (!next || when < next->first) next = std::pair(when, choice);
  };
  if (!planned_.empty()) consider(planned_.begin()->first, planned_.begin()->second);
  for (const SmallWorld::Wire& wire : world_.wires().all()) {
    const SmallWorld::Side& acceptor = wire.sides[1];
    if (acceptor.state == SmallWorld::SideState::kWaiting && world_.up(acceptor.node)) {
      consider(wire.dial_arrives, {.act = Act::kAccept, .node = acceptor.node, .item = wire.name});
    }
    for (const SmallWorld::Side& side : wire.sides) {
      if (side.inbox.empty() || !world_.up(side.node)) continue;
      consider(side.inbox.front().arrives, {.act = Act::kDeliver, .node = side.node, .item = wire.name});
    }
  }
  return next;
}

/// One that is possible now; nothing when there is no connection to break.
std::optional<Choice> Run::choose_fault() {
  const Act wanted = what_.fault == StudyFault::kCrash   ? Act::kCrash
                     : what_.fault == StudyFault::kReset ? Act::kReset
                                                         : Act::kHalfOpen;
  std::vector<Choice> possible = world_.choices();
  std::erase_if(possible, [&](const Choice& choice) { return choice.act != wanted; });
  if (possible.empty()) return std::nullopt;
  return possible[static_cast<std::size_t>(schedule_.below(possible.size()))];
}

void Run::apply(const Choice& choice) {
  NodeIndex other = choice.peer;
  if (choice.act == Act::kAccept || choice.act == Act::kDeliver || choice.act == Act::kReset ||
      choice.act == Act::kHalfOpen) {
    const auto& sides = world_.wires().at(choice.item).sides;
    other = sides[0].node == choice.node ? sides[1].node : sides[0].node;
  }
  world_.apply(choice);
  if (choice.act == Act::kTick || choice.act == Act::kCrash || choice.act == Act::kRestart) {
    for (NodeIndex peer = 0; peer < what_.nodes; ++peer) {
      if (peer != choice.node) look_at(choice.node, peer);
    }
  } else {
    look_at(choice.node, other);
  }
}

/// Notes what two nodes use, and whether one has to dial again.
void Run::look_at(NodeIndex node, NodeIndex peer) {
  for (const auto& [from, to] : {Pair(node, peer), Pair(peer, node)}) {
    const auto now = world_.used(from, to);
    auto& before = used_[{from, to}];
    if (now != before) settled_ = world_.now();
    before = now;
    if (!world_.may_redial(from, to) || redials_.contains({from, to})) continue;
    redials_[{from, to}] = world_.now();
    planned_.emplace(world_.now() + kRedialPause, Choice{.act = Act::kRedial, .node = from, .peer = to});
  }
}

void Run::tick() {
  for (NodeIndex node = 0; node < what_.nodes; ++node) {
    if (world_.due(node)) apply({.act = Act::kTick, .node = node});
  }
}

StudyRun Run::run() {
  while (true) {
    const auto next = next_arrival();
    const Duration deadline = world_.next_deadline();
    if (!next && !fault_at_ && (deadline == Duration::max() || world_.at_rest())) break;
    const Duration arrival = next ? next->first : Duration::max();
    const Duration fault = fault_at_.value_or(Duration::max());
    const Duration now = std::min({arrival, deadline, fault});
    if (now > sim_limits::kMaxStudyRun) break;
    world_.advance_to(std::max(now, world_.now()));
    if (fault_at_ && fault <= now) {
      fault_at_.reset();
      const auto choice = choose_fault();
      if (!choice) continue;
      apply(*choice);
      if (choice->act == Act::kCrash) {
        planned_.emplace(now + kDeadFor, Choice{.act = Act::kRestart, .node = choice->node});
      }
    } else if (arrival <= now) {
      const Choice choice = next->second;
      const bool planned = !planned_.empty() && planned_.begin()->second == choice;
      if (planned) planned_.erase(planned_.begin());
      if (choice.act == Act::kDial && !world_.up(choice.node)) {
        planned_.emplace(now + kDeadFor, choice);
        continue;
      }
      if (choice.act == Act::kRedial) {
        redials_.erase({choice.node, choice.peer});
        if (!world_.may_redial(choice.node, choice.peer)) continue;
      }
      apply(choice);
    } else {
      tick();
    }
  }
  return judge();
}

StudyRun Run::judge() const {
  StudyRun result;
  std::vector<bool> linked(what_.nodes, false);
  for (NodeIndex a = 0; a < what_.nodes; ++a) {
    for (NodeIndex b = a + 1; b < what_.nodes; ++b) {
      ++result.pairs;
      const std::size_t open = world_.open_between(a, b);
      if (open > 1) result.duplicates += open - 1;
      if (!world_.reaches(a, b) || !world_.reaches(b, a)) continue;
      ++result.linked;
      linked[a] = true;
      linked[b] = true;
    }
  }
  result.alone = static_cast<std::uint64_t>(std::ranges::count(linked, false));
  result.settled = settled_;
  return result;
}

}  // namespace

StudyRun study(const StudyCase& what, Rule rule, std::uint64_t seed) {
  return Run(what, rule, seed).run();
}

std::string text_of(const StudyCase& what) {
  constexpr std::array<std::string_view, 4> kWords = {"none", "crash", "reset", "half-open"};
  return fmt::format("{:>5}  {:>5}  {:<9}", what.nodes, what.dials, kWords[static_cast<std::size_t>(what.fault)]);
}

std::vector<StudyCase> study_cases() {
  std::vector<StudyCase> cases;
  for (const std::uint32_t nodes : {2U, 3U, 5U, 20U}) {
    for (const std::uint32_t dials : {1U, 2U}) {
      for (const StudyFault fault :
           {StudyFault::kNone, StudyFault::kCrash, StudyFault::kReset, StudyFault::kHalfOpen}) {
        cases.push_back({.nodes = nodes, .dials = dials, .fault = fault});
      }
    }
  }
  return cases;
}

}  // namespace meshdict::sim
