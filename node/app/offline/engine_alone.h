#pragma once
// An engine without a network: for what is done to a data directory as a node would do it.

#include "core/engine/engine.h"
#include "core/engine/event.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/env/transport.h"
#include "net/system_clock.h"
#include "net/system_random.h"

namespace meshdict {

class EngineAlone {
 public:
  /// `store` outlives it.
  EngineAlone(const EngineConfig& config, Store& store) : engine_(config, clock_, nowhere_, store, random_, nobody_) {}
  Engine& engine() { return engine_; }

 private:
  /// Dials that never succeed.
  class Nowhere final : public Transport {
   public:
    ConnId dial(const Endpoint& /*to*/) override { return ConnId{++last_}; }
    void send(ConnId /*conn*/, const Frame& /*frame*/) override {}
    [[nodiscard]] std::size_t queued(ConnId /*conn*/) const override { return 0; }
    void close(ConnId /*conn*/) override {}

   private:
    std::uint64_t last_ = 0;
  };
  class Nobody final : public Observer {
   public:
    void on_event(const Event& /*event*/) override {}
  };

  SystemClock clock_;
  SystemRandom random_;
  Nowhere nowhere_;
  Nobody nobody_;
  Engine engine_;
};

}  // namespace meshdict
