#pragma once
// A run as one HTML page that needs nothing else: a space-time diagram to look around in. Its sources are under page/.

#include <cstdio>
#include <string>

#include "sim/picture/history.h"

namespace meshdict::sim {

/// The history as the page's scripts read it, in ASCII, fit to stand inside a script element.
std::string history_json(const History& history);

/// Whether all could be written is the caller's to check.
void write_html(const History& history, std::FILE* out);

}  // namespace meshdict::sim
