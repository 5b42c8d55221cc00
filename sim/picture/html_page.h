#pragma once
// A run as one HTML page that needs nothing else: a space-time diagram to look around in. Its sources are under page/.

#include <cstdio>
#include <string>

#include "sim/picture/history.h"

namespace meshdict::sim {

/// The history as the page's scripts read it, in ASCII, fit to stand inside a script element.
std::string history_json(const History& history);

/// The caller checks whether all could be written.
void write_html(const History& history, std::FILE* out);

}  // namespace meshdict::sim
