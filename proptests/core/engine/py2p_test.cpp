// One engine and py2p nodes beside it, which take what arrives as py2p 0.6 does: what they hold in the end is what it holds,
// and nothing breaks them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using Texts = std::map<std::string, std::string>;

/// A py2p node that follows the wire: it drops what it has seen and broadcasts older than a minute, and breaks on the
/// deletion of a key that it does not have.
class Py2pNode {
 public:
  Py2pNode(Node& node, std::string_view name) : node_(node), peer_(node, name) { join(); }

  /// Reads whatever has come.
  void read() { read(link_); }
  /// A second link comes up; the first goes, with what nobody has read on it.
  void lose_the_first_link() {
    const ConnId first = link_;
    join();
    node_.transport.sent.erase(first);
    node_->on_closed(first, "closed");
  }
  void hang_up() {
    node_.transport.sent.erase(link_);
    node_->on_closed(link_, "closed");
  }
  void join() {
    link_ = peer_.join_as_py2p();
    for (const auto& [key, held] : data_) {
      const Raw value = bytes_value(held.text);
      peer_.say(
          link_,
          StoredEntry{
              .key = key, .value = value, .owner = held.owner, .timestamp = static_cast<std::uint64_t>(held.since)});
    }
  }

  void set(std::string_view key, std::string_view text) {
    const Raw value = bytes_value(text);
    store(key, value, id(name()), seconds());
    peer_.say(link_, StoreSet{.key = key, .value = value, .version = std::nullopt});
  }
  void bring(std::string_view key, std::string_view text, std::string_view owner, std::int64_t seconds) {
    const Raw value = bytes_value(text);
    store(key, value, id(owner), seconds);
    peer_.say(
        link_,
        StoredEntry{.key = key, .value = value, .owner = id(owner), .timestamp = static_cast<std::uint64_t>(seconds)});
  }

  [[nodiscard]] Texts holds() const {
    Texts all;
    for (const auto& [key, held] : data_)
      all.emplace(key, held.text);
    return all;
  }
  [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }
  [[nodiscard]] std::size_t frames() const { return frames_; }
  [[nodiscard]] std::int64_t seconds() const { return unix_seconds(node_.clock.wall_time); }
  [[nodiscard]] NodeId owner(const std::string& key) const { return data_.at(key).owner; }

 private:
  struct Held {
    std::string text;
    NodeId owner;
    std::int64_t since = 0;
  };

  [[nodiscard]] std::string name() const { return std::string(peer_.node_id().text()); }

  void read(ConnId link) {
    const std::string bytes = std::exchange(node_.transport.sent[link], {});
    FrameDecoder decoder(limits::kMaxFrame);
    decoder.feed(bytes);
    for (auto body = decoder.next(); body && *body; body = decoder.next()) {
      ++frames_;
      const auto opened = open_body(**body, known_compressions());
      const auto envelope = decode_envelope(opened->plain.message);
      if (envelope->main == MainFlag::kBroadcast) {
        if (envelope->time < seconds() - 60 || !seen_.insert(opened->plain.id).second) continue;
      }
      const Message message = *decode_message(*envelope);
      if (std::holds_alternative<Request>(message)) {
        peer_.say(link, Peers{});
      } else if (const auto* entry = std::get_if<StoredEntry>(&message)) {
        if (!data_.contains(std::string(entry->key))) {
          store(entry->key, entry->value, entry->owner, static_cast<std::int64_t>(entry->timestamp));
        }
      } else if (const auto* set = std::get_if<StoreSet>(&message)) {
        store(set->key, set->value, envelope->sender, envelope->time);
      }
    }
  }

  void store(std::string_view view, RawView value, const NodeId& owner, std::int64_t time) {
    const std::string key(view);
    const auto held = data_.find(key);
    const bool free = held == data_.end() || held->second.owner == owner || held->second.since < seconds() - 3'600 ||
                      (held->second.since == time && held->second.owner.text() > owner.text());
    if (!free) return;
    if (!deletes_at_py2p(value)) {
      data_[key] = {.text = client_text(value), .owner = owner, .since = time};
    } else if (held == data_.end()) {
      broken_.push_back(key);
    } else {
      data_.erase(held);
    }
  }

  Node& node_;
  Peer peer_;
  ConnId link_ = ConnId::kNone;
  std::map<std::string, Held> data_;
  std::set<MessageId> seen_;
  std::vector<std::string> broken_;
  std::size_t frames_ = 0;
};

