// Which neighbours have what we wrote, without an engine: in any order of links, answers and time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/confirmations.h"
#include "proptests/core/engine/part_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class ConfirmationsFixture final : public PartFixture {
 public:
  ConfirmationsFixture() { EXPECT_TRUE(dictionary.set("key", bytes_value("value")).has_value()); }

  void on_link_up(Connection& link) override {
    if (link.is_meshdict) confirmations.on_link(link);
  }
  void on_link_gone(const Connection& link) override {
    asked_.erase(link.id);
    confirmations.on_link_gone(link);
  }
  void on_link_left(Connection& primary) override {
    if (primary.is_meshdict) confirmations.on_link(primary);
  }
  void on_pong(const Connection& link, const Pong& pong) override { confirmations.on_pong(link, pong); }

  Pong pong(ConfirmationToken token, std::uint64_t hidden = 0) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(clock.wall_time.time_since_epoch()).count();
    return {.nonce = nonce_of(token), .clock_ms = ms, .hidden = hidden};
  }
  /// The pings that were sent on each link that is there.
  const std::map<ConnId, std::set<Nonce>>& asked() {
    for (const auto& [id, conn] : links.connections()) {
      for_each_message(std::exchange(transport.sent[id], {}), [&](const Message& message) {
        if (const auto* ping = std::get_if<Ping>(&message)) asked_[id].insert(ping->nonce);
      });
    }
    return asked_;
  }

  ClockWatch clocks{MeshSettings().skew, MeshSettings().drift_ppm, clock, dictionary, *this};
  Confirmations confirmations{{.dictionary = dictionary,
                               .links = links,
                               .transport = transport,
                               .clock = clock,
                               .clocks = clocks,
                               .alarm = alarm,
                               .observer = *this},
                              random.stream("confirmations")};

 private:
  std::map<ConnId, std::set<Nonce>> asked_;
};

TEST(Confirmations, WaitForRoomInTheQueueAndGoOnInSteps) {
  ConfirmationsFixture node;
  Connection& link = node.accept("A", 1);
  node.heard(link.id);
  node.transport.backlog = limits::kBulkLowWater + 1;
  ASSERT_TRUE(node.confirmations.begin({"key"}));
  EXPECT_THAT(node.heard(link.id), IsEmpty());
  EXPECT_TRUE(node.confirmations.is_busy(link.id));
  node.transport.backlog = 0;
  node.confirmations.step(link);
  EXPECT_THAT(node.heard(link.id), ElementsAre("records", "ping"));
  EXPECT_FALSE(node.confirmations.is_busy(link.id));
}

TEST(Confirmations, WhatWasAskedOnALinkThatGoesIsAskedOnAnother) {
  ConfirmationsFixture node;
  Connection& first = node.accept("A", 1);
  ASSERT_TRUE(node.confirmations.begin({"key"}));
  const ConnId second = node.accept("A", 2).id;
  EXPECT_THAT(node.heard(second), Contains("ping"));
  node.lose(first);
  EXPECT_THAT(node.heard(second), Contains("ping"));
}

TEST(Confirmations, AnAnswerToAnotherPingBetweenTheBatchesCountsToo) {
  ConfirmationsFixture node;
  Connection& link = node.accept("A", 1);
  const auto token = node.confirmations.begin({"key"});
  node.hear(link, "A", node.pong(ConfirmationToken{std::to_underlying(*token) + 1}, 1));
  node.hear(link, "A", node.pong(*token));
  EXPECT_THAT(node.told<Confirmed>(), IsEmpty());
  EXPECT_EQ(node.confirmations.next_deadline(), node.clock.mono + limits::kConfirmAgain);
  node.hear(link, "A", node.pong(*token));
  EXPECT_EQ(node.told<Confirmed>().size(), 1U);
}

TEST(Confirmations, OfOneThatHasEndedNothingWaits) {
  ConfirmationsFixture node;
  Connection& link = node.accept("A", 1);
  node.transport.backlog = limits::kBulkLowWater + 1;
  const auto token = node.confirmations.begin({"key"});
  node.confirmations.end(*token);
  node.transport.backlog = 0;
  node.heard(link.id);
  node.confirmations.step(link);
  EXPECT_THAT(node.heard(link.id), IsEmpty());
  EXPECT_FALSE(node.confirmations.is_busy(link.id));
}

RC_GTEST_PROP(ConfirmationsModel, EachNeighbourConfirmsOnceWhenItShowsAllAndIsAskedUntilThen, ()) {
  ConfirmationsFixture node;
  std::set<ConfirmationToken> open;
  std::set<std::pair<ConfirmationToken, std::string>> expected;
  std::set<std::pair<ConfirmationToken, std::string>> hidden_between;
  std::uint64_t nonce = 0;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    const std::string name(1, *rc::gen::elementOf(std::string("ABN")));
    Pair* const pair = node.links.pair(id(name));
    const auto token = open.empty() ? ConfirmationToken::kNone : *rc::gen::elementOf(open);
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        open.insert(*node.confirmations.begin({"key", "no such key"}));
        break;
      case 1:
        node.confirmations.end(token);
        open.erase(token);
        break;
      case 2:
        node.accept(name, ++nonce);
        break;
      case 3:
        if (pair != nullptr) node.lose(*pair->primary);
        break;
      case 4:
      case 5: {
        if (pair == nullptr) break;
        const std::uint64_t hidden = *rc::gen::element<std::uint64_t>(0, 0, 1);
        const bool another = *rc::gen::inRange(0, 4) == 0;
        node.hear(*pair->primary, name, node.pong(another || open.empty() ? ConfirmationToken::kNone : token, hidden));
        if (another || open.empty()) {
          for (const ConfirmationToken one : open)
            if (hidden > 0) hidden_between.emplace(one, name);
        } else if (hidden_between.erase({token, name}) == 0 && hidden == 0) {
          expected.emplace(token, name);
        }
        break;
      }
      case 6:
        node.transport.backlog = *rc::gen::element<std::size_t>(0, limits::kBulkLowWater + 1);
        break;
      default:
        node.clock.advance(limits::kConfirmAgain);
        node.confirmations.on_time(node.clock.mono);
    }
    if (node.transport.backlog == 0) {
      for (const auto& [id, conn] : node.links.connections())
        if (conn->established()) node.confirmations.step(*conn);
    }
    node.links.sweep();
    node.confirmations.sanity_check();

    std::set<std::pair<ConfirmationToken, std::string>> told;
    for (const Confirmed& one : node.told<Confirmed>())
      RC_ASSERT(told.emplace(one.token, std::string(one.peer.text())).second);
    RC_ASSERT(told == expected);
    for (const auto& [peer, of_peer] : node.links.pairs()) {
      for (const ConfirmationToken one : open) {
        if (told.contains({one, std::string(peer.text())})) continue;
        const bool is_asked = std::ranges::any_of(of_peer.links, [&, who = one](const Connection* link) {
          const auto found = node.asked().find(link->id);
          return node.confirmations.is_busy(link->id) ||
                 (found != node.asked().end() && found->second.contains(nonce_of(who)));
        });
        RC_ASSERT(is_asked);
      }
    }
  }
}

}  // namespace
}  // namespace meshdict
