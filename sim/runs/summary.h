#pragma once
// What many runs have shown: how much was simulated, which faults took effect, what was violated and by which seeds.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/plan/fault.h"
#include "sim/plan/thresholds.h"
#include "sim/runs/tally.h"

namespace meshdict::sim {

class Summary {
 public:
  void add(const Tally& run);
  void add(const RunResult& result) { add(tally_of(result)); }

  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  /// How many runs came near to a threshold, by its index in thresholds().
  [[nodiscard]] const Crossing& runs_near(std::size_t threshold) const { return near_[threshold]; }
  [[nodiscard]] std::uint64_t runs_with(Fault fault) const { return faults_[static_cast<std::size_t>(fault)].runs; }
  /// Several lines for people: totals, tables of faults and thresholds, failures by property. The same for the same
  /// runs, in whatever order.
  [[nodiscard]] std::string text() const;

 private:
  struct FaultLine {
    std::uint64_t runs = 0;
    std::uint64_t times = 0;
  };
  struct Failures {
    std::uint64_t runs = 0;
    /// What was violated, by seed, of the smallest seeds.
    std::map<std::uint64_t, std::string> first;
  };

  [[nodiscard]] std::string thresholds_text() const;

  std::uint64_t runs_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t delivered_ = 0;
  /// The sum of all trace hashes: the order does not matter.
  std::uint64_t traces_ = 0;
  Duration simulated_{};
  std::array<FaultLine, kFaults> faults_{};
  Crossings near_{};
  std::map<std::string, Failures> failures_;
};

}  // namespace meshdict::sim
