#pragma once
// Every bound of the Redis-protocol endpoint, with its reason. Where Redis has the same bound, its number is taken.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace meshdict::resp_limits {

/// A line without its end: inline commands and the numbers before arguments (PROTO_INLINE_MAX_SIZE of Redis).
inline constexpr std::size_t kMaxLine = 64 * 1024;
/// Arguments of one command (Redis before 7.0: 1024 * 1024, then 2^31).
inline constexpr std::int64_t kMaxArguments = 1'048'576;
/// One command with all its arguments, and so one argument. Room for an MSET of seven of the largest values; a larger
/// value than limits::kMaxValue gets an error, not a hang-up.
inline constexpr std::size_t kMaxCommand = 32 * 1024 * 1024;
/// Bytes of a value as a client counts them: MessagePack puts five before a long one (bin 32).
inline constexpr std::size_t kMaxBytesOfValue = limits::kMaxValue - 5;
/// What is read and thrown away of a client that is being hung up on for a protocol error: closing on unread bytes is a
/// reset, which would take our last reply with it, and clients send a command whole before they look for a reply.
inline constexpr std::size_t kMaxDiscarded = 1024 * 1024 * 1024;
/// The longest that this may take.
inline constexpr std::chrono::seconds kDiscardFor{10};
/// The same of a client that has not logged in and would have to (Redis's numbers): AUTH and HELLO fit. And what it may say behind
/// them before it is answered: with kMaxClients of them well below kMaxUnfinished, so that nobody who has logged in is cut off for
/// what strangers send.
inline constexpr std::int64_t kMaxArgumentsOfStranger = 10;
inline constexpr std::size_t kMaxCommandOfStranger = 16 * 1024;
/// Commands between MULTI and EXEC, of which one that writes several keys counts once for each: more than a pipeline has, few
/// enough to run in one turn of the loop, as the largest MSET does.
inline constexpr std::size_t kMaxQueuedCommands = 16'384;
/// Bytes of these, with what each argument costs to keep: as much as one command may have.
inline constexpr std::size_t kMaxQueuedBytes = kMaxCommand;
/// Arguments of a command that runs in one turn of the loop: all but those that only read, which go on in later turns. Writes
/// are all or none, so that they cannot; as many keys as this take the loop some tens of milliseconds.
inline constexpr std::size_t kMaxArgumentsInOneTurn = 16'384;
/// What one client's commands do in one turn, all together: so many looks at a key, each some 100 ns. Everything else is
/// counted in these, by the constants below.
inline constexpr std::size_t kStepsPerTurn = 8'192;
/// Any command, a refused one too: to be read, found and answered.
inline constexpr std::size_t kStepsPerCommand = 4;
/// Bytes of arguments and of replies that are made in the time of a step.
inline constexpr std::size_t kBytesPerStep = 256;
/// Bytes of MessagePack that become JSON in it.
inline constexpr std::size_t kShownBytesPerStep = 4;
/// Arguments from which on a command is one of these.
inline constexpr std::size_t kManyArguments = 1'024;
/// What all of a transaction may do of the same, for it cannot go on in a later turn: some 20 ms. Beyond it only what writes is run.
inline constexpr std::size_t kStepsPerTransaction = 200'000;
/// Bytes of unfinished commands of all clients, and of those queued behind MULTI. A client that goes beyond is cut off.
inline constexpr std::size_t kMaxUnfinished = 512 * 1024 * 1024;
/// Keys that a client has written and not waited for; see WrittenKeys. More than one usually waits for at a time, and
/// little for each of kMaxClients.
inline constexpr std::size_t kMaxWrittenKeys = 1'024;
/// Bytes of these: one of the largest keys, or all if they are of common length.
inline constexpr std::size_t kMaxWrittenBytes = limits::kMaxKey;
/// The longest that a PUBLISH waits for neighbours that take less than comes; then it is left out for these (guess: a py2p
/// node takes a hundred in each of these seconds).
inline constexpr std::chrono::seconds kRoomPatience{5};
/// The longest that a client waits for its backup: longer than any that succeeds.
inline constexpr std::chrono::hours kBackupPatience{24};
/// MESH MEMBERS waits so long for answers: ten slow hops there and back.
inline constexpr std::chrono::seconds kRollCallPatience{1};
/// What giving up a lease costs beside a look at a key: a record is encoded, hashed twice, stored and sent.
inline constexpr std::size_t kStepsOfRelease = 32;
/// Replies that wait for a client. A subscriber that falls so far behind is cut off, the commands of others wait, and one
/// reply may not be larger.
inline constexpr std::size_t kMaxOutput = 32 * 1024 * 1024;
/// Bytes of commands that wait with them: client libraries write a whole pipeline before they read. A client
/// that sends more without reading is told so and hung up on: both sides would wait for ever.
inline constexpr std::size_t kMaxPending = kMaxCommand;
/// Replies of all clients that wait. Beyond it a client's commands wait from kPauseOutput on, and for a message to a subscriber
/// those subscribers are cut off that are furthest behind, and further than that.
inline constexpr std::size_t kMaxOutputOfAll = 512 * 1024 * 1024;
/// Replies that one client's commands make in one turn: what they copy takes a fraction of a millisecond.
inline constexpr std::size_t kPauseOutput = 256 * 1024;
/// Redis's default.
inline constexpr std::size_t kMaxClients = 10'000;
/// Clients that the limit of open files leaves at the least where one more place is kept for an operator: below it each file counts.
inline constexpr std::size_t kLeastForOperator = 128;
/// From so many bytes of arguments on it is tried, before a command is run, whether there is memory for all that is made of
/// them; and so many times of that.
inline constexpr std::size_t kLargeArguments = 256 * 1024;
inline constexpr std::size_t kCopiesOfArguments = 8;
/// Channels and patterns of one client.
inline constexpr std::size_t kMaxSubscriptions = 16'384;
/// Bytes that they take: as many channels of common length, or some 3,000 patterns that begin with a star.
inline constexpr std::size_t kMaxSubscribedBytes = 8 * 1024 * 1024;
/// The same of all clients.
inline constexpr std::size_t kMaxSubscribedBytesOfAll = 128 * 1024 * 1024;
/// Patterns of all clients, counted by Glob::weight(): so many literal beginnings ("user:*"), or some 960 of common length that
/// begin with a star. A message is compared with each, and so is an event of the dictionary the first time: below a millisecond
/// for a name of common length.
inline constexpr std::size_t kMaxPatternWeight = 16'384;
/// A channel's name: each pattern reads all of it.
inline constexpr std::size_t kMaxChannel = 1'024;
/// Channels of which it is remembered which patterns they match: the events of the dictionary, of which one write makes
/// thousands, have three.
inline constexpr std::size_t kMaxMatchedChannels = 16;
/// A message of another shape than PUBLISH's is shown as JSON up to this size: some milliseconds, and nobody asked for it.
inline constexpr std::size_t kMaxShownMessage = 256 * 1024;
/// Scans that may be under way at a time: positions remembered for SCAN.
inline constexpr std::size_t kMaxCursors = 16'384;
/// Bytes of the keys that these stand for: all of them, at keys of common length.
inline constexpr std::size_t kMaxCursorBytes = 16 * 1024 * 1024;
/// Replies kept after they were sent, for the next: a buffer that grew larger is given back.
inline constexpr std::size_t kKeepBuffer = 64 * 1024;
/// Handed to the parser at once.
inline constexpr std::size_t kReadBuffer = 64 * 1024;
/// Reads of one client in one turn come to kReadBuffer, so that none starves the others.
inline constexpr std::size_t kMaxClientName = 256;

/// Seconds, of --timeout and --tcp-keepalive: Redis's most, and what the system takes (MAX_TCP_KEEPIDLE).
inline constexpr std::int64_t kLongestTimeout = 2'147'483'647;
inline constexpr std::int64_t kLongestKeepalive = 32'767;
/// The longest CLIENT PAUSE: one that an operator forgets ends.
inline constexpr std::chrono::milliseconds kLongestPause{86'400'000};
/// How often clients are looked at for --timeout, which is in seconds.
inline constexpr std::chrono::seconds kLookForIdleEvery{1};

}  // namespace meshdict::resp_limits
