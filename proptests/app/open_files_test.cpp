// What a limit of open files is divided into.

#include "app/open_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "app/resp/limits.h"
#include "core/limits.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;

TEST(OpenFilesTest, TooFewAreRefusedWithTheNumberThatIsNeeded) {
  for (const std::size_t limit : {0U, 3U, 12U, 20U, 31U}) {
    const auto files = divide_open_files(limit);
    ASSERT_FALSE(files) << limit;
    EXPECT_THAT(files.error(), HasSubstr("may open " + std::to_string(limit) + " files (ulimit -n)"));
    EXPECT_THAT(files.error(), HasSubstr("needs 32"));
  }
}

TEST(OpenFilesTest, EnoughAreAllThatThereMayBe) {
  const auto files = divide_open_files(1'000'000, 64);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->http, 64U);
  EXPECT_EQ(files->clients, resp_limits::kMaxClients);
  EXPECT_EQ(files->neighbours, limits::kMaxNeighbours);
  EXPECT_EQ(files->pending, limits::kMaxPendingAccepted);
}

RC_GTEST_PROP(OpenFilesTest, WhatIsPromisedCanBeOpened, ()) {
  const auto limit = *rc::gen::inRange<std::size_t>(32, 12'000);
  const auto http = *rc::gen::element<std::size_t>(0, 1, 64);
  const auto files = divide_open_files(limit, http);
  RC_ASSERT(files.has_value());
  RC_ASSERT((files->http > 0U) == (http > 0U) && files->http <= http);
  RC_ASSERT(files->clients > 0U && files->neighbours > 0U && files->pending > 0U && files->closing > 0U);
  RC_ASSERT(files->clients + files->neighbours + files->pending + files->closing + files->http + 24 <= limit);
}

}  // namespace
}  // namespace meshdict
