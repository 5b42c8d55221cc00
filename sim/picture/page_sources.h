#pragma once
// The sources of the page, as the build has put them into the program: see page/ and EmbedText.cmake.

#include <string_view>

namespace meshdict::sim {

/// page.html, with @STYLE@, @HISTORY@ and @SCRIPT@.
extern const std::string_view kPageFrame;
extern const std::string_view kPageStyle;  ///< style.css
/// The scripts, one behind the other.
extern const std::string_view kPageScript;

}  // namespace meshdict::sim
