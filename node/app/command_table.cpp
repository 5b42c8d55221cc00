#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>

#include "app/commands.h"

namespace meshdict {
namespace {

using Spec = CommandSpec;
constexpr std::uint8_t kRead = Spec::kReadonly;
constexpr std::uint8_t kReadFast = Spec::kReadonly | Spec::kFast;
constexpr std::uint8_t kFast = Spec::kFast;
constexpr std::uint8_t kPubsub = Spec::kPubsub;
constexpr std::uint8_t kListen = Spec::kPubsub | Spec::kNoMulti;

// In the order of names.
constexpr std::array kCommands{
    Spec{"auth", -2, commands::auth, kFast, 0, 0, 0, "connection", "[username] password",
         "Accepts any password of the user default, the only one: there are no passwords."},
    Spec{"client", -2, run_subcommand, Spec::kNone, 0, 0, 0, "connection", "",
         "Names, numbers, lists and ends client connections.", commands::client_subcommands},
    Spec{"command", -1, commands::command, Spec::kNone, 0, 0, 0, "server", "", "Describes all commands.",
         commands::command_subcommands},
    Spec{"config", -2, run_subcommand, Spec::kAdmin, 0, 0, 0, "server", "",
         "Shows settings that Redis clients ask for; sets counters to zero.", commands::config_subcommands},
    Spec{"dbsize", 1, commands::dbsize, kReadFast, 0, 0, 0, "server", "", "Returns the number of keys."},
    Spec{"del", -2, commands::del, Spec::kWrite, 1, -1, 1, "generic", "key [key ...]",
         "Deletes keys, all or none: none when one is leased by another node."},
    Spec{"discard", 1, commands::discard, kFast, 0, 0, 0, "transactions", "",
         "Throws away the commands queued since MULTI."},
    Spec{"echo", 2, commands::echo, kFast, 0, 0, 0, "connection", "message", "Returns the message."},
    Spec{"exec", 1, commands::exec, Spec::kNone, 0, 0, 0, "transactions", "",
         "Runs the commands queued since MULTI, with nothing between them."},
    Spec{"exists", -2, commands::exists, kReadFast | Spec::kLong, 1, -1, 1, "generic", "key [key ...]",
         "Counts how many of the keys exist."},
    Spec{"explain", 2, commands::explain, kRead, 1, 1, 1, "mesh", "key",
         "Tells the chain of claims of a key and why the present record won."},
    Spec{"get", 2, commands::get, kReadFast, 1, 1, 1, "string", "key",
         "Returns the value of a key: bytes and text as they are, anything else as JSON."},
    Spec{"getdel", 2, commands::getdel, Spec::kWrite | Spec::kFast, 1, 1, 1, "string", "key",
         "Returns the value of a key and deletes it."},
    Spec{"getset", 3, commands::getset, Spec::kWrite | Spec::kFast, 1, 1, 1, "string", "key value",
         "Sets a key and returns the value that it had."},
    Spec{"hello", -1, commands::hello, kFast, 0, 0, 0, "connection", "[2 [AUTH username password] [SETNAME name]]",
         "Greets; RESP2 is the only protocol."},
    Spec{"info", -1, commands::info, Spec::kNone, 0, 0, 0, "server", "[section ...]",
         "Returns facts and counters of the node."},
    Spec{"keys", 2, commands::keys, kRead, 0, 0, 0, "generic", "pattern", "Returns all keys that match a pattern."},
    Spec{"lease", 2, commands::lease, kReadFast, 1, 1, 1, "mesh", "key",
         "Shows who holds a key, for how long, and the fence of the claim."},
    Spec{"memory", -2, run_subcommand, kRead, 0, 0, 0, "server", "", "Tells of memory.", commands::memory_subcommands},
    Spec{"mesh", -2, run_subcommand, Spec::kAdmin, 0, 0, 0, "mesh", "",
         "Lists, makes and ends connections to other nodes.", commands::mesh_subcommands},
    Spec{"mget", -2, commands::mget, kReadFast | Spec::kLong, 1, -1, 1, "string", "key [key ...]",
         "Returns the values of several keys."},
    Spec{"mset", -3, commands::mset, Spec::kWrite, 1, -1, 2, "string", "key value [key value ...]",
         "Sets several keys, all or none: none when one is leased by another node."},
    Spec{"multi", 1, commands::multi, kFast, 0, 0, 0, "transactions", "",
         "Queues the commands that follow, until EXEC or DISCARD."},
    Spec{"ping", -1, commands::ping, kFast, 0, 0, 0, "connection", "[message]", "Answers PONG, or the message."},
    Spec{"psubscribe", -2, commands::psubscribe, kListen, 0, 0, 0, "pubsub", "pattern [pattern ...]",
         "Listens to the channels that match patterns."},
    Spec{"pttl", 2, commands::ttl, kReadFast, 1, 1, 1, "generic", "key",
         "Returns -1 for a key that exists and -2 for another: keys do not expire. LEASE tells of its lease."},
    Spec{"publish", 3, commands::publish, kPubsub | kFast, 0, 0, 0, "pubsub", "channel message",
         "Sends a message to all nodes; returns local receivers and neighbours reached."},
    Spec{"pubsub", -2, run_subcommand, kPubsub, 0, 0, 0, "pubsub", "", "Shows what clients of this node listen to.",
         commands::pubsub_subcommands},
    Spec{"punsubscribe", -1, commands::punsubscribe, kListen, 0, 0, 0, "pubsub", "[pattern [pattern ...]]",
         "Stops listening to patterns."},
    Spec{"quit", -1, commands::quit, kFast, 0, 0, 0, "connection", "", "Closes the connection."},
    Spec{"randomkey", 1, commands::randomkey, kRead, 0, 0, 0, "generic", "",
         "Returns one of the keys, each as likely."},
    Spec{"reset", 1, commands::reset, kFast, 0, 0, 0, "connection", "",
         "Ends subscriptions and transaction of the connection, and takes away its name."},
    Spec{"scan", -2, commands::scan, kRead, 0, 0, 0, "generic", "cursor [MATCH pattern] [COUNT count] [TYPE type]",
         "Goes through the keys in steps."},
    Spec{"select", 2, commands::select, kFast, 0, 0, 0, "connection", "index", "Accepts database 0, the only one."},
    Spec{"set", -3, commands::set, Spec::kWrite, 1, 1, 1, "string", "key value [NX | XX] [GET]",
         "Sets a key and leases it to this node; refused while another node holds it."},
    Spec{"setnx", 3, commands::setnx, Spec::kWrite | Spec::kFast, 1, 1, 1, "string", "key value",
         "Sets a key that does not exist; returns 1 when it did, 0 when the key was there."},
    Spec{"strlen", 2, commands::strlen, kReadFast, 1, 1, 1, "string", "key",
         "Returns the length of a value as GET shows it."},
    Spec{"subscribe", -2, commands::subscribe, kListen, 0, 0, 0, "pubsub", "channel [channel ...]",
         "Listens to channels."},
    Spec{"time", 1, commands::time, kFast, 0, 0, 0, "server", "",
         "Returns the node's clock: seconds and microseconds."},
    Spec{"ttl", 2, commands::ttl, kReadFast, 1, 1, 1, "generic", "key",
         "Returns -1 for a key that exists and -2 for another: keys do not expire. LEASE tells of its lease."},
    Spec{"type", 2, commands::type, kReadFast, 1, 1, 1, "generic", "key",
         "Returns string for a key that exists, none for another."},
    Spec{"unlink", -2, commands::del, Spec::kWrite | Spec::kFast, 1, -1, 1, "generic", "key [key ...]",
         "Deletes keys, as DEL does."},
    Spec{"unsubscribe", -1, commands::unsubscribe, kListen, 0, 0, 0, "pubsub", "[channel [channel ...]]",
         "Stops listening to channels."},
    Spec{"unwatch", 1, commands::watch, kFast | Spec::kNoMulti, 0, 0, 0, "transactions", "",
         "Always an error: there is no WATCH."},
    Spec{"wait", 3, commands::wait, Spec::kNoMulti, 0, 0, 0, "generic", "numreplicas timeout",
         "Waits until so many neighbours have committed what this client wrote; returns how many have."},
    Spec{"watch", -2, commands::watch, kFast | Spec::kNoMulti, 1, -1, 1, "transactions", "key [key ...]",
         "Always an error: transactions have no condition here."},
};

static_assert(std::ranges::is_sorted(kCommands, {}, &Spec::name));

constexpr std::size_t kLongestName = 16;
/// At most a quarter full, so that a look-up hardly ever compares more than one name.
constexpr std::size_t kSlots = 256;
static_assert(kSlots >= 4 * kCommands.size());

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

constexpr std::size_t slot_of(std::string_view name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(lower(c))) * 16777619U;
  return (hash ^ (hash >> 15)) % kSlots;
}

/// Positions in kCommands + 1, open addressing; 0 is free.
constexpr std::array<std::uint8_t, kSlots> make_index() {
  std::array<std::uint8_t, kSlots> index{};
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    std::size_t slot = slot_of(kCommands[i].name);
    while (index[slot] != 0)
      slot = (slot + 1) % kSlots;
    index[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return index;
}

constexpr std::array<std::uint8_t, kSlots> kIndex = make_index();

}  // namespace

const CommandSpec* find_command(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return nullptr;
  for (std::size_t slot = slot_of(name); kIndex[slot] != 0; slot = (slot + 1) % kSlots) {
    const CommandSpec& spec = kCommands[kIndex[slot] - 1U];
    if (is_word(name, spec.name)) return &spec;
  }
  return nullptr;
}

std::span<const CommandSpec> all_commands() {
  return kCommands;
}

bool is_word(std::string_view text, std::string_view lower_word) {
  return std::ranges::equal(text, lower_word, {}, lower);
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = lower(c);
  return result;
}

}  // namespace meshdict
