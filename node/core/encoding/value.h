#pragma once
// Values of the dictionary: nil, bool, integers from -2^63 to 2^64-1, floats, strings, bytes, arrays, and maps with keys of
// any of these, nested up to limits::kMaxDepth. They are kept as MessagePack.

#include <expected>
#include <string>
#include <string_view>

#include "core/encoding/msgpack.h"

namespace meshdict {

/// Bytes as a value (MessagePack bin).
Raw bytes_value(std::string_view bytes);
/// UTF-8 text as a value (MessagePack str).
Raw text_value(std::string_view text);

/// Checks the value of a writer: it must be one complete value of the types above, no longer than limits::kMaxValue.
std::expected<void, std::string> check_value(RawView value);

/// True for a MessagePack bin, well-formed or not: only the type byte is looked at.
bool is_bytes(RawView value);

/// What a Redis client sees: the bytes of a bin or str as they are; anything else as JSON (nested bytes as base64,
/// non-finite floats as null). "null" for nil. In one go: a large one takes long, see json_text.h.
std::string client_text(RawView value);

/// True for the empty bin, py2p's way to say "deleted".
bool is_empty_bytes(RawView value);

/// True for what some py2p nodes take for "deleted": the empty bin, and the empty text.
bool deletes_at_py2p(RawView value);

}  // namespace meshdict
