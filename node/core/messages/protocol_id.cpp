#include "core/messages/protocol_id.h"

#include "core/base/base58.h"
#include "core/base/sha256.h"

namespace meshdict {

std::string protocol_id(std::string_view network, std::string_view encryption) {
  std::string seed;
  seed += network;
  seed += encryption;
  seed += "0.6";
  return base58_encode(sha256(seed).bytes);
}

}  // namespace meshdict
