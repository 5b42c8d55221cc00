// SyncSocket as a dictionary, over real sockets on loopback: each test stands in the table of node/api/README.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/record/mesh_settings.h"
#include "proptests/api/api_fixture.h"

namespace meshdict {
namespace {

using api_test::join;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Two sockets of one mesh.
class ApiSync : public ::testing::Test {
 public:
  explicit ApiSync(bool leasing = true)
      : first("127.0.0.1", 0, {.leasing = leasing}), second("127.0.0.1", 0, {.leasing = leasing}) {
    EXPECT_TRUE(join(second, first));
  }
  /// Waits until `second` has what `first` wrote last, or the other way round.
  bool same() {
    return eventually([&] { return first.copy() == second.copy(); });
  }

  SyncSocket first;
  SyncSocket second;
};

class ApiSyncWithoutLeases : public ApiSync {
 public:
  ApiSyncWithoutLeases() : ApiSync(false) {}
};

TEST(ApiSyncOptions, TheDefaultNetworkIsPy2ps) {
  const SyncSocket leasing("127.0.0.1", 0);
  EXPECT_EQ(leasing.protocol().network, "sync1");
  EXPECT_EQ(leasing.protocol().id(), "FmY4AF29M8x3wx4wZ26rkLEXywW1onrNhRQx1JSciRKi");
  const SyncSocket open("127.0.0.1", 0, {.leasing = false});
  EXPECT_EQ(open.protocol().network, "sync0");
}

TEST(ApiSyncOptions, TheDefaultLeaseIsThatOfTheMesh) {
  EXPECT_EQ(SyncOptions().lease, MeshSettings().lease);
  EXPECT_EQ(SyncOptions().leasing, MeshSettings().leasing == Leasing::kOn);
}

TEST(ApiSyncOptions, ALeaseThatIsTooShortToWorkWithIsASettingsError) {
  EXPECT_THROW(SyncSocket("127.0.0.1", 0, {.lease = std::chrono::milliseconds(5)}), SettingsError);
}

TEST_F(ApiSync, SetIsSeenHereAndThere) {
  EXPECT_EQ(first.out_addr().host, "127.0.0.1");
  EXPECT_THROW(SyncSocket("127.0.0.1", first.out_addr().port), PortInUse);
  first.set("key", "value");
  EXPECT_EQ(first.get("key"), "value");
  ASSERT_TRUE(same());
  EXPECT_EQ(second.get("key"), "value");
  first.set("key", 2);
  EXPECT_EQ(first.get("key"), 2);
}

TEST_F(ApiSync, EveryKindOfValueIsShared) {
  const Value::Map all = {{"nil", {}},
                          {"bool", true},
                          {"small", -1},
                          {"large", std::uint64_t{18'446'744'073'709'551'615U}},
                          {"float", 2.5},
                          {"text", "测"},
                          {"bytes", Bytes{std::string("\0\xFF", 2)}},
                          {"empty", Bytes{""}},
                          {"array", Value::array({1, "two", Value::array({})})},
                          {"map", {{"a", {{"b", 3}}}}}};
  first.update(all);
  EXPECT_EQ(first.copy(), all);
  EXPECT_TRUE(eventually([&] { return second.copy() == all; }));
  first.set("text", Bytes{});
  EXPECT_EQ(first.at("text"), Bytes{});
}

TEST_F(ApiSync, TheIndexReadsAndWrites) {
  first["key"] = 41;
  first["key"] = first["key"].as<int>() + 1;
  const int number = first["key"];
  EXPECT_EQ(number, 42);
  EXPECT_EQ(first["key"], 42);
  first["copy"] = first["key"];
  const Value value = first["copy"];
  EXPECT_EQ(value, 42);
  const SyncSocket& reader = first;
  EXPECT_EQ(reader["key"], 42);
  EXPECT_THROW(static_cast<void>(first["none"].as<int>()), KeyError);
  EXPECT_THROW(static_cast<void>(reader["none"]), KeyError);
}

TEST_F(ApiSync, GetHasADefault) {
  EXPECT_TRUE(first.get("none").is_nil());
  EXPECT_EQ(first.get("none", "else"), "else");
  first.set("key", 1);
  EXPECT_EQ(first.get("key", "else"), 1);
}

TEST_F(ApiSync, AtThrowsForAMissingKey) {
  first.set("key", 1);
  EXPECT_EQ(first.at("key"), 1);
  std::string missing;
  try {
    static_cast<void>(first.at("none"));
  } catch (const KeyError& error) {
    missing = error.key();
    EXPECT_THAT(error.what(), HasSubstr("none"));
  }
  EXPECT_EQ(missing, "none");
}

TEST_F(ApiSync, UpdateWritesAllOrNone) {
  second.set("taken", "second's");
  ASSERT_TRUE(same());
  try {
    first.update({{"a", 1}, {"taken", 2}, {"z", 3}});
    FAIL() << "one of them is leased";
  } catch (const LeasedError& error) {
    EXPECT_EQ(error.key(), "taken");
  }
  EXPECT_THAT(first.keys(), ElementsAre("taken"));
  first.update(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  first.update(std::unordered_map<std::string, std::string>{{"c", "3"}});
  EXPECT_THAT(first.keys(), ElementsAre("a", "b", "c", "taken"));
  EXPECT_TRUE(same());
}

TEST_F(ApiSync, EraseDeletesAndThrowsForAMissingKey) {
  first.set("key", 1);
  ASSERT_TRUE(same());
  first.erase("key");
  EXPECT_FALSE(first.contains("key"));
  EXPECT_TRUE(eventually([&] { return !second.contains("key"); }));
  EXPECT_THROW(first.erase("key"), KeyError);
  // The key is free for the other now.
  second.set("key", 2);
  EXPECT_EQ(second.get("key"), 2);
}

TEST_F(ApiSync, PopGivesAndDeletes) {
  first.set("key", "value");
  EXPECT_EQ(first.pop("key"), "value");
  EXPECT_FALSE(first.contains("key"));
  EXPECT_THROW(first.pop("key"), KeyError);
}

TEST_F(ApiSync, PopHasADefault) {
  first.set("key", "value");
  EXPECT_EQ(first.pop("key", 7), "value");
  EXPECT_EQ(first.pop("key", 7), 7);
  second.set("theirs", 1);
  ASSERT_TRUE(same());
  EXPECT_THROW(first.pop("theirs", 7), LeasedError);
}

TEST_F(ApiSync, PopitemTakesOneThatMayBeDeleted) {
  EXPECT_THROW(first.popitem(), KeyError);
  second.set("a", "second's");
  ASSERT_TRUE(same());
  EXPECT_THROW(first.popitem(), LeasedError);
  first.set("b", 2);
  EXPECT_THAT(first.popitem(), Pair("b", Value(2)));
  EXPECT_THAT(first.keys(), ElementsAre("a"));
}

TEST_F(ApiSync, KeysValuesAndItemsAreInTheOrderOfKeys) {
  EXPECT_THAT(first.keys(), IsEmpty());
  first.update({{"b", 2}, {"a", 1}, {"c", 3}});
  first.erase("c");
  EXPECT_THAT(first.keys(), ElementsAre("a", "b"));
  EXPECT_THAT(first.values(), ElementsAre(Value(1), Value(2)));
  EXPECT_THAT(first.items(), ElementsAre(Pair("a", Value(1)), Pair("b", Value(2))));
}

TEST_F(ApiSync, CopyIsAnOrdinaryMap) {
  first.update({{"a", 1}, {"b", "x"}});
  Value::Map copy = first.copy();
  EXPECT_EQ(copy, (Value::Map{{"a", 1}, {"b", "x"}}));
  copy["a"] = 5;
  EXPECT_EQ(first.get("a"), 1);
}

TEST_F(ApiSync, SizeAndContainsCountVisibleKeys) {
  EXPECT_TRUE(first.empty());
  first.update({{"a", 1}, {"b", 2}});
  first.erase("a");
  EXPECT_EQ(first.size(), 1U);
  EXPECT_FALSE(first.empty());
  EXPECT_TRUE(first.contains("b"));
  EXPECT_FALSE(first.contains("a"));
}

TEST_F(ApiSync, RangeForWalksOverOneMomentWhileOthersWrite) {
  first.update({{"a", 1}, {"b", 2}});
  std::vector<std::pair<std::string, Value>> seen;
  for (const auto& [key, value] : first) {
    first.set(key + key, value);
    seen.emplace_back(key, value);
  }
  EXPECT_THAT(seen, ElementsAre(Pair("a", Value(1)), Pair("b", Value(2))));
  EXPECT_EQ(first.size(), 4U);
}

TEST_F(ApiSync, MetaNamesTheOwnerAndTheTime) {
  const auto now = std::chrono::system_clock::now();
  first.set("key", 1);
  const Meta meta = first.meta("key");
  EXPECT_EQ(meta.owner, first.id());
  EXPECT_LT(std::chrono::abs(meta.timestamp - now), std::chrono::seconds(60));
  ASSERT_TRUE(same());
  EXPECT_EQ(second.meta("key"), meta);
  EXPECT_THROW(static_cast<void>(first.meta("none")), KeyError);
}

TEST_F(ApiSync, ALeasedKeyIsRefusedWithOwnerAndTimeLeft) {
  first.set("key", 1);
  ASSERT_TRUE(same());
  try {
    second.set("key", 2);
    FAIL() << "the first leases it";
  } catch (const LeasedError& error) {
    EXPECT_EQ(error.key(), "key");
    EXPECT_EQ(error.owner(), first.id());
    EXPECT_GT(error.left(), std::chrono::minutes(59));
    EXPECT_LT(error.left(), std::chrono::minutes(62));
    EXPECT_THAT(error.what(), HasSubstr(first.id()));
  }
  EXPECT_THROW(second["key"] = 2, LeasedError);
  EXPECT_THROW(second.erase("key"), LeasedError);
  EXPECT_THROW(second.pop("key"), LeasedError);
  EXPECT_EQ(second.get("key"), 1);
  // Its owner may.
  first.set("key", 3);
  EXPECT_EQ(first.get("key"), 3);
}

TEST_F(ApiSyncWithoutLeases, EverybodyWritesEveryKey) {
  first.set("key", 1);
  ASSERT_TRUE(same());
  second.set("key", 2);
  EXPECT_TRUE(eventually([&] { return first.get("key") == 2; }));
}

TEST_F(ApiSync, ValuesThatCannotBeStoredAreValueErrors) {
  EXPECT_THROW(first.set("key", "\xFF"), ValueError);
  EXPECT_THROW(first.set("key", std::string(5'000'000, 'x')), ValueError);
  EXPECT_THROW(first.update({{"a", 1}, {"b", "\xFF"}}), ValueError);
  EXPECT_TRUE(first.empty());
}

TEST_F(ApiSync, KeysThatNobodyCanHaveAreInvalidKeys) {
  EXPECT_THROW(first.set(std::string(65'536, 'k'), 1), InvalidKey);
  const std::string longest(65'535, 'k');
  first.set(longest, 1);
  first.set("", 2);
  first.set(std::string("\0\xFF", 2), 3);
  EXPECT_TRUE(same());
  EXPECT_EQ(second.get(""), 2);
}

TEST_F(ApiSync, AClosedDictionaryRefusesEverything) {
  first.set("key", 1);
  first.close();
  EXPECT_THROW(first.set("key", 2), SocketClosed);
  EXPECT_THROW(first.update({{"key", 2}}), SocketClosed);
  EXPECT_THROW(first.erase("key"), SocketClosed);
  EXPECT_THROW(first.pop("key"), SocketClosed);
  EXPECT_THROW(first.popitem(), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.get("key")), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.at("key")), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.size()), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.contains("key")), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.snapshot()), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.lease("key")), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.explain("key")), SocketClosed);
  EXPECT_THROW(static_cast<void>(first.watch("", [](const Change&) {})), SocketClosed);
}

