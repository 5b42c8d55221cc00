#pragma once
// A dictionary that programs share over a peer-to-peer mesh, for C11 and for whatever calls C: the same nodes as those of the C++
// library (node/api/include/meshdict), which this one stands on.
//
//   meshdict_socket* socket = NULL;
//   if (meshdict_open("127.0.0.1", 0, NULL, &socket) != MESHDICT_OK) return puts(meshdict_error_text());
//   meshdict_connect(socket, "127.0.0.1", 44565, NULL, NULL);
//   if (meshdict_set_text(socket, "colour", MESHDICT_TEXT, "red", MESHDICT_TEXT) == MESHDICT_LEASED)
//     printf("%s holds it for %lld ms\n", meshdict_error_owner(), (long long)meshdict_error_left_ms());
//   meshdict_free_socket(socket);
//
// What holds for all functions, unless one says otherwise:
//
// 1. Errors: a function that can fail returns a meshdict_code; MESHDICT_OK is 0. A function that makes an object returns NULL instead.
//    meshdict_error_text() then says what was wrong, for the thread that called. Any function may return MESHDICT_USAGE (an argument
//    is NULL that may not be), MESHDICT_NO_MEMORY and MESHDICT_FAILED; on every failure what it would give is left as it was. No
//    exception of C++ comes out.
// 2. Threads: any function of a socket may be called from any thread at any time, and from inside a handler, but for
//    meshdict_free_socket(). Values, messages, events and snapshots never change and may be read from any thread; options and the
//    freeing of an object belong to one thread at a time.
// 3. Handlers are called on a thread that each socket has for them, one after the other. Nothing of the socket waits for them:
//    one may take long, and may take locks that are held around calls. `user` is handed to it as it was given, and must be good
//    until meshdict_free_socket() has returned (for the handler of a watch: until then as well).
// 4. Ownership: what comes out through a pointer to a pointer, or is returned by a function whose name has _new, _value_ or
//    _from_, belongs to the caller, who gives it to the _free function of its kind; texts and bytes go to meshdict_free(). What a
//    const pointer shows belongs to the object that was asked, and is good as long as that is. All _free functions take NULL.
// 5. Keys and texts are bytes with a size; MESHDICT_TEXT as size says: up to the NUL. Keys are 0 to 65,535 bytes. Texts that are
//    given back end with a NUL that their size does not count.
// 6. Times are milliseconds, signed; moments are milliseconds since 1970 by the clock of whoever wrote. A negative timeout is for ever.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MESHDICT_API __attribute__((visibility("default")))

/// As the size of a key, text or prefix: it is a C string.
#define MESHDICT_TEXT SIZE_MAX

/// What became of a call. Numbers stay; more may be added.
typedef enum meshdict_code {
  MESHDICT_OK = 0,
  MESHDICT_LEASED = 1,        ///< another node holds the key: meshdict_error_owner(), meshdict_error_left_ms()
  MESHDICT_NO_KEY = 2,        ///< there is no such key
  MESHDICT_THERE = 3,         ///< meshdict_set_if_absent(): there is such a key
  MESHDICT_OTHER_FENCE = 4,   ///< meshdict_set_if(): the claim is another now, or there is no such key
  MESHDICT_NOT_HELD = 5,      ///< meshdict_renew(): this node does not hold the key any more
  MESHDICT_NOTHING = 6,       ///< there is nothing: no message came, no such neighbour or listener
  MESHDICT_CLOCK = 7,         ///< this machine's clock is not the other members': no key is claimed
  MESHDICT_BAD_KEY = 8,       ///< nobody can have a key like this
  MESHDICT_BAD_VALUE = 9,     ///< a value that cannot be stored or sent, or text that is none (JSON, MessagePack)
  MESHDICT_OTHER_TYPE = 10,   ///< a value was asked for as something that it is not, or does not fit into
  MESHDICT_USAGE = 11,        ///< the call itself is wrong: a NULL, an unknown event, a handler that frees its socket
  MESHDICT_SETTINGS = 12,     ///< options, addresses or ids that none are
  MESHDICT_LISTEN = 13,       ///< the address cannot be listened on
  MESHDICT_PORT_IN_USE = 14,  ///< ... because another program does
  MESHDICT_STORAGE = 15,      ///< the data directory cannot be used, or is full
  MESHDICT_CLOSED = 16,       ///< the socket was closed
  MESHDICT_NO_MEMORY = 17,
  MESHDICT_FAILED = 18  ///< anything else; the text says what
} meshdict_code;

