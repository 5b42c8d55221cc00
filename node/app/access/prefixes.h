#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

/// What names of keys and channels may begin with. The empty prefix allows all.
class Prefixes {
 public:
  Prefixes() = default;  ///< allow none
  static Prefixes of_all() {
    Prefixes all;
    all.add("");
    return all;
  }

  void add(std::string_view prefix);
  [[nodiscard]] bool allow(std::string_view name) const;
  [[nodiscard]] bool allow_all() const { return !list_.empty() && list_.front().empty(); }
  /// The first name that may be allowed, from `name` on: `name` itself, or a prefix behind it. Nothing when there is none.
  [[nodiscard]] std::optional<std::string_view> first_from(std::string_view name) const;
  /// In order; none begins with another.
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  std::vector<std::string> list_;
};

}  // namespace meshdict
