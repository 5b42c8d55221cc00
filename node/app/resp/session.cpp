#include "app/resp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>
#include <vector>

#include "app/habits/refused.h"
#include "app/resp/command_spec.h"
#include "app/resp/limits.h"
#include "app/system/memory_reserve.h"

namespace meshdict {
namespace {

static_assert(resp_limits::kMaxOutput == 33'554'432);
constexpr std::string_view kErr = "ERR ";
constexpr std::string_view kReplyTooLarge = "ERR the reply would be larger than 33554432 bytes; ask for less at a time";
constexpr std::string_view kTooMuchForATransaction =
    "ERR the transaction looks at too much: nothing else runs meanwhile; read less in it, or outside";

/// To read them and to copy them.
std::size_t steps_of(std::span<const std::string_view> arguments) {
  std::size_t bytes = 0;
  for (const std::string_view argument : arguments)
    bytes += argument.size();
  return arguments.size() + bytes / resp_limits::kBytesPerStep;
}

}  // namespace

RespSession::RespSession(RespService& service, std::string remote)
    : service_(service),
      id_(++service.last_client_id),
      remote_(std::move(remote)),
      since_(service.clock.monotonic()),
      last_active_(since_) {
  become(service_.logins.users().stranger());
  service_.sessions.emplace(id_, this);
}

RespSession::~RespSession() {
  if (in_transaction()) end_transaction();
  if (waiting()) end_wait();
  release_hold();
  if (login_) service_.logins.forget(id_);
  release(pending_.size() + (going_on_ ? going_on_->holds : 0));
  service_.output_bytes -= output_counted_;
  service_.far_behind.erase({output_counted_, id_});
  service_.pubsub.forget(*this);
  service_.sessions.erase(id_);
  if (touched_) std::erase(service_.touched, this);
}

void RespSession::feed(std::string_view bytes) {
  if (closing_ || cut_off_) return;
  last_active_ = service_.clock.monotonic();
  service_.stats.bytes_in += bytes.size();
  steps_of_turn_ = resp_limits::kStepsPerTurn;
  if (has_waited()) {
    reply().integer(wait_->confirmed);
    if (wait_->confirmed >= wait_->wanted) written_.clear();
    end_wait();
  }
  if (!held()) yielded_ = false;
  const bool may_run = go_on() && !waiting() && !held();
  if (may_run) behind_ = output().size() > output_bound();
  if (closing_ || cut_off_) return;
  if (may_run && !behind_ && pending_.empty()) {
    run(bytes);
    keep(bytes);
  } else if (keep(bytes) && may_run && !behind_) {
    std::string_view rest = pending_.view();
    run(rest);
    const std::size_t used = pending_.size() - rest.size();
    release(used);
    pending_.remove_prefix(used);
  }
  if (input_over_ && !has_unrun()) closing_ = true;
  account_output();
}

void RespSession::end_input() {
  input_over_ = true;
  if (!has_unrun() || waiting()) closing_ = true;
}

bool RespSession::keep(std::string_view bytes) {
  if (bytes.empty()) return true;
  if (behind_ && pending_.size() + bytes.size() > resp_limits::kMaxPending) {
    hang_up_unread();
    return false;
  }
  if (service_.unfinished_bytes + bytes.size() > resp_limits::kMaxUnfinished) {
    cut_off_now();
    return false;
  }
  try {
    pending_.append(bytes);
  } catch (const std::bad_alloc&) {
    hang_up_for_memory();
    return false;
  }
  service_.unfinished_bytes += bytes.size();
  return true;
}

void RespSession::release(std::size_t bytes) {
  service_.unfinished_bytes -= bytes;
}

bool RespSession::has_more() const {
  if (closing_ || cut_off_) return false;
  return ((yielded_ || going_on_) && !held()) || has_waited() || (behind_ && output().size() <= output_bound() / 2);
}

bool RespSession::wants_bytes() const {
  if (closing_ || cut_off_ || input_over_ || has_more()) return false;
  return (!waiting() && !held()) || pending_.size() < pending_bound();
}

std::size_t RespSession::output_bound() const {
  return service_.output_bytes <= resp_limits::kMaxOutputOfAll ? resp_limits::kMaxOutput : resp_limits::kPauseOutput;
}

void RespSession::account_output() {
  if (output_counted_ > resp_limits::kPauseOutput) service_.far_behind.erase({output_counted_, id_});
  service_.output_bytes += output_.size();
  service_.output_bytes -= std::exchange(output_counted_, output_.size());
  if (output_counted_ > resp_limits::kPauseOutput && subscriptions() > 0) {
    service_.far_behind.emplace(output_counted_, id_);
  }
}

void RespSession::run(std::string_view& bytes) {
  const std::size_t unsent = output().size();
  while (!bytes.empty()) {
    yielded_ = steps_of_turn_ == 0;
    if (yielded_) return;
    switch (parse(bytes)) {
      case RespParser::Result::kPartial:
        return;
      case RespParser::Result::kError:
        ++service_.stats.protocol_errors;
        reply().error("ERR " + parser_.error());
        closing_ = true;
        misunderstood_ = true;
        break;
      case RespParser::Result::kCommand:
        if (is_paused(parser_.arguments())) return wait_for_pause();
        execute(parser_.arguments());
        [[fallthrough]];
      case RespParser::Result::kNothing:
        bytes.remove_prefix(parser_.consumed());
        break;
    }
    if (closing_ || cut_off_) {
      bytes = {};
      return;
    }
    if (waiting() || going_on_) return;
    behind_ = output().size() > output_bound();
    yielded_ = output().size() > unsent + resp_limits::kPauseOutput;
    if (behind_ || yielded_) return;
  }
}

/// As parser_.next(); kPartial, and the client is hung up on, when there is no memory for what it sent.
RespParser::Result RespSession::parse(std::string_view bytes) {
  try {
    return parser_.next(bytes);
  } catch (const std::bad_alloc&) {
    hang_up_for_memory();
    return RespParser::Result::kPartial;
  }
}

void RespSession::execute(std::span<const std::string_view> arguments) {
  ++service_.stats.commands;
  charge(resp_limits::kStepsPerCommand);
  reply_start_ = output_.size();
  const CommandSpec* spec = service_.commands.find(arguments[0]);
  if (spec == nullptr) {
    if (is_http(arguments[0])) {
      closing_ = true;
      return;
    }
    return refuse(unknown_command(arguments));
  }
  last_command_ = spec->name;
  if (!fits_arity(arguments.size(), spec->arity)) return reject(*spec, wrong_arity(spec->name));
  if (arguments.size() > resp_limits::kMaxArgumentsInOneTurn && !spec->is(CommandSpec::kLong)) {
    return reject(*spec, fmt::format("ERR too many arguments for '{}': at most {} at a time", spec->name,
                                     resp_limits::kMaxArgumentsInOneTurn));
  }
  if (const auto error = subcommand_error(*spec, arguments)) return reject(*spec, *error);
  if (const auto error = refusal(*spec, arguments)) return refuse(*error);
  if (subscriptions() > 0 && !spec->is(CommandSpec::kWhileSubscribed)) {
    return reject(*spec, fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                                     "RESET are allowed in this context",
                                     full_name(*spec, arguments)));
  }
  if (spec->is(CommandSpec::kNotQueued)) return spec->run(*this, arguments);
  if (in_transaction()) return queue(*spec, arguments);
  run_command(*spec, arguments);
}

