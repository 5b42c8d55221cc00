#pragma once
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// The steps in the order of their times, and for each that lasts the step that ends it: restart after crash, heal after
/// partition, and so on; none lasts any more. REQUIRES: all times are drawn, and from the start.
///
/// Each ends its own fault only. Of several that hold the same (one node's life, its pause, the partition, the cuts of one
/// direction or of both between two sides, one node's dials, reading, disk or clock's rate):
/// - that of the last begun is in force, and when it ends, what the one before it had brought about is so again;
/// - one that ends earlier than that ends nothing; of a crash, what it leaves of the disk is what the restart finds;
/// - a pause ends with the process;
/// - a step that does not last sets anew what all of them held, and is what remains when later ones have ended.
/// Steps that wait for an event stand behind all others, and still last.
std::vector<Step> with_ends(std::vector<Step> steps);

/// What undoes an action that lasts. REQUIRES: something does.
Action undo_of(const Action& action);

}  // namespace meshdict::sim
