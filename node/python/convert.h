#pragma once
// Python's objects as values of the dictionary, and back. All of it needs the GIL.
//
// 1. None, bool, int, float, str, bytes (and bytearray, memoryview), list and tuple, dict with str as keys. Whatever else is a
//    ValueError of meshdict's, which Python sees as a TypeError, as py2p's.
// 2. Lists and tuples come back as lists.

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>
#include <vector>

#include "meshdict/sync_socket.h"

namespace meshdict::python {

Value value_of(pybind11::handle object);
pybind11::object object_of(const Value& value);

std::vector<Value> values_of(const pybind11::args& objects);

/// A key or id: bytes, or a str in UTF-8. Throws InvalidKey for anything else.
std::string key_of(pybind11::handle object);
inline pybind11::bytes bytes_of(std::string_view text) {
  return {text.data(), text.size()};
}

/// Makes Python's exceptions, those of meshdict/errors.py, of the library's.
void translate_exceptions();

}  // namespace meshdict::python
