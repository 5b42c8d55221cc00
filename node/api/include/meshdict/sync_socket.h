#pragma once
// A dictionary that the members of a mesh share: the C++ form of py2p's SyncSocket.
//
//   SyncSocket socket("127.0.0.1", 0);
//   socket.connect("127.0.0.1", 44565);
//   socket["greeting"] = "hello";                       // leased to this node for an hour
//   std::string text = socket["greeting"];
//   for (const auto& [key, value] : socket) std::cout << key << " = " << value << "\n";
//   socket.on<event::Update>([](SyncSocket&, const std::string& key, const Value& data, const Meta& meta) { ... });
//
// 1. Every member holds the whole dictionary: reading asks nobody, and sees what has been committed. Any thread may
//    read at any time; a reader waits for at most one turn of the loop.
// 2. A node that writes a key leases it. Until the lease lapses (an hour after the last write) others get a LeasedError, unless
//    the owner deletes the key. The lease is judged by this node's view of the mesh: two nodes that write a free key at the
//    same moment, or on two sides of a partition, both succeed, and then one claim wins everywhere. The other's node raises
//    "conflict". A resource that must never obey two holders compares fence().
// 3. A write has been committed when its member returns. With a data_dir it then survives kill -9; it reaches the others
//    as the network allows, see wait().
// 4. Keys are bytes, up to 65,535 of them, none included. (py2p takes a key as bytes too.)
// 5. What mesh_socket.h says of threads, handlers and closing holds here too.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshdict/mesh_socket.h"
#include "meshdict/snapshot.h"
#include "meshdict/text_view.h"

namespace meshdict {

class Machine;
class SyncSocket;

namespace detail {
class SyncState;
struct WatchState;
}  // namespace detail

struct SyncOptions {
  /// The network's name is told to others with "1" behind it, or "0" without leases.
  Protocol protocol{.network = "sync", .encryption = "Plaintext"};
  /// This and the next four: as MeshOptions.
  std::optional<Address> out_addr{};
  int debug_level = 0;
  LogSink log{};
  /// Keeps the id, the dictionary and the leases too.
  std::string data_dir{};
  /// False: everybody may write every key at any time, and the latest write wins.
  bool leasing = true;
  /// All members must agree on it. Below 300 s the allowed difference of clocks (30 s) shrinks to a tenth of it.
  std::chrono::milliseconds lease = std::chrono::hours(1);
  /// True: while our clock differs from those of most neighbours by more than members allow, no key is claimed (ClockError),
  /// since they would not see it. False: keys are claimed by our clock. In neither case is such a claim settled.
  bool clock_guard = true;
  /// With a data_dir. True: a write waits for the disk, and a power failure loses nothing. False: it may take the last
  /// second.
  bool sync_each_write = true;
  /// As MeshOptions. A data_dir of a node that had no certificate moves to the id of the certificate, and its leases with it.
  TlsProof proof{};
};

/// A write of this node that had been acknowledged and has lost to another.
struct ConflictInfo {
  Value lost;
  Meta lost_meta;
  /// Of the record that won; its value is the key's.
  Meta winner;
  /// The field of the version that decided: "claim start", "epoch", ...
  std::string reason;
};

/// What became of a write that may be refused in the ordinary course of things.
struct [[nodiscard]] WriteResult {
  enum class Outcome : std::uint8_t {
    kDone,
    kLeased,      ///< another node holds the key
    kThere,       ///< set_if_absent(): there is such a key
    kOtherFence,  ///< set_if(): the claim is another now, or there is no such key
  };
  Outcome outcome = Outcome::kDone;
  /// Of kLeased: as LeasedError's.
  std::string owner{};
  std::chrono::milliseconds left{};

