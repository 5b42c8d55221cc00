#pragma once
// A naive model of the version order, and generators whose fields tie often. It shares no code with core/record/version.cpp.

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/sha256.h"
#include "core/record/version.h"

namespace meshdict::version_model {

/// An unsigned integer as big-endian bytes, wide enough for everything in a version.
using Wide = std::array<std::uint8_t, 50>;

inline Wide wide(std::uint64_t number) {
  Wide out{};
  for (std::size_t i = 0; i < 8; ++i)
    out[out.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return out;
}

/// The integer that a node id encodes, digit by digit.
inline Wide wide(const NodeId& id) {
  constexpr std::string_view kDigits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  Wide out{};
  for (const char digit : id.text()) {
    unsigned carry = static_cast<unsigned>(kDigits.find(digit));
    for (std::size_t i = out.size(); i-- > 0;) {
      carry += 58U * out[i];
      out[i] = static_cast<std::uint8_t>(carry & 0xFF);
      carry >>= 8;
    }
  }
  return out;
}

inline Wide wide(const MessageId& hash) {
  Wide out{};
  std::copy(hash.bytes.rbegin(), hash.bytes.rend(), out.rbegin());
  return out;
}

/// For fields whose smaller value wins.
inline Wide inverted(Wide number) {
  for (auto& byte : number)
    byte = static_cast<std::uint8_t>(255 - byte);
  return number;
}

/// Fields from the most to the least significant, each with its name; the larger one wins.
struct Field {
  std::string_view name;
  Wide rank;
};
inline std::vector<Field> fields(const Version& v, Leasing leasing) {
  const auto kind = static_cast<std::uint64_t>(v.kind);
  if (leasing == Leasing::kOn) {
    return {{"epoch", wide(std::to_underlying(v.epoch))},
            {"claim start", inverted(wide(v.claim_start.bits))},
            {"owner", inverted(wide(v.owner))},
            {"boot", wide(std::to_underlying(v.boot))},
            {"sequence", wide(std::to_underlying(v.sequence))},
            {"value hash", wide(v.value_hash)},
            {"write time", wide(v.written.bits)},
            {"kind", wide(kind)}};
  }
  return {{"generation", wide(std::to_underlying(v.epoch))},
          {"write time", wide(v.written.bits)},
          {"owner", inverted(wide(v.owner))},
          {"value hash", wide(v.value_hash)},
          {"boot", wide(std::to_underlying(v.boot))},
          {"sequence", wide(std::to_underlying(v.sequence))},
          {"claim start", inverted(wide(v.claim_start.bits))},
          {"kind", wide(kind)}};
}

/// The version with the larger rank wins.
inline std::vector<Wide> rank(const Version& v, Leasing leasing) {
  std::vector<Wide> out;
  for (const Field& field : fields(v, leasing))
    out.push_back(field.rank);
  return out;
}

/// Ids of all lengths, neighbours among them.
inline const std::vector<NodeId>& ids() {
  static const std::vector<NodeId> kIds = [] {
    std::vector<NodeId> out;
    for (const std::string& text :
         {std::string("1"), std::string("2"), std::string("z"), std::string("21"), std::string(65, 'z'),
          "2" + std::string(65, '1'), "2" + std::string(64, '1') + "2", std::string(66, 'y'), std::string(66, 'z')}) {
      out.push_back(*NodeId::parse(text));
    }
    return out;
  }();
  return kIds;
}

/// From few numbers, the extremes among them, so that fields tie often.
inline std::uint64_t few() {
  return *rc::gen::element<std::uint64_t>(0, 1, 2, 255, 256, UINT64_MAX);
}

inline Version any_version() {
  Version v;
  v.epoch = Epoch{few()};
  v.claim_start = Hlc{few()};
  v.owner = *rc::gen::elementOf(ids());
  v.boot = Boot{few()};
  v.sequence = Sequence{few()};
  v.value_hash = sha256(std::string(1, *rc::gen::element('a', 'b')));
  v.written = Hlc{few()};
  v.kind = *rc::gen::element(RecordKind::kValue, RecordKind::kTombstone);
  return v;
}

/// Two versions that agree in a random choice of fields.
inline std::pair<Version, Version> two_versions() {
  const Version left = any_version();
  Version right = any_version();
  const auto same = [] { return *rc::gen::element(true, true, false); };
  if (same()) right.epoch = left.epoch;
  if (same()) right.claim_start = left.claim_start;
  if (same()) right.owner = left.owner;
  if (same()) right.boot = left.boot;
  if (same()) right.sequence = left.sequence;
  if (same()) right.value_hash = left.value_hash;
  if (same()) right.written = left.written;
  if (same()) right.kind = left.kind;
  return {left, right};
}

/// A third version, each field of which is that of one of the two, or its own.
inline Version mixed(const Version& a, const Version& b) {
  const Version own = any_version();
  const auto from = [&]() -> const Version& { return **rc::gen::element(&a, &b, &own); };
  Version out;
  out.epoch = from().epoch;
  out.claim_start = from().claim_start;
  out.owner = from().owner;
  out.boot = from().boot;
  out.sequence = from().sequence;
  out.value_hash = from().value_hash;
  out.written = from().written;
  out.kind = from().kind;
  return out;
}

inline int sign(std::strong_ordering order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}
inline int sign(int number) {
  return number < 0 ? -1 : number > 0 ? 1 : 0;
}

}  // namespace meshdict::version_model
