// A run as it is read back from its transcript, for drawing.

#include "sim/picture/history_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proptests/sim/history_fixture.h"

namespace meshdict::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const std::string kHead = "# meshdict transcript 1\n# plan f.yaml seed 7\n# nodes ana bob cy\n";

std::vector<const HistoryEvent*> events_of(const History& history, EventType type) {
  std::vector<const HistoryEvent*> found;
  for (const HistoryEvent& event : history.events) {
    if (event.type == type) found.push_back(&event);
  }
  return found;
}

TEST(History, FlightsLeadFromASendingToAnArrival) {
  const History history = history_of(kHead +
                                     "1.000000 ana c1 -> bob #1 ping 139 B 0000aaaa\n"
                                     "1.000001 ana c1 -> bob #2 store 200 B 0000bbbb colour \"a b\" and 3 more\n"
                                     "1.500000 bob c1 <- ana #1 ping 139 B 0000aaaa\n"
                                     "1.600000 bob c1 <- ana #1 ping 139 B 0000aaaa\n");
  ASSERT_THAT(history.flights, SizeIs(3)) << "the one that arrived twice is two";
  const Flight& ping = history.flights[0];
  EXPECT_EQ(ping.number, 1U);
  EXPECT_EQ(ping.conn, 1U);
  EXPECT_EQ(ping.from, 0U);
  EXPECT_EQ(ping.to, 1U);
  EXPECT_EQ(ping.sent, 1s);
  EXPECT_EQ(ping.arrived, 1500ms);
  EXPECT_EQ(history.kinds[ping.kind], "ping");
  EXPECT_EQ(ping.size, 139U);
  EXPECT_EQ(ping.id, "0000aaaa");
  EXPECT_EQ(ping.line, 4U);
  EXPECT_EQ(ping.arrival_line, 6U);
  const Flight& store = history.flights[1];
  EXPECT_FALSE(store.arrived.has_value()) << "lost, or still on its way";
  ASSERT_THAT(store.keys, SizeIs(2));
  EXPECT_EQ(history.keys[store.keys[0]], "colour");
  EXPECT_EQ(history.keys[store.keys[1]], "a b");
  EXPECT_EQ(history.flights[2].number, 1U);
  EXPECT_EQ(history.flights[2].arrived, 1600ms);
  EXPECT_EQ(history.end, 1600ms);
  EXPECT_EQ(history.end_text, "");
}

TEST(History, EveryFrameThatArrivesInARunIsAFlight) {
  const std::string transcript = transcript_of(
      "nodes: 4\njoin: chain\nworkload: [{sets_per_second: 2, from: 3s, until: 9s}]\n"
      "steps:\n- at: 5s\n  crash: {node: n2, for: 3s}\n");
  const History history = history_of(transcript);
  std::size_t arrivals = 0;
  for (std::size_t at = transcript.find(" <- "); at != std::string::npos; at = transcript.find(" <- ", at + 1))
    ++arrivals;
  const auto arrived =
      std::ranges::count_if(history.flights, [](const Flight& flight) { return flight.arrived.has_value(); });
  EXPECT_EQ(static_cast<std::size_t>(arrived), arrivals);
  EXPECT_GT(arrivals, 100U);
  EXPECT_LT(arrivals, history.flights.size()) << "the crash has cost some";
  for (const Flight& flight : history.flights)
    EXPECT_TRUE(!flight.arrived || *flight.arrived > flight.sent);
}

TEST(History, TellsWhoWasDownAndWhoCouldReachWhom) {
  const History history = history_of(transcript_of(
      "nodes: [ana, bob, cy]\nstart: 1s\nsteps:\n- at: 5s\n  partition: {groups: [[ana], [bob]], for: 4s}\n"
      "- at: 6s\n  crash: {node: cy, for: 2s}\n- at: 20s\n  partition: {groups: [[ana, bob]]}\n- at: 21s\n"
      "  stop: {node: ana}\nquiet: 1s\ncheck: []\n"));
  ASSERT_THAT(history.partitions, SizeIs(2));
  EXPECT_EQ(history.partitions[0].from, 5s);
  EXPECT_EQ(history.partitions[0].until, 9s);
  EXPECT_THAT(history.partitions[0].group, ElementsAre(1, 2, 0));
  EXPECT_EQ(history.partitions[1].until, history.end) << "never healed";
  EXPECT_THAT(history.partitions[1].group, ElementsAre(1, 1, 0));
  std::vector<std::string> down;
  for (const DownTime& time : history.down)
    down.push_back(history.nodes[time.node] + " " + std::to_string(time.from / 1s) + " " +
                   std::to_string(time.until / 1s));
  EXPECT_THAT(down, ElementsAre("ana 0 1", "bob 0 1", "cy 0 1", "cy 6 8", "ana 21 22"));
  EXPECT_THAT(events_of(history, EventType::kFault), SizeIs(6));
  EXPECT_THAT(events_of(history, EventType::kFault)[1]->nodes, ElementsAre(2)) << "crash of cy";
}

