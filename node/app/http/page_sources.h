#pragma once
// The sources of the page, as the build has put them into the program: see page/ and EmbedText.cmake.

#include <string_view>

namespace meshdict {

extern const std::string_view kPageFrame;   ///< page.html, with @STYLE@ and @SCRIPT@
extern const std::string_view kPageStyle;   ///< style.css
extern const std::string_view kPageScript;  ///< the scripts, one behind the other

}  // namespace meshdict
