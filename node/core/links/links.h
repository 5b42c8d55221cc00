#pragma once
// Connections, and the pairs of nodes that they link.
//
// 1. A connection becomes a link of its pair once the handshake and, between meshdict nodes, the extended hello are
//    exchanged. The dialer draws the connection's nonce and says hello first; the acceptor repeats the nonce.
// 2. What becomes of several links of one pair is decided by a LinkPolicy, in production the Arbiter (arbiter.h). A link that
//    gave way is retired: it is never written to again, is read until the peer says that nothing follows (or for a linger), and
//    is then closed. No link is closed at once because another is better: what is on its way there would be lost.
// 3. A newer boot of a peer closes all links of older boots at once; a late hello of an older boot is refused. A boot from the
//    future (limits::kBootAhead) gives way to any that is not, so that no number locks an identity out.
// 4. A link of which the peer may not know is probed: it is pinged, and when no answer comes in time the policy keeps another.
// 5. Towards a py2p peer no duplicate is closed; we send where its frames last arrived.
// 6. Every deadline is an integer time: dial, hello, silence, probe, linger. Those of the last two follow the round trip.
// 7. A line may be slow. A node that hears much and says nothing for a while pings. Silence counts only from the moment when
//    our question has left the queue, provided that something leaves. A frame may take its time as long as it comes in at
//    limits::kSlowestLine.
// 8. A slow reader is a peer that takes nothing for a while, not one for which much is queued. When much is queued, what is not
//    indispensable is left out: stores come in an anti-entropy session, left-out messages are counted and told.
// 9. A peer that is refused is told why, if it speaks meshdict: a Refusal is the last message that it hears. An acceptor
//    decides before it says hello, so that a refused peer never takes itself for a neighbour.
// 10. A neighbour's clock is read from its hello and its pongs. For each reading we know a moment before which it cannot have
//     been taken.
//
// Usage: the engine feeds transport events in, hands over the messages of the link layer through handle(), and hears of
// pairs through the LinksHost. References to Connections stay valid until sweep(). Not thread-safe.

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/numbers.h"
#include "core/base/random.h"
#include "core/env/clock.h"
#include "core/env/transport.h"
#include "core/limits.h"
#include "core/links/connection.h"
#include "core/links/end_reason.h"
#include "core/links/policy.h"
#include "core/messages/message.h"
#include "core/messages/originator.h"
#include "core/record/mesh_settings.h"

namespace meshdict {

/// What all members must agree on, and what a node says of itself.
struct LinkSettings : MeshSettings {
  /// Protocol id of the network.
  std::string protocol;
  /// Where we can be dialled.
  Endpoint address;
  std::size_t most_neighbours = limits::kMaxNeighbours;
  /// Accepted connections that are no links yet.
  std::size_t most_pending = limits::kMaxPendingAccepted;
};

/// Two nodes and their links.
struct Pair {
  NodeId peer;
  /// Established links, the first established first, until KEEP moves another to the front.
  std::vector<Connection*> links;
  /// Where we send.
  Connection* primary = nullptr;
  MonoTime since;
  Boot boot = Boot::kNone;
  bool keep_pending = false;
  bool is_meshdict = false;
};

class LinksHost {
 public:
  virtual ~LinksHost() = default;
  /// A neighbour has answered a ping.
  virtual void on_pong(const Connection& /*link*/, const Pong& /*pong*/) {}
  /// A neighbour's wall clock showed `unix_ms` at some moment since `asked`.
  virtual void on_clock(const NodeId& /*peer*/, std::int64_t /*unix_ms*/, MonoTime /*asked*/) {}
  virtual void on_pair_up(Pair& pair) = 0;
  /// A connection was established, be it the first of its pair (then after on_pair_up) or one more.
  virtual void on_link_up(Connection& link) = 0;
  /// A link has ended, or is only read to its end and not used any more. Called before all else that follows from it.
  virtual void on_link_gone(const Connection& /*link*/) {}
  /// Called next, when the pair has other links: what was asked on the link that has gone may stay without an answer.
  virtual void on_link_left(Connection& /*primary*/) {}
  /// How many of the records that came on a link since the last call are not shown here; see Pong.
  virtual std::uint64_t take_hidden(const Connection& /*link*/) { return 0; }
  /// The last link has gone. `last` is the connection that ended it.
  virtual void on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) = 0;
  /// A connection ended before it became a link, for a reason of ours or the peer's.
  virtual void on_refused(const Connection& conn, const Ending& ending) = 0;
  /// Messages for this neighbour are left out; Connection::left_out says how many so far.
  virtual void on_left_out(const Connection& /*link*/) {}
  /// It is the turn of what a py2p node is owed (pacer.h): its next frame, or nothing for now.
  virtual std::optional<Frame> next_owed(Connection& /*link*/) { return std::nullopt; }
  /// A good handshake told where `conn.peer` can be dialled: at `address`. That is what the peer says or, if it is conn.remote
  /// and we dialled it, what we see.
  virtual void on_address(const Endpoint& address, const Connection& conn) = 0;
  /// Whether the user wants no link with conn.peer, which has just shown itself.
  virtual bool keeps_apart(const Connection& /*conn*/) { return false; }
};

