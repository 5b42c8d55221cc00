#pragma once
// Keys and values as lines of JSON: one object a line, from which exactly the same key and value come back.
//
//   {"key":"greeting","type":"bytes","value":"hello"}
//   {"key_base64":"/wA=","type":"bytes","value_base64":"3q2+7w=="}
//   {"key":"point","type":"json","value":{"x":3,"y":4.5}}
//
// 1. A key, and a value that is bytes or text, stand as they are where they are UTF-8, else as base64. "text" is MessagePack's str,
//    "bytes" its bin, as SET writes them.
// 2. Every other value has the type "json", if its JSON says all: no bytes within it, only texts as keys of maps, each of them once. Else
//    it has the type "msgpack", with its MessagePack as base64.
// 3. A name that is not known, or stands twice in a line, is an error: nothing is imported that somebody meant otherwise.

#include <expected>
#include <string>
#include <string_view>

#include "core/encoding/msgpack.h"

namespace meshdict {

/// With its line end.
std::string json_line(std::string_view key, RawView value);

struct KeyAndValue {
  std::string key;
  Raw value;
};
/// Without its line end. Error text says what is wrong with the line.
std::expected<KeyAndValue, std::string> read_json_line(std::string_view line);

/// In base64, with padding.
std::string base64_of(std::string_view bytes);

}  // namespace meshdict
