#pragma once
// Swarm plans made of the table of thresholds: each takes one of them, and lets its quantity come near to it, on either side.
//
// So a threshold that is added to the table is reached without anybody thinking of a plan for it. How a quantity is made is
// said once for each quantity; the traffic around it is the same for all.

#include "core/base/random.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

Plan edges(RandomStream& random);

}  // namespace meshdict::sim
