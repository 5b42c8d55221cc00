#pragma once
#include <cstdint>

namespace meshdict {

enum class LogFormat : std::uint8_t {
  kText,  ///< time, level, text; of the line with which a program ends, the text alone
  kJson,  ///< {"time":"...Z","level":"info","message":"..."}, also of that line, whose level is fatal
};

/// Of all lines from here on, of all logs of the program. To be called from the thread that logs.
void set_log_format(LogFormat format);

}  // namespace meshdict
