#pragma once
#include <fcntl.h>

namespace meshdict {

/// A program that the host of a node starts gets none of its sockets: it would keep ports and connections alive. Asio opens
/// sockets without the flag. `socket` is open.
template <typename Socket>
void close_on_exec(Socket& socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

}  // namespace meshdict
