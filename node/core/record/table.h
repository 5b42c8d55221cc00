#pragma once
// All records of a dictionary, in the order of their keys.
//
// 1. Each key has at most one record.
// 2. A Record is made when it is asked for, and points into the table. Views are good until that record is replaced or erased,
//    iterators until any record is.
//
// Cost: O(log n) comparisons of keys for each call; 9 to 16 bytes a record besides its block (compact_record.h). Not
// thread-safe.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/ordered_tree.h"
#include "core/record/compact_record.h"

namespace meshdict {

class RecordTable {
  struct Totals {
    std::uint64_t count = 0;
    std::uint64_t visible = 0;

    Totals& operator+=(const Totals& other);
    Totals& operator-=(const Totals& other);
    bool operator==(const Totals&) const = default;
  };

  struct Traits {
    using Slot = CompactRecord;
    using Key = std::string_view;
    using Bound = std::string;
    using Total = Totals;
    static std::string_view key_of(const CompactRecord& record) { return record.key(); }
    static Totals total_of(const CompactRecord& record) {
      return {.count = 1, .visible = record.is_visible() ? std::uint64_t{1} : 0};
    }
    static constexpr std::size_t kLeafCapacity = 64;
    static constexpr std::size_t kInnerCapacity = 32;
  };
  using Tree = OrderedTree<Traits>;

 public:
  using Handle = CompactRecord::Handle;
  using value_type = std::pair<std::string_view, Record>;

  /// Shows one record after the other: `it->first` is the key, `it->second` the record.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = RecordTable::value_type;
    using pointer = const value_type*;
    using reference = const value_type&;

    Iterator() = default;

    /// Good until the iterator moves or ends.
    const value_type& operator*() const&;
    const value_type* operator->() const& { return &**this; }
    // Of a temporary iterator the record would be gone with it.
    const value_type& operator*() && = delete;
    const value_type* operator->() && = delete;  // see RecordTable::get()
    [[nodiscard]] std::string_view key() const { return rest_.front().key(); }
    [[nodiscard]] bool is_visible() const { return rest_.front().is_visible(); }
    [[nodiscard]] Handle handle() const { return rest_.front().handle(); }

    Iterator& operator++();
    bool operator==(const Iterator& other) const {
      return rest_.empty() ? other.rest_.empty() : rest_.data() == other.rest_.data();
    }

   private:
    friend class RecordTable;
    Iterator(const Tree& tree, std::string_view lower);
    void skip_empty();

    const Tree* tree_ = nullptr;
    std::span<const CompactRecord> rest_;
    const std::string* next_ = nullptr;
    mutable std::optional<value_type> shown_;
  };

  [[nodiscard]] Iterator begin() const { return lower_bound({}); }
  [[nodiscard]] static Iterator end() { return {}; }
  [[nodiscard]] Iterator find(std::string_view key) const;
  [[nodiscard]] Iterator lower_bound(std::string_view key) const { return {tree_, key}; }
  [[nodiscard]] Iterator upper_bound(std::string_view key) const;
  /// The visible record with so many visible ones before it. REQUIRES: rank < visible().
  [[nodiscard]] Iterator at_visible(std::size_t rank) const;

  [[nodiscard]] std::optional<Record> get(std::string_view key) const;
  [[nodiscard]] bool contains(std::string_view key) const { return tree_.find(key) != nullptr; }
  [[nodiscard]] std::size_t size() const { return tree_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// How many of the records are not tombstones.
  [[nodiscard]] std::size_t visible() const { return tree_.total().visible; }

  /// Leads to the key's record until that is replaced or erased. kNone when there is no record.
  static constexpr Handle kNone = 0;
  [[nodiscard]] Handle handle(std::string_view key) const {
    const CompactRecord* const found = tree_.find(key);
    return found == nullptr ? kNone : found->handle();
  }
  static std::string_view key_at(Handle handle) { return CompactRecord::key_at(handle); }
  static Record record_at(Handle handle) { return CompactRecord::record_at(handle); }
  static void set_written_here(Handle handle, MonoTime when) { CompactRecord::set_written_here(handle, when); }

  struct Placed {
    /// The record that was there, if any: not to be kept for longer than the table.
    CompactRecord before;
    /// The handle of the record that is there now.
    Handle handle;
  };
  Placed put(std::string_view key, const Version& version, RawView value, MonoTime written_here);
  /// Returns the record that was there: not to be kept for longer than the table. REQUIRES: there is one.
  CompactRecord erase(std::string_view key);

  /// Bytes of the records, without the tree and what the allocator adds: the same for the same records, however they came.
  [[nodiscard]] std::uint64_t record_bytes() const { return record_bytes_; }

  /// Bytes of the tree, without the records.
  [[nodiscard]] std::size_t memory() const { return tree_.memory(); }
  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  // Outlives the records.
  Origins origins_;
  Tree tree_;
  std::uint64_t record_bytes_ = 0;
};

}  // namespace meshdict
