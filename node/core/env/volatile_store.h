#pragma once
// A Store that keeps nothing and costs nothing: for a node without a data directory, which never reads back what it wrote.

#include "core/env/store.h"

namespace meshdict {

class VolatileStore final : public Store {
 public:
  std::expected<void, StoreError> load(Table /*table*/, const Visitor& /*visit*/) override { return {}; }
  void put(Table /*table*/, std::string_view /*key*/, std::string_view /*value*/) override {}
  void erase(Table /*table*/, std::string_view /*key*/) override {}
  std::expected<void, StoreError> commit() override { return {}; }
};

}  // namespace meshdict
