// meshdict._core: the library's classes, thinly. What py2p's programs see is made of it in meshdict/*.py, where each member has
// its description.

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "convert.h"
#include "holder.h"

namespace py = pybind11;

namespace meshdict::python {
namespace {

using std::chrono::milliseconds;

/// So often a call that waits looks whether Ctrl-C was pressed.
constexpr milliseconds kSlice(100);

/// What is no number is none.
milliseconds duration_of(double seconds) {
  if (!(seconds > 0.0)) return milliseconds(0);
  return std::chrono::ceil<milliseconds>(std::chrono::duration<double>(std::min(seconds, 1e9)));
}

/// Waits in slices, each without the GIL: `attempt(slice)` gives a result that counts as true when there is nothing to wait for.
template <typename Attempt>
auto wait_in_slices(std::optional<double> timeout, Attempt attempt) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto until = now() + duration_of(timeout.value_or(1e9));
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - now());
    auto result = attempt(std::clamp(left, milliseconds(0), kSlice));
    if (result || left <= kSlice) return result;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
}

std::optional<std::string> text_option(const py::dict& options, const char* name) {
  const py::object value = options.attr("get")(name);
  if (value.is_none()) return std::nullopt;
  return py::str(value).cast<std::string>();
}

TlsProof proof_of(const py::dict& options) {
  if (auto path = text_option(options, "mesh_key_file")) return MeshKeyFile{*std::move(path)};
  const py::object tls = options.attr("get")("tls");
  if (tls.is_none()) return {};
  const auto file = [&](const char* name) {
    return text_option(py::reinterpret_borrow<py::dict>(tls), name).value_or("");
  };
  return TlsFiles{.certificate = file("certificate"),
                  .key = file("key"),
                  .authority = file("authority"),
                  .revoked = file("revoked")};
}

/// Of both kinds of sockets.
template <typename Options>
Options common_options(const py::dict& options, const SocketCell& cell) {
  Options made;
  made.protocol = {.network = options["network"].cast<std::string>(),
                   .encryption = options["encryption"].cast<std::string>()};
  if (const py::object out_addr = options.attr("get")("out_addr"); !out_addr.is_none()) {
    const auto [host, port] = out_addr.cast<std::pair<std::string, std::uint16_t>>();
    made.out_addr = Address{host, port};
  }
  made.debug_level = options["debug_level"].cast<int>();
  made.data_dir = text_option(options, "data_dir").value_or("");
  made.proof = proof_of(options);
  if (const py::object log = options.attr("get")("log"); !log.is_none()) {
    made.log = [call = Callable(log.cast<py::function>(), cell)](int level, std::string_view line) {
      call.call([&] { return py::make_tuple(level, std::string(line)); });
    };
  }
  return made;
}

template <typename Socket, typename Options>
std::unique_ptr<Holder> opened(std::string addr, std::uint16_t port, Options options, SocketCell cell) {
  std::unique_ptr<MeshSocket> socket;
  {
    const py::gil_scoped_release released;
    socket = std::make_unique<Socket>(std::move(addr), port, std::move(options));
  }
  return std::make_unique<Holder>(std::move(socket), std::move(cell));
}

std::unique_ptr<Holder> open_mesh(std::string addr, std::uint16_t port, const py::dict& options) {
  auto cell = std::make_shared<std::atomic<const MeshSocket*>>(nullptr);
  return opened<MeshSocket>(std::move(addr), port, common_options<MeshOptions>(options, cell), cell);
}

std::unique_ptr<Holder> open_sync(std::string addr, std::uint16_t port, const py::dict& options) {
  auto cell = std::make_shared<std::atomic<const MeshSocket*>>(nullptr);
  auto made = common_options<SyncOptions>(options, cell);
  made.leasing = options["leasing"].cast<bool>();
  made.lease = duration_of(options["lease"].cast<double>());
  made.clock_guard = options["clock_guard"].cast<bool>();
  made.sync_each_write = options["sync_each_write"].cast<bool>();
  return opened<SyncSocket>(std::move(addr), port, std::move(made), cell);
}

std::int64_t milliseconds_of(const Meta& meta) {
  return meta.timestamp.time_since_epoch().count();
}
py::tuple tuple_of(const Meta& meta) {
  return py::make_tuple(bytes_of(meta.owner), milliseconds_of(meta));
}

py::tuple tuple_of(const WriteResult& result) {
  constexpr const char* kNames[] = {"done", "leased", "there", "other fence"};
  return py::make_tuple(kNames[static_cast<std::size_t>(result.outcome)], bytes_of(result.owner),
                        std::chrono::duration<double>(result.left).count());
}

py::object packets_of(const Message& message) {
  py::list packets;
  packets.append(py::int_(static_cast<int>(message.type())));
  for (const Value& packet : message.packets())
    packets.append(object_of(packet));
  return py::tuple(packets);
}

