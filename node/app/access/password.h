#pragma once
// Passwords as they are kept: scrypt's hash of each, with a salt of its own.
//
// 1. The text of one is "$scrypt$ln=15,r=8,p=3$SALT$HASH", base64 without "=" (the PHC string format, as other tools write it).
// 2. All have the same cost, access_limits::kScryptLogN and its siblings; another is refused where it is read.
// 3. Comparing takes the same time wherever the first difference is.

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace meshdict {

class PasswordHash {
 public:
  enum class Match : std::uint8_t { kYes, kNo, kNoMemory };

  /// Error text says what was expected; it does not repeat the text, which may be a password by mistake.
  static std::expected<PasswordHash, std::string> parse(std::string_view text);
  /// With a new salt. Takes some tenths of a second. Error text for the operator.
  static std::expected<PasswordHash, std::string> of(std::string_view password);
  /// One that no password has: to do for a name that nobody has the same work as for another.
  static PasswordHash of_nobody();

  [[nodiscard]] std::string text() const;
  /// Takes some tenths of a second.
  [[nodiscard]] Match matches(std::string_view password) const;
  bool operator==(const PasswordHash&) const = default;

 private:
  using Salt = std::array<unsigned char, 16>;
  using Hash = std::array<unsigned char, 32>;
  static bool derive(std::string_view password, const Salt& salt, Hash& hash);

  Salt salt_{};
  Hash hash_{};
};

}  // namespace meshdict
