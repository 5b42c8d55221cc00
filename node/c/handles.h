#pragma once
// What stands behind the handles of meshdict.h, and how exceptions become codes.
//
// 1. Every function of the C library runs inside guarded(): nothing is thrown across.
// 2. A meshdict_value is a Value, and nothing beside it: so elements of arrays and packets of messages are shown without a copy.
// 3. While a handler runs, its thread knows of which socket (InHandler): freeing that socket there would never end.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "meshdict.h"
#include "meshdict/sync_socket.h"

struct meshdict_socket {
  explicit meshdict_socket(std::unique_ptr<meshdict::MeshSocket> owned)
      : mesh(std::move(owned)), sync(dynamic_cast<meshdict::SyncSocket*>(mesh.get())), id(mesh->id()) {}

  std::unique_ptr<meshdict::MeshSocket> mesh;
  /// The same, when it has a dictionary.
  meshdict::SyncSocket* sync;
  std::string id;
};

struct meshdict_event {
  const char* name = "";
  const std::string* key = nullptr;
  const meshdict::Value* value = nullptr;
  const meshdict::Meta* meta = nullptr;
  const std::string* reason = nullptr;
};

namespace meshdict::c {

/// A wrong call: MESHDICT_USAGE.
class Misuse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Notes what went wrong for the calling thread. Return the code that was given.
meshdict_code fail(meshdict_code code, std::string_view text) noexcept;
meshdict_code fail_leased(std::string_view owner, std::chrono::milliseconds left, std::string_view text) noexcept;
/// The same, of the exception that is being handled.
meshdict_code fail_by_exception() noexcept;

template <typename Action>
meshdict_code guarded(Action action) noexcept {
  try {
    return action();
  } catch (...) {
    return fail_by_exception();
  }
}

/// The same for functions that return an object: null when it fails.
template <typename Action>
auto made(Action action) noexcept -> decltype(action()) {
  try {
    return action();
  } catch (...) {
    fail_by_exception();
    return nullptr;
  }
}

/// What `pointer` points to. Throws Misuse when it is null: "<what> is NULL".
template <typename T>
T& given(T* pointer, const char* what) {
  if (pointer == nullptr) throw Misuse(std::string(what) + " is NULL");
  return *pointer;
}
/// A key or text as it was passed. Throws Misuse for a null one that is not empty.
std::string_view text_given(const void* data, std::size_t size, const char* what);

/// A socket's dictionary. Throws Misuse when it has none.
SyncSocket& dictionary_of(const meshdict_socket* socket);
inline MeshSocket& mesh_of(const meshdict_socket* socket) {
  return *given(socket, "socket").mesh;
}

inline const Value& value_given(const meshdict_value* value) {
  return *reinterpret_cast<const Value*>(&given(value, "value"));
}
inline const meshdict_value* shown(const Value* value) {
  return reinterpret_cast<const meshdict_value*>(value);
}
inline meshdict_value* handed_over(Value value) {
  return reinterpret_cast<meshdict_value*>(std::make_unique<Value>(std::move(value)).release());
}
/// Packets of a message that is to be sent.
std::vector<Value> packets_given(const meshdict_value* const* packets, std::size_t count);

/// A copy for meshdict_free(), with a NUL behind it.
char* copy_of(std::string_view text);

/// Negative: for ever.
inline std::chrono::milliseconds patience_of(std::int64_t timeout_ms) {
  return timeout_ms < 0 ? std::chrono::milliseconds::max() : std::chrono::milliseconds(timeout_ms);
}
inline std::int64_t milliseconds_of(std::chrono::sys_time<std::chrono::milliseconds> moment) {
  return moment.time_since_epoch().count();
}

/// For the time of a handler's call.
class InHandler {
 public:
  explicit InHandler(const meshdict_socket& socket);
  ~InHandler();
  InHandler(const InHandler&) = delete;
  InHandler& operator=(const InHandler&) = delete;

  [[nodiscard]] static bool of(const meshdict_socket& socket);

 private:
  const meshdict_socket* before_;
};

}  // namespace meshdict::c