py::object optional_message(std::optional<Message> message) {
  return message ? py::cast(*std::move(message)) : py::none();
}

void send(const Holder& holder, const py::args& packets, int flag, int type) {
  if (flag < 0 || flag > 255 || type < 0 || type > 255) throw SettingsError("a flag is a number from 0 to 255");
  const SendOptions options{.flag = static_cast<Flag>(flag), .type = static_cast<Flag>(type)};
  const auto values = values_of(packets);
  holder.with([&](MeshSocket& socket) { socket.send_packets(values, options); });
}

void on_plain(const Holder& holder, const std::string& event, const Callable& call) {
  holder.with([&](MeshSocket& socket) {
    const auto handler = [call](MeshSocket&) { call.call([] { return py::tuple(); }); };
    if (event == event::Connect::kName) {
      socket.on<event::Connect>(handler);
    } else if (event == event::Message::kName) {
      socket.on<event::Message>(handler);
    } else {
      socket.on<event::Overflow>(handler);
    }
  });
}

/// Calls `function` at each such event: update(key, value, meta), delete(key), conflict(key, lost, its meta, the winner's, reason),
/// and the others without arguments.
void on(const Holder& holder, const std::string& event, py::function function) {
  const Callable call(std::move(function), holder.cell());
  if (event == event::Update::kName) {
    holder.with_dictionary([&](SyncSocket& socket) {
      socket.on<event::Update>([call](SyncSocket&, const std::string& key, const Value& value, const Meta& meta) {
        call.call([&] { return py::make_tuple(bytes_of(key), object_of(value), tuple_of(meta)); });
      });
    });
  } else if (event == event::Delete::kName) {
    holder.with_dictionary([&](SyncSocket& socket) {
      socket.on<event::Delete>(
          [call](SyncSocket&, const std::string& key) { call.call([&] { return py::make_tuple(bytes_of(key)); }); });
    });
  } else if (event == event::Conflict::kName) {
    holder.with_dictionary([&](SyncSocket& socket) {
      socket.on<event::Conflict>([call](SyncSocket&, const std::string& key, const ConflictInfo& info) {
        call.call([&] {
          return py::make_tuple(bytes_of(key), object_of(info.lost), tuple_of(info.lost_meta), tuple_of(info.winner),
                                info.reason);
        });
      });
    });
  } else {
    on_plain(holder, event, call);
  }
}

void register_handler(const Holder& holder, py::function function) {
  const Callable call(std::move(function), holder.cell());
  holder.with([&](MeshSocket& socket) {
    socket.register_handler([call](const Message& message, const Neighbour& from) {
      return call.call([&] { return py::make_tuple(message, from); },
                       [](const py::object& result) { return result.cast<bool>(); });
    });
  });
}

Watch watch(const Holder& holder, const py::object& prefix, py::function function) {
  const Callable call(std::move(function), holder.cell());
  const std::string bytes = key_of(prefix);
  return holder.with_dictionary([&](SyncSocket& socket) {
    return socket.watch(bytes, [call](const Change& change) {
      call.call([&] {
        return py::make_tuple(bytes_of(change.key), change.value.has_value(),
                              change.value ? object_of(*change.value) : py::none(), tuple_of(change.meta));
      });
    });
  });
}

py::list snapshot(const Holder& holder, const py::object& prefix) {
  const std::string bytes = key_of(prefix);
  const Snapshot taken = holder.with_dictionary([&](SyncSocket& socket) { return socket.snapshot(bytes); });
  py::list list;
  for (const Snapshot::Record& record : taken.records())
    list.append(py::make_tuple(bytes_of(record.key), object_of(Value::unpacked(record.packed)), tuple_of(record.meta)));
  return list;
}

py::object lease(const Holder& holder, const py::object& key) {
  const std::string bytes = key_of(key);
  const auto info = holder.with_dictionary([&](SyncSocket& socket) { return socket.lease(bytes); });
  if (!info) return py::none();
  return py::make_tuple(bytes_of(info->owner), info->held, info->ours, std::string(to_string(info->state)),
                        std::chrono::duration<double>(info->left).count(), info->epoch, bytes_of(info->fence.bytes));
}

py::tuple status(const Holder& holder) {
  const Status present = holder.with([](MeshSocket& socket) { return socket.status(); });
  return py::make_tuple(py::cast(present.errors), present.dropped_messages, present.merged_changes,
                        present.dropped_lines);
}

py::object neighbours(const Holder& holder) {
  py::list list;
  for (const auto& [id, neighbour] : holder.with([](MeshSocket& socket) { return socket.routing_table(); }))
    list.append(neighbour);
  return list;
}

