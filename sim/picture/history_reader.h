#pragma once
// Reads a transcript into a history, which can be drawn.

#include <cstdio>
#include <expected>
#include <string>

#include "sim/picture/history.h"

namespace meshdict::sim {

/// Error text, with file and line: it is no transcript, or a line is damaged.
std::expected<History, std::string> read_history(std::FILE* transcript, const std::string& name,
                                                 const HistoryLimits& limits = {});

}  // namespace meshdict::sim
