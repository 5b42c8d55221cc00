#pragma once
// What an `expect` step demands, held against the nodes at that moment.

#include <cstdint>

#include "sim/world/stage.h"

namespace meshdict::sim {

class Expectations {
 public:
  /// The stage outlives it.
  explicit Expectations(Stage& stage) : stage_(stage) {}

  /// Each demand that is not met is a failure of the stage.
  void perform(const Step& step, const ExpectStep& expect);

 private:
  void check_node(const Step& step, const Expectation& what, NodeIndex node);
  void check_key(const Step& step, const Expectation& what, NodeIndex node);
  void check_links(const Step& step, const Expectation& what, NodeIndex node);
  void check_refused(const Step& step, const Expectation& what, NodeIndex node);
  void check_totals(const Step& step, const Expectation& what);
  void check_equal(const Step& step, const Expectation& what);
  [[nodiscard]] std::uint64_t conflicts(const Expectation& what, NodeIndex node) const;

  Stage& stage_;
};

}  // namespace meshdict::sim
