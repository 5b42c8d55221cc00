#pragma once
// A data directory whose node does not run, to be read: nothing in it changes but its lock file.
//
// It is refused for the same reasons for which a node would refuse it (sqlite_store.h, 3), but for damage within the database, which
// damage() tells.

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/store.h"
#include "store/data_directory.h"
#include "store/sqlite_database.h"

namespace meshdict {

class StoredData final : public Store {
 public:
  /// Error: there is no directory, no database in it, a node uses it, or a node would refuse its files.
  static std::expected<std::unique_ptr<StoredData>, StoreError> open(const std::string& directory);

  std::expected<void, StoreError> load(Table table, const Visitor& visit) override;
  /// What is written is lost.
  void put(Table /*table*/, std::string_view /*key*/, std::string_view /*value*/) override {}
  void erase(Table /*table*/, std::string_view /*key*/) override {}
  std::expected<void, StoreError> commit() override { return {}; }

  /// What SQLite finds damaged: the first store_limits::kToldDamages of it.
  std::vector<std::string> damage();
  /// Whether the last node did not come to an orderly end.
  [[nodiscard]] bool was_killed() const { return was_killed_; }
  /// The error with this directory's path.
  [[nodiscard]] StoreError error(StoreTrouble trouble, std::string_view what) const {
    return directory_.error(trouble, what);
  }

 private:
  explicit StoredData(DataDirectory directory) : directory_(std::move(directory)) {}
  std::expected<void, StoreError> open_files();
  [[nodiscard]] StoreError database_error() const;

  DataDirectory directory_;
  SqliteDatabase database_;
  bool was_killed_ = false;
};

}  // namespace meshdict