class Links {
 public:
  using Connections = FlatMap<ConnId, std::unique_ptr<Connection>>;

  Links(LinkSettings settings, const Clock& clock, Transport& transport, Originator& originator, RandomStream random,
        LinksHost& host, LinkPolicy& policy);
  /// The same state in other surroundings, to try what would happen (sim/explore/small_world.h). REQUIRES: no input of `other`
  /// is under way.
  Links(const Links& other, const Clock& clock, Transport& transport, Originator& originator, LinksHost& host,
        LinkPolicy& policy);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  // Transport events and time

  Connection& dial(const Endpoint& to, DialKind kind);
  void on_accepted(ConnId id, const Endpoint& remote);
  void on_connected(Connection& conn);
  void on_closed(Connection& conn, std::string_view detail);
  /// The same, of a dial that the transport has given up for a reason of its own.
  void on_closed(Connection& conn, const Ending& ending);
  /// Its queue has fallen to limits::kBulkLowWater.
  void on_drained(Connection& conn);
  void on_time(MonoTime now);
  [[nodiscard]] MonoTime next_deadline() const { return next_deadline_; }

  /// Handles a message of the link layer. False when it is not one.
  bool handle(Connection& conn, const Envelope& envelope, const Message& message);

  // Effects

  /// Sends what a link cannot do without. To a py2p node, the same as offer().
  void send(Connection& conn, const Frame& frame);
  /// False, and nothing is sent, when too much waits for the neighbour already.
  bool try_send(Connection& conn, const Frame& frame);
  /// The same for a message that cannot be had elsewhere: when it is not sent, that is counted and told.
  bool offer(Connection& conn, const Frame& frame);
  /// Whether all neighbours take what comes. Otherwise messages would sooner or later be left out, and a sender that can wait
  /// should.
  [[nodiscard]] bool all_have_room() const;
  /// A message that no frame can carry is not sent, but counted.
  void send(Connection& conn, const std::expected<Frame, FrameTooLarge>& frame);
  /// Sends a store to a py2p node.
  void send_store(Connection& conn, const Frame& frame, const PacedStore& store);
  /// Makes sure that a py2p node gets the record of a key, as it is when its turn comes.
  void owe(Connection& conn, std::string_view key, HasKey has);
  /// Gives a py2p node the whole dictionary.
  void hand_over(Connection& conn);
  /// A py2p node's frames arrive on this link: we send there.
  void heard_on(Connection& conn);
  void whisper(Connection& conn, const Message& message) { send(conn, originator_.whisper(message)); }
  /// Sends an answer that the neighbour can do without: it is not sent when too much waits for the neighbour already.
  void try_whisper(Connection& conn, const Message& message);
  /// The same message for each: encoded once, and compressed at most once for each method.
  void whisper_to(std::span<Connection* const> to, const Message& message);
  /// Closes, and tells the host; tells the peer, too, when the reason is a refusal.
  void close(Connection& conn, EndReason reason, const std::string& detail);
  /// Ends the connections with a peer that are not established yet, since the two are kept apart.
  void refuse_pending(const NodeId& peer);
  /// Says goodbye to all links of a pair and closes them.
  void part(const NodeId& peer, ByeReason why);
  /// Says goodbye on all links, and closes all connections.
  void part_from_all(ByeReason why);

  // Effects for the policy

  /// Pings a link of which the peer may not know.
  void probe(Connection& link);
  /// The policy has taken the link out of its pair.
  void retire(Connection& link);

  // Views

