#pragma once
// The command line of meshdict-sim, and of a simulator with programs of a user's.

#include "sim/machines/guests.h"

namespace meshdict::sim {

/// Returns the exit code. `programs`: null: there are none; outlives the call.
int run_command_line(int argc, char** argv, const GuestMaker* programs);

}  // namespace meshdict::sim
