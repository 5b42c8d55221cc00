// SET, GET and their kin. A key set here is leased to this node.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "app/commands/commands.h"
#include "app/commands/many_keys.h"
#include "app/commands/shown_value.h"
#include "app/resp/integer.h"
#include "app/resp/limits.h"
#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"

namespace meshdict {

void reply_value(ReplyWriter reply, RawView value) {
  if (is_bytes(value)) {
    MsgpackCursor cursor(value);
    if (const auto bytes = cursor.bin()) {
      reply.bulk(*bytes);
      return;
    }
  }
  reply.bulk(client_text(value));
}

std::size_t steps_to_show(RawView value) {
  const bool as_it_is = MsgpackCursor(value).bin_or_str().has_value();
  return as_it_is ? 0 : value.size() / resp_limits::kShownBytesPerStep;
}

void show_value(RespSession& session, RawView value) {
  if (steps_to_show(value) == 0) return reply_value(session.reply(), value);
  session.run_long(
      [shown = ShownValue(value)](std::string& reply, std::size_t& steps) mutable {
        if (!shown.go_on(steps)) return false;
        ReplyWriter(reply).bulk(shown.text());
        return true;
      },
      value.size());
}

/// Memory comes first: what is kept there is more than what the disk has.
std::string no_room_error(const RespService& service) {
  const Lacks lacks = service.lacks();
  if (lacks.memory) return std::string(kOutOfMemory);
  if (lacks.memory_limit) return std::string(kMemoryLimitReached);
  if (lacks.disk_limit) return std::string(kDiskLimitReached);
  return "MISCONF " + meshdict::describe(NoRoom{});
}

void reply_refused(RespSession& session, const WriteError& error, std::string_view key) {
  const std::string where = key.empty() ? "" : fmt::format(": {}; nothing was written", key.substr(0, 64));
  if (const auto* leased = std::get_if<Leased>(&error)) {
    ++session.service().stats.refused_by_lease;
    const auto left = std::chrono::ceil<std::chrono::seconds>(leased->left).count();
    session.reply().error(fmt::format("LEASED {} holds this key for {} s{}", leased->owner.text(), left, where));
    return;
  }
  if (std::holds_alternative<NoRoom>(error)) {
    RespService& service = session.service();
    ++(service.lacks().memory ? service.stats.refused_by_memory : service.stats.refused_by_room);
    session.reply().error(no_room_error(service) + where);
    return;
  }
  const bool clock = std::holds_alternative<WrongClock>(error);
  if (clock) ++session.service().stats.refused_by_clock;
  session.reply().error(fmt::format("{} {}{}", clock ? "CLOCK" : "ERR", meshdict::describe(error), where));
}

namespace commands {
namespace {

std::optional<Record> find(RespSession& session, std::string_view key) {
  return session.service().engine.dictionary().find(key);
}

/// For a reader, who is counted.
std::optional<Record> look_up(RespSession& session, std::string_view key) {
  auto record = find(session, key);
  RespStats& stats = session.service().stats;
  ++(record ? stats.hits : stats.misses);
  return record;
}

/// `bytes` as a value, in the shared scratch string.
RawView as_value(RespSession& session, std::string_view bytes) {
  std::string& scratch = session.service().scratch;
  scratch.clear();
  MsgpackWriter(scratch).bin(bytes);
  return scratch;
}

/// False when it has replied with an error. The dictionary has the same bound, and counts what MessagePack adds.
bool fits(RespSession& session, std::string_view value) {
  if (value.size() <= resp_limits::kMaxBytesOfValue) return true;
  session.reply().error(fmt::format("ERR a value may be at most {} bytes long, and this one has {}",
                                    resp_limits::kMaxBytesOfValue, value.size()));
  return false;
}

/// False when it has replied with an error.
bool write(RespSession& session, std::string_view key, std::string_view value) {
  if (!fits(session, value)) return false;
  const auto done = session.service().engine.set(key, as_value(session, value));
  if (!done) {
    reply_refused(session, done.error());
    return false;
  }
  session.note_write(key);
  return true;
}

void note_writes(RespSession& session, std::span<const WriteOp> ops) {
  for (const WriteOp& op : ops)
    session.note_write(op.key);
}

void reply_old(RespSession& session, const std::optional<Raw>& old) {
  if (old) {
    show_value(session, *old);
  } else {
    session.reply().nil();
  }
}

/// What a write is to answer with. False when it has replied with an error: a transaction cannot go on in a later turn, and
/// nothing may be written of which the outcome is not told.
bool can_show(RespSession& session, const std::optional<Record>& old) {
  if (!old || !session.runs_transaction() || steps_to_show(old->value) <= session.steps()) return true;
  session.reply().error("ERR the value that is there takes too long to be shown in a transaction; nothing was written");
  return false;
}

struct SetOptions {
  bool only_new = false;
  bool only_existing = false;
  /// The key's fence must be this one, as LEASE shows it.
  std::optional<std::string_view> fence{};
  bool get = false;
};

/// With a time behind it.
bool sets_lifetime(std::string_view option) {
  return is_word(option, "ex") || is_word(option, "px") || is_word(option, "exat") || is_word(option, "pxat");
}

/// False when it has replied with an error.
bool read_options(RespSession& session, Arguments options, SetOptions& out) {
  for (std::size_t i = 0; i < options.size(); ++i) {
    const std::string_view option = options[i];
    const bool last = i + 1 == options.size();
    if (is_word(option, "nx") && !out.only_existing && !out.fence) {
      out.only_new = true;
    } else if (is_word(option, "xx") && !out.only_new && !out.fence) {
      out.only_existing = true;
    } else if (is_word(option, "iffence") && !last && !out.only_new && !out.only_existing && !out.fence) {
      out.fence = options[++i];
    } else if (is_word(option, "get")) {
      out.get = true;
    } else if (is_word(option, "keepttl") || (sets_lifetime(option) && !last)) {
      session.reply().error(
          "ERR leases set the lifetime here: a key never expires, it is only free for others when "
          "its lease has lapsed; EX, PX, EXAT, PXAT and KEEPTTL are not available");
      return false;
    } else {
      reply_syntax_error(session);
      return false;
    }
  }
  return true;
}

bool has_fence(RespSession& session, std::string_view key, std::string_view fence) {
  const auto lease = session.service().engine.dictionary().lease(key);
  return lease && shown_fence(lease->fence) == to_lower(fence);
}

void set_with_options(RespSession& session, Arguments arguments) {
  SetOptions options;
  if (!read_options(session, arguments.subspan(3), options)) return;
  const auto present = find(session, arguments[1]);
  // A copy: the record changes with the write.
  std::optional<Raw> old;
  if (options.get && !can_show(session, present)) return;
  if (options.get && present) old = present->value;
  const bool wanted = !(options.only_new && present) && !(options.only_existing && !present) &&
                      (!options.fence || has_fence(session, arguments[1], *options.fence));
  if (wanted && !write(session, arguments[1], arguments[2])) return;
  if (options.get) {
    reply_old(session, old);
  } else if (wanted) {
    session.reply().simple("OK");
  } else {
    session.reply().nil();
  }
}

/// Key, value, and about what a record costs besides: bench/memory_report.cpp measures it.
void memory_usage(RespSession& session, Arguments arguments) {
  constexpr std::size_t kRecord = 160;
  for (std::size_t i = 3; i < arguments.size(); i += 2) {
    if (!is_word(arguments[i], "samples") || i + 1 == arguments.size()) return reply_syntax_error(session);
    // Of what has no parts, no samples are taken.
    const auto samples = parse_integer(arguments[i + 1]);
    if (!samples) return reply_not_integer(session);
    if (*samples < 0) return reply_syntax_error(session);
  }
  const auto record = find(session, arguments[2]);
  if (!record) {
    session.reply().nil();
  } else {
    session.reply().integer(kRecord + arguments[2].size() + record->value.size());
  }
}

}  // namespace

Rights more_rights_of_set(Arguments arguments) {
  const auto options = arguments.subspan(3);
  return std::ranges::any_of(options, [](std::string_view one) { return is_word(one, "get"); }) ? Right::kRead
                                                                                                : Rights();
}

void set(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) return set_with_options(session, arguments);
  if (write(session, arguments[1], arguments[2])) session.reply().simple("OK");
}

void setnx(RespSession& session, Arguments arguments) {
  if (find(session, arguments[1])) {
    session.reply().integer(0);
  } else if (write(session, arguments[1], arguments[2])) {
    session.reply().integer(1);
  }
}

void getset(RespSession& session, Arguments arguments) {
  const auto present = find(session, arguments[1]);
  if (!can_show(session, present)) return;
  std::optional<Raw> old;
  if (present) old = present->value;
  if (write(session, arguments[1], arguments[2])) reply_old(session, old);
}

void get(RespSession& session, Arguments arguments) {
  const auto record = look_up(session, arguments[1]);
  if (!record) {
    session.reply().nil();
  } else {
    show_value(session, record->value);
  }
}

void getdel(RespSession& session, Arguments arguments) {
  const auto record = find(session, arguments[1]);
  if (!record) {
    session.reply().nil();
    return;
  }
  if (!can_show(session, record)) return;
  const Raw old(record->value);
  const auto done = session.service().engine.erase(arguments[1]);
  if (!done) return reply_refused(session, done.error());
  session.note_write(arguments[1]);
  reply_old(session, old);
}

void del(RespSession& session, Arguments arguments) {
  std::vector<WriteOp>& ops = session.service().ops;
  ops.clear();
  for (const std::string_view key : arguments.subspan(1))
    ops.push_back({key, std::nullopt});
  if (ops.size() > 1) {
    // A key named twice counts once.
    std::ranges::sort(ops, {}, &WriteOp::key);
    const auto repeated = std::ranges::unique(ops, {}, &WriteOp::key);
    ops.erase(repeated.begin(), repeated.end());
  }
  const auto done = session.service().engine.write(ops);
  if (!done) {
    const std::string_view key = ops.size() > 1 ? ops[done.error().index].key : "";
    return reply_refused(session, done.error().error, key);
  }
  note_writes(session, ops);
  session.reply().integer(*done);
}

namespace {

/// MGET, step by step: through the keys, and through each large value.
class ValuesOfMany {
 public:
  explicit ValuesOfMany(RespSession& session) : session_(session) {}