typedef struct meshdict_socket meshdict_socket;
typedef struct meshdict_options meshdict_options;
typedef struct meshdict_value meshdict_value;
typedef struct meshdict_snapshot meshdict_snapshot;
typedef struct meshdict_message meshdict_message;
typedef struct meshdict_event meshdict_event;
typedef struct meshdict_watch meshdict_watch;

/* About the library and errors. None of these fails. */

/// The library's version, "0.1.0".
MESHDICT_API const char* meshdict_version(void);
/// The name of a code: "LEASED". Of a number that is none, "?".
MESHDICT_API const char* meshdict_code_name(int code);
/// Of the last call on this thread that failed: what was wrong, for people; "" before any. Good until the next that fails.
MESHDICT_API const char* meshdict_error_text(void);
/// Of the last MESHDICT_LEASED on this thread: the id of the node that holds the key, and how long until it is free (1 or more).
MESHDICT_API const char* meshdict_error_owner(void);
MESHDICT_API int64_t meshdict_error_left_ms(void);
/// Frees texts and bytes that functions gave to the caller.
MESHDICT_API void meshdict_free(void* memory);

/* Options, for meshdict_open(). */

typedef void (*meshdict_log_handler)(int level, const char* line, void* user);

/// The defaults.
MESHDICT_API meshdict_options* meshdict_options_new(void);
MESHDICT_API void meshdict_options_free(meshdict_options* options);
/// One option by name, its value as text; both are copied. MESHDICT_SETTINGS: there is no such option, or no such value.
///
///   network           name of the mesh; others are refused            sync (of meshdict_open_mesh(): mesh)
///   encryption        Plaintext, TLS, or SSL, which is py2p's         Plaintext
///   mesh-key-file     with TLS: a key that all members share          (none)
///   tls-cert, tls-key, tls-ca, tls-crl   with TLS instead: PEM files  (none)
///   out-addr          HOST:PORT where others are told to dial         (where it listens)
///   data-dir          keeps id, dictionary and leases                 (nowhere)
///   lease-ms          how long a key is held after a write            3600000
///   leasing           yes or no: no, and everybody may write all      yes
///   clock-guard       yes or no: a wrong clock claims no keys         yes
///   sync-each-write   yes or no: a write waits for the disk           yes
///   debug-level       0 to 4: how much is logged                      0
MESHDICT_API meshdict_code meshdict_options_set(meshdict_options* options, const char* name, const char* value);
/// Where the log goes; default: stderr. Called on the handlers' thread or on a caller's.
MESHDICT_API meshdict_code meshdict_options_log(meshdict_options* options, meshdict_log_handler handler, void* user);

/* Sockets. */

/// A member of a mesh, with its dictionary. Listens at `addr` ("" for all addresses), at any free port for 0. `options` may be NULL,
/// and may be freed afterwards. MESHDICT_LISTEN, MESHDICT_PORT_IN_USE, MESHDICT_STORAGE, MESHDICT_SETTINGS.
MESHDICT_API meshdict_code meshdict_open(const char* addr, uint16_t port, const meshdict_options* options,
                                         meshdict_socket** socket);
/// One that carries messages only: functions of the dictionary return MESHDICT_USAGE.
MESHDICT_API meshdict_code meshdict_open_mesh(const char* addr, uint16_t port, const meshdict_options* options,
                                              meshdict_socket** socket);
