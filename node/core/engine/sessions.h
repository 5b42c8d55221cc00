#pragma once
// Anti-entropy sessions with meshdict neighbours: what the two dictionaries lack of each other is found (core/sync), handed
// over and passed on. Below, a session is one of these.
//
// 1. A session is held on a link when it comes up (its dialer asks), when news has passed it by, and now and then on a random
//    link.
// 2. Sessions of ours wait for their turn, at most one for each link, and go one after the other, unless one has come to a halt
//    for limits::kSyncTurn. Rationale: a node that joins by four links would get everything four times. Sessions of others are
//    answered meanwhile: nodes that waited for each other in a circle would all be stuck.
// 3. A session goes on in steps, only while little else is queued on its link: the caller of step() decides when.
// 4. What becomes news here without having come as a broadcast is passed on: to py2p nodes as owed, to meshdict nodes at once,
//    unless a session with them will find it. A session under way may miss it, so that another follows.
// 5. A complete session means contact with the mesh, except when a record that came meanwhile found no room here: then we lack
//    something that the neighbour has. No session follows at once in that case.
// 6. What is kept for a link goes when the link ends, and nothing else grows with the mesh.
//
// Usage: on_link_up() and on_link_gone() as Links tells, take_*() with what established neighbours say, on_time() when
// next_deadline() has come, begin() and step() in turns of the loop (transfers.h). Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/base/numbers.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "core/dictionary/dictionary.h"
#include "core/engine/alarm.h"
#include "core/engine/event.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/env/transport.h"
#include "core/links/links.h"
#include "core/messages/message.h"
#include "core/sync/reconciler.h"

namespace meshdict {

class Sessions {
 public:
  /// What this works with. All of it outlives the sessions.
  struct Surroundings {
    Dictionary& dictionary;
    Links& links;
    const Transport& transport;
    const Clock& clock;
    /// Rings when there may be something to do for begin() and step().
    Alarm& alarm;
    /// For what is done now and then, shared with the overlay.
    RandomStream& leisure;
    EngineStats& stats;
    Observer& observer;
  };

  /// `random`: for the ids of sessions, which salt the fingerprints.
  Sessions(const Surroundings& surroundings, RandomStream random);
  void start();

  // Links

  /// Tells a meshdict node what it has to know before it compares.
  void on_link_up(Connection& link);
  void on_link_gone(const Connection& link) { of_links_.erase(link.id); }

  // What neighbours say

  void take_presence(Connection& conn);
  void take_question(Connection& conn, const SyncQuestion& question);
  void take_answer(Connection& conn, const SyncAnswer& answer);
  void take_records(Connection& conn, const Records& records);
  void take_floors(const EpochFloors& floors);
  /// A broadcast store.
  void take_store(const Envelope& envelope, const StoreSet& store);
  /// How many of the records that came on this link since the last call are not shown here; see Pong.
  std::uint64_t take_hidden(const Connection& link);

  // What is to be done

  /// Asks for a session on an established link; begin() begins it when its turn comes.
  void compare(Connection& link);
  /// The same on the links of all meshdict neighbours.
  void compare_with_all();
  /// Tells all neighbours but `from` of records that are news here. REQUIRES: the versions are complete.
  void pass_on(const Connection& from, const std::vector<RecordEntry>& entries);

  // Time and turns

  /// Asks for a session with a random neighbour, when it is time.
  void on_time(MonoTime now);
  [[nodiscard]] MonoTime next_deadline() const { return next_compare_; }
  /// Begins the next session, if it is its turn.
  void begin(MonoTime now);
  /// Whether there is something for step().
  [[nodiscard]] bool is_busy(ConnId link) const;
  /// One step: a batch of records, or two if the last record did not fit the first, and then the message for which they were
  /// found, if that is complete.
  void step(Connection& link, MonoTime now);

  void sanity_check() const;

 private:
  struct Session {
    SessionId id = SessionId::kNone;
    /// EngineStats::records_without_room as it was when the session began.
    std::uint64_t without_room = 0;
  };

  struct Comparison {
    explicit Comparison(const ReconcileSet& set) : reconciler(set) {}
    Reconciler reconciler;
    /// The one that we ask in.
    Session ours;
    Session theirs;
    /// We want a session, and wait for its turn.
    bool due = false;
    /// A session of the peer's is under way.
    bool peer_asks = false;
    /// When something of a session last arrived or left.
    MonoTime progress;
    /// Records arrived that were not passed on because a session was under way, which may have missed them.
    bool skipped_news = false;

    /// Whether a session is under way, ours or the peer's. One in which nothing happens any more does not count.
    [[nodiscard]] bool under_way(MonoTime now) const;
  };

  struct OfLink {
    /// Its peer has told its presence, which comes before all that belongs to sessions.
    bool comparable = false;
    std::uint64_t hidden = 0;
    /// From when it is first needed.
    std::optional<Comparison> comparison;
  };

  enum class Taken : std::uint8_t { kNews, kKnown, kHidden };

  Comparison& comparison_of(const Connection& link);
  Comparison* find_comparison(ConnId link);
  void compare_with_somebody(MonoTime now);
  [[nodiscard]] Session new_session(SessionId id) const;
  void end(Connection& link, const Session& session);
  void tell_floors(Connection& link);
  Taken take_record(const Connection& from, const RecordEntry& entry);
  void tell_old_deletions(Connection& conn, const std::vector<RecordEntry>& outlived);

  Dictionary& dictionary_;
  Links& links_;
  const Transport& transport_;
  const Clock& clock_;
  Alarm& alarm_;
  RandomStream& leisure_;
  EngineStats& stats_;
  Observer& observer_;
  RandomStream random_;

  // Of established links.
  std::map<ConnId, OfLink> of_links_;
  // Links that wait for their turn; those that have ended meanwhile are skipped then.
  std::deque<ConnId> due_;
  MonoTime next_compare_ = MonoTime::max();
};

}  // namespace meshdict
