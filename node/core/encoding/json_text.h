#pragma once
// A value as JSON, as Redis clients see it, piece by piece: the largest takes half a second in one go.
//
// 1. Bytes within a value are shown as base64, floats that are no numbers as null, bytes of text that are not UTF-8 as U+FFFD.
// 2. A key that is no string, as Python writes them too, is shown as the text of its JSON; a nested one as "?", since quoting a
//    quoted text over and over doubles it every time.
//
// Plain data: a copy goes on from the same place. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/encoding/msgpack.h"

namespace meshdict {

class JsonText {
 public:
  enum class State : std::uint8_t {
    kMore,     ///< there is more to come
    kDone,     ///< the value is at its end
    kDamaged,  ///< what is there is no value, or nested deeper than limits::kMaxDepth
  };

  /// Appends what the next `bytes` bytes of `value` become; a value within it that is no container is appended whole. `value`
  /// is the same in each call.
  State append(RawView value, std::size_t bytes, std::string& out);

 private:
  /// A container that is open.
  struct Level {
    /// Values to come; of a map, a key counts as one.
    std::uint64_t left = 0;
    bool is_map = false;
    /// It is a key, or within one.
    bool is_hidden = false;
    /// Nothing of it was read yet.
    bool is_empty = true;
  };

  State take_one(RawView value, std::string& out);
  State open(MsgpackCursor& from, bool is_key, std::string& out);
  void close(std::string& out);

  std::size_t position_ = 0;
  std::vector<Level> levels_;
};

}  // namespace meshdict
