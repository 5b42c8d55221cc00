// The part of RespSession that knows who the client is: its user, what that one may do, and how it becomes one. And what it may do
// now, and how long that took.

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "app/access/access_limits.h"
#include "app/resp/command_spec.h"
#include "app/resp/limits.h"
#include "app/resp/session.h"

namespace meshdict {
namespace {

constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

/// Of "host:port".
std::string_view host_of(std::string_view remote) {
  return remote.substr(0, remote.rfind(':'));
}

}  // namespace

std::optional<std::string> RespSession::refusal(const CommandSpec& spec, Arguments arguments) {
  if (auto error = lack_of_permission(spec, arguments)) return error;
  if (for_operator_) {
    if (auto error = not_for_operator(spec, spec.named_subcommand(arguments))) return error;
  }
  if (service_.leaving && (spec.writes(arguments) || spec.name == "exec")) {
    return "ERR this node leaves the mesh for good (MESH LEAVE), and takes no writes any more";
  }
  const std::size_t wanted = service_.min_neighbours;
  if (wanted == 0 || !spec.writes(arguments)) return std::nullopt;
  const std::size_t there = service_.engine.neighbour_count();
  if (there >= wanted) return std::nullopt;
  ++service_.stats.refused_by_neighbours;
  return fmt::format("NOREPLICAS this node has {} {} and takes no writes with fewer than {} (--min-neighbours)", there,
                     there == 1 ? "neighbour" : "neighbours", wanted);
}

std::optional<std::string> RespSession::not_for_operator(const CommandSpec& spec, const Subcommand* sub) {
  const Access& access = sub == nullptr ? spec.access : sub->access;
  has_operated_ |= access.needs.include(Right::kAdmin);
  if (access.touches == Access::Touches::kNothing && !spec.is(CommandSpec::kWrite)) return std::nullopt;
  return "ERR max number of clients reached: this connection is the one that is kept for an operator (INFO, CLIENT "
         "LIST, CLIENT KILL, CONFIG SET maxclients)";
}

bool RespSession::is_paused(Arguments arguments) const {
  const auto& pause = service_.pause;
  if (!pause || service_.clock.monotonic() >= pause->until) return false;
  const CommandSpec* const spec = service_.commands.find(arguments[0]);
  // Who has paused all has to be able to end it.
  if (spec == nullptr || spec->name == "client") return false;
  if (!pause->writes_only || spec->name == "exec" || spec->name == "publish") return true;
  return fits_arity(arguments.size(), spec->arity) && spec->writes(arguments);
}

/// The command stays where it is, and is read again when the pause is over.
void RespSession::wait_for_pause() {
  yielded_ = true;
  held_until_ = service_.pause->until;
  service_.paused.insert(this);
}

void RespSession::note_time(Arguments arguments, Duration took) {
  if (service_.latency.wants(took)) service_.latency.add(Spike::kCommand, took, service_.clock.wall());
  if (going_on_) {
    going_on_->took = took;
    // What waits is not slow, and may hold a password.
    if (!held()) going_on_->shown = shown_arguments(arguments);
  } else if (service_.slow_log.wants(took)) {
    note_slow(shown_arguments(arguments), took);
  }
}

void RespSession::note_slow(std::vector<std::string> shown, Duration took) {
  if (!service_.slow_log.wants(took)) return;
  service_.slow_log.add(
      {.when = service_.clock.wall(), .took = took, .arguments = std::move(shown), .client = remote_, .name = name});
}

std::optional<std::string> RespSession::lack_of_permission(const CommandSpec& spec, Arguments arguments) {
  if (user_ != nullptr && user_->may_all()) return std::nullopt;
  const Subcommand* const sub = spec.named_subcommand(arguments);
  const Access& access = sub == nullptr ? spec.access : sub->access;
  if (user_ == nullptr) {
    if (access.before_login) return std::nullopt;
    ++service_.security.without_login;
    return std::string(kNoAuth);
  }
  const Rights needed = spec.more_rights == nullptr ? access.needs : access.needs | spec.more_rights(arguments);
  if (!user_->rights.include(needed)) {
    ++service_.security.without_right;
    return fmt::format("NOPERM this user has no permissions to run the '{}' command", full_name(spec, arguments));
  }
  if (may_touch(spec, sub, arguments)) return std::nullopt;
  ++service_.security.without_right;
  if (access.touches == Access::Touches::kAll) {
    return fmt::format("NOPERM this user has no permissions to access all keys and channels, as the '{}' command does",
                       full_name(spec, arguments));
  }
  const bool keys = access.touches == Access::Touches::kKeys;
  return fmt::format("NOPERM this user has no permissions to access one of the {} used as arguments",
                     keys ? "keys" : "channels");
}

bool RespSession::may_touch(const CommandSpec& spec, const Subcommand* sub, Arguments arguments) const {
  const Prefixes& names = user_->names;
  const auto allowed = [&names](std::string_view one) { return names.allow(one); };
  const auto allowed_channel = [&names](std::string_view one) {
    return is_reserved_channel(one) || names.allow(one);  // what these carry may_hear() looks at
  };
  switch ((sub == nullptr ? spec.access : sub->access).touches) {
    case Access::Touches::kNothing:
    case Access::Touches::kVisible:
      return true;
    case Access::Touches::kAll:
      return names.allow_all();
    case Access::Touches::kChannel:
      return allowed_channel(arguments[1]);
    case Access::Touches::kChannels:
      return std::ranges::all_of(arguments.subspan(1), allowed_channel);
    case Access::Touches::kKeys:
      break;
  }
  if (sub != nullptr) return allowed(arguments[static_cast<std::size_t>(sub->first_key)]);
  const KeyPositions keys = key_positions(spec, arguments.size());
  for (std::size_t i = keys.first; i <= keys.last; i += keys.step) {
    if (!allowed(arguments[i])) return false;
  }
  return true;
}

bool RespSession::may_hear(std::string_view channel, std::string_view payload) const {
  if (user_ == nullptr || !user_->rights.include(Right::kRead)) return false;
  // An event's payload is a key.
  return user_->names.allow(is_reserved_channel(channel) ? payload : channel);
}

std::shared_ptr<const Prefixes> RespSession::names() const {
  assert(user_ != nullptr);
  return {user_, &user_->names};
}

void RespSession::become(Users::UserPtr user) {
  user_ = std::move(user);
  parser_.bound_as_stranger(user_ == nullptr);
}

std::size_t RespSession::pending_bound() const {
  return user_ == nullptr ? resp_limits::kMaxCommandOfStranger : resp_limits::kMaxPending;
}

void RespSession::log_in(std::string_view user_name, std::string_view password, Greeting greet) {
  assert(!login_ && !runs_transaction());
  const MonoTime now = service_.clock.monotonic();
  login_ = Login{.name = std::string(user_name.substr(0, access_limits::kMaxUserName + 1)), .since = now};
  login_->answer = service_.logins.begin(id_, host_of(remote_), login_->name, password);
  if (login_->answer != Logins::Answer::kPending) return answer_login(greet, reply());
  const std::size_t holds = user_name.size() + password.size();
  const auto answer = [this, greeting = std::move(greet)](std::string& made, std::size_t& /*steps*/) {
    answer_login(greeting, ReplyWriter(made));
    return true;
  };
  hold(answer, holds, now + access_limits::kCheckPatience);
}

void RespSession::answer_login(const Greeting& greet, ReplyWriter reply) {
  const Login login = *std::exchange(login_, std::nullopt);
  switch (login.answer) {
    case Logins::Answer::kRight:
      // Gone since, if the users have changed meanwhile.
      if (auto user = service_.logins.users().find(login.name)) {
        become(std::move(user));
        return greet(reply);
      }
      [[fallthrough]];
    case Logins::Answer::kWrong:
      reply.error(kWrongPassword);
      return;
    case Logins::Answer::kBusy:
      reply.error("ERR too many passwords wait to be checked: try again in some seconds");
      return;
    case Logins::Answer::kNoMemory:
      reply.error(kOutOfMemory);
      return;
    case Logins::Answer::kPending:
      service_.logins.forget(id_);
      reply.error("ERR the password could not be checked in time");
      return;
  }
}

void RespSession::on_login(Logins::Answer answer) {
  if (!login_ || !held()) return;
  login_->answer = answer;
  if (answer != Logins::Answer::kWrong) return let_go_on();
  const bool known = service_.logins.users().find(login_->name) != nullptr;
  // A name that nobody has may be a password that was given in its place.
  service_.tell("wrong password", fmt::format("client {} gave a wrong password for {}", remote_,
                                              known ? "the user " + login_->name : "a user that there is not"));
  held_until_ = std::max(service_.clock.monotonic(), login_->since + access_limits::kWrongPause);
  service_.touch(*this);
}

void RespSession::take_users() {
  const Users& users = service_.logins.users();
  if (user_ == nullptr) return become(users.stranger());
  auto same = users.find(user_->name);
  if (same == nullptr || same->password != user_->password) return end();
  become(std::move(same));
}

std::string RespSession::describe() const {
  const MonoTime now = service_.clock.monotonic();
  const auto seconds = [now](MonoTime since) {
    return std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
  };
  const std::string_view flags = subscriptions() > 0 ? "P" : waiting() || held() ? "b" : transaction_ ? "x" : "N";
  return fmt::format(
      "id={} addr={} laddr={} name={} age={} idle={} flags={} db=0 sub={} psub={} multi={} qbuf={} "
      "oll=0 omem={} cmd={} user={} resp=2 lib-name={} lib-ver={}",
      id_, remote_, to_string(service_.facts.resp_address), name, seconds(since_), seconds(last_active_), flags,
      channels.size(), patterns.size(), transaction_ ? static_cast<std::int64_t>(transaction_->commands().size()) : -1,
      pending_.size(), output().size(), last_command_, user_ == nullptr ? kDefaultUser : std::string_view(user_->name),
      library, library_version);
}

}  // namespace meshdict
