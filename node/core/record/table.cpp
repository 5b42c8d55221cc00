#include "core/record/table.h"

#include <cassert>

namespace meshdict {

RecordTable::Totals& RecordTable::Totals::operator+=(const Totals& other) {
  count += other.count;
  visible += other.visible;
  return *this;
}

RecordTable::Totals& RecordTable::Totals::operator-=(const Totals& other) {
  count -= other.count;
  visible -= other.visible;
  return *this;
}

RecordTable::Iterator::Iterator(const Tree& tree, std::string_view lower) : tree_(&tree) {
  const auto run = tree_->run(lower);
  rest_ = run.slots;
  next_ = run.next;
  skip_empty();
}

void RecordTable::Iterator::skip_empty() {
  while (rest_.empty() && next_ != nullptr) {
    const auto run = tree_->run(*next_);
    rest_ = run.slots;
    next_ = run.next;
  }
}

const RecordTable::value_type& RecordTable::Iterator::operator*() const& {
  if (!shown_) shown_.emplace(rest_.front().key(), rest_.front().record());
  return *shown_;
}

RecordTable::Iterator& RecordTable::Iterator::operator++() {
  shown_.reset();
  rest_ = rest_.subspan(1);
  skip_empty();
  return *this;
}

RecordTable::Iterator RecordTable::find(std::string_view key) const {
  const Iterator found = lower_bound(key);
  return found != end() && found.key() == key ? found : end();
}

RecordTable::Iterator RecordTable::upper_bound(std::string_view key) const {
  Iterator found = lower_bound(key);
  if (found != end() && found.key() == key) ++found;
  return found;
}

RecordTable::Iterator RecordTable::at_visible(std::size_t rank) const {
  return lower_bound(tree_.at(rank, [](const Totals& totals) { return totals.visible; }).key());
}

std::optional<Record> RecordTable::get(std::string_view key) const {
  const CompactRecord* const found = tree_.find(key);
  return found == nullptr ? std::nullopt : std::optional(found->record());
}

RecordTable::Placed RecordTable::put(std::string_view key, const Version& version, RawView value,
                                     MonoTime written_here) {
  CompactRecord fresh(origins_, key, version, value, written_here);
  const Handle handle = fresh.handle();
  record_bytes_ += fresh.bytes();
  Placed placed{.before = tree_.put(std::move(fresh)), .handle = handle};
  if (placed.before) record_bytes_ -= placed.before.bytes();
  return placed;
}

CompactRecord RecordTable::erase(std::string_view key) {
  CompactRecord gone = tree_.erase(key);
  record_bytes_ -= gone.bytes();
  return gone;
}

void RecordTable::sanity_check() const {
  tree_.sanity_check();
  std::uint64_t bytes = 0;
  std::string from;
  for (auto run = tree_.run({});; run = tree_.run(from)) {
    for (const CompactRecord& record : run.slots)
      bytes += record.bytes();
    if (run.next == nullptr) break;
    from = *run.next;
  }
  assert(bytes == record_bytes_);
}

}  // namespace meshdict
