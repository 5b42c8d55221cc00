#include "app/habits/refused.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/ascii.h"

namespace meshdict {
namespace {

constexpr std::string_view kWhole =
    "values are replaced whole here: GET, and SET with IFFENCE (the fence of LEASE), or one key for each part";
constexpr std::string_view kLifetime =
    "keys do not expire: a lease lapses, and the key stays until it is deleted; LEASE key tells how long it lasts";
constexpr std::string_view kHash =
    "there are no hashes here: a key for each field (user:1:name), listed by SCAN MATCH user:1:*";
constexpr std::string_view kList =
    "there are no lists here: a key for each element (jobs:0001), listed by SCAN MATCH jobs:*, or PUBLISH";
constexpr std::string_view kSet =
    "there are no sets here: a key for each member (tags:red), asked by EXISTS and listed by SCAN MATCH tags:*";
constexpr std::string_view kSorted =
    "there are no sorted sets here: keys are in order, so let the key begin with the rank, and SCAN MATCH";
constexpr std::string_view kStream =
    "there are no streams here: PUBLISH for who listens now, a key for each entry for who comes later";
constexpr std::string_view kScript =
    "there are no scripts here: MULTI and EXEC run commands together, SET with IFFENCE writes on a condition";
constexpr std::string_view kReplicas =
    "every node is a member and takes writes: --join, MESH CONNECT and MESH PEERS; WAIT for others to have it";
constexpr std::string_view kBits =
    "there are no bit fields here: GET the value, and SET it with IFFENCE (the fence of LEASE)";
constexpr std::string_view kDump =
    "values have no form of Redis here: GET and SET, COPY, or meshdict-node --export and --import";
constexpr std::string_view kFlush = "no command deletes everything: SCAN and DEL, or another --network and --data-dir";
constexpr std::string_view kUnordered = "there are no lists or sets to sort: KEYS and SCAN list keys in their order";

using Row = std::pair<std::string_view, std::string_view>;
// In the order of names.
constexpr auto kRefused = std::to_array<Row>({
    {"append", kWhole},
    {"bgrewriteaof",
     "there is no append-only file: the log of --data-dir is kept short by itself; MESH BACKUP path copies all"},
    {"bitcount", kBits},
    {"bitfield", kBits},
    {"bitop", kBits},
    {"bitpos", kBits},
    {"blpop", kList},
    {"brpop", kList},
    {"cluster", kReplicas},
    {"debug", "there is no such door: INFO, MEMORY STATS, LATENCY DOCTOR, EXPLAIN key; meshdict-sim plays faults"},
    {"decr", kWhole},
    {"decrby", kWhole},
    {"dump", kDump},
    {"eval", kScript},
    {"evalsha", kScript},
    {"expire", kLifetime},
    {"expireat", kLifetime},
    {"expiretime", kLifetime},
    {"failover", kReplicas},
    {"fcall", kScript},
    {"flushall", kFlush},
    {"flushdb", kFlush},
    {"function", kScript},
    {"geoadd", kSorted},
    {"getbit", kBits},
    {"getex", kLifetime},
    {"hdel", kHash},
    {"hexists", kHash},
    {"hget", kHash},
    {"hgetall", kHash},
    {"hincrby", kHash},
    {"hkeys", kHash},
    {"hlen", kHash},
    {"hmget", kHash},
    {"hmset", kHash},
    {"hscan", kHash},
    {"hset", kHash},
    {"hsetnx", kHash},
    {"hvals", kHash},
    {"incr", kWhole},
    {"incrby", kWhole},
    {"incrbyfloat", kWhole},
    {"linsert", kList},
    {"llen", kList},
    {"lpop", kList},
    {"lpush", kList},
    {"lrange", kList},
    {"lrem", kList},
    {"ltrim", kList},
    {"migrate", "every node has every key: a node is moved by its --data-dir, or by --join of an empty one"},
    {"monitor", "what is written is told by PSUBSCRIBE __keyevent@0__:*, what took long by SLOWLOG GET"},
    {"move", "there is one database: COPY key other, and DEL key, or another --network"},
    {"msetnx", "there is no MSETNX: SET each key with NX; a lease then keeps it for this node"},
    {"persist", kLifetime},
    {"pexpire", kLifetime},
    {"pexpireat", kLifetime},
    {"pfadd", "there are no HyperLogLogs here: a key for each member, counted by SCAN"},
    {"psetex", kLifetime},
    {"psync", kReplicas},
    {"rename", "a key cannot change its name, as its lease and fence are its own: COPY key other, and DEL key"},
    {"renamenx", "a key cannot change its name, as its lease and fence are its own: COPY key other, and DEL key"},
    {"replicaof", kReplicas},
    {"restore", kDump},
    {"rpop", kList},
    {"rpoplpush", kList},
    {"rpush", kList},
    {"sadd", kSet},
    {"scard", kSet},
    {"script", kScript},
    {"setbit", kBits},
    {"setex", kLifetime},
    {"setrange", kWhole},
    {"sinter", kSet},
    {"sismember", kSet},
    {"slaveof", kReplicas},
    {"smembers", kSet},
    {"sort", kUnordered},
    {"spop", kSet},
    {"spublish", "there are no shards: PUBLISH reaches every node"},
    {"srem", kSet},
    {"sscan", kSet},
    {"ssubscribe", "there are no shards: SUBSCRIBE hears what any node publishes"},
    {"sunion", kSet},
    {"swapdb", "there is one database: another --network is another one"},
    {"sync", kReplicas},
    {"xadd", kStream},
    {"xrange", kStream},
    {"xread", kStream},
    {"xreadgroup", kStream},
    {"zadd", kSorted},
    {"zcard", kSorted},
    {"zrange", kSorted},
    {"zrangebyscore", kSorted},
    {"zrem", kSorted},
    {"zscore", kSorted},
});

static_assert(std::ranges::is_sorted(kRefused, {}, &Row::first));

}  // namespace

std::string_view instead_of(std::string_view name) {
  constexpr std::size_t kLongest = 16;
  if (name.size() > kLongest) return {};
  std::string wanted(name);
  std::ranges::transform(wanted, wanted.begin(), ascii_lower);
  const auto found = std::ranges::lower_bound(kRefused, std::string_view(wanted), {}, &Row::first);
  return found != kRefused.end() && found->first == wanted ? found->second : std::string_view();
}

std::string unknown_command(std::span<const std::string_view> arguments) {
  const std::string_view name = arguments[0].substr(0, 128);
  if (const std::string_view instead = instead_of(name); !instead.empty()) {
    return fmt::format("ERR unknown command '{}': {}", name, instead);
  }
  std::string text = fmt::format("ERR unknown command '{}', with args beginning with: ", name);
  const std::size_t bound = text.size() + 128;
  for (const std::string_view argument : arguments.subspan(1)) {
    if (text.size() >= bound) break;
    text += fmt::format("'{}' ", argument.substr(0, bound - text.size()));
  }
  return text;
}

bool is_http(std::string_view name) {
  return is_word(name, "post") || is_word(name, "host:");
}

}  // namespace meshdict
