#pragma once
// Every bound of the core, with its reason. A number without a source is a guess and says so.

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace meshdict::limits {

// Frames and values

/// py2p 0.6 never delivers a larger frame (the way it reads the size header loses the rest).
inline constexpr std::size_t kMaxFrame = 4'194'303;
/// A peer that has not shown a good handshake may not make us hold more than this. A handshake is about 300 bytes.
inline constexpr std::size_t kMaxFrameBeforeHandshake = 16'384;
/// A compressed body may not grow beyond what a frame may hold uncompressed.
inline constexpr std::size_t kMaxInflated = kMaxFrame;
/// Below this size a compressor gains less than its time is worth (guess; see bench/README.md).
inline constexpr std::size_t kCompressFrom = 1'024;
/// Nesting of MessagePack values. Deep enough for JSON-like data, shallow enough for any recursive reader.
inline constexpr std::size_t kMaxDepth = 32;
/// Keys are names, not documents: they stand in every message, index and listing.
inline constexpr std::size_t kMaxKey = 65'535;
/// A value must fit a frame together with its key, ids, version, hash and stamp, and a batch of one record.
inline constexpr std::size_t kMaxValue = kMaxFrame - kMaxKey - 1'024;
/// Elements of one message array, and packets of one user message.
inline constexpr std::size_t kMaxElements = 4'096;
/// Compression methods that a handshake may list; py2p 0.6 knows 17.
inline constexpr std::size_t kMaxMethods = 64;
/// A request's id, which its answer repeats. Ours and py2p's are 32 bytes, or their base58 of 44.
inline constexpr std::size_t kMaxRequestId = 128;
/// Text from a peer for a person: the reason of a goodbye, a software version. More is cut off.
inline constexpr std::size_t kMaxText = 255;

// Connections

/// py2p's max_outgoing.
inline constexpr std::size_t kOutgoingTarget = 4;
/// Accepted connections that have not finished their handshake. Beyond it the oldest gives way.
inline constexpr std::size_t kMaxPendingAccepted = 128;
/// Established neighbours; further ones are refused. Keeps fan-out and memory bounded.
inline constexpr std::size_t kMaxNeighbours = 256;
/// Bytes queued towards one neighbour, beyond which only what is indispensable is queued: stores are left to an anti-entropy
/// session, messages are left out and counted. Two frames of the largest size and a margin.
inline constexpr std::size_t kMaxQueued = 3 * kMaxFrame;
/// The same for all neighbours together. Each may always have its share (a mebibyte when there are 256), or one frame. A frame
/// that waits for several neighbours counts for each.
inline constexpr std::size_t kMaxQueuedOfAll = 256 * 1024 * 1024;
/// One part in so many of a neighbour's bound: once it is full, clients that send messages wait, so that theirs are not left
/// out.
inline constexpr std::size_t kSourcesWaitFrom = 3;
/// Bytes of answers of the link layer for a neighbour whose queue is full and that takes nothing: it asks without reading.
inline constexpr std::size_t kMaxAnswersUntaken = 256 * 1024;
/// At most this often it is told that messages for a neighbour are left out.
inline constexpr Duration kTellLeftOutEvery = 10s;
/// Bytes that a neighbour may make us decompress within a second for messages that we have already: a sixth of what zlib can
/// do.
inline constexpr std::size_t kMaxWastedBytes = 64 * 1024 * 1024;
inline constexpr Duration kWasteWindow = 1s;
/// Compressed bodies of broadcasts that are recognised before they are decompressed: as many as come through several neighbours
/// at the same time (guess).
inline constexpr std::size_t kMaxKnownBodies = 4'096;
/// A neighbour for which something waits, and that takes nothing for so long, is a slow reader.
inline constexpr Duration kStallVerdict = 15s;
/// A bulk transfer waits while more than this is queued, so that live messages are not stuck behind it.
inline constexpr std::size_t kBulkLowWater = 256 * 1024;
inline constexpr Duration kDialDeadline = 5s;
/// From connection up to the last message of the hello exchange.
inline constexpr Duration kHelloDeadline = 10s;
/// Idle time before a ping. With kSilenceVerdict: three unanswered chances, in the spirit of RFC 1122's keep-alives, but at the
/// pace of the two-second settle time.
inline constexpr Duration kPingAfterIdle = 5s;
/// The acceptor of a connection waits for so much longer: when it hears the dialer's ping, it need not send its own.
inline constexpr Duration kPingLagOfAcceptor = 1s;
/// Nothing heard for so long: the connection is dead.
inline constexpr Duration kSilenceVerdict = 15s;
/// A frame that is not complete by then, and comes in slower than any line must be: the stream is out of step, or its sender
/// plays for time.
inline constexpr Duration kFrameDeadline = 60s;
/// Bytes a second of the slowest line on which the largest frame arrives: 64 kbit/s, nine minutes.
inline constexpr std::size_t kSlowestLine = 8'000;
/// A retired duplicate stays readable until nothing has come for so long, so that what its peer had sent is not lost; and
/// longer when a round trip takes long.
inline constexpr Duration kLinger = 5s;
inline constexpr int kLingerRoundTrips = 4;
/// And no longer than this in all, whatever still comes: the largest frame on the slowest line.
inline constexpr Duration kLongestLinger = 10min;
/// Readings of a neighbour's clock of which the best counts: half a minute of pings on an idle link, four minutes of those
/// that only measure.
inline constexpr std::size_t kClockReadings = 8;
/// Each neighbour's clock is read at least so often (guess: a clock that was set is noticed by its own node at once).
inline constexpr Duration kReadClockEvery = 30s;
/// A wall clock that moves by this much against the monotonic one was set: it is more than the pause between two readings of
/// them, and little beside the skew.
inline constexpr Duration kClockStep = 1ms;
/// A link that is probed, since the peer may not know of it, answers a ping within this time, or within two of its round trips;
/// otherwise another link is kept.
inline constexpr Duration kProbeDeadline = 1s;
inline constexpr int kProbeRoundTrips = 2;
/// Connections of one pair at the same moment: two simultaneous dials, their repetitions and some that linger.
inline constexpr std::size_t kMaxLinksOfPair = 8;
/// py2p breaks when many frames arrive at once: at most this many a second towards it (measured: 100 to 200 hold).
inline constexpr std::size_t kPy2pFramesPerSecond = 100;
/// A store that has waited so long leaves in a form without an age, and a message not at all: half of kBroadcastLifetime,
/// the other half is for clocks that differ.
inline constexpr Duration kMaxPacedAge = 30s;
/// Frames that wait for a py2p node: those that can leave in that time.
inline constexpr std::size_t kMaxPaced = kMaxPacedAge / 1s * kPy2pFramesPerSecond;
/// And bytes of those that are stores, beyond which only their keys are kept. Two of the largest.
inline constexpr std::size_t kMaxPacedBytes = 2 * kMaxFrame;
/// Keys whose records a py2p node is owed: eleven minutes' worth. Beyond it the whole dictionary is handed over again. Below,
/// the same for all py2p nodes together, each of which has an equal share.
inline constexpr std::size_t kMaxOwed = 65'536;
inline constexpr std::size_t kMaxOwedOfAll = 16 * kMaxOwed;
/// Bytes of a peer's text that we show or keep.
inline constexpr std::size_t kMaxReason = 200;
inline constexpr Duration kBackoffFirst = 250ms;
/// Also bounds how soon two halves meet again after a partition.
inline constexpr Duration kBackoffCap = 10s;
/// The longest pause for an address whose node has said goodbye, or says that another process has our identity: we expect it to
/// stay away for about as long as it already has. An address given by the user is tried once a minute, others as rarely as the
/// muted ones.
inline constexpr Duration kPutOffCapOfUser = 60s;
inline constexpr Duration kPutOffCap = 10min;
/// A link that has lasted for so long was a success. One that ended sooner counts as a failed dial: a handshake costs its peer
/// nothing, and a refusal comes after it. Longer than any refusal takes, probes and hello deadlines included.
inline constexpr Duration kLinkProven = 10s;
/// A lost neighbour is dialled again for so long, whatever else is connected, and at least this often: a node that is restarted
/// within five seconds is back in two more.
inline constexpr Duration kInsistFor = 10s;
inline constexpr Duration kInsistPause = 1s;

/// Former neighbours that MESH DEPARTED tells of, and as many nodes that were turned away.
inline constexpr std::size_t kMaxDeparted = 32;

// Addresses

/// Enough to find the network again; 10,000 simulated nodes hold 10,000 of these tables.
inline constexpr std::size_t kMaxAddresses = 128;
/// An address that nobody has told of for so long is forgotten (guess: longer than a holiday weekend).
inline constexpr Duration kAddressLifetime = 7 * 24h;
/// How far the age of an address on the disk may lag behind: ten minutes for each, so that it costs no writes.
inline constexpr Duration kAgeStep = kAddressLifetime / 1'000;
/// An address where we had a link gives way to what others tell us only when its last dial has failed, and nothing was heard of
/// it for so long (guess: a machine that is off overnight).
inline constexpr Duration kProvenStays = 24h;
/// Entries of a peers list that we send, and that we read of one.
inline constexpr std::size_t kMaxPeersSent = 32;
inline constexpr std::size_t kMaxPeersRead = 1'024;
/// Now and then a node dials a node that is no neighbour, so that two halves of a mesh that both look healthy find each other.
/// After a loss or a failed try the pause is short, and each success doubles it.
inline constexpr Duration kStrangerPauseFirst = 5s;
inline constexpr Duration kStrangerPauseCap = 60s;
/// An address that we parted from on purpose, or that was only told to us and belongs to another network, is left alone for
/// so long.
inline constexpr Duration kMutedFor = 10min;
/// Nodes from which a user has parted and that are kept apart meanwhile; beyond it the oldest such wish ends.
inline constexpr std::size_t kMaxKeptApart = 256;
inline constexpr std::size_t kMaxHost = 255;

// Members (engine/members.h)

/// Members of whom a card is kept, and cards passed on in one roll call: more than any mesh that was tried with real processes.
inline constexpr std::size_t kMaxMembers = 1'024;
/// The way back of a roll call is remembered for so long: more than an answer takes over ten slow hops.
inline constexpr Duration kRollCallLasts = 10s;
/// Calls that are open at a time, of all nodes: some three a second.
inline constexpr std::size_t kMaxRollCalls = 32;
/// Our own come no closer.
inline constexpr Duration kRollCallPause = 1s;
/// Members that have left or were removed, and whom nobody dials meanwhile.
inline constexpr std::size_t kMaxPartings = 64;
inline constexpr Duration kLongestParting = 24h;

// Messages

/// py2p drops a broadcast older than this.
inline constexpr Duration kBroadcastLifetime = 60s;
/// Clocks of members may differ by this much (B1 is promised within it).
inline constexpr Duration kClockSkew = 30s;
/// Runs of message counters that are remembered, over all origins: one for each that has sent something in the last two
/// minutes, and one for each gap. 5 MB; three times the nodes of the largest mesh that was tried. See seen.h for what
/// becomes of those beyond.
inline constexpr std::size_t kMaxRuns = 32'768;
/// Runs of one origin: no node that sends in order causes more gaps than this in two minutes.
inline constexpr std::size_t kMaxGaps = 1'024;
/// Ids of messages without a stamp (from py2p nodes) that are remembered.
inline constexpr std::size_t kMaxUnstampedIds = 262'144;
/// A boot counter begins with the second in which the process started, and each restart within a second adds one. One that is
/// further ahead of our clock than the skew and this (guess: a minute of restarts) is believed only where there is no other.
inline constexpr Duration kBootAhead = 60s;
/// Whispers held back until their receiver's address is known, in all, and how long.
inline constexpr std::size_t kMaxDeferred = 1'024;
inline constexpr std::size_t kMaxDeferredOfOne = 64;
inline constexpr Duration kDeferredLifetime = 30s;
/// Packets of one user message: what is left of kMaxElements behind the head.
inline constexpr std::size_t kMaxPackets = kMaxElements - 8;
/// How often expired entries are looked for; they are kept a little longer than they must.
inline constexpr Duration kExpireEvery = 10s;

/// A neighbour that does not show what we ask it to confirm is asked again after so long.
inline constexpr Duration kConfirmAgain = 2s;

// Dictionary

/// Future records that wait for their time, in number and in bytes of keys and values: with clocks in bounds there are none,
/// and a member whose clock is wrong must not fill our memory. Beyond it the furthest is discarded: it is the last that would
/// be missed, and an anti-entropy session with a node that has taken it brings it again.
inline constexpr std::size_t kMaxFutureRecords = 4'096;
inline constexpr std::size_t kMaxFutureBytes = 16 * 1024 * 1024;
/// A wall clock may be corrected while records wait: look again at least this often.
inline constexpr Duration kLookAtFuture = 10s;
/// How often, at least, old tombstones are looked for, and how many records are looked at in one go: a few milliseconds.
inline constexpr Duration kSweepEvery = 60s;
inline constexpr std::size_t kSweepItems = 4'096;
/// Deletions that are remembered when they are older than the horizon, in number and in bytes of keys: some 15 MB of
/// memory. A node that was apart for longer brings back what was deleted before these.
inline constexpr std::size_t kMaxKeptDeletions = 65'536;
inline constexpr std::size_t kMaxKeptDeletionBytes = 16 * 1024 * 1024;
/// Keys whose former claims are remembered for EXPLAIN, and claims for each; beyond it the oldest are discarded (guess).
inline constexpr std::size_t kMaxHistories = 1'024;
inline constexpr std::size_t kMaxSteps = 8;
/// Keys with contested claims within a lease time, and rivals for each; further ones are not contested. Two claims of one key
/// at the same moment are rare; more than a handful of claimants is a sign that something is broken.
inline constexpr std::size_t kMaxContests = 4'096;
inline constexpr std::size_t kMaxContestedRivals = 8;

/// Earlier incarnations of a node that its store remembers. A record of a still older one counts as one of a copy of our
/// identity: so a loss may be told that is none, but no loss goes untold.
inline constexpr std::size_t kRememberedLives = 64;

/// Writers that wait for confirmations. Each is a thread or a client (guess).
inline constexpr std::size_t kMaxConfirmations = 1'024;

/// An anti-entropy session in which nothing came for so long is not waited for any more.
inline constexpr Duration kSyncPatience = 10s;
/// And after so long the next neighbour has its turn: longer than a round trip with a few batches on the way.
inline constexpr Duration kSyncTurn = 1s;
/// Items that anti-entropy looks at in one turn of the loop, half a microsecond each: two milliseconds.
inline constexpr std::size_t kSyncBudget = 4'096;
/// Records in one batch of a transfer: a few milliseconds of work at the most.
inline constexpr std::size_t kBatchRecords = 256;
/// Bytes after which a batch is closed.
inline constexpr std::size_t kBatchBytes = 64 * 1024;
/// So often, on average, each node begins an anti-entropy session with a neighbour.
inline constexpr Duration kCompareEvery = 10s;

}  // namespace meshdict::limits
