// The set that anti-entropy compares, at 1,000,000 items; and a session, in bytes and messages (frames not counted).

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "core/base/random.h"
#include "core/record/reconcile_set.h"
#include "core/sync/reconciler.h"

namespace meshdict {
namespace {

constexpr std::uint64_t kItems = 1'000'000;

/// As after a long time of use: written in order, then 1,000,000 times one at random written anew.
class Filled : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State& /*state*/) override {  // NOLINT(readability-identifier-naming)
    if (!items.empty()) return;
    for (std::uint64_t i = 0; i < kItems; ++i) {
      items.push_back(fresh());
      set.insert(items.back(), i);
    }
    for (std::uint64_t i = 0; i < kItems; ++i)
      overwrite();
  }
  ReconcileItem fresh() {
    ReconcileItem item{.written = Hlc::from_ms(++now)};
    item.hash_high = random.next();
    item.hash_low = random.next();
    return item;
  }
  void overwrite() {
    ReconcileItem& item = items[static_cast<std::size_t>(random.below(items.size()))];
    set.erase(item);
    item = fresh();
    set.insert(item, 0);
  }
  ReconcileItem any() { return items[static_cast<std::size_t>(random.below(items.size()))]; }

  static inline RandomStream random{1};
  static inline std::int64_t now = 1'800'000'000'000;
  static inline ReconcileSet set;
  static inline std::vector<ReconcileItem> items;
};

BENCHMARK_F(Filled, overwrite_an_item)(benchmark::State& state) {
  for (auto _ : state)
    overwrite();
  state.counters["bytes/item"] = static_cast<double>(set.memory()) / static_cast<double>(set.size());
}

BENCHMARK_F(Filled, insert_and_erase_the_newest)(benchmark::State& state) {
  for (auto _ : state) {
    const ReconcileItem item = fresh();
    set.insert(item, 0);
    set.erase(item);
  }
}

BENCHMARK_F(Filled, erase_and_insert_anywhere)(benchmark::State& state) {
  for (auto _ : state) {
    const ReconcileItem item = any();
    set.erase(item);
    set.insert(item, 0);
  }
}

BENCHMARK_F(Filled, total_of_a_range)(benchmark::State& state) {
  for (auto _ : state) {
    const ReconcileItem one = any();
    const ReconcileItem other = any();
    benchmark::DoNotOptimize(set.between(std::min(one, other), std::max(one, other)));
  }
}

BENCHMARK_F(Filled, item_of_a_rank)(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(set.at(static_cast<std::size_t>(random.below(set.size()))));
}

BENCHMARK_F(Filled, fingerprint_of_a_range)(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(fingerprint(SessionId{7}, set.between(any(), kAboveAll)));
}

BENCHMARK_F(Filled, first_question)(benchmark::State& state) {
  const auto nobody = [](const ReconcileSet::Entry&) { return true; };
  for (auto _ : state) {
    Reconciler reconciler(set);
    reconciler.ask(SessionId{7});
    const auto question = reconciler.work(1'000, nobody);
    state.counters["bytes"] = static_cast<double>(question->message.ranges.size());
  }
}

BENCHMARK_F(Filled, answer_when_equal)(benchmark::State& state) {
  const auto nobody = [](const ReconcileSet::Entry&) { return true; };
  Reconciler asker(set);
  Reconciler answerer(set);
  asker.ask(SessionId{7});
  const auto question = asker.work(1'000, nobody);
  for (auto _ : state) {
    if (!answerer.take_question(question->message)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(answerer.work(1'000, nobody));
  }
}

/// The longest single step under a budget of 256 units: what blocks the loop.
BENCHMARK_F(Filled, one_step_of_a_full_message)(benchmark::State& state) {
  const auto nobody = [](const ReconcileSet::Entry&) { return true; };
  const ReconcileSet empty;
  RangeWriter writer;
  for (std::uint64_t rank = kItems - 300; writer.size() < kMaxRangeBytes; rank -= 300)
    writer.fingerprint(separator(set.at(rank - 1), set.at(rank)), rank);
  const RangeMessage message{
      .session = SessionId{7}, .reach = 0, .more = false, .closing = false, .ranges = writer.take()};
  Reconciler answerer(set);
  for (auto _ : state) {
    if (!answerer.busy() && !answerer.take_question(message)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(answerer.work(256, nobody));
  }
}

}  // namespace
}  // namespace meshdict
