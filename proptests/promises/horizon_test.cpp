// Nodes that come back after an absence, shorter or longer than deletions are compared, and sides that both lived on: what
// was replicated and deleted stays deleted, and nothing else is lost, whatever their clocks show.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/encoding/value.h"
#include "proptests/sim/plan_gen.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

constexpr Duration kHorizon = 60s;
/// By then every node has been running for a horizon.
constexpr Duration kWrites = 75s;
/// By then each has compared with another since.
constexpr Duration kGoes = 130s;
/// Long enough to find each other and to compare.
constexpr Duration kQuiet = 120s;
constexpr int kKeys = 12;

enum class How : std::uint8_t { kKilled, kMachineDies, kAsleep, kCutOff };

struct Absence {
  NodeIndex node = 0;
  How how = How::kKilled;
  Duration from{};
  Duration until{};
};

NodePlan short_horizon(NodeIndex index, Leasing leasing) {
  NodePlan node;
  node.name = "n" + std::to_string(index + 1);
  node.leasing = leasing;
  node.lease = 12s;
  node.skew = 1s;
  node.horizon = kHorizon;
  node.clock = at(*between(-node.skew / 2, node.skew / 2));
  return node;
}

void add(Plan& plan, Duration when, Action action, std::optional<Duration> lasts = std::nullopt) {
  Step step;
  step.at = at(when);
  step.action = std::move(action);
  if (lasts) step.lasts = at(*lasts);
  plan.steps.push_back(std::move(step));
}

/// `count`: nodes that it is cut off from, and the newcomer is not among them.
void add_absence(Plan& plan, const Absence& absence, NodeIndex count) {
  const Duration lasts = absence.until - absence.from;
  switch (absence.how) {
    case How::kKilled:
    case How::kMachineDies:
      return add(plan, absence.from, CrashStep{.node = absence.node, .silent = absence.how == How::kMachineDies},
                 lasts);
    case How::kAsleep:
      return add(plan, absence.from, PauseStep{absence.node}, lasts);
    case How::kCutOff: {
      CutStep cut{.from = {absence.node}, .to = {}};
      for (NodeIndex other = 0; other < count; ++other) {
        if (other != absence.node) cut.to.push_back(other);
      }
      return add(plan, absence.from, std::move(cut), lasts);
    }
  }
}

std::string key(int number) {
  return "k" + std::to_string(number);
}

/// A mesh that knows `kKeys` keys when some of its nodes go; the others delete `deleted` of them, at any time, and each
/// that is cut off writes a key of its own.
struct Scene {
  Plan plan;
  std::set<std::string> kept;
  std::set<std::string> deleted;
};

void showValue(const Scene& scene, std::ostream& os) {
  sim::showValue(scene.plan, os);
}

