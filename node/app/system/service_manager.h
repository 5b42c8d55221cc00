#pragma once
// What this program tells the service manager that started it: that it is ready, reads its files again, stops, and how it is.
// The protocol is that of sd_notify(3): a datagram of lines NAME=VALUE to the socket that the variable NOTIFY_SOCKET names, as
// systemd sets it for units of Type=notify.
//
// 1. Nothing waits. What the manager has no room for is kept, the newest only, and sent with what comes next, or by retry().
// 2. Without the variable nothing is told. One that names no socket of ours is told of by ready(), and then passed over.
// 3. A path, or behind an '@' an abstract name.
//
// Not thread-safe.

#include <expected>
#include <string>
#include <string_view>

namespace meshdict {

class ServiceManager {
 public:
  /// `address`: what NOTIFY_SOCKET says; null or empty: there is no manager.
  explicit ServiceManager(const char* address);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  /// At the start, and when what reloading() began is over. An error is for the operator: the manager is not reached, and will
  /// take the start for a failure.
  std::expected<void, std::string> ready();
  /// Files are read again from here to the next ready().
  void reloading();
  void stopping();
  /// One line for people (`systemctl status`). Costs nothing when it is the same as before.
  void status(std::string_view line);
  /// To be called now and then.
  void retry();

 private:
  /// An error number; 0: sent.
  [[nodiscard]] int send(const std::string& message) const;
  /// What the manager has not been told yet.
  int tell();

  std::string address_;  ///< as the system takes it: an abstract name begins with a zero byte
  std::string doubt_;    ///< why there is no socket to use
  int socket_ = -1;
  std::string state_;   ///< the line that is still to be told
  std::string status_;  ///< the newest
  bool status_told_ = true;
};

}  // namespace meshdict
