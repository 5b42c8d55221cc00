// Who belongs to the mesh; and how to leave it, or to remove a member.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/resp/integer.h"
#include "app/resp/limits.h"
#include "core/limits.h"
#include "net/addresses.h"

namespace meshdict::commands {
namespace {

void reply_members(ReplyWriter reply, const std::vector<MemberView>& members) {
  reply.array(members.size());
  for (const MemberView& member : members) {
    reply.array(16).field("id", member.id.text()).field("state", to_string(member.state));
    reply.field("address", member.address.host.empty() ? "" : to_string(member.address));
    reply.field("version", member.software).field("boot", std::to_underlying(member.boot));
    reply.field("neighbours", member.neighbours);
    reply.bulk("heard_ms");
    member.heard_ago ? void(reply.integer(milliseconds(*member.heard_ago))) : void(reply.nil());
    reply.field("state_left_ms", milliseconds(member.state_lasts));
  }
}

/// Shorter ones would be over before all have heard of them.
constexpr std::int64_t kLeastRemoval = 5;

/// Gives up what the node holds, a part in each turn, and then ends the node. Meanwhile it takes no writes: they would hold keys for
/// a node that is gone.
class Leaving {
 public:
  explicit Leaving(RespService& service) : service_(service) { service_.leaving = true; }

  bool operator()(std::string& reply, std::size_t& steps) {
    if (steps == 0) return false;
    const std::size_t most = std::max<std::size_t>(1, steps / resp_limits::kStepsOfRelease);
    const auto next = service_.engine.release_from(from_, most);
    steps -= std::min(steps, most * resp_limits::kStepsOfRelease);
    if (!next) {
      service_.leaving = false;
      const bool room = !std::holds_alternative<NoRoom>(next.error());
      ReplyWriter(reply).error(
          fmt::format("ERR this node stays, since it cannot give up all of its leases: {}; end it by "
                      "a signal, and they lapse by themselves",
                      room ? describe(next.error()) : no_room_error(service_)));
      return true;
    }
    if (*next) {
      from_ = **next;
      return false;
    }
    ReplyWriter(reply).simple("OK");
    service_.engine.say_left();
    service_.end_node();
    return true;
  }

 private:
  RespService& service_;
  std::string from_;
};

}  // namespace

void mesh_members(RespSession& session, Arguments) {
  RespService& service = session.service();
  service.engine.call_members();
  if (session.runs_transaction()) return reply_members(session.reply(), service.engine.members());
  const auto answer = [&service](std::string& made, std::size_t& /*steps*/) {
    reply_members(ReplyWriter(made), service.engine.members());
    return true;
  };
  session.hold(answer, 0, service.clock.monotonic() + resp_limits::kRollCallPatience);
}

void mesh_remove(RespSession& session, Arguments arguments) {
  if (arguments.size() > 4) return reply_arity(session, "mesh|remove");
  const auto id = NodeId::parse(arguments[2]);
  if (!id) {
    session.reply().error("ERR not a node id: " + id.error());
    return;
  }
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::seconds>(limits::kLongestParting).count();
  Duration lasts = limits::kMutedFor;
  if (arguments.size() == 4) {
    const auto seconds = parse_integer(arguments[3]);
    if (!seconds) return reply_not_integer(session);
    if (*seconds < kLeastRemoval || *seconds > kMost) {
      session.reply().error(fmt::format("ERR a member is removed for {} to {} seconds", kLeastRemoval, kMost));
      return;
    }
    lasts = std::chrono::seconds(*seconds);
  }
  if (!session.service().engine.remove_member(*id, lasts)) {
    session.reply().error("ERR this is our own id; MESH LEAVE ends this node");
    return;
  }
  session.reply().simple("OK");
}

void mesh_leave(RespSession& session, Arguments) {
  RespService& service = session.service();
  if (session.runs_transaction()) {
    session.reply().error("ERR MESH LEAVE takes longer than a transaction may");
    return;
  }
  session.run_long(Leaving(service), 0);
}

}  // namespace meshdict::commands
