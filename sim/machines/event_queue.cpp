#include "sim/machines/event_queue.h"

#include <algorithm>
#include <cassert>

#include "sim/machines/mixing.h"

namespace meshdict::sim {
namespace {

constexpr std::size_t kFanOut = 4;
constexpr int kSequenceBits = 40;

bool before(const QueuedEvent& a, const QueuedEvent& b) {
  return a.time_us != b.time_us ? a.time_us < b.time_us : a.order < b.order;
}

}  // namespace

void EventQueue::push(Duration at, EventKind kind, std::uint64_t detail) {
  assert(detail >> QueuedEvent::kSubjectBits == 0);
  const std::uint64_t sequence = sequence_++;
  assert(sequence >> kSequenceBits == 0);
  const std::uint64_t tie = mix64(seed_ ^ sequence) >> kSequenceBits;
  QueuedEvent added;
  added.time_us = std::max(at, now_).count();
  added.order = tie << kSequenceBits | sequence;
  added.subject = static_cast<std::uint64_t>(kind) << QueuedEvent::kSubjectBits | detail;

  std::size_t hole = heap_.size();
  heap_.push_back(added);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / kFanOut;
    if (!before(added, heap_[parent])) break;
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = added;
}

QueuedEvent EventQueue::pop() {
  assert(!heap_.empty());
  const QueuedEvent top = heap_.front();
  const QueuedEvent moved = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) {
    std::size_t hole = 0;
    while (true) {
      const std::size_t first = hole * kFanOut + 1;
      if (first >= heap_.size()) break;
      const std::size_t end = std::min(first + kFanOut, heap_.size());
      std::size_t best = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[best])) best = child;
      }
      if (!before(heap_[best], moved)) break;
      heap_[hole] = heap_[best];
      hole = best;
    }
    heap_[hole] = moved;
  }
  now_ = Duration(top.time_us);
  return top;
}

void EventQueue::advance_to(Duration to) {
  assert(to >= now_);
  assert(heap_.empty() || next_time() >= to);
  now_ = to;
}

}  // namespace meshdict::sim