TEST(History, FaultsLastUntilTheyAreUndone) {
  const History history = history_of(transcript_of(
      "nodes: [ana, bob, cy]\nsteps:\n- at: 5s\n  pause: {node: ana, for: 2s}\n"
      "- at: 6s\n  cut: {from: ana, to: [bob, cy], one_way: on, for: 3s}\n"
      "- at: 7s\n  dials: {node: bob, are: refused, for: 1s}\n- slow_reader: {node: cy, rate: 2KB/s, for: 4s}\n"
      "- disk: {node: cy, full: on, for: 2s}\n- disk: {node: bob, delay: 100ms, for: 3s}\n"
      "- clock: {node: ana, jump: -5s}\n- clock: {node: ana, rate: 200ppm, for: 2s}\n"
      "- at: 20s\n  clock: {node: ana, jump: 5s}\n- cut: {from: bob, to: cy}\n- after: 2s\n  heal: {}\n"
      "- at: 25s\n  pause: {node: bob}\n- at: 30s\n  expect: {node: cy, size: 0}\nquiet: 0s\ncheck: []\n"));
  std::vector<std::string> found;
  for (const Trouble& trouble : history.troubles) {
    std::string nodes;
    for (const NodeIndex node : trouble.nodes)
      nodes += history.nodes[node].substr(0, 1);
    found.push_back(trouble.what + "; " + nodes + " " + std::to_string(trouble.from / 1s) + ".." +
                    std::to_string(trouble.until / 1s));
  }
  EXPECT_THAT(found, ElementsAre("paused; a 5..7", "cut one way ana / bob cy; abc 6..9", "dials refused; b 7..8",
                                 "reads 2000B/s; c 7..11", "disk full; c 7..9", "disk 100 ms late; b 7..10",
                                 "clock -5000 ms; a 7..20", "clock 200ppm; a 7..9", "cut bob / cy; bc 20..22",
                                 "paused; b 25..30"));
}

TEST(History, APauseEndsWithItsProcessAndCutsOfOneDirectionOrBothEachAlone) {
  const History history = history_of(transcript_of(
      "nodes: [ana, bob]\nsteps:\n- at: 5s\n  pause: {node: ana, for: 60s}\n- at: 8s\n  crash: {node: ana, for: 5s}\n"
      "- at: 20s\n  cut: {from: ana, to: bob, one_way: on, for: 10s}\n- cut: {from: ana, to: bob, for: 2s}\n"
      "- at: 90s\n  expect: {node: bob, size: 0}\nquiet: 0s\ncheck: []\n"));
  std::vector<std::string> found;
  for (const Trouble& trouble : history.troubles)
    found.push_back(trouble.what + " " + std::to_string(trouble.from / 1s) + ".." + std::to_string(trouble.until / 1s));
  EXPECT_THAT(found, ElementsAre("paused 5..8", "cut one way ana / bob 20..30", "cut ana / bob 20..22"));
}