  explicit operator bool() const { return outcome == Outcome::kDone; }
};

/// What has become of a watched key.
struct Change {
  std::string key;
  std::optional<Value> value;  ///< nothing: deleted
  Meta meta;
};

namespace event {

/// A key has a new value, from here or from elsewhere.
struct Update {
  static constexpr std::string_view kName = "update";
  using Signature = void(SyncSocket& socket, const std::string& key, const Value& data, const Meta& meta);
};
struct Delete {
  static constexpr std::string_view kName = "delete";
  using Signature = void(SyncSocket& socket, const std::string& key);
};
/// An acknowledged write of this node has lost; raised before the Update or Delete of the winner.
struct Conflict {
  static constexpr std::string_view kName = "conflict";
  using Signature = void(SyncSocket& socket, const std::string& key, const ConflictInfo& info);
};

}  // namespace event

/// Ends a watch when it is destroyed. May outlive the socket.
class [[nodiscard]] Watch {
 public:
  Watch() = default;
  explicit Watch(std::shared_ptr<detail::WatchState> state) : state_(std::move(state)) {}
  ~Watch() { cancel(); }
  Watch(Watch&& other) noexcept = default;
  Watch& operator=(Watch&& other) noexcept;

  /// The handler is not called any more; a call that has begun runs on.
  void cancel();

 private:
  std::shared_ptr<detail::WatchState> state_;
};

class SyncSocket : public MeshSocket {
 public:
  /// As MeshSocket's.
  SyncSocket(std::string addr, std::uint16_t port, SyncOptions options = {});
  ~SyncSocket() override;

  // Writing. All throw LeasedError, InvalidKey, ValueError, StorageError and SocketClosed.

  /// An empty Bytes is a value among meshdict nodes, and a delete to py2p's.
  void set(TextView key, const Value& value);
  /// All or none: nothing is written when one is refused.
  void update(const Value::Map& items);
  template <typename Items>
    requires(detail::MapRange<Items> && std::convertible_to<const Items&, Value>)
  void update(const Items& items) {
    update(*Value(items).if_map());
  }

  // Writing with the outcomes that are to be expected as values: none of these throws LeasedError. What is looked at and what
  // is written are of one moment at this node; against others the lease stands, as for every write.

  WriteResult try_set(TextView key, const Value& value);
  WriteResult set_if_absent(TextView key, const Value& value);
  /// Only while the key's fence is still this one: for a program that is not sure whether its claim was superseded.
  WriteResult set_if(TextView key, const Fence& fence, const Value& value);
  /// Begins the lease of a key anew without another value. False when this node does not hold the key any more: then nothing is
  /// written, so that no claim of another's is overwritten. Throws KeyError when there is no such key.
  [[nodiscard]] bool renew(TextView key);
  /// Gives a lease up: the value stays, anybody may claim the key at once, and whoever does has a larger fence. False when this node
  /// does not hold the key (any more). Throws KeyError when there is no such key. What this node writes there next claims it anew.
  bool release(TextView key);

  /// Throws KeyError when there is no such key.
  void erase(TextView key);
  /// Deletes a key and gives what it held. Throws KeyError when there is no such key.
  Value pop(TextView key);
  /// The same, with `fallback` when there is no such key.
  Value pop(TextView key, Value fallback);
  /// Deletes a key, the first that this node may delete. Throws KeyError when the dictionary is empty, and LeasedError when
  /// others hold all of it.
  std::pair<std::string, Value> popitem();

  // Reading. All throw SocketClosed.

