// What reads a part of a value, copies one, or tells how it is kept.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "app/commands/commands.h"
#include "app/commands/many_keys.h"
#include "app/resp/integer.h"
#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"

namespace meshdict::commands {
namespace {

std::optional<Record> present(RespSession& session, std::string_view key) {
  return session.service().engine.dictionary().find(key);
}

/// Redis's longest text that shares its object's block.
constexpr std::size_t kShortText = 44;

/// As clients of Redis expect it of such a value. Values here have one form only.
std::string_view encoding_of(RawView value) {
  const auto bytes = MsgpackCursor(value).bin_or_str();
  if (!bytes) return "raw";
  if (parse_integer(*bytes)) return "int";
  return bytes->size() <= kShortText ? "embstr" : "raw";
}

void object_encoding(RespSession& session, Arguments arguments) {
  const auto record = present(session, arguments[2]);
  if (!record) return void(session.reply().nil());
  session.reply().bulk(encoding_of(record->value));
}

/// Reads are not noted: it is the time since the last write.
void object_idletime(RespSession& session, Arguments arguments) {
  const auto record = present(session, arguments[2]);
  if (!record) return void(session.reply().nil());
  const Duration age = session.service().clock.monotonic() - record->written_here;
  session.reply().integer(std::chrono::duration_cast<std::chrono::seconds>(age).count());
}

void object_refcount(RespSession& session, Arguments arguments) {
  if (!present(session, arguments[2])) return void(session.reply().nil());
  session.reply().integer(1);
}

void object_freq(RespSession& session, Arguments arguments) {
  if (!present(session, arguments[2])) return void(session.reply().nil());
  session.reply().error(
      "ERR how often keys are read is not tracked, as no key is ever evicted; OBJECT IDLETIME tells when it was "
      "written");
}

struct CopyOptions {
  bool replace = false;
};

/// False when it has replied with an error.
bool read_copy_options(RespSession& session, Arguments options, CopyOptions& out) {
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (is_word(options[i], "replace")) {
      out.replace = true;
    } else if (is_word(options[i], "db") && i + 1 < options.size()) {
      const auto database = parse_integer(options[++i]);
      if (!database) {
        reply_not_integer(session);
        return false;
      }
      if (*database != 0) {
        session.reply().error("ERR DB index is out of range");
        return false;
      }
    } else {
      reply_syntax_error(session);
      return false;
    }
  }
  return true;
}

/// Redis's: negative places count from the end.
std::string_view part_of(std::string_view bytes, std::int64_t start, std::int64_t end) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (start < 0 && end < 0 && start > end) return {};
  if (start < 0) start = std::max<std::int64_t>(0, size + start);
  if (end < 0) end = std::max<std::int64_t>(0, size + end);
  end = std::min(end, size - 1);
  if (size == 0 || start > end) return {};
  return bytes.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1));
}

}  // namespace

void getrange(RespSession& session, Arguments arguments) {
  const auto start = parse_integer(arguments[2]);
  const auto end = parse_integer(arguments[3]);
  if (!start || !end) return reply_not_integer(session);
  const auto record = present(session, arguments[1]);
  const auto bytes = record ? MsgpackCursor(record->value).bin_or_str() : std::string_view();
  if (!bytes) {
    session.reply().error("WRONGTYPE this value is neither bytes nor text: GET shows it as JSON");
    return;
  }
  session.reply().bulk(part_of(*bytes, *start, *end));
}

/// The value as it is, of whatever type. A copy is a write of this node: it leases the new key.
void copy(RespSession& session, Arguments arguments) {
  CopyOptions options;
  if (!read_copy_options(session, arguments.subspan(3), options)) return;
  if (arguments[1] == arguments[2]) {
    session.reply().error("ERR source and destination objects are the same");
    return;
  }
  const auto source = present(session, arguments[1]);
  if (!source || (!options.replace && present(session, arguments[2]))) return void(session.reply().integer(0));
  const Raw value(source->value);
  if (const auto done = session.service().engine.set(arguments[2], value); !done) {
    return reply_refused(session, done.error());
  }
  session.note_write(arguments[2]);
  session.reply().integer(1);
}

std::span<const Subcommand> object_subcommands() {
  static constexpr Access kReadKeys{Right::kRead, Access::Touches::kKeys};
  static constexpr Subcommand kSubcommands[] = {
      {"encoding", 3, kReadKeys, object_encoding, "key", "Tells how Redis would keep such a value: int, embstr or raw.",
       2},
      {"freq", 3, kReadKeys, object_freq, "key", "Always an error: how often keys are read is not tracked.", 2},
      {"idletime", 3, kReadKeys, object_idletime, "key", "Tells how many seconds ago a key was written.", 2},
      {"refcount", 3, kReadKeys, object_refcount, "key", "Returns 1.", 2},
  };
  return kSubcommands;
}

}  // namespace meshdict::commands
