// What a service manager is told, by a socket that plays the manager.

#include "app/system/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

/// `name` as NOTIFY_SOCKET has it.
class FakeManager {
 public:
  explicit FakeManager(const std::string& name) : path_(name), socket_(bound_to(name)) {}
  ~FakeManager() {
    close(socket_);
    if (path_.starts_with('/')) unlink(path_.c_str());
  }
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

  [[nodiscard]] const char* name() const { return path_.c_str(); }

  /// Every datagram that has come.
  [[nodiscard]] std::vector<std::string> heard() const {
    std::vector<std::string> messages;
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0) return messages;
      messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  /// Until there is no room.
  void fill() const {
    const int other = socket(AF_UNIX, SOCK_DGRAM, 0);
    const auto [address, size] = address_of(path_);
    while (sendto(other, "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), size) == 1) {
    }
    close(other);
  }

 private:
  static std::pair<sockaddr_un, socklen_t> address_of(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path);
    if (name.starts_with('@')) address.sun_path[0] = '\0';
    return {address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())};
  }
  static int bound_to(const std::string& name) {
    const int made = socket(AF_UNIX, SOCK_DGRAM, 0);
    const auto [address, size] = address_of(name);
    EXPECT_EQ(bind(made, reinterpret_cast<const sockaddr*>(&address), size), 0);
    return made;
  }

  std::string path_;
  int socket_;
};

std::string unique(const std::string& beginning) {
  return beginning + "meshdict-manager-" + std::to_string(getpid());
}

TEST(ServiceManagerTest, TheLifeOfANodeIsTold) {
  for (const std::string& name : {unique("@"), unique(::testing::TempDir())}) {
    const FakeManager fake(name);
    ServiceManager manager(fake.name());
    EXPECT_TRUE(manager.ready());
    manager.status("serving");
    manager.reloading();
    EXPECT_TRUE(manager.ready());
    manager.stopping();
    EXPECT_THAT(fake.heard(),
                ElementsAre("READY=1\n", "STATUS=serving\n", MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+\n"),
                            "READY=1\n", "STOPPING=1\n"));
  }
}

TEST(ServiceManagerTest, AStatusIsToldOnce) {
  const FakeManager fake(unique("@"));
  ServiceManager manager(fake.name());
  for (const char* line : {"serving", "serving", "degraded", "serving"})
    manager.status(line);
  manager.retry();
  EXPECT_THAT(fake.heard(), ElementsAre("STATUS=serving\n", "STATUS=degraded\n", "STATUS=serving\n"));
}

TEST(ServiceManagerTest, WhatHasNoRoomIsKeptAndNobodyWaits) {
  const FakeManager fake(unique("@"));
  ServiceManager manager(fake.name());
  fake.fill();
  EXPECT_TRUE(manager.ready());
  manager.status("serving");
  manager.status("degraded");
  manager.retry();
  EXPECT_FALSE(fake.heard().empty());
  manager.retry();
  EXPECT_THAT(fake.heard(), ElementsAre("READY=1\nSTATUS=degraded\n"));
  manager.retry();
  EXPECT_THAT(fake.heard(), IsEmpty());
}

TEST(ServiceManagerTest, NobodyToTellIsNoError) {
  for (const char* none : {static_cast<const char*>(nullptr), ""}) {
    ServiceManager manager(none);
    EXPECT_TRUE(manager.ready());
    manager.reloading();
    manager.status("serving");
    manager.retry();
    manager.stopping();
  }
}

TEST(ServiceManagerTest, AManagerThatIsNotReachedIsToldOf) {
  const std::string nobody = unique("@") + "-nobody";
  const std::string too_long = "/" + std::string(200, 'x');
  for (const auto& [address, why] : {std::pair<std::string, std::string>{"vsock:2:1", "neither a path nor"},
                                     {too_long, "longer than 107 bytes"},
                                     {nobody, "Connection refused"}}) {
    ServiceManager manager(address.c_str());
    const auto told = manager.ready();
    ASSERT_FALSE(told) << address;
    EXPECT_THAT(told.error(), HasSubstr("NOTIFY_SOCKET: "));
    EXPECT_THAT(told.error(), HasSubstr(why));
    manager.stopping();
  }
}

}  // namespace
}  // namespace meshdict
