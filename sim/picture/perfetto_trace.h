#pragma once
// A run for ui.perfetto.dev (and chrome://tracing): JSON trace events.
//
// Source of the format: "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
// and what Perfetto makes of it, https://perfetto.dev/docs/getting-started/other-formats.
//
// 1. A node is a process, with a thread for its events and one for its down times. All that happens in the mesh
//    (partitions, faults, violations) is a process, and so are the leases: one slice a claim. A node's fault that lasts is a
//    slice of the node's process.
// 2. A flow leads from the slice of each sending to that of its arrival; a frame that was lost has none.
// 3. Events of a node in one microsecond follow each other by a nanosecond, so that no two slices of a thread overlap.

#include <cstdio>

#include "sim/picture/history.h"

namespace meshdict::sim {

/// The caller checks whether all could be written.
void write_perfetto(const History& history, std::FILE* out);

}  // namespace meshdict::sim
