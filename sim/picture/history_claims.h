#pragma once
// Parts of reading a history: tables of names, and which nodes show which claim.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/picture/history.h"
#include "sim/trace/transcript_reader.h"

namespace meshdict::sim {

/// Names and their positions, in the order in which they first occur.
class NameTable {
 public:
  NameIndex add(const std::string& name) {
    const auto [place, is_new] = places_.emplace(name, static_cast<NameIndex>(names_.size()));
    if (is_new) names_.push_back(name);
    return place->second;
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }

 private:
  std::unordered_map<std::string, NameIndex> places_;
  std::vector<std::string> names_;
};

/// Follows which claim of each key each node shows, and fills History::claims.
class ClaimTracker {
 public:
  explicit ClaimTracker(History& history) : claims_(history.claims) {}

  /// Takes a line "record <key> ...": `words` begins behind the key.
  void record(NodeIndex node, NameIndex key, Words words, Duration at,
              const std::map<std::string, NodeIndex, std::less<>>& nodes);
  /// The node shows nothing any more.
  void down(NodeIndex node, Duration at);
  /// Claims that are still shown last until `end`.
  void finish(Duration end);

 private:
  void count(std::size_t claim, Duration at, bool one_more);

  std::vector<Claim>& claims_;
  std::map<std::tuple<NameIndex, std::string, std::uint64_t>, std::size_t> places_;
  std::map<std::pair<NodeIndex, NameIndex>, std::size_t> shown_;
};

}  // namespace meshdict::sim
