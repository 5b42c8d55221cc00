#include "sim/trace/trace.h"

#include <fmt/format.h>

#include <algorithm>

namespace meshdict::sim {
namespace {

/// Bytes of the character with which `text` begins; 0: it is no UTF-8, or a control character of ASCII or of Latin-1.
std::size_t visible_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= ' ' && first != 0x7F ? 1 : 0;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  const bool is_control = first == 0xC2 && byte(1) < 0xA0;
  const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool is_none = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return is_control || is_overlong || is_none ? 0 : size;
}

/// Calls `each` with every character and true, or with every byte of what is none and false.
template <typename Each>
void for_each_character(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const std::size_t size = visible_character(text);
    each(text.substr(0, std::max<std::size_t>(size, 1)), size > 0);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

bool is_visible(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = visible_character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string hex_escape(char byte) {
  return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
}

}  // namespace

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
  const auto is_plain = [](char c) { return c != ' ' && c != '"'; };
  if (!word.empty() && std::ranges::all_of(word, is_plain) && is_visible(word)) return std::string(word);
  std::string text = "\"";
  for_each_character(word, [&](std::string_view character, bool visible) {
    if (character == "\"" || character == "\\") text += '\\';
    text += visible ? std::string(character) : hex_escape(character.front());
  });
  return text + '"';
}

std::string visible_text(std::string_view text) {
  if (is_visible(text)) return std::string(text);
  std::string shown;
  for_each_character(text, [&](std::string_view character, bool visible) {
    shown += visible ? std::string(character) : hex_escape(character.front());
  });
  return shown;
}

}  // namespace meshdict::sim
