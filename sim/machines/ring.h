#pragma once
// A queue in one block of memory. It allocates nothing until it is used, reuses its block while it is busy, and frees a large
// one when it runs empty: a world has two of these for each connection.

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace meshdict::sim {

template <typename T>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T& front() { return slots_[head_]; }
  [[nodiscard]] const T& front() const { return slots_[head_]; }

  void push_back(T item) {
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_) & (slots_.size() - 1)] = std::move(item);
    ++size_;
  }

  /// REQUIRES: not empty.
  T pop_front() {
    assert(size_ > 0);
    T item = std::move(slots_[head_]);
    slots_[head_] = T();
    head_ = (head_ + 1) & (slots_.size() - 1);
    if (--size_ == 0 && slots_.size() > kKeep) clear();
    return item;
  }

  /// The others stay in their order.
  template <typename Predicate>
  void remove_if(Predicate goes) {
    for (std::size_t left = size_; left > 0; --left) {
      T item = pop_front();
      if (!goes(item)) push_back(std::move(item));
    }
  }

  void clear() {
    slots_ = std::vector<T>();
    head_ = 0;
    size_ = 0;
  }

 private:
  // Both are powers of two.
  static constexpr std::size_t kFirst = 4;
  static constexpr std::size_t kKeep = 64;

  void grow() {
    std::vector<T> larger(slots_.empty() ? kFirst : 2 * slots_.size());
    for (std::size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(head_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(larger);
    head_ = 0;
  }

  // Size is a power of two, or 0.
  std::vector<T> slots_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace meshdict::sim
