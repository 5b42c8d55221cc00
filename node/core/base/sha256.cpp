#include "core/base/sha256.h"

#include <nettle/sha2.h>

namespace meshdict {

MessageId sha256(std::string_view bytes) {
  MessageId id;
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  sha256_digest(&context, id.bytes.size(), id.bytes.data());
  return id;
}

}  // namespace meshdict
