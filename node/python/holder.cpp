#include "holder.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace py = pybind11;

namespace meshdict::python {
namespace {

/// For what ends within moments, unless a handler waits for something that never comes.
constexpr std::chrono::seconds kPatience(5);

thread_local const MeshSocket* handled_socket = nullptr;

/// By the GIL.
std::set<Holder*>& holders() {
  static std::set<Holder*> all;
  return all;
}

/// Threads that destroy sockets which were dropped in their own handlers.
class Undertakers {
 public:
  void bury(MeshSocket* socket) {
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    std::thread([this, socket] {
      delete socket;
      const std::lock_guard lock(mutex_);
      --running_;
      ended_.notify_all();
    }).detach();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    // A child of fork() has the count, and not the threads.
    ended_.wait_for(lock, kPatience, [&] { return running_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

Undertakers& undertakers() {
  // Never destroyed: its threads may still run when static objects go.
  static Undertakers& all = *new Undertakers;
  return all;
}

/// REQUIRES: the GIL is not held.
void destroy(MeshSocket* socket) {
  if (handled_socket == socket) {
    undertakers().bury(socket);
  } else {
    delete socket;
  }
}

/// False when it was done before.
bool close(MeshSocket& socket) {
  try {
    socket.close();
    return true;
  } catch (const SocketClosed&) {
    return false;
  }
}

void drop(PyObject* function) {
  const py::gil_scoped_acquire gil;
  Py_DECREF(function);
}

}  // namespace

Holder::Holder(std::unique_ptr<MeshSocket> socket, SocketCell cell)
    : socket_(socket.release(), destroy), cell_(std::move(cell)) {
  *cell_ = socket_.get();
  holders().insert(this);
}

Holder::~Holder() {
  holders().erase(this);
  end();
}

std::shared_ptr<MeshSocket> Holder::checked() const {
  if (socket_) return socket_;
  throw SocketClosed(is_forked_ ? "this socket is the parent process's: a child of fork() makes its own"
                                : "the socket was closed");
}

void Holder::end() {
  std::shared_ptr<MeshSocket> dropped = std::move(socket_);
  socket_.reset();
  const py::gil_scoped_release released;
  dropped.reset();
}

void Holder::finish() {
  // While the GIL is given up the list changes, and holders go: so one after the other, and none is touched afterwards.
  while (!holders().empty()) {
    std::shared_ptr<MeshSocket> socket = std::move((*holders().begin())->socket_);
    holders().erase(holders().begin());
    if (!socket) continue;
    const py::gil_scoped_release released;
    close(*socket);
    const std::weak_ptr<MeshSocket> rest = socket;
    socket.reset();
    // Another thread may be on its way out of it, and take the GIL for that.
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!rest.expired() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const py::gil_scoped_release released;
  undertakers().wait();
}

void Holder::abandon_all() {
  for (Holder* const holder : holders()) {
    // Never freed: the socket's threads are not here to end.
    new std::shared_ptr<MeshSocket>(std::move(holder->socket_));
    holder->socket_.reset();
    holder->is_forked_ = true;
  }
}

bool Holder::in_own_handler() const {
  return handled_socket != nullptr && handled_socket == *cell_;
}

Callable::Callable(py::function function, SocketCell socket)
    : function_(function.release().ptr(), drop), socket_(std::move(socket)) {}

Callable::Entered::Entered(const MeshSocket* socket) : before_(std::exchange(handled_socket, socket)) {}

Callable::Entered::~Entered() {
  handled_socket = before_;
}

}  // namespace meshdict::python
