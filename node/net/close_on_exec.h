#pragma once
// Keeps a socket from programs that this process starts: they would keep its ports and connections alive. Asio opens sockets
// without that flag. REQUIRES: `socket` is open.

#include <fcntl.h>

namespace meshdict {

template <typename Socket>
void close_on_exec(Socket& socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

}  // namespace meshdict
