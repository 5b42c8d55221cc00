#pragma once
// Every bound of the simulator, with its reason. Those of the protocol are in core/limits.h, what the virtual world has in
// common with the real one is in core/env/limits.h.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace meshdict::sim_limits {

// Plans

/// Bytes of a file: more than any plan that yaml-cpp can take. So a device that never ends is not read into memory.
inline constexpr std::size_t kMaxFile = 64'000'000;
/// Programs of one plan: each has a thread or two. Ten times more than a person watches.
inline constexpr std::size_t kMaxPrograms = 256;
/// Words that a program is given.
inline constexpr std::size_t kMaxArguments = 1'000;
/// Ten times the nodes of the largest mesh that was run.
inline constexpr std::uint64_t kMaxNodes = 100'000;
/// Steps that the seed draws for one plan, from its workloads, nemeses and repeated steps together: all of them are in memory
/// before a run begins.
inline constexpr std::uint64_t kMaxOperations = 20'000'000;
/// Repetitions of one step: few enough that no sum of them has more than 64 bits.
inline constexpr std::uint64_t kMaxRepeats = 1'000'000;
/// A plan that needs more sites asks for a map of the world.
inline constexpr std::size_t kMaxSites = 1'000;
/// Weight of one kind of fault against another.
inline constexpr std::uint64_t kMaxWeight = 1'000'000;
/// The largest n for "the n-th event" and "the n-th message".
inline constexpr std::uint64_t kMaxNth = 1'000'000'000;
/// Values of a workload, in bytes. Larger ones have a step of their own (value_size, up to the core's bound).
inline constexpr std::uint64_t kMaxWorkloadValue = 1'000'000;
/// Keys of one write, and members that may confirm it (guess: more than any client writes at once).
inline constexpr std::uint64_t kMaxAtOnce = 10'000;
/// Dials of each node to each other in one storm: twice the connections that a pair may have at a moment (core/limits.h).
inline constexpr std::uint64_t kMaxStormDials = 16;
/// A name stands in addresses, lines and pictures.
inline constexpr std::size_t kMaxName = 64;
/// Longer than any run; keeps sums of times within 64 bits.
inline constexpr Duration kMaxDuration = 24h * 366 * 100;
/// Spreads of link times must fit the integer arithmetic of sim/machines/mixing.h.
inline constexpr Duration kMaxLinkTime = 1h;
/// A clock whose rate is off by more than a tenth is broken, not wrong.
inline constexpr std::int64_t kMaxPpm = 100'000;
/// How far a wall clock may be off (a hundred years): from before 1970 to far in the future.
inline constexpr Duration kMaxWrong = 24h * 36'525;
/// Maps whose keys one map takes over (`<<`): more than people write. Bounded, since maps may take over each other's keys.
inline constexpr std::size_t kMaxMerged = 1'000;
/// Errors of one plan that are told, and words that one of them lists: what a person reads.
inline constexpr std::size_t kMaxErrors = 50;
inline constexpr std::size_t kMaxListedWords = 20;

// Small worlds, and the study of conflicts

/// Nodes, dials, messages and faults of each kind in an `explore` plan: with more, an exploration has no end.
inline constexpr std::size_t kMaxSmallNodes = 8;
inline constexpr std::size_t kMaxCourses = 16;
inline constexpr std::uint64_t kMaxSmallFaults = 8;
/// Writes of one node, and deletions, in one that is about claims.
inline constexpr std::uint64_t kMaxSmallWrites = 8;
/// A pause there. Longer ones reach the horizon, beyond which deletions are forgotten.
inline constexpr Duration kMaxSmallPause = 2h;
/// Choices of one run: more would be a cycle.
inline constexpr std::size_t kMaxChoices = 10'000;
/// A run of the study that has not come to rest by then does not.
inline constexpr Duration kMaxStudyRun = 120s;

// Worlds

/// Timers of a node in a row without time passing: its engine's deadline does not move on, and would stop time.
inline constexpr std::uint32_t kMaxSpins = 10'000;
/// Hops that a broadcast needs. Longer paths do not occur in meshes that dial four others.
inline constexpr std::size_t kMaxPath = 64;
/// Events of one run: an hour of work. More are a run without an end.
inline constexpr std::uint64_t kMaxEvents = 1'000'000'000;
/// Bytes that are on their way at a moment, or wait for nodes that stand still: more are not the nodes' to send.
inline constexpr std::size_t kMaxHeld = std::size_t{4} << 30;
/// How many events pass from one look at these to the next: it walks over all connections.
inline constexpr std::uint64_t kLookEvery = 1'024;

// Programs

