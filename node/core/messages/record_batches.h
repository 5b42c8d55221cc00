#pragma once
// Records on their way to neighbours, divided into messages that fit a frame.
//
// A batch is closed before the record that it has no room for, so that it has either one record or no more than
// limits::kBatchBytes of them. A record that a dictionary admits fits a frame alone (record_batches.cpp has the proof).

#include <cstddef>
#include <span>
#include <vector>

#include "core/messages/message.h"
#include "core/record/entry.h"

namespace meshdict {

/// An upper bound of the bytes that an entry takes in a batch.
[[nodiscard]] std::size_t encoded_bound(const RecordEntry& entry);

/// Holds views: what the entries point to stays valid meanwhile.
class RecordBatches {
 public:
  void add(const RecordEntry& entry);
  /// Whether the last batch has no room for anything.
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool empty() const { return batches_.empty(); }
  /// Records in all batches.
  [[nodiscard]] std::size_t size() const { return records_; }
  /// In the order of add().
  [[nodiscard]] std::span<const Records> batches() const { return batches_; }

 private:
  std::vector<Records> batches_;
  std::size_t records_ = 0;
  // Of the last batch.
  std::size_t bytes_ = 0;
};

}  // namespace meshdict
