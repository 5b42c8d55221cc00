#pragma once
// Why a goodbye is said.

#include <cstdint>
#include <string_view>

namespace meshdict {

/// Numbers of the wire (wire.md): add, never renumber.
enum class ByeReason : std::uint8_t {
  kOther = 0,     ///< and any number from a later version
  kStopping = 1,  ///< the process ends
  kUnwanted = 2,  ///< its user does not want this link
  kEnough = 3,    ///< it gives up an extra link for another
};

/// The text for a person, which a goodbye also carries; empty for kOther.
std::string_view to_string(ByeReason reason);

/// The reason of a goodbye without a number, as older nodes say it: its text is that of to_string().
ByeReason bye_reason_of(std::string_view text);

}  // namespace meshdict