/// Says goodbye to all neighbours and leaves the mesh; waits for that, at most seconds. Afterwards what needs the mesh returns
/// MESHDICT_CLOSED, and so does a second call.
MESHDICT_API meshdict_code meshdict_close(meshdict_socket* socket);
/// Closes, waits for a handler that runs, and frees. Nothing may use the socket from then on; messages that came from it stay good.
/// MESHDICT_USAGE, and nothing is done: called in a handler of this socket.
MESHDICT_API meshdict_code meshdict_free_socket(meshdict_socket* socket);
/// This node's id, in base 58. Good as long as the socket.
MESHDICT_API const char* meshdict_id(const meshdict_socket* socket);
/// Where others are told to dial: "host:port" as a text of the caller's, and the port alone. Both may be NULL.
MESHDICT_API meshdict_code meshdict_out_addr(const meshdict_socket* socket, char** address, uint16_t* port);
/// A map: `nominal` (bool), `errors` (texts, the newest last), `dropped_messages`, `merged_changes`, `dropped_lines` (counts of
/// what slow handlers have missed).
MESHDICT_API meshdict_code meshdict_status(const meshdict_socket* socket, meshdict_value** status);

/* Neighbours. */

/// Dials a node without waiting for the outcome; any one member is enough to join. `id`, unless NULL: another node that answers
/// is refused. `*dialled`, unless NULL: 0 when there was nothing to do. MESHDICT_SETTINGS, MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_connect(meshdict_socket* socket, const char* host, uint16_t port, const char* id,
                                            int* dialled);
/// Says goodbye to a neighbour. MESHDICT_NOTHING: it is none. MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_disconnect(meshdict_socket* socket, const char* id);
/// Asks the neighbours whom they know. MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_request_peers(meshdict_socket* socket);
/// An array of maps, one a neighbour: `id`, `host`, `port`, `outgoing` (we dialled), `meshdict` (no py2p node), `connected_ms`.
MESHDICT_API meshdict_code meshdict_neighbours(const meshdict_socket* socket, meshdict_value** neighbours);

/* Values: nil, booleans, integers from -2^63 to 2^64-1, floats, text (UTF-8), bytes, arrays, maps with text as keys. */

typedef enum meshdict_type {
  MESHDICT_NIL = 0,
  MESHDICT_BOOL = 1,
  MESHDICT_INTEGER = 2,
  MESHDICT_REAL = 3,
  MESHDICT_STRING = 4,
  MESHDICT_BYTES = 5,
  MESHDICT_ARRAY = 6,
  MESHDICT_MAP = 7
} meshdict_type;

/// What they are given is copied. Whether a text is UTF-8 is looked at when it is stored or sent.
MESHDICT_API meshdict_value* meshdict_value_nil(void);
MESHDICT_API meshdict_value* meshdict_value_bool(int value);
MESHDICT_API meshdict_value* meshdict_value_int(int64_t value);
MESHDICT_API meshdict_value* meshdict_value_uint(uint64_t value);
MESHDICT_API meshdict_value* meshdict_value_real(double value);
MESHDICT_API meshdict_value* meshdict_value_text(const char* text, size_t size);
MESHDICT_API meshdict_value* meshdict_value_bytes(const void* bytes, size_t size);
/// Arrays and maps are made of JSON or MessagePack, one value in all. MESHDICT_BAD_VALUE (as the text): it is none, or nested more
/// than 32 deep.
MESHDICT_API meshdict_value* meshdict_value_from_json(const char* json, size_t size);
MESHDICT_API meshdict_value* meshdict_value_from_msgpack(const void* bytes, size_t size);
MESHDICT_API void meshdict_value_free(meshdict_value* value);

/// Of NULL: MESHDICT_NIL.
MESHDICT_API meshdict_type meshdict_value_type(const meshdict_value* value);
/// What it holds. MESHDICT_OTHER_TYPE: it is something else, or does not fit; an integer is taken where a float is asked for.
MESHDICT_API meshdict_code meshdict_value_as_bool(const meshdict_value* value, int* out);
MESHDICT_API meshdict_code meshdict_value_as_int(const meshdict_value* value, int64_t* out);
MESHDICT_API meshdict_code meshdict_value_as_uint(const meshdict_value* value, uint64_t* out);
MESHDICT_API meshdict_code meshdict_value_as_real(const meshdict_value* value, double* out);
/// Of text and of bytes: shows them, as long as the value is there. `size` may be NULL.
MESHDICT_API meshdict_code meshdict_value_as_bytes(const meshdict_value* value, const char** data, size_t* size);
/// Elements of an array or map; 0 of anything else.
MESHDICT_API size_t meshdict_value_size(const meshdict_value* value);
/// An element, as long as the value is there: of an array by its place, of a map by its key. NULL: there is none.
MESHDICT_API const meshdict_value* meshdict_value_at(const meshdict_value* value, size_t index);
MESHDICT_API const meshdict_value* meshdict_value_of(const meshdict_value* value, const char* key);
/// As JSON (bytes become base64), and as MessagePack, of the caller's. MESHDICT_BAD_VALUE: nobody may store or send it.
MESHDICT_API meshdict_code meshdict_value_to_json(const meshdict_value* value, char** json);
MESHDICT_API meshdict_code meshdict_value_to_msgpack(const meshdict_value* value, char** bytes, size_t* size);