/// `newcomer`: one more node starts when the last is back, and knows only one of the returning.
Scene any_scene(bool newcomer) {
  Scene scene;
  Plan& plan = scene.plan;
  plan.name = "horizon";
  const auto leasing = *rc::gen::weightedElement<Leasing>({{3, Leasing::kOn}, {1, Leasing::kOff}});
  const auto count = *rc::gen::inRange<NodeIndex>(2, 6);
  for (NodeIndex i = 0; i < count; ++i) {
    plan.nodes.push_back(short_horizon(i, leasing));
    for (NodeIndex before = 0; before < i; ++before)
      plan.nodes.back().join.push_back(before);
  }
  const auto going = *rc::gen::inRange<NodeIndex>(1, count);
  const NodeIndex staying = count - going;
  Duration back{};
  for (NodeIndex node = staying; node < count; ++node) {
    const auto how = *rc::gen::element(How::kKilled, How::kMachineDies, How::kAsleep, How::kCutOff);
    const Absence absence{
        .node = node, .how = how, .from = kGoes + *between(0s, 5s), .until = kGoes + *between(6s, 4 * kHorizon)};
    add_absence(plan, absence, count);
    back = std::max(back, absence.until);
    if (how != How::kCutOff) continue;
    const std::string own = "own" + std::to_string(node);
    add(plan, *between(absence.from + 1s, absence.until), SetStep{.node = node, .key = own, .value = own});
    scene.kept.insert(own);
  }
  for (int i = 0; i < kKeys; ++i) {
    add(plan, kWrites + *between(0s, 10s),
        SetStep{.node = *rc::gen::inRange<NodeIndex>(0, count), .key = key(i), .value = key(i)});
    scene.kept.insert(key(i));
    if (*rc::gen::arbitrary<bool>()) continue;
    // Leases are over by then.
    add(plan, *between(kGoes + 5s, back), DeleteStep{.node = *rc::gen::inRange<NodeIndex>(0, staying), .key = key(i)});
    scene.kept.erase(key(i));
    scene.deleted.insert(key(i));
  }
  if (newcomer) {
    NodePlan fresh = short_horizon(count, leasing);
    fresh.join.push_back(*rc::gen::inRange<NodeIndex>(staying, count));
    fresh.start = at(*between(back - 10s, back + 5s));
    plan.nodes.push_back(std::move(fresh));
  }
  std::ranges::stable_sort(plan.steps, {}, [](const Step& step) { return step.at.low; });
  plan.quiet = kQuiet;
  return scene;
}

/// Two sides that both live on, for shorter or longer than the horizon. Both write and delete; each key is deleted after
/// it was written on that side only, on one side or on both.
Scene any_split() {
  Scene scene;
  Plan& plan = scene.plan;
  plan.name = "split";
  const auto leasing = *rc::gen::weightedElement<Leasing>({{3, Leasing::kOn}, {1, Leasing::kOff}});
  const auto count = *rc::gen::inRange<NodeIndex>(2, 6);
  const auto first_of_second = *rc::gen::inRange<NodeIndex>(1, count);
  PartitionStep split{.groups = {{}, {}}, .reset = *rc::gen::arbitrary<bool>()};
  for (NodeIndex i = 0; i < count; ++i) {
    plan.nodes.push_back(short_horizon(i, leasing));
    for (NodeIndex before = 0; before < i; ++before)
      plan.nodes.back().join.push_back(before);
    split.groups[i < first_of_second ? 0 : 1].push_back(i);
  }
  const Duration heals = kGoes + *between(6s, 4 * kHorizon);
  add(plan, kGoes, split, heals - kGoes);
  const auto one_of = [&](int side) { return *rc::gen::elementOf(split.groups[static_cast<std::size_t>(side)]); };
  for (int i = 0; i < kKeys; ++i) {
    add(plan, kWrites + *between(0s, 10s),
        SetStep{.node = *rc::gen::inRange<NodeIndex>(0, count), .key = key(i), .value = key(i)});
    scene.kept.insert(key(i));
    for (const int side : {0, 1}) {
      if (*rc::gen::inRange(0, 3) != 0) continue;
      // Leases are over by then.
      add(plan, *between(kGoes + 5s, heals), DeleteStep{.node = one_of(side), .key = key(i)});
      scene.kept.erase(key(i));
      scene.deleted.insert(key(i));
    }
  }
  for (const int side : {0, 1}) {
    const std::string own = "own" + std::to_string(side);
    add(plan, *between(kGoes + 1s, heals), SetStep{.node = one_of(side), .key = own, .value = own});
    scene.kept.insert(own);
  }
  std::ranges::stable_sort(plan.steps, {}, [](const Step& step) { return step.at.low; });
  plan.quiet = kQuiet;
  return scene;
}

