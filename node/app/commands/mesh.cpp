// What Redis has no word for: neighbours, and why a record won. Leases are in leases.cpp, members in members.cpp.

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/resp/limits.h"
#include "core/engine/event.h"
#include "net/addresses.h"

namespace meshdict {

std::string shown_fence(std::string_view fence) {
  std::string text;
  text.reserve(2 * fence.size());
  for (const char c : fence)
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

namespace commands {
namespace {

/// Positive: the neighbour's clock is ahead of ours. Nil while nothing was measured.
void reply_clock(RespSession& session, const ClockView& clock) {
  session.reply().field("clock_state", to_string(clock.standing));
  if (clock.standing == ClockStanding::kUnknown) {
    session.reply().bulk("clock_offset_ms").nil().bulk("clock_error_ms").nil();
    return;
  }
  session.reply().field("clock_offset_ms", milliseconds(clock.offset.ahead));
  session.reply().field("clock_error_ms", std::chrono::ceil<std::chrono::milliseconds>(clock.offset.error).count());
}

void mesh_peers(RespSession& session, Arguments) {
  const auto peers = session.service().engine.neighbours();
  session.reply().array(peers.size());
  for (const NeighbourView& peer : peers) {
    session.reply().array(24).field("id", peer.id.text()).field("address", to_string(peer.address));
    session.reply().field("direction", peer.dialed_by_us ? "outgoing" : "incoming");
    session.reply().field("speaks", peer.meshdict ? "meshdict" : "py2p");
    session.reply().field("connected_ms", milliseconds(peer.connected_for));
    session.reply().field("connections", peer.connections).field("queued_bytes", peer.queued);
    session.reply().field("waiting_stores", peer.waiting_stores).field("messages_left_out", peer.left_out);
    reply_clock(session, peer.clock);
  }
}

void mesh_departed(RespSession& session, Arguments) {
  const auto departed = session.service().engine.departed();
  session.reply().array(departed.size());
  for (const DepartedView& peer : departed) {
    session.reply().array(8).field("id", peer.id.text()).field("reason", to_string(peer.reason));
    session.reply().field("ago_ms", milliseconds(peer.ago));
    session.reply().field("address", peer.address.host.empty() ? "" : to_string(peer.address));
  }
}

/// "host:port", or host and port. Nothing when it has replied with an error.
std::optional<Endpoint> read_address(RespSession& session, Arguments where) {
  const std::string text = where.size() == 2 ? fmt::format("{}:{}", where[0], where[1]) : std::string(where[0]);
  auto parsed = parse_endpoint(text);
  if (parsed && parsed->port != 0) return *std::move(parsed);
  session.reply().error(parsed ? "ERR port 0 cannot be dialled" : "ERR " + parsed.error());
  return std::nullopt;
}

void mesh_connect(RespSession& session, Arguments arguments) {
  if (arguments.size() > 4) return reply_arity(session, "mesh|connect");
  const auto to = read_address(session, arguments.subspan(2));
  if (!to) return;
  Engine& engine = session.service().engine;
  if (*to == engine.address()) {
    session.reply().error("ERR this is our own address; name another node's");
    return;
  }
  engine.connect(*to);
  session.reply().simple("OK");
}

void mesh_forget(RespSession& session, Arguments arguments) {
  if (arguments.size() > 4) return reply_arity(session, "mesh|forget");
  const auto address = read_address(session, arguments.subspan(2));
  if (address) session.reply().integer(session.service().engine.forget(*address) ? 1 : 0);
}

void mesh_disconnect(RespSession& session, Arguments arguments) {
  const auto id = NodeId::parse(arguments[2]);
  if (!id) {
    session.reply().error("ERR not a node id: " + id.error());
  } else if (!session.service().engine.disconnect(*id)) {
    session.reply().error("ERR no such neighbour; MESH PEERS lists them");
  } else {
    session.reply().simple("OK");
  }
}

/// Why no backup is written to such a path; empty for a good one.
std::string_view fault_of_backup_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "a path has no zero byte";
  const std::filesystem::path name(path);
  if (!name.is_absolute()) return "the path must be absolute, as /var/backups/node.db: it is one on the node's machine";
  // Whoever may log in makes no files that mean something to other programs.
  if (name.extension() != ".db") return "the name of a backup must end with .db";
  return {};
}

void mesh_backup(RespSession& session, Arguments arguments) {
  RespService& service = session.service();
  const auto refuse = [&session](std::string_view why) { session.reply().error(fmt::format("ERR {}", why)); };
  if (session.runs_transaction()) return refuse("MESH BACKUP takes longer than a transaction may");
  if (service.back_up == nullptr) return refuse("this node keeps all in memory: there is no backup without --data-dir");
  if (const auto fault = fault_of_backup_path(arguments[2]); !fault.empty()) return refuse(fault);
  const auto outcome = std::make_shared<std::optional<BackupOutcome>>();
  const auto done = [&service, client = session.id(), outcome](BackupOutcome got) {
    *outcome = std::move(got);
    if (const auto found = service.sessions.find(client); found != service.sessions.end()) found->second->let_go_on();
  };
  if (const auto begun = service.back_up(std::string(arguments[2]), done); !begun) return refuse(begun.error());
  const auto answer = [outcome](std::string& made, std::size_t& /*steps*/) {
    ReplyWriter reply(made);
    if (!*outcome) {
      reply.error("ERR the backup goes on, but nobody waits so long; the log will tell how it ended");
    } else if (!**outcome) {
      reply.error(fmt::format("ERR no backup was made: {}", (*outcome)->error()));
    } else {
      reply.simple("OK");
    }
    return true;
  };
  session.hold(answer, 0, service.clock.monotonic() + resp_limits::kBackupPatience);
}

}  // namespace

std::span<const Subcommand> mesh_subcommands() {
  static constexpr Access kMesh{Right::kMesh, Access::Touches::kNothing};
  static constexpr Access kAdminister{Right::kAdmin, Access::Touches::kNothing};
  static constexpr Subcommand kSubcommands[] = {
      {"backup", 3, kAdminister, mesh_backup, "path", "Copies the node's data to a new file, while it goes on."},
      {"connect", -3, kMesh, mesh_connect, "host:port", "Dials a node now, and remembers its address."},
      {"departed", 2, kMesh, mesh_departed, "", "Lists earlier neighbours and why they are none now."},
      {"disconnect", 3, kMesh, mesh_disconnect, "id", "Says goodbye to a neighbour."},
      {"forget", -3, kMesh, mesh_forget, "host:port", "Dials an address no more, until somebody tells of it again."},
      {"id", 2, kMesh, [](RespSession& s, Arguments) { s.reply().bulk(s.service().engine.id().text()); }, "",
       "Returns the id of this node."},
      {"leave", 2, kAdminister, mesh_leave, "",
       "Gives up all leases of this node, tells all members that it leaves for good, and ends it."},
      {"members", 2, kMesh, mesh_members, "", "Asks the whole mesh who belongs to it, and lists the answers."},
      {"peers", 2, kMesh, mesh_peers, "", "Lists the neighbours."},
      {"remove", -3, kAdminister, mesh_remove, "id [seconds]",
       "Removes a member for ten minutes, or so long: all members part from it, and turn it away."},
  };
  return kSubcommands;
}

void explain(RespSession& session, Arguments arguments) {
  const Dictionary& dictionary = session.service().engine.dictionary();
  const std::string text = dictionary.explain(arguments[1]);
  std::vector<std::string_view> lines;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    lines.push_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  session.reply().array(lines.size());
  for (const std::string_view line : lines)
    session.reply().bulk(line);
}

}  // namespace commands
}  // namespace meshdict