/* Writing. A write is committed when its function returns; with a data-dir it then survives kill -9. All may return
   MESHDICT_LEASED (nothing was written; an everyday outcome, so that there is no separate form for trying), MESHDICT_CLOCK,
   MESHDICT_BAD_KEY, MESHDICT_BAD_VALUE, MESHDICT_STORAGE, MESHDICT_CLOSED. */

MESHDICT_API meshdict_code meshdict_set(meshdict_socket* socket, const void* key, size_t key_size,
                                        const meshdict_value* value);
MESHDICT_API meshdict_code meshdict_set_text(meshdict_socket* socket, const void* key, size_t key_size,
                                             const char* text, size_t text_size);
MESHDICT_API meshdict_code meshdict_set_bytes(meshdict_socket* socket, const void* key, size_t key_size,
                                              const void* bytes, size_t size);
MESHDICT_API meshdict_code meshdict_set_int(meshdict_socket* socket, const void* key, size_t key_size, int64_t value);
/// MESHDICT_THERE: there is such a key, and it stays as it is.
MESHDICT_API meshdict_code meshdict_set_if_absent(meshdict_socket* socket, const void* key, size_t key_size,
                                                  const meshdict_value* value);
typedef struct meshdict_item {
  const void* key;
  size_t key_size;
  const meshdict_value* value;
} meshdict_item;
/// All or none; of one key that is there twice, the last.
MESHDICT_API meshdict_code meshdict_update(meshdict_socket* socket, const meshdict_item* items, size_t count);
/// MESHDICT_NO_KEY. `*value`, unless NULL, gets what the key held.
MESHDICT_API meshdict_code meshdict_delete(meshdict_socket* socket, const void* key, size_t key_size,
                                           meshdict_value** value);

/* Reading: what has been committed here, asking nobody. All may return MESHDICT_CLOSED. */

/// MESHDICT_NO_KEY.
MESHDICT_API meshdict_code meshdict_get(const meshdict_socket* socket, const void* key, size_t key_size,
                                        meshdict_value** value);
/// Text or bytes at once, of the caller's. MESHDICT_NO_KEY, MESHDICT_OTHER_TYPE. `size` may be NULL.
MESHDICT_API meshdict_code meshdict_get_text(const meshdict_socket* socket, const void* key, size_t key_size,
                                             char** text, size_t* size);
MESHDICT_API meshdict_code meshdict_contains(const meshdict_socket* socket, const void* key, size_t key_size,
                                             int* contained);
MESHDICT_API meshdict_code meshdict_count(const meshdict_socket* socket, size_t* count);
/// Who wrote the value (text of the caller's) and when. MESHDICT_NO_KEY. Both may be NULL.
MESHDICT_API meshdict_code meshdict_meta(const meshdict_socket* socket, const void* key, size_t key_size, char** owner,
                                         int64_t* timestamp_ms);
/// The keys that begin with `prefix`, in their order, and what they hold at this moment; it stays so. The socket's loop waits
/// meanwhile: about a tenth of a second for a million keys.
MESHDICT_API meshdict_code meshdict_keys(const meshdict_socket* socket, const void* prefix, size_t prefix_size,
                                         meshdict_snapshot** snapshot);
MESHDICT_API size_t meshdict_snapshot_size(const meshdict_snapshot* snapshot);
/// NULL beyond the end. `size` may be NULL.
MESHDICT_API const char* meshdict_snapshot_key(const meshdict_snapshot* snapshot, size_t index, size_t* size);
MESHDICT_API meshdict_code meshdict_snapshot_value(const meshdict_snapshot* snapshot, size_t index,
                                                   meshdict_value** value);