/// What a py2p node can show of what the node holds.
Texts shown_of(Node& node) {
  Texts all;
  for (const auto& [key, record] : node->dictionary().records()) {
    if (is_visible(record.version) && !deletes_at_py2p(record.value)) {
      all.emplace(std::string(key), client_text(record.value));
    }
  }
  return all;
}

class EnginePy2p : public ::testing::Test {
 protected:
  EnginePy2p() { EXPECT_TRUE(node->start()); }
  ~EnginePy2p() override { node->sanity_check(); }

  void set(std::string_view key, std::string_view text) { EXPECT_TRUE(node->set(key, bytes_value(text))); }
  void erase(std::string_view key) { EXPECT_TRUE(node->erase(key)); }
  [[nodiscard]] Texts shown() { return shown_of(node); }

  Node node;
};

// What would break it

TEST_F(EnginePy2p, NoEmptyValueAndNoDeletionOfNothingReachesIt) {
  Py2pNode there(node, "Z");
  node.pass(1s);
  set("k", "");
  set("k", "");
  node.pass(1s);
  set("k", "x");
  node.pass(1s);
  there.read();
  EXPECT_EQ(there.holds(), (Texts{{"k", "x"}}));
  set("k", "");
  node.pass(1s);
  there.read();
  EXPECT_EQ(there.holds(), Texts{});
  erase("k");
  set("k", "");
  erase("k");
  set("new", "x");
  erase("new");
  node.pass(1s);
  there.read();
  EXPECT_THAT(there.broken(), IsEmpty());
  EXPECT_EQ(there.holds(), Texts{});
}

TEST_F(EnginePy2p, AnEmptyValueIsNotHandedOver) {
  set("k", "");
  set("l", "x");
  Py2pNode there(node, "Z");
  node.pass(1s);
  there.read();
  EXPECT_THAT(there.broken(), IsEmpty());
  EXPECT_EQ(there.holds(), (Texts{{"l", "x"}}));
}

TEST_F(EnginePy2p, WhatIsDeletedBeforeItWasHandedOverBreaksNothing) {
  for (int i = 100; i < 200; ++i)
    set("key " + std::to_string(i), "x");
  Py2pNode there(node, "Z");
  node.pass(200ms);
  there.read();
  erase("key 101");
  erase("key 199");
  node.pass(3s);
  there.read();
  EXPECT_THAT(there.broken(), IsEmpty());
  EXPECT_EQ(there.holds(), shown());
}

