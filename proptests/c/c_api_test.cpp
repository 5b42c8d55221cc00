// The cases in C, each as a test of its name.

#include <gtest/gtest.h>

#include "proptests/c/cases.h"

TEST(CApi, ValuesComeBackAsTheyWere) {
  EXPECT_STREQ(c_case_ValuesComeBackAsTheyWere(), "");
}
TEST(CApi, JsonAndMessagePackAreReadAndWritten) {
  EXPECT_STREQ(c_case_JsonAndMessagePackAreReadAndWritten(), "");
}
TEST(CApi, WhatIsNoValueIsAnError) {
  EXPECT_STREQ(c_case_WhatIsNoValueIsAnError(), "");
}
TEST(CApi, NullIsAnErrorAndNoCrash) {
  EXPECT_STREQ(c_case_NullIsAnErrorAndNoCrash(), "");
}
TEST(CApi, OptionsAreCheckedByName) {
  EXPECT_STREQ(c_case_OptionsAreCheckedByName(), "");
}
TEST(CApi, ASetIsSeenHereAndThere) {
  EXPECT_STREQ(c_case_ASetIsSeenHereAndThere(), "");
}
TEST(CApi, KeysAreBytesInOrder) {
  EXPECT_STREQ(c_case_KeysAreBytesInOrder(), "");
}
TEST(CApi, ALeasedKeyIsRefusedWithOwnerAndTimeLeft) {
  EXPECT_STREQ(c_case_ALeasedKeyIsRefusedWithOwnerAndTimeLeft(), "");
}
TEST(CApi, AWriteMayDependOnTheClaim) {
  EXPECT_STREQ(c_case_AWriteMayDependOnTheClaim(), "");
}
TEST(CApi, AnUpdateWritesAllOrNone) {
  EXPECT_STREQ(c_case_AnUpdateWritesAllOrNone(), "");
}
TEST(CApi, MessagesAreSentReceivedAndAnswered) {
  EXPECT_STREQ(c_case_MessagesAreSentReceivedAndAnswered(), "");
}
TEST(CApi, AHandlerTakesMessages) {
  EXPECT_STREQ(c_case_AHandlerTakesMessages(), "");
}
TEST(CApi, AWatchTellsWhatThereIsAndThenEveryChange) {
  EXPECT_STREQ(c_case_AWatchTellsWhatThereIsAndThenEveryChange(), "");
}
TEST(CApi, ASocketIsNotFreedInItsOwnHandler) {
  EXPECT_STREQ(c_case_ASocketIsNotFreedInItsOwnHandler(), "");
}
TEST(CApi, AClosedSocketRefusesWhatNeedsTheMesh) {
  EXPECT_STREQ(c_case_AClosedSocketRefusesWhatNeedsTheMesh(), "");
}
TEST(CApi, AMeshSocketHasNoDictionary) {
  EXPECT_STREQ(c_case_AMeshSocketHasNoDictionary(), "");
}
TEST(CApi, ADataDirectoryKeepsKeys) {
  EXPECT_STREQ(c_case_ADataDirectoryKeepsKeys(), "");
}
TEST(CApi, ErrorsAreOfTheThread) {
  EXPECT_STREQ(c_case_ErrorsAreOfTheThread(), "");
}