/// What a call to a socket takes that changes something, as its way to another thread and back does: no two programs are ever in
/// step (guess: from an idle machine to a busy one).
inline constexpr Duration kLeastCall = 20us;
inline constexpr Duration kMostCall = 120us;
/// Notes of one run, and their bytes: beyond these a program has no end.
inline constexpr std::size_t kMaxNotes = 100'000;
inline constexpr std::size_t kMaxNoteBytes = std::size_t{64} << 20;
/// How often a program may catch what unwinds it.
inline constexpr std::size_t kMaxSwallowed = 100;
/// For so long, by the real clock, a program may compute between two waiting calls, or wait for something else. The latter only so
/// often in a run: a busy machine may look like it.
inline constexpr std::chrono::milliseconds kMaxComputing{10'000};
inline constexpr std::chrono::milliseconds kLookAtContext{500};
inline constexpr std::chrono::milliseconds kMaxOutside{100};
inline constexpr std::size_t kMaxTimesOutside = 3;

// Oracles: what would cost more time than the run

/// With more nodes than this the oracle of S5 does not ask which node calls itself settled; with more keys it asks about the
/// first ones only.
inline constexpr std::size_t kMaxNodesForS5 = 16;
inline constexpr std::size_t kMaxKeysForS5 = 16;

// What is told of a run: enough for a person

/// Violations that are kept; they are all counted.
inline constexpr std::size_t kMaxViolations = 100;
/// The same, when all are asked for (--all-violations).
inline constexpr std::size_t kMaxAllViolations = 100'000;
/// Violations of one promise that a report prints.
inline constexpr std::size_t kMaxPrintedOfPromise = 5;
/// Nodes that a violation names.
inline constexpr std::size_t kMaxNamedNodes = 20;
/// Bytes of a key that a violation names.
inline constexpr std::size_t kMaxNamedKey = 40;
/// Steps without effect that are told; they are all counted.
inline constexpr std::size_t kMaxIdleSteps = 16;
/// Seeds that a summary gives as examples of one kind of failure.
inline constexpr std::size_t kMaxExamples = 5;
/// Keys of one message, and bytes of a value, in a line of a transcript.
inline constexpr std::size_t kMaxKeysInLine = 8;
inline constexpr std::size_t kMaxValueInLine = 60;
/// Bytes of a line of a transcript that are read: the names of some 30,000 nodes.
inline constexpr std::size_t kMaxLine = std::size_t{1} << 20;
/// Events of a node that a comparison of transcripts remembers, and tells as causes.
inline constexpr std::size_t kMaxCauses = 6;
/// Values and counts of one claim that a history keeps, and how many of them the page gets.
inline constexpr std::size_t kMaxOfClaim = 1'000;
inline constexpr std::size_t kMaxDrawnOfClaim = 200;

// Command line

/// Processes, or threads.
inline constexpr unsigned kMaxJobs = 256;
/// Finished results that may wait for an earlier one, for each process: while one seed waits for its limit, others go on.
inline constexpr std::uint64_t kMaxAhead = 4'096;
/// Seeds that one process is given before it has told their results: as many as it runs meanwhile, so that it never waits.
inline constexpr std::uint64_t kMaxGiven = 256;
inline constexpr std::chrono::milliseconds kGivenFor{20};
/// Largest --seed-seconds: nobody means more than a day.
inline constexpr std::uint64_t kMaxSeedSeconds = 86'400;
/// The least memory of a process, in MiB: the program alone may need this much.
inline constexpr std::uint64_t kMinWorkerMegabytes = 256;
/// Bytes that are shown of what a process printed before it ended.
inline constexpr std::size_t kMaxComplaint = 300;
/// Bytes of a result in a file: more than kMaxViolations with all that they name.
inline constexpr std::size_t kMaxResultLine = std::size_t{1} << 26;
/// Failing seeds that get a test case of their own in JUnit's XML.
inline constexpr std::size_t kMaxJunitCases = 1'000;
/// Runs of `shrink`.
inline constexpr std::uint64_t kMaxTries = 1'000'000;
/// Seeds with which `shrink` tries a plan, beside the plan's own (guess).
inline constexpr std::uint64_t kMaxOtherSeeds = 1'000;
/// How long it waits for the mesh of a plan to form, in virtual time.
inline constexpr Duration kMaxForming = 60s;
/// How long `shrink` waits for a run, at the most (it may have no end) and at the least (it may end at once).
inline constexpr std::chrono::milliseconds kMaxPatience{10'000};
inline constexpr std::chrono::milliseconds kMinPatience{1'000};
/// States of an exploration, and MiB for them: more than any memory holds.
inline constexpr std::uint64_t kMaxStates = 1'000'000'000'000;
inline constexpr std::uint64_t kMaxMegabytes = 16'777'216;

}  // namespace meshdict::sim_limits
