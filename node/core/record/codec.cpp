#include "core/record/codec.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/sha256.h"

namespace meshdict {
namespace {

constexpr std::uint32_t kFields = 9;
constexpr std::size_t kChecksum = 16;

void append(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

std::unexpected<DecodeError> damaged(std::string what, const MsgpackCursor& cursor) {
  return std::unexpected(DecodeError{std::move(what), cursor.position()});
}

std::expected<std::uint64_t, DecodeError> read_kind(MsgpackCursor& cursor) {
  const auto kind = cursor.unsigned_integer();
  if (kind && *kind > static_cast<std::uint64_t>(RecordKind::kTombstone)) {
    return damaged("unknown kind of record", cursor);
  }
  return kind;
}

}  // namespace

MessageId record_hash(std::string_view key, const Version& version) {
  // Fixed widths, and the one variable part last, so that no two records give the same bytes.
  std::string bytes;
  bytes.reserve(8 * 5 + 1 + NodeId::kMaxLength + 1 + version.value_hash.bytes.size() + key.size());
  append(bytes, std::to_underlying(version.epoch));
  append(bytes, version.claim_start.bits);
  append(bytes, std::to_underlying(version.boot));
  append(bytes, std::to_underlying(version.sequence));
  append(bytes, version.written.bits);
  bytes.push_back(static_cast<char>(version.kind));
  bytes += version.value_hash.view();
  bytes.push_back(static_cast<char>(version.owner.text().size()));
  bytes += version.owner.text();
  bytes += key;
  return sha256(bytes);
}

std::string encode_record(const Version& version, RawView value, const MessageId& hash) {
  std::string bytes;
  bytes.reserve(value.size() + 160);
  MsgpackWriter(bytes)
      .array(kFields)
      .integer(std::to_underlying(version.epoch))
      .integer(version.claim_start.bits)
      .bin(version.owner.text())
      .integer(std::to_underlying(version.boot))
      .integer(std::to_underlying(version.sequence))
      .integer(version.written.bits)
      .integer(static_cast<std::uint64_t>(version.kind))
      .bin(hash.view().substr(0, kChecksum))
      .raw(value);
  return bytes;
}

std::expected<StoredRecord, DecodeError> decode_record(std::string_view key, std::string_view bytes) {
  MsgpackCursor cursor(bytes);
  const auto size = cursor.array_size();
  if (!size) return std::unexpected(size.error());
  if (*size < kFields) return damaged("fewer fields than a record has", cursor);

  const auto epoch = cursor.unsigned_integer();
  if (!epoch) return std::unexpected(epoch.error());
  const auto claim_start = cursor.unsigned_integer();
  if (!claim_start) return std::unexpected(claim_start.error());
  const auto owner_text = cursor.bin();
  if (!owner_text) return std::unexpected(owner_text.error());
  const auto owner = NodeId::parse(*owner_text);
  if (!owner) return damaged(owner.error(), cursor);
  const auto boot = cursor.unsigned_integer();
  if (!boot) return std::unexpected(boot.error());
  const auto sequence = cursor.unsigned_integer();
  if (!sequence) return std::unexpected(sequence.error());
  const auto written = cursor.unsigned_integer();
  if (!written) return std::unexpected(written.error());
  const auto kind = read_kind(cursor);
  if (!kind) return std::unexpected(kind.error());
  const auto checksum = cursor.bin();
  if (!checksum) return std::unexpected(checksum.error());
  const auto value = cursor.value();
  if (!value) return std::unexpected(value.error());
  if (*size == kFields && !cursor.at_end()) return damaged("bytes behind the record", cursor);

  StoredRecord record{.version = {.epoch = Epoch{*epoch},
                                  .claim_start = Hlc{*claim_start},
                                  .owner = *owner,
                                  .boot = Boot{*boot},
                                  .sequence = Sequence{*sequence},
                                  .value_hash = sha256(*value),
                                  .written = Hlc{*written},
                                  .kind = static_cast<RecordKind>(*kind)},
                      .value = *value,
                      .hash = {}};
  record.hash = record_hash(key, record.version);
  if (record.hash.view().substr(0, kChecksum) != *checksum) {
    return damaged("the checksum does not fit", cursor);
  }
  return record;
}

}  // namespace meshdict
