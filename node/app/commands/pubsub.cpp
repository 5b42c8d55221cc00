// Messages. A channel is local to this node's clients; PUBLISH sends to all nodes.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "app/commands/commands.h"
#include "app/resp/glob.h"
#include "app/resp/limits.h"
#include "core/encoding/msgpack.h"

namespace meshdict::commands {
namespace {

/// The two kinds of subscription differ in these only.
struct Kind {
  std::string_view subscribed;
  std::string_view unsubscribed;
  bool (PubSub::*remove)(Subscriber& who, std::string_view name);
  std::set<std::string, std::less<>> Subscriber::* names;
};

constexpr Kind kByName{"subscribe", "unsubscribe", &PubSub::unsubscribe, &Subscriber::channels};
constexpr Kind kByPattern{"psubscribe", "punsubscribe", &PubSub::unsubscribe_pattern, &Subscriber::patterns};

/// False when it has replied with an error.
bool has_room(RespSession& session, std::size_t cost) {
  if (session.service().pubsub.has_room(session, cost)) return true;
  session.reply().error(fmt::format("ERR too many subscriptions: a client's may be {}, and take {} bytes of memory",
                                    resp_limits::kMaxSubscriptions, resp_limits::kMaxSubscribedBytes));
  return false;
}

/// False when it has replied with an error.
bool is_channel(RespSession& session, std::string_view name) {
  if (name.size() <= resp_limits::kMaxChannel) return true;
  session.reply().error(fmt::format("ERR the name of a channel may be at most {} bytes long, and this one has {}",
                                    resp_limits::kMaxChannel, name.size()));
  return false;
}

void reply_subscribed(RespSession& session, const Kind& kind, std::string_view name) {
  session.reply().array(3).bulk(kind.subscribed).bulk(name).integer(session.subscriptions());
}

void remove(RespSession& session, Arguments names, const Kind& kind) {
  const auto remove_one = [&](std::string_view name) {
    (session.service().pubsub.*kind.remove)(session, name);
    session.reply().array(3).bulk(kind.unsubscribed).bulk(name).integer(session.subscriptions());
  };
  for (const std::string_view name : names)
    remove_one(name);
  if (!names.empty()) return;
  if ((session.*kind.names).empty()) {
    session.reply().array(3).bulk(kind.unsubscribed).nil().integer(session.subscriptions());
    return;
  }
  const auto all = session.*kind.names;
  for (const std::string& name : all)
    remove_one(name);
}

/// PUBSUB CHANNELS, step by step. The number of matches goes before them, so that they are written apart first.
class ChannelsMatching {
 public:
  ChannelsMatching(const PubSub& pubsub, Glob pattern) : pubsub_(pubsub), pattern_(std::move(pattern)) {}

  bool operator()(std::string& reply, std::size_t& steps) {
    const auto& all = pubsub_.channels();
    auto it = last_ ? all.upper_bound(*last_) : all.lower_bound(pattern_.prefix());
    ReplyWriter writer(found_);
    for (; it != all.end() && it->first.starts_with(pattern_.prefix()); ++it) {
      if (steps == 0) return false;
      steps -= std::min(steps, pattern_.cost(it->first.size()));
      last_ = it->first;
      if (!pattern_.matches(it->first)) continue;
      writer.bulk(it->first);
      ++count_;
      if (found_.size() > resp_limits::kMaxOutput) break;
    }
    ReplyWriter(reply).array(count_);
    reply.append(found_);
    return true;
  }

