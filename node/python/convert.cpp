#include "convert.h"

#include <exception>
#include <optional>
#include <utility>

namespace py = pybind11;

namespace meshdict::python {
namespace {

/// Deeper ones are refused by the library; here it ends the recursion into an object that holds itself.
constexpr int kMaxDepth = 32;

Value nested(py::handle object, int depth);

Value integer_of(py::handle object) {
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!number) throw py::error_already_set();
  int overflow = 0;
  const long long as_signed = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0) return Value::integer(static_cast<std::int64_t>(as_signed));
  const unsigned long long as_unsigned = overflow > 0 ? PyLong_AsUnsignedLongLong(number.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw ValueError("an int below -2**63 or above 2**64 - 1 cannot be stored or sent");
  }
  return Value::integer(static_cast<std::uint64_t>(as_unsigned));
}

std::string text_of(py::handle object) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (text != nullptr) return {text, static_cast<std::size_t>(size)};
  PyErr_Clear();
  throw ValueError("a str with half of a surrogate pair cannot be stored or sent");
}

/// What a bytes-like object holds; nothing when it is none.
std::optional<std::string> buffer_of(py::handle object) {
  if (PyBytes_Check(object.ptr())) {
    return std::string(PyBytes_AS_STRING(object.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(object.ptr())));
  }
  if (!PyByteArray_Check(object.ptr()) && !PyMemoryView_Check(object.ptr())) return std::nullopt;
  const auto copy = py::reinterpret_steal<py::bytes>(PyBytes_FromObject(object.ptr()));
  if (!copy) throw py::error_already_set();
  return std::string(copy);
}

Value array_of(py::handle object, int depth) {
  Value::Array array;
  for (const py::handle item : object)
    array.push_back(nested(item, depth + 1));
  return array;
}

Value map_of(py::handle object, int depth) {
  Value::Map map;
  for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(object)) {
    if (!PyUnicode_Check(key.ptr())) throw ValueError("a dict with a key that is no str cannot be stored or sent");
    map.insert_or_assign(text_of(key), nested(item, depth + 1));
  }
  return map;
}

Value nested(py::handle object, int depth) {
  if (depth > kMaxDepth) throw ValueError("an object that is nested more than 32 deep cannot be stored or sent");
  PyObject* const raw = object.ptr();
  if (raw == Py_None) return {};
  if (PyBool_Check(raw)) return raw == Py_True;
  if (PyLong_Check(raw)) return integer_of(object);
  if (PyFloat_Check(raw)) return PyFloat_AS_DOUBLE(raw);
  if (PyUnicode_Check(raw)) return text_of(object);
  if (auto bytes = buffer_of(object)) return Bytes{*std::move(bytes)};
  if (PyDict_Check(raw)) return map_of(object, depth);
  if (PyList_Check(raw) || PyTuple_Check(raw)) return array_of(object, depth);
  // Such as numpy's integers.
  if (PyIndex_Check(raw)) return integer_of(object);
  throw ValueError("a " + std::string(Py_TYPE(raw)->tp_name) +
                   " cannot be stored or sent: None, bool, int, float, str, bytes, list, tuple and dict can");
}

py::object list_of(const Value::Array& array) {
  py::list list(array.size());
  for (std::size_t i = 0; i < array.size(); ++i)
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), object_of(array[i]).release().ptr());
  return list;
}

/// Texts of py2p nodes may be no UTF-8: what is none comes back as Python's file names do.
py::object str_of(std::string_view text) {
  auto made = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape"));
  if (!made) throw py::error_already_set();
  return made;
}

py::object dict_of(const Value::Map& map) {
  py::dict dict;
  for (const auto& [key, item] : map)
    dict[str_of(key)] = object_of(item);
  return dict;
}

template <typename... Arguments>
void raise(const char* name, const Arguments&... arguments) {
  const py::object type = py::module_::import("meshdict.errors").attr(name);
  PyErr_SetObject(type.ptr(), type(arguments...).ptr());
}

double seconds_of(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

void translate(std::exception_ptr thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const LeasedError& error) {
    raise("LeasedError", str_of(error.what()), bytes_of(error.key()), bytes_of(error.owner()),
          seconds_of(error.left()));
  } catch (const KeyError& error) {
    raise("NoSuchKey", bytes_of(error.key()));
  } catch (const ClockError& error) {
    raise("ClockError", str_of(error.what()), bytes_of(error.key()), seconds_of(error.ahead()));
  } catch (const InvalidKey& error) {
    raise("InvalidKey", str_of(error.what()));
  } catch (const ValueError& error) {
    raise("NotSerialisable", str_of(error.what()));
  } catch (const ReservedFlag& error) {
    raise("ReservedFlag", str_of(error.what()));
  } catch (const PortInUse& error) {
    raise("PortInUse", str_of(error.what()));
  } catch (const ListenError& error) {
    raise("ListenError", str_of(error.what()));
  } catch (const StorageError& error) {
    raise("StorageError", str_of(error.what()), str_of(error.path()));
  } catch (const SettingsError& error) {
    raise("SettingsError", str_of(error.what()));
  } catch (const SocketClosed& error) {
    raise("SocketClosed", str_of(error.what()));
  } catch (const Error& error) {
    raise("Error", str_of(error.what()));
  }
}

}  // namespace

Value value_of(py::handle object) {
  return nested(object, 0);
}

py::object object_of(const Value& value) {
  switch (value.type()) {
    case Value::Type::kNil:
      return py::none();
    case Value::Type::kBool:
      return py::bool_(*value.if_bool());
    case Value::Type::kInteger:
      if (const auto number = value.if_signed()) return py::int_(*number);
      return py::int_(*value.if_unsigned());
    case Value::Type::kReal:
      return py::float_(*value.if_real());
    case Value::Type::kText:
      return str_of(*value.if_text());
    case Value::Type::kBytes:
      return bytes_of(value.if_bytes()->data);
    case Value::Type::kArray:
      return list_of(*value.if_array());
    case Value::Type::kMap:
      return dict_of(*value.if_map());
  }
  return py::none();
}

std::vector<Value> values_of(const py::args& objects) {
  std::vector<Value> values;
  values.reserve(objects.size());
  for (const py::handle object : objects)
    values.push_back(value_of(object));
  return values;
}

std::string key_of(py::handle object) {
  if (PyUnicode_Check(object.ptr())) return text_of(object);
  if (auto bytes = buffer_of(object)) return *std::move(bytes);
  throw InvalidKey("a key is bytes or str, and not " + std::string(Py_TYPE(object.ptr())->tp_name));
}

void translate_exceptions() {
  py::register_local_exception_translator(translate);
}

}  // namespace meshdict::python
