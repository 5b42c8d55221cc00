#pragma once
#include <string_view>

#include "core/base/ids.h"

namespace meshdict {

/// SHA-256 (FIPS 180-4) of `bytes`.
MessageId sha256(std::string_view bytes);

}  // namespace meshdict
