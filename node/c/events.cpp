// Events and watches.

#include <string_view>
#include <utility>

#include "handles.h"

struct meshdict_watch {
  meshdict::Watch watch;
};

namespace {

using namespace meshdict::c;
namespace event = meshdict::event;
using meshdict::ListenerId;
using meshdict::MeshSocket;
using meshdict::SyncSocket;
using meshdict::Value;

/// A handler, and what it is called with.
struct Handler {
  meshdict_socket* socket;
  meshdict_event_handler call;
  void* user;

  void operator()(const meshdict_event& event) const {
    const InHandler here(*socket);
    call(socket, &event, user);
  }
};

template <typename Event>
ListenerId on_plain(const Handler& handler, const char* name) {
  return handler.socket->mesh->on<Event>([handler, name](MeshSocket&) { handler({.name = name}); });
}

ListenerId on_update(const Handler& handler) {
  return dictionary_of(handler.socket)
      .on<event::Update>(
          [handler](SyncSocket&, const std::string& key, const Value& value, const meshdict::Meta& meta) {
            handler({.name = "update", .key = &key, .value = &value, .meta = &meta});
          });
}

ListenerId on_delete(const Handler& handler) {
  return dictionary_of(handler.socket).on<event::Delete>([handler](SyncSocket&, const std::string& key) {
    handler({.name = "delete", .key = &key});
  });
}

ListenerId on_conflict(const Handler& handler) {
  return dictionary_of(handler.socket)
      .on<event::Conflict>([handler](SyncSocket&, const std::string& key, const meshdict::ConflictInfo& info) {
        handler({.name = "conflict", .key = &key, .value = &info.lost, .meta = &info.winner, .reason = &info.reason});
      });
}

ListenerId add(std::string_view name, const Handler& handler) {
  if (name == event::Connect::kName) return on_plain<event::Connect>(handler, "connect");
  if (name == event::Message::kName) return on_plain<event::Message>(handler, "message");
  if (name == event::Overflow::kName) return on_plain<event::Overflow>(handler, "overflow");
  if (name == event::Update::kName) return on_update(handler);
  if (name == event::Delete::kName) return on_delete(handler);
  if (name == event::Conflict::kName) return on_conflict(handler);
  throw Misuse("there is no event '" + std::string(name) + "'");
}

}  // namespace

meshdict_code meshdict_on(meshdict_socket* socket, const char* event, meshdict_event_handler handler, void* user,
                          uint64_t* listener) {
  return guarded([&] {
    given(socket, "socket");
    given(handler, "handler");
    const ListenerId id = add(&given(event, "event"), {socket, handler, user});
    if (listener != nullptr) *listener = std::to_underlying(id);
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_off(meshdict_socket* socket, const char* event, uint64_t listener) {
  return guarded([&] {
    if (mesh_of(socket).remove_listener(&given(event, "event"), ListenerId{listener})) return MESHDICT_OK;
    return fail(MESHDICT_NOTHING, "there is no such listener");
  });
}

const char* meshdict_event_name(const meshdict_event* event) {
  return event == nullptr ? nullptr : event->name;
}

const char* meshdict_event_key(const meshdict_event* event, size_t* size) {
  const std::string* const key = event == nullptr ? nullptr : event->key;
  if (size != nullptr) *size = key == nullptr ? 0 : key->size();
  return key == nullptr ? nullptr : key->c_str();
}

const meshdict_value* meshdict_event_value(const meshdict_event* event) {
  return event == nullptr ? nullptr : shown(event->value);
}

const char* meshdict_event_owner(const meshdict_event* event) {
  return event == nullptr || event->meta == nullptr ? nullptr : event->meta->owner.c_str();
}

int64_t meshdict_event_timestamp_ms(const meshdict_event* event) {
  return event == nullptr || event->meta == nullptr ? 0 : milliseconds_of(event->meta->timestamp);
}

const char* meshdict_event_reason(const meshdict_event* event) {
  return event == nullptr || event->reason == nullptr ? nullptr : event->reason->c_str();
}

meshdict_code meshdict_watch_keys(meshdict_socket* socket, const void* prefix, size_t prefix_size,
                                  meshdict_event_handler handler, void* user, meshdict_watch** watch) {
  return guarded([&] {
    given(watch, "watch");
    given(handler, "handler");
    const Handler called{socket, handler, user};
    *watch = new meshdict_watch{dictionary_of(socket).watch(text_given(prefix, prefix_size, "prefix"),
                                                            [called](const meshdict::Change& change) {
                                                              called({.name = change.value ? "update" : "delete",
                                                                      .key = &change.key,
                                                                      .value = change.value ? &*change.value : nullptr,
                                                                      .meta = &change.meta});
                                                            })};
    return MESHDICT_OK;
  });
}

void meshdict_watch_free(meshdict_watch* watch) {
  delete watch;
}
