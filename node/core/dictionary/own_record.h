#pragma once
// What the engine may broadcast as ours.

#include <string_view>

#include "core/encoding/msgpack.h"
#include "core/record/entry.h"
#include "core/record/table.h"

namespace meshdict {

/// A record as it is present under our id: what may be broadcast as ours. Only the dictionary makes one, from what it holds
/// at that moment. Views, good until the dictionary's next non-const call.
class OwnRecord {
 public:
  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] RawView value() const { return value_; }
  [[nodiscard]] const StoreVersion& version() const { return version_; }

 private:
  friend class Dictionary;
  OwnRecord(std::string_view key, const Record& record)
      : key_(key), value_(record.value), version_(store_version(record.version)) {}

  std::string_view key_;
  RawView value_;
  StoreVersion version_;
};

}  // namespace meshdict
