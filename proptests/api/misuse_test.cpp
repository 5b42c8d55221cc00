// What a program may do by mistake, or at an unusual moment: it does not compile, it is a clear error, or it works.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <string_view>

#include "proptests/api/api_fixture.h"

namespace meshdict {
namespace {

using api_test::join;
using ::testing::IsEmpty;

// A null pointer constant is no text: a template, so that what does not compile is an answer and no error.
template <typename S>
constexpr bool kTakesNull =
    requires(S& s) { s[0]; } || requires(S& s) { s[nullptr]; } || requires(S& s) { s.get(0); } ||
    requires(S& s) { s.get(nullptr); } || requires(S& s) { s.at(0); } || requires(S& s) { s.set(nullptr, 1); } ||
    requires(S& s) { s.erase(0); } || requires(S& s) { s.pop(nullptr); } || requires(S& s) { s.contains(0); } ||
    requires(S& s) { s.lease(nullptr); } || requires(S& s) { s.snapshot(0); } || requires(S& s) { s.disconnect(0); } ||
    requires(S& s) { s.connect(nullptr, 1); };
template <typename S>
constexpr bool kTakesText = requires(S& s, const char* pointer, std::string text, std::string_view view) {
  s["k"];
  s[pointer];
  s[text];
  s.get(view);
  s.connect(text, 1);
};
static_assert(!kTakesNull<SyncSocket>);
static_assert(kTakesText<SyncSocket>);

TEST(ApiMisuse, APointerThatIsNullIsAnError) {
  SyncSocket socket("127.0.0.1", 0);
  const char* const null = nullptr;
  EXPECT_THROW(static_cast<void>(socket[null]), Error);
  EXPECT_THROW(static_cast<void>(socket.get(null)), Error);
  EXPECT_THROW(socket.set(null, 1), Error);
}

TEST(ApiMisuse, AnEmptyAddressIsAllAddresses) {
  SyncSocket everywhere("", 0);
  EXPECT_NE(everywhere.out_addr().host, "");
  SyncSocket dialer("127.0.0.1", 0);
  EXPECT_TRUE(join(dialer, everywhere));
}

TEST(ApiMisuse, OnlyTheExpectedNodeWillDo) {
  SyncSocket ada("127.0.0.1", 0);
  SyncSocket bob("127.0.0.1", 0);
  api_test::Lines lines;
  SyncSocket dialer("127.0.0.1", 0, {.debug_level = 1, .log = lines.sink()});
  EXPECT_THROW(dialer.connect("127.0.0.1", bob.out_addr().port, "no id"), SettingsError);
  EXPECT_TRUE(dialer.connect("127.0.0.1", bob.out_addr().port, ada.id()));
  EXPECT_TRUE(eventually([&] { return lines.text().contains("another node it is " + bob.id()); }));
  // Bob may dial by himself.
  EXPECT_THAT(dialer.outgoing(), IsEmpty());
  EXPECT_TRUE(dialer.connect("127.0.0.1", ada.out_addr().port, ada.id()));
  EXPECT_TRUE(eventually([&] { return api_test::are_neighbours(dialer, ada); }));
}

TEST(ApiMisuse, TheLongestPatienceIsForEver) {
  SyncSocket ada("127.0.0.1", 0);
  SyncSocket bob("127.0.0.1", 0);
  ASSERT_TRUE(join(ada, bob));
  auto message = std::async(std::launch::async, [&] { return bob.recv(std::chrono::milliseconds::max()); });
  ada.set("k", 1);
  auto confirmed = std::async(std::launch::async, [&] { return ada.wait(1, std::chrono::milliseconds::max()); });
  ASSERT_EQ(confirmed.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(confirmed.get(), 1U);
  // Nothing is there yet: a call that does not wait is back before it is sent.
  if (message.wait_for(std::chrono::milliseconds(200)) != std::future_status::timeout) {
    const auto came = message.get();
    FAIL() << (came ? came->sender() + " has sent something; ada is " + ada.id() : "it has not waited");
  }
  ada.send("hello");
  ASSERT_EQ(message.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(message.get().has_value());
}

TEST(ApiMisuse, ALogSinkMayUseTheSocket) {
  SyncSocket bob("127.0.0.1", 0);
  std::atomic<int> lines = 0;
  std::atomic<SyncSocket*> known = nullptr;
  SyncSocket ada("127.0.0.1", 0, {.debug_level = 4, .log = [&](int, std::string_view) {
                                    SyncSocket* const socket = known;
                                    if (socket == nullptr) return;
                                    try {
                                      static_cast<void>(socket->size());
                                      static_cast<void>(socket->routing_table());
                                      if (lines++ == 0) socket->set("from the log", 1);
                                    } catch (const SocketClosed&) {
                                      // The last lines tell of the end.
                                    }
                                  }});
  known = &ada;
  ASSERT_TRUE(join(ada, bob));
  ada.set("k", 1);
  EXPECT_TRUE(eventually([&] { return lines >= 2 && bob.contains("from the log"); }));
}

TEST(ApiMisuse, AnotherProgramGetsNoneOfItsDescriptors) {
  SyncSocket ada("127.0.0.1", 0);
  SyncSocket bob("127.0.0.1", 0);
  ASSERT_TRUE(join(ada, bob));
  std::string kept;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry, gone).string();
    if (gone || !target.starts_with("socket:")) continue;
    const int flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) kept += entry.path().filename().string() + " ";
  }
  EXPECT_EQ(kept, "");
}

}  // namespace
}  // namespace meshdict
