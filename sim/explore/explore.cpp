#include "sim/explore/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <unordered_set>
#include <utility>

#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

constexpr std::uint64_t kProgressEvery = 1'024;

/// A set of digests: open addressing, at most half full.
class DigestSet {
 public:
  DigestSet() : slots_(1'024, 0) {}

  /// False when it was there.
  bool insert(std::uint64_t digest) {
    digest = std::max<std::uint64_t>(digest, 1);
    if (2 * size_ >= slots_.size()) grow();
    if (!put(slots_, digest)) return false;
    ++size_;
    return true;
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// While it grows there are two tables.
  [[nodiscard]] std::uint64_t bytes_at_next_growth() const { return 3 * slots_.size() * sizeof(std::uint64_t); }

 private:
  static bool put(std::vector<std::uint64_t>& slots, std::uint64_t digest) {
    std::size_t at = digest & (slots.size() - 1);
    while (slots[at] != 0) {
      if (slots[at] == digest) return false;
      at = (at + 1) & (slots.size() - 1);
    }
    slots[at] = digest;
    return true;
  }

  void grow() {
    std::vector<std::uint64_t> larger(slots_.size() * 2, 0);
    for (const std::uint64_t digest : slots_) {
      if (digest != 0) put(larger, digest);
    }
    slots_ = std::move(larger);
  }

  std::vector<std::uint64_t> slots_;  // 0: free
  std::uint64_t size_ = 0;
};

template <typename World>
std::vector<Choice> complete(World& world, const std::vector<Choice>& tape);

template <typename World>
class Explorer {
 public:
  using Plan = typename World::Plan;

  Explorer(const Plan& plan, const ExploreLimits& limits, const std::function<void(const ExploreCounts&)>& progress)
      : plan_(plan), limits_(limits), progress_(progress) {}

  ExploreResult run();

 private:
  struct Level {
    std::unique_ptr<World> world;
    std::uint64_t digest = 0;
    std::vector<Choice> choices;
    std::size_t next = 0;
  };

  bool enter(std::unique_ptr<World> world, std::uint64_t digest);
  [[nodiscard]] std::string exhausted() const;
  void found_violation();
  [[nodiscard]] std::vector<Choice> tape() const;

  const Plan& plan_;
  const ExploreLimits& limits_;
  const std::function<void(const ExploreCounts&)>& progress_;
  DigestSet seen_;
  std::unordered_set<std::uint64_t> open_;  // digests of the levels
  std::vector<Level> levels_;
  ExploreResult result_;
};

/// Judges a new state and puts it on the way. False when it is wrong.
template <typename World>
bool Explorer<World>::enter(std::unique_ptr<World> world, std::uint64_t digest) {
  ExploreCounts& counts = result_.counts;
  ++counts.states;
  Level level{.world = std::move(world), .digest = digest, .choices = {}, .next = 0};
  level.choices = level.world->choices();
  const bool at_rest = level.world->at_rest();
  if (at_rest || level.choices.empty()) {
    ++counts.terminals;
    result_.ends.insert(level.world->look());
  }
  result_.wrongs = level.world->wrongs();
  open_.insert(digest);
  levels_.push_back(std::move(level));
  counts.depth = std::max(counts.depth, static_cast<std::uint32_t>(levels_.size() - 1));
  if (progress_ && counts.states % kProgressEvery == 0) progress_(counts);
  return result_.wrongs.empty();
}

template <typename World>
std::string Explorer<World>::exhausted() const {
  if (seen_.size() >= limits_.states) return fmt::format("{} states are visited", limits_.states);
  if (seen_.bytes_at_next_growth() > limits_.bytes) {
    return fmt::format("the table of states would need more than {} MiB", limits_.bytes >> 20);
  }
  if (levels_.size() > limits_.depth) return fmt::format("a way is {} choices long", limits_.depth);
  return {};
}

template <typename World>
std::vector<Choice> Explorer<World>::tape() const {
  std::vector<Choice> way;
  for (const Level& level : levels_) {
    if (level.next > 0) way.push_back(level.choices[level.next - 1]);
  }
  return way;
}

template <typename World>
ExploreResult Explorer<World>::run() {
  auto first = std::make_unique<World>(plan_);
  const std::uint64_t digest = first->digest();
  seen_.insert(digest);
  bool good = enter(std::move(first), digest);
  while (good && !levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.choices.size()) {
      open_.erase(level.digest);
      levels_.pop_back();
      continue;
    }
    const Choice choice = level.choices[level.next++];
    const bool last = level.next == level.choices.size();
    auto world = last ? std::move(level.world) : std::make_unique<World>(*level.world);
    world->apply(choice);
    ++result_.counts.transitions;
    const std::uint64_t after = world->digest();
    if (!seen_.insert(after)) {
      if (open_.contains(after)) ++result_.counts.cycles;
      continue;
    }
    result_.stopped = exhausted();
    if (!result_.stopped.empty()) return std::move(result_);
    good = enter(std::move(world), after);
  }
  if (!good) found_violation();
  return std::move(result_);
}

template <typename World>
void Explorer<World>::found_violation() {
  std::vector<Choice> kept = tape();
  const auto ends_wrong = [&](const std::vector<Choice>& candidate, std::vector<Choice>& whole) {
    World world(plan_);
    whole = complete(world, candidate);
    return !world.wrongs().empty();
  };
  std::vector<Choice> whole;
  bool shorter = true;
  while (shorter) {
    shorter = false;
    for (std::size_t i = kept.size(); i-- > 0;) {
      std::vector<Choice> candidate = kept;
      candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(i));
      if (!ends_wrong(candidate, whole)) continue;
      kept = std::move(candidate);
      shorter = true;
    }
  }
  World world(plan_);
  result_.tape = complete(world, kept);
  result_.wrongs = world.wrongs();
}

/// Applies the tape, leaving out what is not possible, then first choices until something is wrong, the world is at rest or
/// nothing can happen. Gives all that was applied.
template <typename World>
std::vector<Choice> complete(World& world, const std::vector<Choice>& tape) {
  std::vector<Choice> applied;
  const auto apply = [&](const Choice& choice) {
    world.apply(choice);
    applied.push_back(choice);
  };
  for (const Choice& choice : tape) {
    const std::vector<Choice> possible = world.choices();
    if (std::ranges::find(possible, choice) != possible.end()) apply(choice);
  }
  while (world.wrongs().empty() && !world.at_rest() && applied.size() < sim_limits::kMaxChoices) {
    const std::vector<Choice> possible = world.choices();
    if (possible.empty() || is_fault(possible.front().act)) break;
    apply(possible.front());
  }
  return applied;
}

}  // namespace

ExploreResult explore(const SmallPlan& plan, const ExploreLimits& limits,
                      const std::function<void(const ExploreCounts&)>& progress) {
  return Explorer<SmallWorld>(plan, limits, progress).run();
}

ExploreResult explore(const ClaimPlan& plan, const ExploreLimits& limits,
                      const std::function<void(const ExploreCounts&)>& progress) {
  return Explorer<ClaimWorld>(plan, limits, progress).run();
}

}  // namespace meshdict::sim
