// The dictionary: local writes, and merging what arrives.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/encoding/value.h"
#include "core/env/memory_store.h"

namespace meshdict {
namespace {

class FixedClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(1s); }
  [[nodiscard]] WallTime wall() const override { return WallTime(1'800'000'000s); }
};

NodeId node(std::uint64_t seed) {
  RandomStream random(seed);
  return NodeId::generate(random);
}

std::vector<std::string> keys(std::int64_t count) {
  std::vector<std::string> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back("key:" + std::to_string(i));
  RandomStream(1).shuffle(result);
  return result;
}

/// The real dictionary over a store that keeps nothing.
class NullStore final : public Store {
 public:
  std::expected<void, StoreError> load(Table, const Visitor&) override { return {}; }
  void put(Table, std::string_view, std::string_view) override {}
  void erase(Table, std::string_view) override {}
  std::expected<void, StoreError> commit() override { return {}; }
};

void merge_new(benchmark::State& state) {
  const auto names = keys(state.range(0));
  const std::string value = bytes_value("sixteen bytes...");
  const FixedClock clock;
  const Version version{.epoch = Epoch{1},
                        .claim_start = Hlc::from_ms(1'800'000'000'000),
                        .owner = node(2),
                        .boot = Boot{1},
                        .sequence = Sequence{0},
                        .value_hash = sha256(value),
                        .written = Hlc::from_ms(1'800'000'000'000),
                        .kind = RecordKind::kValue};
  for (auto _ : state) {
    NullStore store;
    Dictionary dictionary({{}, node(1), Boot{1}}, clock, store, [](const DictionaryEvent&) {});
    for (const std::string& key : names)
      benchmark::DoNotOptimize(dictionary.merge(key, value, version));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(merge_new)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void write_own(benchmark::State& state) {
  const auto names = keys(state.range(0));
  const std::string value = bytes_value("sixteen bytes...");
  const FixedClock clock;
  NullStore store;
  Dictionary dictionary({{}, node(1), Boot{1}}, clock, store, [](const DictionaryEvent&) {});
  for (auto _ : state) {
    for (const std::string& key : names)
      benchmark::DoNotOptimize(dictionary.set(key, value));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(write_own)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void compare_versions(benchmark::State& state) {
  const Version left{
      .epoch = Epoch{7}, .claim_start = Hlc::from_ms(5), .owner = node(1), .boot = Boot{1}, .sequence = Sequence{3}};
  Version right = left;
  right.sequence = Sequence{4};
  for (auto _ : state)
    benchmark::DoNotOptimize(compare(left, right, Leasing::kOn));
}
BENCHMARK(compare_versions);

}  // namespace
}  // namespace meshdict