  [[nodiscard]] const NodeId& self() const { return originator_.self(); }
  [[nodiscard]] Connection* find(ConnId id);
  [[nodiscard]] const std::map<NodeId, Pair>& pairs() const { return pairs_; }
  [[nodiscard]] std::map<NodeId, Pair>& pairs() { return pairs_; }
  [[nodiscard]] const Connections& connections() const { return connections_; }
  [[nodiscard]] Pair* pair(const NodeId& peer);
  [[nodiscard]] bool linked_to(const NodeId& peer) const { return pairs_.contains(peer); }
  [[nodiscard]] const LinkSettings& settings() const { return settings_; }
  void set_address(const Endpoint& address) { settings_.address = address; }
  [[nodiscard]] std::uint64_t frames_sent() const { return frames_sent_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  [[nodiscard]] std::uint64_t frames_too_large() const { return frames_too_large_; }
  /// Messages that were not sent to a neighbour, over all.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  /// Bytes that wait for a neighbour, in the transport's queue and before it.
  [[nodiscard]] std::size_t waiting_for(const Connection& conn) const;

  /// Frees closed connections. Call at the end of every input.
  void sweep();
  /// Whether a connection has ended since the last sweep().
  [[nodiscard]] bool any_closed() const { return !closed_.empty(); }
  void sanity_check() const;

 private:
  void add(std::unique_ptr<Connection> conn);
  void greet(Connection& conn);
  void drop_oldest_pending();
  void on_handshake(Connection& conn, const Envelope& envelope, const Handshake& handshake);
  // One for each of LinkMessage.
  void on_message(Connection& conn, const Handshake& handshake);
  void on_message(Connection& conn, const Hello& hello);
  void on_message(Connection& conn, const Keep& keep);
  void on_message(Connection& conn, const KeepAck& ack);
  void on_message(Connection& conn, const Bye& bye);
  void on_message(Connection& conn, const Ping& ping);
  void on_message(Connection& conn, const Pong& pong);
  void on_message(Connection& conn, const Refusal& refusal);
  void refuse(Connection& conn, const Ending& ending, const Refusal& told);
  /// Ends it without a word to the peer.
  void end(Connection& conn, const Ending& ending);
  void keep_apart(Connection& conn);
  void send_hello(Connection& conn);
  [[nodiscard]] std::optional<std::string> settings_difference(const Hello& hello) const;
  bool admit(Connection& conn);
  void establish(Connection& conn, const std::vector<Nonce>* peers_open_nonces);
  bool yield_to_newer_boot(Connection& conn, Pair& pair);
  [[nodiscard]] bool is_newer(Boot boot, Boot than) const;
  void end_probe(Connection& conn);
  void give_up_probe(Connection& conn);
  void hear_retired(Connection& conn, const Message& message);
  void ping(Connection& conn, MonoTime now);
  void look_at_progress(Connection& conn, MonoTime now);
  void linger(Connection& conn, MonoTime heard);
  void check_link(Connection& conn, MonoTime now);
  void count_sent(const Frame& frame);
  void put(Connection& conn, const Frame& frame);
  bool push_paced(Connection& conn, const Frame& frame);
  [[nodiscard]] std::size_t share() const;
  [[nodiscard]] std::size_t waiting_for_all() const;
  bool has_room(Connection& conn, std::size_t bytes);
  void congest(Connection& conn);
  void limit_owed(Connection& conn) const;
  void leave_out(Connection& conn, std::uint64_t messages);
  [[nodiscard]] std::int64_t clock_ms() const;
  void remove_link(Connection& conn, const Ending& ending);
  void discard(Connection& conn);
  void check_time(Connection& conn, MonoTime now);
  [[nodiscard]] MonoTime next_check(const Connection& conn) const;
  void wake_at(MonoTime when);
  void overflow(Connection& conn);
  void pump(Connection& conn, MonoTime now);
  void inherit(Connection& heir, Connection& other);
  void resume(Connection& heir, Connection& gone);

  LinkSettings settings_;
  const Clock& clock_;
  Transport& transport_;
  Originator& originator_;
  RandomStream random_;
  LinksHost& host_;
  LinkPolicy& policy_;
  Connections connections_;
  std::map<NodeId, Pair> pairs_;
  std::vector<std::unique_ptr<Connection>> closed_;
  std::size_t pending_accepted_ = 0;
  std::uint64_t frames_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t frames_too_large_ = 0;
  std::uint64_t left_out_ = 0;
  MonoTime next_deadline_ = MonoTime::max();
};

}  // namespace meshdict
