#pragma once
// One client of the Redis-protocol endpoint, without its socket: bytes go in by feed(), replies wait in output().
//
// 1. Replies come in the order of the commands, whatever pieces these arrive in.
// 2. A client that does not read yet makes us hold at most resp_limits::kMaxOutput of replies (with kMaxOutputOfAll for all
//    clients, kPauseOutput), one reply, and kMaxPending of commands behind them. One that then goes on writing is told so and
//    hung up on. A subscriber, to whom others write, is cut off at kMaxOutput, and the one that is furthest behind is when
//    all clients together have more than kMaxOutputOfAll.
// 3. Nothing in output() may leave before the commit of the turn in which it was made; the server sees to that.
// 4. In a WAIT, a client's further commands are kept and not run; so too behind a command for which neighbours have no room, and
//    behind a password that is checked and a backup that is made. The end of each is found by feed(), never within a call into the engine.
// 5. No call of feed() runs for long: all that it does takes steps off one budget, resp_limits::kStepsPerTurn. When that is used
//    up, the commands behind wait for another turn, which has_more() asks for, and those that look at many things go on
//    there. What cannot be divided (a write of many keys, a transaction) is bounded, and ends the turn.
// 6. Whatever a client is to be told or to change goes through refusal(), before the command is queued and again before it is
//    run, or through may_hear() and names(): a command that looks at keys without their names asks the latter.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "app/access/logins.h"
#include "app/access/users.h"
#include "app/resp/parser.h"
#include "app/resp/pending_bytes.h"
#include "app/resp/pubsub.h"
#include "app/resp/reply.h"
#include "app/resp/service.h"
#include "app/resp/transaction.h"
#include "app/resp/written_keys.h"

namespace meshdict {

struct CommandSpec;

/// As Redis has it when its memory is used up.
inline constexpr std::string_view kOutOfMemory =
    "OOM no memory is left for this; reads and deletions of a few keys at a time go on";
/// The first words are Redis's.
inline constexpr std::string_view kMemoryLimitReached =
    "OOM command not allowed when used memory > 'maxmemory' (--max-memory): reads and deletions go on";
inline constexpr std::string_view kDiskLimitReached =
    "MISCONF the files of --data-dir are as large as --max-disk lets them be: reads and deletions go on";

/// A command that looks at many things. Appends to `reply`, takes what it does off `steps` and stops at 0; true when it is
/// done. Keeps copies of its arguments, and finds its place again whatever was written between two calls.
using LongCommand = std::function<bool(std::string& reply, std::size_t& steps)>;

class RespSession final : public Subscriber {
 public:
  /// `service` outlives the session.
  RespSession(RespService& service, std::string remote);
  ~RespSession() override;
  RespSession(const RespSession&) = delete;
  RespSession& operator=(const RespSession&) = delete;

  /// Runs the commands that are complete, or some of them. May be called with no bytes, to go on.
  void feed(std::string_view bytes);

  /// What is to be sent.
  [[nodiscard]] std::string_view output() const { return std::string_view(output_).substr(output_sent_); }
  /// Takes off what has been sent.
  void sent(std::size_t bytes);

  /// In a WAIT: until when, if not for ever; the owner of the session calls give_up_waiting() then.
  [[nodiscard]] bool waiting() const { return wait_.has_value(); }
  /// A command of it waits until neighbours take messages, its password is checked, a backup is made or a CLIENT PAUSE is over, and
  /// until wait_deadline() at the latest.
  [[nodiscard]] bool held() const { return held_until_.has_value(); }
  [[nodiscard]] std::optional<MonoTime> wait_deadline() const { return wait_ ? wait_->deadline : held_until_; }
  /// What its command waits for is there.
  void let_go_on();
  void give_up_waiting();
  /// The WAIT is over: feed() goes on, if with no bytes.
  [[nodiscard]] bool has_waited() const { return wait_ && wait_->over; }

  /// There is something to run: feed(), if with no bytes, in a later turn.
  [[nodiscard]] bool has_more() const;
  /// Whether feed() takes bytes now. Otherwise they are to stay with the client.
  [[nodiscard]] bool wants_bytes() const;
  /// To be closed once output() has been sent.
  [[nodiscard]] bool closing() const { return closing_; }
  /// With closing(): what it still sends was not understood and is to be read away first, so that it gets the reply.
  [[nodiscard]] bool misunderstood() const { return misunderstood_; }
  /// To be closed at once: it is hopelessly behind.
  [[nodiscard]] bool cut_off() const { return cut_off_; }
  /// Bytes of output that it has not read, or that were thrown away when it was cut off.
  [[nodiscard]] std::size_t unread() const { return std::max(thrown_away_, output().size()); }
  /// To be closed at once: another client wants it so.
  [[nodiscard]] bool ended() const { return ended_; }
  /// True when there is something to do for the server: output, or an end.
  [[nodiscard]] bool needs_service() const { return closing_ || cut_off_ || !output().empty() || has_more(); }