 private:
  const PubSub& pubsub_;
  Glob pattern_;
  std::optional<std::string> last_;
  std::string found_;
  std::size_t count_ = 0;
};

void pubsub_channels(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) {
    session.reply().error(
        fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.", arguments[1]));
    return;
  }
  const std::string_view wanted = arguments.size() == 3 ? arguments[2] : "*";
  session.charge(Glob::compile_cost(wanted));
  auto pattern = Glob::compile(wanted);
  if (!pattern) return reply_bad_pattern(session);
  const std::size_t holds = pattern->bytes();
  session.run_long(ChannelsMatching(session.service().pubsub, *std::move(pattern)), holds);
}

void pubsub_numsub(RespSession& session, Arguments arguments) {
  const auto& channels = session.service().pubsub.channels();
  session.reply().array(2 * (arguments.size() - 2));
  for (const std::string_view channel : arguments.subspan(2)) {
    const auto found = channels.find(channel);
    session.reply().field(channel, found == channels.end() ? 0 : found->second.size());
  }
}

}  // namespace

std::span<const Subcommand> pubsub_subcommands() {
  static constexpr Access kReadAll{Right::kRead, Access::Touches::kAll};
  static constexpr Subcommand kSubcommands[] = {
      {"channels", -2, kReadAll, pubsub_channels, "[pattern]",
       "Lists the channels that clients of this node listen to."},
      {"numpat", 2, kReadAll,
       [](RespSession& s, Arguments) { s.reply().integer(s.service().pubsub.patterns().size()); }, "",
       "Returns the number of patterns that they listen to."},
      {"numsub", -2, kReadAll, pubsub_numsub, "[channel [channel ...]]", "Returns how many listen to each channel."},
  };
  return kSubcommands;
}

void subscribe(RespSession& session, Arguments arguments) {
  for (const std::string_view name : arguments.subspan(1)) {
    if (!is_channel(session, name) || !has_room(session, PubSub::cost(name))) return;
    session.service().pubsub.subscribe(session, name);
    reply_subscribed(session, kByName, name);
  }
}

namespace {

/// False when it has replied with an error.
bool subscribe_to_pattern(RespSession& session, std::string_view name) {
  PubSub& pubsub = session.service().pubsub;
  session.charge(Glob::compile_cost(name));
  auto pattern = Glob::compile(name);
  if (!pattern) {
    reply_bad_pattern(session);
    return false;
  }
  if (!has_room(session, PubSub::cost(name, *pattern))) return false;
  if (!pubsub.has_room_to_match(name, *pattern)) {
    session.reply().error(
        "ERR too many patterns: each message is compared with those of all clients, and these would take too long; "
        "subscribe to fewer, or to shorter ones that begin with literal characters and end with a star");
    return false;
  }
  pubsub.subscribe_pattern(session, name, *std::move(pattern));
  return true;
}

}  // namespace

void psubscribe(RespSession& session, Arguments arguments) {
  for (const std::string_view name : arguments.subspan(1)) {
    // What is subscribed to already is not read again.
    if (!session.patterns.contains(name) && !subscribe_to_pattern(session, name)) return;
    reply_subscribed(session, kByPattern, name);
  }
}

void unsubscribe(RespSession& session, Arguments arguments) {
  remove(session, arguments.subspan(1), kByName);
}

void punsubscribe(RespSession& session, Arguments arguments) {
  remove(session, arguments.subspan(1), kByPattern);
}

namespace {

void publish_now(RespService& service, std::string_view channel, std::string_view payload, ReplyWriter reply) {
  Raw name;
  Raw body;
  MsgpackWriter(name).bin(channel);
  MsgpackWriter(body).bin(payload);
  const std::array<RawView, 2> packets{name, body};
  if (const auto sent = service.engine.broadcast(packets); !sent) {
    reply.error(fmt::format("ERR {}", describe(sent.error())));
    return;
  }
  ++service.stats.published;
  const std::size_t receivers = service.pubsub.publish(channel, payload);
  reply.integer(receivers + service.engine.neighbour_count());
}

/// PUBLISH, in a later turn.
class Publication {
 public:
  Publication(RespService& service, std::string_view channel, std::string_view payload)
      : service_(service), channel_(channel), payload_(payload) {}

  bool operator()(std::string& reply, std::size_t& steps) {
    const std::size_t before = service_.pubsub.steps_done();
    publish_now(service_, channel_, payload_, ReplyWriter(reply));
    const std::size_t done = service_.pubsub.steps_done() - before + payload_.size() / resp_limits::kBytesPerStep;
    steps -= std::min(steps, done);
    return true;
  }

 private:
  RespService& service_;
  std::string channel_;
  std::string payload_;
};

}  // namespace

void publish(RespSession& session, Arguments arguments) {
  const std::string_view channel = arguments[1];
  if (is_reserved_channel(channel)) {
    session.reply().error("ERR this channel carries events of the dictionary; choose another name");
    return;
  }
  if (!is_channel(session, channel)) return;
  RespService& service = session.service();
  if (!session.waits_for_room()) return publish_now(service, channel, arguments[2], session.reply());
  session.hold_for_room(Publication(service, channel, arguments[2]), channel.size() + arguments[2].size());
}

}  // namespace meshdict::commands
