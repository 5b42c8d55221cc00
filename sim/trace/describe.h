#pragma once
// Frames and events of engines, for transcripts (text) and for the trace hash (words).

#include <functional>
#include <string>
#include <vector>

#include "core/engine/event.h"
#include "sim/machines/network.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

/// "#17 store 212 B 3fa9c1d2": number of the frame, type of the message, uncompressed size, start of the id.
std::string describe(const Parcel& frame);
/// The keys of the records in a frame.
std::vector<std::string> keys_of(const Parcel& frame);
/// Keys as words, each behind a space: " colour seat"; only the first ones of many.
std::string keys_text(const std::vector<std::string>& keys);
/// A value as a word; only the beginning of a long one.
std::string value_text(RawView value);

/// The name by which the reader of a transcript knows a node.
using NameOf = std::function<std::string(const NodeId&)>;
std::string describe(const Event& event, const NameOf& name_of);

void add_to(TraceHash& hash, const Event& event);

}  // namespace meshdict::sim
