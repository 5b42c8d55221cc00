// Plans: how they are read, what their mistakes are told as, and what they leave to the seed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proptests/sim/plan_gen.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/network.h"
#include "sim/machines/ring.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/reader.h"
#include "sim/plan/yaml/writer.h"
#include "sim/runs/report.h"
#include "sim/runs/runner.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

using ::testing::ElementsAre;

using testing::TestWithParam;

RC_GTEST_PROP(Plan, AsYamlGivesTheSameRun, ()) {
  const sim::Plan plan = *any_plan(4, true);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const sim::Plan drawn = expand(plan, seed);
  const auto read = load_plan(to_yaml(drawn), "drawn");
  RC_ASSERT(read.has_value());
  RC_ASSERT(run_plan(*read, seed).trace == run_plan(plan, seed).trace);
}

TEST(Plan, AsYamlSaysWhatACrashLeavesOfTheDisk) {
  const auto plan = load_plan("nodes: [ana]\nsteps:\n- at: 1s\n  crash: {node: ana, for: 1s, disk: lost}\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto read = load_plan(to_yaml(expand(*plan, 1)), "drawn");
  ASSERT_TRUE(read.has_value()) << read.error().front();
  const auto* restart = std::get_if<RestartStep>(&read->steps.back().action);
  ASSERT_NE(restart, nullptr);
  EXPECT_EQ(restart->disk, DiskLeft::kNothing);
}

TEST(Plan, LeavesWhatItDoesNotSayToTheSeed) {
  const auto plan = load_plan("nodes: 5\njoin: random 2\nsteps:\n- at: 1s..9s\n  heal:\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto time_of_heal = [&](std::uint64_t seed) { return expand(*plan, seed).steps.back().at.low; };
  EXPECT_EQ(time_of_heal(1), time_of_heal(1));
  EXPECT_NE(time_of_heal(1), time_of_heal(2));
  const sim::Plan drawn = expand(*plan, 1);
  EXPECT_EQ(drawn.nodes[0].join.size(), 0U);
  EXPECT_EQ(drawn.nodes[1].join.size(), 1U);
  EXPECT_EQ(drawn.nodes[4].join.size(), 2U);
}

TEST(Plan, AWorkloadHasItsRate) {
  const auto plan = load_plan(
      "nodes: 3\nworkload: {sets_per_second: 7, broadcasts_per_second: 2, from: 1s, until: 11s, keys: 3}\n", "p");
  ASSERT_TRUE(plan.has_value());
  std::map<std::string_view, int> count;
  for (const Step& step : expand(*plan, 1).steps) {
    ++count[verb(step.action)];
    if (verb(step.action) == "start") continue;
    EXPECT_TRUE(1s <= step.at.low && step.at.low < 11s);
  }
  EXPECT_EQ(count["set"], 70);
  EXPECT_EQ(count["broadcast"], 20);
}

/// Each step of a two-node plan, as "time verb"; a partition with its first group.
std::vector<std::string> steps_of(const std::string& yaml) {
  const auto plan = load_plan("nodes: [ana, bob]\nsteps:\n" + yaml, "plan.yaml");
  if (!plan) return {"mistaken: " + plan.error().front()};
  std::vector<std::string> steps;
  for (const Step& step : expand(*plan, 1).steps) {
    if (!std::holds_alternative<StartStep>(step.action)) {
      steps.push_back(seconds_text(step.at.low) + " " + std::string(verb(step.action)));
    }
  }
  return steps;
}

TEST(Plan, AFaultThatLastsEndsItselfOnly) {
  EXPECT_THAT(steps_of("  - {at: 10s, partition: {groups: [[ana], [bob]], for: 20s}}\n"
                       "  - {at: 20s, partition: {groups: [[ana], [bob]], for: 60s}}\n"),
              ElementsAre("10.000000 partition", "20.000000 partition", "80.000000 heal"));
  EXPECT_THAT(steps_of("  - {at: 10s, partition: {groups: [[ana], [bob]], for: 60s, reset: on}}\n"
                       "  - {at: 20s, partition: {groups: [[ana, bob]], for: 10s}}\n"),
              ElementsAre("10.000000 partition", "20.000000 partition", "30.000000 partition", "70.000000 heal"));
  EXPECT_THAT(steps_of("  - {at: 10s, crash: {node: ana, for: 20s}}\n  - {at: 15s, crash: {node: ana, for: 5s}}\n"),
              ElementsAre("10.000000 crash", "15.000000 crash", "30.000000 restart"));
  EXPECT_THAT(steps_of("  - {at: 10s, pause: {node: ana, for: 20s}}\n  - {at: 15s, pause: {node: ana, for: 50s}}\n"),
              ElementsAre("10.000000 pause", "15.000000 pause", "65.000000 resume"));
  EXPECT_THAT(
      steps_of(
          "  - {at: 10s, cut: {from: ana, to: bob, for: 20s}}\n  - {at: 15s, cut: {from: ana, to: bob, for: 5s}}\n"),
      ElementsAre("10.000000 cut", "15.000000 cut", "30.000000 mend"));
  EXPECT_THAT(steps_of("  - {at: 10s, dials: {node: ana, are: refused, for: 20s}}\n"
                       "  - {at: 15s, dials: {node: ana, are: lost, for: 5s}}\n"),
              ElementsAre("10.000000 dials", "15.000000 dials", "20.000000 dials", "30.000000 dials"));
  EXPECT_THAT(steps_of("  - {at: 10s, disk: {node: ana, full: on, for: 20s}}\n"
                       "  - {at: 15s, disk: {node: ana, full: on, delay: 5ms, for: 50s}}\n"),
              ElementsAre("10.000000 disk", "15.000000 disk", "65.000000 disk"));
  // What is set for good is not ended by what came before it.
  EXPECT_THAT(steps_of("  - {at: 10s, crash: {node: ana, for: 20s}}\n  - {at: 15s, restart: {node: ana}}\n"),
              ElementsAre("10.000000 crash", "15.000000 restart"));
}

TEST(Plan, TimesAreExact) {
  EXPECT_EQ(parse_duration("250us"), Duration(250us));
  EXPECT_EQ(parse_duration("1.5s"), Duration(1500ms));
  EXPECT_EQ(parse_duration("0.000001s"), Duration(1us));
  EXPECT_EQ(parse_duration("-2min"), Duration(-120s));
  EXPECT_EQ(parse_duration("0"), Duration(0s));
  for (const char* bad :
       {"", "5", "s", "5 s", "1.s", ".5s", "1.2.3s", "1.0000001s", "0.5us", "1e3s", "99999999999h", "5ms ", "--5s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

// Mistakes in plans: each is reported with its place and what was expected.

struct Mistake {
  const char* name;
  const char* yaml;
  const char* report;
};
void PrintTo(const Mistake& mistake, std::ostream* os) {
  *os << mistake.name;
}

class PlanMistakes : public TestWithParam<Mistake> {};

TEST_P(PlanMistakes, AreReportedWithLineColumnAndExpectation) {
  const auto plan = load_plan(GetParam().yaml, "f.yaml");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().front(), GetParam().report);
}

const Mistake kMistakes[] = {
    {"UnknownKey", "nodes: 2\nquite: 5s\n",
     "f.yaml:2:1: 'quite' is no key of the plan, expected 'quiet'; all are settings, start, nodes, join, network, "
     "steps, workload, nemesis, programs_until, quiet, strict or check"},
    {"UnknownStepKey", "nodes: [a]\nsteps:\n  - at: 1s\n    set: {node: a, kay: k, value: v}\n",
     "f.yaml:4:20: 'kay' is no key of 'set', expected 'key'; all are node, key, value, count, key_size, value_size, "
     "wait, waited, within, expect or owner"},
    {"UnknownVerb", "nodes: [a]\nsteps:\n  - at: 1s\n    sett: {node: a}\n",
     "f.yaml:4:5: 'sett' is no key of a step, expected 'set'; all are at, after, when, repeat, may_idle, set, delete, "
     "broadcast, whisper, connect, disconnect, stop, crash, restart, clone, pause, resume, disk, clock, partition or "
     "..."},
    {"TwoVerbs", "nodes: [a]\nsteps:\n  - heal:\n    stop: {node: a}\n",
     "f.yaml:4:5: a step has both 'stop' and 'heal', expected one"},
    {"NoVerb", "nodes: [a]\nsteps:\n  - at: 1s\n",
     "f.yaml:3:5: a step does nothing, expected one of set, delete, broadcast, whisper, connect, disconnect, stop, "
     "crash, restart, clone, pause, resume, disk, clock, partition, cut, mend, heal, reset, half_open, dials, "
     "cross_dial, storm, slow_reader, tamper, link, expect, mark, release, break, leave or remove"},
    {"NoUnit", "nodes: 2\nquiet: 50\n",
     "f.yaml:2:8: '50' is no time, expected a time such as 250us, 5ms, 1.5s, 2min or 1h"},
    {"WrongUnit", "nodes: 2\nnetwork: {latency: 5msec}\n",
     "f.yaml:2:20: '5msec' is no time, expected a time such as 250us, 5ms, 1.5s, 2min or 1h, or a range such as "
     "5ms..40ms"},
    {"BackwardRange", "nodes: 2\nstart: 2s..1s\n",
     "f.yaml:2:8: '2s..1s' runs backwards, expected the smaller time first"},
    {"NegativeTime", "nodes: 2\nstart: -1s\n",
     "f.yaml:2:8: '-1s' is no time, expected a time such as 250us, 5ms, 1.5s, 2min or 1h, or a range such as "
     "5ms..40ms"},
    {"UnknownNode", "nodes: [ana, bob]\nsteps:\n  - at: 1s\n    stop: {node: bop}\n",
     "f.yaml:4:18: 'bop' is no node, expected 'bob'; all are ana or bob"},
    {"UnknownJoin", "nodes: 2\njoin: ring\n",
     "f.yaml:2:7: 'ring' is no topology, expected none, chain, star or a form such as 'random 3'"},
    {"MistypedJoin", "nodes: 2\njoin: chian\n",
     "f.yaml:2:7: 'chian' is no topology, expected 'chain'; all are none, chain, star or a form such as 'random 3'"},
    {"SameNameTwice", "nodes: [ana, ana]\n", "f.yaml:1:14: there is a node 'ana' already, expected another name"},
    {"BadName", "nodes: [a b]\n",
     "f.yaml:1:9: 'a b' is no name for a node, expected 1 to 64 letters, digits, '_' and '-', and not 'all'"},
    {"NoNodes", "steps: []\n", "f.yaml:1:1: the plan lacks a key, expected 'nodes'"},
    {"ZeroNodes", "nodes: 0\n", "f.yaml:1:8: '0' is no count, expected a whole number from 1 to 100000"},
    {"WrongType", "nodes: 2\nquiet: [1s]\n",
     "f.yaml:2:8: this is a list, expected a time such as 250us, 5ms, 1.5s, 2min or 1h"},
    {"KeyTwice", "nodes: 2\nquiet: 1s\nquiet: 2s\n",
     "f.yaml:3:1: 'quiet' is there twice, expected it once in the plan"},
    {"UnknownProperty", "nodes: 2\ncheck: [S1, S9]\n",
     "f.yaml:2:13: 'S9' is no property, expected 'S1'; all are S1, S2, S3, S4, S5, S6, S7, S8, lease, "
     "wait, disk, C1, C2, B1, B2, connected, quiet or bounds"},
    {"UnknownOutcome", "nodes: [a]\nsteps:\n  - set: {node: a, key: k, value: v, expect: leaesd}\n",
     "f.yaml:3:46: 'leaesd' is no outcome, expected 'leased'; all are any, ok, leased or clock"},
    {"UnknownReason", "nodes: [a]\nsteps:\n  - expect: {node: a, refused: {reason: wrong_net}}\n",
     "f.yaml:3:41: 'wrong_net' is no reason, expected closed_by_peer, dial_failed, wrong_network, hello_timeout, "
     "protocol_error, silent, slow_reader, duplicate, older_boot, self, too_many, different_settings, identity_in_use, "
     "another_node, "
     "enough, bye or local"},
    {"EmptyExpectation", "nodes: [a]\nsteps:\n  - expect: {node: a}\n",
     "f.yaml:3:13: 'expect' demands nothing, expected value, absent, owner, epoch, fence, lease, state, left, "
     "neighbours, "
     "size, messages, conflicts, linked, not_linked, equal, refused, in_all or info"},
    {"ExpectOfNobody", "nodes: [a]\nsteps:\n  - expect: {size: 1}\n",
     "f.yaml:3:13: 'expect' does not say of whom, expected 'node: NAME' or 'nodes: [NAME, ...]'"},
    {"ValueWithoutKey", "nodes: [a]\nsteps:\n  - expect: {node: a, value: v}\n",
     "f.yaml:3:30: this is about no key, expected 'key: NAME' beside it"},
    {"OwnerWithoutRefusal", "nodes: [a]\nsteps:\n  - set: {node: a, key: k, value: v, owner: a}\n",
     "f.yaml:3:45: an owner goes with a refusal only, expected 'expect: leased' beside it"},
    {"TwoGroups", "nodes: [a, b]\nsteps:\n  - partition: {groups: [[a], [a, b]]}\n",
     "f.yaml:3:31: a node is in two groups, expected it in one"},
    {"NoPair", "nodes: [a, b]\nsteps:\n  - reset: {between: [a]}\n",
     "f.yaml:3:22: this is no pair, expected two nodes such as [ana, bob]"},
    {"BadRate", "nodes: 2\nnetwork: {bandwidth: 5MB}\n",
     "f.yaml:2:22: '5MB' is no rate, expected a rate such as 64KB/s or 10MB/s, or unlimited"},
    {"EndlessWorkload", "nodes: 2\nworkload: {sets_per_second: 1}\n",
     "f.yaml:2:11: 'workload' lacks a key, expected 'until'"},
    {"HugeWorkload", "nodes: 2\nworkload: {sets_per_second: 1000000, until: 100h}\n",
     "f.yaml:2:11: the workload is too large, expected at most 20000000 operations"},
    {"NotYaml", "nodes: [a\n", "f.yaml:2:1: this is not YAML: end of sequence flow not found, expected it well-formed"},
    {"NoMap", "- a\n", "f.yaml:1:1: this is no plan, expected a map with 'nodes:' and 'steps:'"},
    {"Empty", "", "f.yaml:1:1: this plan is empty, expected a map with 'nodes:' and 'steps:'"},
    {"SecondDocument", "nodes: 2\n---\nnodes: 3\n",
     "f.yaml:2:1: a second document begins here, expected one plan in a file"},
    {"Tab", "nodes: 2\nsteps:\n  - at: 1s\n  \theal:\n", "f.yaml:4:3: this line is indented by a tab, expected spaces"},
    {"MissingKey", "nodes: [a]\nsteps:\n  - set: {node: a, value: v}\n",
     "f.yaml:3:10: 'set' lacks a key, expected 'key'"},
    {"NoValue", "nodes: 2\nquiet:\n",
     "f.yaml:3:1: there is no value here, expected a time such as 250us, 5ms, 1.5s, 2min or 1h"},
    {"RateOfNothing", "nodes: 2\nnetwork: {bandwidth: 0KB/s}\n",
     "f.yaml:2:22: '0KB/s' lets nothing pass, expected a rate above 0, or a step that is a partition"},
    {"HugeValues", "nodes: 2\nworkload: {sets_per_second: 1, value_size: 2MB, until: 5s}\n",
     "f.yaml:2:44: the values are too large, expected at most 1MB"},
    {"IdleWorkload", "nodes: 2\nworkload: {until: 5s}\n",
     "f.yaml:2:11: the workload does nothing, expected sets_per_second, deletes_per_second or broadcasts_per_second"},
    {"BackwardWorkload", "nodes: 2\nworkload: {sets_per_second: 1, from: 9s, until: 5s}\n",
     "f.yaml:2:49: the workload ends before it begins, expected 'until' after 'from'"},
    {"JoinsItself", "nodes: [ana, {name: bob, join: [ana, bob]}]\n",
     "f.yaml:1:32: 'bob' joins itself, expected other nodes"},
    {"WhispersToItself", "nodes: [a, b]\nsteps:\n  - whisper: {node: a, to: a}\n",
     "f.yaml:3:28: this is the same node again, expected another"},
    {"LinkToItself", "nodes: [a, b]\nsteps:\n  - link: {between: [a, a]}\n",
     "f.yaml:3:25: this is the same node again, expected another"},
    {"UnknownFault", "nodes: 2\nnemesis: {faults: [crush], every: 1s, until: 5s}\n",
     "f.yaml:2:20: 'crush' is no kind of fault, expected 'crash'; all are crash, silent_crash, power_failure, "
     "restart_without_disk, restart_with_identity_only, stop, pause, full_disk, slow_disk, partition, isolation, "
     "bridge, "
     "cut, one_way_cut, reset, one_sided_reset, reset_inside_frame, half_open, disconnect, crossed_dials or ..."},
    {"FaultTwice", "nodes: 2\nnemesis: {faults: [crash, crash], every: 1s, until: 5s}\n",
     "f.yaml:2:27: 'crash' is there twice, expected it once"},
    {"NoFaults", "nodes: 2\nnemesis: {faults: [], every: 1s, until: 5s}\n",
     "f.yaml:2:19: the nemesis does nothing, expected kinds of faults, such as [crash, partition]"},
    {"NoWeight", "nodes: 2\nnemesis: {faults: {crash: 0}, every: 1s, until: 5s}\n",
     "f.yaml:2:27: '0' is no count, expected a whole number from 1 to 1000000"},
    {"EndlessNemesis", "nodes: 2\nnemesis: {faults: all, every: 0s..1s, until: 5s}\n",
     "f.yaml:2:31: these are faults without an end, expected a time above 0 between two of them"},
    {"BackwardNemesis", "nodes: 2\nnemesis: {faults: all, every: 1s, from: 9s, until: 5s}\n",
     "f.yaml:2:52: the nemesis ends before it begins, expected 'until' after 'from'"},
    {"HugeNemesis", "nodes: 2\nnemesis: {faults: all, every: 1us, until: 100h}\n",
     "f.yaml:2:10: the nemesis is too large, expected at most 20000000 operations"},
    {"HugeRepeats", "nodes: [a]\nsteps:\n  - {heal: , repeat: {times: 1000001, every: 1s}}\n",
     "f.yaml:3:30: '1000001' is no count, expected a whole number from 1 to 1000000"},
    {"HugeTogether",
     "nodes: [a]\nsteps:\n  - {broadcast: {node: a}, repeat: {times: 1000000, every: 1s}}\n"
     "workload: {sets_per_second: 199, until: 100000s}\n",
     "f.yaml:4:11: the workload is too large, expected at most 20000000 operations"},
    {"SiteTwice", "nodes: [a, b]\nnetwork: {sites: {r: {nodes: a}, o: {nodes: [a, b]}}}\n",
     "f.yaml:2:45: 'a' is in two sites, expected it in one"},
    {"UnknownSite",
     "nodes: [a, b]\nnetwork: {sites: {rome: {nodes: a}, oslo: {nodes: b}}, between: {sites: [rome, osio]}}\n",
     "f.yaml:2:80: 'osio' is no site, expected 'oslo'; all are rome or oslo"},
    {"BetweenNothing", "nodes: [a, b]\nnetwork: {between: {latency: 1s}}\n",
     "f.yaml:2:20: there is nothing between fewer than two sites, expected 'sites' beside it"},
    {"SlowSite", "nodes: [a, b]\nnetwork: {sites: {r: {nodes: a, latency: 2h}}}\n",
     "f.yaml:2:19: a link is too slow, expected latency, jitter and gather of at most 1h"},
    {"TooManyNodes", "nodes: [a, b]\nsteps:\n  - cut: {from: some 2, to: any}\n",
     "f.yaml:3:10: this step is about more nodes than there are, expected 2 at most"},
    {"SomeOfNone", "nodes: [a, b]\nsteps:\n  - cut: {from: some 3, to: a}\n",
     "f.yaml:3:17: 'some 3' is no number of nodes, expected 'some 1' to 'some 2'"},
    {"UnknownMoment", "nodes: [a]\nsteps:\n  - {at: 1s, mark: healed}\n  - {at: heeled + 5s, heal: }\n",
     "f.yaml:4:10: 'heeled' is no moment that a step before this one marks, expected 'healed'; all are healed"},
    {"NoMoments", "nodes: [a]\nsteps:\n  - {at: healed, heal: }\n",
     "f.yaml:3:10: 'healed' is no moment, expected a time such as 1.5s, or the name of a 'mark' before"},
    {"BadMomentTime", "nodes: [a]\nsteps:\n  - {at: 1s, mark: m}\n  - {at: m + 5, heal: }\n",
     "f.yaml:4:10: 'm + 5' is no time, expected a form such as 'm + 5s' or 'm + 1s..5s'"},
    {"MomentTwice", "nodes: [a]\nsteps:\n  - {at: 1s, mark: m}\n  - {at: 2s, mark: m}\n",
     "f.yaml:4:20: there is a moment 'm' already, expected another name"},
    {"BadMoment", "nodes: [a]\nsteps:\n  - {at: 1s, mark: 5s}\n",
     "f.yaml:3:20: '5s' is no name for a moment, expected a letter, then letters, digits, '_' and '-', 64 at most"},
    {"RepeatedMoment", "nodes: [a]\nsteps:\n  - {at: 1s, mark: m, repeat: {times: 2, every: 1s}}\n",
     "f.yaml:3:20: a moment that comes again has no name, expected 'mark' without 'repeat'"},
    {"SinceNothing", "nodes: [a]\nsteps:\n  - {at: 1s, mark: m}\n  - expect: {node: a, messages: 1, since: n}\n",
     "f.yaml:4:43: 'n' is no moment that a step marks, expected m"},
    {"SinceOfNothing", "nodes: [a]\nsteps:\n  - {at: 1s, mark: m}\n  - expect: {node: a, size: 1, since: m}\n",
     "f.yaml:4:39: nothing here has changed since, expected messages, conflicts, info, in_all or fence beside it"},
    {"FenceOfNoMoment", "nodes: [a]\nsteps:\n  - expect: {node: a, key: k, fence: same}\n",
     "f.yaml:3:13: a fence is the same or larger than at some moment, expected 'since: MOMENT' beside it"},
    {"GaugeSince",
     "nodes: [a]\nsteps:\n  - {at: 1s, mark: m}\n  - expect: {node: a, info: {neighbours: 1}, since: m}\n",
     "f.yaml:4:53: 'neighbours' goes up and down, expected no 'since' beside it"},
    {"UnknownFigure", "nodes: [a]\nsteps:\n  - expect: {node: a, info: {neighbors: 1}}\n",
     "f.yaml:3:30: 'neighbors' is no key of 'info', expected 'neighbours'; all are frames_received, frames_sent, "
     "bytes_received, bytes_sent, messages_delivered, messages_relayed, duplicates, no_room, refused, identity_in_use, "
     "too_large, "
     "dials, comparisons, bulk_records_sent, records_passed_on, old_deletions_told, keys_returned, "
     "records_without_room, "
     "neighbours or known_addresses"},
    {"LeaseOfNothing", "nodes: [a]\nsteps:\n  - expect: {node: a, lease: held}\n",
     "f.yaml:3:30: this is about no key, expected 'key: NAME' beside it"},
    {"UnknownLease", "nodes: [a]\nsteps:\n  - expect: {node: a, key: k, lease: hold}\n",
     "f.yaml:3:38: 'hold' is no word for a lease, expected 'held'; all are held, lapsed or none"},
    {"TwoSpans", "nodes: [a]\nsteps:\n  - expect: {node: a, size: 1, stays: 1s, never: 2s}\n",
     "f.yaml:3:50: 'expect' has two of eventually, stays and never, expected one"},
    {"BadSpan", "nodes: [a]\nsteps:\n  - expect: {node: a, size: 1, eventually: soon}\n",
     "f.yaml:3:44: 'soon' is no span of time, expected within 5s or a form such as 5s..20s"},
    {"UnknownEvent", "nodes: [a]\nsteps:\n  - {when: {event: peer_op}, heal: }\n",
     "f.yaml:3:20: 'peer_op' is no event, expected 'peer_up'; all are peer_up, peer_down, broadcast, whisper, refused, "
     "undeliverable, confirmed, updated, deleted, conflict, returned, clock, left_out, broken or parted"},
    {"EventOfNoKey", "nodes: [a]\nsteps:\n  - {when: {event: peer_up, key: k}, heal: }\n",
     "f.yaml:3:34: 'peer_up' is about no key, expected it of updated, deleted, conflict, returned or broken"},
    {"EventOfNobody", "nodes: [a, b]\nsteps:\n  - {when: {event: updated, who: b}, heal: }\n",
     "f.yaml:3:34: 'updated' does not tell of whom, expected 'key' or nothing in its place"},
    {"AtAndWhen", "nodes: [a]\nsteps:\n  - {at: 1s, when: {event: peer_up}, heal: }\n",
     "f.yaml:3:20: a step has both 'at' and 'when', expected one"},
    {"WhenAndRepeat", "nodes: [a]\nsteps:\n  - {when: {event: peer_up}, repeat: {times: 2, every: 1s}, heal: }\n",
     "f.yaml:3:38: a step has both 'when' and 'repeat', expected one"},
    {"UnknownKind", "nodes: [a, b]\nsteps:\n  - tamper: {from: a, to: b, how: flip, kind: stores}\n",
     "f.yaml:3:47: 'stores' is no kind of message, expected 'store'; all are handshake, peers, store, stored-entry, "
     "user-message, request, response, renegotiate, resend, hello, keep, keep-ack, bye, ping, pong, sync-question, "
     "sync-answer, records, floors, presence or ..."},
    {"WaitedForNobody", "nodes: [a]\nsteps:\n  - set: {node: a, key: k, value: v, waited: 1}\n",
     "f.yaml:3:46: nobody is asked, expected 'wait: COUNT' beside it"},
    {"BadNumber", "nodes: [a]\nsteps:\n  - set: {node: a, key: k, value: !!int five}\n",
     "f.yaml:3:35: 'five' is no value of !!int, expected one such as !!int 5, !!float 1.5, !!bool true, !!null ~ or "
     "!!binary aGk="},
    {"MergeOfNoMap", "nodes: 2\nnetwork: {<<: 5}\n",
     "f.yaml:2:15: '<<' takes the keys of other maps, expected one, such as *slow"},
    {"UnknownMergedKey", "x-a: &a {latencie: 5ms}\nnodes: 2\nnetwork: {<<: *a}\n",
     "f.yaml:1:10: 'latencie' is no key of 'network', expected 'latency'; all are latency, jitter, bandwidth, piece, "
     "gather, "
     "sites or between"},
    {"NodeAndNodes", "nodes: [a, b]\nsteps:\n  - expect: {node: a, nodes: [b], size: 0}\n",
     "f.yaml:3:30: 'expect' has both 'node' and 'nodes', expected one"},
};

INSTANTIATE_TEST_SUITE_P(All, PlanMistakes, testing::ValuesIn(kMistakes),
                         [](const auto& test) { return test.param.name; });

TEST(Plan, TakesTheKeysOfOtherMaps) {
  const auto plan = load_plan(
      "x-slow: &slow {latency: 200ms, piece: 3B}\nx-more: &more {<<: *slow, jitter: 1ms, latency: 7ms}\nnodes: [a, b]\n"
      "network: {<<: *slow, piece: 5B}\nsteps:\n- {at: 1s, link: {<<: [*more, *slow], of: a}}\n",
      "f.yaml");
  ASSERT_TRUE(plan.has_value()) << plan.error().front();
  EXPECT_EQ(plan->links.latency, (DurationRange{200ms, 200ms}));
  EXPECT_EQ(plan->links.piece, 5U);
  const auto& link = std::get<LinkStep>(plan->steps.front().action).link;
  EXPECT_EQ(link.latency, (DurationRange{7ms, 7ms}));
  EXPECT_EQ(link.jitter, (DurationRange{1ms, 1ms}));
  EXPECT_EQ(link.piece, 3U);
}

TEST(Plan, MapsThatTakeEachOthersKeysHaveAnEnd) {
  std::string yaml = "x-0: &a0 {latency: 1ms}\n";
  for (int i = 1; i < 40; ++i)
    yaml += fmt::format("x-{}: &a{} {{<<: [*a{}, *a{}, *a{}]}}\n", i, i, i - 1, i - 1, i - 1);
  const auto plan = load_plan(yaml + "nodes: 2\nnetwork: {<<: *a39}\n", "f.yaml");
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().front(), testing::HasSubstr("'<<' takes the keys of too many maps, expected 1000 at most"));
}

TEST(Plan, AllMistakesAreReportedAtOnce) {
  const auto plan = load_plan("nodes: [a]\nquiet: 5\nsteps:\n  - stop: {node: b}\n  - heel:\n", "f.yaml");
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().size(), 3U);
}

TEST(Plan, OneDocumentMayHaveItsMarks) {
  for (const char* yaml : {"# a plan\n---\nnodes: 2\n", "%YAML 1.2\n---\nnodes: 2\n...\n", "--- # a plan\nnodes: 2\n",
                           "nodes: [a]\nsteps:\n- set: {node: a, key: ---, value: '----'}\n"}) {
    const auto plan = load_plan(yaml, "f.yaml");
    EXPECT_TRUE(plan.has_value()) << yaml << plan.error().front();
  }
}

TEST(Plan, AMistakeIsToldOnce) {
  for (const Mistake& mistake : kMistakes) {
    const auto plan = load_plan(mistake.yaml, "f.yaml");
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().size(), 1U) << mistake.name << " is also told as: " << plan.error().back();
  }
}

TEST(Plan, AFileThatCannotBeReadIsAMistakeWithItsReason) {
  const auto told = [](const std::string& path) {
    const auto plan = load_plan_file(path);
    return plan ? "a plan" : plan.error().front();
  };
  EXPECT_EQ(told("no/such.yaml"), "no/such.yaml: cannot be read: No such file or directory, expected a plan in YAML");
  EXPECT_EQ(told("/"), "/: is a directory, expected a plan in YAML");
  EXPECT_EQ(told("/dev/zero"), "/dev/zero: is larger than 64000000 bytes, expected a plan in YAML");
  EXPECT_EQ(told("/dev/null"), "/dev/null:1:1: this plan is empty, expected a map with 'nodes:' and 'steps:'");
}

RC_GTEST_PROP(Plan, NoTextBreaksTheReader, (const std::string& text)) {
  const auto plan = load_plan(text, "f.yaml");
  RC_ASSERT((plan.has_value() || !plan.error().empty()));
}

}  // namespace
}  // namespace meshdict::test
