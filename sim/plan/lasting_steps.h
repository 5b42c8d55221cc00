#pragma once
// Steps that last: gives each an end, and says what the end undoes.

#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Returns the steps in the order of their times, with a step that ends each one that lasts (restart after crash, heal after
/// partition, and so on). In the result no step lasts. REQUIRES: all times are drawn, and count from the start.
///
/// Each end ends its own fault only. When several steps hold the same thing (whether one node is up, its pause, the partition,
/// the cuts of one direction or of both between two sides, one node's dials, reading, disk or clock rate):
/// - the step that began last is in force; when it ends, what the one before it had brought about is in force again;
/// - a step that ends earlier than the one in force changes nothing by its end; but what a crash leaves of the disk is what the
///   restart finds;
/// - a pause ends with the process;
/// - a step that does not last replaces what all of them held, and is in force again when later ones have ended.
/// Steps that wait for an event stand behind all others, and still last.
std::vector<Step> with_ends(std::vector<Step> steps);

/// What undoes an action that lasts. REQUIRES: something does.
Action undo_of(const Action& action);

}  // namespace meshdict::sim
