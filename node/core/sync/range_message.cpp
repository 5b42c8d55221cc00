#include "core/sync/range_message.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "core/encoding/decode_fields.h"

namespace meshdict {
namespace {

constexpr std::size_t kBoundSize = 24;
constexpr std::size_t kIdSize = 8;
constexpr std::uint8_t kLengthBits = 0x3F;
constexpr std::uint64_t kMore = 1;
constexpr std::uint64_t kClosing = 2;

using BoundBytes = std::array<std::uint8_t, kBoundSize>;

void put(std::span<std::uint8_t, 8> bytes, std::uint64_t number) {
  for (std::size_t i = 8; i-- > 0; number >>= 8)
    bytes[i] = static_cast<std::uint8_t>(number & 0xFF);
}

std::uint64_t get(std::span<const std::uint8_t, 8> bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes)
    number = number << 8 | byte;
  return number;
}

BoundBytes to_bytes(const ReconcileItem& bound) {
  BoundBytes bytes{};
  const std::span<std::uint8_t, kBoundSize> all = bytes;
  put(all.subspan<0, 8>(), bound.written.bits);
  put(all.subspan<8, 8>(), bound.hash_high);
  put(all.subspan<16, 8>(), bound.hash_low);
  return bytes;
}

ReconcileItem to_bound(const BoundBytes& bytes) {
  const std::span<const std::uint8_t, kBoundSize> all = bytes;
  return {.written = {get(all.subspan<0, 8>())},
          .hash_high = get(all.subspan<8, 8>()),
          .hash_low = get(all.subspan<16, 8>())};
}

std::size_t shared_bytes(const BoundBytes& left, const BoundBytes& right) {
  return static_cast<std::size_t>(std::ranges::mismatch(left, right).in1 - left.begin());
}

class RangeReader {
 public:
  explicit RangeReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

  std::expected<Range, DecodeError> next() {
    if (bytes_.size() - at_ < 2) return fail("a range is cut off");
    const std::uint8_t head = byte();
    const std::uint8_t shared = byte();
    const std::size_t length = head & kLengthBits;
    if (shared + length > kBoundSize || bytes_.size() - at_ < length) return fail("a range's bound is too long");
    std::fill(bound_.begin() + shared, bound_.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < length; ++i)
      bound_[shared + i] = byte();
    Range range{.lower = to_bound(bound_), .mode = static_cast<RangeMode>(head >> 6), .fingerprint = 0, .ids = {}};
    if (range.lower >= last_) return fail("a range's bound does not fall");
    last_ = range.lower;
    if (range.mode == RangeMode::kFingerprint) {
      if (bytes_.size() - at_ < kIdSize) return fail("a fingerprint is cut off");
      range.fingerprint = number();
    } else if (range.mode != RangeMode::kSkip) {
      const auto count = varint();
      if (!count) return std::unexpected(count.error());
      if (*count > (bytes_.size() - at_) / kIdSize) return fail("ids are cut off");
      range.ids.reserve(*count);
      for (std::uint64_t i = 0; i < *count; ++i)
        range.ids.push_back(number());
    }
    return range;
  }

 private:
  std::uint8_t byte() { return static_cast<std::uint8_t>(bytes_[at_++]); }

  std::uint64_t number() {
    std::array<std::uint8_t, 8> eight{};
    for (std::uint8_t& each : eight)
      each = byte();
    return get(eight);
  }

  std::expected<std::uint64_t, DecodeError> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 28 && !at_end(); shift += 7) {
      const std::uint8_t digit = byte();
      value |= static_cast<std::uint64_t>(digit & 0x7F) << shift;
      if ((digit & 0x80) == 0) return value;
    }
    return fail("a count is damaged");
  }

  [[nodiscard]] std::unexpected<DecodeError> fail(std::string_view what) const {
    return std::unexpected(DecodeError{"ranges: " + std::string(what), at_});
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  ReconcileItem last_ = kAboveAll;
  BoundBytes bound_ = to_bytes(kAboveAll);
};

}  // namespace