void bind_messages(py::module_& module) {
  py::class_<Message>(module, "Message")
      .def_property_readonly("packets", packets_of)
      .def_property_readonly("sender", [](const Message& m) { return bytes_of(m.sender()); })
      .def_property_readonly("time", [](const Message& m) { return m.time().time_since_epoch().count(); })
      .def_property_readonly("time_58", [](const Message& m) { return bytes_of(m.time_58()); })
      .def_property_readonly("id", [](const Message& m) { return bytes_of(m.id()); })
      .def_property_readonly("flag", [](const Message& m) { return static_cast<int>(m.flag()); })
      .def_property_readonly("type", [](const Message& m) { return static_cast<int>(m.type()); })
      .def("__len__", &Message::size)
      .def("__repr__", &Message::describe)
      .def("reply", [](const Message& message, const py::args& packets) {
        const auto values = values_of(packets);
        const py::gil_scoped_release released;
        message.reply_packets(values);
      });
  py::class_<Neighbour>(module, "Connection")
      .def_property_readonly("id", [](const Neighbour& n) { return bytes_of(n.id()); })
      .def_property_readonly("addr",
                             [](const Neighbour& n) { return py::make_tuple(n.address().host, n.address().port); })
      .def_property_readonly("outgoing", &Neighbour::outgoing)
      .def_property_readonly("is_meshdict", &Neighbour::is_meshdict)
      .def_property_readonly(
          "connected_for", [](const Neighbour& n) { return std::chrono::duration<double>(n.connected_for()).count(); })
      .def("__eq__", [](const Neighbour& left, const Neighbour& right) { return left.id() == right.id(); })
      .def("__hash__", [](const Neighbour& n) { return py::hash(bytes_of(n.id())); })
      .def("__repr__", [](const Neighbour& n) { return "Connection(" + n.id() + ", " + to_string(n.address()) + ")"; })
      .def("send", [](const Neighbour& neighbour, int flag, int type, const py::args& packets) {
        const int whisper = static_cast<int>(Flag::kWhisper);
        if (flag != whisper || type != whisper)
          throw ReservedFlag(static_cast<std::uint8_t>(flag == whisper ? type : flag));
        const auto values = values_of(packets);
        const py::gil_scoped_release released;
        neighbour.send_packets(values);
      });
  py::class_<Watch>(module, "Watch").def("cancel", &Watch::cancel);
}

void bind_mesh(py::class_<Holder>& socket) {
  socket.def("close", [](const Holder& h) { h.with([](MeshSocket& s) { s.close(); }); })
      .def("is_closed", [](const Holder& h) { return h.with([](MeshSocket& s) { return s.is_closed(); }); })
      .def("id", [](const Holder& h) { return bytes_of(h.with([](MeshSocket& s) { return s.id(); })); })
      .def("out_addr",
           [](const Holder& h) {
             const Address told = h.with([](MeshSocket& s) { return s.out_addr(); });
             return py::make_tuple(told.host, told.port);
           })
      .def("network", [](const Holder& h) { return h.with([](MeshSocket& s) { return s.protocol().network; }); })
      .def("status", status)
      .def("debug_level", [](const Holder& h) { return h.with([](MeshSocket& s) { return s.debug_level(); }); })
      .def("set_debug_level",
           [](const Holder& h, int level) { h.with([&](MeshSocket& s) { s.set_debug_level(level); }); })
      .def("connect",
           [](const Holder& h, const std::string& addr, std::uint16_t port, const py::object& id) {
             const std::string expected = id.is_none() ? std::string() : key_of(id);
             return h.with([&](MeshSocket& s) { return s.connect(addr, port, expected); });
           })
      .def("disconnect",
           [](const Holder& h, const py::object& id) {
             const std::string neighbour = key_of(id);
             return h.with([&](MeshSocket& s) { return s.disconnect(neighbour); });
           })
      .def("request_peers", [](const Holder& h) { h.with([](MeshSocket& s) { s.request_peers(); }); })
      .def("neighbours", neighbours)
      .def("send", send, py::kw_only(), py::arg("flag"), py::arg("type"))
      .def("recv",
           [](const Holder& h, std::optional<double> timeout) {
             // There it does not wait, however often one asks.
             if (h.in_own_handler()) timeout = 0;
             return optional_message(wait_in_slices(timeout, [&](milliseconds slice) {
               return h.with([&](MeshSocket& s) {
                 auto message = s.recv(slice);
                 if (!message && timeout != 0 && s.is_closed())
                   throw SocketClosed("the socket is closed: no message comes");
                 return message;
               });
             }));
           })
      .def("recv_many", [](const Holder& h,
                           std::size_t quantity) { return h.with([&](MeshSocket& s) { return s.recv(quantity); }); })
      .def("register_handler", register_handler)
      .def("handle_msg",
           [](const Holder& h, const Message& message, const Neighbour& from) {
             return h.with([&](MeshSocket& s) { return s.handle_msg(message, from); });
           })
      .def("on", on);
}