/// What a listener of updates was told.
struct Told {
  std::string key;
  Value data;
  Meta meta;
};

TEST_F(ApiSync, UpdateIsRaisedWithWhatWasWritten) {
  // Both of a loop's thread, until `done`.
  std::vector<Told> here;
  std::vector<Told> there;
  std::atomic<int> done = 0;
  first.on<event::Update>([&](SyncSocket& socket, const std::string& key, const Value& data, const Meta& meta) {
    EXPECT_EQ(&socket, &first);
    here.push_back({key, data, meta});
    ++done;
  });
  second.on("update", [&](SyncSocket& socket, const std::string& key, const Value& data, const Meta& meta) {
    EXPECT_EQ(&socket, &second);
    there.push_back({key, data, meta});
    ++done;
  });
  first.set("key", 1);
  first.set("key", 2);
  ASSERT_TRUE(eventually([&] { return done == 4; }));
  for (const auto* const told : {&here, &there}) {
    EXPECT_EQ((*told)[0].key, "key");
    EXPECT_EQ((*told)[0].data, 1);
    EXPECT_EQ((*told)[0].meta.owner, first.id());
    EXPECT_EQ((*told)[1].data, 2);
  }
}

TEST_F(ApiSync, DeleteIsRaisedWithTheKey) {
  std::vector<std::string> there;
  std::atomic<int> done = 0;
  second.on<event::Delete>([&](SyncSocket&, const std::string& key) {
    there.push_back(key);
    ++done;
  });
  std::atomic<int> here = 0;
  first.on("delete", [&](SyncSocket&, const std::string& key) { here += key == "key" ? 1 : 100; });
  first.set("key", 1);
  first.erase("key");
  ASSERT_TRUE(eventually([&] { return done == 1 && here == 1; }));
  EXPECT_THAT(there, ElementsAre("key"));
}