  bool operator()(ManyKeys& keys, std::string& reply, std::size_t& steps) {
    ReplyWriter writer(reply);
    if (reply.empty()) writer.array(keys.size());
    for (;;) {
      if (shown_) {
        if (!shown_->go_on(steps)) return false;
        writer.bulk(std::exchange(shown_, std::nullopt)->text());
      }
      if (reply.size() > resp_limits::kMaxOutput) return true;
      const auto key = keys.next(steps);
      if (!key) return keys.over();
      const std::size_t before = reply.size();
      const auto record = look_up(session_, *key);
      if (!record) {
        writer.nil();
      } else if (steps_to_show(record->value) > 0) {
        shown_.emplace(record->value);
      } else {
        reply_value(writer, record->value);
      }
      keys.charge((reply.size() - before) / resp_limits::kBytesPerStep, steps);
    }
  }

 private:
  RespSession& session_;
  std::optional<ShownValue> shown_;
};

}  // namespace

void exists(RespSession& session, Arguments arguments) {
  for_many_keys(session, arguments.subspan(1),
                [&session, count = std::size_t{0}](ManyKeys& keys, std::string& reply, std::size_t& steps) mutable {
                  while (const auto key = keys.next(steps)) {
                    if (find(session, *key)) ++count;
                  }
                  if (keys.over()) ReplyWriter(reply).integer(count);
                  return keys.over();
                });
}

void mget(RespSession& session, Arguments arguments) {
  for_many_keys(session, arguments.subspan(1), ValuesOfMany(session));
}

void mset(RespSession& session, Arguments arguments) {
  if (arguments.size() % 2 == 0) return reply_arity(session, "mset");
  // First all values, then the views of them: the string moves while it grows.
  std::string& scratch = session.service().scratch;
  scratch.clear();
  std::vector<std::size_t> ends;
  ends.reserve(arguments.size() / 2);
  MsgpackWriter writer(scratch);
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (!fits(session, arguments[i])) return;
    writer.bin(arguments[i]);
    ends.push_back(scratch.size());
  }
  std::vector<WriteOp>& ops = session.service().ops;
  ops.clear();
  std::size_t start = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const auto value = std::string_view(scratch).substr(start, ends[i] - start);
    ops.push_back({arguments[2 * i + 1], value});
    start = ends[i];
  }
  const auto done = session.service().engine.write(ops);
  if (!done) return reply_refused(session, done.error().error, ops[done.error().index].key);
  note_writes(session, ops);
  session.reply().simple("OK");
}

void type(RespSession& session, Arguments arguments) {
  session.reply().simple(find(session, arguments[1]) ? "string" : "none");
}

void strlen(RespSession& session, Arguments arguments) {
  const auto record = find(session, arguments[1]);
  const auto bytes = record ? MsgpackCursor(record->value).bin_or_str() : std::string_view();
  if (bytes) {
    session.reply().integer(bytes->size());
    return;
  }
  session.run_long(
      [shown = ShownValue(record->value).only_length()](std::string& reply, std::size_t& steps) mutable {
        if (!shown.go_on(steps)) return false;
        ReplyWriter(reply).integer(shown.length());
        return true;
      },
      record->value.size());
}

// Also PTTL. A key of a lapsed lease stays: nothing here expires, and LEASE tells of the lease.
void ttl(RespSession& session, Arguments arguments) {
  session.reply().integer(find(session, arguments[1]) ? -1 : -2);
}

Subcommand memory_usage_subcommand() {
  return {"usage",
          -3,
          {Right::kRead, Access::Touches::kKeys},
          memory_usage,
          "key [SAMPLES count]",
          "Estimates how many bytes of memory a key and its value take.",
          2};
}

}  // namespace commands
}  // namespace meshdict
