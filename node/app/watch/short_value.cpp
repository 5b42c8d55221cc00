#include "app/watch/short_value.h"

#include "app/watch/limits.h"
#include "core/encoding/value.h"

namespace meshdict {

std::string_view cut_text(std::string_view text) {
  return text.substr(0, watch_limits::kShownBytes);
}

ShortValue short_value(RawView value) {
  if (auto bytes = MsgpackCursor(value).bin_or_str()) {
    return {.kind = is_bytes(value) ? "bytes" : "text",
            .text = std::string(cut_text(*bytes)),
            .bytes = bytes->size(),
            .cut = bytes->size() > watch_limits::kShownBytes};
  }
  if (value.size() > watch_limits::kConvertedBytes) {
    return {.kind = "json", .text = {}, .bytes = value.size(), .cut = true};
  }
  const std::string json = client_text(value);
  return {.kind = "json",
          .text = std::string(cut_text(json)),
          .bytes = value.size(),
          .cut = json.size() > watch_limits::kShownBytes};
}

}  // namespace meshdict