MESHDICT_API void meshdict_snapshot_free(meshdict_snapshot* snapshot);

/* Leases: a node that writes a key holds it, until the lease lapses or the node deletes the key. */

#define MESHDICT_FENCE_ROOM 96
#define MESHDICT_ID_ROOM 72

/// Names a claim of a key, and grows with every new holder: a resource that remembers the largest it has seen, and refuses smaller
/// ones, never obeys a holder that was superseded.
typedef struct meshdict_fence {
  size_t size;
  unsigned char bytes[MESHDICT_FENCE_ROOM];
} meshdict_fence;

typedef enum meshdict_lease_state {
  MESHDICT_FOREIGN = 0,      ///< another node's
  MESHDICT_TENTATIVE = 1,    ///< ours, and so young that a rival's claim may be on its way
  MESHDICT_SETTLED = 2,      ///< ours, and a rival would have shown itself by now
  MESHDICT_UNCONFIRMED = 3,  ///< ours, but without contact to the mesh
  MESHDICT_LOST = 4,         ///< another node's, and a claim of ours has lost to it
  MESHDICT_RELEASED = 5      ///< its owner has given it up: anybody may claim it
} meshdict_lease_state;

typedef struct meshdict_lease {
  char owner[MESHDICT_ID_ROOM];
  int held;  ///< live, as seen from here
  int ours;
  meshdict_lease_state state;
  int64_t left_ms;  ///< ours: how long we may rely on it; another's: how long we must wait; 0: it has lapsed
  uint64_t epoch;
  meshdict_fence fence;
} meshdict_lease;

/// How a key is held. MESHDICT_NO_KEY, MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_lease_of(const meshdict_socket* socket, const void* key, size_t key_size,
                                             meshdict_lease* lease);
/// Less than 0, 0 or more, as memcmp(): which claim is the older one. Fences of one key only.
MESHDICT_API int meshdict_fence_compare(const meshdict_fence* left, const meshdict_fence* right);
/// Writes only while the key's fence is still this one, else MESHDICT_OTHER_FENCE; and as every write.
MESHDICT_API meshdict_code meshdict_set_if(meshdict_socket* socket, const void* key, size_t key_size,
                                           const meshdict_fence* fence, const meshdict_value* value);
/// Begins the lease anew without another value. MESHDICT_NOT_HELD: nothing was written. MESHDICT_NO_KEY; and as every write.
MESHDICT_API meshdict_code meshdict_renew(meshdict_socket* socket, const void* key, size_t key_size);
/// Lines for a person: who holds the key, why that one, and which claims it has met. Text of the caller's.
MESHDICT_API meshdict_code meshdict_explain(const meshdict_socket* socket, const void* key, size_t key_size,
                                            char** text);
/// Waits until `replicas` neighbours have committed the last write of this socket, no longer than `timeout_ms`. `*confirmed`, unless
/// NULL, gets how many have: fewer is no error. Not in a handler, where it would delay the others. MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_wait(meshdict_socket* socket, size_t replicas, int64_t timeout_ms,
                                         size_t* confirmed);

/* Messages. */

typedef enum meshdict_flag {
  MESHDICT_BROADCAST = 0,  ///< to everybody in the mesh but ourselves
  MESHDICT_WHISPER = 2     ///< to the neighbours, which do not pass it on
} meshdict_flag;

/// `flag`: a meshdict_flag; another number is MESHDICT_USAGE. MESHDICT_BAD_VALUE: they cannot be sent, or exceed 4 MiB.
/// MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_send(meshdict_socket* socket, int flag, const meshdict_value* const* packets,
                                         size_t count);
