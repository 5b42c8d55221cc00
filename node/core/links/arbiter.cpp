#include "core/links/arbiter.h"

#include <algorithm>
#include <utility>

#include "core/links/links.h"

namespace meshdict {

/// A link that the peer does not list may be half-open, or its hello may have crossed: ask. `link` is used meanwhile.
/// The smaller id only asks: a half-open link answers with a reset, or ends by its silence. What it was told to keep while
/// `link` was being made stays in use: the hello on `link` may be older, and the peer have retired `link` since.
void Arbiter::examine(Links& links, Pair& pair, Connection& link, const std::vector<Nonce>& open_nonces) {
  for (Connection* const incumbent : pair.links) {
    const bool asked = incumbent->probe_started || incumbent->late;
    if (std::ranges::count(open_nonces, incumbent->nonce) > 0 || asked) continue;
    pair.keep_pending = false;
    if (links.self() < pair.peer) {
      links.whisper(*incumbent, Ping{.nonce = incumbent->nonce});
    } else {
      links.probe(*incumbent);
    }
    if (pair.primary == incumbent && incumbent->told_to_keep < link.opened) pair.primary = &link;
  }
}

void Arbiter::added(Links& links, Pair& pair, Connection& /*link*/) {
  arbitrate(links, pair);
}

void Arbiter::changed(Links& links, Pair& pair) {
  arbitrate(links, pair);
}

void Arbiter::arbitrate(Links& links, Pair& pair) {
  if (!pair.is_meshdict || pair.links.size() < 2 || links.self() < pair.peer || pair.keep_pending) return;
  if (std::ranges::any_of(pair.links, [](const Connection* link) { return link->probe_started.has_value(); })) return;
  const auto good = std::ranges::find_if(pair.links, [](const Connection* link) { return !link->late; });
  pair.primary = good == pair.links.end() ? pair.links.front() : *good;
  pair.keep_pending = true;
  links.whisper(*pair.primary, Keep{.nonce = pair.primary->nonce});
}

void Arbiter::on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) {
  if (keep.nonce != link.nonce) return;
  pair.primary = &link;
  link.told_to_keep = link.heard;
  links.whisper(link, KeepAck{.nonce = link.nonce});
  for (Connection* const other : pair.links) {
    if (other != &link) links.whisper(*other, KeepAck{.nonce = link.nonce});
  }
}

void Arbiter::on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) {
  if (ack.nonce != link.nonce || !pair.keep_pending || pair.primary != &link) return;
  pair.keep_pending = false;
  const std::vector<Connection*> all = std::exchange(pair.links, {&link});
  for (Connection* const other : all) {
    if (other != &link) links.retire(*other);
  }
}

}  // namespace meshdict
