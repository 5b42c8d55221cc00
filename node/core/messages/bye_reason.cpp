#include "core/messages/bye_reason.h"

#include <algorithm>
#include <array>

namespace meshdict {
namespace {

struct Said {
  ByeReason reason;
  std::string_view text;
};

/// Older nodes, which know no numbers, read the texts: they stay as they are.
constexpr std::array kSaid = {
    Said{.reason = ByeReason::kStopping, .text = "stopping"},
    Said{.reason = ByeReason::kUnwanted, .text = "disconnected by its user"},
    Said{.reason = ByeReason::kEnough, .text = "has enough links"},
};

}  // namespace

std::string_view to_string(ByeReason reason) {
  const auto* const found = std::ranges::find(kSaid, reason, &Said::reason);
  return found == kSaid.end() ? std::string_view() : found->text;
}

ByeReason bye_reason_of(std::string_view text) {
  const auto* const found = std::ranges::find(kSaid, text, &Said::text);
  return found == kSaid.end() ? ByeReason::kOther : found->reason;
}

}  // namespace meshdict
