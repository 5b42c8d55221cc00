#include "core/record_codec.h"

#include "core/sha256.h"

namespace meshdict {
namespace {

constexpr std::uint32_t kFields = 8;

}  // namespace

std::string encode_record(const Version& version, RawView value) {
  std::string bytes;
  bytes.reserve(value.size() + 128);
  MsgpackWriter(bytes)
      .array(kFields)
      .integer(version.epoch)
      .integer(version.claim_start.bits)
      .bin(version.owner.text())
      .integer(version.boot)
      .integer(version.sequence)
      .integer(version.written.bits)
      .integer(static_cast<std::uint64_t>(version.kind))
      .raw(value);
  return bytes;
}

std::expected<StoredRecord, DecodeError> decode_record(std::string_view bytes) {
  MsgpackCursor cursor(bytes);
  StoredRecord record;
  const auto size = cursor.array_size();
  if (!size) return std::unexpected(size.error());
  if (*size < kFields) return std::unexpected(DecodeError{"fewer fields than a record has", cursor.position()});

  Version& version = record.version;
  const auto number = [&cursor](std::uint64_t& field) -> std::expected<void, DecodeError> {
    const auto value = cursor.unsigned_integer();
    if (!value) return std::unexpected(value.error());
    field = *value;
    return {};
  };
  std::uint64_t kind = 0;
  if (auto read = number(version.epoch); !read) return std::unexpected(read.error());
  if (auto read = number(version.claim_start.bits); !read) return std::unexpected(read.error());
  const auto owner = cursor.bin();
  if (!owner) return std::unexpected(owner.error());
  const auto id = NodeId::parse(*owner);
  if (!id) return std::unexpected(DecodeError{id.error(), cursor.position()});
  version.owner = *id;
  if (auto read = number(version.boot); !read) return std::unexpected(read.error());
  if (auto read = number(version.sequence); !read) return std::unexpected(read.error());
  if (auto read = number(version.written.bits); !read) return std::unexpected(read.error());
  if (auto read = number(kind); !read) return std::unexpected(read.error());
  if (kind > 1) return std::unexpected(DecodeError{"unknown kind of record", cursor.position()});
  version.kind = static_cast<RecordKind>(kind);
  const auto value = cursor.value();
  if (!value) return std::unexpected(value.error());
  record.value = *value;
  version.value_hash = sha256(*value);
  return record;
}

}  // namespace meshdict
