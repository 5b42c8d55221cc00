#pragma once
// Ids of nodes in small worlds: of two base58 digits, growing with the index.

#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

inline NodeId small_id(NodeIndex node) {
  constexpr std::string_view kDigits = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  const std::string text = {kDigits[node / kDigits.size()], kDigits[node % kDigits.size()]};
  return *NodeId::parse(text);
}

}  // namespace meshdict::sim
