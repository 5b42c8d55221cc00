#include "core/record/version.h"

#include <cassert>
#include <vector>

#include "core/base/base58.h"

namespace meshdict {
namespace {

/// The first field that differs, and whether `left` wins by it.
struct Decision {
  VersionField field = VersionField::kNone;
  std::strong_ordering order = std::strong_ordering::equal;
};

template <typename Field>
bool differs(Decision& decision, VersionField field, const Field& left, const Field& right) {
  decision.order = left <=> right;
  if (decision.order == 0) return false;
  decision.field = field;
  return true;
}

/// For fields whose smaller value wins, the operands are handed over the other way round.
Decision decide_with_leases(const Version& left, const Version& right) {
  Decision d;
  if (differs(d, VersionField::kEpoch, left.epoch, right.epoch)) return d;
  if (differs(d, VersionField::kClaimStart, right.claim_start, left.claim_start)) return d;
  if (differs(d, VersionField::kOwner, right.owner, left.owner)) return d;
  if (differs(d, VersionField::kBoot, left.boot, right.boot)) return d;
  if (differs(d, VersionField::kSequence, left.sequence, right.sequence)) return d;
  if (differs(d, VersionField::kValueHash, left.value_hash, right.value_hash)) return d;
  if (differs(d, VersionField::kWriteTime, left.written, right.written)) return d;
  if (differs(d, VersionField::kKind, left.kind, right.kind)) return d;
  return {};
}

Decision decide_without_leases(const Version& left, const Version& right) {
  Decision d;
  if (differs(d, VersionField::kGeneration, left.epoch, right.epoch)) return d;
  if (differs(d, VersionField::kWriteTime, left.written, right.written)) return d;
  if (differs(d, VersionField::kOwner, right.owner, left.owner)) return d;
  if (differs(d, VersionField::kValueHash, left.value_hash, right.value_hash)) return d;
  if (differs(d, VersionField::kBoot, left.boot, right.boot)) return d;
  if (differs(d, VersionField::kSequence, left.sequence, right.sequence)) return d;
  if (differs(d, VersionField::kClaimStart, right.claim_start, left.claim_start)) return d;
  if (differs(d, VersionField::kKind, left.kind, right.kind)) return d;
  return {};
}

Decision decide(const Version& left, const Version& right, Leasing leasing) {
  return leasing == Leasing::kOn ? decide_with_leases(left, right) : decide_without_leases(left, right);
}

void append_big_endian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

}  // namespace

std::strong_ordering compare(const Version& left, const Version& right, Leasing leasing) {
  return decide(left, right, leasing).order;
}

VersionField deciding_field(const Version& left, const Version& right, Leasing leasing) {
  return decide(left, right, leasing).field;
}

std::string_view to_string(VersionField field) {
  switch (field) {
    case VersionField::kNone:
      break;
    case VersionField::kEpoch:
      return "epoch";
    case VersionField::kGeneration:
      return "generation";
    case VersionField::kClaimStart:
      return "claim start";
    case VersionField::kOwner:
      return "owner";
    case VersionField::kBoot:
      return "boot";
    case VersionField::kSequence:
      return "sequence";
    case VersionField::kWriteTime:
      return "write time";
    case VersionField::kValueHash:
      return "value hash";
    case VersionField::kKind:
      return "kind";
  }
  return "equal";
}

bool same_claim(const Version& left, const Version& right) {
  return left.epoch == right.epoch && left.claim_start == right.claim_start && left.owner == right.owner;
}

std::string fence(const Version& version) {
  std::string out;
  out.reserve(kFenceSize);
  append_big_endian(out, std::to_underlying(version.epoch));
  append_big_endian(out, ~version.claim_start.bits);
  // Nothing for "no node", which is the smallest id.
  const auto number = base58_decode(version.owner.text()).value_or(std::vector<std::uint8_t>{});
  assert(number.size() <= kFenceOwnerSize);
  out.append(kFenceOwnerSize - number.size(), '\xFF');
  for (const std::uint8_t byte : number)
    out.push_back(static_cast<char>(~byte));
  return out;
}

}  // namespace meshdict