TEST(History, StepsHappenWhereTheySay) {
  const History history = history_of(
      transcript_of("nodes: [ana, bob, k]\nsteps:\n- at: 5s\n  set: {node: ana, key: k, value: bob}\n- after: 2s\n"
                    "  set: {node: bob, key: k, value: x, expect: leased, owner: ana}\n- reset: {between: [ana, k]}\n"
                    "- after: 1s\n  expect: {nodes: [bob, k], key: k, value: bob, owner: ana}\nquiet: 30s\n"));
  std::vector<const HistoryEvent*> sets;
  for (const HistoryEvent* event : events_of(history, EventType::kOperation)) {
    if (event->text.starts_with("set ")) sets.push_back(event);
  }
  ASSERT_THAT(sets, SizeIs(2));
  EXPECT_THAT(sets[0]->nodes, ElementsAre(0)) << "the value happens to be a node's name";
  EXPECT_THAT(sets[1]->nodes, ElementsAre(1)) << "the owner is not where it happens";
  EXPECT_THAT(sets[1]->keys, SizeIs(1));
  const auto outcomes = events_of(history, EventType::kOutcome);
  ASSERT_THAT(outcomes, SizeIs(2));
  EXPECT_THAT(outcomes[1]->text, HasSubstr("= leased by ana"));
  EXPECT_EQ(outcomes[1]->keys, sets[1]->keys);
  EXPECT_THAT(events_of(history, EventType::kFault)[0]->nodes, ElementsAre(0, 2));
  EXPECT_THAT(events_of(history, EventType::kExpect)[0]->nodes, ElementsAre(1, 2));
  EXPECT_THAT(events_of(history, EventType::kViolated), IsEmpty());
}

TEST(History, ViolationsNameTheirNodes) {
  const History history =
      history_of(transcript_of("nodes: [ana, bob]\nsteps:\n- at: 5s\n  expect: {node: bob, size: 1}\nquiet: 5s\n"));
  EXPECT_EQ(history.violations, 1U);
  ASSERT_THAT(events_of(history, EventType::kViolated), SizeIs(1));
  EXPECT_THAT(events_of(history, EventType::kViolated)[0]->nodes, ElementsAre(1));
  EXPECT_THAT(history_of(kHead + "9.000000 - violated C1, all nodes: no\n").events[0].nodes, IsEmpty());
}

TEST(History, AClaimLastsWhileANodeShowsIt) {
  const History history = history_of(kHead +
                                     "1.000000 ana is 1abc, life 1\n1.000000 bob is 2abc, life 1\n"
                                     "2.000000 ana record k = red of ana epoch 1 until 60.000000\n"
                                     "2.100000 bob record k = red of ana epoch 1 until 92.000000\n"
                                     "3.000000 ana record k = \"dark red\" of ana epoch 1 until 61.000000\n"
                                     "3.100000 bob record k = \"dark red\" of ana epoch 1 until 93.000000\n"
                                     "4.000000 ana is down\n"
                                     "5.000000 bob record k = blue of bob epoch 2 until 63.000000\n"
                                     "6.000000 ana is 1abc, life 2\n"
                                     "6.000000 ana record k = \"dark red\" of ana epoch 1\n"
                                     "7.000000 ana record k = blue of bob epoch 2 until 95.000000\n"
                                     "8.000000 bob record k deleted of bob epoch 2\n"
                                     "9.000000 ana record k gone\n# end 10.000000 events 9\n");
  ASSERT_THAT(history.claims, SizeIs(2));
  const Claim& red = history.claims[0];
  EXPECT_EQ(history.keys[red.key], "k");
  EXPECT_EQ(red.owner, "ana");
  EXPECT_EQ(red.owner_node, 0U);
  EXPECT_EQ(red.epoch, 1U);
  EXPECT_EQ(red.from, 2s);
  EXPECT_EQ(red.until, 7s);
  EXPECT_EQ(red.trusted_until, 61s);
  EXPECT_EQ(red.held_until, 93s);
  EXPECT_THAT(red.shown, ElementsAre(Pair(2s, 1), Pair(2100ms, 2), Pair(4s, 1), Pair(5s, 0), Pair(6s, 1), Pair(7s, 0)));
  EXPECT_THAT(red.values, ElementsAre(Pair(2s, "red"), Pair(3s, "dark red")));
  const Claim& blue = history.claims[1];
  EXPECT_EQ(blue.owner, "bob");
  EXPECT_EQ(blue.until, 9s);
  EXPECT_THAT(blue.shown, ElementsAre(Pair(5s, 1), Pair(7s, 2), Pair(8s, 1), Pair(9s, 0)));
}

TEST(History, OwnersThatAreNoNodesHaveClaimsToo) {
  const History history =
      history_of(kHead + "2.000000 ana record k = \"x\" of 9Zz epoch 4\n3.000000 bob is 1, life 1\n");
  ASSERT_THAT(history.claims, SizeIs(1));
  EXPECT_EQ(history.claims[0].owner_node, kNobody);
  EXPECT_EQ(history.claims[0].owner, "9Zz");
  EXPECT_EQ(history.claims[0].until, 3s) << "until the end";
  EXPECT_FALSE(history.claims[0].trusted_until.has_value());
}

