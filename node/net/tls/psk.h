#pragma once
// Mesh keys in OpenSSL's hands: the callbacks that TLS 1.3 asks for an external pre-shared key.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls/mesh_key.h"

struct ssl_ctx_st;
struct ssl_st;

namespace meshdict {

/// Keys, each with its name.
struct NamedKeys {
  std::vector<std::pair<std::string, MeshKey>> keys;
};

/// What all contexts and keys are for, in OpenSSL's eyes: a key is taken only where this agrees.
inline constexpr std::string_view kSessionUse = "meshdict";

/// Lets a context dial with the first of the keys, and take any. `keys` outlives the context.
void use_mesh_keys(ssl_ctx_st* context, const NamedKeys& keys);

/// What the far end of an accepted connection has offered.
enum class OfferedKey : std::uint8_t { kNone, kUnknown, kKnown };

/// Notes it in `offered`, which outlives the connection.
void watch_offered_key(ssl_st* connection, OfferedKey& offered);

}  // namespace meshdict
