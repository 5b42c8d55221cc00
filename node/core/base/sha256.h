#pragma once
// SHA-256, the hash of messages, values and records.

#include <string_view>

#include "core/base/ids.h"

namespace meshdict {

/// SHA-256 (FIPS 180-4) of `bytes`.
MessageId sha256(std::string_view bytes);

}  // namespace meshdict
