#pragma once
// A leader chosen by a lease, and a ledger that obeys the leader with the largest fence: two programs, each of which runs on a real
// machine (elect.cpp) and in the simulator (elect_sim.cpp).

#include <meshdict/machine.h>

namespace elect {

/// Who leases the key "leader" leads, and sends the ledger a line each half second. A leader that hangs loses the lease two seconds
/// later and does not notice: it goes on where it was, and its next line has an old fence.
void lead(meshdict::Machine& machine);

/// Takes lines, and refuses those of a leader that has been superseded.
void keep_ledger(meshdict::Machine& machine);

/// The same with a mistake: it takes what comes.
void trust_everybody(meshdict::Machine& machine);

}  // namespace elect
