#include "sim/trace/trace.h"

#include <fmt/format.h>

#include <algorithm>

namespace meshdict::sim {

std::string seconds_text(Duration time) {
  return fmt::format("{}.{:06}", time.count() / 1'000'000, time.count() % 1'000'000);
}

void Transcript::line(Duration at, std::string_view node, std::string_view what) const {
  if (out_ == nullptr) return;
  std::string text = fmt::format("{:>13} {:<8} {}", seconds_text(at), node, what);
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), out_);
}

void Transcript::remark(std::string_view what) const {
  if (out_ == nullptr) return;
  const std::string text = fmt::format("# {}\n", what);
  std::fwrite(text.data(), 1, text.size(), out_);
}

std::string word_text(std::string_view word) {
  const auto is_plain = [](unsigned char c) { return c > ' ' && c != '"' && c != 0x7F; };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text + '"';
}

}  // namespace meshdict::sim
