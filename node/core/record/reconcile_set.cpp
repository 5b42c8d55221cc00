#include "core/record/reconcile_set.h"

#include <cassert>

#include "core/record/codec.h"

namespace meshdict {
namespace {

std::uint64_t big_endian(std::span<const std::uint8_t, 8> bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes)
    number = number << 8 | byte;
  return number;
}

}  // namespace

ReconcileItem make_item(Hlc written, const MessageId& record_hash) {
  const std::span<const std::uint8_t, 32> bytes = record_hash.bytes;
  return {.written = written, .hash_high = big_endian(bytes.first<8>()), .hash_low = big_endian(bytes.subspan<8, 8>())};
}

ReconcileItem item_of(std::string_view key, const Version& version) {
  return make_item(version.written, record_hash(key, version));
}

ReconcileTotal& ReconcileTotal::operator+=(const ReconcileTotal& other) {
  count += other.count;
  sum_low += other.sum_low;
  sum_high += other.sum_high + (sum_low < other.sum_low ? 1 : 0);
  return *this;
}

ReconcileTotal& ReconcileTotal::operator-=(const ReconcileTotal& other) {
  count -= other.count;
  sum_high -= other.sum_high + (sum_low < other.sum_low ? 1 : 0);
  sum_low -= other.sum_low;
  return *this;
}

bool ReconcileSet::insert(const ReconcileItem& item, Handle handle) {
  assert(item < kAboveAll);
  if (tree_.find(item) != nullptr) return false;
  tree_.insert({.item = item, .handle = handle});
  return true;
}

bool ReconcileSet::erase(const ReconcileItem& item) {
  if (tree_.find(item) == nullptr) return false;
  tree_.erase(item);
  return true;
}

std::optional<ReconcileSet::Handle> ReconcileSet::find(const ReconcileItem& item) const {
  const Entry* const found = tree_.find(item);
  return found == nullptr ? std::nullopt : std::optional(found->handle);
}

std::size_t ReconcileSet::size() const {
  return tree_.size();
}

ReconcileTotal ReconcileSet::below(const ReconcileItem& bound) const {
  return tree_.below(bound);
}

const ReconcileItem& ReconcileSet::at(std::size_t rank) const {
  return tree_.at(rank, [](const ReconcileTotal& total) { return total.count; }).item;
}

ReconcileSet::Run ReconcileSet::run(const ReconcileItem& lower) const {
  const auto found = tree_.run(lower);
  return {.entries = found.slots, .next = found.next == nullptr ? kAboveAll : *found.next};
}

std::size_t ReconcileSet::memory() const {
  return tree_.memory();
}

void ReconcileSet::sanity_check() const {
  tree_.sanity_check();
}

}  // namespace meshdict
