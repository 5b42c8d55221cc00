#pragma once
// One record in one block of memory: what a dictionary of millions of keys consists of.
//
// 1. A block holds the fixed fields, the key and the value, one behind the other. What many records share, their owner's
//    id and boot, is held once and counted. The value of a tombstone, and its hash, are the same for all.
// 2. A block stays where it is; its address leads to it.
//
// Cost: 56 bytes, 32 more for the hash of a value, and what the allocator adds. Not thread-safe.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/encoding/msgpack.h"
#include "core/record/version.h"

namespace meshdict {

/// What is known of a key.
struct Record {
  Version version;
  /// The empty bin for a tombstone.
  RawView value;
  /// When it was written, on our monotonic clock: first sight - max(0, our hybrid clock - its write time).
  MonoTime written_here;
};

/// The nodes and boots that records are from, each pair once.
class Origins {
 public:
  Origins() = default;
  Origins(const Origins&) = delete;
  Origins& operator=(const Origins&) = delete;

  struct Name {
    NodeId owner;
    Boot boot = Boot::kNone;
    auto operator<=>(const Name&) const = default;
  };
  struct Uses {
    Origins* home = nullptr;
    std::uint64_t count = 0;
  };
  using Entry = std::pair<const Name, Uses>;

  /// Counts one more use. The entry is good until it is given back.
  Entry& take(const NodeId& owner, Boot boot);
  static void give_back(Entry& entry);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::map<Name, Uses> entries_;
  // The next record is mostly from the same.
  Entry* last_taken_ = nullptr;
};

class CompactRecord {
 public:
  /// No record.
  CompactRecord() = default;
  /// `origins` outlives this. REQUIRES: key.size() <= limits::kMaxKey; `value` is one complete value, and
  /// version.value_hash its hash.
  CompactRecord(Origins& origins, std::string_view key, const Version& version, RawView value, MonoTime written_here);

  explicit operator bool() const { return block_ != nullptr; }

  // REQUIRES for all below: there is a record. Views are good while it is.

  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] bool is_visible() const;
  [[nodiscard]] Record record() const;
  /// Of the block, without what the allocator adds.
  [[nodiscard]] std::size_t bytes() const;

  /// The block's address, an even number.
  using Handle = std::uint64_t;
  [[nodiscard]] Handle handle() const { return reinterpret_cast<Handle>(block_.get()); }
  static std::string_view key_at(Handle handle);
  static Record record_at(Handle handle);
  static void set_written_here(Handle handle, MonoTime when);

 private:
  struct Block;
  struct Free {
    void operator()(Block* block) const;
  };
  static Block& block_at(Handle handle);
  static std::string_view key_of(const Block& block);
  static Record record_of(const Block& block);

  std::unique_ptr<Block, Free> block_;
};

}  // namespace meshdict
