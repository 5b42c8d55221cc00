#pragma once
// What a user demands of the programs of a run: checks in C++, over what the world knows and no program sees.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshdict/value.h"

namespace meshdict::sim {

/// What a program said by Machine::note().
struct Note {
  /// True time, since the run began.
  std::chrono::microseconds at{};
  std::string node;
  std::string kind;
  std::string text;
};

/// The world as it is at a moment.
class View {
 public:
  View() = default;
  virtual ~View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  [[nodiscard]] virtual std::chrono::microseconds now() const = 0;
  /// In the order in which they were made: all, and those since the last look.
  [[nodiscard]] virtual std::span<const Note> notes() const = 0;
  [[nodiscard]] virtual std::span<const Note> new_notes() const = 0;
  [[nodiscard]] virtual std::vector<std::string> nodes() const = 0;
  /// Whether the node's program runs, or the node itself.
  [[nodiscard]] virtual bool is_up(std::string_view node) const = 0;
  /// What the node's dictionary shows; nothing also when it has none.
  [[nodiscard]] virtual std::optional<Value> get(std::string_view node, std::string_view key) const = 0;
};

/// Nothing, or what is wrong. Each run has its own copy: what a mutable lambda keeps is of one run.
using Check = std::function<std::optional<std::string>(const View& view)>;

/// A demand by its name, which is the name of the violation, and when it is judged.
struct Oracle {
  enum class When : std::uint8_t { kAlways, kEventually, kAtEnd };
  std::string name;
  When when = When::kAlways;
  Check check;
  /// Of kEventually: true time.
  std::chrono::microseconds bound{};
};

/// Judged after each event that has changed something, until it fails once.
inline Oracle always(std::string name, Check check) {
  return {.name = std::move(name), .when = Oracle::When::kAlways, .check = std::move(check)};
}

/// Has to hold at some moment after the last step of the plan (faults of a nemesis and their ends are steps, too), at most `bound` later.
/// Programs stand still in the quiet at the end of a plan: where `programs_until` leaves less than `bound`, that is all the time there is.
inline Oracle eventually(std::string name, std::chrono::microseconds bound, Check check) {
  return {.name = std::move(name), .when = Oracle::When::kEventually, .check = std::move(check), .bound = bound};
}

/// Judged once, when the run is over, after the quiet.
inline Oracle at_end(std::string name, Check check) {
  return {.name = std::move(name), .when = Oracle::When::kAtEnd, .check = std::move(check)};
}

/// Mutual exclusion by fence, as a resource saw it: the first words of all notes of this kind never become smaller, as text. For a
/// resource that notes what it has accepted, with the fence first.
Oracle fences_grow(std::string name, std::string kind);

/// Mutual exclusion in true time: no node makes a note of kind `begins` while another, which is up, has made one and none of kind `ends`
/// since. A lease alone does not give that to a program that stood still and does not know: there fences_grow() is what can be had.
Oracle one_at_a_time(std::string name, std::string begins, std::string ends);

}  // namespace meshdict::sim
