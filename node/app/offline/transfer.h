#pragma once
// Keys and values out of a data directory and into one, as lines of JSON (json_lines.h).
//
// 1. An export has each key that readers see, in the order of keys, with its value and nothing else: neither leases nor deletions.
// 2. An import sets each key as a client of the node would, now: the node holds them all. Either all lines are imported, or none: of a
//    line that is wrong, or of a key that another node holds, the error tells the number.

#include <expected>
#include <string>

#include "app/offline/offline.h"

namespace meshdict {

/// Both return what to print, or the error. `file`: "-" is standard output or input; an exported one is new, for its owner only
/// (mode 0600), and complete or not there at all.
std::expected<std::string, std::string> export_lines(const DataPlace& place, const std::string& file);
std::expected<std::string, std::string> import_lines(const DataPlace& place, const std::string& file);

}  // namespace meshdict
