#pragma once
// One frame, compressed at most once for each method, however many neighbours take it. `plain` outlives this.

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/encoding/compression.h"
#include "core/encoding/frame.h"
#include "core/limits.h"
#include "core/links/connection.h"

namespace meshdict {

class CompressedOnce {
 public:
  explicit CompressedOnce(const Frame& plain) : plain_(plain) {}

  /// The message came compressed: neighbours that read this method get the same bytes.
  void came_as(Compression method, std::string_view body) {
    came_as_ = method;
    as_it_came_ = keep_compressed(plain_, body);
  }

  const Frame& for_peer(const Connection& conn) {
    if (as_it_came_ && std::ranges::find(conn.compressions, came_as_) != conn.compressions.end()) return *as_it_came_;
    // py2p takes plain bodies too, and decompresses slowly.
    if (plain_.plain_size < limits::kCompressFrom || !conn.is_meshdict || conn.compressions.empty()) return plain_;
    if (!compressed_ || method_ != conn.compressions.front()) {
      method_ = conn.compressions.front();
      compressed_ = compress_frame(plain_, method_);
    }
    return *compressed_;
  }

 private:
  const Frame& plain_;
  Compression method_ = Compression::kSnappy;
  std::optional<Frame> compressed_;
  Compression came_as_ = Compression::kSnappy;
  std::optional<Frame> as_it_came_;
};

}  // namespace meshdict
