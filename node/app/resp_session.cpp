#include "app/resp_session.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "app/commands.h"
#include "app/resp_limits.h"

namespace meshdict {
namespace {

/// Redis hangs up on these: a browser that was made to send HTTP here would otherwise run its body as commands.
bool is_http(std::string_view name) {
  return is_word(name, "post") || is_word(name, "host:");
}

bool is_allowed_to_subscribers(const CommandSpec& spec) {
  return (spec.flags & CommandSpec::kPubsub) != 0 ? spec.name != "publish"
                                                  : spec.name == "ping" || spec.name == "quit" || spec.name == "reset";
}

/// Those that are never queued.
bool is_about_transactions(const CommandSpec& spec) {
  return spec.name == "multi" || spec.name == "exec" || spec.name == "discard" || spec.name == "quit" ||
         spec.name == "reset";
}

std::string unknown_command(std::span<const std::string_view> arguments) {
  std::string text = fmt::format("ERR unknown command '{}', with args beginning with: ", arguments[0].substr(0, 128));
  const std::size_t bound = text.size() + 128;
  for (const std::string_view argument : arguments.subspan(1)) {
    if (text.size() >= bound) break;
    text += fmt::format("'{}' ", argument.substr(0, bound - text.size()));
  }
  return text;
}

}  // namespace

RespSession::RespSession(RespService& service, std::string remote)
    : service_(service),
      id_(++service.last_client_id),
      remote_(std::move(remote)),
      since_(service.clock.monotonic()),
      last_active_(since_) {
  service_.sessions.emplace(id_, this);
}

RespSession::~RespSession() {
  if (in_transaction()) end_transaction();
  if (waiting()) end_wait();
  service_.unfinished_bytes -= unfinished_.size();
  service_.pubsub.forget(*this);
  service_.sessions.erase(id_);
  if (touched_) std::erase(service_.touched, this);
}

void RespSession::feed(std::string_view bytes) {
  if (closing_ || cut_off_) return;
  last_active_ = service_.clock.monotonic();
  paused_ = false;
  if (has_waited()) {
    reply().integer(wait_->confirmed);
    if (wait_->confirmed >= wait_->wanted) written_.clear();
    end_wait();
  }
  if (unfinished_.empty() && !waiting()) {
    run(bytes);
    if (!bytes.empty()) keep_unfinished(bytes);
    return;
  }
  if (!bytes.empty()) {
    if (service_.unfinished_bytes + bytes.size() > resp_limits::kMaxUnfinished) {
      return cut_off_now();
    }
    unfinished_.append(bytes);
    service_.unfinished_bytes += bytes.size();
  }
  if (waiting()) return;
  std::string_view rest = unfinished_;
  run(rest);
  service_.unfinished_bytes -= unfinished_.size() - rest.size();
  unfinished_.erase(0, unfinished_.size() - rest.size());
  if (unfinished_.empty() && unfinished_.capacity() > resp_limits::kKeepBuffer) {
    std::string().swap(unfinished_);
  }
}

void RespSession::keep_unfinished(std::string_view rest) {
  assert(unfinished_.empty());
  if (service_.unfinished_bytes + rest.size() > resp_limits::kMaxUnfinished) return cut_off_now();
  unfinished_ = rest;
  service_.unfinished_bytes += rest.size();
}

void RespSession::run(std::string_view& bytes) {
  while (!bytes.empty()) {
    switch (parser_.next(bytes)) {
      case RespParser::Result::kPartial:
        return;
      case RespParser::Result::kError:
        ++service_.stats.protocol_errors;
        reply().error("ERR " + parser_.error());
        closing_ = true;
        misunderstood_ = true;
        break;
      case RespParser::Result::kCommand:
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
    if (waiting()) return;
    if (output().size() > resp_limits::kPauseOutput) {
      paused_ = true;
      return;
    }
  }
}

void RespSession::execute(std::span<const std::string_view> arguments) {
  ++service_.stats.commands;
  reply_start_ = output_.size();
  const CommandSpec* spec = find_command(arguments[0]);
  if (spec == nullptr) {
    if (is_http(arguments[0])) {
      closing_ = true;
      return;
    }
    return refuse(unknown_command(arguments));
  }
  last_command_ = spec->name;
  if (!fits_arity(arguments.size(), spec->arity)) {
    return refuse(wrong_arity(spec->name));
  }
  if (subscriptions() > 0 && !is_allowed_to_subscribers(*spec)) {
    return refuse(fmt::format(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
        "this context",
        spec->name));
  }
  if (is_about_transactions(*spec)) return spec->run(*this, arguments);
  if (in_transaction()) return queue(*spec, arguments);
  run_command(*spec, arguments);
}

void RespSession::run_command(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  const std::size_t start = output_.size();
  spec.run(*this, arguments);
  if (reply_full()) {
    output_.resize(start);
    reply().error(
        fmt::format("ERR the reply would be larger than {} bytes; ask for less at a time", resp_limits::kMaxOutput));
  }
}

void RespSession::refuse(std::string_view error) {
  if (transaction_) transaction_->spoil();
  reply().error(error);
}

void RespSession::queue(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  if ((spec.flags & CommandSpec::kNoMulti) != 0) return refuse("ERR Command not allowed inside a transaction");
  const std::size_t before = transaction_->bytes();
  if (!transaction_->add(spec, arguments)) {
    return refuse(fmt::format("ERR the transaction is too large: at most {} commands and {} bytes",
                              resp_limits::kMaxQueuedCommands, resp_limits::kMaxQueuedBytes));
  }
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
}

bool RespSession::reply_full() const {
  return output_.size() - reply_start_ > resp_limits::kMaxOutput;
}

void RespSession::sent(std::size_t bytes) {
  output_sent_ += bytes;
  assert(output_sent_ <= output_.size());
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > resp_limits::kKeepBuffer) std::string().swap(output_);
  } else if (output_sent_ > resp_limits::kPauseOutput) {
    output_.erase(0, output_sent_);
    output_sent_ = 0;
  }
}

void RespSession::deliver(std::string_view pattern, std::string_view channel, std::string_view payload) {
  if (closing_ || cut_off_) return;
  if (output().size() + payload.size() > resp_limits::kMaxOutput) return cut_off_now();
  if (pattern.empty()) {
    reply().array(3).bulk("message").bulk(channel).bulk(payload);
  } else {
    reply().array(4).bulk("pmessage").bulk(pattern).bulk(channel).bulk(payload);
  }
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

void RespSession::cut_off_now() {
  if (cut_off_) return;
  cut_off_ = true;
  ++service_.stats.cut_off_clients;
  service_.touch(*this);
}

std::string RespSession::describe() const {
  const MonoTime now = service_.clock.monotonic();
  const auto seconds = [now](MonoTime since) {
    return std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
  };
  const std::string_view flags = subscriptions() > 0 ? "P" : waiting() ? "b" : transaction_ ? "x" : "N";
  return fmt::format(
      "id={} addr={} laddr={} name={} age={} idle={} flags={} db=0 sub={} psub={} multi={} qbuf={} "
      "oll=0 omem={} cmd={} user=default resp=2 lib-name={} lib-ver={}",
      id_, remote_, to_string(service_.facts.resp_address), name, seconds(since_), seconds(last_active_), flags,
      channels.size(), patterns.size(), transaction_ ? static_cast<std::int64_t>(transaction_->commands().size()) : -1,
      unfinished_.size(), output().size(), last_command_, library, library_version);
}

}  // namespace meshdict