void write_range_message(MsgpackWriter& to, const RangeMessage& message) {
  const std::uint64_t flags = (message.more ? kMore : 0) | (message.closing ? kClosing : 0);
  to.integer(std::to_underlying(message.session)).integer(message.reach).integer(flags).bin(message.ranges);
}

std::expected<RangeMessage, DecodeError> read_range_message(std::span<const RawView> payload) {
  if (payload.size() < kRangeMessageElements) return std::unexpected(DecodeError{"ranges: elements are missing", 0});
  Fields fields;
  RangeMessage message;
  message.session = SessionId{fields.take(MsgpackCursor(payload[0]).unsigned_integer(), "session")};
  message.reach = fields.take(MsgpackCursor(payload[1]).unsigned_integer(), "reach");
  const std::uint64_t flags = fields.take(MsgpackCursor(payload[2]).unsigned_integer(), "flags of ranges");
  message.more = (flags & kMore) != 0;
  message.closing = (flags & kClosing) != 0;
  message.ranges = fields.take(MsgpackCursor(payload[3]).bin(), "ranges");
  if (message.ranges.size() > kMaxRangeBytesRead) fields.fail("ranges", "too many bytes");
  return fields.result(std::move(message));
}

std::expected<std::vector<Range>, DecodeError> decode_ranges(std::string_view bytes) {
  RangeReader reader(bytes);
  std::vector<Range> ranges;
  while (!reader.at_end()) {
    auto range = reader.next();
    if (!range) return std::unexpected(std::move(range.error()));
    ranges.push_back(std::move(*range));
  }
  return ranges;
}

ReconcileItem separator(const ReconcileItem& below, const ReconcileItem& item) {
  assert(below < item);
  BoundBytes bytes = to_bytes(item);
  const std::size_t first_different = shared_bytes(to_bytes(below), bytes);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(first_different) + 1, bytes.end(), std::uint8_t{0});
  return to_bound(bytes);
}

void RangeWriter::skip(const ReconcileItem& lower) {
  assert(lower < skipped_);
  skipped_ = lower;
}

void RangeWriter::fingerprint(const ReconcileItem& lower, std::uint64_t value) {
  open_range(lower, RangeMode::kFingerprint);
  write_id(value);
}

void RangeWriter::ids(const ReconcileItem& lower, RangeMode mode, std::span<const std::uint64_t> ids) {
  open_range(lower, mode);
  std::size_t count = ids.size();
  for (; count > 0x7F; count >>= 7)
    out_.push_back(static_cast<char>((count & 0x7F) | 0x80));
  out_.push_back(static_cast<char>(count));
  for (const std::uint64_t id : ids)
    write_id(id);
}

void RangeWriter::return_to(const Mark& mark) {
  out_.resize(mark.size);
  last_ = mark.last;
  skipped_ = mark.skipped;
}

std::string RangeWriter::take_with_last_skip() {
  if (skipped_ < last_) write_head(skipped_, RangeMode::kSkip);
  return take();
}

std::string RangeWriter::take() {
  last_ = kAboveAll;
  skipped_ = kAboveAll;
  return std::exchange(out_, {});
}

void RangeWriter::open_range(const ReconcileItem& lower, RangeMode mode) {
  if (skipped_ < last_) write_head(skipped_, RangeMode::kSkip);
  write_head(lower, mode);
  skipped_ = lower;
}

void RangeWriter::write_head(const ReconcileItem& lower, RangeMode mode) {
  assert(lower < last_);
  const BoundBytes bytes = to_bytes(lower);
  std::size_t length = kBoundSize;
  while (length > 0 && bytes[length - 1] == 0)
    --length;
  const std::size_t shared = std::min(shared_bytes(to_bytes(last_), bytes), length);
  out_.push_back(static_cast<char>(static_cast<unsigned>(mode) << 6 | static_cast<unsigned>(length - shared)));
  out_.push_back(static_cast<char>(shared));
  for (std::size_t i = shared; i < length; ++i)
    out_.push_back(static_cast<char>(bytes[i]));
  last_ = lower;
}

void RangeWriter::write_id(std::uint64_t id) {
  std::array<std::uint8_t, kIdSize> bytes{};
  put(bytes, id);
  out_.append(bytes.begin(), bytes.end());
}

}  // namespace meshdict
