#include "app/log/event_log.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <utility>
#include <variant>

#include "core/limits.h"

namespace meshdict {
namespace {

std::string in_brackets(std::string_view detail) {
  return detail.empty() ? "" : " (" + printable(detail) + ")";
}

/// What the operator can do about it; nothing where the text says all.
std::string_view advice(EndReason reason) {
  switch (reason) {
    case EndReason::kWrongNetwork:
      return "; check --network and --leasing of both";
    case EndReason::kDifferentSettings:
      return "; check --lease-seconds of both";
    case EndReason::kPlaintext:
      return "; start it with what this node has: --mesh-key-file, or --encryption tls or ssl";
    case EndReason::kSpeaksTls:
      return "; start it without, or this node with --mesh-key-file or --encryption tls or ssl, as it has";
    case EndReason::kNoMeshKey:
    case EndReason::kAnotherMeshKey:
      return "; all members need the same --mesh-key-file";
    default:
      return "";
  }
}

}  // namespace

void EventLog::write(const Event& event) {
  std::visit([this](const auto& e) { tell(e); }, event);
}

void EventLog::tell(const PeerUp& e) {
  failures_.erase(e.address);
  log_.write_limited(LogLevel::kInfo, "neighbour up",
                     fmt::format("neighbour {} up at {} ({})", e.peer.brief(), printable(to_string(e.address)),
                                 e.dialed_by_us ? "we dialled" : "it dialled"));
}

void EventLog::tell(const PeerDown& e) {
  log_.write_limited(
      LogLevel::kInfo, "neighbour down",
      fmt::format("neighbour {} down: {}{}", e.peer.brief(), to_string(e.reason), in_brackets(e.detail)));
  if (e.reason == EndReason::kIdentityInUse) tell_identity_in_use(e.peer.brief());
}

void EventLog::tell(const Refused& e) {
  if (e.reason == EndReason::kDialFailed) return tell_failed_dial(e);
  if (e.reason == EndReason::kIdentityInUse) tell_identity_in_use(printable(to_string(e.remote)));
  // Of a connection to ourselves both ends come here; the one that dialled knows the address, and tries it again.
  const bool repeats = e.dialed_by_us ? !std::has_single_bit(count_failure(e.remote)) : e.reason == EndReason::kSelf;
  log_.write_limited(
      repeats ? LogLevel::kDebug : LogLevel::kWarn, to_string(e.reason),
      fmt::format("connection {} {} refused: {}{}{}", e.dialed_by_us ? "to" : "from", printable(to_string(e.remote)),
                  to_string(e.reason), in_brackets(e.detail), advice(e.reason)));
}

void EventLog::tell_identity_in_use(std::string_view by) {
  if (std::exchange(told_identity_in_use_, true)) return;
  log_.write(
      LogLevel::kError,
      fmt::format("another process has our identity, as {} shows: others are linked to the one that started last, and "
                  "what clients write at the other reaches nobody; was a data directory copied? Stop one of the two, "
                  "and start it anew with a directory of its own",
                  by));
}

std::uint64_t EventLog::count_failure(const Endpoint& address) {
  // Addresses come from other nodes: a table that they have filled begins anew.
  if (failures_.size() >= 2 * limits::kMaxAddresses) failures_.clear();
  return ++failures_[address];
}

void EventLog::tell_failed_dial(const Refused& e) {
  const std::uint64_t count = count_failure(e.remote);
  log_.write_limited(std::has_single_bit(count) ? LogLevel::kInfo : LogLevel::kDebug, to_string(e.reason),
                     fmt::format("dialled {}, without success{}: {}", printable(to_string(e.remote)),
                                 count > 1 ? fmt::format(" {} times in a row", count) : "", printable(e.detail)));
}

void EventLog::tell(const Conflict& e) {
  log_.write_limited(
      LogLevel::kWarn, "conflict",
      fmt::format("our write of {} lost to {} by {}", printable(e.key, 80), e.winning.owner.brief(), e.reason));
}

void EventLog::tell(const Undeliverable& e) {
  log_.write_limited(LogLevel::kInfo, "undeliverable",
                     fmt::format("nobody knows where {} is: a message for it was dropped", e.receiver.brief()));
}

void EventLog::tell(const Returned& e) {
  log_.write_limited(LogLevel::kWarn, "returned",
                     fmt::format("{} is back from {}, which was apart for longer than deletions are remembered: if it "
                                 "was deleted meanwhile, delete it again",
                                 printable(e.key, 80), e.from.brief()));
}

void EventLog::tell(const LeftOut& e) {
  log_.write_limited(LogLevel::kWarn, "left out",
                     fmt::format("messages for neighbour {} are left out, {} so far: it takes less than comes",
                                 e.peer.brief(), e.messages));
}

void EventLog::tell(const LeaseBroken& e) {
  log_.write_limited(LogLevel::kWarn, "broken lease",
                     fmt::format("an operator of {} has taken {} from {}, which held it", e.by.brief(),
                                 printable(e.key, 80), e.from.brief()));
}

void EventLog::tell(const MemberParted& e) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(e.lasts).count();
  if (e.kind == PartingKind::kLeft) {
    log_.write_limited(
        LogLevel::kInfo, "member left",
        fmt::format("member {} has left for good: it is not dialled for {} s", e.member.brief(), seconds));
  } else {
    log_.write_limited(
        LogLevel::kWarn, "member removed",
        fmt::format("an operator has removed member {}, which may be this node: it is turned away for {} s "
                    "(told by {})",
                    e.member.brief(), seconds, e.told_by.brief()));
  }
}

void EventLog::tell(const ClockJudged& e) {
  const ClockOffset& offset = e.clock.offset;
  const double seconds = std::chrono::duration<double>(std::chrono::abs(offset.ahead)).count();
  const std::string_view side = offset.ahead < Duration::zero() ? "behind" : "ahead of";
  if (!e.peer.empty()) {
    log_.write_limited(LogLevel::kWarn, "neighbour's clock",
                       is_beyond(e.clock.standing)
                           ? fmt::format("the clock of neighbour {} is {:.3f} s {} ours, more than members allow",
                                         e.peer.brief(), seconds, side)
                           : fmt::format("the clock of neighbour {} agrees with ours again", e.peer.brief()));
  } else if (is_beyond(e.clock.standing)) {
    log_.write(
        LogLevel::kWarn,
        fmt::format("our clock is {:.3f} s {} those of most neighbours, more than members allow: no claim of ours "
                    "is settled, and no key can be claimed here (see --clock-guard); check the time service",
                    seconds, side));
  } else {
    log_.write(LogLevel::kWarn, e.clock.standing == ClockStanding::kUnknown
                                    ? "our clock is not compared any more: no neighbour is left whose clock is known"
                                    : "our clock agrees with those of most neighbours again");
  }
}

void EventLog::tell(const MessageArrived& e) {
  if (!log_.is_on(LogLevel::kDebug)) return;
  log_.write(LogLevel::kDebug, fmt::format("{} of {} packets from {}", e.whisper ? "whisper" : "broadcast",
                                           e.packets.size(), e.sender.brief()));
}

void EventLog::tell(const Updated& e) {
  tell_change("set", e.key, e.local);
}
void EventLog::tell(const Deleted& e) {
  tell_change("del", e.key, e.local);
}

void EventLog::tell_change(std::string_view what, std::string_view key, bool local) {
  if (!log_.is_on(LogLevel::kTrace)) return;
  log_.write(LogLevel::kTrace, fmt::format("{} {} ({})", what, printable(key, 80), local ? "here" : "elsewhere"));
}

}  // namespace meshdict
