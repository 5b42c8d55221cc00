// MemoryStore against one plain map a table.

#include "core/memory_store.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace meshdict {
namespace {

constexpr Table kTables[] = {Table::kMeta, Table::kRecords, Table::kAddresses, Table::kFloors};

RC_GTEST_PROP(MemoryStores, HoldWhatWasPutLastInTheOrderOfKeys, ()) {
  MemoryStore store;
  std::map<std::string, std::string> model[4];
  const auto steps = *rc::gen::inRange(0, 60);
  for (int i = 0; i < steps; ++i) {
    const auto table = *rc::gen::inRange<std::size_t>(0, 4);
    const auto key = *rc::gen::element<std::string>("", "a", "b", std::string("\0", 1), "\xFF", "ab");
    if (*rc::gen::inRange(0, 3) == 0) {
      store.erase(kTables[table], key);
      model[table].erase(key);
    } else {
      const auto value = *rc::gen::arbitrary<std::string>();
      store.put(kTables[table], key, value);
      model[table][key] = value;
    }
  }
  RC_ASSERT(store.commit().has_value());
  using Entries = std::vector<std::pair<std::string, std::string>>;
  for (std::size_t table = 0; table < 4; ++table) {
    Entries seen;
    const auto visit = [&seen](std::string_view key, std::string_view value) { seen.emplace_back(key, value); };
    RC_ASSERT(store.load(kTables[table], visit).has_value());
    RC_ASSERT(seen == Entries(model[table].begin(), model[table].end()));
  }
}

}  // namespace
}  // namespace meshdict
