#include "core/messages/record_batches.h"

#include "core/base/ids.h"
#include "core/encoding/frame.h"
#include "core/limits.h"

namespace meshdict {
namespace {

// Of a string or an array, at the most.
constexpr std::size_t kHead = 5;
// At the most.
constexpr std::size_t kInteger = 9;

/// Of `[key, value, owner, [epoch, claim start, boot, sequence, written, kind]]`, besides key and value.
constexpr std::size_t kAroundRecord = kHead + kHead + (kHead + NodeId::kMaxLength) + kHead + 6 * kInteger;
/// Of `[main, sender, time, sub, bin]`, the array in the bin, the stamp and the hash.
constexpr std::size_t kAroundBatch =
    kHashSize + kHead + kInteger + (kHead + NodeId::kMaxLength) + kInteger + kInteger + kHead + kHead + (2 + 16);

static_assert(limits::kMaxKey + limits::kMaxValue + kAroundRecord + kAroundBatch <= limits::kMaxFrame,
              "a record that is admitted must fit a frame");
static_assert(limits::kBatchBytes + kAroundBatch <= limits::kMaxFrame, "a batch must fit a frame");
static_assert(limits::kBatchRecords <= limits::kMaxElements, "a batch must be readable");

}  // namespace

std::size_t encoded_bound(const RecordEntry& entry) {
  return entry.key.size() + entry.value.size() + kAroundRecord;
}

void RecordBatches::add(const RecordEntry& entry) {
  const std::size_t more = encoded_bound(entry);
  if (batches_.empty() || full() || bytes_ + more > limits::kBatchBytes) {
    batches_.emplace_back();
    bytes_ = 0;
  }
  batches_.back().entries.push_back(entry);
  bytes_ += more;
  ++records_;
}

bool RecordBatches::full() const {
  return !batches_.empty() &&
         (batches_.back().entries.size() >= limits::kBatchRecords || bytes_ >= limits::kBatchBytes);
}

}  // namespace meshdict
