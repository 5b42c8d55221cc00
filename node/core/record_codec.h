#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "core/dictionary.h"

namespace meshdict {

/// A record as the Store keeps it: a MessagePack array of epoch, claim start, owner, boot, sequence, write time, kind
/// and value.
std::string encode_record(const Version& version, RawView value);

struct StoredRecord {
  Version version;
  RawView value;  ///< points into the decoded bytes
};
std::expected<StoredRecord, DecodeError> decode_record(std::string_view bytes);

}  // namespace meshdict
