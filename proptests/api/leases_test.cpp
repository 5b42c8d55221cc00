// What SyncSocket has beyond py2p's: leases and fences, conflicts, watches, snapshots, the data directory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proptests/api/api_fixture.h"
#include "proptests/api/raw_peer.h"
#include "store/sqlite_store.h"

namespace meshdict {
namespace {

using api_test::join;
using api_test::RawPeer;
using api_test::TemporaryDirectory;
using std::chrono_literals::operator""ms;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ApiLease, TellsWhoHoldsAKeyAndForHowLong) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  EXPECT_EQ(first.lease("key"), std::nullopt);
  first.set("key", 1);
  const auto ours = first.lease("key");
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->owner, first.id());
  EXPECT_TRUE(ours->held);
  EXPECT_TRUE(ours->ours);
  EXPECT_EQ(ours->state, LeaseInfo::State::kTentative);
  EXPECT_EQ(to_string(ours->state), "tentative");
  EXPECT_GT(ours->left, std::chrono::minutes(58));
  EXPECT_EQ(ours->epoch, 1U);
  ASSERT_TRUE(eventually([&] { return second.contains("key"); }));
  const auto theirs = second.lease("key");
  EXPECT_EQ(theirs->owner, first.id());
  EXPECT_TRUE(theirs->held);
  EXPECT_FALSE(theirs->ours);
  EXPECT_EQ(theirs->state, LeaseInfo::State::kForeign);
  EXPECT_GT(theirs->left, ours->left);
  EXPECT_EQ(theirs->fence, ours->fence);
}

TEST(ApiWrite, TryingIsNoError) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  EXPECT_TRUE(first.try_set("key", 1));
  ASSERT_TRUE(eventually([&] { return second.contains("key"); }));
  const WriteResult refused = second.try_set("key", 2);
  EXPECT_FALSE(refused);
  EXPECT_EQ(refused.outcome, WriteResult::Outcome::kLeased);
  EXPECT_EQ(refused.owner, first.id());
  EXPECT_GT(refused.left, std::chrono::minutes(58));
  EXPECT_EQ(second.at("key"), Value(1));
  EXPECT_THROW((void)first.try_set("key", std::string("\xFF")), ValueError);
}

TEST(ApiWrite, OnlyAKeyThatIsNotThere) {
  SyncSocket socket("127.0.0.1", 0);
  EXPECT_TRUE(socket.set_if_absent("key", 1));
  EXPECT_EQ(socket.set_if_absent("key", 2).outcome, WriteResult::Outcome::kThere);
  EXPECT_EQ(socket.at("key"), Value(1));
  socket.erase("key");
  EXPECT_TRUE(socket.set_if_absent("key", 3));
}

TEST(ApiWrite, OnlyUnderTheSameClaim) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  first.set("key", 1);
  const Fence fence = first.fence("key");
  EXPECT_TRUE(first.set_if("key", fence, 2));
  EXPECT_EQ(first.fence("key"), fence);
  first.erase("key");
  EXPECT_EQ(first.set_if("key", fence, 3).outcome, WriteResult::Outcome::kOtherFence) << "there is no claim";
  ASSERT_TRUE(eventually([&] { return second.try_set("key", "another's") && first.contains("key"); }));
  EXPECT_EQ(first.set_if("key", fence, 4).outcome, WriteResult::Outcome::kOtherFence);
  second.erase("key");
  ASSERT_TRUE(eventually([&] { return !first.contains("key"); }));
  first.set("key", 5);
  EXPECT_EQ(first.set_if("key", fence, 6).outcome, WriteResult::Outcome::kOtherFence) << "it is a later claim";
  EXPECT_EQ(first.at("key"), Value(5));
}

