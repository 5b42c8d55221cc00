#pragma once
// --max-memory and --max-disk of a node: whether one of them is reached, also over restarts.
//
// 1. One that ends between its bound and its low-water mark is still full when it starts again: that is kept with its data.
// 2. Bounds may change while the node runs.
//
// Order of calls: construct; begin(), once the engine has its records; then anything.

#include <cstdint>
#include <expected>

#include "app/system/lacks.h"
#include "app/system/memory_limit.h"
#include "core/base/water_marks.h"
#include "core/env/store.h"
#include "core/record/table.h"
#include "store/sqlite_store.h"

namespace meshdict {

/// As options say it.
struct BoundSizes {
  /// Of either bound: below it what is under way would fill a node that holds little.
  static constexpr std::uint64_t kLeast = 1 << 20;
  /// Percent.
  static constexpr std::int64_t kLeastLowWater = 10;
  static constexpr std::int64_t kMostLowWater = 99;

  std::uint64_t memory = 0;  ///< bytes, as memory_limit.h counts them; 0: no bound
  std::uint64_t disk = 0;    ///< bytes of the database and its log; 0: no bound
  unsigned low_water = 90;   ///< in percent of these

  [[nodiscard]] WaterMarks of_memory() const { return {.most = memory, .low = memory / 100 * low_water}; }
  [[nodiscard]] WaterMarks of_disk() const { return {.most = disk, .low = disk / 100 * low_water}; }
};

class Bounds {
 public:
  /// `disk`: null for a node that keeps all in memory; outlives this.
  Bounds(SqliteStore* disk, const BoundSizes& sizes) : disk_(disk), memory_(sizes.of_memory()), sizes_(sizes) {}

  /// `records` outlive this.
  std::expected<void, StoreError> begin(Store& store, const RecordTable& records);
  void set(const BoundSizes& sizes);
  /// To be called after each turn, with the bytes that wait in queues. Stages what the next life has to know. True when there is
  /// room again, after there was none.
  bool look(Store& store, std::uint64_t queued);

  [[nodiscard]] Lacks lacks() const;
  [[nodiscard]] const MemoryLimit& memory() const { return memory_; }
  [[nodiscard]] const BoundSizes& sizes() const { return sizes_; }
  /// Whether the node keeps anything in files.
  [[nodiscard]] bool has_files() const { return disk_ != nullptr; }

 private:
  SqliteStore* disk_;
  MemoryLimit memory_;
  BoundSizes sizes_;
  /// Of the two bounds, as the store has it.
  Lacks kept_;
  bool had_no_room_ = false;
};

}  // namespace meshdict
