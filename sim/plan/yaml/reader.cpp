#include "sim/plan/yaml/reader.h"

#include <fmt/format.h>
#include <yaml-cpp/binary.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <span>
#include <utility>

#include "core/base/nearest.h"
#include "core/base/parse_number.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// "1.5s" in units of 10^-6 of the unit's factor, without floating point: at most six digits behind the point.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  const std::string_view suffix = text.substr(digits);
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == suffix; });
  if (unit == units.end()) return std::nullopt;
  const std::size_t point = std::min(number.find('.'), number.size());
  const auto whole = parse_number<std::uint64_t>(number.substr(0, point));
  // In ms, 63 bits hold it.
  if (!whole || *whole > 9'000'000'000'000'000) return std::nullopt;
  std::uint64_t millionths = 0;
  if (point < number.size()) {
    std::string behind(number.substr(point + 1));
    if (behind.empty() || behind.size() > 6) return std::nullopt;
    behind.resize(6, '0');
    const auto fraction = parse_number<std::uint64_t>(behind);
    if (!fraction) return std::nullopt;
    millionths = *fraction;
  }
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(*whole, unit->factor, &result)) return std::nullopt;
  std::uint64_t part = 0;
  if (__builtin_mul_overflow(millionths, unit->factor, &part) || part % 1'000'000 != 0) return std::nullopt;
  return result + part / 1'000'000;
}