void RespSession::run_command(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  const std::size_t start = output_.size();
  const std::size_t published = service_.pubsub.steps_done();
  const MonoTime begun = service_.clock.monotonic();
  run_within_memory(spec, arguments);
  note_time(arguments, service_.clock.monotonic() - begun);
  // Those of a long command are what it looks at, step by step.
  if (!spec.is(CommandSpec::kLong)) charge(steps_of(arguments));
  charge((output_.size() - start) / resp_limits::kBytesPerStep);
  charge(service_.pubsub.steps_done() - published);
  if (reply_full()) {
    output_.resize(start);
    reply().error(kReplyTooLarge);
  }
}

/// A command that only reads can be given up where an allocation fails. What is in the middle of a write cannot: the program ends
/// (memory_reserve.h), so that it is tried before whether there will be enough for a large one.
void RespSession::run_within_memory(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  const std::size_t start = output_.size();
  const bool changes = spec.writes(arguments) || spec.is(CommandSpec::kPubsub);
  if (changes) {
    std::size_t bytes = 0;
    for (const std::string_view argument : arguments)
      bytes += argument.size();
    const bool large = bytes >= resp_limits::kLargeArguments;
    const bool refused = spec.is(CommandSpec::kPubsub) && memory_reserve::used();
    if (refused || (large && !memory_reserve::can_allocate(bytes * resp_limits::kCopiesOfArguments))) {
      ++service_.stats.refused_by_memory;
      return refuse(kOutOfMemory);
    }
    [&]() noexcept { spec.run(*this, arguments); }();
    return;
  }
  try {
    spec.run(*this, arguments);
  } catch (const std::bad_alloc&) {
    ++service_.stats.refused_by_memory;
    output_.resize(start);
    reply().error(kOutOfMemory);
  }
}

