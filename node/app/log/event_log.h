#pragma once
// One line for each event that an operator wants to know; the level says how much. Kinds that others can cause at will
// are limited. When a node does not answer, the 1st, 2nd, 4th, 8th, ... failure in a row is told, and each one at debug. That
// another process has our identity is told once, as an error: what clients write here may then arrive nowhere.

#include <cstdint>
#include <map>
#include <string_view>

#include "app/log/log.h"
#include "core/engine/event.h"

namespace meshdict {

class EventLog {
 public:
  /// `log` outlives this.
  explicit EventLog(Log& log) : log_(log) {}

  void write(const Event& event);

 private:
  void tell(const PeerUp& e);
  void tell(const PeerDown& e);
  void tell(const Refused& e);
  void tell(const Conflict& e);
  void tell(const Undeliverable& e);
  // Only the client that asked for it is told.
  void tell(const Confirmed& /*e*/) {}
  void tell(const Returned& e);
  void tell(const LeftOut& e);
  void tell(const ClockJudged& e);
  void tell(const LeaseBroken& e);
  void tell(const MemberParted& e);
  void tell(const MessageArrived& e);
  void tell(const Updated& e);
  void tell(const Deleted& e);
  void tell_change(std::string_view what, std::string_view key, bool local);
  void tell_failed_dial(const Refused& e);
  void tell_identity_in_use(std::string_view by);
  /// How many times in a row the address has failed, this one included.
  std::uint64_t count_failure(const Endpoint& address);

  Log& log_;
  /// Dials in a row that failed, by address.
  std::map<Endpoint, std::uint64_t> failures_;
  bool told_identity_in_use_ = false;
};

}  // namespace meshdict
