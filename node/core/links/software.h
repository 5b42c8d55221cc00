#pragma once
// What a node says of its program, in its hello and on its card.

#include <string_view>

namespace meshdict {

inline constexpr std::string_view kSoftware = "meshdict/" MESHDICT_VERSION;

}  // namespace meshdict
