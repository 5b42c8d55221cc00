#pragma once
// Values of other types than bytes and text, as clients see them: JSON, made step by step.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "app/commands/commands.h"
#include "app/resp/limits.h"
#include "core/encoding/json_text.h"

namespace meshdict {

/// One value on its way to a reply.
class ShownValue {
 public:
  explicit ShownValue(RawView value) : value_(value) {}

  /// Goes on for as long as there are steps. True when it is done, or larger than a reply may be.
  bool go_on(std::size_t& steps) {
    while (!over_ && steps > 0) {
      constexpr std::size_t kPiece = 1'024;
      const std::size_t piece = std::min(steps, kPiece / resp_limits::kShownBytesPerStep);
      steps -= piece;
      state_ = json_.append(value_, piece * resp_limits::kShownBytesPerStep, text_);
      length_ += text_.size() - counted_;
      if (only_length_) text_.clear();
      counted_ = text_.size();
      over_ = state_ != JsonText::State::kMore || text_.size() > resp_limits::kMaxOutput;
    }
    return over_;
  }
  /// REQUIRES: go_on() has returned true.
  [[nodiscard]] std::string_view text() const { return is_damaged() ? kNothing : text_; }
  [[nodiscard]] std::size_t length() const { return is_damaged() ? kNothing.size() : length_; }
  /// Only length() is wanted: the text is not kept.
  ShownValue& only_length() {
    only_length_ = true;
    return *this;
  }

 private:
  static constexpr std::string_view kNothing = "null";
  [[nodiscard]] bool is_damaged() const { return state_ == JsonText::State::kDamaged; }

  Raw value_;
  JsonText json_;
  JsonText::State state_ = JsonText::State::kMore;
  std::string text_;
  std::size_t length_ = 0;
  std::size_t counted_ = 0;  ///< of text_, in length_
  bool only_length_ = false;
  bool over_ = false;
};

/// Replies with a value as GET shows it, in later turns if it takes long.
void show_value(RespSession& session, RawView value);

}  // namespace meshdict
