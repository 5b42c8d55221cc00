#include "core/version.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base58.h"

namespace meshdict {
namespace {

constexpr std::size_t kOwnerBytes = 48;  // 384 bits; 66 base58 characters hold 386.6

struct Comparison {
  std::strong_ordering order = std::strong_ordering::equal;
  std::string_view field = "equal";
};

/// The first field that differs. A field that prefers the smaller one is compared the other way round.
class FirstDifference {
 public:
  template <typename Field>
  FirstDifference& larger(std::string_view name, const Field& left, const Field& right) {
    if (result_.order == 0) {
      if (const auto order = left <=> right; order != 0) result_ = {order, name};
    }
    return *this;
  }
  template <typename Field>
  FirstDifference& smaller(std::string_view name, const Field& left, const Field& right) {
    return larger(name, right, left);
  }
  [[nodiscard]] Comparison result() const { return result_; }

 private:
  Comparison result_;
};

Comparison compare_fields(const Version& left, const Version& right, Leasing leasing) {
  FirstDifference difference;
  if (leasing == Leasing::kOn) {
    difference.larger("epoch", left.epoch, right.epoch)
        .smaller("claim start", left.claim_start, right.claim_start)
        .smaller("owner", left.owner, right.owner)
        .larger("boot", left.boot, right.boot)
        .larger("sequence", left.sequence, right.sequence)
        .larger("value", left.value_hash, right.value_hash)
        .larger("write time", left.written, right.written);
  } else {
    difference.larger("generation", left.epoch, right.epoch)
        .larger("write time", left.written, right.written)
        .smaller("owner", left.owner, right.owner)
        .larger("value", left.value_hash, right.value_hash)
        .smaller("claim start", left.claim_start, right.claim_start)
        .larger("boot", left.boot, right.boot)
        .larger("sequence", left.sequence, right.sequence);
  }
  return difference.larger("kind", left.kind, right.kind).result();
}

void append_big_endian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

}  // namespace

std::strong_ordering compare(const Version& left, const Version& right, Leasing leasing) {
  return compare_fields(left, right, leasing).order;
}

std::string_view deciding_field(const Version& left, const Version& right, Leasing leasing) {
  return compare_fields(left, right, leasing).field;
}

bool same_claim(const Version& left, const Version& right) {
  return left.epoch == right.epoch && left.claim_start == right.claim_start && left.owner == right.owner;
}

std::string fence(const Version& version) {
  std::string bytes;
  bytes.reserve(8 + 8 + kOwnerBytes + 1);
  append_big_endian(bytes, version.epoch);
  append_big_endian(bytes, ~version.claim_start.bits);
  const auto number = base58_decode(version.owner.text()).value_or(std::vector<std::uint8_t>());
  // 66 characters may exceed 384 bits by a little: one byte more keeps the width fixed for them, too.
  std::string owner(kOwnerBytes + 1 - std::min(number.size(), kOwnerBytes + 1), '\0');
  owner.append(number.begin(), number.end());
  for (const char c : owner)
    bytes.push_back(static_cast<char>(~c));
  return bytes;
}

}  // namespace meshdict
