// What the HTTP endpoint answers for a node in each state, without its sockets.

#include "app/http/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "app/figures/figures.h"
#include "app/figures/health.h"
#include "app/http/limits.h"
#include "app/watch/limits.h"
#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"
#include "resp_fixture.h"

namespace meshdict {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Pages of a node.
class Pages {
 public:
  explicit Pages(LonelyNode& node) : pages_(node.service, HttpHosts({}), "", FixedRandom(9)) {}
  HttpResponse get(const std::string& target, const std::string& more = "Host: localhost\r\n") {
    const auto request = parse_request("GET " + target + " HTTP/1.1\r\n" + more + "\r\n");
    if (!request) return response_of(request.error());
    return pages_.answer(*request);
  }
  json get_json(const std::string& target) {
    const HttpResponse response = get(target);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.type, "application/json");
    return json::parse(response.body);
  }

 private:
  HttpPages pages_;
};

TEST(HttpPages, PathsAndMethods) {
  LonelyNode node;
  Pages pages(node);
  for (const char* path : {"/", "/status", "/keys", "/conflicts", "/metrics", "/healthz", "/readyz"})
    EXPECT_EQ(pages.get(path).status, 200) << path;
  for (const char* path : {"/x", "/Status", "/status/", "//", "/keys%20", "/../etc/passwd"})
    EXPECT_EQ(pages.get(path).status, 404) << path;
  HttpRequest post{.method = HttpMethod::kOther, .path = "/", .query = {}, .host = {}, .known = {}};
  EXPECT_EQ(HttpPages(node.service, HttpHosts({}), "", FixedRandom(9)).answer(post).status, 405);
}

TEST(HttpPages, AStrangersNameIsAnsweredNothing) {
  LonelyNode node;
  Pages pages(node);
  node.run({"SET", "secret", "1"});
  for (const char* path : {"/keys", "/", "/metrics", "/nowhere"}) {
    const HttpResponse response = pages.get(path, "Host: evil.example\r\n");
    EXPECT_EQ(response.status, 403);
    EXPECT_THAT(response.body, HasSubstr("evil.example"));
    EXPECT_THAT(response.body, Not(HasSubstr("secret")));
  }
}

TEST(HttpPages, ThePageIsKeptByItsTagAndRunsNoOtherScript) {
  LonelyNode node;
  Pages pages(node);
  const HttpResponse page = pages.get("/");
  EXPECT_THAT(page.body, Not(HasSubstr("@SCRIPT@")));
  EXPECT_THAT(page.body, Not(HasSubstr("innerHTML")));
  EXPECT_THAT(page.body, Not(HasSubstr("http://")));
  EXPECT_THAT(page.body, Not(HasSubstr("https://")));
  EXPECT_THAT(page.policy, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(page.policy, Not(HasSubstr("unsafe")));
  const HttpResponse again = pages.get("/", "Host: localhost\r\nIf-None-Match: \"" + page.tag + "\"\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_THAT(again.body, IsEmpty());
}

TEST(HttpPages, EveryMetricHasItsHeadOnceAndAGoodName) {
  JoinedNodes nodes;
  nodes.first.run({"SET", "k", "v"});
  nodes.pass(30s);
  Pages pages(nodes.first);
  std::istringstream text(pages.get("/metrics").body);
  std::set<std::string> helped;
  std::map<std::string, std::string> types;
  std::set<std::string> samples;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string first;
    std::string second;
    std::string name;
    words >> first >> second;
    if (first == "#") {
      words >> name;
      if (second == "HELP") {
        EXPECT_TRUE(helped.insert(name).second) << name << " has two";
      }
      std::string type;
      words >> type;
      if (second == "TYPE") types[name] = type;
      continue;
    }
    EXPECT_TRUE(samples.insert(first).second) << first << " is there twice";
    name = first.substr(0, first.find('{'));
    EXPECT_TRUE(helped.contains(name)) << name;
    ASSERT_TRUE(types.contains(name)) << name;
    EXPECT_EQ(types[name] == "counter", name.ends_with("_total")) << name;
  }
  for (const Figure& figure : all_figures())
    EXPECT_TRUE(samples.contains("meshdict_" + std::string(figure.metric))) << figure.metric;
  const std::string other = "{neighbour=\"" + std::string(nodes.second.engine.id().text()) + "\"}";
  for (const char* name : {"round_trip_seconds", "clock_offset_seconds", "queued_bytes", "messages_left_out_total"})
    EXPECT_TRUE(samples.contains("meshdict_neighbour_" + std::string(name) + other)) << name;
}

TEST(HttpPages, TheTableOfFiguresNamesEachOnce) {
  std::set<std::string_view> names;
  for (const Figure& figure : all_figures()) {
    EXPECT_TRUE(names.insert(figure.metric).second) << figure.metric;
    EXPECT_TRUE(names.insert(figure.info).second || figure.info == figure.metric) << figure.info;
    EXPECT_EQ(figure.kind == FigureKind::kCounter, figure.metric.ends_with("_total")) << figure.metric;
    EXPECT_TRUE(figure.help.ends_with(".")) << figure.help;
  }
}

TEST(HttpPages, InfoShowsTheFiguresOfTheTable) {
  JoinedNodes nodes;
  const std::string info = nodes.first.run({"INFO"});
  for (const Figure& figure : all_figures())
    EXPECT_THAT(info, HasSubstr("\r\n" + std::string(figure.info) + ":"));
  EXPECT_GT(nodes.first.engine.stats().bytes_sent, 0U);
  EXPECT_EQ(nodes.first.engine.stats().bytes_sent, nodes.second.engine.stats().bytes_received);
}

TEST(HttpHealth, WhoKnowsNobodyIsReadyAlone) {
  LonelyNode node;
  EXPECT_THAT(reasons_not_ready(node.service), IsEmpty());
  EXPECT_EQ(Pages(node).get("/readyz").body, "ready\n");
}

TEST(HttpHealth, WhoIsToJoinIsNotReadyAlone) {
  EngineConfig config;
  config.join = {{"other", 1}};
  LonelyNode node(std::move(config));
  const HttpResponse response = Pages(node).get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "alone: no neighbour, and 1 addresses are known\n");
  EXPECT_EQ(Pages(node).get("/healthz").status, 200);
}

