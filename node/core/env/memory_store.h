#pragma once
// A Store in memory, for tests and for programs that restart an engine within one process.

#include <map>
#include <string>
#include <utility>

#include "core/env/store.h"

namespace meshdict {

class MemoryStore final : public Store {
 public:
  std::expected<void, StoreError> load(Table table, const Visitor& visit) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  [[nodiscard]] bool has_room() const override { return !full; }
  std::expected<void, StoreError> commit() override;

  bool full = false;

 private:
  std::map<std::pair<Table, std::string>, std::string> entries_;
};

}  // namespace meshdict
