#pragma once
// The commands of the Redis-protocol endpoint: their table, and the helpers that they share.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "app/resp/command_spec.h"
#include "app/resp/session.h"
#include "core/dictionary/dictionary.h"

namespace meshdict {

/// What clients take us for when they choose which commands to use.
inline constexpr std::string_view kRedisVersion = "7.0.0";

/// In the order of names.
std::span<const CommandSpec> all_commands();

/// Replies for a write that was refused, and counts it. `key` is named when it is not empty, for writes of several
/// keys.
void reply_refused(RespSession& session, const WriteError& error, std::string_view key = {});
/// What a write is refused with for want of room: of which kind.
std::string no_room_error(const RespService& service);
void reply_syntax_error(RespSession& session);
void reply_not_integer(RespSession& session);
/// Of a subcommand, `name` is "mesh|connect".
void reply_arity(RespSession& session, std::string_view name);
/// Of Glob::compile().
std::string bad_pattern();
void reply_bad_pattern(RespSession& session);
/// A value as GET shows it.
void reply_value(ReplyWriter reply, RawView value);
/// What it costs to make that, beyond copying it.
std::size_t steps_to_show(RawView value);

/// As LEASE shows it: hexadecimal.
std::string shown_fence(std::string_view fence);

/// Runs the subcommand that arguments[1] names, of the command that arguments[0] names. HELP answers from the table.
/// REQUIRES: it is one, with so many arguments; see subcommand_error().
void run_subcommand(RespSession& session, Arguments arguments);

namespace commands {

/// As replies tell times.
inline std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// Keys (keys.cpp)
Rights more_rights_of_set(Arguments arguments);
void set(RespSession& session, Arguments arguments);
void get(RespSession& session, Arguments arguments);
void getdel(RespSession& session, Arguments arguments);
void del(RespSession& session, Arguments arguments);
void exists(RespSession& session, Arguments arguments);
void mget(RespSession& session, Arguments arguments);
void mset(RespSession& session, Arguments arguments);
void setnx(RespSession& session, Arguments arguments);
void getset(RespSession& session, Arguments arguments);
void type(RespSession& session, Arguments arguments);
void strlen(RespSession& session, Arguments arguments);
void ttl(RespSession& session, Arguments arguments);
/// MEMORY USAGE.
Subcommand memory_usage_subcommand();

// Parts and copies of values (key_tools.cpp)
void getrange(RespSession& session, Arguments arguments);
void copy(RespSession& session, Arguments arguments);
std::span<const Subcommand> object_subcommands();

// Listings (scan.cpp)
void keys(RespSession& session, Arguments arguments);
void scan(RespSession& session, Arguments arguments);
void dbsize(RespSession& session, Arguments arguments);
void randomkey(RespSession& session, Arguments arguments);

// The connection (connection.cpp)
void ping(RespSession& session, Arguments arguments);
void echo(RespSession& session, Arguments arguments);
void select(RespSession& session, Arguments arguments);
void quit(RespSession& session, Arguments arguments);
void hello(RespSession& session, Arguments arguments);
void auth(RespSession& session, Arguments arguments);
void reset(RespSession& session, Arguments arguments);

// Clients (client.cpp)
std::span<const Subcommand> client_subcommands();
/// False when it has replied with an error.
bool check_client_name(RespSession& session, std::string_view name);

// Users (acl.cpp)
std::span<const Subcommand> acl_subcommands();

// Transactions (transaction.cpp)
void multi(RespSession& session, Arguments arguments);
void exec(RespSession& session, Arguments arguments);
void discard(RespSession& session, Arguments arguments);
void watch(RespSession& session, Arguments arguments);

// Until others have what was written (wait.cpp)
void wait(RespSession& session, Arguments arguments);

// What took long, and memory (monitoring.cpp)
std::span<const Subcommand> slowlog_subcommands();
std::span<const Subcommand> latency_subcommands();
std::span<const Subcommand> memory_subcommands();

// What a node is, and its end (lifecycle.cpp)
void role(RespSession& session, Arguments arguments);
void save(RespSession& session, Arguments arguments);
void bgsave(RespSession& session, Arguments arguments);
void lastsave(RespSession& session, Arguments arguments);
void shutdown(RespSession& session, Arguments arguments);

// The server (server.cpp, config.cpp, info.cpp)
void command(RespSession& session, Arguments arguments);
std::span<const Subcommand> command_subcommands();
std::span<const Subcommand> config_subcommands();
void info(RespSession& session, Arguments arguments);
void time(RespSession& session, Arguments arguments);

// Messages (pubsub.cpp)
void subscribe(RespSession& session, Arguments arguments);
void psubscribe(RespSession& session, Arguments arguments);
void unsubscribe(RespSession& session, Arguments arguments);
void punsubscribe(RespSession& session, Arguments arguments);
void publish(RespSession& session, Arguments arguments);
std::span<const Subcommand> pubsub_subcommands();

// The mesh (mesh.cpp)
std::span<const Subcommand> mesh_subcommands();
void explain(RespSession& session, Arguments arguments);

// Its members (members.cpp): subcommands of MESH
void mesh_leave(RespSession& session, Arguments arguments);
void mesh_members(RespSession& session, Arguments arguments);
void mesh_remove(RespSession& session, Arguments arguments);

// Leases (leases.cpp)
void lease(RespSession& session, Arguments arguments);
std::span<const Subcommand> lease_subcommands();

}  // namespace commands
}  // namespace meshdict
