#include "sim/explore/claim_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "core/record/mesh_settings.h"

namespace meshdict::sim {
namespace {

/// Readings of a hybrid clock are in milliseconds.
constexpr Duration kRounding = 2ms;

const MeshSettings kSettings;

Duration margin() {
  return lease_margin(kSettings);
}

/// How long ago it was written. All clocks show the same.
Duration age_at(Duration now, const Version& version) {
  return now - (std::chrono::milliseconds(version.written.unix_ms()) - kClaimWorldBegins);
}

/// Greater: `left` stands above `right`. Written anew, on purpose: the core's is in core/record/version.cpp.
std::strong_ordering rank(const Version& left, const Version& right) {
  if (left.epoch != right.epoch) return left.epoch <=> right.epoch;
  if (left.claim_start != right.claim_start) return right.claim_start <=> left.claim_start;
  if (left.owner != right.owner) return right.owner <=> left.owner;
  if (left.boot != right.boot) return left.boot <=> right.boot;
  return left.sequence <=> right.sequence;
}

}  // namespace

ClaimWorld::Judge::Judge(ClaimWorld& world, NodeIndex node)
    : world_(world), node_(node), before_(world.nodes_[node]->shown()) {}

Duration ClaimWorld::Judge::age(const Version& version) const {
  return age_at(world_.now_, version);
}

const std::optional<ClaimNode::Shown>& ClaimWorld::Judge::after() const {
  return world_.nodes_[node_]->shown();
}

void ClaimWorld::Judge::wrong(const std::string& what) {
  world_.misdeeds_.push_back(world_.plan_.nodes[node_] + " " + what);
}

// J1, J2

void ClaimWorld::Judge::wrote(bool deletes, const ClaimNode::Outcome& outcome) {
  const NodeId& self = world_.nodes_[node_]->id();
  const bool foreign = before_ && is_visible(before_->version) && before_->version.owner != self;
  if (!outcome.refused) {
    if (foreign && age(before_->version) <= kSettings.lease) wrong("is let write, though another holds the key");
    return taken(deletes);
  }
  if (const auto* const leased = std::get_if<Leased>(&*outcome.refused)) {
    if (!foreign || age(before_->version) > kSettings.lease + margin() + kRounding) {
      return wrong("is refused, though nobody holds the key");
    }
    if (leased->owner != before_->version.owner) wrong("is told that another holds the key than does");
    const Duration end = kSettings.lease + kSettings.skew - age(before_->version);
    if (leased->left < end) wrong("is told that the key is free sooner than it can be");
    if (leased->left > end + margin()) wrong("is told that the key is free later than it is");
    return;
  }
  const bool nothing_there = !before_ || !is_visible(before_->version);
  if (!deletes || !nothing_there) wrong("is refused for no reason");
}

void ClaimWorld::Judge::taken(bool deletes) {
  if (!after() || is_visible(after()->version) == deletes) return wrong("does not show what it has just written");
  const Version& now = after()->version;
  if (!before_) return;
  const Version& was = before_->version;
  if (rank(now, was) <= 0) wrong("has written below what it had");
  if (was.owner != now.owner) return;
  const bool goes_on = now.epoch == was.epoch && now.claim_start == was.claim_start;
  const Duration old = age(was);
  if (goes_on && old > kSettings.lease - kSettings.skew) wrong("goes on in a claim that may have ended");
  const bool restarted = world_.nodes_[node_]->has_restarted();
  if (!goes_on && !restarted && old < kSettings.lease - margin() - kRounding) wrong("leaves its own claim");
}

// J3

void ClaimWorld::Judge::heard(const MadeRecord& incoming, const ClaimNode::Outcome& outcome) {
  if (!after()) return wrong("does not take the first record that it hears");
  if (before_) {
    const auto order = rank(incoming.version, before_->version);
    if (order < 0) kept(incoming);
    if (order > 0) replaced(incoming);
    if (order == 0 && *after() != *before_) wrong("changes its record for one of the same version");
  } else if (after()->version != incoming.version) {
    wrong("does not take the first record that it hears");
  }
  conflict(outcome);
}

/// The same value, written by us in another claim or under another epoch.
bool ClaimWorld::Judge::is_anew() const {
  const NodeId& self = world_.nodes_[node_]->id();
  return before_->version.owner == self && is_visible(before_->version) && after()->version.owner == self &&
         after()->value == before_->value && after()->version.epoch > before_->version.epoch;
}

/// `incoming` stands below.
void ClaimWorld::Judge::kept(const MadeRecord& incoming) {
  if (*after() == *before_) return;
  const Version& was = before_->version;
  const Version& now = after()->version;
  const bool next_epoch = is_anew() && incoming.version.owner != was.owner && incoming.version.epoch == was.epoch &&
                          now.claim_start == was.claim_start && now.written == was.written &&
                          std::to_underlying(now.epoch) == std::to_underlying(was.epoch) + 1;
  if (!next_epoch) wrong("changes its record for one that stands below");
}

/// `incoming` stands above.
void ClaimWorld::Judge::replaced(const MadeRecord& incoming) {
  if (after()->version == incoming.version) return;
  if (*after() == *before_) return wrong("keeps its record, though one stands above");
  const bool nobody_holds_it = !is_visible(incoming.version) || age(incoming.version) > kSettings.lease ||
                               incoming.version.owner == before_->version.owner;
  if (!is_anew() || rank(after()->version, incoming.version) <= 0 || after()->version.epoch <= incoming.version.epoch) {
    return wrong("shows a record that stands below one that it has heard");
  }
  if (!nobody_holds_it) wrong("takes the key again, though another holds it");
}

// J4

void ClaimWorld::Judge::conflict(const ClaimNode::Outcome& outcome) {
  const NodeId& self = world_.nodes_[node_]->id();
  const bool lost = before_ && before_->version.owner == self && after()->version.owner != self;
  const bool told = std::ranges::any_of(outcome.conflicts, [&](const Conflict& one) {
    return before_ && one.losing == before_->version && one.winning == after()->version;
  });
  if (!lost) return;
  const Version& was = before_->version;
  const Version& now = after()->version;
  const Duration later = std::chrono::milliseconds(now.written.unix_ms() - was.written.unix_ms());
  const bool above = now.epoch > was.epoch;
  const bool in_order = above && (!is_visible(was) || later > kSettings.lease);
  if (in_order && told && age(was) > kSettings.lease) wrong("is told of a conflict with one who followed in order");
  if (!in_order && !told) wrong("is not told that its write has lost");
}

// J5

void ClaimWorld::Judge::ended_turn(const ClaimNode::Outcome& outcome) {
  const bool own = std::ranges::all_of(outcome.sends, [&](const ClaimNode::Shown& sent) { return sent == after(); });
  if (!own) wrong("would send another's record as its own");
}

// J6, J7

std::vector<std::string> ClaimWorld::wrongs() const {
  if (!misdeeds_.empty()) return misdeeds_;
  std::vector<std::string> found;
  for (NodeIndex at = 0; at < nodes_.size(); ++at) {
    const std::string what = wrong_lease(at);
    if (!what.empty()) found.push_back(plan_.nodes[at] + " " + what);
  }
  if (at_rest()) {
    const std::string what = wrong_rest();
    if (!what.empty()) found.push_back(what);
  }
  return found;
}

std::string ClaimWorld::wrong_lease(NodeIndex at) const {
  const ClaimNode& node = *nodes_[at];
  const auto view = node.lease(now_);
  if (!view) return {};
  const Version& version = node.shown()->version;
  if (view->state == LeaseState::kSettled &&
      now_ - (std::chrono::milliseconds(version.claim_start.unix_ms()) - kClaimWorldBegins) < 2 * kSettings.settle) {
    return "calls its claim settled before its time";
  }
  if (view->ours && node.has_restarted()) return {};
  const Duration length = view->ours ? kSettings.lease - margin() : kSettings.lease + margin();
  const Duration left = length - age_at(now_, version);
  if (view->left > std::max<Duration>(left, Duration::zero()) + kRounding) return "tells a lease that is too long";
  if (view->left < left - kRounding) return "tells a lease that is too short";
  return {};
}

std::string ClaimWorld::wrong_rest() const {
  const auto& last = nodes_.front()->shown();
  if (acknowledged_.empty()) return {};
  if (!last) return "all have forgotten what was acknowledged";
  const auto deleted = [](const MadeRecordPtr& record) { return !is_visible(record->version); };
  const bool deletions = std::ranges::any_of(acknowledged_, deleted);
  if (!deletions && !is_visible(last->version)) return "the key is deleted, and nobody has deleted it";
  MadeRecordPtr of_claim;
  for (const MadeRecordPtr& record : acknowledged_) {
    const Version& version = record->version;
    if (version.owner == last->version.owner && version.claim_start == last->version.claim_start) of_claim = record;
    const bool undisturbed = now_ < kSettings.lease / 2 && spent_ == ClaimFaults{} && !deletions;
    if (undisturbed && version.owner != last->version.owner && version.epoch == last->version.epoch) {
      return fmt::format("epoch {} is the holder's, and was another's, too", std::to_underlying(version.epoch));
    }
  }
  if (of_claim != nullptr && of_claim->value != last->value) return "what all have is not the last write of its claim";
  return {};
}

}  // namespace meshdict::sim
