#include "app/offline/check.h"

#include <fmt/format.h>

#include <cstdint>

#include "app/log/log.h"
#include "app/offline/engine_alone.h"
#include "app/offline/limits.h"
#include "core/dictionary/stored_record.h"
#include "core/memory/identity.h"
#include "store/data_network.h"
#include "store/database_file.h"
#include "store/stored_data.h"

namespace meshdict {
namespace {

/// A store without its damaged records.
class SoundRecords final : public Store {
 public:
  explicit SoundRecords(Store& store) : store_(store) {}
  std::expected<void, StoreError> load(Table table, const Visitor& visit) override {
    if (table != Table::kRecords) return store_.load(table, visit);
    return store_.load(table, [&](std::string_view key, std::string_view bytes) {
      if (read_stored_record(key, bytes)) visit(key, bytes);
    });
  }
  void put(Table /*table*/, std::string_view /*key*/, std::string_view /*value*/) override {}
  void erase(Table /*table*/, std::string_view /*key*/) override {}
  std::expected<void, StoreError> commit() override { return {}; }

 private:
  Store& store_;
};

struct Counts {
  std::uint64_t keys = 0;
  std::uint64_t deletions = 0;
  std::uint64_t addresses = 0;
  std::uint64_t damaged = 0;
};

class Check {
 public:
  explicit Check(StoredData& data) : data_(data) {}

  CheckedData run() {
    for (const std::string& what : data_.damage())
      damaged(kDatabaseFile, what);
    const bool sound = result_.lines.empty();
    read_records();
    const bool records_only = sound && unreadable_.empty() && counts_.damaged > 0;
    tell_identity();
    const bool starts = start();
    tell_counts();
    if (sound && starts && counts_.damaged == 0) return std::move(result_);
    result_.advice =
        records_only && starts
            ? "start its node with --repair-from-mesh, which sets these records aside and fetches them from "
              "neighbours, or put a copy back (--restore)"
            : "put a copy back (--restore), or move the directory away to begin as a new node";
    return std::move(result_);
  }

 private:
  void damaged(std::string_view where, std::string_view what) {
    result_.lines.push_back(fmt::format("damaged: {}: {}", where, printable(what, 400)));
  }

  void read_records() {
    const auto loaded = data_.load(Table::kRecords, [this](std::string_view key, std::string_view bytes) {
      const auto record = read_stored_record(key, bytes);
      if (!record) {
        if (++counts_.damaged <= offline_limits::kToldRecords) {
          damaged(kDatabaseFile, fmt::format("record of key '{}': {}", printable(key), record.error()));
        }
      } else if (is_visible(record->version)) {
        ++counts_.keys;
      } else {
        ++counts_.deletions;
      }
    });
    if (!loaded) unreadable(loaded.error());
    if (counts_.damaged > offline_limits::kToldRecords) {
      damaged(kDatabaseFile, fmt::format("{} more records", counts_.damaged - offline_limits::kToldRecords));
    }
    if (auto counted = data_.load(Table::kAddresses, [this](auto, auto) { ++counts_.addresses; }); !counted) {
      unreadable(counted.error());
    }
  }

  void unreadable(const StoreError& error) {
    if (unreadable_ == error.what) return;
    unreadable_ = error.what;
    damaged(kDatabaseFile, error.what);
  }

  void tell_identity() {
    std::string id;
    std::string network;
    const auto loaded = data_.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
      if (key == kMetaNodeId) id = value;
      if (key == kMetaNetwork) network = value;
    });
    if (!loaded) return unreadable(loaded.error());
    result_.lines.push_back(id.empty() ? "node: none yet, its first start draws an id"
                                       : fmt::format("node: {}", printable(id)));
    result_.lines.push_back(fmt::format("network: {}", network.empty() ? "none yet" : printable(network)));
  }

  /// All else as a node reads it.
  bool start() {
    SoundRecords sound(data_);
    EngineAlone alone({}, sound);
    const auto started = alone.engine().start();
    if (started) return true;
    if (const auto* error = std::get_if<StoreError>(&started.error())) {
      unreadable(*error);
    } else {
      damaged(kDatabaseFile, describe(started.error()));
    }
    return false;
  }

  void tell_counts() {
    result_.lines.push_back(
        fmt::format("records: {} keys, {} deletions, {} damaged", counts_.keys, counts_.deletions, counts_.damaged));
    result_.lines.push_back(fmt::format("addresses: {}", counts_.addresses));
    result_.lines.emplace_back(data_.was_killed() ? "last end: killed; its log is there and fits"
                                                  : "last end: in good order");
  }

  StoredData& data_;
  Counts counts_;
  CheckedData result_;
  std::string unreadable_;  ///< the last of the errors, which repeats
};

}  // namespace

std::expected<CheckedData, StoreError> check_data(const std::string& directory) {
  auto data = StoredData::open(directory);
  if (!data) return std::unexpected(std::move(data.error()));
  return Check(**data).run();
}

}  // namespace meshdict
