#include "core/engine/broadcasts.h"

#include <algorithm>

#include "core/base/random.h"
#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {

Broadcasts::Broadcasts(const Surroundings& surroundings)
    : originator_(surroundings.originator),
      links_(surroundings.links),
      sessions_(surroundings.sessions),
      py2p_(surroundings.py2p),
      clock_(surroundings.clock),
      stats_(surroundings.stats) {}

bool Broadcasts::is_copy(const PlainBody& plain) const {
  const auto origin = peek_origin(plain.message);
  return origin && seen_.contains(origin->sender, origin->stamp) && hash_matches(plain);
}

Broadcasts::Accepted Broadcasts::accept(const Connection& from, const Envelope& envelope, const PlainBody& plain) {
  if (envelope.stamp && envelope.sender == originator_.self() && envelope.stamp->boot == originator_.boot()) {
    // All that we have said is known: somebody has made this up.
    ++stats_.duplicates;
    return Accepted::kNo;
  }
  const MonoTime now = clock_.monotonic();
  const std::int64_t ahead = envelope.time - unix_seconds(clock_.wall());
  const std::int64_t lifetime = std::chrono::floor<std::chrono::seconds>(limits::kBroadcastLifetime).count();
  if (ahead < -lifetime) {
    ++stats_.expired;
    return Accepted::kNo;
  }
  // A message from further ahead than clocks may differ is perhaps taken twice: its sender could otherwise make us remember it
  // for as long as it likes.
  const Duration future = std::clamp<Duration>(std::chrono::seconds(ahead), Duration::zero(), limits::kClockSkew);
  const MonoTime expires = now + future + limits::kBroadcastLifetime + limits::kClockSkew;
  const Via via = derive_seed(0, from.peer.text());
  const auto outcome = envelope.stamp ? seen_.insert(envelope.sender.text(), *envelope.stamp, via, expires)
                                      : seen_.insert(plain.id, via, expires);
  switch (outcome) {
    case SeenMessages::Outcome::kNew:
      ++stats_.delivered;
      return Accepted::kYes;
    case SeenMessages::Outcome::kKnown:
      ++stats_.duplicates;
      return Accepted::kNo;
    case SeenMessages::Outcome::kNoRoom:
      break;
  }
  ++stats_.no_room;
  return Accepted::kNoRoom;
}

void Broadcasts::relay(const Connection& from, const OpenedBody& opened, std::string_view body,
                       const Envelope& envelope, const Message& message) {
  const bool nobody_else = links_.pairs().empty() || (links_.pairs().size() == 1 && from.established());
  if (nobody_else) return;
  ++stats_.relayed;
  // S byte for byte, so that ids stay the same.
  const auto frame = reframe(opened.plain);
  // Cannot be: a body that was read is no larger than a frame.
  if (!frame) return;
  CompressedOnce once(*frame);
  if (opened.method) once.came_as(*opened.method, body);
  const auto paced = py2p_.paced(envelope, message);
  send_to_all(once, &from, paced ? &*paced : nullptr);
}

void Broadcasts::send_to_all(CompressedOnce& once, const Connection* except, const PacedStore* store) {
  for (auto& [peer, pair] : links_.pairs()) {
    if (except != nullptr && except->peer == peer) continue;
    Connection& link = *pair.primary;
    if (store != nullptr && !pair.is_meshdict) {
      links_.send_store(link, once.for_peer(link), *store);
    } else if (store == nullptr) {
      links_.offer(link, once.for_peer(link));
    } else if (!links_.try_send(link, once.for_peer(link))) {
      sessions_.compare(link);
    }
  }
}

/// The stamp of a broadcast of ours, which counts as seen.
Stamp Broadcasts::stamp() {
  const Stamp stamp = originator_.stamp_broadcast();
  seen_.insert(originator_.self().text(), stamp, kViaOurselves,
               clock_.monotonic() + limits::kBroadcastLifetime + limits::kClockSkew);
  return stamp;
}

void Broadcasts::say(const Message& message, const PacedStore* store) {
  const Stamp stamp = this->stamp();
  // A node without neighbours would encode and hash each of its writes for nobody.
  if (links_.pairs().empty()) return;
  const auto frame = originator_.broadcast(message, stamp);
  if (!frame) {
    ++stats_.too_large;
    return;
  }
  CompressedOnce once(*frame);
  send_to_all(once, nullptr, store);
}

std::expected<MessageId, FrameTooLarge> Broadcasts::broadcast(const UserMessage& message) {
  const auto frame = originator_.broadcast(message, stamp());
  if (!frame) return std::unexpected(frame.error());
  CompressedOnce once(*frame);
  send_to_all(once, nullptr, nullptr);
  return frame->id;
}

void Broadcasts::publish(const OwnRecord& record, HasKey had) {
  const PacedStore store{.key = record.key(), .deletes = deletes_at_py2p(record.value()), .has = had};
  say(StoreSet{.key = record.key(), .value = record.value(), .version = record.version()}, &store);
}

}  // namespace meshdict