TEST(ApiWrite, ALeaseIsRenewedByItsHolderOnly) {
  const SyncOptions short_leases{.lease = std::chrono::seconds(5)};
  SyncSocket first("127.0.0.1", 0, short_leases);
  SyncSocket second("127.0.0.1", 0, short_leases);
  ASSERT_TRUE(join(second, first));
  EXPECT_THROW((void)first.renew("key"), KeyError);
  first.set("key", "kept");
  const Fence fence = first.fence("key");
  ASSERT_TRUE(eventually([&] { return second.contains("key"); }));
  EXPECT_FALSE(second.renew("key"));
  const auto begun = first.meta("key").timestamp;
  ASSERT_TRUE(eventually([&] { return first.renew("key") && first.meta("key").timestamp > begun; }));
  EXPECT_EQ(first.fence("key"), fence);
  EXPECT_EQ(first.at("key"), Value("kept"));
  // A lease that has lapsed is no longer its holder's to renew: another may have been told that the key is free.
  ASSERT_TRUE(eventually([&] { return !first.lease("key")->held; }));
  EXPECT_FALSE(first.renew("key"));
}

TEST(ApiWrite, ALeaseIsGivenUpByItsHolder) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  EXPECT_THROW((void)first.release("key"), KeyError);
  first.set("key", "kept");
  const Fence fence = first.fence("key");
  ASSERT_TRUE(eventually([&] { return second.contains("key"); }));
  EXPECT_FALSE(second.release("key"));
  EXPECT_THROW(second.set("key", "mine"), LeasedError);
  EXPECT_TRUE(first.release("key"));
  EXPECT_FALSE(first.release("key"));
  EXPECT_EQ(first.lease("key")->state, LeaseInfo::State::kReleased);
  EXPECT_EQ(first.at("key"), Value("kept"));
  ASSERT_TRUE(eventually([&] { return !second.lease("key")->held; }));
  EXPECT_EQ(second.at("key"), Value("kept"));
  second.set("key", "mine");
  EXPECT_GT(second.fence("key"), fence);
  ASSERT_TRUE(eventually([&] { return first.at("key") == Value("mine"); }));
}

TEST(ApiLease, AFenceGrowsWithEachNewHolderAndOnlyThen) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  EXPECT_THROW(static_cast<void>(first.fence("key")), KeyError);
  first.set("key", 1);
  const Fence before = first.fence("key");
  first.set("key", 2);
  EXPECT_EQ(first.fence("key"), before);
  first.erase("key");
  ASSERT_TRUE(eventually(
      [&] { return !second.contains("key") && second.explain("key").find("deleted") != std::string::npos; }));
  second.set("key", 3);
  const Fence after = second.fence("key");
  EXPECT_GT(after, before);
  EXPECT_EQ(after.hex().size(), 2 * after.bytes.size());
  EXPECT_TRUE(after.hex().starts_with("0000000000000002"));
}

TEST(ApiLease, ALapsedKeyIsFreeForAll) {
  const std::chrono::milliseconds lease = 600ms;
  SyncSocket first("127.0.0.1", 0, {.lease = lease});
  SyncSocket second("127.0.0.1", 0, {.lease = lease});
  ASSERT_TRUE(join(second, first));
  first.set("key", 1);
  ASSERT_TRUE(eventually([&] { return second.contains("key"); }));
  EXPECT_TRUE(eventually([&] {
    try {
      second.set("key", 2);
      return true;
    } catch (const LeasedError&) {
      return false;
    }
  }));
  EXPECT_TRUE(second.lease("key")->ours);
}

TEST(ApiLease, NodesThatDisagreeOnTheLeaseAreRefused) {
  SyncSocket first("127.0.0.1", 0);
  std::mutex mutex;
  std::string log;
  SyncSocket second("127.0.0.1", 0,
                    {.debug_level = 1,
                     .log =
                         [&](int, std::string_view line) {
                           const std::lock_guard lock(mutex);
                           log += line;
                         },
                     .lease = std::chrono::minutes(10)});
  second.connect("127.0.0.1", first.out_addr().port);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return log.find("different settings") != std::string::npos;
  }));
}

TEST(ApiLease, ExplainTellsTheStoryOfAKey) {
  SyncSocket socket("127.0.0.1", 0);
  socket.set("key", 1);
  EXPECT_THAT(socket.explain("key"), HasSubstr("epoch 1"));
  EXPECT_THAT(socket.explain("key"), HasSubstr(socket.id()));
}

