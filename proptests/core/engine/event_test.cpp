// What the outside sees of events.

#include "core/engine/event.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace meshdict {
namespace {

TEST(EndReasons, EachHasATextOfItsOwn) {
  std::set<std::string_view> texts;
  constexpr int kLast = static_cast<int>(EndReason::kLocal);
  for (int i = 0; i <= kLast; ++i)
    texts.insert(to_string(static_cast<EndReason>(i)));
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(kLast) + 1);
  EXPECT_FALSE(texts.contains(""));
  EXPECT_FALSE(texts.contains("unknown"));
}

}  // namespace
}  // namespace meshdict
