#pragma once
// The disk of a machine of the virtual world: a Store with the faults of disks. proptests/store/contract_test.cpp holds it
// against the same contract as the one on a real disk.
//
// 1. What was staged and not committed is gone after every end of an incarnation.
// 2. A power failure takes unsynced commits from the last one backwards, and each as a whole: the checksum of a torn write
//    fails, and what lies behind it in a log is not read. The world chooses how many it takes.
// 3. A commit that fails changes nothing and is the last of that incarnation.

#include <array>
#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/store.h"

namespace meshdict::sim {

class VirtualDisk final : public Store {
 public:
  /// `keeps`: whether it will be read again. The disk of a node that never restarts keeps nothing: 10,000 nodes would otherwise
  /// hold each record twice.
  explicit VirtualDisk(bool keeps) : keeps_(keeps) {}

  std::expected<void, StoreError> load(Table table, const Visitor& visit) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  std::expected<void, StoreError> commit() override;

  /// Whether each commit is synced, as at first; otherwise sync() does it.
  void set_syncs_commits(bool on);
  void sync();
  /// How many commits are not synced.
  [[nodiscard]] std::size_t unsynced() const { return unsynced_.size(); }
  /// What was committed; null: nothing.
  [[nodiscard]] const std::string* find(Table table, std::string_view key) const;
  [[nodiscard]] std::size_t size(Table table) const { return tables_[static_cast<std::size_t>(table)].size(); }
  [[nodiscard]] bool keeps() const { return keeps_; }
  /// While the disk is full there is no room for another commit.
  void set_full(bool full) { full_ = full; }
  [[nodiscard]] bool is_full() const { return full_; }
  /// What take_touched() would give.
  [[nodiscard]] const std::vector<std::string>& touched() const { return touched_; }
  /// Keys whose records were put since the last call, whether it keeps them or not.
  [[nodiscard]] std::vector<std::string> take_touched() { return std::exchange(touched_, {}); }
  /// Whether commit() has anything to write.
  [[nodiscard]] bool has_staged() const { return !staged_.empty(); }

  /// The process ends, in whatever way. The next incarnation reads what was committed.
  void end_life();
  /// Takes what `other` has committed. REQUIRES: no process uses this disk.
  void copy_from(const VirtualDisk& other);
  /// All is lost; with `keep_identity` all but the node's id. REQUIRES: no process uses this disk.
  void wipe(bool keep_identity);
  /// Power fails: of the unsynced commits only the first `kept` remain. REQUIRES: kept <= unsynced().
  void power_failure(std::size_t kept);

 private:
  static constexpr std::size_t kTables = 4;
  using Tables = std::array<std::map<std::string, std::string, std::less<>>, kTables>;
  struct Write {
    Table table;
    std::string key;
    std::optional<std::string> value;
  };
  using Commit = std::vector<Write>;
  static void apply(Tables& tables, const Commit& commit);

  bool keeps_;
  bool syncs_commits_ = true;
  bool full_ = false;
  bool failed_ = false;
  Tables tables_;
  Commit staged_;
  std::vector<std::string> touched_;
  /// While commits are not synced: what a power failure leaves at least, and what it may take.
  Tables synced_;
  std::vector<Commit> unsynced_;
};

}  // namespace meshdict::sim
