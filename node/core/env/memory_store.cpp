#include "core/env/memory_store.h"

namespace meshdict {

std::expected<void, StoreError> MemoryStore::load(Table table, const Visitor& visit) {
  for (auto entry = entries_.lower_bound({table, ""}); entry != entries_.end() && entry->first.first == table;
       ++entry) {
    visit(entry->first.second, entry->second);
  }
  return {};
}

void MemoryStore::put(Table table, std::string_view key, std::string_view value) {
  entries_.insert_or_assign({table, std::string(key)}, std::string(value));
}

void MemoryStore::erase(Table table, std::string_view key) {
  entries_.erase({table, std::string(key)});
}

std::expected<void, StoreError> MemoryStore::commit() {
  return {};
}

}  // namespace meshdict
