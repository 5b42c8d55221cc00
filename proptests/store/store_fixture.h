#pragma once
// What the tests of stores share: each kind of store behind one interface, with the ends that it can come to; a model to
// compare it with; directories that are removed with the test.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include "core/env/memory_store.h"
#include "core/env/store.h"
#include "proptests/store/faulty_disk.h"
#include "sim/machines/virtual_disk.h"
#include "store/sqlite_store.h"

namespace meshdict {

inline constexpr std::array kTables{Table::kMeta, Table::kRecords, Table::kAddresses, Table::kFloors};

/// A directory that is removed at the end. It is in memory where the system has such a place: these tests choose themselves
/// what is on the disk.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (base / "meshdict-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    // Anyone may pass through, also a test that has given up its privileges.
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using Entries = std::map<std::string, std::string>;
/// All tables, as committed; none is empty.
using Model = std::map<Table, Entries>;

inline Entries load(Store& store, Table table) {
  Entries found;
  std::string last;
  const auto loaded = store.load(table, [&](std::string_view key, std::string_view value) {
    EXPECT_TRUE(found.empty() || last < key) << "out of order";
    last = key;
    found.emplace(key, value);
  });
  EXPECT_TRUE(loaded.has_value()) << loaded.error().describe();
  return found;
}

inline Model load_all(Store& store) {
  Model found;
  for (const Table table : kTables) {
    Entries entries = load(store, table);
    if (!entries.empty()) found.emplace(table, std::move(entries));
  }
  return found;
}

inline std::unique_ptr<SqliteStore> open_sqlite(const std::filesystem::path& at, Durability durability) {
  auto opened = SqliteStore::open(at.string(), durability);
  EXPECT_TRUE(opened.has_value()) << opened.error().describe();
  if (!opened) std::abort();
  return std::move(*opened);
}

/// One kind of store, and the ways in which its process can end.
class StoreUnderTest {
 public:
  /// A number below the given one, drawn by the test: how much of what is not synced a power failure leaves.
  using Draw = std::function<std::size_t(std::size_t below)>;

  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  /// Whether what is committed outlives the store. If not, none of the functions below is called.
  [[nodiscard]] virtual bool keeps() const { return true; }
  /// Whether what is committed is synced.
  [[nodiscard]] virtual bool syncs() const { return true; }
  /// An orderly end, and a new store on the same disk.
  virtual void reopen() = 0;
  /// kill -9 at this moment, and a new store on the same disk.
  virtual void kill() = 0;
  /// Power fails at this moment; a new store on what the disk has kept.
  virtual void power_failure(const Draw& draw) = 0;
  /// The disk takes nothing more, or takes writes again.
  virtual void set_full(bool full) = 0;
};

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  [[nodiscard]] bool keeps() const override { return false; }
  void reopen() override {}
  void kill() override {}
  void power_failure(const Draw& /*draw*/) override {}
  void set_full(bool /*full*/) override {}

 private:
  MemoryStore store_;
};

template <bool kSyncs>
class VirtualUnderTest final : public StoreUnderTest {
 public:
  VirtualUnderTest() { disk_.set_syncs_commits(kSyncs); }
  Store& store() override { return disk_; }
  [[nodiscard]] bool syncs() const override { return kSyncs; }
  void reopen() override {
    disk_.end_life();
    disk_.sync();
  }
  void kill() override { disk_.end_life(); }
  void power_failure(const Draw& draw) override { disk_.power_failure(draw(disk_.unsynced() + 1)); }
  void set_full(bool full) override { disk_.set_full(full); }

 private:
  sim::VirtualDisk disk_{true};
};

/// The store that ships, on a disk whose losses the test decides.
template <Durability kDurability>
class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() { disk_.settle(at()); }
  Store& store() override { return *store_; }
  [[nodiscard]] bool syncs() const override { return kDurability == Durability::kAlways; }
  void reopen() override {
    EXPECT_TRUE(store_->close());
    store_.reset();
    store_ = open_sqlite(at(), kDurability);
  }
  /// A killed process leaves the files as the system has them.
  void kill() override {
    move_to([](const auto& from, const auto& to) { std::filesystem::copy(from, to); });
  }
  /// Of each unsynced write, some whole sectors remain, or all of it, or nothing.
  void power_failure(const Draw& draw) override {
    move_to([&](const auto& from, const auto& to) {
      std::filesystem::create_directory(to);
      disk_.power_failure(from, to, [&draw](std::size_t bytes) {
        const std::size_t sectors = (bytes + FaultyDisk::kSector - 1) / FaultyDisk::kSector;
        return std::min(bytes, draw(sectors + 1) * FaultyDisk::kSector);
      });
    });
  }
  void set_full(bool full) override { disk_.writes_until_full = full ? 0 : -1; }

 private:
  [[nodiscard]] std::filesystem::path at() const { return directory_.path() / std::to_string(life_); }
  /// The old store is still there when another one opens what is left: its end must not change that.
  template <typename Leave>
  void move_to(const Leave& leave) {
    const std::filesystem::path before = at();
    ++life_;
    leave(before, at());
    store_ = open_sqlite(at(), kDurability);
    std::filesystem::remove_all(before);
    disk_.settle(at());
  }

  FaultyDisk disk_;
  TemporaryDirectory directory_;
  int life_ = 0;
  std::unique_ptr<SqliteStore> store_ = open_sqlite(at(), kDurability);
};

struct StoreKind {
  const char* name;
  std::unique_ptr<StoreUnderTest> (*make)();
};

template <typename Kind>
std::unique_ptr<StoreUnderTest> make_store() {
  return std::make_unique<Kind>();
}

inline constexpr std::array kStoreKinds{
    StoreKind{"Memory", make_store<MemoryUnderTest>},
    StoreKind{"Virtual", make_store<VirtualUnderTest<true>>},
    StoreKind{"VirtualUnsynced", make_store<VirtualUnderTest<false>>},
    StoreKind{"SqliteAlways", make_store<SqliteUnderTest<Durability::kAlways>>},
    StoreKind{"SqliteInterval", make_store<SqliteUnderTest<Durability::kInterval>>},
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) {
  *out << kind.name;
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    found.push_back(entry.path().filename());
  return found;
}

}  // namespace meshdict
