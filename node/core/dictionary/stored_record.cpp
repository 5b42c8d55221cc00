#include "core/dictionary/stored_record.h"

#include <algorithm>

#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {

bool is_writable(std::string_view key, RawView value, const Version& version) {
  if (key.size() > limits::kMaxKey || version.owner.empty()) return false;
  if (version.epoch > largest_epoch(version.written)) return false;
  switch (version.kind) {
    case RecordKind::kValue:
      return check_value(value).has_value();
    case RecordKind::kTombstone:
      return is_empty_bytes(value);
  }
  // A number of no kind, from elsewhere.
  return false;
}

std::expected<StoredRecord, std::string> read_stored_record(std::string_view key, std::string_view bytes) {
  auto stored = decode_record(key, bytes);
  if (!stored) return std::unexpected(stored.error().what);
  // There was no bound once. All nodes cut alike, so that what was equal stays so, and what was larger is not smaller.
  stored->version.epoch = std::min(stored->version.epoch, largest_epoch(stored->version.written));
  if (!is_writable(key, stored->value, stored->version)) return std::unexpected("no member may write it");
  return *std::move(stored);
}

}  // namespace meshdict