  /// `fallback`, nil, when there is no such key.
  [[nodiscard]] Value get(TextView key, Value fallback = {}) const;
  /// Both throw KeyError when there is no such key.
  [[nodiscard]] Value at(TextView key) const;
  [[nodiscard]] Meta meta(TextView key) const;
  [[nodiscard]] bool contains(TextView key) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// In the order of keys, all of one moment.
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] std::vector<Value> values() const;
  [[nodiscard]] std::vector<std::pair<std::string, Value>> items() const;
  [[nodiscard]] Value::Map copy() const;
  /// The keys that begin with `prefix`, and what they hold at this moment. The loop waits while the snapshot is taken: about a
  /// tenth of a second for a million keys.
  [[nodiscard]] Snapshot snapshot(TextView prefix = {}) const;
  /// Over a snapshot: the loop may write what it walks over.
  [[nodiscard]] Snapshot::Iterator begin() const { return snapshot().begin(); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

  /// A key of a socket, to be read or written.
  class Entry {
   public:
    Entry(SyncSocket& socket, std::string key) : socket_(socket), key_(std::move(key)) {}
    Entry& operator=(const Value& value) {
      socket_.set(key_, value);
      return *this;
    }
    Entry& operator=(const Entry& other) { return *this = other.socket_.at(other.key_); }
    Entry(const Entry&) = delete;
    ~Entry() = default;
    /// Throws KeyError when there is no such key.
    operator Value() const { return socket_.at(key_); }
    /// The same; throws TypeError, too.
    template <typename T>
      requires(detail::OutOfValue<T> && !std::same_as<T, Value>)
    operator T() const {
      return as<T>();
    }
    template <typename T>
      requires(detail::OutOfValue<T>)
    [[nodiscard]] T as() const {
      return socket_.at(key_).as<T>();
    }
    /// A template, so that no conversion of the entry to a number is as good a match.
    template <typename T>
      requires(std::convertible_to<const T&, Value> && !std::same_as<T, Entry>)
    friend bool operator==(const Entry& entry, const T& value) {
      return entry.socket_.at(entry.key_) == Value(value);
    }

   private:
    SyncSocket& socket_;
    std::string key_;
  };
  [[nodiscard]] Entry operator[](TextView key) { return {*this, std::string(key)}; }
  [[nodiscard]] Value operator[](TextView key) const { return at(key); }

  // Leases and history

  /// Nothing for a key that does not exist.
  [[nodiscard]] std::optional<LeaseInfo> lease(TextView key) const;
  /// Throws KeyError when there is no such key.
  [[nodiscard]] Fence fence(TextView key) const;
  /// Lines for a person: the holder of the key, why it is that one, and the claims that the key has met before.
  [[nodiscard]] std::string explain(TextView key) const;

  /// Tells `handler` of every key that begins with `prefix`: first of those that exist, then of every change, in order and
  /// without a gap, on the handlers' thread. (Where changes are left out for later ones of their key, see Status, the last one of
  /// each key comes all the same.)
  using WatchHandler = std::function<void(const Change& change)>;
  Watch watch(TextView prefix, WatchHandler handler);

  /// Waits until `replicas` other nodes have committed the last write of this socket, whichever thread made it, but no longer
  /// than `timeout` (a year or more, such as milliseconds::max(), is for ever). Returns how many have. What was written before
  /// may still be on its way. Neighbours count, also those that come meanwhile; nodes behind them and py2p nodes do not. In a
  /// coroutine it does not wait. Throws SocketClosed, also when the socket is closed meanwhile.
  std::size_t wait(std::size_t replicas, std::chrono::milliseconds timeout);

  // Events by name: see emitter.h
  using MeshSocket::emit;
  using MeshSocket::on;
  using MeshSocket::once;
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
  using OwnEvents = detail::EventList<event::NewListener, event::Error, event::Connect, event::Message, event::Overflow,
                                      event::Update, event::Delete, event::Conflict>;
  friend class detail::SyncState;

 private:
  friend class Machine;
  explicit SyncSocket(std::shared_ptr<detail::MeshNode> made);

  /// What stands against a write; nothing: it may be tried.
  using Objection = std::optional<WriteResult::Outcome>;
  template <typename Object>
  WriteResult write_unless(TextView key, const Value& value, Object object);
  template <typename Change>
  bool change_lease(TextView key, Change change);

  std::unique_ptr<detail::SyncState> state_;
};

}  // namespace meshdict
