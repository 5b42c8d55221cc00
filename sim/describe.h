#pragma once
// Frames and events of engines, for transcripts (text) and for the trace hash (words).

#include <string>

#include "core/event.h"
#include "sim/network.h"
#include "sim/trace.h"

namespace meshdict::sim {

/// "store 212 B 3fa9c1d2": type of the message, uncompressed size, start of the id.
std::string describe(const Parcel& frame);

std::string describe(const Event& event);

void add_to(TraceHash& hash, const Event& event);

}  // namespace meshdict::sim
