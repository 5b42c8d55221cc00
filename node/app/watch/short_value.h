#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "core/encoding/msgpack.h"

namespace meshdict {

/// A value as far as it fits a line for a person. It may be anything that somebody has written: text of it is data, and no
/// UTF-8 is promised.
struct ShortValue {
  std::string_view kind;  ///< "text", "bytes" or "json": what `text` is
  std::string text;
  std::size_t bytes = 0;  ///< of the value: as a client counts them for text and bytes, else of its MessagePack
  bool cut = false;       ///< `text` is not all of it; of a large list or map it is empty
};

/// The first bytes of a text.
std::string_view cut_text(std::string_view text);

/// In a time that does not grow with the value.
ShortValue short_value(RawView value);

}  // namespace meshdict
