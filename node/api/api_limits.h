#pragma once
// Every bound of the embeddable API, with its reason. Those of the protocol are in core/limits.h.

#include <cstddef>

namespace meshdict::api_limits {

/// Messages that wait for recv(), and their bytes: a program that only wants the dictionary never asks for them. Beyond it
/// the oldest is dropped, and status() says so. The number is a guess; the bytes are 16 messages of the largest size.
inline constexpr std::size_t kMaxReceived = 16'384;
inline constexpr std::size_t kMaxReceivedBytes = 64 * 1024 * 1024;

/// Changes of the dictionary that wait for handlers one by one, and their bytes (guess: what a handler that pauses for a quarter
/// of a second misses at full load). Beyond it of each key only the newest change waits.
inline constexpr std::size_t kMaxChanges = 16'384;
inline constexpr std::size_t kMaxChangeBytes = 64 * 1024 * 1024;

/// Lines of the log that wait for a sink (guess: what a person looks back for). Beyond it new ones are dropped and counted.
inline constexpr std::size_t kMaxLines = 1'024;

/// Unexpected errors that status() lists, and bytes of each; beyond it the oldest is discarded (guess: what a person reads).
inline constexpr std::size_t kMaxErrors = 64;
inline constexpr std::size_t kMaxErrorText = 500;

/// Bytes of a note's kind, and of its text (guess: what a person reads in a picture).
inline constexpr std::size_t kMaxNote = 4'096;

}  // namespace meshdict::api_limits
