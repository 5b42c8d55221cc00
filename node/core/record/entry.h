#pragma once
// A record as it travels.

#include <string_view>

#include "core/encoding/msgpack.h"
#include "core/record/version.h"

namespace meshdict {

/// What a meshdict node adds to a plain store.
struct StoreVersion {
  Epoch epoch = Epoch::kNone;
  Hlc claim_start;
  Boot boot = Boot::kNone;
  Sequence sequence = Sequence::kFirst;
  Hlc written;
  RecordKind kind = RecordKind::kValue;
};

/// What of a version stands in a store; its owner and value stand there already.
inline StoreVersion store_version(const Version& version) {
  return {.epoch = version.epoch,
          .claim_start = version.claim_start,
          .boot = version.boot,
          .sequence = version.sequence,
          .written = version.written,
          .kind = version.kind};
}

/// A record of any owner.
struct RecordEntry {
  std::string_view key;
  RawView value;
  Version version;
};

}  // namespace meshdict