TEST(HttpHealth, WhoHasComparedIsReady) {
  JoinedNodes nodes;
  EXPECT_THAT(reasons_not_ready(nodes.second.service),
              testing::ElementsAre(testing::StartsWith("not caught up: no comparing of dictionaries")));
  nodes.pass(3s);
  EXPECT_THAT(reasons_not_ready(nodes.first.service), IsEmpty());
  EXPECT_THAT(reasons_not_ready(nodes.second.service), IsEmpty());
}

TEST(HttpHealth, OtherSettingsAreTold) {
  LonelyNode node;
  node.service.on_event(
      Refused{.remote = {"stranger", 1}, .reason = EndReason::kDifferentSettings, .detail = {}, .dialed_by_us = false});
  EXPECT_THAT(reasons_not_ready(node.service), IsEmpty());
  node.service.on_event(
      Refused{.remote = {"other", 1}, .reason = EndReason::kDifferentSettings, .detail = {}, .dialed_by_us = true});
  EXPECT_THAT(Pages(node).get("/readyz").body, HasSubstr("settings differ from those of other:1"));
  node.clock.passed += watch_limits::kGoesOnFor;
  EXPECT_THAT(reasons_not_ready(node.service), IsEmpty());
}

TEST(HttpHealth, AnIdentityInUseIsADegradedState) {
  LonelyNode node;
  node.service.on_event(PeerDown{.peer = {}, .reason = EndReason::kIdentityInUse, .detail = {}});
  EXPECT_THAT(degraded_states(node.service), testing::ElementsAre(Degraded::kIdentityInUse));
  const json status = Pages(node).get_json("/status");
  EXPECT_EQ(status["ready"], false);
  EXPECT_EQ(status["degraded"][0]["state"], "identity_in_use");
  EXPECT_THAT(Pages(node).get("/metrics").body, HasSubstr("meshdict_degraded{reason=\"identity_in_use\"} 1\n"));
}

