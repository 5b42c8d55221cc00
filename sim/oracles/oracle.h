#pragma once
// What oracles look at and what they report. An oracle shares no code with what it judges: it compares, counts and
// searches in its own naive way.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/machines/host.h"
#include "sim/machines/network.h"
#include "sim/plan/limits.h"
#include "sim/plan/plan.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

struct Violation {
  std::string property;  ///< a Property's name, or "expect"; of a run without an end of its own, what ended it
  Duration at{};
  std::vector<std::string> nodes;
  std::string what;
  std::uint32_t line = 0;  ///< of the step that demands it; 0: none does
};

/// "ana bob"; of thousands, the first.
std::string names_text(const std::vector<std::string>& nodes);

/// Collects violations: so many, and of each promise the first.
class Findings {
 public:
  /// Both outlive this; each violation also goes into the transcript, when there is one. Of the promises only those of
  /// `check` count, beside what the plan expects.
  explicit Findings(const EventQueue& world, const Transcript* transcript = nullptr,
                    std::vector<Property> check = all_properties(), std::size_t most = sim_limits::kMaxViolations)
      : world_(world), transcript_(transcript), check_(std::move(check)), most_(most) {}
  /// `line`: of the step that demands it.
  void add(std::string_view property, std::vector<std::string> nodes, std::string what, std::uint32_t line = 0);
  [[nodiscard]] const std::vector<Violation>& list() const { return list_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  const EventQueue& world_;
  const Transcript* transcript_;
  const std::vector<Property> check_;
  const std::size_t most_;
  std::vector<Violation> list_;
  std::uint64_t count_ = 0;
};

using Hosts = std::vector<std::unique_ptr<Host>>;

/// Looked up only, never walked: its order reaches nothing.
using Identities = std::unordered_map<NodeId, NodeIndex>;

/// Running nodes that are meant to form one mesh: those of one network and one set of settings that reach each other.
using Society = std::vector<NodeIndex>;
std::vector<Society> societies(const Hosts& hosts, const Network& network);

}  // namespace meshdict::sim
