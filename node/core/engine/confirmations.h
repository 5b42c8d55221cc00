#pragma once
// Which neighbours have what we wrote: for a writer that waits until others have it too.
//
// 1. A neighbour is sent the records once more and then a ping. It takes both in order, and answers after the commit of what it
//    took: its pong says that it has the records, or others that beat them, and how many of them it does not show. Rationale:
//    that the writes have been sent proves nothing, since a link may have ended meanwhile; an anti-entropy session would be
//    proof, but goes through all differences first.
// 2. The records go in batches, and only while little else is queued, so that nobody seems slow because we send much at once.
// 3. A neighbour that does not show all of them, since by its clock they are from the future, has confirmed nothing: its
//    clients do not see them, and may take the keys. It is asked again after limits::kConfirmAgain. An older member does not
//    say how many it hides; it has confirmed unless its clock is known to be beyond the skew. A pong to another ping between
//    the batches may have told of hidden ones: that counts too.
// 4. Each neighbour confirms once. When one of its links ends, what was asked there is asked on another.
// 5. At most limits::kMaxConfirmations are open, and a link waits for each of them once.
//
// Usage: on_link() and on_link_gone() as Links tells, on_pong() with each pong, on_time() when next_deadline() has come, step()
// in turns of the loop (transfers.h). Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "core/dictionary/dictionary.h"
#include "core/engine/alarm.h"
#include "core/engine/clock_watch.h"
#include "core/engine/event.h"
#include "core/env/clock.h"
#include "core/env/transport.h"
#include "core/links/links.h"
#include "core/messages/message.h"

namespace meshdict {

class Confirmations {
 public:
  /// What this works with. All of it outlives the confirmations.
  struct Surroundings {
    const Dictionary& dictionary;
    Links& links;
    const Transport& transport;
    const Clock& clock;
    const ClockWatch& clocks;
    /// Rings when there may be something to do for step().
    Alarm& alarm;
    Observer& observer;
  };

  Confirmations(const Surroundings& surroundings, RandomStream random);

  /// Asks all meshdict neighbours to confirm our present records of these keys. Returns the token that Confirmed events carry;
  /// nothing when too many are open.
  std::optional<ConfirmationToken> begin(std::vector<std::string> keys);
  void end(ConfirmationToken token) { open_.erase(token); }

  /// A meshdict neighbour has a new link, or this one is left of several: asks there about all that it has not confirmed.
  void on_link(Connection& link);
  void on_link_gone(const Connection& link) { turns_.erase(link.id); }
  void on_pong(const Connection& link, const Pong& pong);

  /// When it is time, asks the neighbours again that did not show what we asked about.
  void on_time(MonoTime now);
  [[nodiscard]] MonoTime next_deadline() const { return next_asking_; }
  /// Whether there is something for step().
  [[nodiscard]] bool is_busy(ConnId link) const { return turns_.contains(link); }
  /// Sends the next piece on a link, if there is one and room for it.
  void step(Connection& link);

  void sanity_check() const;

 private:
  /// Somebody waits until neighbours have these records.
  struct Asked {
    std::vector<std::string> keys;
    std::set<NodeId> confirmed;
    /// Neighbours that have answered that they do not show all of them: they are asked again.
    std::set<NodeId> hidden;
    /// Neighbours that have said so of some, between the batches.
    std::set<NodeId> hidden_between;
  };
  /// On one link: the records of keys from `next` on are still to be sent.
  struct Turn {
    ConfirmationToken token = ConfirmationToken::kNone;
    std::size_t next = 0;
  };

  void ask(Connection& link, ConfirmationToken token);
  void send_pieces(Connection& link, std::deque<Turn>& turns);
  std::size_t send_batch(Connection& link, Turn& turn, const Asked& asked);

  const Dictionary& dictionary_;
  Links& links_;
  const Transport& transport_;
  const Clock& clock_;
  const ClockWatch& clocks_;
  Alarm& alarm_;
  Observer& observer_;

  std::map<ConfirmationToken, Asked> open_;
  // Begins at a random number, so that no token meets the nonce of a link: those are random too.
  std::uint64_t next_token_;
  // None of them empty.
  std::map<ConnId, std::deque<Turn>> turns_;
  MonoTime next_asking_ = MonoTime::max();
};

}  // namespace meshdict
