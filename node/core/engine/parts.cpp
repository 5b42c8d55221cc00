#include "core/engine/parts.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "core/messages/protocol_id.h"

namespace meshdict {
namespace {

LinkSettings link_settings(const EngineConfig& config) {
  // py2p's synchronised dictionaries mark leasing in the name of the network; its plain meshes have nothing to mark.
  const std::string_view suffix = !config.has_dictionary ? "" : config.leasing == Leasing::kOn ? "1" : "0";
  const std::string network = config.network + std::string(suffix);
  return {config, protocol_id(network, config.encryption), config.advertise, config.most_neighbours,
          config.most_pending};
}

}  // namespace

Engine::Parts::Parts(const EngineConfig& config, const DictionaryConfig& settings, const Clock& clock,
                     Transport& transport, Store& store, const Random& random, Observer& observer)
    : events(observer),
      leisure(random.stream("overlay")),
      dictionary(settings, clock, store,
                 [&observer](const DictionaryEvent& event) {
                   std::visit([&observer](const auto& detail) { observer.on_event(Event(detail)); }, event);
                 }),
      originator(settings.self, settings.boot, clock),
      links(link_settings(config), clock, transport, originator, random.stream("links"), *this, arbiter),
      overlay(links, AddressBook(random.stream("address book"), clock, store), clock, leisure, stats),
      clocks(settings.skew, settings.drift_ppm, clock, dictionary, observer),
      sessions({.dictionary = dictionary,
                .links = links,
                .transport = transport,
                .clock = clock,
                .alarm = alarm,
                .leisure = leisure,
                .stats = stats,
                .observer = observer},
               random.stream("sync")),
      py2p({.dictionary = dictionary,
            .originator = originator,
            .links = links,
            .sessions = sessions,
            .clock = clock,
            .stats = stats},
           config.has_dictionary),
      broadcasts({.originator = originator,
                  .links = links,
                  .sessions = sessions,
                  .py2p = py2p,
                  .clock = clock,
                  .stats = stats}),
      searches({.links = links, .overlay = overlay, .broadcasts = broadcasts, .clock = clock, .observer = observer}),
      confirmations({.dictionary = dictionary,
                     .links = links,
                     .transport = transport,
                     .clock = clock,
                     .clocks = clocks,
                     .alarm = alarm,
                     .observer = observer},
                    random.stream("confirmations")),
      members({.originator = originator, .links = links, .overlay = overlay, .clock = clock, .observer = observer},
              random.stream("members")),
      transfers(links, transport, alarm, sessions, confirmations),
      receiver({.links = links,
                .overlay = overlay,
                .sessions = sessions,
                .py2p = py2p,
                .broadcasts = broadcasts,
                .searches = searches,
                .members = members,
                .clock = clock,
                .stats = stats,
                .observer = observer},
               config.has_dictionary) {}

void Engine::Parts::on_pair_up(Pair& pair) {
  Connection& conn = *pair.primary;
  events.on_event(PeerUp{.peer = pair.peer,
                         .address = conn.peer_address,
                         .dialed_by_us = conn.dialed_by_us,
                         .meshdict = pair.is_meshdict});
  overlay.on_pair_up(pair.peer);
  overlay.tell_peers(conn);
  if (!pair.is_meshdict) links.hand_over(conn);
  searches.on_pair_up(pair);
}

void Engine::Parts::on_link_up(Connection& link) {
  overlay.on_link_up(link);
  if (!link.is_meshdict) return;
  sessions.on_link_up(link);
  confirmations.on_link(link);
  members.on_link_up(link);
}

void Engine::Parts::on_link_gone(const Connection& link) {
  sessions.on_link_gone(link);
  confirmations.on_link_gone(link);
}

void Engine::Parts::on_link_left(Connection& primary) {
  if (running && primary.is_meshdict) confirmations.on_link(primary);
}

void Engine::Parts::on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) {
  overlay.on_pair_down(pair.peer, ending.reason);
  if (ending.reason == EndReason::kIdentityInUse) ++stats.identity_in_use;
  events.on_event(PeerDown{.peer = pair.peer, .reason = ending.reason, .detail = ending.detail});
  clocks.forget(pair.peer);
  if (!running) return;
  clocks.judge();
  if (std::ranges::none_of(links.pairs(), [](const auto& entry) { return entry.second.is_meshdict; })) {
    dictionary.set_contact(false);
  }
  overlay.on_lost(pair, last, ending);
}

void Engine::Parts::on_refused(const Connection& conn, const Ending& ending) {
  ++stats.refused;
  if (ending.reason == EndReason::kIdentityInUse) ++stats.identity_in_use;
  if (conn.dialed_by_us) overlay.on_failed_dial(conn, ending.reason);
  overlay.on_turned_away(conn.remote, ending.reason);
  if (!running) return;
  events.on_event(Refused{.conn = conn.id,
                          .remote = conn.remote,
                          .reason = ending.reason,
                          .detail = ending.detail,
                          .dialed_by_us = conn.dialed_by_us});
}

void Engine::Parts::on_turned_away(const Endpoint& remote, const Ending& ending) {
  ++stats.refused;
  overlay.on_turned_away(remote, ending.reason);
  if (!running) return;
  events.on_event(Refused{.remote = remote, .reason = ending.reason, .detail = ending.detail, .dialed_by_us = false});
}

void Engine::Parts::on_address(const Endpoint& address, const Connection& conn) {
  overlay.on_address(address, conn);
}

bool Engine::Parts::keeps_apart(const Connection& conn) {
  return overlay.keeps_apart(conn);
}

void Engine::Parts::on_pong(const Connection& link, const Pong& pong) {
  confirmations.on_pong(link, pong);
}

void Engine::Parts::on_clock(const NodeId& peer, std::int64_t unix_ms, MonoTime asked) {
  clocks.heard(peer, unix_ms, asked);
}

void Engine::Parts::on_left_out(const Connection& link) {
  if (running) events.on_event(LeftOut{.peer = link.peer, .messages = link.left_out});
}

std::uint64_t Engine::Parts::take_hidden(const Connection& link) {
  return sessions.take_hidden(link);
}

std::optional<Frame> Engine::Parts::next_owed(Connection& link) {
  return py2p.next_owed(link);
}

}  // namespace meshdict
