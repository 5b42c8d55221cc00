#pragma once
// Why a write is refused: a closed set, visited exhaustively.

#include <string>
#include <variant>

#include "core/base/ids.h"
#include "core/base/time.h"

namespace meshdict {

/// Another node holds the key.
struct Leased {
  NodeId owner;
  /// Until the key is free for us, at least 1 ms.
  Duration left{};
};
struct BadKey {
  std::string what;
};
struct BadValue {
  std::string what;
};
/// There is nothing to delete.
struct NoSuchKey {};
/// Store::has_room() says no.
struct NoRoom {};
/// The key is not claimed because our wall clock differs from the others'.
struct WrongClock {
  /// How far our clock is ahead of the median neighbour's; negative: behind.
  Duration ahead{};
};
using WriteError = std::variant<Leased, BadKey, BadValue, NoSuchKey, NoRoom, WrongClock>;

/// One line of text for a person.
std::string describe(const WriteError& error);

}  // namespace meshdict