constexpr std::array<Unit, 5> kTimeUnits = {
    {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"min", 60'000'000}, {"h", 3'600'000'000}}};
constexpr std::array<Unit, 4> kSizeUnits = {{{"B", 1}, {"KB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}}};

const std::string kTimeForm = "a time such as 250us, 5ms, 1.5s, 2min or 1h";

std::optional<std::string> scalar(const YAML::Node& node, const std::string& expected, PlanErrors& errors) {
  if (!node.IsDefined()) return std::nullopt;
  if (node.IsScalar()) return node.Scalar();
  if (node.IsNull()) {
    errors.add(node.Mark(), "there is no value here, expected " + expected);
  } else {
    errors.add(node.Mark(), fmt::format("this is a {}, expected {}", node.IsMap() ? "map" : "list", expected));
  }
  return std::nullopt;
}

}  // namespace

std::string list_words(const std::vector<std::string>& words) {
  if (words.size() < 2) return words.empty() ? "nothing" : words.front();
  return fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

std::string unknown_word(std::string_view word, std::string_view is_no, const std::vector<std::string>& words) {
  const auto meant = nearest(word, words);
  std::vector<std::string> listed = words;
  if (listed.size() > sim_limits::kMaxListedWords) {
    listed.resize(sim_limits::kMaxListedWords);
    listed.emplace_back("...");
  }
  return fmt::format("'{}' is no {}, expected {}", word, is_no,
                     meant ? fmt::format("'{}'; all are {}", *meant, list_words(listed)) : list_words(listed));
}

void PlanErrors::add(const YAML::Mark& mark, const std::string& what) {
  if (list_.size() < sim_limits::kMaxErrors)
    list_.push_back(fmt::format("{}:{}:{}: {}", file_, mark.line + 1, mark.column + 1, what));
}

void PlanErrors::add_unknown(const YAML::Mark& mark, std::string_view word, std::string_view is_no,
                             const std::vector<std::string>& words) {
  add(mark, unknown_word(word, is_no, words));
}

MapReader::MapReader(const YAML::Node& map, std::string what, PlanErrors& errors)
    : what_(std::move(what)), errors_(errors) {
  if (!map.IsDefined()) return;
  mark_ = map.Mark();
  if (map.IsMap()) {
    add_entries(map, false);
  } else if (!map.IsNull()) {
    errors_.add(mark_, fmt::format("{} is no map, expected 'key: value' lines", what_));
  }
}

void MapReader::add_entries(const YAML::Node& map, bool merged) {
  const auto before = static_cast<std::ptrdiff_t>(entries_.size());
  std::vector<YAML::Node> others;
  for (const auto& entry : map) {
    const YAML::Node& key = entry.first;
    if (key.IsScalar() && key.Scalar() == "<<") {
      others.push_back(entry.second);
      continue;
    }
    const bool known = merged && std::any_of(entries_.begin(), entries_.begin() + before, [&](const Entry& other) {
                         return other.key.IsScalar() && key.IsScalar() && other.key.Scalar() == key.Scalar();
                       });
    if (!known) entries_.push_back({.key = key, .value = entry.second, .merged = merged});
  }
  for (const YAML::Node& maps : others)
    merge(maps);
}

void MapReader::merge(const YAML::Node& maps) {
  const auto take = [&](const YAML::Node& one) {
    if (!one.IsMap()) {
      errors_.add(one.Mark(), "'<<' takes the keys of other maps, expected one, such as *slow");
    } else if (++merged_ > sim_limits::kMaxMerged) {
      errors_.add(one.Mark(),
                  fmt::format("'<<' takes the keys of too many maps, expected {} at most", sim_limits::kMaxMerged));
    } else {
      add_entries(one, true);
    }
  };
  if (!maps.IsSequence()) return take(maps);
  for (const auto& one : maps)
    take(one);
}

YAML::Node MapReader::optional(const std::string& key) {
  known_.push_back(key);
  for (const Entry& entry : entries_) {
    if (entry.key.IsScalar() && entry.key.Scalar() == key) return entry.value;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

bool MapReader::has(const std::string& key) const {
  return std::ranges::any_of(entries_,
                             [&](const Entry& entry) { return entry.key.IsScalar() && entry.key.Scalar() == key; });
}

YAML::Node MapReader::required(const std::string& key) {
  YAML::Node found = optional(key);
  if (!found.IsDefined()) missing_.push_back(key);
  return found;
}

void MapReader::finish() {
  std::vector<std::string> seen;
  std::vector<std::string> mistyped;
  for (const auto& [name, value, merged] : entries_) {
    if (!name.IsScalar()) {
      errors_.add(name.Mark(), fmt::format("this is no key of {}, expected {}", what_, list_words(known_)));
      continue;
    }
    const std::string& key = name.Scalar();
    if (extensions_ && key.starts_with("x-")) continue;
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      errors_.add_unknown(name.Mark(), key, "key of " + what_, known_);
      if (auto meant = nearest(key, missing_)) mistyped.push_back(*std::move(meant));
    } else if (!merged && std::find(seen.begin(), seen.end(), key) != seen.end()) {
      errors_.add(name.Mark(), fmt::format("'{}' is there twice, expected it once in {}", key, what_));
    }
    seen.push_back(key);
  }
  for (const std::string& key : missing_) {
    if (std::find(mistyped.begin(), mistyped.end(), key) != mistyped.end()) continue;
    errors_.add(mark_, fmt::format("{} lacks a key, expected '{}'", what_, key));
  }
}

std::optional<std::string> read_text(const YAML::Node& node, PlanErrors& errors) {
  return scalar(node, "a text", errors);
}

std::optional<bool> read_flag(const YAML::Node& node, PlanErrors& errors) {
  const auto text = scalar(node, "on or off", errors);
  if (!text) return std::nullopt;
  bool flag = false;
  if (YAML::convert<bool>::decode(node, flag)) return flag;
  errors.add(node.Mark(), fmt::format("'{}' is no switch, expected on or off", *text));
  return std::nullopt;
}

std::optional<std::uint64_t> read_count(const YAML::Node& node, PlanErrors& errors, std::uint64_t least,
                                        std::uint64_t most) {
  const std::string expected = fmt::format("a whole number from {} to {}", least, most);
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  const auto number = parse_number<std::uint64_t>(*text);
  if (number && least <= *number && *number <= most) return number;
  errors.add(node.Mark(), fmt::format("'{}' is no count, expected {}", *text, expected));
  return std::nullopt;
}

std::optional<CountRange> read_count_range(const YAML::Node& node, PlanErrors& errors) {
  const std::string expected = "a number such as 3, or a range such as 2..4 or 2..";
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  const std::size_t dots = text->find("..");
  CountRange range;
  const auto low = parse_number<std::uint64_t>(std::string_view(*text).substr(0, dots));
  const bool open = dots != std::string::npos && dots + 2 == text->size();
  const auto high =
      dots == std::string::npos ? low : parse_number<std::uint64_t>(std::string_view(*text).substr(dots + 2));
  if (low) range.low = *low;
  if (high) range.high = *high;
  if (low && (high || open) && range.low <= range.high) return range;
  errors.add(node.Mark(), fmt::format("'{}' is no count, expected {}", *text, expected));
  return std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto micros = parse_quantity(text, kTimeUnits);
  if (!micros || *micros > static_cast<std::uint64_t>(sim_limits::kMaxDuration.count())) return std::nullopt;
  const Duration duration(static_cast<std::int64_t>(*micros));
  return negative ? -duration : duration;
}

std::optional<Duration> read_duration(const YAML::Node& node, PlanErrors& errors) {
  const auto text = scalar(node, kTimeForm, errors);
  if (!text) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (duration && *duration >= Duration{}) return duration;
  errors.add(node.Mark(), fmt::format("'{}' is no time, expected {}", *text, kTimeForm));
  return std::nullopt;
}

std::optional<DurationRange> read_duration_range(const YAML::Node& node, PlanErrors& errors, bool may_be_negative) {
  const std::string expected = kTimeForm + ", or a range such as 5ms..40ms";
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  const std::size_t dots = text->find("..");
  const auto low = parse_duration(std::string_view(*text).substr(0, dots));
  const auto high = dots == std::string::npos ? low : parse_duration(std::string_view(*text).substr(dots + 2));
  if (!low || !high || (!may_be_negative && *low < Duration{})) {
    errors.add(node.Mark(), fmt::format("'{}' is no time, expected {}", *text, expected));
    return std::nullopt;
  }
  if (*low > *high) {
    errors.add(node.Mark(), fmt::format("'{}' runs backwards, expected the smaller time first", *text));
    return std::nullopt;
  }
  return DurationRange{*low, *high};
}

std::optional<DurationRange> parse_duration_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto low = parse_duration(text.substr(0, dots));
  const auto high = dots == std::string::npos ? low : parse_duration(text.substr(dots + 2));
  if (!low || !high || *low < Duration{} || *low > *high) return std::nullopt;
  return DurationRange{*low, *high};
}

std::optional<std::uint64_t> read_size(const YAML::Node& node, PlanErrors& errors) {
  const std::string expected = "a size such as 500B, 64KB or 1MB";
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  const auto size = parse_quantity(*text, kSizeUnits);
  if (!size) errors.add(node.Mark(), fmt::format("'{}' is no size, expected {}", *text, expected));
  return size;
}

std::optional<std::uint64_t> read_bandwidth(const YAML::Node& node, PlanErrors& errors) {
  const std::string expected = "a rate such as 64KB/s or 10MB/s, or unlimited";
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  if (*text == "unlimited") return 0;
  if (text->ends_with("/s")) {
    const auto rate = parse_quantity(std::string_view(*text).substr(0, text->size() - 2), kSizeUnits);
    if (rate && *rate > 0 && *rate <= 1'000'000'000'000) return rate;
    if (rate && *rate == 0) {
      errors.add(node.Mark(), fmt::format("'{}' lets nothing pass, expected a rate above 0, or a step that is a "
                                          "partition",
                                          *text));
      return std::nullopt;
    }
  }
  errors.add(node.Mark(), fmt::format("'{}' is no rate, expected {}", *text, expected));
  return std::nullopt;
}

std::optional<std::int64_t> read_ppm(const YAML::Node& node, std::int64_t most, PlanErrors& errors) {
  const std::string expected = fmt::format("parts per million from -{}ppm to {}ppm, such as 300ppm", most, most);
  const auto text = scalar(node, expected, errors);
  if (!text) return std::nullopt;
  std::int64_t ppm = 0;
  const char* const begin = text->data();
  const auto [rest, error] = std::from_chars(begin, begin + text->size(), ppm);
  if (error == std::errc() && std::string_view(rest) == "ppm" && std::abs(ppm) <= most) return ppm;
  errors.add(node.Mark(), fmt::format("'{}' is no rate of a clock, expected {}", *text, expected));
  return std::nullopt;
}

std::optional<std::size_t> read_word(const YAML::Node& node, std::string_view what,
                                     const std::vector<std::string>& words, PlanErrors& errors) {
  const auto text = scalar(node, list_words(words), errors);
  if (!text) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  errors.add_unknown(node.Mark(), *text, what, words);
  return std::nullopt;
}

// Values that are no text

namespace {

constexpr std::string_view kYamlTags = "tag:yaml.org,2002:";
/// The emitter of yaml-cpp writes these as "!!int"; there is none for a text, which stands in quotes.
constexpr std::array<const char*, 5> kTags = {"int", "float", "bool", "null", "binary"};

/// "int" of "!!int"; nothing for another tag, and for none.
std::string_view tag_of(const YAML::Node& node) {
  const std::string& tag = node.Tag();
  if (!tag.starts_with(kYamlTags)) return {};
  const std::string_view name = std::string_view(tag).substr(kYamlTags.size());
  for (const char* known : kTags)
    if (name == known) return known;
  return {};
}

bool is_quoted(const YAML::Node& node) {
  return node.Tag() == "!";
}

bool write_integer(const std::string& text, MsgpackWriter& out) {
  if (const auto whole = parse_number<std::uint64_t>(text)) return out.integer(*whole), true;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return false;
  out.integer(number);
  return true;
}

bool write_real(const std::string& text, MsgpackWriter& out) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const bool special = text.find_first_not_of("+-.0123456789eE") != std::string::npos;
  if (error != std::errc() || rest != end || special) return false;
  out.real(number);
  return true;
}

bool write_boolean(const YAML::Node& node, MsgpackWriter& out) {
  bool flag = false;
  if (!YAML::convert<bool>::decode(node, flag)) return false;
  out.boolean(flag);
  return true;
}

class TypedReader {
 public:
  explicit TypedReader(PlanErrors& errors) : errors_(errors) {}

  bool write(const YAML::Node& node, MsgpackWriter& out, std::size_t depth = 0) {
    // Aliases make much of little: each writes a byte or more.
    if (++written_ > limits::kMaxValue) {
      errors_.add(node.Mark(),
                  fmt::format("this value is longer than members take, expected {} bytes at most", limits::kMaxValue));
      return false;
    }
    if (depth > limits::kMaxDepth) {
      errors_.add(node.Mark(), fmt::format("this value is nested deeper than members take, expected {} levels at most",
                                           limits::kMaxDepth));
      return false;
    }
    if (node.IsNull()) return out.nil(), true;
    if (node.IsScalar()) return write_scalar(node, out);
    if (node.IsSequence()) {
      out.array(static_cast<std::uint32_t>(node.size()));
      for (const auto& item : node)
        if (!write(item, out, depth + 1)) return false;
      return true;
    }
    out.map(static_cast<std::uint32_t>(node.size()));
    for (const auto& entry : node)
      if (!write(entry.first, out, depth + 1) || !write(entry.second, out, depth + 1)) return false;
    return true;
  }

 private:
  bool write_scalar(const YAML::Node& node, MsgpackWriter& out) {
    const std::string& text = node.Scalar();
    const std::string_view tag = tag_of(node);
    if (tag.empty()) {
      const bool is_word = text == "true" || text == "false";
      const bool is_typed = !is_quoted(node) && (write_integer(text, out) || write_real(text, out) ||
                                                 (is_word && write_boolean(node, out)));
      if (!is_typed) out.str(text);
      return true;
    }
    if (tag == "null") return out.nil(), true;
    if (tag == "binary") {
      const std::vector<unsigned char> bytes = YAML::DecodeBase64(text);
      if (!bytes.empty() || text.empty())
        return out.bin({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), true;
    } else if (tag == "int"    ? write_integer(text, out)
               : tag == "bool" ? write_boolean(node, out)
                               : write_real(text, out)) {
      return true;
    }
    errors_.add(node.Mark(),
                fmt::format("'{}' is no value of !!{}, expected one such as !!int 5, !!float 1.5, !!bool true, "
                            "!!null ~ or !!binary aGk=",
                            text, tag));
    return false;
  }

  PlanErrors& errors_;
  std::size_t written_ = 0;
};

void emit(YAML::Emitter& out, const YAML::Node& node) {
  if (node.IsNull()) {
    out << YAML::Null;
  } else if (node.IsScalar()) {
    const std::string_view tag = tag_of(node);
    if (!tag.empty()) out << YAML::SecondaryTag(std::string(tag));
    if (is_quoted(node)) {
      out << YAML::DoubleQuoted << node.Scalar();
    } else {
      out << node.Scalar();
    }
  } else if (node.IsSequence()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const auto& item : node)
      emit(out, item);
    out << YAML::EndSeq;
  } else {
    out << YAML::Flow << YAML::BeginMap;
    for (const auto& entry : node) {
      out << YAML::Key;
      emit(out, entry.first);
      out << YAML::Value;
      emit(out, entry.second);
    }
    out << YAML::EndMap;
  }
}

}  // namespace

bool is_typed_value(const YAML::Node& node) {
  return node.IsDefined() && (node.IsNull() || node.IsSequence() || node.IsMap() || !tag_of(node).empty());
}

std::optional<TypedValue> read_typed_value(const YAML::Node& node, PlanErrors& errors) {
  TypedValue value;
  MsgpackWriter out(value.raw);
  if (!TypedReader(errors).write(node, out)) return std::nullopt;
  if (const auto good = check_value(value.raw); !good) {
    errors.add(node.Mark(), good.error() + ", expected a value that members take");
    return std::nullopt;
  }
  YAML::Emitter line;
  emit(line, node);
  value.yaml = line.c_str();
  return value;
}

void emit_typed_value(YAML::Emitter& out, const std::string& yaml) {
  emit(out, YAML::Load(yaml));
}

}  // namespace meshdict::sim
