// A byte stream from a peer, divided anywhere: frames, bodies, compression.

#include "core/encoding/frame.h"

#include <cstdlib>

#include "bytes.h"
#include "core/limits.h"

using namespace meshdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  FrameDecoder decoder(in.below(2) == 0 ? limits::kMaxFrame : limits::kMaxFrameBeforeHandshake);
  while (!in.at_end()) {
    const std::string_view piece = in.text();
    decoder.feed(piece);
    for (auto body = decoder.next(); body && *body; body = decoder.next()) {
      const auto opened = open_body(**body, known_compressions());
      if (!opened) continue;
      // What was read can be sent on, and is the same message then.
      const auto again = reframe(opened->plain);
      if (!again || again->id != opened->plain.id) std::abort();
    }
  }
  // A body as such: most inputs do not get past the size.
  static_cast<void>(open_body({reinterpret_cast<const char*>(data), size}, known_compressions()));
  return 0;
}