/// Two sockets write the same key before they know each other; then they meet.
TEST(ApiConflict, IsRaisedAtTheLoserWithWhatWasLost) {
  struct Lost {
    std::string key;
    ConflictInfo info;
  };
  std::mutex mutex;
  // By the id of the loser.
  std::vector<std::pair<std::string, Lost>> lost;
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  const auto listen = [&](SyncSocket& socket) {
    socket.on<event::Conflict>([&](SyncSocket& at, const std::string& key, const ConflictInfo& info) {
      const std::lock_guard lock(mutex);
      lost.push_back({at.id(), {key, info}});
    });
  };
  listen(first);
  listen(second);
  first.set("key", "first's");
  second.set("key", "second's");
  ASSERT_TRUE(join(second, first));
  ASSERT_TRUE(eventually([&] { return first.get("key") == second.get("key"); }));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return !lost.empty();
  }));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(lost.size(), 1U);
  const auto& [loser, what] = lost.front();
  EXPECT_EQ(what.key, "key");
  const bool first_lost = loser == first.id();
  EXPECT_EQ(what.info.lost, first_lost ? "first's" : "second's");
  EXPECT_EQ(what.info.lost_meta.owner, loser);
  EXPECT_EQ(what.info.winner.owner, first_lost ? second.id() : first.id());
  EXPECT_THAT(what.info.reason, AnyOf("claim start", "owner", "epoch"));
  EXPECT_EQ(first.get("key"), first_lost ? "second's" : "first's");
}

TEST(ApiConflict, IsRegisteredByNameToo) {
  int calls = 0;
  SyncSocket socket("127.0.0.1", 0);
  socket.on("conflict", [&](SyncSocket&, const std::string&, const ConflictInfo&) { ++calls; });
  EXPECT_TRUE(socket.emit("conflict", socket, "key", ConflictInfo{}));
  EXPECT_EQ(calls, 1);
  EXPECT_THROW(socket.on("conflict", [](int) {}), EventError);
  MeshSocket& base = socket;
  EXPECT_THROW(base.on("conflict", [](const EventArguments&) {}), EventError);
}

/// What a watch has told, as text.
class Seen {
 public:
  [[nodiscard]] SyncSocket::WatchHandler handler() {
    return [this](const Change& change) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(change.key + (change.value ? "=" + change.value->json() : " deleted"));
      owners_.push_back(change.meta.owner);
    };
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] std::vector<std::string> owners() const {
    const std::lock_guard lock(mutex_);
    return owners_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::vector<std::string> owners_;
};

TEST(ApiWatch, TellsWhatThereIsAndThenEveryChange) {
  Seen seen;
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  first.update({{"a/1", 1}, {"b/1", 1}, {"a/2", 2}});
  ASSERT_TRUE(eventually([&] { return second.size() == 3; }));
  const Watch watch = second.watch("a/", seen.handler());
  first.set("a/2", 3);
  first.set("b/2", 3);
  first.erase("a/1");
  second.set("a/3", 4);
  ASSERT_TRUE(eventually([&] { return seen.lines().size() == 5; }));
  // What the second wrote itself may come before what the first wrote: they are two nodes.
  EXPECT_THAT(seen.lines(), ::testing::IsSupersetOf({"a/1=1", "a/2=2", "a/2=3", "a/1 deleted", "a/3=4"}));
  EXPECT_THAT(seen.lines()[0], "a/1=1");
  EXPECT_THAT(seen.lines()[1], "a/2=2");
  EXPECT_EQ(seen.owners()[0], first.id());
}

TEST(ApiWatch, EndsWithItsHandle) {
  Seen seen;
  Seen all;
  Seen last;
  SyncSocket socket("127.0.0.1", 0);
  {
    Watch watch = socket.watch("", seen.handler());
    socket.set("a", 1);
    ASSERT_TRUE(eventually([&] { return seen.lines().size() == 1; }));
    // Ends the other.
    watch = socket.watch("", all.handler());
    socket.set("b", 2);
    ASSERT_TRUE(eventually([&] { return all.lines().size() == 2; }));
  }
  socket.set("c", 3);
  const Watch watch = socket.watch("", last.handler());
  ASSERT_TRUE(eventually([&] { return last.lines().size() == 3; }));
  EXPECT_THAT(seen.lines(), ElementsAre("a=1"));
  EXPECT_THAT(all.lines(), ElementsAre("a=1", "b=2"));
}

