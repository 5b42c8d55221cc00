#pragma once
#include <string>
#include <string_view>

namespace meshdict {

/// Redis's patterns: `*`, `?`, `[abc]`, `[^abc]`, `[a-z]`, and a backslash before a character taken literally. A
/// bracket that does not close ends with the pattern. At most (pattern x text) steps: of several stars, only the last
/// one is ever tried again.
bool glob_match(std::string_view pattern, std::string_view text);

/// The literal beginning that all matches of `pattern` share.
std::string glob_prefix(std::string_view pattern);

}  // namespace meshdict
