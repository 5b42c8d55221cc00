// ROLE, SAVE and SHUTDOWN: what they mean for a node, which is nobody's replica and writes all that it acknowledges.

#include <chrono>
#include <string_view>

#include "app/commands/commands.h"

namespace meshdict::commands {
namespace {

constexpr std::string_view kNothingOnDisk =
    "ERR this node keeps nothing on disk: give it --data-dir; with one, what is acknowledged is on disk";

std::int64_t seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool keeps(RespSession& session) {
  if (session.service().back_up != nullptr) return true;
  session.reply().error(kNothingOnDisk);
  return false;
}

}  // namespace

/// Every node takes writes, and others are its neighbours: MESH PEERS.
void role(RespSession& session, Arguments) {
  session.reply().array(3).bulk("master").integer(0).array(0);
}

/// The reply leaves after the commit, which is what saves.
void save(RespSession& session, Arguments) {
  if (keeps(session)) session.reply().simple("OK");
}

void bgsave(RespSession& session, Arguments arguments) {
  if (arguments.size() > 2 || (arguments.size() == 2 && !is_word(arguments[1], "schedule"))) {
    return reply_syntax_error(session);
  }
  if (keeps(session)) session.reply().simple("Background saving started");
}

/// Now; of a node that keeps nothing, when it was started (as Redis tells before it has saved).
void lastsave(RespSession& session, Arguments) {
  const RespService& service = session.service();
  const Duration uptime = service.clock.monotonic() - service.started;
  session.reply().integer(seconds(service.clock.wall() - (service.back_up != nullptr ? Duration{} : uptime)));
}

void shutdown(RespSession& session, Arguments arguments) {
  bool abort = false;
  for (const std::string_view word : arguments.subspan(1)) {
    abort |= is_word(word, "abort");
    // What is acknowledged is on disk, so that there is nothing to choose.
    const bool known =
        abort || is_word(word, "save") || is_word(word, "nosave") || is_word(word, "now") || is_word(word, "force");
    if (!known) return reply_syntax_error(session);
  }
  if (abort) {
    session.reply().error("ERR No shutdown in progress.");
    return;
  }
  if (session.service().shut_down == nullptr) {
    session.reply().error("ERR this node is a part of another program, which ends it");
    return;
  }
  session.service().shut_down("a client asked for it: " + session.remote());
}

}  // namespace meshdict::commands
