#pragma once
// One node of the mesh, without a world: it is driven by calls and acts through the interfaces it was given.
//
// Order of calls: construct, start(); then, in any order, the inputs of the transport, on_time() at next_deadline(),
// and the operations; stop() at the end. All from one thread. After each batch of calls the driver commits the Store,
// before it acknowledges an operation to anyone.
//
// Inputs  (from the driver)        on_accepted, on_connected, on_data, on_drained, on_closed, on_time
// Operations (for the application) set, erase, find, broadcast, whisper, connect, disconnect, ...
// Effects (through interfaces)     Transport: dial, send, close. Store: records, identity, addresses. Observer: events.
//
// 1. No socket, thread, system clock or entropy: the same inputs give the same effects, bit for bit.
// 2. Memory grows with live connections and records, never with the number of nodes in the mesh (limits.h).
// 3. Bytes from a peer can be anything: at worst its connection is closed.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/dictionary/dictionary.h"
#include "core/engine/event.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/env/transport.h"
#include "core/record/mesh_settings.h"

namespace meshdict {

struct EngineConfig : MeshSettings {
  /// Name of the subnet, without the suffix for leasing.
  std::string network = "sync";
  std::string encryption = "Plaintext";
  /// The node's id, where a key proves it. Empty: drawn at the first start. A store that belongs to another id moves to this
  /// one, together with its keys and their leases.
  NodeId proven_id{};
  /// False: messages only, as py2p's MeshSocket. The network's name then has no suffix, and records are not taken.
  bool has_dictionary = true;
  /// How many deletions are remembered beyond the horizon. A node that was apart for longer brings back what was deleted before
  /// those.
  std::size_t kept_deletions = limits::kMaxKeptDeletions;
  /// Neighbours, and accepted connections that are no neighbours yet: as many as the system has room for.
  std::size_t most_neighbours = limits::kMaxNeighbours;
  std::size_t most_pending = limits::kMaxPendingAccepted;
  /// Keys are not claimed while our wall clock is further from those of most neighbours than `skew`.
  bool clock_guard = true;
  /// Where others can dial us. Empty host: not known yet; see Engine::set_address().
  Endpoint advertise{};
  /// Dialled at the start, and again whenever we have no neighbour.
  std::vector<Endpoint> join{};
};

enum class WhisperOutcome : std::uint8_t {
  kSent,      ///< handed to a neighbour's connection
  kDeferred,  ///< its address is being asked for; Undeliverable is raised if nobody knows in time
  kRefused,   ///< too much waits for it already, or it is addressed to ourselves
};

/// One write of several that happen all or none.
struct WriteOp {
  std::string_view key;
  /// Nothing: delete (an absent key is skipped).
  std::optional<RawView> value;
};

/// Why an engine does not start.
using StartError = std::variant<SettingsFault, StoreError>;
/// For people, one line.
[[nodiscard]] std::string describe(const StartError& error);

/// Why a message of ours is not sent to anybody.
enum class MessageFault : std::uint8_t {
  kTooLarge,        ///< more than limits::kMaxValue bytes, or a frame that no neighbour takes
  kTooManyPackets,  ///< more than limits::kMaxPackets
};
/// For people, a part of a line.
[[nodiscard]] std::string_view describe(MessageFault fault);

class Engine {
 public:
  /// The five references outlive the engine.
  Engine(EngineConfig config, const Clock& clock, Transport& transport, Store& store, const Random& random,
         Observer& observer);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Reads or makes the identity, raises the boot counter, loads the records, dials. Error: settings with which no member can
  /// work, or a store that cannot be read or holds something damaged.
  std::expected<void, StartError> start();

  /// Says goodbye on all connections and closes them. Nothing may be called afterwards but const members.
  void stop();

  // Inputs

  void on_accepted(ConnId conn, const Endpoint& remote);
  /// A dial has succeeded.
  void on_connected(ConnId conn);
  void on_data(ConnId conn, std::string_view bytes);
  /// queued(conn) has fallen to limits::kBulkLowWater or below, from above it.
  void on_drained(ConnId conn);
  /// End of stream, reset, or a failed dial. `detail` for the log.
  void on_closed(ConnId conn, std::string_view detail);
  /// A dial that the transport has given up for a reason of its own, such as those of TLS.
  void on_closed(ConnId conn, const Ending& ending);
  /// The transport has turned away a connection before on_accepted().
  void on_turned_away(const Endpoint& remote, const Ending& ending);
  void on_time();
  /// When on_time() must be called next; may change with every call. Never nothing after start().
  [[nodiscard]] MonoTime next_deadline() const;

  // Dictionary

