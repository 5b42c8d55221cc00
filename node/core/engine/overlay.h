#pragma once
// Which nodes to dial, and when; and which to leave alone.
//
// 1. A node keeps dialling until it has min(limits::kOutgoingTarget, known) outgoing connections. Nodes that are neighbours
//    already, whichever side dialled, are left alone.
// 2. Addresses that are insisted on (address_book.h) are dialled beyond that number.
// 3. Now and then it dials one more node, a stranger. The oldest extra link, which was never counted on, is given up for it. So
//    the degree stays bounded, and halves that know nothing of each other any more meet again; where nobody is a stranger all
//    links stay.
// 4. What the user wishes goes before all of that. Wishes are numbered: of a wish for a link with a node (to connect, to
//    whisper) and a wish against one (to disconnect), the later counts. A wish against a link lasts for limits::kMutedFor.
// 5. No more than limits::kMaxNeighbours links are sought, limits::kMaxKeptApart nodes kept apart (the oldest wish gives way)
//    and limits::kMaxDeparted former neighbours remembered.
// 6. Who has left the mesh for good, or was removed from it, is not dialled for the time that was said; at most
//    limits::kMaxPartings of them are known (the one that ends first gives way).
//
// Usage: tell it of pairs and refusals as Links tells of them; after each input dial_where_needed(), and on_time() when
// next_deadline() has come. What it dials and parts from, it does through Links. Not thread-safe.

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/env/transport.h"
#include "core/links/links.h"
#include "core/memory/address_book.h"
#include "core/messages/message.h"

namespace meshdict {

class Overlay {
 public:
  /// All but `book` outlive this. `leisure`: for what is done now and then, shared with the sessions.
  Overlay(Links& links, AddressBook book, const Clock& clock, RandomStream& leisure, EngineStats& stats);

  /// Reads the known addresses. Error text names a damaged entry.
  std::expected<void, StoreError> load() { return book_.load(); }
  /// `join`: addresses given by the user.
  void start(std::span<const Endpoint> join);

  // What the user wishes

  /// Dials now; the address is also remembered. With `expected`, only that node will do, and the address is remembered once
  /// it has answered.
  void connect(const Endpoint& to, const NodeId& expected);
  /// Stops dialling an address until we are told of it again. False when it was not known.
  bool forget(const Endpoint& address);
  /// Parts from a node and keeps it apart (4.). False when no connection to it is there or coming up.
  bool disconnect(const NodeId& peer);
  /// A wish for a link with a node that is no neighbour: dials it if its address is known. Returns the number of the wish.
  std::uint64_t wish_for(const NodeId& wanted);
  /// `told_by` knows the address of a node that was wished for.
  void found(const NodeId& wanted, const Endpoint& address, const NodeId& told_by, std::uint64_t wish);
  /// Whether the user wants no link with the node that has shown itself on this connection.
  bool keeps_apart(const Connection& conn);

  // What the mesh says (members.h)

  enum class KeptOut : std::uint8_t {
    kNotDialled,  ///< it is welcome when it comes by itself
    kRefused,     ///< links to it are ended, and it is turned away
  };
  /// Until then the node is dialled by nobody here, whatever our user wishes.
  void keep_out(const NodeId& peer, MonoTime until, KeptOut how);

  // What becomes of neighbours and addresses

  void on_address(const Endpoint& address, const Connection& conn);
  void on_pair_up(const NodeId& peer);
  void on_link_up(const Connection& link);
  /// Remembers why the peer is no neighbour any more.
  void on_pair_down(const NodeId& peer, EndReason reason);
  /// Remembers that the node at an address was refused, if is_about_proof(reason): the latest of each host and reason.
  void on_turned_away(const Endpoint& remote, EndReason reason);
  /// Decides when a former neighbour is dialled again. Not for those that we leave ourselves when we stop.
  void on_lost(const Pair& pair, const Connection& last, const Ending& ending);
  void on_failed_dial(const Connection& conn, EndReason reason);

  // What neighbours tell each other of others

  void take_peers(const Connection& from, const Peers& peers);
  void tell_peers(Connection& conn);

  // Time

  /// After each input: dials if something has changed that may call for it.
  void dial_where_needed();
  void on_time(MonoTime now);
  [[nodiscard]] MonoTime next_deadline() const { return std::min(next_dial_, next_stranger_); }
  /// Notes which links have lasted, and forgets what is too old. Call it now and then.
  void expire(MonoTime now);

  [[nodiscard]] std::size_t known_addresses() const { return book_.size(); }
  [[nodiscard]] std::vector<DepartedView> departed() const;
  void sanity_check() const;

 private:
  /// A user's wish against a link with a node.
  struct KeptApart {
    MonoTime until;
    std::uint64_t wish = 0;
  };
  struct OutsideUntil {
    MonoTime until;
    KeptOut how = KeptOut::kNotDialled;
  };
  struct Departed {
    NodeId id;
    /// Of a node that was turned away.
    Endpoint address;
    EndReason reason = EndReason::kClosedByPeer;
    MonoTime when;
  };

  [[nodiscard]] bool is_kept_out(const NodeId& peer, KeptOut at_least) const;
  Connection& dial(const Endpoint& to, DialKind kind);
  Connection& dial_now(const Endpoint& to, DialKind kind);
  void dial_all_needed();
  void dial_a_stranger(MonoTime now);
  void drop_an_extra_link();
  void note_end(const Pair& pair, const Connection& last, const Ending& ending);
  void note_living_links(MonoTime now);
  [[nodiscard]] std::size_t outgoing_count() const;
  [[nodiscard]] AddressBook::Wanted stranger_filter() const;
  [[nodiscard]] MonoTime draw_next_stranger(MonoTime now);

  Links& links_;
  AddressBook book_;
  const Clock& clock_;
  RandomStream& leisure_;
  EngineStats& stats_;

  std::map<NodeId, KeptApart> kept_apart_;
  std::map<NodeId, OutsideUntil> kept_out_;
  std::uint64_t wishes_ = 0;
  // The newest last.
  std::vector<Departed> departed_;
  // The newest last, too. Kept apart, so that strangers push no neighbour out.
  std::vector<Departed> turned_away_;
  // Something has changed that may call for a dial.
  bool changed_ = false;
  MonoTime next_dial_ = MonoTime::max();
  MonoTime next_stranger_ = MonoTime::max();
  Duration stranger_pause_{};
};

}  // namespace meshdict