  /// Another neighbour has what this client waits for. Called from within calls into the engine.
  void on_confirmed();
  void deliver(std::optional<std::string_view> pattern, std::string_view channel, std::string_view payload) override;
  [[nodiscard]] bool may_hear(std::string_view channel, std::string_view payload) const override;

  /// Who it is; null for one that has yet to log in.
  [[nodiscard]] const Users::UserPtr& user() const { return user_; }
  /// Its password has been checked.
  void on_login(Logins::Answer answer);
  /// The users have changed: it goes on as who it was, or is hung up on when that one is not there any more with this password.
  void take_users();
  /// Cuts it off, and gives back the memory of its output now. REQUIRES: it is not in feed().
  void cut_off_for_room();

  // For the commands

  RespService& service() { return service_; }
  ReplyWriter reply() { return ReplyWriter(output_); }
  /// Runs `command`, in later turns too; in a transaction at once, within resp_limits::kStepsPerTransaction. `holds`: bytes
  /// that it keeps meanwhile. Nothing else is to be replied.
  void run_long(LongCommand command, std::size_t holds);
  /// Whether a message for all nodes waits now, since some neighbour takes less than comes. Not in a transaction.
  [[nodiscard]] bool waits_for_room() const;
  /// As run_long(), but begun only once neighbours take messages, or after resp_limits::kRoomPatience.
  void hold_for_room(LongCommand command, std::size_t holds);
  /// What a client that has logged in is answered.
  using Greeting = std::function<void(ReplyWriter reply)>;
  /// As run_long(), but begun only by let_go_on(), or at the deadline. REQUIRES: not in a transaction.
  void hold(LongCommand command, std::size_t holds, MonoTime deadline);
  /// Becomes this user if the password is right, and greets; otherwise answers why not, a wrong password after a pause.
  void log_in(std::string_view user_name, std::string_view password, Greeting greet);
  /// What its user may see of keys and channels. Shared: it holds although the users change.
  [[nodiscard]] std::shared_ptr<const Prefixes> names() const;
  /// What may still be done in this turn, to be taken off: that of a transaction is for all of its commands.
  std::size_t& steps() { return steps_left_ ? *steps_left_ : steps_of_turn_; }
  /// Takes off what a command does at once, beyond its arguments and its reply, which are counted for all commands.
  void charge(std::size_t steps_done);
  /// True when a reply that is being written has grown too large to be of use: the command may stop.
  [[nodiscard]] bool reply_full() const;
  /// Runs one command of a client or of a transaction; a reply that is too large becomes an error.
  void run_command(const CommandSpec& spec, std::span<const std::string_view> arguments);
  /// Runs the commands of a transaction, with nothing between them.
  void run_transaction(const Transaction& transaction);
  /// The commands of one are run just now.
  [[nodiscard]] bool runs_transaction() const { return steps_left_.has_value(); }
  [[nodiscard]] bool in_transaction() const { return transaction_.has_value(); }
  /// What follows is queued, not run.
  void begin_transaction() { transaction_.emplace(); }
  /// REQUIRES: in_transaction().
  Transaction end_transaction();
  /// RESET: as if it had just connected.
  void reset();
  /// After each write of this client that was done.
  void note_write(std::string_view key) { written_.add(key); }
  /// Answers once so many neighbours have what this client wrote, or at the deadline, with their number. False when too
  /// many clients wait already.
  bool wait_for_others(std::size_t neighbours, std::optional<MonoTime> deadline);
  /// Runs and sends nothing more.
  void end();
  void close_after_reply() { closing_ = true; }
  /// The client will send no more: it is hung up on once what it sent has been run and answered.
  void end_input();
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& remote() const { return remote_; }
  /// One line of CLIENT LIST.
  [[nodiscard]] std::string describe() const;
  /// When the client last sent something.
  [[nodiscard]] MonoTime last_active() const { return last_active_; }
  /// Of the connection that is kept for an operator where there is no room for one more: it may say nothing that touches keys or
  /// channels.
  void keep_for_operator() { for_operator_ = true; }
  [[nodiscard]] bool has_operated() const { return has_operated_; }
  std::string name;
  std::string library;
  std::string library_version;

