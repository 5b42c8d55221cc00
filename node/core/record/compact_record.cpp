#include "core/record/compact_record.h"

#include <cassert>
#include <cstring>
#include <limits>
#include <new>

#include "core/base/sha256.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// The empty bin.
constexpr RawView kNoValue("\xC4\x00", 2);

const MessageId& hash_of_no_value() {
  static const MessageId kHash = sha256(kNoValue);
  return kHash;
}

}  // namespace

Origins::Entry& Origins::take(const NodeId& owner, Boot boot) {
  if (last_taken_ != nullptr && last_taken_->first == Name{.owner = owner, .boot = boot}) {
    ++last_taken_->second.count;
    return *last_taken_;
  }
  const auto [at, fresh] = entries_.try_emplace(Name{.owner = owner, .boot = boot}, Uses{.home = this, .count = 0});
  ++at->second.count;
  last_taken_ = &*at;
  return *at;
}

void Origins::give_back(Entry& entry) {
  if (--entry.second.count > 0) return;
  Origins& home = *entry.second.home;
  if (home.last_taken_ == &entry) home.last_taken_ = nullptr;
  home.entries_.erase(entry.first);
}

/// Behind it: the hash of the value, the key, the value. Of the empty bin neither hash nor value.
struct CompactRecord::Block {
  Epoch epoch;
  Hlc claim_start;
  Sequence sequence;
  Hlc written;
  MonoTime written_here;
  Origins::Entry* origin;
  // 0: the empty bin.
  std::uint32_t value_size;
  std::uint16_t key_size;
  RecordKind kind;

  char* tail() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] std::size_t hash_size() const { return value_size == 0 ? 0 : sizeof(MessageId); }
};
static_assert(limits::kMaxKey <= std::numeric_limits<std::uint16_t>::max());

CompactRecord::CompactRecord(Origins& origins, std::string_view key, const Version& version, RawView value,
                             MonoTime written_here) {
  assert(key.size() <= limits::kMaxKey && value.size() <= limits::kMaxFrame && !value.empty());
  if (value == kNoValue) value = {};
  const std::size_t hash_size = value.empty() ? 0 : sizeof(MessageId);
  void* const memory = ::operator new(sizeof(Block) + hash_size + key.size() + value.size());
  block_.reset(new (memory) Block{.epoch = version.epoch,
                                  .claim_start = version.claim_start,
                                  .sequence = version.sequence,
                                  .written = version.written,
                                  .written_here = written_here,
                                  .origin = &origins.take(version.owner, version.boot),
                                  .value_size = static_cast<std::uint32_t>(value.size()),
                                  .key_size = static_cast<std::uint16_t>(key.size()),
                                  .kind = version.kind});
  char* to = block_->tail();
  std::memcpy(to, version.value_hash.bytes.data(), hash_size);
  to += hash_size;
  to += key.copy(to, key.size());
  value.copy(to, value.size());
}

void CompactRecord::Free::operator()(Block* block) const {
  Origins::give_back(*block->origin);
  ::operator delete(block);
}

CompactRecord::Block& CompactRecord::block_at(Handle handle) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): made by handle(), of a block that stays where it is
  return *reinterpret_cast<Block*>(handle);
}

std::string_view CompactRecord::key_of(const Block& block) {
  return {block.tail() + block.hash_size(), block.key_size};
}

Record CompactRecord::record_of(const Block& block) {
  Record record{.version = {.epoch = block.epoch,
                            .claim_start = block.claim_start,
                            .owner = block.origin->first.owner,
                            .boot = block.origin->first.boot,
                            .sequence = block.sequence,
                            .value_hash = {},
                            .written = block.written,
                            .kind = block.kind},
                .value = kNoValue,
                .written_here = block.written_here};
  if (block.value_size == 0) {
    record.version.value_hash = hash_of_no_value();
  } else {
    std::memcpy(record.version.value_hash.bytes.data(), block.tail(), sizeof(MessageId));
    record.value = {block.tail() + sizeof(MessageId) + block.key_size, block.value_size};
  }
  return record;
}

std::string_view CompactRecord::key() const {
  return key_of(*block_);
}

bool CompactRecord::is_visible() const {
  return block_->kind == RecordKind::kValue;
}

Record CompactRecord::record() const {
  return record_of(*block_);
}

std::size_t CompactRecord::bytes() const {
  return sizeof(Block) + block_->hash_size() + block_->key_size + block_->value_size;
}

std::string_view CompactRecord::key_at(Handle handle) {
  return key_of(block_at(handle));
}

Record CompactRecord::record_at(Handle handle) {
  return record_of(block_at(handle));
}

void CompactRecord::set_written_here(Handle handle, MonoTime when) {
  block_at(handle).written_here = when;
}

}  // namespace meshdict
