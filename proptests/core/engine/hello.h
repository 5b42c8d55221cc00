// A hello as a node with the default settings says it, for tests that play a neighbour by hand.
#pragma once

#include <chrono>

#include "core/messages/message.h"
#include "core/record/mesh_settings.h"

namespace meshdict {

/// Boot 1, nonce 1, no other connection open, no features, a clock at the epoch: set what the test is about.
inline Hello default_hello() {
  const MeshSettings defaults;
  const auto ms = [](Duration time) { return std::chrono::floor<std::chrono::milliseconds>(time).count(); };
  return {.boot = Boot{1},
          .nonce = Nonce{1},
          .open_nonces = {},
          .software = "test",
          .features = 0,
          .lease_ms = ms(defaults.lease),
          .settle_ms = ms(defaults.settle),
          .skew_ms = ms(defaults.skew),
          .horizon_ms = ms(defaults.horizon),
          .clock_ms = 0};
}

}  // namespace meshdict
