#pragma once
// Where other nodes can be dialled, and when to try next.
//
// 1. At most limits::kMaxAddresses entries. Beyond it the entry with the most failures in a row gives way, the one not
//    heard of for longest among equals; an address given by the user never does.
// 2. After the n-th failure in a row the next try waits for min(cap, first * 2^(n-1)), of which the second half is
//    drawn at random ("equal jitter", M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
//    Success resets it. An unreachable address thus costs at most one dial per half cap.
// 3. Addresses outlive the process with its Store, and are forgotten when nobody has told of them for
//    limits::kAddressLifetime.
// 4. Some addresses are insisted on: dialled however many connections we have. One given by the user, until it has
//    answered once, or else a node whose acquaintances have all found other neighbours would stay alone; and one of a
//    neighbour that was lost without our wish, for limits::kInsistFor and at a steady pace, so that a process that is
//    restarted is soon where it was.
// 5. Iteration is in the order of addresses: the same history gives the same choices.
//
// Not thread-safe.

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/flat_map.h"
#include "core/ids.h"
#include "core/message.h"
#include "core/random.h"
#include "core/store.h"
#include "core/time.h"
#include "core/transport.h"

namespace meshdict {

class AddressBook {
 public:
  struct Entry {
    NodeId id;                   ///< empty: not known yet
    std::uint32_t failures = 0;  ///< in a row
    MonoTime next_try;
    WallTime last_heard;  ///< when somebody last told us of it, or it answered
    bool from_user = false;
    MonoTime insist_until = MonoTime::min();
  };

  /// `clock` and `store` outlive the book.
  AddressBook(RandomStream random, const Clock& clock, Store& store) : random_(random), clock_(clock), store_(store) {}

  /// Reads what the store holds. Error text names a damaged entry.
  std::expected<void, std::string> load();

  /// Learns or refreshes an address. An id replaces the one known before; an empty one leaves it.
  void add(const Endpoint& address, const NodeId& id, bool from_user);
  void succeeded(const Endpoint& address, const NodeId& id);
  void failed(const Endpoint& address);
  /// The neighbour there was lost: insist on it for a while.
  void lost(const Endpoint& address);
  /// It answered, but is no member of our network: as mute(), but one given by the user is tried again like one that
  /// failed, so that it is a neighbour soon after its settings have been mended.
  void turned_away(const Endpoint& address);
  /// Not to be tried for limits::kMutedFor: somebody wanted to be disconnected.
  void mute(const Endpoint& address);
  void forget(const Endpoint& address);
  /// Forgets what nobody has told of for too long.
  void expire();

  using Wanted = std::function<bool(const Endpoint&, const Entry&)>;
  /// A random one of the wanted addresses whose time has come; those given by the user first while `user_first`.
  std::optional<Endpoint> pick(bool user_first, const Wanted& wanted);
  /// When the first of the wanted addresses may be tried.
  [[nodiscard]] std::optional<MonoTime> next_try(const Wanted& wanted) const;

  [[nodiscard]] std::optional<Endpoint> find(const NodeId& id) const;
  [[nodiscard]] const Entry* entry(const Endpoint& address) const;
  /// At most `most` random entries whose id is known and that have not failed last.
  std::vector<PeerEntry> sample(std::size_t most);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void sanity_check() const;

 private:
  void make_room();
  void save(const Endpoint& address, const Entry& entry);

  FlatMap<Endpoint, Entry> entries_;
  RandomStream random_;
  const Clock& clock_;
  Store& store_;
};

}  // namespace meshdict
