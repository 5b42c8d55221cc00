#include "sim/machines/virtual_disk.h"

#include <cassert>
#include <utility>

namespace meshdict::sim {

std::expected<void, StoreError> VirtualDisk::load(Table table, const Visitor& visit) {
  for (const auto& [key, value] : tables_[static_cast<std::size_t>(table)])
    visit(key, value);
  return {};
}

void VirtualDisk::put(Table table, std::string_view key, std::string_view value) {
  if (table == Table::kRecords) touched_.emplace_back(key);
  if (keeps_) staged_.push_back({table, std::string(key), std::string(value)});
}

void VirtualDisk::erase(Table table, std::string_view key) {
  if (keeps_) staged_.push_back({table, std::string(key), std::nullopt});
}

std::expected<void, StoreError> VirtualDisk::commit() {
  failed_ |= full_ && !staged_.empty();
  if (failed_) {
    staged_.clear();
    return std::unexpected(StoreError{.trouble = StoreTrouble::kFull, .what = "the virtual disk is full"});
  }
  apply(tables_, staged_);
  if (!syncs_commits_ && !staged_.empty()) unsynced_.push_back(std::move(staged_));
  staged_.clear();
  return {};
}

const std::string* VirtualDisk::find(Table table, std::string_view key) const {
  const auto& entries = tables_[static_cast<std::size_t>(table)];
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

void VirtualDisk::apply(Tables& tables, const Commit& commit) {
  for (const Write& write : commit) {
    auto& entries = tables[static_cast<std::size_t>(write.table)];
    if (write.value) {
      entries.insert_or_assign(write.key, *write.value);
    } else {
      entries.erase(write.key);
    }
  }
}

void VirtualDisk::set_syncs_commits(bool on) {
  syncs_commits_ = on;
  sync();
}

void VirtualDisk::sync() {
  unsynced_.clear();
  synced_ = syncs_commits_ ? Tables{} : tables_;
}

void VirtualDisk::end_life() {
  staged_.clear();
  touched_.clear();
  failed_ = false;
}

void VirtualDisk::copy_from(const VirtualDisk& other) {
  tables_ = other.tables_;
  sync();
}

void VirtualDisk::wipe(bool keep_identity) {
  Tables empty;
  auto& meta = empty[static_cast<std::size_t>(Table::kMeta)];
  if (keep_identity) meta = std::exchange(tables_[static_cast<std::size_t>(Table::kMeta)], {});
  std::erase_if(meta, [](const auto& entry) { return entry.first != kMetaNodeId; });
  tables_ = std::move(empty);
  sync();
}

void VirtualDisk::power_failure(std::size_t kept) {
  assert(kept <= unsynced_.size());
  end_life();
  if (syncs_commits_) return;
  for (std::size_t i = 0; i < kept; ++i)
    apply(synced_, unsynced_[i]);
  tables_ = synced_;
  unsynced_.clear();
}

}  // namespace meshdict::sim
