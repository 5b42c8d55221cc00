#pragma once
// What users may do, and what a command is to those who may not do everything.
//
// 1. Each row of a table of commands says which rights it needs and which keys or channels it touches: a row without Access does not
//    compile. Nothing is decided by a command's name.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace meshdict {

enum class Right : std::uint8_t {
  kRead = 1,     ///< values, names of keys, leases; messages of channels
  kWrite = 2,    ///< and deleting, and waiting for neighbours to have it
  kPublish = 4,  ///< messages to all nodes
  kMesh = 8,     ///< neighbours: seeing, making and ending links
  kAdmin = 16,   ///< other clients, figures, settings, users
};

/// In the order in which they are shown.
inline constexpr std::array<std::pair<Right, std::string_view>, 5> kRightNames{{{Right::kRead, "read"},
                                                                                {Right::kWrite, "write"},
                                                                                {Right::kPublish, "publish"},
                                                                                {Right::kMesh, "mesh"},
                                                                                {Right::kAdmin, "admin"}}};

/// A set of them.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(Right one) : bits_(std::to_underlying(one)) {}

  constexpr Rights operator|(Rights other) const { return Rights(static_cast<std::uint8_t>(bits_ | other.bits_)); }
  [[nodiscard]] constexpr bool include(Rights wanted) const { return (bits_ & wanted.bits_) == wanted.bits_; }
  [[nodiscard]] constexpr bool none() const { return bits_ == 0; }
  constexpr bool operator==(const Rights&) const = default;

  static constexpr Rights all() {
    Rights sum;
    for (const auto& [right, name] : kRightNames)
      sum = sum | right;
    return sum;
  }

 private:
  constexpr explicit Rights(std::uint8_t bits) : bits_(bits) {}
  std::uint8_t bits_ = 0;
};

constexpr Rights operator|(Right one, Right other) {
  return Rights(one) | Rights(other);
}

/// What a command needs of its user.
class Access {
 public:
  enum class Touches : std::uint8_t {
    kNothing,   ///< no key and no channel
    kKeys,      ///< keys, at the places that the row of the table tells
    kChannel,   ///< the channel of its first argument
    kChannels,  ///< channels: all of its arguments
    kVisible,  ///< keys or messages without their names: it, or what delivers them, leaves out what the user may not see
    kAll,      ///< keys or channels without their names: only for users who may see all
  };

  constexpr Access(Rights needed, Touches touched) : needs(needed), touches(touched) {}
  /// For whoever has logged in.
  static constexpr Access everybody() { return {Rights(), Touches::kNothing}; }
  /// Before that, too.
  static constexpr Access stranger() {
    Access access = everybody();
    access.before_login = true;
    return access;
  }

  Rights needs;
  Touches touches;
  bool before_login = false;
};

}  // namespace meshdict