  std::expected<void, WriteError> set(std::string_view key, RawView value);
  std::expected<void, WriteError> erase(std::string_view key);
  /// Begins the lease of a key anew with the value that is there. False when this node does not hold the key, or there is none: then
  /// nothing is written, so that a renewal never claims what another may have taken for free.
  std::expected<bool, WriteError> renew(std::string_view key);
  /// Gives up the lease of a key that this node holds: the value stays, and anybody may claim it at once. False when this node does
  /// not hold it.
  std::expected<bool, WriteError> release(std::string_view key);
  /// The same of those of the next `most` keys from `from` on that it holds. Returns the key to go on at; nothing at the end.
  std::expected<std::optional<std::string>, WriteError> release_from(std::string_view from, std::size_t most);
  /// For an operator: takes a key from the node that holds it (Dictionary::break_lease()). False when nobody else holds it.
  std::expected<bool, WriteError> break_lease(std::string_view key);
  /// Writes all or none: when a write is not admitted, the first such is returned with its position, and nothing is written.
  /// Otherwise returns how many keys were written or deleted.
  struct BatchError {
    std::size_t index = 0;
    WriteError error;
  };
  std::expected<std::size_t, BatchError> write(std::span<const WriteOp> ops);
  [[nodiscard]] const Dictionary& dictionary() const;
  /// Asks all meshdict neighbours, and those that come later, to say when they have committed our present records of these
  /// keys, or better ones, and show them (a record that is from the future to them they do not show). Confirmed events with
  /// this token follow. Nothing when limits::kMaxConfirmations are open already. Call end_confirmation() when enough have
  /// confirmed.
  std::optional<ConfirmationToken> confirm(std::vector<std::string> keys);
  void end_confirmation(ConfirmationToken token);

  // Messages and peers

  /// Sends packets (each one raw MessagePack value) to every node.
  /// `type` is what receivers see: kBroadcast or kWhisper, however the message travels.
  std::expected<MessageId, MessageFault> broadcast(std::span<const RawView> packets,
                                                   SubFlag type = SubFlag::kBroadcast);
  /// False while some neighbour takes less than comes: then a caller that can wait with a broadcast should. Sooner or later
  /// what is sent all the same is left out for that neighbour, counted and told (LeftOut).
  [[nodiscard]] bool has_room_for_messages() const;
  /// Sends packets to one node. When it is no neighbour, its address is asked for, it is dialled, and the packets follow.
  std::expected<WhisperOutcome, MessageFault> whisper(const NodeId& receiver, std::span<const RawView> packets,
                                                      SubFlag type = SubFlag::kWhisper);
  /// Dials now; the address is also remembered. With `expected`, only that node will do: another that answers is refused, and
  /// the address is remembered once the right one has.
  void connect(const Endpoint& to, const NodeId& expected = {});
  /// Dials an address no more, until we are told of it again. False when it was not known.
  bool forget(const Endpoint& address);
  /// Asks all neighbours for the nodes that they know.
  void request_peers();
  /// Has dictionaries compared with all meshdict neighbours soon: for a store that has room again for what it had none for.
  void compare_with_all();
  /// Says goodbye to one neighbour, and ends connections to it that are coming up. For limits::kMutedFor neither of the two
  /// dials the other, and what it dials all the same is refused, unless connect() or whisper() here wants a link again. False
  /// when there was no connection.
  bool disconnect(const NodeId& peer);

  // Members (members.h)

  /// Asks all members that can be reached to show themselves: they are in members() as their answers come. False when the last
  /// such call is less than limits::kRollCallPause ago.
  bool call_members();
  [[nodiscard]] std::vector<MemberView> members() const;
  /// Removes a member for so long, everywhere: links to it end, and it is neither dialled nor let in. False for our own id.
  bool remove_member(const NodeId& member, Duration lasts);
  /// Tells all that this node leaves for good, so that nobody dials it for limits::kMutedFor. To be followed by stop().
  void say_left();

  [[nodiscard]] const NodeId& id() const { return self_; }
  [[nodiscard]] Boot boot() const { return boot_; }
  /// What start() has made of a store of another id.
  struct Move {
    /// Empty: the store was of this id.
    NodeId former;
    /// Keys that the node held under leases as `former`, and still holds.
    std::size_t keys = 0;
  };
  [[nodiscard]] const Move& move() const { return move_; }
  /// The address told to others; for a port chosen by the system, and before start().
  void set_address(const Endpoint& advertise);
  [[nodiscard]] const Endpoint& address() const { return config_.advertise; }
  [[nodiscard]] std::vector<NeighbourView> neighbours() const;
  [[nodiscard]] std::size_t neighbour_count() const;
  [[nodiscard]] std::vector<DepartedView> departed() const;
  [[nodiscard]] std::size_t known_addresses() const;
  /// Our wall clock against the neighbours': clock_offsets.h.
  [[nodiscard]] const ClockView& clock() const;
  [[nodiscard]] EngineStats stats() const;

  /// Checks the invariants of all parts; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  struct Parts;

  [[nodiscard]] bool is_running() const;
  void finish_input();

  EngineConfig config_;
  const Clock& clock_;
  Transport& transport_;
  Store& store_;
  const Random& random_;
  Observer& observer_;

  NodeId self_;
  Boot boot_ = Boot::kNone;
  Move move_;
  // From start() on.
  std::unique_ptr<Parts> parts_;
  // When parts next forget what is too old.
  MonoTime next_expiry_;
};

}  // namespace meshdict
