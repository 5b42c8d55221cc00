#pragma once
// What an `expect` step demands, held against the nodes: at its moment, or over a span of time.
//
// What is demanded over time is looked at whenever all that happens at a moment has happened, from the span's beginning to its
// end: a state that comes and goes within one moment counts as none.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world/stage.h"

namespace meshdict::sim {

class Expectations {
 public:
  /// The stage outlives it.
  explicit Expectations(Stage& stage) : stage_(stage) {}

  /// Each demand that is not met is a failure of the stage, now or once its time is over.
  void perform(const Step& step, const ExpectStep& expect);

  /// Whether look() has anything to do.
  [[nodiscard]] bool watches() const { return !watches_.empty(); }
  void look();
  /// The run is over.
  void finish();

 private:
  /// A demand that is not met.
  struct Unmet {
    std::vector<std::string> nodes;
    std::string what;
  };
  struct Watch {
    const Step* step = nullptr;
    const Expectation* what = nullptr;
    Duration from{};
    Duration until{};
    std::vector<Unmet> last{};  ///< at the last look
    bool looked = false;
  };

  [[nodiscard]] std::vector<Unmet> unmet(const Expectation& what);
  void check_node(const Expectation& what, NodeIndex node);
  void check_counts(const Expectation& what, NodeIndex node);
  void check_info(const Expectation& what, NodeIndex node);
  void check_key(const Expectation& what, NodeIndex node);
  void check_lease(const Expectation& what, NodeIndex node);
  void check_fence(const Expectation& what, NodeIndex node, const std::optional<LeaseView>& lease);
  void check_links(const Expectation& what, NodeIndex node);
  void check_refused(const Expectation& what, NodeIndex node);
  void check_totals(const Expectation& what);
  void check_equal(const Expectation& what);
  /// Whether the watch is over.
  bool judge(Watch& watch);
  void fail(const Watch& watch, std::string_view before);

  void lacks(std::vector<std::string> nodes, std::string what) {
    unmet_.push_back({std::move(nodes), std::move(what)});
  }
  [[nodiscard]] std::uint64_t conflicts(const Expectation& what, NodeIndex node) const;
  [[nodiscard]] std::uint64_t messages(const Expectation& what, NodeIndex node) const;

  Stage& stage_;
  std::vector<Unmet> unmet_;  // of the look under way
  std::vector<Watch> watches_;
};

}  // namespace meshdict::sim
