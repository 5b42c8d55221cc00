#include "sim/plan/fault.h"

namespace meshdict::sim {
namespace {

constexpr std::array<FaultInfo, kFaults> kInfos = {{
    {Fault::kPartition, "partition", "partition: {groups: [[ana, bob], [cy]], for: 10s}",
     "nothing passes between groups; bytes wait, as TCP sends them again", "a stream or a dial stopped at the border"},
    {Fault::kCut, "cut", "cut: {from: ana, to: [bob, cy], for: 10s}",
     "nothing passes between the two sides; all others still reach both", "a stream or a dial stopped there"},
    {Fault::kOneWayCut, "one_way_cut", "cut: {from: ana, to: bob, one_way: on, for: 10s}",
     "nothing passes from the first to the second; the way back is open", "a stream or a dial stopped there"},
    {Fault::kLatency, "latency", "link: {of: ana, latency: 300ms}", "another distance", "a connection got another one"},
    {Fault::kJitter, "jitter", "link: {between: [ana, bob], jitter: 0ms..80ms}", "uneven delays, in order",
     "a connection got others"},
    {Fault::kBandwidth, "bandwidth", "link: {bandwidth: 20KB/s}", "a thin line", "a connection got another one"},
    {Fault::kFragments, "fragments", "link: {of: ana, piece: 1B}", "what arrives is handed over piece by piece",
     "a frame arrived in pieces"},
    {Fault::kJoinedReads, "joined_reads", "link: {of: ana, gather: 50ms}",
     "a receiver is busy and takes several frames in one read", "a frame was read together with the next"},
    {Fault::kSlowReader, "slow_reader", "slow_reader: {node: ana, rate: 2KB/s, for: 10s}",
     "a node takes what it is sent only so fast", "a frame waited for its reader"},
    {Fault::kReset, "reset", "reset: {between: [ana, bob]}",
     "both ends of all connections of the pair are told that they are over; bytes on the way are lost",
     "a connection was reset"},
    {Fault::kOneSidedReset, "one_sided_reset", "reset: {between: [ana, bob], one_sided: on}",
     "only the first is told; the second learns of it when it next sends", "a connection was reset"},
    {Fault::kResetInsideFrame, "reset_inside_frame", "reset: {between: [ana, bob], inside_frame: on}",
     "half of the next frame of the pair arrives, then its connection is reset", "a frame was cut in two"},
    {Fault::kHalfOpen, "half_open", "half_open: {between: [ana, bob]}",
     "the first is told that its connections are over; the second is not, and hears nothing more on them",
     "a connection became half-open"},
    {Fault::kRefusedDial, "refused_dial", "dials: {node: ana, are: refused, for: 10s}",
     "the machine refuses new connections", "a dial was refused"},
    {Fault::kLostDial, "lost_dial", "dials: {node: ana, are: lost, for: 10s}", "nobody answers new connections",
     "a dial went unanswered"},
    {Fault::kCrossedDials, "crossed_dials", "cross_dial: {between: [ana, bob]}", "both dial each other at one moment",
     "both dialled"},
    {Fault::kStorm, "storm", "storm: {nodes: [ana, bob, cy], times: 2}",
     "all of these dial all others of these, so many times, at one moment", "three or more nodes dialled"},
    {Fault::kBitFlip, "bit_flip", "tamper: {from: ana, to: bob, how: flip}", "one bit of the next frame arrives wrong",
     "a bit was flipped"},
    {Fault::kTruncatedFrame, "truncated_frame", "tamper: {from: ana, to: bob, how: truncate}",
     "the last bytes of the next frame are missing; what follows it comes in their place", "a frame was shortened"},
    {Fault::kRepeatedFrame, "repeated_frame", "tamper: {from: ana, to: bob, how: repeat}",
     "the next frame arrives twice", "a frame arrived again"},
    {Fault::kStaleFrame, "stale_frame", "tamper: {from: ana, to: bob, how: stale}",
     "the next frame arrives, and once more three seconds later", "a frame arrived again, late"},
    {Fault::kCrash, "crash", "crash: {node: ana, for: 5s}",
     "the process is killed; its system resets its connections; its disk stays", "a node was killed"},
    {Fault::kSilentCrash, "silent_crash", "crash: {node: ana, silent: on, for: 5s}",
     "the machine dies, and nobody is told", "a node died"},
    {Fault::kPowerFailure, "power_failure", "crash: {node: ana, power: on, for: 5s}",
     "the machine dies, and of what its disk had not synced the end is lost or torn; its uptime begins anew",
     "a commit was lost"},
    {Fault::kRestart, "restart", "restart: {node: ana}", "a node that is down starts again, with its disk",
     "a node has started again"},
    {Fault::kRestartWithoutDisk, "restart_without_disk", "restart: {node: ana, disk: lost}",
     "it starts with an empty disk: a new node at an old address", "a node has started so"},
    {Fault::kRestartWithIdentityOnly, "restart_with_identity_only", "restart: {node: ana, disk: identity}",
     "only its id is left on its disk", "a node has started so"},
    {Fault::kClone, "clone", "clone: {node: bob, of: ana, for: 20s}",
     "a node that is down starts with a copy of another's disk, so with its id",
     "a copy has started beside the original"},
    {Fault::kFullDisk, "full_disk", "disk: {node: ana, full: on, for: 10s}",
     "the disk takes no more: a node that writes to it ends, and starts again once there is room",
     "a node ended because of it"},
    {Fault::kSlowDisk, "slow_disk", "disk: {node: ana, delay: 80ms, for: 10s}",
     "each commit takes so long, and the node does nothing else meanwhile", "a commit took longer"},
    {Fault::kPause, "pause", "pause: {node: ana, for: 20s}",
     "the process stands still, its clocks do not; its system still takes what arrives",
     "something had to wait for it"},
    {Fault::kClockSkew, "clock_skew", "nodes: [{name: ana, clock: -2s..2s}]",
     "a wall clock that is wrong from the start", "a node started with one that is a millisecond off or more"},
    {Fault::kClockRate, "clock_rate", "clock: {node: ana, rate: 300ppm, for: 30s}",
     "both clocks of the node run fast, or slow", "a clock got another rate"},
    {Fault::kClockForward, "clock_forward", "clock: {node: ana, jump: 10s, for: 5s}",
     "the wall clock jumps ahead; `for`: and back that much later", "a clock jumped ahead"},
    {Fault::kClockBackward, "clock_backward", "clock: {node: ana, jump: -10s}", "the wall clock jumps back",
     "a clock jumped back"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kInfos.size(); ++i) {
    if (kInfos[i].fault != static_cast<Fault>(i)) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const FaultInfo> fault_infos() {
  return kInfos;
}

const FaultInfo& info_of(Fault fault) {
  return kInfos[static_cast<std::size_t>(fault)];
}

}  // namespace meshdict::sim
