#include "app/system/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <system_error>
#include <tuple>

namespace meshdict {
namespace {

/// CLOCK_MONOTONIC, as the manager compares it with its own.
std::int64_t monotonic_usec() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

ServiceManager::ServiceManager(const char* address) : address_(address == nullptr ? "" : address) {
  if (address_.empty()) return;
  if (!address_.starts_with('/') && !address_.starts_with('@')) {
    doubt_ = "it is neither a path nor an abstract name";
  } else if (address_.size() >= sizeof(sockaddr_un::sun_path)) {
    doubt_ = fmt::format("it is longer than {} bytes", sizeof(sockaddr_un::sun_path) - 1);
  } else {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) doubt_ = std::generic_category().message(errno);
  }
  if (address_.starts_with('@')) address_.front() = '\0';
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) ::close(socket_);
}

int ServiceManager::send(const std::string& message) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::ranges::copy(address_, to.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  const ssize_t sent = ::sendto(socket_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&to), size);
  return sent < 0 ? errno : 0;
}

int ServiceManager::tell() {
  if (socket_ < 0) return 0;
  std::string message = state_;
  if (!status_told_) message += fmt::format("STATUS={}\n", status_);
  const int error = send(message);
  // What has no room now has it later; whom we cannot reach at all we shall not reach.
  if (error == EAGAIN || error == ENOBUFS || error == EINTR) return 0;
  state_.clear();
  status_told_ = true;
  return error;
}

std::expected<void, std::string> ServiceManager::ready() {
  state_ = "READY=1\n";
  const int error = tell();
  if (error == 0 && doubt_.empty()) return {};
  return std::unexpected(fmt::format("the service manager cannot be told that we are ready: NOTIFY_SOCKET: {}",
                                     doubt_.empty() ? std::generic_category().message(error) : doubt_));
}

void ServiceManager::reloading() {
  // Not kept: ready() follows, and says what holds then.
  if (socket_ >= 0) std::ignore = send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_usec()));
}

void ServiceManager::stopping() {
  state_ = "STOPPING=1\n";
  tell();
}

void ServiceManager::status(std::string_view line) {
  if (line == status_) return;
  status_ = line;
  status_told_ = false;
  tell();
}

void ServiceManager::retry() {
  if (!state_.empty() || !status_told_) tell();
}

}  // namespace meshdict