TEST_F(EnginePy2p, AnEmptyValueOfAnotherNodeIsNotPassedOn) {
  Peer other(node, "B");
  const ConnId conn = other.join(1);
  Py2pNode there(node, "Z");
  const Raw empty = bytes_value("");
  const auto seconds = std::chrono::milliseconds(there.seconds() * 1'000).count();
  other.pass_on(conn,
                StoreSet{.key = "k",
                         .value = empty,
                         .version = StoreVersion{.epoch = Epoch{1},
                                                 .claim_start = Hlc::from_ms(seconds),
                                                 .boot = Boot{5},
                                                 .sequence = Sequence{0},
                                                 .written = Hlc::from_ms(seconds),
                                                 .kind = RecordKind::kValue}},
                "B", 0);
  EXPECT_TRUE(node->dictionary().find("k"));
  node.pass(1s);
  there.read();
  EXPECT_THAT(there.broken(), IsEmpty());
}

// Bursts

TEST_F(EnginePy2p, ABurstLongerThanItsPatienceArrivesWhole) {
  Py2pNode there(node, "Z");
  node.pass(1s);
  for (int i = 0; i < 9'000; ++i)
    set("key " + std::to_string(i), std::to_string(i));
  for (int i = 0; i < 200; ++i) {
    node.pass(1s);
    there.read();
  }
  EXPECT_EQ(there.holds().size(), 9'000U);
  EXPECT_EQ(there.holds(), shown());
}

TEST_F(EnginePy2p, OfAnOverwrittenKeyOneStoreWaits) {
  Py2pNode there(node, "Z");
  node.pass(1s);
  there.read();
  const std::size_t before = there.frames();
  for (int i = 0; i < 2'000; ++i)
    set("k", std::string(60'000, 'x') + std::to_string(i));
  const auto neighbour = node->neighbours().at(0);
  EXPECT_LE(neighbour.queued, 200'000U);
  EXPECT_EQ(neighbour.waiting_stores, 1U);
  node.pass(1s);
  there.read();
  EXPECT_EQ(there.holds(), shown());
  EXPECT_LE(there.frames() - before, 5U);
}

TEST_F(EnginePy2p, WhatWaitsIsBoundedInBytes) {
  Py2pNode there(node, "Z");
  node.pass(1s);
  for (int i = 0; i < 500; ++i)
    set("key " + std::to_string(i), std::string(60'000, 'x'));
  EXPECT_LE(node->neighbours().at(0).queued, limits::kMaxPacedBytes + 60'000U);
  EXPECT_GE(node->neighbours().at(0).waiting_stores, 490U);
  for (int i = 0; i < 20; ++i) {
    node.pass(1s);
    there.read();
  }
  EXPECT_EQ(there.holds(), shown());
}

TEST_F(EnginePy2p, WhoDoesNotReadIsSentNoMore) {
  Py2pNode there(node, "Z");
  node.pass(1s);
  node.transport.backlog = limits::kBulkLowWater + 1;
  there.read();
  const std::size_t before = there.frames();
  for (int i = 0; i < 100; ++i)
    set("key " + std::to_string(i), "x");
  node.pass(2s);
  there.read();
  EXPECT_EQ(there.frames(), before);
  node.transport.backlog = 0;
  node.pass(3s);
  there.read();
  EXPECT_EQ(there.holds(), shown());
}

// Links that change

TEST_F(EnginePy2p, WhatWasSentOnALinkThatGoesIsSentAgain) {
  set("before", "x");
  Py2pNode there(node, "Z");
  node.pass(50ms);
  set("k", "x");
  node.pass(1s);
  there.lose_the_first_link();
  set("l", "x");
  node.pass(2s);
  there.read();
  EXPECT_EQ(there.holds(), shown());
  EXPECT_THAT(there.broken(), IsEmpty());
}

TEST_F(EnginePy2p, ADeletionThatWasLostWithItsLinkIsSentAgain) {
  Py2pNode there(node, "Z");
  set("k", "x");
  set("l", "x");
  node.pass(1s);
  there.read();
  erase("k");
  node.pass(1s);
  there.lose_the_first_link();
  node.pass(2s);
  there.read();
  EXPECT_EQ(there.holds(), (Texts{{"l", "x"}}));
  EXPECT_THAT(there.broken(), IsEmpty());
}

TEST_F(EnginePy2p, AReturningOneGetsWhatWasChangedMeanwhile) {
  Py2pNode there(node, "Z");
  set("k", "old");
  node.pass(1s);
  there.read();
  there.hang_up();
  node.pass(10s);
  set("k", "new");
  there.join();
  node.pass(1s);
  there.read();
  EXPECT_EQ(there.holds(), (Texts{{"k", "new"}}));
  EXPECT_EQ(there.owner("k"), id("M"));
}

// What it brings along

TEST_F(EnginePy2p, WhatOneBringsAlongIsPassedOnToTheOthers) {
  Py2pNode one(node, "Y");
  Py2pNode other(node, "Z");
  node.pass(1s);
  one.bring("k", "x", "Q", one.seconds() - 100);
  node.pass(1s);
  other.read();
  EXPECT_EQ(other.holds(), (Texts{{"k", "x"}}));
  EXPECT_EQ(other.owner("k"), id("Q"));
}

TEST_F(EnginePy2p, AKeyThatIsDeletedHereIsDeletedWhereItComesBackFrom) {
  Py2pNode one(node, "Y");
  set("k", "x");
  const std::int64_t then = one.seconds();
  node.pass(5s);
  one.read();
  erase("k");
  node.pass(1s);
  one.read();
  Py2pNode late(node, "Z");
  late.bring("k", "x", "M", then);
  node.pass(1s);
  late.read();
  one.read();
  EXPECT_EQ(late.holds(), Texts{});
  EXPECT_EQ(one.holds(), Texts{});
  EXPECT_THAT(late.broken(), IsEmpty());
}

// What only py2p says

/// S of a whisper or broadcast, with a text as its sender.
std::string said_by_text(std::uint64_t main, std::string_view sender, std::uint64_t sub,
                         const std::vector<Raw>& payload) {
  std::string out;
  MsgpackWriter writer(out);
  writer.array(static_cast<std::uint32_t>(4 + payload.size())).integer(main).str(sender);
  writer.integer(std::uint64_t{1'800'000'000}).integer(sub);
  for (const Raw& element : payload)
    writer.raw(element);
  return out;
}

TEST_F(EnginePy2p, AMessageOfATextSenderIsDelivered) {
  Peer there(node, "Z");
  const ConnId conn = there.join_as_py2p();
  there.say_raw(conn, said_by_text(0, "Z", 0, {bytes_value("news")}));
  there.say_raw(conn, said_by_text(2, "Z", 2, {bytes_value("for you")}));
  there.say_raw(conn, said_by_text(0, "Z", 11, {bytes_value("k"), bytes_value("x")}));
  EXPECT_FALSE(there.closed(conn));
  const auto arrived = node.told<MessageArrived>();
  ASSERT_EQ(arrived.size(), 2U);
  EXPECT_EQ(arrived[0].sender, id("Z"));
  EXPECT_EQ(arrived[1].sender, id("Z"));
  ASSERT_TRUE(node->dictionary().find("k"));
  EXPECT_EQ(node->dictionary().find("k")->version.owner, id("Z"));
}

TEST_F(EnginePy2p, AHandshakeOfAnotherLengthIsIgnored) {
  Peer there(node, "Z");
  const ConnId conn = there.connect();
  const std::vector<Raw> whole = {bytes_value("Z"), text_value("protocol"), "\xC0", "\x90", "\xC0"};
  for (const std::ptrdiff_t size : {3, 5})
    there.say_raw(conn, said_by_text(2, "Z", 5, {whole.begin(), whole.begin() + size}));
  EXPECT_FALSE(there.closed(conn));
  EXPECT_THAT(node->neighbours(), IsEmpty());
  there.say(conn, there.handshake(static_cast<std::uint64_t>(Compression::kSnappy)));
  EXPECT_EQ(node->neighbours().size(), 1U);
  there.say_raw(conn, said_by_text(2, "Z", 5, {whole.begin(), whole.begin() + 3}));
  EXPECT_FALSE(there.closed(conn));
}

TEST_F(EnginePy2p, AMapWithKeysOfAnyTypeIsCarried) {
  Py2pNode there(node, "Y");
  Peer one(node, "Z");
  const ConnId conn = one.join_as_py2p();
  const Raw map = "\x82\x01\xA3one\xC4\x01k\x02";
  one.say(conn, StoreSet{.key = "k", .value = map, .version = std::nullopt});
  ASSERT_TRUE(node->dictionary().find("k"));
  EXPECT_EQ(node->dictionary().find("k")->value, map);
  node.pass(1s);
  there.read();
  EXPECT_EQ(there.holds(), (Texts{{"k", client_text(map)}}));
}

// Anything

RC_GTEST_PROP(EnginePy2pAnything, BreaksNothingAndArrives, ()) {
  Node node;
  RC_ASSERT(node->start());
  Py2pNode there(node, "Z");
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const auto key = "key " + std::to_string(*rc::gen::inRange(0, 6));
    switch (*rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {3, 2}, {2, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7}})) {
      case 0:
        (void)node->set(key, bytes_value(std::string(1, *rc::gen::inRange('a', 'z'))));
        break;
      case 1:
        (void)node->set(key, *rc::gen::arbitrary<bool>() ? bytes_value("") : text_value(""));
        break;
      case 2:
        (void)node->erase(key);
        break;
      case 3:
        node.pass(*rc::gen::element<Duration>(1ms, 10ms, 100ms, 1s, 20s));
        there.read();
        break;
      case 4:
        there.lose_the_first_link();
        break;
      case 5:
        there.hang_up();
        there.join();
        break;
      case 6:
        node.transport.backlog = *rc::gen::element<std::size_t>(0, limits::kBulkLowWater + 1);
        break;
      default:
        for (int n = 0; n < 300; ++n)
          (void)node->set("burst " + std::to_string(n), bytes_value(std::to_string(i)));
    }
  }
  node.transport.backlog = 0;
  there.hang_up();
  there.join();
  for (int i = 0; i < 10; ++i) {
    node.pass(1s);
    there.read();
  }
  RC_ASSERT(there.broken().empty());
  RC_ASSERT(there.holds() == shown_of(node));
  node->sanity_check();
}

}  // namespace
}  // namespace meshdict
