#pragma once
#include <optional>

#include "core/compression.h"
#include "core/connection.h"
#include "core/frame.h"
#include "core/limits.h"

namespace meshdict {

/// One frame, compressed at most once per method however many neighbours take it. `plain` outlives this.
class CompressedOnce {
 public:
  explicit CompressedOnce(const Frame& plain) : plain_(plain) {}

  const Frame& for_peer(const Connection& conn) {
    // py2p takes plain bodies too, and decompresses slowly.
    if (plain_.plain_size < limits::kCompressFrom || !conn.is_meshdict || !conn.compression) return plain_;
    if (!compressed_ || method_ != *conn.compression) {
      method_ = *conn.compression;
      compressed_ = compress_frame(plain_, method_);
    }
    return *compressed_;
  }

 private:
  const Frame& plain_;
  Compression method_ = Compression::kSnappy;
  std::optional<Frame> compressed_;
};

}  // namespace meshdict
