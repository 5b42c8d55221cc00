// What is written for a browser and for ui.perfetto.dev.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proptests/sim/history_fixture.h"
#include "sim/picture/html_page.h"
#include "sim/picture/perfetto_trace.h"

namespace meshdict::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kPlan =
    "nodes: [ana, bob, cy]\njoin: chain\nsteps:\n- at: 5s\n  partition: {groups: [[ana], [bob, cy]], for: 20s}\n"
    "- at: 10s\n  set: {node: ana, key: '</script> \"k\"', value: 'a<b'}\n- at: 12s\n"
    "  set: {node: cy, key: '</script> \"k\"', value: c}\n"
    "- at: 30s\n  crash: {node: bob, for: 5s}\n- at: 40s\n  pause: {node: cy, for: 3s}\n- at: 60s\n  expect: {node: "
    "bob, size: 7}\n";

TEST(HtmlPage, CarriesTheHistoryAndNoTextEndsItsElement) {
  const History history = history_of(transcript_of(kPlan));
  const std::string json = history_json(history);
  EXPECT_THAT(json, Not(HasSubstr("<")));
  const Json parsed = Json::parse(json);
  EXPECT_EQ(parsed["seed"], "1");
  EXPECT_EQ(parsed["nodes"], Json({"ana", "bob", "cy"}));
  EXPECT_EQ(parsed["keys"][0], "</script> \"k\"");
  for (const auto& [name, column] : parsed["flights"].items())
    EXPECT_EQ(column.size(), history.flights.size()) << name;
  EXPECT_EQ(parsed["events"].size(), history.events.size());
  EXPECT_EQ(parsed["claims"].size(), history.claims.size());
  EXPECT_EQ(parsed["claims"][0]["values"][1], "a<b");
  EXPECT_EQ(parsed["violations"], 1);

  const TestFile file = scratch_file();
  write_html(history, file.get());
  const std::string page = text_of(file.get());
  EXPECT_THAT(page, HasSubstr(json));
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  for (const char* mark : {"@STYLE@", "@HISTORY@", "@SCRIPT@", " src=", "@import", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(mark))) << "nothing is loaded";
}

TEST(HtmlPage, InvalidBytesDoNotBreakIt) {
  const History history =
      history_of("# meshdict transcript 1\n# plan f.yaml seed 1\n# nodes ana\n1.000000 ana ! \xFF\x80 \xC3\xA9\n");
  EXPECT_EQ(Json::parse(history_json(history))["events"].size(), 1U);
}

class Perfetto : public ::testing::Test {
 protected:
  Perfetto() {
    const TestFile file = scratch_file();
    write_perfetto(history, file.get());
    trace = Json::parse(text_of(file.get()));
    for (const Json& event : trace["traceEvents"])
      by_phase[event["ph"]].push_back(event);
  }
  using Thread = std::pair<std::uint64_t, std::uint64_t>;
  static Thread thread_of(const Json& event) { return {event["pid"], event["tid"]}; }

  History history = history_of(transcript_of(kPlan));
  Json trace;
  std::map<std::string, std::vector<Json>> by_phase;
};

TEST_F(Perfetto, FlowsLeadFromASendingsSliceToAnArrivals) {
  std::map<std::tuple<std::uint64_t, std::uint64_t, double>, Json> slices;
  for (const Json& slice : by_phase["X"])
    slices[{slice["pid"], slice["tid"], slice["ts"]}] = slice;
  const auto slice_under = [&](const Json& flow) { return slices[{flow["pid"], flow["tid"], flow["ts"]}]; };
  std::map<std::uint64_t, Json> begun;
  for (const Json& flow : by_phase["s"]) {
    EXPECT_TRUE(begun.emplace(flow["id"], flow).second) << "one beginning a flow";
    EXPECT_EQ(slice_under(flow)["cat"], "sending");
  }
  std::size_t arrived = 0;
  for (const Flight& flight : history.flights)
    arrived += flight.arrived ? 1U : 0U;
  EXPECT_EQ(begun.size(), arrived) << "a frame that was lost has no flow";
  EXPECT_LT(arrived, history.flights.size());
  ASSERT_EQ(by_phase["f"].size(), begun.size());
  for (const Json& flow : by_phase["f"]) {
    const auto from = begun.extract(flow["id"].get<std::uint64_t>());
    ASSERT_FALSE(from.empty()) << "one end a flow";
    const Json sending = slice_under(from.mapped());
    const Json arrival = slice_under(flow);
    EXPECT_EQ(flow["bp"], "e");
    EXPECT_EQ(arrival["cat"], "arrival");
    EXPECT_EQ(arrival["args"]["frame"], sending["args"]["frame"]);
    EXPECT_NE(arrival["pid"], sending["pid"]);
    EXPECT_GT(flow["ts"], from.mapped()["ts"]);
  }
}

TEST_F(Perfetto, NoTwoSlicesOfAThreadOverlap) {
  std::map<Thread, double> ends;
  std::size_t slices = 0;
  for (const Json& slice : by_phase["X"]) {
    const double ts = slice["ts"];
    const double dur = slice["dur"];
    EXPECT_GE(dur, 0.0);
    double& end = ends[thread_of(slice)];
    EXPECT_GE(ts, end - 1e-6) << slice;
    end = ts + dur;
    ++slices;
  }
  EXPECT_GT(slices, 100U);
}

TEST_F(Perfetto, EveryThreadHasAName) {
  std::map<Thread, std::string> names;
  std::map<std::uint64_t, std::string> processes;
  for (const Json& meta : by_phase["M"]) {
    if (meta["name"] == "thread_name") names[thread_of(meta)] = meta["args"]["name"];
    if (meta["name"] == "process_name") processes[meta["pid"]] = meta["args"]["name"];
  }
  for (const char* phase : {"X", "s", "f", "i"}) {
    for (const Json& event : by_phase[phase])
      EXPECT_TRUE(names.contains(thread_of(event))) << event;
  }
  std::vector<std::string> all;
  for (const auto& [process, name] : processes)
    all.push_back(name);
  EXPECT_THAT(all, ::testing::ElementsAre("the mesh", "leases", "ana", "bob", "cy"));
}

TEST_F(Perfetto, FaultsAndLeasesAreSlices) {
  std::map<std::string, double> lengths;
  for (const Json& slice : by_phase["X"]) {
    if (slice["cat"] == "fault") lengths[slice["name"]] = std::max(lengths[slice["name"]], slice["dur"].get<double>());
  }
  EXPECT_EQ(lengths["partition ana | bob cy"], 20e6);
  EXPECT_EQ(lengths["down"], 5e6);
  ASSERT_EQ(by_phase["b"].size(), history.claims.size() + 1) << "and a pause";
  ASSERT_EQ(by_phase["e"].size(), by_phase["b"].size());
  for (std::size_t i = 0; i < by_phase["b"].size(); ++i) {
    for (const char* member : {"id", "name", "pid", "cat"})
      EXPECT_EQ(by_phase["b"][i][member], by_phase["e"][i][member]);
    EXPECT_LT(by_phase["b"][i]["ts"], by_phase["e"][i]["ts"]);
  }
  EXPECT_EQ(by_phase["b"].front()["cat"], "lease");
  EXPECT_EQ(by_phase["b"].back()["name"], "paused");
  EXPECT_EQ(by_phase["e"].back()["ts"], 43e6);
  std::size_t violated = 0;
  for (const Json& instant : by_phase["i"])
    violated += instant["cat"] == "violated" ? 1U : 0U;
  EXPECT_EQ(violated, 1U);
}

}  // namespace
}  // namespace meshdict::sim
