#include "core/dictionary/explain.h"

#include "core/encoding/value.h"
#include "core/record/claim_marks.h"

namespace meshdict {
namespace {

/// At least so long ago.
std::string whole_seconds_past(Duration d) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(d).count()) + " s";
}

std::string padded(std::int64_t number, std::size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

/// "2027-01-15 08:00:01.000 UTC", and "+ 3" when it is the fourth reading of that millisecond.
std::string time_text(Hlc time) {
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> moment{milliseconds(time.unix_ms())};
  const auto midnight = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(midnight);
  const std::int64_t ms = (moment - midnight).count();
  std::string text =
      std::to_string(static_cast<int>(date.year())) + "-" + padded(static_cast<unsigned>(date.month()), 2) + "-" +
      padded(static_cast<unsigned>(date.day()), 2) + " " + padded(ms / 3'600'000, 2) + ":" +
      padded(ms / 60'000 % 60, 2) + ":" + padded(ms / 1'000 % 60, 2) + "." + padded(ms % 1'000, 3) + " UTC";
  if (const std::uint64_t counter = time.bits & 0xFFFF; counter > 0) text += " + " + std::to_string(counter);
  return text;
}

std::string claim_text(const Version& version) {
  return "epoch " + std::to_string(std::to_underlying(version.epoch)) + ", started " + time_text(version.claim_start) +
         ", of " + std::string(version.owner.text());
}

std::string_view rule_text(VersionField field) {
  switch (field) {
    case VersionField::kEpoch:
      return "the larger epoch wins";
    case VersionField::kGeneration:
      return "the larger generation wins";
    case VersionField::kClaimStart:
      return "of equal epochs the earlier start wins";
    case VersionField::kOwner:
      return "all else being equal the smaller id wins";
    case VersionField::kBoot:
      return "of one owner's writes the later process's wins";
    case VersionField::kSequence:
      return "of one claim's writes the last wins";
    case VersionField::kWriteTime:
      return "the later write wins";
    case VersionField::kNone:
    case VersionField::kValueHash:
    case VersionField::kKind:
      break;
  }
  return "a tie is broken the same way everywhere";
}

/// One line for a claim that the key has met before.
std::string step_text(const ClaimHistory::Step& step) {
  std::string text;
  switch (step.end) {
    case ClaimEnd::kFollowed:
      text = "before: ";
      break;
    case ClaimEnd::kLost:
      text = "lost: ";
      break;
    case ClaimEnd::kTurnedAway:
      text = "turned away: ";
      break;
  }
  text += claim_text(step.version);
  if (!is_visible(step.version)) text += ", deleted";
  return text + " (decided by " + std::string(to_string(step.decided_by)) + ": " +
         std::string(rule_text(step.decided_by)) + ")";
}

/// How many writes of the claim went before.
std::uint64_t number_in_claim(const Version& version) {
  return std::to_underlying(version.sequence) - (is_taken(version) ? std::to_underlying(kFirstOfTaken) : 0);
}

std::string lease_text(const LeaseView& view) {
  if (view.state == LeaseState::kReleased) return "given up by its owner; the next node that writes claims the key";
  if (!view.held) {
    return view.ours ? "lapsed; our next write claims the key anew"
                     : "lapsed; the next node that writes claims the key";
  }
  std::string text = "held for " + seconds_left_text(view.left);
  if (view.taken) text += "; an operator has taken it from an earlier holder";
  switch (view.state) {
    case LeaseState::kForeign:
      return text;
    case LeaseState::kLost:
      return text + "; this node had claimed the key too, and lost";
    case LeaseState::kTentative:
      return text + "; tentative: a rival's claim may still be on its way";
    case LeaseState::kSettled:
      return text + "; settled: we were in contact with the mesh, and no rival has shown itself";
    case LeaseState::kReleased:
      return text;
    case LeaseState::kUnconfirmed:
      return text + "; unconfirmed: we have not been in contact with the mesh for long enough since it began";
  }
  return text;
}

}  // namespace

std::string seconds_left_text(Duration left) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + " s";
}

std::string distance_text(Duration ahead) {
  const std::int64_t tenths = std::chrono::abs(ahead) / 100ms;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s " +
         (ahead < Duration::zero() ? "behind" : "ahead of");
}

namespace {

/// Without converting it, which takes long.
std::string size_text(RawView value) {
  if (const auto bytes = MsgpackCursor(value).bin_or_str())
    return "a value of " + std::to_string(bytes->size()) + " bytes";
  return "a value of " + std::to_string(value.size()) + " bytes, encoded";
}

}  // namespace

std::string explain(const KeyStory& story) {
  const Record& record = story.present;
  const Version& version = record.version;
  const bool visible = is_visible(version);
  std::string text = visible ? size_text(record.value) : "deleted";
  text += visible ? ", owned by " : " by ";
  text += story.ours ? "this node" : "another node";
  text += "\nclaim: " + claim_text(version);
  text += "\nversion: write " + std::to_string(number_in_claim(version)) + " of the claim, by process " +
          std::to_string(std::to_underlying(version.boot)) + " of its owner, at " + time_text(version.written) + ", " +
          whole_seconds_past(story.age) + " ago";
  if (story.met != nullptr) {
    for (const ClaimHistory::Step& step : *story.met)
      text += "\n" + step_text(step);
  }
  text += "\nlease: ";
  if (story.leasing == Leasing::kOff) return text + "none in this network; the later write wins";
  if (!visible) return text + "ended with the delete; the next node that writes claims the key";
  text += lease_text(*story.lease);
  if (story.clock_ahead) text += "\nclock: ours is " + distance_text(*story.clock_ahead) + " those of most neighbours";
  return text;
}

}  // namespace meshdict