void RespSession::run_transaction(const Transaction& transaction) {
  steps_left_ = resp_limits::kStepsPerTransaction;
  std::vector<std::string_view> arguments;
  for (const Transaction::Queued& queued : transaction.commands()) {
    // Writes are bounded where they are queued, and are what a transaction is for.
    if (*steps_left_ == 0 && !queued.spec->is(CommandSpec::kWrite)) {
      reply().error(kTooMuchForATransaction);
      continue;
    }
    arguments.assign(queued.arguments.begin(), queued.arguments.end());
    charge(resp_limits::kStepsPerCommand);
    // Its user may have lost a right since it was queued.
    if (const auto error = refusal(*queued.spec, arguments)) {
      reply().error(*error);
      continue;
    }
    run_command(*queued.spec, arguments);
  }
  const std::size_t used = resp_limits::kStepsPerTransaction - *steps_left_;
  steps_left_.reset();
  charge(used);
}

void RespSession::charge(std::size_t steps_done) {
  std::size_t& left = steps();
  left -= std::min(left, steps_done);
}

void RespSession::run_long(LongCommand command, std::size_t holds) {
  std::string made;
  if (command(made, steps())) return finish_long(made);
  if (steps_left_) {
    reply().error(kTooMuchForATransaction);
    return;
  }
  if (service_.unfinished_bytes + holds > resp_limits::kMaxUnfinished) return cut_off_now();
  service_.unfinished_bytes += holds;
  going_on_ = GoingOn{std::move(command), holds, std::move(made)};
}

bool RespSession::waits_for_room() const {
  return !steps_left_ && !service_.engine.has_room_for_messages();
}

void RespSession::hold(LongCommand command, std::size_t holds, MonoTime deadline) {
  if (service_.unfinished_bytes + holds > resp_limits::kMaxUnfinished) return cut_off_now();
  service_.unfinished_bytes += holds;
  going_on_ = GoingOn{std::move(command), holds, {}};
  held_until_ = deadline;
}

void RespSession::hold_for_room(LongCommand command, std::size_t holds) {
  hold(std::move(command), holds, service_.clock.monotonic() + resp_limits::kRoomPatience);
  if (held()) service_.held.insert(this);
}

void RespSession::let_go_on() {
  release_hold();
  service_.touch(*this);
}

void RespSession::release_hold() {
  if (!held()) return;
  held_until_.reset();
  service_.held.erase(this);
  service_.paused.erase(this);
}

bool RespSession::go_on() {
  if (!going_on_) return true;
  if (held()) return false;
  reply_start_ = output_.size();
  const MonoTime begun = service_.clock.monotonic();
  const bool over = going_on_->command(going_on_->reply, steps());
  going_on_->took += service_.clock.monotonic() - begun;
  if (!over) return false;
  GoingOn done = *std::exchange(going_on_, std::nullopt);
  release(done.holds);
  if (!done.shown.empty()) note_slow(std::move(done.shown), done.took);
  finish_long(done.reply);
  return true;
}

void RespSession::finish_long(std::string_view made) {
  if (made.size() > resp_limits::kMaxOutput) {
    reply().error(kReplyTooLarge);
  } else if (service_.output_bytes + made.size() > resp_limits::kMaxOutputOfAll) {
    reply().error("ERR too many replies of all clients are unread; ask again later");
  } else {
    output_.append(made);
  }
}

void RespSession::refuse(std::string_view error) {
  if (transaction_) transaction_->spoil();
  reply().error(error);
}

void RespSession::reject(const CommandSpec& spec, std::string_view error) {
  if (!spec.is(CommandSpec::kAborts)) return refuse(error);
  if (in_transaction()) end_transaction();
  reply().error(fmt::format("EXECABORT Transaction discarded because of: {}", error.substr(kErr.size())));
}

