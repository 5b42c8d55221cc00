#pragma once
// The bound of --max-memory: what a node counts of its memory, and whether that is used up.
//
// 1. Counted are bytes that depend on nothing but what is kept: each record with its key, its value and its places in the tables
//    (kIndexBytes); and what waits in queues, of clients and towards neighbours. Equal dictionaries count the same on each machine.
//    Not counted is what has bounds of its own: the program, SQLite's cache, logs, tables of addresses and of messages seen.
// 2. At the bound it is full: no record is taken, deletions are. It has room again at the low-water mark.
// 3. A record that begins below the bound is taken whole.
//
// The process then has about 30 MB, and 1.1 times what is counted; until the allocator gives back what is free, more (proptests/e2e/bounds_test.py holds it to that).
//
// Not thread-safe.

#include <cstdint>

#include "core/base/water_marks.h"
#include "core/env/store.h"
#include "core/record/table.h"

namespace meshdict {

/// A record's places in the two trees, and what the allocator adds to its block (bench/memory_report.cpp).
inline constexpr std::uint64_t kIndexBytes = 80;

inline std::uint64_t counted_bytes(const RecordTable& records) {
  return records.record_bytes() + kIndexBytes * records.size();
}

class MemoryLimit {
 public:
  explicit MemoryLimit(const WaterMarks& marks) : marks_(marks) {}

  /// From now on `records`, which outlive this, are counted. `was_full`: it was when the node's last life ended.
  void begin(const RecordTable& records, bool was_full);
  void set_marks(const WaterMarks& marks) { marks_ = marks; }
  /// To be called after each turn, with what the queues hold.
  void look(std::uint64_t queued);

  [[nodiscard]] bool is_full() const { return full_ || marks_.is_full(used(), false); }
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] const WaterMarks& marks() const { return marks_; }

 private:
  WaterMarks marks_;
  const RecordTable* records_ = nullptr;
  std::uint64_t queued_ = 0;
  bool full_ = false;
};

/// A store that has no room for records while memory is short, or has reached its bound.
class RoomInMemory final : public Store {
 public:
  /// Both outlive it.
  RoomInMemory(Store& store, const MemoryLimit& limit) : store_(store), limit_(limit) {}

  std::expected<void, StoreError> load(Table table, const Visitor& visit) override { return store_.load(table, visit); }
  void put(Table table, std::string_view key, std::string_view value) override { store_.put(table, key, value); }
  void erase(Table table, std::string_view key) override { store_.erase(table, key); }
  [[nodiscard]] bool has_room() const override;
  [[nodiscard]] std::size_t staged() const override { return store_.staged(); }
  std::expected<void, StoreError> commit() override { return store_.commit(); }

 private:
  Store& store_;
  const MemoryLimit& limit_;
};

}  // namespace meshdict
