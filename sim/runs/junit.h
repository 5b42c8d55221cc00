#pragma once
// Results of a sweep for build servers: JUnit's XML, as Jenkins and GitLab read it.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/runs/tally.h"

namespace meshdict::sim {

/// A test case for each seed that failed (of the first sim_limits::kMaxJunitCases), and one for all that passed together: a file
/// of ten million cases helps nobody.
class JunitReport {
 public:
  void add(const Tally& run);
  /// `name` says what was run.
  [[nodiscard]] std::string text(const std::string& name) const;

 private:
  struct Case {
    std::uint64_t seed = 0;
    std::string xml;
  };
  std::uint64_t passed_ = 0;
  std::uint64_t failed_ = 0;
  /// Of the smallest seeds that failed.
  std::vector<Case> cases_;
};

}  // namespace meshdict::sim
