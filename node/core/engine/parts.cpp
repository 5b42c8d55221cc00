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
  return {config, protocol_id(network, config.encryption), config.advertise};
}

}  // namespace

Engine::Parts::Parts(const EngineConfig& config, const DictionaryConfig& settings, const Clock& clock,
                     Transport& transport, Store& store, const Random& random, Observer& observer)
    : config_(config),
      clock_(clock),
      transport_(transport),
      observer_(observer),
      leisure_(random.stream("overlay")),
      sync_random_(random.stream("sync")),
      dictionary_(settings, clock, store,
                  [&observer](const DictionaryEvent& event) {
                    std::visit([&observer](const auto& detail) { observer.on_event(Event(detail)); }, event);
                  }),
      originator_(settings.self, Boot{settings.boot}, clock),
      links_(link_settings(config), clock, transport, originator_, random.stream("links"), *this, arbiter_),
      overlay_(links_, AddressBook(random.stream("address book"), clock, store), clock, leisure_, stats_),
      clocks_(settings.skew, settings.drift_ppm),
      next_confirmation_(random.stream("confirmations").next()) {}

void Engine::Parts::on_pair_up(Pair& pair) {
  Connection& conn = *pair.primary;
  observer_.on_event(PeerUp{.peer = pair.peer,
                            .address = conn.peer_address,
                            .dialed_by_us = conn.dialed_by_us,
                            .meshdict = pair.is_meshdict});
  overlay_.on_pair_up(pair.peer);
  overlay_.tell_peers(conn);
  if (!pair.is_meshdict) links_.hand_over(conn);
  if (const auto found = searches_.find(pair.peer); found != searches_.end()) {
    for (const Frame& frame : found->second.frames)
      links_.send(conn, frame);
    searches_.erase(found);
  }
}

/// Leads to a comparison on each new link, not only on the first of a pair: the other end may have lost one that we still
/// believe in, and what we sent over it.
void Engine::Parts::on_link_up(Connection& link) {
  overlay_.on_link_up(link);
  if (!link.is_meshdict) return;
  links_.whisper(link, kOutsideTheReckoning);
  send_floors(link);
  ask_for_open_confirmations(link);
}

void Engine::Parts::on_link_left(Connection& primary) {
  if (running_ && primary.is_meshdict) ask_for_open_confirmations(primary);
}

void Engine::Parts::on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) {
  overlay_.on_pair_down(pair.peer, ending.reason);
  if (ending.reason == EndReason::kIdentityInUse) ++stats_.identity_in_use;
  observer_.on_event(PeerDown{.peer = pair.peer, .reason = ending.reason, .detail = ending.detail});
  clocks_.forget(pair.peer);
  if (!running_) return;
  judge_clocks();
  if (std::ranges::none_of(links_.pairs(), [](const auto& entry) { return entry.second.is_meshdict; })) {
    dictionary_.set_contact(false);
  }
  overlay_.on_lost(pair, last, ending);
}

void Engine::Parts::on_refused(const Connection& conn, const Ending& ending) {
  ++stats_.refused;
  if (ending.reason == EndReason::kIdentityInUse) ++stats_.identity_in_use;
  if (conn.dialed_by_us) overlay_.on_failed_dial(conn, ending.reason);
  if (!running_) return;
  observer_.on_event(Refused{.conn = conn.id,
                             .remote = conn.remote,
                             .reason = ending.reason,
                             .detail = ending.detail,
                             .dialed_by_us = conn.dialed_by_us});
}

void Engine::Parts::on_address(const Endpoint& address, const Connection& conn) {
  overlay_.on_address(address, conn);
}

bool Engine::Parts::keeps_apart(const Connection& conn) {
  return overlay_.keeps_apart(conn);
}

}  // namespace meshdict
