#pragma once
// A member of a mesh that sends and receives messages: the C++ form of py2p's MeshSocket. It speaks py2p 0.6's protocol
// (node/core/wire.md).
//
//   MeshSocket socket("127.0.0.1", 0);
//   socket.on<event::Message>([](MeshSocket& s) {
//     while (auto message = s.recv()) message->reply("got it");
//   });
//   socket.connect("127.0.0.1", 44565);
//   socket.send("hello", 42);
//
// 1. A socket has two threads of its own: on one it talks to the network, on the other it calls handlers, one after the other.
// 2. Every member may be called from any thread, and from inside a handler. No lock is held while a handler runs. (Only the
//    destructor must not run in a handler of its own socket, and after the destructor has begun nothing may be called.)
// 3. Nothing waits for a handler but the handlers behind it: one may take long, wait for a lock that is held while another thread
//    uses the socket, or write into a socket whose handler writes into this one. What waits for handlers is bounded, and the
//    event "overflow" tells of what had to be left out: see Status.
// 4. What a handler or coroutine throws ends up in status().
// 5. After close() all members that need the mesh throw SocketClosed; the others (id, status, recv of what has arrived,
//    listeners, ...) work on.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshdict/emitter.h"
#include "meshdict/errors.h"
#include "meshdict/message.h"
#include "meshdict/text_view.h"
#include "meshdict/tls.h"

namespace meshdict {

class Machine;
class MeshSocket;

/// Nodes of another protocol are refused.
struct Protocol {
  std::string network = "mesh";
  /// "Plaintext"; "TLS", for which the options have a `proof`; or "SSL", which py2p 0.6 speaks: encrypted, and without any proof of
  /// who is there, as the log says at each start (level 1).
  std::string encryption = "Plaintext";

  /// What nodes compare: base58(SHA-256(network + encryption + "0.6")).
  [[nodiscard]] std::string id() const;
  bool operator==(const Protocol&) const = default;
};

/// Gets the lines of the log, on the handlers' thread or on that of a caller. It may use the socket, as a handler may. What it
/// throws ends up in status().
using LogSink = std::function<void(int level, std::string_view line)>;

struct MeshOptions {
  Protocol protocol{};
  /// Where others are told to dial. Default: the address that the socket is bound to, and for "", "0.0.0.0" and "::" the LAN
  /// address of this machine.
  std::optional<Address> out_addr{};
  /// 0: silent. 1: errors, neighbours that come and go, connections refused. 4: each message and each change too.
  int debug_level = 0;
  /// Where lines up to debug_level go. Default: stderr, each behind the port.
  LogSink log{};
  /// Keeps the id and the addresses of other nodes here. Default: nowhere, and each start is a new node.
  std::string data_dir{};
  /// With the encryption "TLS": what the node shows and asks for. A file that cannot be used is a SettingsError.
  TlsProof proof{};
};

struct SendOptions {
  /// kBroadcast: to everybody in the mesh. kWhisper: to all neighbours, which do not pass it on.
  Flag flag = Flag::kBroadcast;
  /// What receivers see as Message::type().
  Flag type = Flag::kBroadcast;
};

/// "Nominal", or what has gone wrong unexpectedly: exceptions of handlers and coroutines, a failed disk, a listening socket
/// without file descriptors. The newest last, at most 64.
struct Status {
  std::vector<std::string> errors{};
  /// Messages that were dropped, the oldest first: handlers were too slow, or nobody called recv(). (More than 16,384 waited, or
  /// 64 MiB.)
  std::uint64_t dropped_messages = 0;
  /// Changes of the dictionary that no handler has seen, since a later one of the same key waited already. (More than 16,384
  /// waited, or 64 MiB.)
  std::uint64_t merged_changes = 0;
  /// Lines of the log, beyond 1,024 that waited.
  std::uint64_t dropped_lines = 0;
  [[nodiscard]] bool is_nominal() const { return errors.empty(); }
  /// "Nominal", or the errors, one a line.
  [[nodiscard]] std::string text() const;
};

namespace event {

/// The first neighbour has arrived: the routing table was empty and is not any more. Raised again after all neighbours were
/// lost.
struct Connect {
  static constexpr std::string_view kName = "connect";
  using Signature = void(MeshSocket& socket);
};
/// A message waits for recv(). As in py2p, the event does not carry the message; register_handler() shows each one.
struct Message {
  static constexpr std::string_view kName = "message";
  using Signature = void(MeshSocket& socket);
};

/// Handlers were slower than what came, and status() says what was left out. Raised once until they have caught up.
struct Overflow {
  static constexpr std::string_view kName = "overflow";
  using Signature = void(MeshSocket& socket);
};

}  // namespace event

class MeshSocket : public EventEmitter {
 public:
  /// Listens at `addr` (a host name or address; empty for all addresses; port 0 for any free port). Throws PortInUse or ListenError,
  /// StorageError, SettingsError.
  MeshSocket(std::string addr, std::uint16_t port, MeshOptions options = {});
  /// Closes, if that was not done.
  virtual ~MeshSocket();

