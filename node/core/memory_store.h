#pragma once
#include <map>
#include <string>
#include <utility>

#include "core/store.h"

namespace meshdict {

/// A Store that forgets everything at the end of the process: a node without a data directory.
class MemoryStore final : public Store {
 public:
  std::expected<void, StoreError> load(Table table, const Visitor& visit) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  std::expected<void, StoreError> commit() override;

 private:
  std::map<std::pair<Table, std::string>, std::string> entries_;
};

}  // namespace meshdict
