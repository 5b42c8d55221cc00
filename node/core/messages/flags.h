#pragma once
// The numbers that say what a message is.

#include <cstdint>

namespace meshdict {

enum class MainFlag : std::uint8_t {
  kBroadcast = 0,
  kRenegotiate = 1,
  kWhisper = 2,
  kPing = 3,
  kPong = 4,
  kUnknown = 0xFF,  ///< any other number: from a later version, to be ignored
};

enum class SubFlag : std::uint8_t {
  kBroadcast = 0,
  kCompression = 1,
  kWhisper = 2,
  kPing = 3,
  kPong = 4,
  kHandshake = 5,
  kNotify = 6,
  kPeers = 7,
  kRequest = 8,
  kResend = 9,
  kResponse = 10,
  kStore = 11,
  kHello = 0x40,
  kKeep = 0x41,
  kKeepAck = 0x42,
  kBye = 0x43,
  kRefusal = 0x44,
  kSyncQuestion = 0x48,
  kSyncAnswer = 0x49,
  kRecords = 0x4A,
  kFloors = 0x4B,
  kPresence = 0x4C,
  kRollCall = 0x4D,
  kMemberCard = 0x4E,
  kParting = 0x4F,
};

}  // namespace meshdict
