#include "app/glob.h"

#include <cstddef>
#include <utility>

namespace meshdict {
namespace {

/// A set in brackets, from the '[' at pattern[at]; `at` ends behind it.
bool set_matches(std::string_view pattern, std::size_t& at, unsigned char c) {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      found = found || static_cast<unsigned char>(pattern[at]) == c;
      ++at;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      found = found || (c >= low && c <= high);
      at += 3;
    } else {
      found = found || static_cast<unsigned char>(pattern[at]) == c;
      ++at;
    }
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

/// Matches one character against the element at pattern[at], which is no star; `at` ends behind the element.
bool element_matches(std::string_view pattern, std::size_t& at, char c) {
  switch (pattern[at]) {
    case '?':
      ++at;
      return true;
    case '[':
      return set_matches(pattern, at, static_cast<unsigned char>(c));
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      [[fallthrough]];
    default:
      return pattern[at++] == c;
  }
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  // Where to go on after the last star, and up to where it has eaten the text.
  std::size_t retry_pattern = std::string_view::npos;
  std::size_t retry_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      retry_pattern = ++p;
      retry_text = t;
      continue;
    }
    if (p < pattern.size() && element_matches(pattern, p, text[t])) {
      ++t;
      continue;
    }
    if (retry_pattern == std::string_view::npos) return false;
    p = retry_pattern;
    t = ++retry_text;
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

std::string glob_prefix(std::string_view pattern) {
  std::string prefix;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '*' || c == '?' || c == '[') break;
    if (c == '\\' && at + 1 < pattern.size()) ++at;
    prefix.push_back(pattern[at]);
  }
  return prefix;
}

}  // namespace meshdict