  /// Says goodbye to all neighbours and leaves the mesh: no handler begins after it has returned. It does not wait for one that
  /// runs; the destructor does. From inside a handler it does not wait for the goodbyes either. Throws SocketClosed the second
  /// time.
  void close();
  [[nodiscard]] bool is_closed() const;

  // Neighbours

  /// Dials a node, without waiting for the outcome; a network of many is joined by any one member. False when there is
  /// nothing to do: the address is this socket's own, a neighbour has it, or a neighbour has the id. With an `id`, another node
  /// that answers there is refused. Throws SettingsError for an address or id that none is.
  bool connect(TextView addr, std::uint16_t port, TextView id = {});
  /// Says goodbye to one neighbour. For ten minutes it is not dialled and, when it dials, refused, unless this socket connects
  /// to it or replies to it meanwhile. False when it is no neighbour.
  bool disconnect(TextView id);
  bool disconnect(const Neighbour& neighbour) { return disconnect(neighbour.id()); }
  /// Asks the neighbours whom they know.
  void request_peers();
  /// The neighbours, by id.
  [[nodiscard]] std::map<std::string, Neighbour> routing_table() const;
  /// Ids of the neighbours that we dialled, and of those that dialled us.
  [[nodiscard]] std::vector<std::string> outgoing() const;
  [[nodiscard]] std::vector<std::string> incoming() const;

  // Messages

  /// To everybody in the mesh but ourselves. Throws ValueError when the packets cannot be sent, or exceed 4 MiB.
  template <typename... T>
    requires Packets<T...>
  void send(const T&... packets) {
    send_packets(std::vector<Value>{Value(packets)...});
  }
  /// As the options say: send({.flag = Flag::kWhisper}, "hello"). Throws ReservedFlag for flags of the protocol.
  template <typename... T>
    requires Packets<T...>
  void send(SendOptions options, const T&... packets) {
    send_packets(std::vector<Value>{Value(packets)...}, options);
  }
  void send_packets(const std::vector<Value>& packets, SendOptions options = {});

  /// The oldest message that no handler took; nothing when there is none. At most 16,384 wait, and 64 MiB: beyond that
  /// the oldest is dropped, and status() says so.
  std::optional<Message> recv();
  /// At most so many, the oldest first.
  std::vector<Message> recv(std::size_t quantity);
  /// Waits for a message; nothing after `patience`. A patience of a year or more (milliseconds::max()) is for ever. In a
  /// handler it does not wait.
  std::optional<Message> recv(std::chrono::milliseconds patience);

  /// Sees each message before it is queued, and the neighbour that it came through. Handlers are tried in the order of
  /// their registration, until one returns true: the message is then taken.
  using MessageHandler = std::function<bool(const Message& message, const Neighbour& from)>;
  void register_handler(MessageHandler handler);
  /// What is done with each message that arrives: shows it to the handlers and, if none takes it, queues it and raises
  /// "message". Returns true.
  bool handle_msg(const Message& message, const Neighbour& from);

  // About this node

  /// Base 58, 65 or 66 characters.
  [[nodiscard]] std::string id() const;
  /// Where others are told to dial, with the port that was chosen.
  [[nodiscard]] Address out_addr() const;
  [[nodiscard]] const Protocol& protocol() const;
  [[nodiscard]] Status status() const;
  [[nodiscard]] int debug_level() const;
  void set_debug_level(int level);

  // Events by name: see emitter.h
  using EventEmitter::emit;
  using EventEmitter::on;
  using EventEmitter::once;
  template <typename Handler>
  ListenerId on(std::string_view event, Handler handler) {
    return add_named(OwnEvents(), event, std::move(handler), detail::Calls::kAll);
  }
  template <typename Handler>
  ListenerId once(std::string_view event, Handler handler) {
    return add_named(OwnEvents(), event, std::move(handler), detail::Calls::kOne);
  }
  template <typename... Arguments>
  bool emit(std::string_view event, Arguments&&... arguments) {
    return emit_named(OwnEvents(), event, std::forward<Arguments>(arguments)...);
  }

 protected:
  using OwnEvents =
      detail::EventList<event::NewListener, event::Error, event::Connect, event::Message, event::Overflow>;
  friend class detail::MeshNode;

  /// For a socket that adds to this one: start() in its constructor, finish() in its destructor.
  explicit MeshSocket(std::shared_ptr<detail::MeshNode> node);
  void start();
  void finish();
  [[nodiscard]] detail::MeshNode& node() const { return *node_; }

 private:
  friend class Machine;
  struct Started {};
  MeshSocket(std::shared_ptr<detail::MeshNode> node, Started);

  std::shared_ptr<detail::MeshNode> node_;
};

}  // namespace meshdict