template <typename Read>
auto by_key(Read read) {
  return [read](const Holder& holder, const py::object& key) {
    const std::string bytes = key_of(key);
    return holder.with_dictionary([&](SyncSocket& socket) { return read(socket, bytes); });
  };
}
template <typename Write>
auto by_key_and_value(Write write) {
  return [write](const Holder& holder, const py::object& key, const py::object& object) {
    const std::string bytes = key_of(key);
    const Value value = value_of(object);
    return holder.with_dictionary([&](SyncSocket& socket) { return write(socket, bytes, value); });
  };
}

using Key = const std::string&;

void bind_writing(py::class_<Holder>& socket) {
  socket.def("set", by_key_and_value([](SyncSocket& s, Key key, const Value& value) { s.set(key, value); }))
      .def("update",
           [](const Holder& h, const py::dict& items) {
             Value::Map map;
             for (const auto& [key, value] : items)
               map.insert_or_assign(key_of(key), value_of(value));
             h.with_dictionary([&](SyncSocket& s) { s.update(map); });
           })
      .def("try_set",
           [](const Holder& h, const py::object& key, const py::object& object) {
             const auto write = by_key_and_value([](SyncSocket& s, Key k, const Value& v) { return s.try_set(k, v); });
             return tuple_of(write(h, key, object));
           })
      .def("set_if_absent",
           [](const Holder& h, const py::object& key, const py::object& object) {
             const auto write =
                 by_key_and_value([](SyncSocket& s, Key k, const Value& v) { return s.set_if_absent(k, v); });
             return tuple_of(write(h, key, object));
           })
      .def("set_if",
           [](const Holder& h, const py::object& key, const py::bytes& fence, const py::object& object) {
             const auto write =
                 by_key_and_value([claim = Fence{std::string(fence)}](SyncSocket& s, Key k, const Value& v) {
                   return s.set_if(k, claim, v);
                 });
             return tuple_of(write(h, key, object));
           })
      .def("renew", by_key([](SyncSocket& s, Key key) { return s.renew(key); }))
      .def("erase", by_key([](SyncSocket& s, Key key) { s.erase(key); }))
      .def("pop",
           [](const Holder& h, const py::object& key) {
             return object_of(by_key([](SyncSocket& s, Key k) { return s.pop(k); })(h, key));
           })
      .def("popitem", [](const Holder& h) {
        const auto [key, value] = h.with_dictionary([](SyncSocket& s) { return s.popitem(); });
        return py::make_tuple(bytes_of(key), object_of(value));
      });
}

void bind_reading(py::class_<Holder>& socket) {
  socket
      .def("at",
           [](const Holder& h, const py::object& key) {
             return object_of(by_key([](SyncSocket& s, Key k) { return s.at(k); })(h, key));
           })
      .def("meta",
           [](const Holder& h, const py::object& key) {
             return tuple_of(by_key([](SyncSocket& s, Key k) { return s.meta(k); })(h, key));
           })
      .def("contains", by_key([](SyncSocket& s, Key key) { return s.contains(key); }))
      .def("size", [](const Holder& h) { return h.with_dictionary([](SyncSocket& s) { return s.size(); }); })
      .def("keys",
           [](const Holder& h) {
             py::list list;
             for (const std::string& key : h.with_dictionary([](SyncSocket& s) { return s.keys(); }))
               list.append(bytes_of(key));
             return list;
           })
      .def("snapshot", snapshot)
      .def("lease", lease)
      .def("explain", by_key([](SyncSocket& s, Key key) { return s.explain(key); }))
      .def("wait",
           [](const Holder& h, std::size_t replicas, std::optional<double> timeout) {
             std::size_t confirmed = 0;
             wait_in_slices(timeout, [&](milliseconds slice) {
               confirmed = h.with_dictionary([&](SyncSocket& s) { return s.wait(replicas, slice); });
               return confirmed >= replicas;
             });
             return confirmed;
           })
      .def("watch", watch);
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = MESHDICT_VERSION;
  translate_exceptions();
  bind_messages(module);
  py::class_<Holder> socket(module, "Socket");
  bind_mesh(socket);
  bind_writing(socket);
  bind_reading(socket);
  module.def("open_mesh", open_mesh);
  module.def("open_sync", open_sync);
  module.def("protocol_id", [](std::string network, std::string encryption) {
    return Protocol{.network = std::move(network), .encryption = std::move(encryption)}.id();
  });
  module.def("finish", Holder::finish);
  module.def("abandon_all", Holder::abandon_all);
}

}  // namespace meshdict::python
