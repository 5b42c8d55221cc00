#pragma once
#include "app/log.h"
#include "core/event.h"

namespace meshdict {

/// One line for each event that an operator wants to know; the level says how much. Kinds that others can cause at will
/// are limited.
void log_event(Log& log, const Event& event);

}  // namespace meshdict
