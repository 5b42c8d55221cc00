#pragma once
// What is sent in pieces: anti-entropy sessions, and records to confirm. In each turn of the loop one link goes on for a step,
// and the next one in the next turn. Rationale: nothing else waits for longer than one step, however much is to be sent.
//
// 1. Links are served in turn, but only those that have something to send and little queued.
//
// Not thread-safe.

#include "core/base/time.h"
#include "core/engine/alarm.h"
#include "core/engine/confirmations.h"
#include "core/engine/sessions.h"
#include "core/env/transport.h"
#include "core/links/links.h"

namespace meshdict {

class Transfers {
 public:
  /// The references outlive this. `alarm` rings when another step is to be made.
  Transfers(Links& links, const Transport& transport, Alarm& alarm, Sessions& sessions, Confirmations& confirmations)
      : links_(links), transport_(transport), alarm_(alarm), sessions_(sessions), confirmations_(confirmations) {}

  void step(MonoTime now);

 private:
  Links& links_;
  const Transport& transport_;
  Alarm& alarm_;
  Sessions& sessions_;
  Confirmations& confirmations_;
  ConnId last_served_ = ConnId::kNone;
};

}  // namespace meshdict
