#pragma once
// Explorations in YAML (scenarios/README.md has every key), and the interleavings that they find.

#include <expected>
#include <string>
#include <variant>
#include <vector>

#include "sim/explore/claim_world.h"
#include "sim/explore/small_world.h"

namespace meshdict::sim {

struct Exploration {
  std::variant<SmallPlan, ClaimPlan> plan;
  /// One interleaving, when the file is a found one.
  std::vector<Choice> choices;
};

/// Whether the text has an `explore:` at its top, and is to be read with the next.
bool is_exploration(const std::string& yaml);

/// Otherwise the mistakes, each as "FILE:LINE:COLUMN: what was wrong, expected ...".
std::expected<Exploration, std::vector<std::string>> load_exploration(const std::string& yaml, const std::string& file);

/// With a comment beside each choice that says what it brings. `heading`: lines of comment above.
std::string to_yaml(const Exploration& exploration, const std::vector<std::string>& heading);

/// "deliver ana#1 bob"
std::string text_of(const std::vector<std::string>& nodes, const Choice& choice);

}  // namespace meshdict::sim
