// Comparing two sets with somebody who says anything: questions and answers to a node in the middle of a session.

#include <cstdlib>

#include "bytes.h"
#include "core/sync/reconciler.h"

using namespace meshdict;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  ReconcileSet set;
  const std::size_t items = in.byte() * in.below(8);
  for (std::uint64_t i = 0; i < items; ++i)
    set.insert({.written = {i * 7}, .hash_high = i * 0x9E3779B97F4A7C15U, .hash_low = i}, i);
  Reconciler reconciler(set, kMinRangeBytes);
  constexpr std::uint64_t kSession = 3;
  while (!in.at_end()) {
    const std::size_t what = in.below(4);
    if (what == 0) {
      reconciler.ask(SessionId{kSession});
    } else if (what < 3) {
      const std::size_t flags = in.below(4);
      const RangeMessage message{.session = SessionId{kSession + in.below(2)},
                                 .reach = in.number(),
                                 .more = (flags & 1) != 0,
                                 .closing = (flags & 2) != 0,
                                 .ranges = std::string(in.text())};
      static_cast<void>(what == 1 ? reconciler.take_question(message) : reconciler.take_answer(message));
    }
    const std::size_t budget = 1 + in.byte();
    for (int step = 0; step < 8 && reconciler.busy(); ++step) {
      const auto out = reconciler.work(budget, [&](const ReconcileSet::Entry&) { return in.below(8) != 0; });
      // What we write can be read.
      if (out && !decode_ranges(out->message.ranges)) std::abort();
    }
  }
  return 0;
}
