#pragma once
// The core's interface to its disk: tables of bytes, written in one transaction a turn.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace meshdict {

/// What a node keeps on disk, by table. The numbers are part of the stored format: add, never renumber.
enum class Table : std::uint8_t {
  kMeta = 0,       ///< identity, boot counter, schema: name -> bytes
  kRecords = 1,    ///< key -> encoded record
  kAddresses = 2,  ///< "host:port" -> encoded address-book entry
  kFloors = 3,     ///< epoch floor buckets
};

/// The entry of kMeta that holds the node's id.
inline constexpr std::string_view kMetaNodeId = "node_id";

/// What is wrong with a store that cannot be used.
enum class StoreTrouble : std::uint8_t {
  kUnusable,      ///< the system refuses: no permission, a disk that gives errors
  kFull,          ///< there is no room on the disk
  kInUse,         ///< another process holds it
  kDamaged,       ///< what is in it makes no sense, or a part of it is missing
  kForeign,       ///< of another program, or of a newer version
  kOtherNetwork,  ///< of a node of another network
};

struct StoreError {
  StoreTrouble trouble = StoreTrouble::kUnusable;
  /// For the operator: which file, what failed, what to do.
  std::string what;
  /// The data directory; empty for a store without one, and where only the store knows it.
  std::string path{};

  static StoreError damaged(std::string what) { return {.trouble = StoreTrouble::kDamaged, .what = std::move(what)}; }

  /// One line: "data directory 'PATH': WHAT", or WHAT alone without a path.
  [[nodiscard]] std::string describe() const;
};

/// Durable key-value tables. Writes are staged and become durable together at commit(), which the driver of the
/// engine calls once per turn of its loop, before it acknowledges anything to a client.
/// A failed commit() is the last: what was staged may turn out to be durable, all or none of it, and nothing more is taken. Not
/// thread-safe; used from the thread of the engine.
class Store {
 public:
  using Visitor = std::function<void(std::string_view key, std::string_view value)>;

  virtual ~Store() = default;

  /// Calls `visit` for each durable entry of `table`, in the order of keys as byte strings. Whether what is staged
  /// counts is up to the store: ask before, or after a commit.
  virtual std::expected<void, StoreError> load(Table table, const Visitor& visit) = 0;

  virtual void put(Table table, std::string_view key, std::string_view value) = 0;
  virtual void erase(Table table, std::string_view key) = 0;

  /// Whether there is room for records. While there is none, the engine takes no records, neither a client's nor a neighbour's;
  /// what is needed to delete and to go on is still put and committed.
  [[nodiscard]] virtual bool has_room() const { return true; }
  /// Writes that commit() has yet to make durable, where each takes it time; 0 otherwise. For drivers that bound a turn.
  [[nodiscard]] virtual std::size_t staged() const { return 0; }
  /// Makes all staged writes durable, all or none. Of several writes of one key the last counts.
  virtual std::expected<void, StoreError> commit() = 0;
};

}  // namespace meshdict
