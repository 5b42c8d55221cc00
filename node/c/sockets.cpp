// Sockets, their neighbours, and the messages between them.

#include <utility>

#include "handles.h"
#include "options.h"

struct meshdict_message {
  meshdict::Message message;
};

namespace {

using namespace meshdict::c;
using meshdict::Value;

meshdict::SendOptions send_options(int flag) {
  if (flag != MESHDICT_BROADCAST && flag != MESHDICT_WHISPER)
    throw Misuse("a flag is MESHDICT_BROADCAST or MESHDICT_WHISPER");
  const auto chosen = static_cast<meshdict::Flag>(flag);
  return {.flag = chosen, .type = chosen};
}

Value::Map map_of(const meshdict::Neighbour& neighbour) {
  return {{"id", neighbour.id()},
          {"host", neighbour.address().host},
          {"port", neighbour.address().port},
          {"outgoing", neighbour.outgoing()},
          {"meshdict", neighbour.is_meshdict()},
          {"connected_ms", std::chrono::duration_cast<std::chrono::milliseconds>(neighbour.connected_for()).count()}};
}

}  // namespace

meshdict_code meshdict_open(const char* addr, uint16_t port, const meshdict_options* options,
                            meshdict_socket** socket) {
  return guarded([&] {
    given(socket, "socket");
    auto made = std::make_unique<meshdict::SyncSocket>(
        &given(addr, "addr"), port, options == nullptr ? meshdict::SyncOptions() : options->of_dictionary());
    *socket = new meshdict_socket(std::move(made));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_open_mesh(const char* addr, uint16_t port, const meshdict_options* options,
                                 meshdict_socket** socket) {
  return guarded([&] {
    given(socket, "socket");
    auto made = std::make_unique<meshdict::MeshSocket>(
        &given(addr, "addr"), port, options == nullptr ? meshdict::MeshOptions() : options->of_mesh());
    *socket = new meshdict_socket(std::move(made));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_close(meshdict_socket* socket) {
  return guarded([&] {
    mesh_of(socket).close();
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_free_socket(meshdict_socket* socket) {
  return guarded([&] {
    if (socket == nullptr) return MESHDICT_OK;
    if (InHandler::of(*socket)) return fail(MESHDICT_USAGE, "a socket cannot be freed in a handler of its own");
    const std::unique_ptr<meshdict_socket> owned(socket);
    return MESHDICT_OK;
  });
}

const char* meshdict_id(const meshdict_socket* socket) {
  return socket == nullptr ? nullptr : socket->id.c_str();
}

meshdict_code meshdict_out_addr(const meshdict_socket* socket, char** address, uint16_t* port) {
  return guarded([&] {
    const meshdict::Address told = mesh_of(socket).out_addr();
    if (address != nullptr) *address = copy_of(to_string(told));
    if (port != nullptr) *port = told.port;
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_status(const meshdict_socket* socket, meshdict_value** status) {
  return guarded([&] {
    given(status, "status");
    const meshdict::Status present = mesh_of(socket).status();
    *status = handed_over(Value::Map{{"nominal", present.is_nominal()},
                                     {"errors", present.errors},
                                     {"dropped_messages", present.dropped_messages},
                                     {"merged_changes", present.merged_changes},
                                     {"dropped_lines", present.dropped_lines}});
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_connect(meshdict_socket* socket, const char* host, uint16_t port, const char* id, int* dialled) {
  return guarded([&] {
    const std::string_view expected = id == nullptr ? std::string_view() : std::string_view(id);
    const bool dials = mesh_of(socket).connect(&given(host, "host"), port, expected);
    if (dialled != nullptr) *dialled = dials ? 1 : 0;
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_disconnect(meshdict_socket* socket, const char* id) {
  return guarded([&] {
    if (mesh_of(socket).disconnect(&given(id, "id"))) return MESHDICT_OK;
    return fail(MESHDICT_NOTHING, std::string(id) + " is no neighbour");
  });
}

meshdict_code meshdict_request_peers(meshdict_socket* socket) {
  return guarded([&] {
    mesh_of(socket).request_peers();
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_neighbours(const meshdict_socket* socket, meshdict_value** neighbours) {
  return guarded([&] {
    given(neighbours, "neighbours");
    Value::Array array;
    for (const auto& [id, neighbour] : mesh_of(socket).routing_table())
      array.emplace_back(map_of(neighbour));
    *neighbours = handed_over(std::move(array));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_send(meshdict_socket* socket, int flag, const meshdict_value* const* packets, size_t count) {
  return guarded([&] {
    mesh_of(socket).send_packets(packets_given(packets, count), send_options(flag));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_send_text(meshdict_socket* socket, int flag, const char* text, size_t size) {
  return guarded([&] {
    mesh_of(socket).send_packets({std::string(text_given(text, size, "text"))}, send_options(flag));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_recv(meshdict_socket* socket, int64_t timeout_ms, meshdict_message** message) {
  return guarded([&] {
    given(message, "message");
    meshdict::MeshSocket& mesh = mesh_of(socket);
    auto received = timeout_ms == 0 ? mesh.recv() : mesh.recv(patience_of(timeout_ms));
    if (!received && mesh.is_closed()) return fail(MESHDICT_CLOSED, "the socket is closed: no message comes");
    if (!received) return fail(MESHDICT_NOTHING, "no message came");
    *message = new meshdict_message{*std::move(received)};
    return MESHDICT_OK;
  });
}

void meshdict_message_free(meshdict_message* message) {
  delete message;
}

size_t meshdict_message_count(const meshdict_message* message) {
  return message == nullptr ? 0 : message->message.packets().size();
}

const meshdict_value* meshdict_message_packet(const meshdict_message* message, size_t index) {
  if (index >= meshdict_message_count(message)) return nullptr;
  return shown(&message->message.packets()[index]);
}

const char* meshdict_message_sender(const meshdict_message* message) {
  return message == nullptr ? nullptr : message->message.sender().c_str();
}

int64_t meshdict_message_time_ms(const meshdict_message* message) {
  return message == nullptr ? 0 : milliseconds_of(message->message.time());
}

meshdict_flag meshdict_message_flag(const meshdict_message* message) {
  const bool whispered = message != nullptr && message->message.flag() == meshdict::Flag::kWhisper;
  return whispered ? MESHDICT_WHISPER : MESHDICT_BROADCAST;
}

const unsigned char* meshdict_message_id(const meshdict_message* message) {
  return message == nullptr ? nullptr : reinterpret_cast<const unsigned char*>(message->message.id().data());
}

meshdict_code meshdict_reply(const meshdict_message* message, const meshdict_value* const* packets, size_t count) {
  return guarded([&] {
    given(message, "message").message.reply_packets(packets_given(packets, count));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_reply_text(const meshdict_message* message, const char* text, size_t size) {
  return guarded([&] {
    given(message, "message").message.reply_packets({std::string(text_given(text, size, "text"))});
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_register_handler(meshdict_socket* socket, meshdict_message_handler handler, void* user) {
  return guarded([&] {
    given(handler, "handler");
    mesh_of(socket).register_handler(
        [socket, handler, user](const meshdict::Message& message, const meshdict::Neighbour& from) {
          const InHandler here(*socket);
          const meshdict_message shown{message};
          return handler(socket, &shown, from.id().c_str(), user) != 0;
        });
    return MESHDICT_OK;
  });
}