TEST(ApiWatch, OutlivesTheSocketWithoutHarm) {
  Watch watch;
  Seen seen;
  {
    SyncSocket socket("127.0.0.1", 0);
    watch = socket.watch("", seen.handler());
  }
  watch.cancel();
}

TEST(ApiSnapshot, IsOfOneMomentAndStaysAsItWas) {
  SyncSocket socket("127.0.0.1", 0);
  socket.update({{"a/1", 1}, {"a/2", 2}, {"b/1", 3}});
  const Snapshot all = socket.snapshot();
  const Snapshot some = socket.snapshot("a/");
  socket.set("a/1", 100);
  socket.erase("b/1");
  EXPECT_EQ(all.size(), 3U);
  EXPECT_EQ(all.at("a/1"), 1);
  EXPECT_EQ(all.get("b/1"), 3);
  EXPECT_EQ(all.get("none", "else"), "else");
  EXPECT_THROW(static_cast<void>(all.at("none")), KeyError);
  EXPECT_TRUE(all.contains("b/1"));
  EXPECT_EQ(all.meta("a/1").owner, socket.id());
  std::vector<std::pair<std::string, Value>> walked;
  for (const auto& [key, value] : some)
    walked.emplace_back(key, value);
  EXPECT_THAT(walked, ElementsAre(Pair("a/1", Value(1)), Pair("a/2", Value(2))));
  EXPECT_TRUE(Snapshot().empty());
}

TEST(ApiSnapshot, OutlivesItsSocket) {
  Snapshot snapshot;
  {
    SyncSocket socket("127.0.0.1", 0);
    socket.set("key", 1);
    snapshot = socket.snapshot();
  }
  EXPECT_EQ(snapshot.at("key"), 1);
}

TEST(ApiWait, TheLastWriteIsThereWhenAnotherHasConfirmedIt) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  ASSERT_TRUE(join(second, first));
  for (int i = 0; i < 100; ++i) {
    first.set("key", i);
    ASSERT_EQ(first.wait(1, kPatience), 1U);
    ASSERT_EQ(second.get("key"), i);
  }
  first.erase("key");
  ASSERT_EQ(first.wait(1, kPatience), 1U);
  EXPECT_FALSE(second.contains("key"));
  Value::Map many;
  for (int i = 0; i < 1'000; ++i)
    many["key " + std::to_string(i)] = i;
  first.update(many);
  ASSERT_EQ(first.wait(1, kPatience), 1U);
  EXPECT_EQ(second.copy(), many);
}

TEST(ApiWait, GivesUpAfterATimeAndTellsHowManyHaveIt) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  first.set("key", 1);
  EXPECT_EQ(first.wait(1, 1ms), 0U);
  EXPECT_EQ(first.wait(0, kPatience), 0U);
  ASSERT_TRUE(join(second, first));
  EXPECT_EQ(first.wait(1, kPatience), 1U);
  EXPECT_LE(first.wait(2, 50ms), 1U);
}

