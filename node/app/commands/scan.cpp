// KEYS, SCAN and their kin: the dictionary is ordered by key, and a pattern's literal beginning bounds the search.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/access/prefixes.h"
#include "app/commands/commands.h"
#include "app/commands/key_walk.h"
#include "app/resp/glob.h"
#include "app/resp/integer.h"
#include "app/resp/limits.h"
#include "core/base/parse_number.h"

namespace meshdict::commands {
namespace {

const auto& records(RespSession& session) {
  return session.service().engine.dictionary().records();
}

/// Redis's default.
constexpr std::int64_t kScanCount = 10;

struct ScanOptions {
  std::string_view pattern = "*";
  std::int64_t count = kScanCount;
  bool none = false;  ///< asks for a type that no key has
};

/// False when it has replied with an error.
bool read_options(RespSession& session, Arguments options, ScanOptions& out) {
  for (std::size_t i = 0; i < options.size(); i += 2) {
    if (i + 1 == options.size()) {
      reply_syntax_error(session);
      return false;
    }
    const std::string_view value = options[i + 1];
    if (is_word(options[i], "match")) {
      out.pattern = value;
    } else if (is_word(options[i], "count")) {
      const auto count = parse_integer(value);
      if (!count) {
        reply_not_integer(session);
        return false;
      }
      if (*count < 1) {
        reply_syntax_error(session);
        return false;
      }
      out.count = *count;
    } else if (is_word(options[i], "type")) {
      out.none = !is_word(value, "string");
    } else {
      reply_syntax_error(session);
      return false;
    }
  }
  return true;
}

}  // namespace

namespace {

/// KEYS, step by step. The number of matches goes before them, so that they are written apart first.
class KeysMatching {
 public:
  KeysMatching(RespSession& session, Glob pattern)
      : session_(session), names_(session.names()), pattern_(std::move(pattern)) {}

  bool operator()(std::string& reply, std::size_t& steps) {
    ReplyWriter writer(found_);
    for (KeyWalk walk(records(session_), pattern_.prefix(), *names_, from_); !walk.over(); walk.next()) {
      const std::string_view key = walk.here().key();
      if (steps == 0) {
        from_ = key;
        return false;
      }
      steps -= std::min(steps, pattern_.cost(key.size()));
      if (!walk.here().is_visible() || !pattern_.matches(key)) continue;
      writer.bulk(key);
      ++count_;
      if (found_.size() > resp_limits::kMaxOutput) break;
    }
    ReplyWriter(reply).array(count_);
    reply.append(found_);
    return true;
  }

 private:
  RespSession& session_;
  std::shared_ptr<const Prefixes> names_;
  Glob pattern_;
  std::string from_;
  std::string found_;
  std::size_t count_ = 0;
};

}  // namespace

void keys(RespSession& session, Arguments arguments) {
  session.charge(Glob::compile_cost(arguments[1]));
  auto pattern = Glob::compile(arguments[1]);
  if (!pattern) return reply_bad_pattern(session);
  const std::size_t holds = pattern->bytes();
  session.run_long(KeysMatching(session, *std::move(pattern)), holds);
}

void scan(RespSession& session, Arguments arguments) {
  const auto from = begin_walk(session, arguments[1]);
  if (!from) return;
  ScanOptions options;
  if (!read_options(session, arguments.subspan(2), options)) return;
  session.charge(Glob::compile_cost(options.pattern));
  const auto pattern = Glob::compile(options.pattern);
  if (!pattern) return reply_bad_pattern(session);

  const auto names = session.names();
  std::vector<std::string_view> found;
  std::optional<std::string_view> last;
  // COUNT is a wish: a scan may stop anywhere behind its first key.
  std::size_t& steps = session.steps();
  KeyWalk walk(records(session), pattern->prefix(), *names, *from);
  for (std::int64_t seen = 0; seen < options.count && (steps > 0 || seen == 0) && !walk.over(); ++seen, walk.next()) {
    const std::string_view key = walk.here().key();
    steps -= std::min(steps, pattern->cost(key.size()));
    last = key;
    if (!options.none && walk.here().is_visible() && pattern->matches(key)) found.push_back(key);
  }
  const std::uint64_t next = !walk.over() && last ? session.service().cursors.add(*last, session.user()->name) : 0;
  session.reply().array(2).bulk(std::to_string(next)).array(found.size());
  for (const std::string_view key : found)
    session.reply().bulk(key);
}

void dbsize(RespSession& session, Arguments) {
  session.reply().integer(session.service().engine.dictionary().size());
}

void randomkey(RespSession& session, Arguments) {
  const Dictionary& dictionary = session.service().engine.dictionary();
  if (dictionary.size() == 0) {
    session.reply().nil();
    return;
  }
  const std::uint64_t which = session.service().random.below(dictionary.size());
  session.reply().bulk(dictionary.records().at_visible(which).key());
}

}  // namespace meshdict::commands
