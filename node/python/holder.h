#pragma once
// A socket as Python holds it, and Python's functions as the socket holds them.
//
// 1. No thread holds the GIL while it is inside the library: the socket's threads take it for handlers, and somebody may wait for them.
//    So Holder::with() gives it up for every call, and a socket is destroyed without it.
// 2. What Python drops in a handler of the socket itself is destroyed by a thread of its own: a socket's destructor waits for
//    its handlers.
// 3. finish(), called by Python's atexit, ends all sockets and waits for those threads. After it nobody asks for the GIL of an
//    interpreter that is going. A call that is inside a socket then comes back with SocketClosed.
// 4. In a forked child the sockets are the parent's: abandon_all() leaves them alone, threads and memory, and says so when used.
// 5. The GIL guards Holder's own members and the list of all holders.

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>

#include "meshdict/sync_socket.h"

namespace meshdict::python {

/// The address of a socket, for those that are made before it is.
using SocketCell = std::shared_ptr<std::atomic<const MeshSocket*>>;

class Holder {
 public:
  Holder(std::unique_ptr<MeshSocket> socket, SocketCell cell);
  ~Holder();
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  /// Calls `use(MeshSocket&)` without the GIL, and gives what it returns. Throws SocketClosed after end().
  template <typename Use>
  auto with(Use use) const {
    std::shared_ptr<MeshSocket> held = checked();
    const pybind11::gil_scoped_release released;
    // Dropped before the GIL is taken again: it may be the last.
    const std::shared_ptr<MeshSocket> socket = std::move(held);
    return use(*socket);
  }
  /// The same with a SyncSocket. REQUIRES: it was made as one.
  template <typename Use>
  auto with_dictionary(Use use) const {
    return with([&](MeshSocket& socket) { return use(static_cast<SyncSocket&>(socket)); });
  }

  /// Destroys the socket, unless it was done, when all calls in it have come back.
  void end();
  [[nodiscard]] const SocketCell& cell() const { return cell_; }
  /// Whether the calling thread is in a handler of this socket's.
  [[nodiscard]] bool in_own_handler() const;

  static void finish();
  static void abandon_all();

 private:
  [[nodiscard]] std::shared_ptr<MeshSocket> checked() const;

  std::shared_ptr<MeshSocket> socket_;
  SocketCell cell_;
  bool is_forked_ = false;
};

/// A function of Python's, held by a socket. Copied, called and destroyed without the GIL.
class Callable {
 public:
  Callable(pybind11::function function, SocketCell socket);

  /// Calls it with what `arguments()`, run under the GIL, gives as a tuple; `read` gets the result. What it raises is a
  /// std::runtime_error.
  template <typename Arguments, typename Read>
  auto call(Arguments arguments, Read read) const {
    const Entered entered(socket_->load());
    const pybind11::gil_scoped_acquire gil;
    try {
      return read(pybind11::reinterpret_borrow<pybind11::function>(function_.get())(*arguments()));
    } catch (const pybind11::error_already_set& error) {
      throw std::runtime_error(error.what());
    }
  }
  template <typename Arguments>
  void call(Arguments arguments) const {
    call(std::move(arguments), [](const pybind11::object& /*result*/) {});
  }

 private:
  /// Marks the thread for in_own_handler().
  class Entered {
   public:
    explicit Entered(const MeshSocket* socket);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    const MeshSocket* before_;
  };

  std::shared_ptr<PyObject> function_;
  SocketCell socket_;
};

}  // namespace meshdict::python
