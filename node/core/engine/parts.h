#pragma once
// The parts of an engine, each built on those above it, and what it means to them when neighbours come and go.
//
// No part knows the engine or this struct. What a part needs of the others is what its constructor takes.

#include <optional>
#include <string>

#include "core/base/random.h"
#include "core/dictionary/dictionary.h"
#include "core/engine/alarm.h"
#include "core/engine/broadcasts.h"
#include "core/engine/clock_watch.h"
#include "core/engine/confirmations.h"
#include "core/engine/engine.h"
#include "core/engine/members.h"
#include "core/engine/overlay.h"
#include "core/engine/py2p.h"
#include "core/engine/receiver.h"
#include "core/engine/searches.h"
#include "core/engine/sessions.h"
#include "core/engine/transfers.h"
#include "core/links/arbiter.h"
#include "core/links/links.h"
#include "core/messages/originator.h"

namespace meshdict {

struct Engine::Parts final : LinksHost {
  Parts(const EngineConfig& config, const DictionaryConfig& settings, const Clock& clock, Transport& transport,
        Store& store, const Random& random, Observer& observer);

  // LinksHost

  void on_pair_up(Pair& pair) override;
  void on_link_up(Connection& link) override;
  void on_link_gone(const Connection& link) override;
  void on_link_left(Connection& primary) override;
  void on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) override;
  void on_refused(const Connection& conn, const Ending& ending) override;
  void on_address(const Endpoint& address, const Connection& conn) override;
  bool keeps_apart(const Connection& conn) override;
  void on_pong(const Connection& link, const Pong& pong) override;
  void on_clock(const NodeId& peer, std::int64_t unix_ms, MonoTime asked) override;
  void on_left_out(const Connection& link) override;
  std::uint64_t take_hidden(const Connection& link) override;
  std::optional<Frame> next_owed(Connection& link) override;

  /// The transport has refused a connection before Links knew it.
  void on_turned_away(const Endpoint& remote, const Ending& ending);

  Observer& events;
  /// True from the end of start() to stop(). Afterwards the ends of connections have no consequences.
  bool running = false;
  EngineStats stats;
  Alarm alarm;
  /// For what is done now and then.
  RandomStream leisure;
  Dictionary dictionary;
  Originator originator;
  Arbiter arbiter;
  Links links;
  Overlay overlay;
  ClockWatch clocks;
  Sessions sessions;
  Py2p py2p;
  Broadcasts broadcasts;
  Searches searches;
  Confirmations confirmations;
  Members members;
  Transfers transfers;
  Receiver receiver;
};

}  // namespace meshdict