TEST_F(ApiSync, TheDictionaryMayBeUsedFromInsideAHandler) {
  std::atomic<bool> done = false;
  second.on<event::Update>([&](SyncSocket& socket, const std::string& key, const Value& data, const Meta&) {
    if (key != "question") return;
    EXPECT_EQ(socket.get(key), data);
    EXPECT_EQ(socket["question"], data);
    EXPECT_EQ(socket.size(), 1U);
    socket["answer"] = data.as<int>() + 1;
    EXPECT_EQ(socket.at("answer"), 42);
    socket.update({{"a", 1}, {"b", 2}});
    EXPECT_EQ(socket.pop("a"), 1);
    socket.erase("b");
    EXPECT_THROW(socket.set("question", 0), LeasedError);
    EXPECT_THAT(socket.keys(), ElementsAre("answer", "question"));
    done = true;
  });
  first.set("question", 41);
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_TRUE(eventually([&] { return first.get("answer") == 42; }));
  EXPECT_TRUE(second.status().is_nominal()) << second.status().text();
}

TEST_F(ApiSync, MessagesTravelBesideTheDictionary) {
  first.set("key", 1);
  first.send("hello");
  const auto message = second.recv(kPatience);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->packets().front(), "hello");
}

}  // namespace
}  // namespace meshdict