TEST(History, TheWriterOfWhatWonHoldsItWithTheNextEpoch) {
  // What the owner of the winning claim does without an event: it must be seen to hold what it tells the others.
  const History history =
      history_of(transcript_of("nodes: [ana, bob]\nsteps:\n- at: 5s\n  partition: {groups: [[ana], [bob]], for: 30s}\n"
                               "- at: 20s\n  set: {node: ana, key: k, value: a}\n- at: 22s\n  set: {node: bob, key: k, "
                               "value: b}\nquiet: 60s\n"));
  ASSERT_THAT(history.claims, SizeIs(3));
  EXPECT_EQ(history.claims[2].epoch, 2U);
  EXPECT_EQ(history.claims[2].owner, "ana");
  EXPECT_EQ(history.claims[2].until, history.end);
  EXPECT_EQ(history.claims[2].shown.back().second, 2U) << "by both";
  EXPECT_LT(history.claims[0].until, 40s);
  EXPECT_LT(history.claims[1].until, 40s);
}

TEST(History, LimitsKeepASpanAndAllClaims) {
  const std::string transcript = transcript_of(
      "nodes: [ana, bob]\nsteps:\n- at: 5s\n  set: {node: ana, key: k, value: a}\n"
      "- at: 50s\n  expect: {node: bob, size: 9}\nquiet: 50s\n");
  const History all = history_of(transcript);
  EXPECT_EQ(all.left_out, 0U);
  EXPECT_EQ(all.whole_from, 0s);
  EXPECT_EQ(all.whole_until, 100s);
  const std::size_t count = all.flights.size() + all.events.size();

  const History window = history_of(transcript, {.from = 10s, .until = 20s});
  EXPECT_GT(window.flights.size(), 0U);
  for (const Flight& flight : window.flights)
    EXPECT_TRUE(10s <= flight.sent && flight.sent <= 20s);
  EXPECT_THAT(window.claims, SizeIs(1));
  EXPECT_EQ(window.whole_from, 10s);
  EXPECT_EQ(window.whole_until, 20s);
  EXPECT_EQ(window.end, 100s);

  const History last = history_of(transcript, {.most = 20});
  EXPECT_EQ(last.flights.size() + last.events.size(), 20U);
  EXPECT_EQ(last.left_out, count - 20);
  ASSERT_THAT(last.events, ::testing::Not(IsEmpty()));
  EXPECT_EQ(last.events.back().type, EventType::kViolated) << "what led to the violation counts";
  EXPECT_EQ(last.whole_until, 50s);
  EXPECT_GT(last.whole_from, 5s);

  const History first = history_of(transcript_of("nodes: [ana, bob]\nquiet: 50s\n"), {.most = 20});
  EXPECT_EQ(first.flights.size() + first.events.size(), 20U);
  EXPECT_EQ(first.whole_from, 0s);
  EXPECT_LT(first.whole_until, first.end);
}

TEST(History, DamagedTranscriptsAreNamed) {
  const auto error = [](const std::string& text) {
    const TestFile file = scratch_file(text);
    const auto history = read_history(file.get(), "t");
    return history ? "none" : history.error();
  };
  EXPECT_THAT(error(""), HasSubstr("t:1: is empty"));
  EXPECT_THAT(error(kHead + "1.000000 dan is down\n"), HasSubstr("t:4: 'dan' is none of the transcript's nodes"));
  EXPECT_THAT(error(kHead + "1.000000 - set {node: ana\n"), HasSubstr("t:4: 'set {node: ana' is no step"));
  EXPECT_THAT(error(kHead + "1,0 ana is down\n"), HasSubstr("t:4: is no line of a transcript"));
  EXPECT_THAT(error("# meshdict transcript 1\n# plan f.yaml\n"), HasSubstr("t:2: names no seed"));
  EXPECT_THAT(error(kHead + "# end soon\n"), HasSubstr("t:4: names no time"));
  EXPECT_EQ(error(kHead + "1.000000 ana says something new\n"), "none");
}

}  // namespace
}  // namespace meshdict::sim
