#pragma once
// Records as the store gives them back: whether a member can have written them.

#include <expected>
#include <string>
#include <string_view>

#include "core/encoding/msgpack.h"
#include "core/record/codec.h"
#include "core/record/version.h"

namespace meshdict {

/// Whether a member may write this key, value and version.
bool is_writable(std::string_view key, RawView value, const Version& version);

/// What the store holds for a key; views into `bytes`. Error text for what encode_record() cannot have made, or no member may write.
std::expected<StoredRecord, std::string> read_stored_record(std::string_view key, std::string_view bytes);

}  // namespace meshdict
