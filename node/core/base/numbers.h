#pragma once
// Numbers that must not be taken for each other: each kind is a type of its own. They can only be compared; where they become
// bytes or come from bytes, std::to_underlying() and a cast say so.

#include <cstdint>
#include <utility>

namespace meshdict {

/// The number of an incarnation of a node: larger for each later one. Writes of a py2p node have none.
enum class Boot : std::uint64_t { kNone = 0 };

/// The number of a claim: it rises with each new claim of a key. A floor is an epoch, too.
enum class Epoch : std::uint64_t { kNone = 0 };
constexpr Epoch next(Epoch epoch) {
  return Epoch{std::to_underlying(epoch) + 1};
}

/// The number of a write within its claim.
enum class Sequence : std::uint64_t { kFirst = 0 };
constexpr Sequence next(Sequence sequence) {
  return Sequence{std::to_underlying(sequence) + 1};
}

/// The number of a connection: its dialer draws it. Or of a ping: its answer repeats it.
enum class Nonce : std::uint64_t { kNone = 0 };

/// The number of an anti-entropy session. Random: it salts the fingerprints.
enum class SessionId : std::uint64_t { kNone = 0 };

/// The number of a question to all neighbours whether they have something (Engine::confirm()).
enum class ConfirmationToken : std::uint64_t { kNone = 0 };

/// The question is asked with a ping, whose nonce is the token.
constexpr Nonce nonce_of(ConfirmationToken token) {
  return Nonce{std::to_underlying(token)};
}
constexpr ConfirmationToken token_of(Nonce nonce) {
  return ConfirmationToken{std::to_underlying(nonce)};
}

}  // namespace meshdict
