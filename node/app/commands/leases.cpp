// What Redis has no word for: who holds which keys, and how to begin a lease anew, give it up or break it.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/commands/key_walk.h"
#include "app/resp/integer.h"

namespace meshdict::commands {
namespace {

/// What a look at a lease costs beside a look at a key: its fence is worked out.
constexpr std::size_t kStepsOfLease = 4;

/// 1: the lease begins anew, with the value that is there. 0: this node does not hold the key (any more), or there is none.
void renew_lease(RespSession& session, Arguments arguments) {
  const auto renewed = session.service().engine.renew(arguments[2]);
  if (!renewed) return reply_refused(session, renewed.error());
  if (*renewed) session.note_write(arguments[2]);
  session.reply().integer(*renewed ? 1 : 0);
}

/// The same for giving it up. The value stays, and whoever claims the key next has a larger fence.
void release_lease(RespSession& session, Arguments arguments) {
  const auto released = session.service().engine.release(arguments[2]);
  if (!released) return reply_refused(session, released.error());
  if (*released) session.note_write(arguments[2]);
  session.reply().integer(*released ? 1 : 0);
}

/// 1: this node holds the key now, and its former holder is told of a conflict. 0: nobody else held it.
void break_lease(RespSession& session, Arguments arguments) {
  const auto broken = session.service().engine.break_lease(arguments[2]);
  if (!broken) return reply_refused(session, broken.error());
  if (*broken) session.note_write(arguments[2]);
  session.reply().integer(*broken ? 1 : 0);
}

void reply_lease(RespSession& session, const LeaseView& view) {
  session.reply().field("owner", view.owner.text());
  session.reply().field("held", view.held ? 1 : 0).field("ours", view.ours ? 1 : 0);
  session.reply()
      .field("state", to_string(view.state))
      .field("left_ms", milliseconds(view.left))
      .field("epoch", std::to_underlying(view.epoch));
  session.reply().field("fence", shown_fence(view.fence));
}

struct ListOptions {
  std::optional<NodeId> owner;
  /// Keys that are looked at, held or not.
  std::int64_t count = 100;
};

/// False when it has replied with an error.
bool read_options(RespSession& session, Arguments options, ListOptions& out) {
  for (std::size_t i = 0; i < options.size(); i += 2) {
    const bool owner = is_word(options[i], "owner");
    if (i + 1 == options.size() || (!owner && !is_word(options[i], "count"))) {
      reply_syntax_error(session);
      return false;
    }
    if (owner) {
      const auto id = NodeId::parse(options[i + 1]);
      if (!id) {
        session.reply().error("ERR not a node id: " + id.error());
        return false;
      }
      out.owner = *id;
      continue;
    }
    const auto count = parse_integer(options[i + 1]);
    if (!count || *count < 1) {
      count ? reply_syntax_error(session) : reply_not_integer(session);
      return false;
    }
    out.count = *count;
  }
  return true;
}

/// Bounded work for each call, as SCAN: a page may be empty, and the list is over when the cursor is 0.
void list_leases(RespSession& session, Arguments arguments) {
  const auto from = begin_walk(session, arguments[2]);
  if (!from) return;
  ListOptions options;
  if (!read_options(session, arguments.subspan(3), options)) return;
  const Dictionary& dictionary = session.service().engine.dictionary();
  const auto names = session.names();
  std::vector<std::pair<std::string_view, LeaseView>> found;
  std::optional<std::string_view> last;
  std::size_t& steps = session.steps();
  KeyWalk walk(dictionary.records(), "", *names, *from);
  for (std::int64_t seen = 0; seen < options.count && (steps > 0 || seen == 0) && !walk.over(); ++seen, walk.next()) {
    const std::string_view key = walk.here().key();
    steps -= std::min<std::size_t>(steps, kStepsOfLease);
    last = key;
    auto view = dictionary.lease(key);
    if (view && view->held && (!options.owner || view->owner == *options.owner))
      found.emplace_back(key, *std::move(view));
  }
  const std::uint64_t next = !walk.over() && last ? session.service().cursors.add(*last, session.user()->name) : 0;
  session.reply().array(2).bulk(std::to_string(next)).array(found.size());
  for (const auto& [key, view] : found) {
    session.reply().array(16).field("key", key);
    reply_lease(session, view);
  }
}

}  // namespace

std::span<const Subcommand> lease_subcommands() {
  static constexpr Access kWriteKey{Right::kWrite, Access::Touches::kKeys};
  static constexpr Access kBreakKey{Right::kAdmin | Right::kWrite, Access::Touches::kKeys};
  static constexpr Access kReadVisible{Right::kRead, Access::Touches::kVisible};
  static constexpr Subcommand kSubcommands[] = {
      {"break", 3, kBreakKey, break_lease, "key",
       "Takes a key from the node that holds it, with its value. Returns 0 when no other node holds it.", 2},
      {"list", -3, kReadVisible, list_leases, "cursor [OWNER id] [COUNT count]",
       "Lists the keys that are held, page by page, as SCAN does."},
      {"release", 3, kWriteKey, release_lease, "key",
       "Gives a lease up: the value stays, and anybody may claim the key. Returns 0 when this node does not hold it.",
       2},
      {"renew", 3, kWriteKey, renew_lease, "key",
       "Begins the lease of a key anew with the value that is there. Returns 0 when this node does not hold it.", 2},
  };
  return kSubcommands;
}

void lease(RespSession& session, Arguments arguments) {
  if (arguments.size() > 2) return run_subcommand(session, arguments);
  const auto view = session.service().engine.dictionary().lease(arguments[1]);
  if (!view) {
    session.reply().nil_array();
    return;
  }
  session.reply().array(14);
  reply_lease(session, *view);
}

}  // namespace meshdict::commands
