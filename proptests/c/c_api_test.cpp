// Each case of the C library is a test.

#include <gtest/gtest.h>

#include "proptests/c/cases.h"

#define C_CASE_RUN(name)               \
  TEST(CApi, name) {                   \
    EXPECT_STREQ(c_case_##name(), ""); \
  }
C_CASES(C_CASE_RUN)
