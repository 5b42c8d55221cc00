// A record as a store on a damaged disk may give it back.

#include "core/record/codec.h"

#include <cstdlib>

#include "bytes.h"

using namespace meshdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  const std::string_view key = in.text(32);
  const auto record = decode_record(key, in.rest());
  if (!record) return 0;
  const std::string written = encode_record(record->version, record->value, record->hash);
  const auto again = decode_record(key, written);
  if (!again || again->version != record->version || again->value != record->value) std::abort();
  return 0;
}