/// One packet, a text.
MESHDICT_API meshdict_code meshdict_send_text(meshdict_socket* socket, int flag, const char* text, size_t size);
/// The oldest message that no handler took; waits for one up to `timeout_ms`, in a handler not at all. MESHDICT_NOTHING: none came.
/// MESHDICT_CLOSED: none is there, and none comes any more.
MESHDICT_API meshdict_code meshdict_recv(meshdict_socket* socket, int64_t timeout_ms, meshdict_message** message);
MESHDICT_API void meshdict_message_free(meshdict_message* message);
MESHDICT_API size_t meshdict_message_count(const meshdict_message* message);
/// A packet, as long as the message is there. NULL beyond the end.
MESHDICT_API const meshdict_value* meshdict_message_packet(const meshdict_message* message, size_t index);
/// The id of the node that said it, whoever passed it on; when, by its clock; and how it was sent.
MESHDICT_API const char* meshdict_message_sender(const meshdict_message* message);
MESHDICT_API int64_t meshdict_message_time_ms(const meshdict_message* message);
MESHDICT_API meshdict_flag meshdict_message_flag(const meshdict_message* message);
/// 32 bytes, unlike any other message's.
MESHDICT_API const unsigned char* meshdict_message_id(const meshdict_message* message);
/// Whispers to the sender; when that is no neighbour it is searched and dialled, for up to 30 seconds. MESHDICT_BAD_VALUE,
/// MESHDICT_CLOSED, and MESHDICT_FAILED when too many replies wait for their receivers already.
MESHDICT_API meshdict_code meshdict_reply(const meshdict_message* message, const meshdict_value* const* packets,
                                          size_t count);
MESHDICT_API meshdict_code meshdict_reply_text(const meshdict_message* message, const char* text, size_t size);

/// Sees each message before it is queued, and the id of the neighbour it came through. Not 0: it is taken. The message is good until
/// the handler returns.
typedef int (*meshdict_message_handler)(meshdict_socket* socket, const meshdict_message* message, const char* from,
                                        void* user);
/// Handlers are tried in the order of their registration; they stay.
MESHDICT_API meshdict_code meshdict_register_handler(meshdict_socket* socket, meshdict_message_handler handler,
                                                     void* user);

/* Events. */

/// The event is good until the handler returns.
typedef void (*meshdict_event_handler)(meshdict_socket* socket, const meshdict_event* event, void* user);

/// Calls `handler` at each event of this name from now on. `*listener`, unless NULL, gets a number for meshdict_off().
///
///   connect    the first neighbour has arrived
///   message    a message waits for meshdict_recv()
///   overflow   handlers were slower than what came; see meshdict_status()
///   update     a key has a new value, from here or elsewhere      key, value, owner, timestamp
///   delete     a key was deleted                                  key
///   conflict   an acknowledged write of this node has lost        key, value (the lost one), owner and timestamp of the
///                                                                 winner, reason
///
/// MESHDICT_USAGE: there is no such event here (the last three are of sockets with a dictionary).
MESHDICT_API meshdict_code meshdict_on(meshdict_socket* socket, const char* event, meshdict_event_handler handler,
                                       void* user, uint64_t* listener);
/// Not called any more; a call that has begun runs on. MESHDICT_NOTHING: there is no such listener.
MESHDICT_API meshdict_code meshdict_off(meshdict_socket* socket, const char* event, uint64_t listener);

/// What an event or a change of a watched key tells. What it does not have is NULL, or 0.
MESHDICT_API const char* meshdict_event_name(const meshdict_event* event);
MESHDICT_API const char* meshdict_event_key(const meshdict_event* event, size_t* size);
MESHDICT_API const meshdict_value* meshdict_event_value(const meshdict_event* event);
MESHDICT_API const char* meshdict_event_owner(const meshdict_event* event);
MESHDICT_API int64_t meshdict_event_timestamp_ms(const meshdict_event* event);
/// Of a conflict: the field of the version that decided, "claim start", "epoch", ...
MESHDICT_API const char* meshdict_event_reason(const meshdict_event* event);

/// Tells `handler` of every key that begins with `prefix`: first of those that exist, then of every change, in order and without a
/// gap. The events are named "update" and "delete". MESHDICT_CLOSED.
MESHDICT_API meshdict_code meshdict_watch_keys(meshdict_socket* socket, const void* prefix, size_t prefix_size,
                                               meshdict_event_handler handler, void* user, meshdict_watch** watch);
/// Not called any more; a call that has begun runs on. Before or after its socket is freed.
MESHDICT_API void meshdict_watch_free(meshdict_watch* watch);

#ifdef __cplusplus
}
#endif