TEST(HttpKeys, PagesFollowOneAnother) {
  LonelyNode node;
  Pages pages(node);
  for (int i = 0; i < 250; ++i)
    node.run({"SET", "k:" + std::to_string(1'000 + i), std::to_string(i)});
  node.run({"SET", "other", "1"});
  node.run({"DEL", "k:1003"});
  std::set<std::string> seen;
  std::string target = "/keys?prefix=k%3A";
  int rounds = 0;
  for (std::string cursor = "0"; !cursor.empty(); ++rounds) {
    const json page = pages.get_json(target + "&cursor=" + cursor);
    EXPECT_LE(page["keys"].size(), http_limits::kKeys);
    EXPECT_EQ(page["of"], 250);
    for (const json& one : page["keys"])
      EXPECT_TRUE(seen.insert(one["key"].get<std::string>()).second);
    EXPECT_EQ(page["more"].get<bool>(), page["cursor"].is_string());
    cursor = page["cursor"].is_string() ? page["cursor"].get<std::string>() : "";
  }
  EXPECT_EQ(seen.size(), 249U);
  EXPECT_EQ(rounds, 3);
  EXPECT_EQ(pages.get_json("/keys?limit=100000")["keys"].size(), http_limits::kMaxKeys);
  EXPECT_EQ(pages.get_json("/keys?limit=0")["keys"].size(), 1U);
}

TEST(HttpKeys, WrongQuestionsAreTold) {
  LonelyNode node;
  Pages pages(node);
  for (const char* target :
       {"/keys?cursor=77", "/keys?cursor=x", "/keys?limit=-1", "/keys?prefix=%zz", "/conflicts?after=x"})
    EXPECT_EQ(pages.get(target).status, 400) << target;
}

TEST(HttpKeys, AValueIsShownAsFarAsItFits) {
  LonelyNode node;
  Pages pages(node);
  node.run({"SET", "a", std::string(1'000'000, 'x')});
  node.run({"SET", "b", std::string("<img src=x onerror=alert(1)>\xff\0", 30)});
  node.run({"SET", std::string(60'000, 'c'), "1"});
  Raw list;
  MsgpackWriter(list).array(2).integer(std::uint64_t{1}).str("two");
  ASSERT_TRUE(node.engine.set("d", list));
  Raw large;
  MsgpackWriter(large).array(1).str(std::string(http_limits::kMaxKeysText, 'y'));
  ASSERT_TRUE(node.engine.set("e", large));
  const json keys = pages.get_json("/keys")["keys"];
  EXPECT_EQ(keys[0]["value"],
            (json{{"kind", "bytes"}, {"text", std::string(256, 'x')}, {"bytes", 1'000'000}, {"cut", true}}));
  EXPECT_THAT(keys[1]["value"]["text"].get<std::string>(),
              testing::StartsWith("<img src=x onerror=alert(1)>\xEF\xBF\xBD"));
  EXPECT_EQ(keys[2]["key"], std::string(watch_limits::kShownBytes, 'c'));
  EXPECT_EQ(keys[2]["key_bytes"], 60'000);
  EXPECT_EQ(keys[3]["value"]["text"], R"([1,"two"])");
  EXPECT_EQ(keys[4]["value"], (json{{"kind", "json"}, {"text", ""}, {"bytes", large.size()}, {"cut", true}}));
  EXPECT_EQ(keys[3]["lease"]["ours"], true);
  EXPECT_EQ(keys[3]["lease"]["owner"], node.engine.id().text());
}

TEST(HttpKeys, APageOfDeletionsIsCut) {
  LonelyNode node;
  Pages pages(node);
  for (std::size_t i = 0; i < http_limits::kMaxLooks + 10; ++i) {
    const std::string key = "gone:" + std::to_string(i);
    node.run({"SET", key, "1"});
    node.run({"DEL", key});
  }
  node.run({"SET", "last", "1"});
  const json first = pages.get_json("/keys");
  EXPECT_THAT(first["keys"], IsEmpty());
  EXPECT_EQ(first["more"], true);
  EXPECT_EQ(pages.get_json("/keys?cursor=" + first["cursor"].get<std::string>())["keys"][0]["key"], "last");
}

Conflict conflict(const std::string& key, const Raw& value) {
  return {.key = key,
          .losing_value = value,
          .losing = {.epoch = Epoch{1}},
          .winning = {.epoch = Epoch{2}},
          .reason = "epoch"};
}

TEST(HttpConflicts, AreToldWithWhatLostAndNoneTwice) {
  LonelyNode node;
  Pages pages(node);
  node.service.on_event(conflict("k", bytes_value("lost")));
  const json answer = pages.get_json("/conflicts");
  EXPECT_EQ(answer["total"], 1);
  EXPECT_EQ(answer["last"], 1);
  EXPECT_EQ(answer["conflicts"][0]["key"], "k");
  EXPECT_EQ(answer["conflicts"][0]["losing"]["text"], "lost");
  EXPECT_EQ(answer["conflicts"][0]["decided_by"], "epoch");
  EXPECT_THAT(pages.get_json("/conflicts?after=1")["conflicts"], IsEmpty());
  EXPECT_THAT(node.run({"INFO", "mesh"}), HasSubstr("\r\nconflicts:1\r\n"));
}

TEST(HttpConflicts, OfAFloodTheLastAreKeptAndTheRestCounted) {
  LonelyNode node;
  Pages pages(node);
  constexpr std::uint64_t kAll = watch_limits::kMaxConflicts + 100;
  for (std::uint64_t i = 1; i <= kAll; ++i)
    node.service.on_event(conflict("k" + std::to_string(i), bytes_value(std::string(10'000, 'v'))));
  EXPECT_EQ(node.service.watch.conflicts().size(), watch_limits::kMaxConflicts);
  EXPECT_EQ(node.service.watch.conflicts().back().losing.text.size(), watch_limits::kShownBytes);
  std::uint64_t after = 0;
  std::uint64_t told = 0;
  json answer = pages.get_json("/conflicts");
  EXPECT_EQ(answer["forgotten"], 100);
  while (!answer["conflicts"].empty()) {
    EXPECT_LE(answer["conflicts"].size(), http_limits::kMaxConflicts);
    told += answer["conflicts"].size();
    after = answer["last"].get<std::uint64_t>();
    answer = pages.get_json("/conflicts?after=" + std::to_string(after));
  }
  EXPECT_EQ(told, watch_limits::kMaxConflicts);
  EXPECT_EQ(after, kAll);
}

TEST(HttpStatus, TellsOfNeighbours) {
  JoinedNodes nodes;
  nodes.pass(30s);
  const json status = Pages(nodes.first).get_json("/status");
  EXPECT_EQ(status["ready"], true);
  ASSERT_EQ(status["neighbours"].size(), 1U);
  const json& peer = status["neighbours"][0];
  EXPECT_EQ(peer["id"], nodes.second.engine.id().text());
  EXPECT_TRUE(peer["round_trip_us"].is_number());
  EXPECT_EQ(peer["clock"]["state"], "ok");
  EXPECT_EQ(status["neighbours_cut"], false);
}

}  // namespace
}  // namespace meshdict
