#include "app/event_log.h"

#include <fmt/format.h>

#include <variant>

namespace meshdict {
namespace {

class EventLines {
 public:
  explicit EventLines(Log& log) : log_(log) {}

  void operator()(const PeerUp& e) const {
    log_.write_limited(LogLevel::kInfo, "neighbour up",
                       fmt::format("neighbour {} up at {} ({})", e.peer.brief(),
                                   printable(to_string(e.address)),
                                   e.dialed_by_us ? "we dialled" : "it dialled"));
  }
  void operator()(const PeerDown& e) const {
    log_.write_limited(LogLevel::kInfo, "neighbour down",
                       fmt::format("neighbour {} down: {}{}", e.peer.brief(), to_string(e.reason),
                                   in_brackets(e.detail)));
  }
  void operator()(const Refused& e) const {
    // A node that is not there yet is everyday life; bytes that no member sends are not.
    const LogLevel level =
        e.reason == EndReason::kDialFailed ? LogLevel::kInfo : LogLevel::kWarn;
    log_.write_limited(level, to_string(e.reason),
                       fmt::format("connection {} refused: {}{}", printable(to_string(e.remote)),
                                   to_string(e.reason), in_brackets(e.detail)));
  }
  void operator()(const Conflict& e) const {
    log_.write_limited(LogLevel::kWarn, "conflict",
                       fmt::format("our write of {} lost to {} by {}", printable(e.key, 80),
                                   e.winning.owner.brief(), e.reason));
  }
  void operator()(const Undeliverable& e) const {
    log_.write_limited(LogLevel::kInfo, "undeliverable",
                       fmt::format("nobody knows where {} is: a message for it was dropped",
                                   e.receiver.brief()));
  }
  void operator()(const MessageArrived& e) const {
    if (!log_.is_on(LogLevel::kDebug)) return;
    log_.write(LogLevel::kDebug, fmt::format("{} of {} packets from {}",
                                             e.whisper ? "whisper" : "broadcast", e.packets.size(),
                                             e.sender.brief()));
  }
  void operator()(const Updated& e) const { change("set", e.key, e.local); }
  void operator()(const Deleted& e) const { change("del", e.key, e.local); }

 private:
  void change(std::string_view what, std::string_view key, bool local) const {
    if (!log_.is_on(LogLevel::kTrace)) return;
    log_.write(LogLevel::kTrace,
               fmt::format("{} {} ({})", what, printable(key, 80), local ? "here" : "elsewhere"));
  }
  static std::string in_brackets(std::string_view detail) {
    return detail.empty() ? "" : " (" + printable(detail) + ")";
  }

  Log& log_;
};

}  // namespace

void log_event(Log& log, const Event& event) { std::visit(EventLines(log), event); }

}  // namespace meshdict
