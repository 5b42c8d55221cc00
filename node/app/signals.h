#pragma once
// Which signals do not end the node.

namespace meshdict {

/// From here on these do not end the program: SIGPIPE and SIGXFSZ, since a write to a peer that is gone, or to a file beyond
/// its limit (ulimit -f), also returns an error code, which is reported; SIGUSR1 and SIGUSR2, which other daemons take as
/// requests.
void ignore_harmless_signals();

}  // namespace meshdict
