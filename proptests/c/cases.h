#pragma once
// The cases of the C library: written in C, told by GoogleTest (c_api_test.cpp). Each returns what was wrong, or "".

#ifdef __cplusplus
extern "C" {
#endif

const char* c_case_ValuesComeBackAsTheyWere(void);
const char* c_case_JsonAndMessagePackAreReadAndWritten(void);
const char* c_case_WhatIsNoValueIsAnError(void);
const char* c_case_NullIsAnErrorAndNoCrash(void);
const char* c_case_OptionsAreCheckedByName(void);
const char* c_case_ASetIsSeenHereAndThere(void);
const char* c_case_KeysAreBytesInOrder(void);
const char* c_case_ALeasedKeyIsRefusedWithOwnerAndTimeLeft(void);
const char* c_case_AWriteMayDependOnTheClaim(void);
const char* c_case_AnUpdateWritesAllOrNone(void);
const char* c_case_MessagesAreSentReceivedAndAnswered(void);
const char* c_case_AHandlerTakesMessages(void);
const char* c_case_AWatchTellsWhatThereIsAndThenEveryChange(void);
const char* c_case_ASocketIsNotFreedInItsOwnHandler(void);
const char* c_case_AClosedSocketRefusesWhatNeedsTheMesh(void);
const char* c_case_AMeshSocketHasNoDictionary(void);
const char* c_case_ADataDirectoryKeepsKeys(void);
const char* c_case_ErrorsAreOfTheThread(void);

#ifdef __cplusplus
}
#endif
