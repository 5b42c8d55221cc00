// Plain py2p stores, translated.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/dictionary/dictionary.h"
#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;
constexpr auto kKept = Dictionary::Plain::kKept;

TEST(Py2p, AStoreIsTranslatedOnce) {
  Fixture node;
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 0), Merged::kWon);
  const Version first = node.version("k");
  EXPECT_EQ(first.epoch, Epoch{1});
  EXPECT_EQ(first.claim_start, at_ms(0));
  EXPECT_EQ(first.written, at_ms(0));
  EXPECT_EQ(first.owner, id("P"));
  EXPECT_EQ(first.boot, Boot{0});
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 0), Merged::kKnown);
  EXPECT_EQ(node.merge_py2p("k", "y", "P", 7), Merged::kWon);
  const Version second = node.version("k");
  EXPECT_EQ(fence(second), fence(first)) << "the same claim";
  EXPECT_GT(second.sequence, first.sequence);
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 0, kKept), Merged::kLost) << "an old one";
  EXPECT_EQ(node.get("k"), "y");
}

TEST(Py2p, ALeasedKeyIsRefusedAndALapsedOneTaken) {
  Fixture node;
  node.write("k", "ours");
  node.clock.advance(100s);
  EXPECT_EQ(node.merge_py2p("k", "theirs", "P", 100), Merged::kLost);
  EXPECT_EQ(node.merge_py2p("k", "", "P", 100), Merged::kLost);
  EXPECT_EQ(node.get("k"), "ours");
  node.clock.advance(3'700s);
  EXPECT_EQ(node.merge_py2p("k", "theirs", "P", 3'800), Merged::kWon);
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  EXPECT_EQ(node.version("k").claim_start, at_ms(3'800'000));
  ASSERT_FALSE(node.set("k", "ours"));
  node.clock.advance(3'700s);
  EXPECT_EQ(node.merge_py2p("k", "other", "Q", 3'800), Merged::kLost) << "no takeover is as old as what it takes";
}

TEST(Py2p, AnEmptyValueDeletes) {
  Fixture node;
  EXPECT_EQ(node.merge_py2p("k", "", "P", 0), Merged::kLost) << "nothing to delete";
  EXPECT_TRUE(node.d->records().empty());
  node.merge_py2p("k", "x", "P", 0);
  EXPECT_EQ(node.merge_py2p("k", "", "P", 1), Merged::kWon);
  EXPECT_EQ(node.get("k"), "-");
  EXPECT_EQ(node.merge_py2p("k", "", "P", 1), Merged::kKnown);
  EXPECT_EQ(node.merge_py2p("k", "", "P", 2), Merged::kLost);
  EXPECT_EQ(node.version("k").kind, RecordKind::kTombstone);
  EXPECT_EQ(node.merge_py2p("k", "y", "Q", 2), Merged::kWon) << "a deleted key is free";
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
}

TEST(Py2p, ADictionarySentAgainBringsNothingBack) {
  Fixture node;
  node.merge_py2p("k", "x", "P", 0);
  node.clock.advance(10s);
  node.merge_py2p("k", "", "P", 10);
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 0, kKept), Merged::kLost);
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 10, kKept), Merged::kLost) << "nor what was written in its last second";
  EXPECT_EQ(node.get("k"), "-");
  node.clock.advance(2h);
  EXPECT_EQ(node.merge_py2p("k", "x", "P", 0, kKept), Merged::kLost) << "nor when the lease has lapsed";
}

TEST(Py2p, OurOwnWriteThatComesBackIsKnown) {
  Fixture node;
  node.clock.advance(1'500ms);
  node.write("k", "x");
  EXPECT_EQ(node.merge_py2p("k", "x", "M", 1), Merged::kKnown);
  EXPECT_EQ(node.merge_py2p("k", "x", "M", 2), Merged::kLost) << "boot 0 is older than any of ours";
}

TEST(Py2p, FromTheFutureIsTranslatedWhenItComesBack) {
  Fixture node;
  EXPECT_EQ(node.merge_py2p("k", "first", "P", 60), Merged::kFuture);
  EXPECT_EQ(node.merge_py2p("k", "second", "P", 65), Merged::kFuture);
  EXPECT_EQ(node.merge_py2p("k", "second", "P", 65), Merged::kFuture);
  node.clock.advance(30s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "first");
  node.clock.advance(5s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "second") << "it continues the claim of the first";
  EXPECT_EQ(node.version("k").epoch, Epoch{1});
}

TEST(Py2p, WithoutLeasesTheLaterSecondWins) {
  Fixture node({.leasing = Leasing::kOff});
  EXPECT_EQ(node.merge_py2p("k", "x", "P", -5), Merged::kWon);
  EXPECT_EQ(node.merge_py2p("k", "y", "Q", -4), Merged::kWon);
  EXPECT_EQ(node.version("k").epoch, Epoch{1});
  EXPECT_EQ(node.merge_py2p("k", "x", "P", -5, kKept), Merged::kLost);
  EXPECT_EQ(node.merge_py2p("k", "", "P", -3), Merged::kWon);
  EXPECT_EQ(node.merge_py2p("k", "z", "Q", -3), Merged::kWon);
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
}

TEST(Py2p, RefusesWhatIsNoTime) {
  Fixture node;
  const auto take = [&](const std::string& key, const NodeId& owner, std::int64_t seconds) {
    return node.d->merge_py2p(key, bytes_value("x"), owner, seconds, Dictionary::Plain::kSaid);
  };
  EXPECT_EQ(take("k", id("P"), -1), Merged::kRefused);
  EXPECT_EQ(take("k", id("P"), INT64_MAX), Merged::kRefused);
  EXPECT_EQ(take("k", NodeId(), 1), Merged::kRefused);
  EXPECT_EQ(take(std::string(limits::kMaxKey + 1, 'k'), id("P"), 3'000'000'000), Merged::kRefused) << "not even held";
}

// Within one second

TEST(Py2p, AWritersOwnWritesStandInTheOrderOfTheirComing) {
  for (const Leasing leasing : {Leasing::kOn, Leasing::kOff}) {
    Fixture node({.leasing = leasing});
    for (const std::string text : {"a", "b", "c", "", "d", "e"}) {
      EXPECT_EQ(node.merge_py2p("k", text, "P", 0), Merged::kWon);
      EXPECT_EQ(node.get("k"), text.empty() ? "-" : text);
    }
    node.merge_py2p("k", "", "P", 0);
    EXPECT_EQ(node.get("k"), "-") << "what was deleted last stays deleted";
    EXPECT_EQ(node.merge_py2p("k", "f", "P", -1), Merged::kWon) << "its clock was set back";
  }
}

TEST(Py2p, TheSmallerIdOverwritesAsItDoesThere) {
  for (const Leasing leasing : {Leasing::kOn, Leasing::kOff}) {
    Fixture node({.leasing = leasing});
    node.merge_py2p("k", "q", "Q", 0);
    EXPECT_EQ(node.merge_py2p("k", "p", "P", 0), Merged::kWon);
    EXPECT_EQ(node.merge_py2p("k", "q again", "Q", 0), Merged::kLost);
    EXPECT_EQ(node.merge_py2p("k", "by bytes", "Nz", 0), Merged::kWon) << "'Nz' is larger as a number";
    EXPECT_EQ(node.get("k"), "by bytes");
  }
}

TEST(Py2p, TheSmallerIdOverwritesAClaimOfOursOnlyInTheSecondOfItsStart) {
  Fixture node;
  node.clock.advance(400ms);
  node.write("k", "ours");
  EXPECT_EQ(node.merge_py2p("k", "larger", "P", 0), Merged::kLost);
  EXPECT_EQ(node.version("k").epoch, Epoch{2}) << "ours stands above what others may have taken first";
  EXPECT_EQ(node.merge_py2p("k", "smaller", "A", 0), Merged::kWon);
  EXPECT_EQ(node.told(), "+kl !k:ours:claim start +k");
  node.write("held", "ours");
  node.clock.advance(2s);
  node.write("held", "renewed");
  EXPECT_EQ(node.merge_py2p("held", "smaller", "A", 2), Merged::kLost) << "a lease that is held is held";
}

TEST(Py2p, AClaimOfOursComesBackFromWhereTheLargerIdWasFirst) {
  Fixture node;
  Fixture other({.self = id("N")});
  node.clock.advance(400ms);
  node.write("k", "ours");
  other.merge_py2p("k", "theirs", "P", 0);
  EXPECT_EQ(node.merge("k", "theirs", other.version("k")), Merged::kLost);
  EXPECT_EQ(node.get("k"), "ours");
  EXPECT_EQ(other.merge("k", "ours", node.version("k")), Merged::kWon);
}

TEST(Py2p, WithoutLeasesAWriteOfOursGoesToTheNextSecondWhereThisOneWouldNotCount) {
  Fixture node({.leasing = Leasing::kOff});
  node.clock.advance(400ms);
  node.merge_py2p("k", "larger", "P", 0);
  EXPECT_EQ(node.set("k", "ours")->version().written, at_ms(400));
  node.merge_py2p("k", "smaller", "A", 0);
  EXPECT_EQ(node.get("k"), "smaller");
  EXPECT_GE(node.set("k", "ours")->version().written, at_ms(1'000));
  EXPECT_EQ(node.merge_py2p("k", "smaller", "A", 0), Merged::kLost);
}

TEST(Py2p, ARecreationInTheSecondOfOurDeleteIsNoConflict) {
  for (const Leasing leasing : {Leasing::kOn, Leasing::kOff}) {
    Fixture node({.leasing = leasing});
    node.clock.advance(400ms);
    node.write("k", "ours");
    node.remove("k");
    EXPECT_EQ(node.merge_py2p("k", "theirs", "P", 0), Merged::kWon);
    EXPECT_EQ(node.told(), "+kl -kl +k");
  }
}

TEST(Py2p, FromTheFutureThoseOfOneSecondComeBackInTheirOrder) {
  Fixture node;
  for (const std::string text : {"a", "b", "c", "d"})
    EXPECT_EQ(node.merge_py2p("k", text, "P", 60), Merged::kFuture);
  node.clock.advance(30s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "d");
}

/// What a py2p node holds of one key.
class Py2pKey {
 public:
  explicit Py2pKey(Leasing leasing) : leasing_(leasing) {}

  /// False for what would break it: the deletion of nothing.
  bool take(const std::string& text, const std::string& owner, std::int64_t seconds, std::int64_t now) {
    const bool free = text_.empty() || owner_ == owner || seconds_ < now - 3'600 ||
                      (seconds_ == seconds && owner_ > owner) || (seconds_ < seconds && leasing_ == Leasing::kOff);
    if (!free) return true;
    if (text.empty() && text_.empty()) return false;
    text_ = text;
    owner_ = owner;
    seconds_ = seconds;
    return true;
  }
  [[nodiscard]] std::string get() const { return text_.empty() ? "-" : text_; }

 private:
  Leasing leasing_;
  std::string text_;
  std::string owner_;
  std::int64_t seconds_ = 0;
};

RC_GTEST_PROP(Py2p, BothKindsOfNodeHoldWhatCame, ()) {
  const auto leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff);
  Fixture node({.leasing = leasing});
  Py2pKey there(leasing);
  std::int64_t now = 0;
  const int steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    const std::int64_t pause =
        *rc::gen::weightedElement<std::int64_t>({{6, 0}, {3, 1}, {1, 100}, {1, 3'600}, {1, 3'601}});
    node.clock.advance(std::chrono::seconds(pause));
    now += pause;
    const auto text = *rc::gen::element<std::string>("x", "y", "z", "");
    const auto owner = *rc::gen::element<std::string>("P", "Q", "Pz");
    const auto start = std::chrono::duration_cast<std::chrono::seconds>(kStart).count();
    Py2pKey before = there;
    if (!there.take(text, owner, start + now, start + now)) {
      there = before;
      continue;
    }
    node.merge_py2p("k", text, owner, now);
    RC_ASSERT(node.get("k") == there.get());
  }
  node.d->sanity_check();
}

RC_GTEST_PROP(Py2p, SendingEverythingAgainBringsNothingOlderBack, ()) {
  Fixture node({.leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff)});
  struct Plain {
    std::string key;
    std::string text;
    std::string owner;
    std::int64_t seconds;
  };
  std::vector<Plain> sent;
  std::int64_t now = 0;
  // Within one second nobody can tell which came first.
  const auto pass = [&] {
    const std::int64_t pause = *rc::gen::element(1, 100, 4'000);
    node.clock.advance(std::chrono::seconds(pause));
    now += pause;
  };
  const int steps = *rc::gen::inRange(1, 30);
  for (int i = 0; i < steps; ++i) {
    pass();
    const std::string key = *rc::gen::element<std::string>("a", "b");
    if (*rc::gen::inRange(0, 4) == 0) node.try_write(key, "local");
    if (*rc::gen::inRange(0, 6) == 0) node.try_remove(key);
    pass();
    sent.push_back({.key = key,
                    .text = *rc::gen::element<std::string>("x", "y", ""),
                    .owner = *rc::gen::element<std::string>("P", "Q"),
                    .seconds = now});
    node.merge_py2p(key, sent.back().text, sent.back().owner, now);
  }
  pass();
  const auto send_again = [&] {
    for (const Plain& plain : sent) {
      const auto present = node.d->records().get(plain.key);
      const Hlc held = present ? present->version.written : Hlc{};
      const auto merged = node.merge_py2p(plain.key, plain.text, plain.owner, plain.seconds, kKept);
      if (merged == Merged::kWon) RC_ASSERT(at_ms(plain.seconds * 1'000) > held);
    }
  };
  send_again();
  const ReconcileTotal once = node.total();
  send_again();
  RC_ASSERT(node.total() == once);
  node.d->sanity_check();
}

}  // namespace
}  // namespace meshdict
