#pragma once
// Swarm plans made from the table of thresholds: each plan takes one threshold, and brings its quantity near to it, on either
// side.
//
// So a threshold that is added to the table is reached although nobody thinks of a plan for it. How a quantity is made is
// written once for each quantity; the traffic around it is the same for all.

#include "core/base/random.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

Plan edges(RandomStream& random);

}  // namespace meshdict::sim
