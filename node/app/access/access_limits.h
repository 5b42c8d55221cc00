#pragma once
// Every bound of users and passwords, with its reason.

#include <cstddef>

#include "core/base/time.h"

namespace meshdict::access_limits {

/// A file of users: each of kMaxUsers with some long prefixes.
inline constexpr std::size_t kMaxUsersFile = 1024 * 1024;
/// A user is a program or a person who runs some: more want another kind of service. They are compared one by one at a reload only.
inline constexpr std::size_t kMaxUsers = 1'024;
inline constexpr std::size_t kMaxUserName = 64;
/// What one user's names may begin with.
inline constexpr std::size_t kMaxPrefixes = 64;
/// scrypt first hashes it, whatever its length; nobody types more.
inline constexpr std::size_t kMaxPassword = 1'024;

/// The cost of scrypt (RFC 7914): N = 2^15, r = 8, p = 3 are 32 MiB of memory and some 0.2 s of one processor, among those that
/// OWASP's Password Storage Cheat Sheet gives for the same strength. One for all, so that a wrong password takes as long for every
/// name, and so for one that nobody has.
inline constexpr int kScryptLogN = 15;
inline constexpr int kScryptR = 8;
inline constexpr int kScryptP = 3;
/// OpenSSL refuses to use more, and wants some KiB beyond the 32 MiB.
inline constexpr std::size_t kScryptMemory = 64 * 1024 * 1024;

/// Passwords that wait to be checked, one after the other: the last of them some 13 s. The same one, given by many connections, counts
/// once.
inline constexpr std::size_t kMaxChecks = 64;
/// Of these, from one host: another finds room all the same.
inline constexpr std::size_t kMaxChecksOfHost = 16;
/// From a wrong password to its answer, at the least: a guess a second for each connection. The bound for all of them is the one
/// processor that checks.
inline constexpr Duration kWrongPause = 1s;
/// The longest that a client waits for its answer: on a slow or busy machine several times what kMaxChecks take.
inline constexpr Duration kCheckPatience = 60s;

}  // namespace meshdict::access_limits
