#pragma once
// What a user demands of the programs of a run: checks in C++, over what the world knows and no program sees.

#include <chrono>
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

/// Judged after each event that has changed something, until it fails once.
struct Always {
  std::string name;
  Check check;
};

inline Always always(std::string name, Check check) {
  return {.name = std::move(name), .check = std::move(check)};
}

/// Mutual exclusion by fence, as a resource saw it: the first words of all notes of this kind never become smaller, as text. For a
/// resource that notes what it has accepted, with the fence first.
Always fences_grow(std::string name, std::string kind);

}  // namespace meshdict::sim
