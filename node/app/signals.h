#pragma once

namespace meshdict {

/// From here on these do not end the program: SIGPIPE and SIGXFSZ, since who writes to a peer that is gone, or a file beyond
/// its limit (ulimit -f), gets an error code and says so; SIGUSR1 and SIGUSR2, which other daemons take as a wish.
void ignore_harmless_signals();

}  // namespace meshdict