  /// True the first time since the server looked; see RespService::touch().
  bool mark_touched() { return !std::exchange(touched_, true); }
  void clear_touched() { touched_ = false; }

 private:
  void run(std::string_view& bytes);
  RespParser::Result parse(std::string_view bytes);
  void execute(std::span<const std::string_view> arguments);
  /// The error for a command that may not be run now: by this user, with these arguments, or with so few neighbours. Nothing when
  /// it may.
  [[nodiscard]] std::optional<std::string> refusal(const CommandSpec& spec, Arguments arguments);
  /// That of the user alone.
  [[nodiscard]] std::optional<std::string> lack_of_permission(const CommandSpec& spec, Arguments arguments);
  [[nodiscard]] bool may_touch(const CommandSpec& spec, const Subcommand* sub, Arguments arguments) const;
  /// Whether CLIENT PAUSE holds it back.
  [[nodiscard]] bool is_paused(Arguments arguments) const;
  void wait_for_pause();
  [[nodiscard]] std::optional<std::string> not_for_operator(const CommandSpec& spec, const Subcommand* sub);
  /// Of a command that was run; one that goes on in later turns is noted at its end.
  void note_time(Arguments arguments, Duration took);
  void note_slow(std::vector<std::string> shown, Duration took);
  void become(Users::UserPtr user);
  void answer_login(const Greeting& greet, ReplyWriter reply);
  void queue(const CommandSpec& spec, std::span<const std::string_view> arguments);
  void refuse(std::string_view error);
  /// Refuses a known command before it is run. `error` begins with "ERR ".
  void reject(const CommandSpec& spec, std::string_view error);
  void run_within_memory(const CommandSpec& spec, std::span<const std::string_view> arguments);
  void hang_up_for_memory();
  [[nodiscard]] bool has_unrun() const { return behind_ || yielded_ || going_on_ || waiting(); }
  /// Keeps bytes that are not run now. False when the client is hung up on for them.
  bool keep(std::string_view bytes);
  void release(std::size_t bytes);
  /// Goes on with a long command. True when it is done, or there is none.
  bool go_on();
  void release_hold();
  /// Bytes of commands that it may have behind what is under way.
  [[nodiscard]] std::size_t pending_bound() const;
  void finish_long(std::string_view reply);
  [[nodiscard]] std::size_t output_bound() const;
  void account_output();
  void hang_up_unread();
  void cut_off_now();
  void end_wait();

  struct GoingOn {
    LongCommand command;
    std::size_t holds = 0;
    std::string reply;
    std::vector<std::string> shown{};  ///< its arguments, for the slow log; none: it is not to be noted
    Duration took{};
  };
  struct Wait {
    ConfirmationToken token = ConfirmationToken::kNone;
    std::size_t wanted = 0;
    std::size_t confirmed = 0;
    std::optional<MonoTime> deadline;
    bool over = false;
  };

  struct Login {
    std::string name;
    MonoTime since;
    Logins::Answer answer = Logins::Answer::kPending;
  };

  RespService& service_;
  const std::uint64_t id_;
  const std::string remote_;
  const MonoTime since_;
  MonoTime last_active_;
  std::string_view last_command_ = "NULL";
  RespParser parser_;
  PendingBytes pending_;                    ///< bytes of an incomplete command, and of those that wait behind it
  std::optional<Transaction> transaction_;  ///< its bytes count as unfinished
  WrittenKeys written_;
  std::optional<Wait> wait_;
  std::optional<GoingOn> going_on_;
  /// going_on_ waits for neighbours, for login_, or for a backup; or commands wait for the end of a pause.
  std::optional<MonoTime> held_until_;
  Users::UserPtr user_;
  std::optional<Login> login_;
  std::string output_;
  std::size_t output_sent_ = 0;
  std::size_t output_counted_ = 0;  ///< in RespService::output_bytes
  std::size_t thrown_away_ = 0;
  std::size_t reply_start_ = 0;
  std::optional<std::size_t> steps_left_;  ///< of a transaction that is being run
  std::size_t steps_of_turn_ = 0;          ///< otherwise; feed() begins it anew
  bool behind_ = false;                    ///< commands wait until more of output() has been sent
  bool yielded_ = false;                   ///< they wait for the next turn
  bool input_over_ = false;
  bool for_operator_ = false;
  bool has_operated_ = false;
  bool closing_ = false;
  bool misunderstood_ = false;
  bool cut_off_ = false;
  bool ended_ = false;
  bool touched_ = false;
};

}  // namespace meshdict
