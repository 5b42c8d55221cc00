#pragma once
// Frames and events of engines, for transcripts (text) and for the trace hash (words).

#include <functional>
#include <string>

#include "core/event.h"
#include "sim/network.h"
#include "sim/trace.h"

namespace meshdict::sim {

/// "store 212 B 3fa9c1d2": type of the message, uncompressed size, start of the id.
std::string describe(const Parcel& frame);

/// How the reader of a transcript knows a node.
using NameOf = std::function<std::string(const NodeId&)>;
std::string describe(const Event& event, const NameOf& name_of);

void add_to(TraceHash& hash, const Event& event);

}  // namespace meshdict::sim
