#include "sim/plan/thresholds.h"

#include <algorithm>
#include <type_traits>

#include "core/limits.h"

namespace meshdict::sim {
namespace {

/// A constant as a number: bytes or a count as they are, a time in microseconds.
template <const auto& kConstant>
std::int64_t constant(const NodePlan& /*settings*/) {
  if constexpr (std::is_convertible_v<decltype(kConstant), Duration>) {
    return Duration(kConstant).count();
  } else {
    return static_cast<std::int64_t>(kConstant);
  }
}

template <Duration MeshSettings::* kSetting>
std::int64_t setting(const NodePlan& settings) {
  return (settings.*kSetting).count();
}

std::int64_t kept_deletions(const NodePlan& settings) {
  return static_cast<std::int64_t>(settings.kept_deletions);
}

using enum Quantity;
using enum Threshold::Sides;
namespace l = limits;

constexpr auto kAll = std::to_array<Threshold>({
    {"ProbeDeadline", kRoundTrip, kBoth, constant<l::kProbeDeadline>},
    {"SyncTurn", kRoundTrip, kBoth, constant<l::kSyncTurn>},
    {"settle", kFlight, kBoth, setting<&MeshSettings::settle>},
    {"SyncPatience", kFlight, kBoth, constant<l::kSyncPatience>},
    {"BroadcastLifetime", kFlight, kBoth, constant<l::kBroadcastLifetime>},
    {"FrameDeadline", kCarrying, kBoth, constant<l::kFrameDeadline>},
    {"PingAfterIdle", kGap, kBoth, constant<l::kPingAfterIdle>},
    {"SilenceVerdict", kGap, kBoth, constant<l::kSilenceVerdict>},
    {"StallVerdict", kStall, kBoth, constant<l::kStallVerdict>},
    {"DialDeadline", kDialling, kBoth, constant<l::kDialDeadline>},
    {"lease", kAbsence, kBoth, setting<&MeshSettings::lease>},
    {"horizon", kAbsence, kBoth, setting<&MeshSettings::horizon>},
    {"Linger", kAbsence, kBoth, constant<l::kLinger>},
    {"BackoffCap", kAbsence, kBoth, constant<l::kBackoffCap>},
    {"CompareEvery", kAbsence, kBoth, constant<l::kCompareEvery>},
    {"InsistFor", kAbsence, kBoth, constant<l::kInsistFor>},
    {"PutOffCapOfUser", kAbsence, kBoth, constant<l::kPutOffCapOfUser>},
    {"PutOffCap", kAbsence, kBoth, constant<l::kPutOffCap>},
    {"MutedFor", kParting, kBoth, constant<l::kMutedFor>},
    {"skew", kClockError, kBoth, setting<&MeshSettings::skew>},
    {"ClockSkew", kClockError, kBoth, constant<l::kClockSkew>},
    {"ClockStep", kClockJump, kBoth, constant<l::kClockStep>},
    {"SlowestLine", kLineRate, kBoth, constant<l::kSlowestLine>},
    {"MaxKey", kKeySize, kUpTo, constant<l::kMaxKey>},
    {"MaxValue", kValueSize, kUpTo, constant<l::kMaxValue>},
    {"CompressFrom", kFrameSize, kBoth, constant<l::kCompressFrom>},
    {"BatchBytes", kFrameSize, kBoth, constant<l::kBatchBytes>},
    {"MaxFrame", kFrameSize, kUpTo, constant<l::kMaxFrame>},
    {"BulkLowWater", kBacklog, kBoth, constant<l::kBulkLowWater>},
    {"MaxQueued", kBacklog, kBoth, constant<l::kMaxQueued>},
    {"BatchRecords", kKeysAtOnce, kBoth, constant<l::kBatchRecords>},
    {"MaxFutureRecords", kWrittenAhead, kBoth, constant<l::kMaxFutureRecords>},
    {"SyncBudget", kKeys, kBoth, constant<l::kSyncBudget>},
    {"SweepItems", kKeys, kBoth, constant<l::kSweepItems>},
    {"MaxAddresses", kMembers, kBoth, constant<l::kMaxAddresses>},
    {"MaxPeersSent", kMembers, kBoth, constant<l::kMaxPeersSent>},
    {"OutgoingTarget", kNeighbours, kBoth, constant<l::kOutgoingTarget>},
    {"MaxLinksOfPair", kLinksOfPair, kBoth, constant<l::kMaxLinksOfPair>},
    {"RememberedLives", kLives, kBoth, constant<l::kRememberedLives>},
    {"MaxContestedRivals", kRivals, kBoth, constant<l::kMaxContestedRivals>},
    {"lease (of a claim)", kClaimAge, kBoth, setting<&MeshSettings::lease>},
    {"ConfirmAgain", kConfirming, kBoth, constant<l::kConfirmAgain>},
    {"MaxDeferredOfOne", kHeldWhispers, kBoth, constant<l::kMaxDeferredOfOne>},
    {"DeferredLifetime", kHeldFor, kBoth, constant<l::kDeferredLifetime>},
    {"kept_deletions", kOldDeletions, kBoth, kept_deletions},
});
static_assert(kAll.size() == kThresholds);
static_assert(std::ranges::is_sorted(kAll, {}, &Threshold::quantity));

constexpr std::size_t kQuantities = static_cast<std::size_t>(kOldDeletions) + 1;
/// Where the thresholds of each quantity begin: frames are measured by the million.
constexpr auto kFirst = [] {
  std::array<std::size_t, kQuantities + 1> first{};
  for (std::size_t quantity = 0; quantity <= kQuantities; ++quantity) {
    const auto is_before = [&](const Threshold& one) { return static_cast<std::size_t>(one.quantity) < quantity; };
    first[quantity] = static_cast<std::size_t>(std::ranges::count_if(kAll, is_before));
  }
  return first;
}();

constexpr auto kUnmeasured = std::to_array<Unmeasured>({
    // What only bytes of a stranger or of a hostile member reach: the fuzz targets, codec_test, outsiders_test.
    {"MaxFrameBeforeHandshake", "no honest node sends so much before its handshake"},
    {"MaxInflated", "as MaxFrame, of a compressed body"},
    {"MaxDepth", "values of plans are texts"},
    {"MaxElements", "no honest node sends a longer list"},
    {"MaxMethods", "no honest node lists more"},
    {"MaxRequestId", "no honest node makes a longer one"},
    {"MaxText", "no honest node says more"},
    {"MaxReason", "no honest node says more"},
    {"MaxPeersRead", "no honest node tells so many"},
    {"MaxAnswersUntaken", "no honest node asks without reading"},
    {"MaxWastedBytes", "no honest node sends so much again"},
    {"WasteWindow", "no honest node sends so much again"},
    {"MaxKnownBodies", "4,096 compressed messages at once: hostile_frames_test"},
    {"MaxHost", "addresses of plans are short"},
    {"MaxRuns", "32,768 origins: seen_test"},
    {"MaxGaps", "no honest node leaves gaps"},
    {"BootAhead", "no honest node restarts so often"},
    {"MaxPackets", "messages of plans have two packets"},
    // What only an operator's commands reach: members_test.
    {"MaxMembers", "roll calls and partings only"},
    {"RollCallLasts", "roll calls only"},
    {"MaxRollCalls", "roll calls only"},
    {"RollCallPause", "roll calls only"},
    {"MaxPartings", "partings only"},
    {"LongestParting", "partings only"},
    // What only py2p nodes meet: py2p_test and the captured bytes; no machine of the simulator runs py2p.
    {"MaxPaced", "py2p only"},
    {"MaxPacedBytes", "py2p only"},
    {"MaxPacedAge", "py2p only"},
    {"MaxOwed", "py2p only"},
    {"MaxUnstampedIds", "py2p only"},
    {"Py2pFramesPerSecond", "py2p only"},
    {"MaxOwedOfAll", "py2p only"},
    // Factors, paces and parts of others.
    {"PingLagOfAcceptor", "added to PingAfterIdle"},
    {"LingerRoundTrips", "a factor of Linger"},
    {"ProbeRoundTrips", "a factor of ProbeDeadline"},
    {"ClockReadings", "filled by any link that lasts for a minute"},
    {"ReadClockEvery", "a pace; nothing waits for it"},
    {"AgeStep", "a pace; nothing waits for it"},
    {"ExpireEvery", "a pace; nothing waits for it"},
    {"LookAtFuture", "a pace; settle_bound() waits for it"},
    {"SweepEvery", "a pace; nothing waits for it"},
    {"BackoffFirst", "the first pause of many; every lost link begins with it"},
    {"InsistPause", "a pace within InsistFor"},
    {"StrangerPauseFirst", "a pace; overlay_test"},
    {"StrangerPauseCap", "a pace; overlay_test"},
    // Views of a person.
    {"MaxDeparted", "MESH PEERS only"},
    {"MaxHistories", "EXPLAIN only"},
    {"MaxSteps", "EXPLAIN only"},
    // Too large for plans that must be quick: tests of their own.
    {"MaxPendingAccepted", "129 handshakes at once that never end: outsiders_test"},
    {"MaxNeighbours", "257 neighbours of one node: overlay_test"},
    {"MaxQueuedOfAll", "256 MiB on the way at once: queues_test"},
    {"SourcesWaitFrom", "a part of MaxQueued"},
    {"TellLeftOutEvery", "a pace; nothing waits for it"},
    {"MaxKeptApart", "257 partings by one user: overlay_test"},
    {"MaxFutureBytes", "16 MiB: future_records_test"},
    {"MaxKeptDeletions", "the default of kept_deletions, which plans set"},
    {"MaxKeptDeletionBytes", "16 MiB of keys: tombstones_test"},
    {"MaxContests", "4,096 contested keys: contests_test"},
    {"MaxDeferred", "1,024 whispers to 17 nodes that are missing: searches_test"},
    {"MaxConfirmations", "1,024 writers that wait: confirmations_test"},
    {"ProvenStays", "24 h with a full table of addresses: address_book_test"},
    {"AddressLifetime", "measured by the range quiet_weeks itself, which is made of it"},
    {"LongestLinger", "ten minutes of a retired connection that never falls silent: links_test"},
    {"HelloDeadline", "a peer that stops within its hello: links_test, half_open.yaml"},
    {"LinkProven", "every link that lasts crosses it, every refusal stays below"},
});

}  // namespace

std::span<const Threshold> thresholds() {
  return kAll;
}

std::span<const Unmeasured> unmeasured() {
  return kUnmeasured;
}

Reach::Reach(const NodePlan& settings) {
  std::ranges::transform(kAll, values_.begin(), [&](const Threshold& one) { return one.value(settings); });
}

void Reach::saw(Quantity quantity, std::int64_t amount) {
  static constexpr std::int64_t kNear = 4;
  // Of what may go up to it and no further, the last 32nd is near.
  static constexpr std::int64_t kLast = 32;
  const auto which = static_cast<std::size_t>(quantity);
  for (std::size_t index = kFirst[which]; index < kFirst[which + 1]; ++index) {
    const std::int64_t value = values_[index];
    const std::int64_t near = kAll[index].sides == kBoth ? value / kNear : value - value / kLast;
    if (amount > value) {
      ++crossings_[index].above;
    } else if (amount >= near) {
      ++crossings_[index].below;
    }
  }
}

bool is_crossed(const Threshold& threshold, const Crossing& crossing) {
  return crossing.below > 0 && (crossing.above > 0 || threshold.sides == kUpTo);
}

}  // namespace meshdict::sim