void RespSession::queue(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  if (spec.is(CommandSpec::kNoMulti)) return refuse("ERR Command not allowed inside a transaction");
  const std::size_t before = transaction_->bytes();
  if (!transaction_->add(spec, arguments)) {
    return refuse(
        fmt::format("ERR the transaction is too large: at most {} commands, each key of MSET and DEL counted as "
                    "one, and {} bytes",
                    resp_limits::kMaxQueuedCommands, resp_limits::kMaxQueuedBytes));
  }
  charge(steps_of(arguments));
  service_.unfinished_bytes += transaction_->bytes() - before;
  if (service_.unfinished_bytes > resp_limits::kMaxUnfinished) return cut_off_now();
  reply().simple("QUEUED");
}

Transaction RespSession::end_transaction() {
  service_.unfinished_bytes -= transaction_->bytes();
  return *std::exchange(transaction_, std::nullopt);
}

void RespSession::reset() {
  if (in_transaction()) end_transaction();
  service_.pubsub.forget(*this);
  name.clear();
  become(service_.logins.users().stranger());
}

bool RespSession::reply_full() const {
  return output_.size() - reply_start_ > resp_limits::kMaxOutput;
}

void RespSession::sent(std::size_t bytes) {
  output_sent_ += bytes;
  service_.stats.bytes_out += bytes;
  assert(output_sent_ <= output_.size());
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > resp_limits::kKeepBuffer) std::string().swap(output_);
  } else if (output_sent_ > resp_limits::kPauseOutput && output_sent_ > output_.size() / 2) {
    output_.erase(0, output_sent_);
    output_sent_ = 0;
  }
  account_output();
}

void RespSession::deliver(std::optional<std::string_view> pattern, std::string_view channel, std::string_view payload) {
  if (closing_ || cut_off_) return;
  const std::size_t names = channel.size() + (pattern ? pattern->size() : 0);
  const std::size_t more = names + payload.size();
  if (output().size() + more > resp_limits::kMaxOutput) return cut_off_now();
  service_.make_room(more);
  if (cut_off_) return;
  if (pattern) {
    reply().array(4).bulk("pmessage").bulk(*pattern).bulk(channel).bulk(payload);
  } else {
    reply().array(3).bulk("message").bulk(channel).bulk(payload);
  }
  account_output();
  service_.touch(*this);
}

bool RespSession::wait_for_others(std::size_t neighbours, std::optional<MonoTime> deadline) {
  const auto token = service_.engine.confirm(written_.distinct());
  if (!token) return false;
  wait_ = Wait{.token = *token, .wanted = neighbours, .deadline = deadline};
  service_.waiting.emplace(*token, this);
  return true;
}

void RespSession::on_confirmed() {
  if (++wait_->confirmed >= wait_->wanted) give_up_waiting();
}

void RespSession::give_up_waiting() {
  if (held()) return let_go_on();
  if (!waiting()) return;
  wait_->over = true;
  service_.touch(*this);
}

void RespSession::end_wait() {
  service_.engine.end_confirmation(wait_->token);
  service_.waiting.erase(wait_->token);
  wait_.reset();
}

void RespSession::end() {
  closing_ = true;
  ended_ = true;
  service_.touch(*this);
}

void RespSession::hang_up_unread() {
  ++service_.stats.cut_off_clients;
  reply().error(fmt::format(
      "ERR {} bytes of replies are unread, and {} bytes of commands wait behind them: read what is answered "
      "before you send more",
      output().size(), pending_.size()));
  closing_ = true;
  misunderstood_ = true;
}

void RespSession::hang_up_for_memory() {
  ++service_.stats.refused_by_memory;
  ++service_.stats.cut_off_clients;
  reply().error(kOutOfMemory);
  closing_ = true;
  misunderstood_ = true;
}

void RespSession::cut_off_now() {
  if (cut_off_) return;
  cut_off_ = true;
  ++service_.stats.cut_off_clients;
  service_.touch(*this);
}

void RespSession::cut_off_for_room() {
  cut_off_now();
  thrown_away_ = output().size();
  std::string().swap(output_);
  output_sent_ = 0;
  account_output();
}

}  // namespace meshdict
