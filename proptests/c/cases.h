#pragma once
// The cases of the C library: written in C, told by GoogleTest (c_api_test.cpp). Each returns what was wrong, or "".

#define C_CASES(X)                            \
  X(ValuesComeBackAsTheyWere)                 \
  X(JsonAndMessagePackAreReadAndWritten)      \
  X(WhatIsNoValueIsAnError)                   \
  X(NullIsAnErrorAndNoCrash)                  \
  X(OptionsAreCheckedByName)                  \
  X(ASetIsSeenHereAndThere)                   \
  X(KeysAreBytesInOrder)                      \
  X(ALeasedKeyIsRefusedWithOwnerAndTimeLeft)  \
  X(AWriteMayDependOnTheClaim)                \
  X(AnUpdateWritesAllOrNone)                  \
  X(MessagesAreSentReceivedAndAnswered)       \
  X(AHandlerTakesMessages)                    \
  X(AWatchTellsWhatThereIsAndThenEveryChange) \
  X(ASocketIsNotFreedInItsOwnHandler)         \
  X(AClosedSocketRefusesWhatNeedsTheMesh)     \
  X(AMeshSocketHasNoDictionary)               \
  X(ADataDirectoryKeepsKeys)                  \
  X(ErrorsAreOfTheThread)

#ifdef __cplusplus
extern "C" {
#endif

#define C_CASE_DECLARED(name) const char* c_case_##name(void);
C_CASES(C_CASE_DECLARED)
#undef C_CASE_DECLARED

#ifdef __cplusplus
}
#endif
