#pragma once
// Positions of scans. A cursor is a number that stands for "continue behind this key".
//
// 1. The dictionary is ordered by key, so a scan visits every key that is there from its first to its last step,
//    whatever is written meanwhile, and none twice.
// 2. Cursors belong to the node and a user, not to a connection: client libraries scan through pools of connections. Another
//    user's are unknown: whether one goes on behind a key that is not told would tell of it.
// 3. A scan under way holds one entry. Of what is forgotten beyond resp_limits::kMaxCursors and kMaxCursorBytes, cursors that
//    were used go first (they only serve a client that repeats a step), then the oldest.
//
// Rationale: Redis's own trick (bit-reversed positions of a hash table) needs its hash table; a prefix of the key as
// the number cannot tell "user:0000001" from "user:0000002"; a number that a table knows costs a bounded table, and an
// unknown one is an error that the client sees, never a silently shortened scan.

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace meshdict {

class ScanCursors {
 public:
  /// `first` differs from life to life of the node, so that a cursor of an earlier one is unknown. Only its low 50 bits
  /// count: clients that keep cursors in floating point exist.
  explicit ScanCursors(std::uint64_t first);

  /// Remembers a position of a user's; never 0.
  std::uint64_t add(std::string_view last_key, std::string_view user);
  /// The key to continue behind; nothing for an unknown or forgotten cursor, or another user's. May be asked again.
  std::optional<std::string> take(std::uint64_t cursor, std::string_view user);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Of the keys.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string last_key;
    std::string user;
    bool used = false;
    std::list<std::uint64_t>::iterator place;
  };

  void forget_one();

  std::uint64_t next_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, Entry> entries_;
  /// Oldest first.
  std::list<std::uint64_t> waiting_;
  std::list<std::uint64_t> used_;
};

}  // namespace meshdict
