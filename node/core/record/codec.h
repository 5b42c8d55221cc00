#pragma once
// The two byte forms of a record: the one that the Store keeps, and the one that is hashed for the set that nodes compare.

#include <expected>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/encoding/msgpack.h"
#include "core/record/version.h"

namespace meshdict {

/// SHA-256 over the key and every field of the version, the value's hash among them: two records of equal hash are
/// equal.
MessageId record_hash(std::string_view key, const Version& version);

/// For the Store: a MessagePack array of epoch, claim start, owner, boot, sequence, write time, kind, the first 16
/// bytes of `hash` (which is record_hash()), and the value. Later forms add elements behind these.
std::string encode_record(const Version& version, RawView value, const MessageId& hash);

struct StoredRecord {
  Version version;
  /// Points into the decoded bytes.
  RawView value;
  MessageId hash;  ///< record_hash()
};

/// Error for bytes that encode_record() cannot have made for this key. A changed bit in key, version or value is found by the
/// hash: otherwise there would be two different records under one version.
std::expected<StoredRecord, DecodeError> decode_record(std::string_view key, std::string_view bytes);

}  // namespace meshdict
