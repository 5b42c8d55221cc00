// WAIT: the client is answered when so many neighbours have committed what it wrote, or after a time.

#include <chrono>
#include <cstdint>
#include <optional>

#include "app/commands/commands.h"
#include "app/resp/integer.h"

namespace meshdict::commands {

void wait(RespSession& session, Arguments arguments) {
  const auto replicas = parse_integer(arguments[1]);
  if (!replicas) return reply_not_integer(session);
  const auto timeout = parse_integer(arguments[2]);
  if (!timeout) {
    session.reply().error("ERR timeout is not an integer or out of range");
    return;
  }
  if (*timeout < 0) {
    session.reply().error("ERR timeout is negative");
    return;
  }
  if (*replicas <= 0) {
    session.reply().integer(0);
    return;
  }
  // A wait of years is one without an end; the sum below must not overflow.
  constexpr std::chrono::milliseconds kForever = std::chrono::years(1);
  std::optional<MonoTime> deadline;
  if (const std::chrono::milliseconds wanted(*timeout); *timeout > 0 && wanted < kForever) {
    deadline = session.service().clock.monotonic() + wanted;
  }
  if (!session.wait_for_others(static_cast<std::size_t>(*replicas), deadline)) {
    session.reply().error("ERR too many clients wait already");
  }
}

}  // namespace meshdict::commands