TEST(ApiWait, OneThatComesMeanwhileCounts) {
  SyncSocket first("127.0.0.1", 0);
  SyncSocket second("127.0.0.1", 0);
  // So many that a connection is there long before they are.
  Value::Map many;
  for (int i = 0; i < 5'000; ++i)
    many["key " + std::to_string(i)] = i;
  first.update(many);
  std::jthread later([&] { second.connect("127.0.0.1", first.out_addr().port); });
  EXPECT_EQ(first.wait(1, kPatience), 1U);
  EXPECT_EQ(second.size(), many.size());
}

TEST(ApiWait, AHandlerMayWaitToo) {
  std::atomic<std::size_t> confirmed = 0;
  SyncSocket socket("127.0.0.1", 0);
  socket.on<event::Update>([&](SyncSocket& s, const std::string&, const Value&, const Meta&) {
    confirmed = s.wait(1, std::chrono::hours(1));
  });
  SyncSocket other("127.0.0.1", 0);
  socket.set("key", 1);
  ASSERT_TRUE(join(other, socket));
  EXPECT_TRUE(eventually([&] { return confirmed == 1; }));
}

TEST(ApiWait, DoesNotWaitForAClosedSocket) {
  SyncSocket socket("127.0.0.1", 0);
  socket.set("key", 1);
  std::jthread closer([&] { socket.close(); });
  EXPECT_THROW(socket.wait(1, std::chrono::hours(1)), SocketClosed);
}

TEST(ApiClock, UnderAWrongClockNoKeyIsClaimed) {
  SyncSocket socket("127.0.0.1", 0);
  const RawPeer peer(socket.out_addr().port, socket.protocol().id(), std::chrono::hours(1));
  ASSERT_TRUE(eventually([&] { return socket.routing_table().contains(peer.id()); }));
  try {
    socket.set("key", 1);
    FAIL() << "its only neighbour's clock is an hour ahead";
  } catch (const ClockError& error) {
    EXPECT_EQ(error.key(), "key");
    EXPECT_LT(error.ahead(), -std::chrono::minutes(59));
    EXPECT_GT(error.ahead(), -std::chrono::minutes(61));
  }
  EXPECT_FALSE(socket.contains("key"));
}

TEST(ApiDataDir, BelongsToOneNetwork) {
  const TemporaryDirectory directory("api-data");
  SyncSocket("127.0.0.1", 0, {.data_dir = directory.path()}).close();
  EXPECT_THROW(SyncSocket("127.0.0.1", 0, {.data_dir = directory.path(), .leasing = false}), StorageError);
}

TEST(ApiDataDir, AnErrorTellsTheDirectoryAndTheTrouble) {
  const TemporaryDirectory directory("api-data");
  const auto trouble = [&](bool leasing) -> std::optional<StorageTrouble> {
    try {
      SyncSocket("127.0.0.1", 0, {.data_dir = directory.path(), .leasing = leasing}).close();
    } catch (const StorageError& error) {
      EXPECT_EQ(error.path(), directory.path());
      EXPECT_THAT(error.what(), HasSubstr("data directory '" + directory.path() + "': "));
      return error.trouble();
    }
    return std::nullopt;
  };
  {
    const SyncSocket first("127.0.0.1", 0, {.data_dir = directory.path()});
    EXPECT_EQ(trouble(true), StorageTrouble::kInUse);
  }
  EXPECT_EQ(trouble(false), StorageTrouble::kOtherNetwork);
  auto store = SqliteStore::open(directory.path(), Durability::kAlways);
  ASSERT_TRUE(store);
  (*store)->put(Table::kRecords, "key", "no record");
  ASSERT_TRUE((*store)->commit());
  ASSERT_TRUE((*store)->close());
  EXPECT_EQ(trouble(true), StorageTrouble::kDamaged);
}

TEST(ApiDataDir, KeysLeasesAndIdSurviveARestart) {
  const TemporaryDirectory directory("api-data");
  std::string id;
  Fence fence;
  {
    SyncSocket socket("127.0.0.1", 0, {.data_dir = directory.path()});
    id = socket.id();
    socket.set("key", "kept");
    fence = socket.fence("key");
  }
  const auto write_and_die = [&] {
    SyncSocket socket("127.0.0.1", 0, {.data_dir = directory.path()});
    socket.set("last words", "heard");
    std::raise(SIGKILL);
  };
  EXPECT_EXIT(write_and_die(), ::testing::KilledBySignal(SIGKILL), "");
  SyncSocket socket("127.0.0.1", 0, {.data_dir = directory.path(), .sync_each_write = false});
  EXPECT_EQ(socket.id(), id);
  EXPECT_EQ(socket.get("key"), "kept");
  EXPECT_EQ(socket.get("last words"), "heard");
  EXPECT_EQ(socket.fence("key"), fence);
  EXPECT_TRUE(socket.lease("key")->ours);
  socket.set("key", "written again");
  EXPECT_EQ(socket.get("key"), "written again");
}

}  // namespace
}  // namespace meshdict
