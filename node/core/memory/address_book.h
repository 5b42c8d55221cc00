#pragma once
// Where other nodes can be dialled, and when to try next.
//
// 1. At most limits::kMaxAddresses entries. An address given by the user gives way only to another one that the user gives,
//    when no others are left. One where we had a link gives way only to an address that the user gave or that we learned
//    ourselves, or when its last dial has failed and nothing was heard of it for limits::kProvenStays. Of the others, those
//    that came from one source are a bucket. An entry of the largest bucket gives way: the one with the most failures in a row,
//    and among equals the one not heard of for longest. Rationale: a neighbour that tells of a thousand addresses drives out
//    those that it has told of itself (Heilman et al., "Eclipse Attacks on Bitcoin's Peer-to-Peer Network", 2015).
// 2. Only our own dial shows which node is at an address. What others say is believed until somebody says otherwise, and never
//    of an address where we had a link or that the user gave.
// 3. After the n-th failure in a row the next try waits for min(cap, first * 2^(n-1)), of which the second half is
//    drawn at random ("equal jitter", M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
//    A link that has lasted for limits::kLinkProven resets it; one that ends sooner is a failure. An unreachable address thus
//    costs at most one dial per half cap. The cap is longer for one that was put off.
// 4. Addresses are kept in the Store, and outlive the process. They are forgotten when, for limits::kAddressLifetime of
//    running, nobody has told of them and we had no link there. Ages are measured by the monotonic clock and stored as ages, so
//    that no address is forgotten because a wall clock jumps or a machine was off for long.
// 5. Some addresses are insisted on: they are dialled however many connections we have. One is an address given by the user,
//    until it has answered once. Rationale: a node could otherwise stay alone when all nodes that it knows have found other
//    neighbours. The other is the address of a neighbour that was lost against our wish, for limits::kInsistFor and at a steady
//    pace, so that a process that is restarted is soon where it was.
// 6. Iteration is in the order of addresses: the same history gives the same choices.
//
// Not thread-safe.

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/ids.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "core/env/transport.h"
#include "core/messages/message.h"

namespace meshdict {

/// The source of an address, as a number: a neighbour by its id, a connection by the host that it came from.
enum class AddressSource : std::uint64_t { kOurselves = 0 };
AddressSource address_source(std::string_view name);

class AddressBook {
 public:
  struct Entry {
    /// Empty: not known yet, or sources contradict each other.
    NodeId id;
    /// Failures in a row.
    std::uint32_t failures = 0;
    MonoTime next_try;
    /// When somebody last told us of it, or it answered.
    MonoTime heard;
    /// How long ago that was when it was last stored.
    Duration stored_age{};
    /// Given by the user.
    bool from_user = false;
    /// We have dialled it, and had a link.
    bool proven = false;
    /// The next tries wait for longer.
    bool put_off = false;
    AddressSource source = AddressSource::kOurselves;
    MonoTime insist_until = MonoTime::min();
  };

  /// `clock` and `store` outlive the book.
  AddressBook(RandomStream random, const Clock& clock, Store& store) : random_(random), clock_(clock), store_(store) {}

  /// Reads what the store holds. The error names a damaged entry.
  std::expected<void, StoreError> load();

  /// Learns or refreshes an address. `id`, if not empty, is the node that the source says is there.
  void add(const Endpoint& address, const NodeId& id, AddressSource source);
  void add_from_user(const Endpoint& address);
  /// We have dialled it, and this node answered.
  void answered(const Endpoint& address, const NodeId& id);
  /// We have dialled it, and are linked. It counts as a success with lived().
  void linked(const Endpoint& address, const NodeId& id);
  /// The link with this node, which can be dialled there, has lasted for limits::kLinkProven. Call it now and then while the
  /// link lasts: the address counts as heard of.
  void lived(const Endpoint& address, const NodeId& id);
  void failed(const Endpoint& address);
  /// It answered our dial, but does not want us as things are: tries become ever less frequent.
  void put_off(const Endpoint& address);

  // About a neighbour that says that it can be dialled there. No effect when another node is known to be there.

  /// The neighbour was lost: insists on its address for a while.
  void lost(const Endpoint& address, const NodeId& id);
  /// The neighbour has said goodbye, or does not want us any more.
  void put_off(const Endpoint& address, const NodeId& id);
  /// Not to be tried for limits::kMutedFor: a user wanted the two to be disconnected.
  void mute(const Endpoint& address, const NodeId& id);

  /// It answered, but is no member of our network: left alone for limits::kMutedFor; but one given by the user is tried
  /// again like one that failed, so that it is a neighbour soon after its settings have been mended.
  void turned_away(const Endpoint& address);
  void forget(const Endpoint& address);
  /// Forgets what nobody has told of for too long, and stores how old the others are.
  void expire();

  /// Whether addresses that the user gave come before all others.
  enum class Order : std::uint8_t { kAnyOfAll, kUserFirst };
  using Wanted = std::function<bool(const Endpoint&, const Entry&)>;
  /// A random one of the wanted addresses whose time has come; `order` says which come first.
  std::optional<Endpoint> pick(Order order, const Wanted& wanted);
  /// When the first of the wanted addresses may be tried.
  [[nodiscard]] std::optional<MonoTime> next_try(const Wanted& wanted) const;

  [[nodiscard]] std::optional<Endpoint> find(const NodeId& id) const;
  [[nodiscard]] const Entry* entry(const Endpoint& address) const;
  /// At most `most` random entries where we had a link and whose last try has not failed. What we only heard we tell nobody;
  /// otherwise what one node made up would come from many.
  std::vector<PeerEntry> sample(std::size_t most);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void sanity_check() const;

 private:
  /// The entry, made if there is room; else nothing.
  Entry* find_or_make(const Endpoint& address, AddressSource source, bool from_user);
  Entry* entry_of(const Endpoint& address, const NodeId& id);
  bool make_room(AddressSource source, bool from_user);
  void back_off(Entry& entry);
  void put_off(Entry& entry);
  void heard(const Endpoint& address, Entry& entry, bool changed);
  void save(const Endpoint& address, Entry& entry);

  FlatMap<Endpoint, Entry> entries_;
  RandomStream random_;
  const Clock& clock_;
  Store& store_;
};

}  // namespace meshdict