/// A member with nothing, whose machine believes in 1970 for a minute, has been running alone when those come back that have
/// the keys, with clocks that were wrong by a week meanwhile. Nobody deletes anything.
Scene any_clocks() {
  Scene scene;
  Plan& plan = scene.plan;
  plan.name = "clocks";
  const auto leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff);
  const auto empty = *rc::gen::inRange<NodeIndex>(1, 4);
  Duration back{};
  for (NodeIndex i = 0; i <= empty; ++i) {
    plan.nodes.push_back(short_horizon(i, leasing));
    for (NodeIndex before = 0; before < i; ++before)
      plan.nodes.back().join.push_back(before);
  }
  for (NodeIndex i = 0; i < empty; ++i) {
    const auto how = *rc::gen::element(How::kKilled, How::kMachineDies, How::kAsleep);
    const Absence absence{
        .node = i, .how = how, .from = kGoes + *between(0s, 5s), .until = kGoes + *between(6s, 4 * kHorizon)};
    add_absence(plan, absence, empty + 1);
    back = std::max(back, absence.until);
  }
  for (int i = 0; i < kKeys; ++i) {
    add(plan, kWrites + *between(0s, 10s),
        SetStep{.node = *rc::gen::inRange<NodeIndex>(0, empty), .key = key(i), .value = key(i)});
    scene.kept.insert(key(i));
  }
  const Duration since_1970 = kEpoch.time_since_epoch();
  plan.nodes[empty].clock = at(-since_1970);
  plan.nodes[empty].start = at(kGoes + *between(0s, 10s));
  add(plan, plan.nodes[empty].start.low + *between(1s, 60s), ClockStep{.node = empty, .jump = since_1970});
  const auto wrong = *rc::gen::inRange<NodeIndex>(0, empty);
  const Duration week = *rc::gen::element<Duration>(-168h, 168h);
  const Duration from = *between(kGoes + 6s, back);
  add(plan, from, ClockStep{.node = wrong, .jump = week});
  add(plan, from + *between(1s, kHorizon), ClockStep{.node = wrong, .jump = -week});
  std::ranges::stable_sort(plan.steps, {}, [](const Step& step) { return step.at.low; });
  plan.quiet = kQuiet;
  return scene;
}

/// `checked`: of the promises that the simulator watches.
void play(const Scene& scene, std::vector<Property> checked) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Plan plan = expand(scene.plan, seed);
  plan.check = std::move(checked);
  World world(plan, seed, {.transcript = nullptr, .sanity_every = 50});
  world.run_until(world.end());
  for (const auto& host : world.hosts()) {
    const Dictionary& dictionary = host->engine().dictionary();
    for (const std::string& each : scene.deleted)
      if (dictionary.find(each)) RC_FAIL(each + " is back at " + host->plan().name);
    for (const std::string& each : scene.kept) {
      const auto record = dictionary.find(each);
      if (!record) RC_FAIL(each + " is missing at " + host->plan().name);
      RC_ASSERT(client_text(record->value) == each);
    }
    RC_ASSERT(dictionary.size() == scene.kept.size());
    RC_ASSERT(host->engine().stats().keys_returned == 0U);
  }
  for (const Violation& violation : world.finish().violations)
    RC_FAIL(violation.property + ": " + violation.what);
}

const std::vector<Property> kOfRecords = {Property::kS1, Property::kS2, Property::kS6, Property::kS7};

RC_GTEST_PROP(Horizon, ReplicatedAndDeletedKeysDoNotReturn, ()) {
  play(*rc::gen::exec([] { return any_scene(false); }), kOfRecords);
}

RC_GTEST_PROP(Horizon, NorDoTheyByWayOfANewcomer, ()) {
  play(*rc::gen::exec([] { return any_scene(true); }), kOfRecords);
}

RC_GTEST_PROP(Horizon, NorDoTheyWhenBothSidesLiveOn, ()) {
  play(*rc::gen::exec([] { return any_split(); }), kOfRecords);
}

RC_GTEST_PROP(Horizon, NoClockDeletesAnything, ()) {
  play(*rc::gen::exec([] { return any_clocks(); }), {});
}

}  // namespace
}  // namespace meshdict::test
