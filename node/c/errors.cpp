// Codes, texts, and what each thread remembers of its last failure.

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "handles.h"

namespace meshdict::c {
namespace {

struct LastError {
  std::string text;
  std::string owner;
  std::chrono::milliseconds left{};
};

LastError& last_error() {
  thread_local LastError error;
  return error;
}

thread_local const meshdict_socket* handled_socket = nullptr;

}  // namespace

meshdict_code fail(meshdict_code code, std::string_view text) noexcept {
  try {
    last_error().text = text;
  } catch (const std::bad_alloc&) {
    last_error().text.clear();
  }
  return code;
}

meshdict_code fail_leased(std::string_view owner, std::chrono::milliseconds left, std::string_view text) noexcept {
  try {
    last_error().owner = owner;
  } catch (const std::bad_alloc&) {
    last_error().owner.clear();
  }
  last_error().left = left;
  return fail(MESHDICT_LEASED, text);
}

meshdict_code fail_by_exception() noexcept {
  try {
    throw;
  } catch (const LeasedError& error) {
    return fail_leased(error.owner(), error.left(), error.what());
  } catch (const Misuse& error) {
    return fail(MESHDICT_USAGE, error.what());
  } catch (const KeyError& error) {
    return fail(MESHDICT_NO_KEY, error.what());
  } catch (const ClockError& error) {
    return fail(MESHDICT_CLOCK, error.what());
  } catch (const InvalidKey& error) {
    return fail(MESHDICT_BAD_KEY, error.what());
  } catch (const ValueError& error) {
    return fail(MESHDICT_BAD_VALUE, error.what());
  } catch (const TypeError& error) {
    return fail(MESHDICT_OTHER_TYPE, error.what());
  } catch (const PortInUse& error) {
    return fail(MESHDICT_PORT_IN_USE, error.what());
  } catch (const ListenError& error) {
    return fail(MESHDICT_LISTEN, error.what());
  } catch (const StorageError& error) {
    return fail(MESHDICT_STORAGE, error.what());
  } catch (const SettingsError& error) {
    return fail(MESHDICT_SETTINGS, error.what());
  } catch (const ReservedFlag& error) {
    return fail(MESHDICT_USAGE, error.what());
  } catch (const SocketClosed& error) {
    return fail(MESHDICT_CLOSED, error.what());
  } catch (const std::bad_alloc&) {
    return fail(MESHDICT_NO_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(MESHDICT_FAILED, error.what());
  } catch (...) {
    return fail(MESHDICT_FAILED, "an exception of unknown kind");
  }
}

std::string_view text_given(const void* data, std::size_t size, const char* what) {
  if (data == nullptr && size == 0) return {};
  const char* const text = &given(static_cast<const char*>(data), what);
  return {text, size == MESHDICT_TEXT ? std::strlen(text) : size};
}

SyncSocket& dictionary_of(const meshdict_socket* socket) {
  SyncSocket* const sync = given(socket, "socket").sync;
  if (sync == nullptr) throw Misuse("this socket carries messages only: meshdict_open() makes one with a dictionary");
  return *sync;
}

std::vector<Value> packets_given(const meshdict_value* const* packets, std::size_t count) {
  if (count != 0) given(packets, "packets");
  std::vector<Value> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(value_given(packets[i]));
  return values;
}

char* copy_of(std::string_view text) {
  auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

InHandler::InHandler(const meshdict_socket& socket) : before_(std::exchange(handled_socket, &socket)) {}

InHandler::~InHandler() {
  handled_socket = before_;
}

bool InHandler::of(const meshdict_socket& socket) {
  return handled_socket == &socket;
}

}  // namespace meshdict::c

const char* meshdict_version(void) {
  return MESHDICT_VERSION;
}

const char* meshdict_code_name(int code) {
  switch (code) {
    case MESHDICT_OK:
      return "OK";
    case MESHDICT_LEASED:
      return "LEASED";
    case MESHDICT_NO_KEY:
      return "NO_KEY";
    case MESHDICT_THERE:
      return "THERE";
    case MESHDICT_OTHER_FENCE:
      return "OTHER_FENCE";
    case MESHDICT_NOT_HELD:
      return "NOT_HELD";
    case MESHDICT_NOTHING:
      return "NOTHING";
    case MESHDICT_CLOCK:
      return "CLOCK";
    case MESHDICT_BAD_KEY:
      return "BAD_KEY";
    case MESHDICT_BAD_VALUE:
      return "BAD_VALUE";
    case MESHDICT_OTHER_TYPE:
      return "OTHER_TYPE";
    case MESHDICT_USAGE:
      return "USAGE";
    case MESHDICT_SETTINGS:
      return "SETTINGS";
    case MESHDICT_LISTEN:
      return "LISTEN";
    case MESHDICT_PORT_IN_USE:
      return "PORT_IN_USE";
    case MESHDICT_STORAGE:
      return "STORAGE";
    case MESHDICT_CLOSED:
      return "CLOSED";
    case MESHDICT_NO_MEMORY:
      return "NO_MEMORY";
    case MESHDICT_FAILED:
      return "FAILED";
    default:
      return "?";
  }
}

const char* meshdict_error_text(void) {
  return meshdict::c::last_error().text.c_str();
}

const char* meshdict_error_owner(void) {
  return meshdict::c::last_error().owner.c_str();
}

int64_t meshdict_error_left_ms(void) {
  return meshdict::c::last_error().left.count();
}

void meshdict_free(void* memory) {
  std::free(memory);
}
