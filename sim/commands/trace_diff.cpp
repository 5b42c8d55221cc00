#include "sim/commands/trace_diff.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/commands/console.h"
#include "sim/plan/limits.h"
#include "sim/trace/trace.h"
#include "sim/trace/transcript_reader.h"

namespace meshdict::sim {
namespace {

struct Noted {
  std::size_t number = 0;
  std::string text;
  Duration at{};
  /// Of an arrival: the line of the sending; 0: none.
  std::size_t sending = 0;
  std::string sending_text;
};

/// The lines that both have, as far as they can be causes of what comes next.
class CommonPast {
 public:
  void add(const TranscriptLine& line);
  /// "  812 | <line>" for each cause of this line.
  [[nodiscard]] std::string causes_of(const TranscriptLine& line) const;

 private:
  std::pair<std::size_t, std::string> sending_of(std::uint64_t frame) const;

  std::map<std::string, std::deque<Noted>, std::less<>> last_;
  // Looked up only. A frame stays until it arrives; one that never does stays for good.
  std::unordered_map<std::uint64_t, std::pair<std::size_t, std::string>> on_the_way_;
};

std::string quote(std::size_t number, std::string_view text) {
  return fmt::format("{:>8} | {}\n", number, visible_text(text));
}

std::pair<std::size_t, std::string> CommonPast::sending_of(std::uint64_t frame) const {
  const auto sending = on_the_way_.find(frame);
  return sending == on_the_way_.end() ? std::pair<std::size_t, std::string>() : sending->second;
}

void CommonPast::add(const TranscriptLine& line) {
  Noted noted{line.number, line.text, line.at, 0, {}};
  if (const auto frame = parse_frame_line(line.what)) {
    if (frame->sent) {
      on_the_way_[frame->number] = {line.number, line.text};
    } else {
      std::tie(noted.sending, noted.sending_text) = sending_of(frame->number);
      on_the_way_.erase(frame->number);
    }
  }
  auto last = last_.find(line.node);
  if (last == last_.end()) last = last_.emplace(std::string(line.node), std::deque<Noted>()).first;
  last->second.push_back(std::move(noted));
  if (last->second.size() > sim_limits::kMaxCauses) last->second.pop_front();
}

std::string CommonPast::causes_of(const TranscriptLine& line) const {
  if (line.node == "-") return "  a step of the plan, or a verdict on the run\n";
  std::pair<std::size_t, std::string> sending;
  const auto frame = parse_frame_line(line.what);
  if (frame && !frame->sent) sending = sending_of(frame->number);
  std::string before;
  if (const auto last = last_.find(line.node); last != last_.end()) {
    for (const Noted& noted : last->second) {
      before += quote(noted.number, noted.text);
      // What a node does in one moment, it does because of the frame that it got then.
      const bool sent_it = frame && !frame->sent;
      if (!sent_it && noted.at == line.at && noted.sending > 0) sending = {noted.sending, noted.sending_text};
    }
  }
  std::string text;
  if (sending.first > 0) text += "  the sending of the frame\n" + quote(sending.first, sending.second);
  if (!before.empty()) text += fmt::format("  the last events at {}\n", visible_text(line.node)) + before;
  return text.empty() ? "  nothing before it\n" : text;
}

/// One of the two transcripts.
struct Side {
  std::string label;
  TranscriptReader reader;
  TranscriptLine line;
  bool more = true;
  std::string plan;
  std::string end;

  Side(std::string label_of_it, std::FILE* file, const std::string& name)
      : label(std::move(label_of_it)), reader(file, name) {}

  /// The next line that is no remark.
  std::expected<void, std::string> advance() {
    while (true) {
      const auto more_lines = reader.next(line);
      if (!more_lines) return std::unexpected(more_lines.error());
      more = *more_lines;
      if (!more || !line.remark) return {};
      Words words(line.what);
      if (words.skip("plan")) plan = line.what;
      if (words.skip("end")) end = words.rest();
    }
  }
  [[nodiscard]] std::string text() const { return more ? quote(line.number, line.text) : "         | (ends here)\n"; }
};

std::string parting(const std::array<Side, 2>& sides, const CommonPast& past, std::size_t equal_lines) {
  const Side& a = sides[0];
  const Side& b = sides[1];
  // The earlier of the two is what the other run lacks.
  const Side& first = !a.more || (b.more && b.line.at < a.line.at) ? b : a;
  std::string text =
      fmt::format("they part after {} equal lines, {} s, {}:\n", equal_lines,
                  visible_text(Words(first.line.text).next().value_or("")),
                  first.line.node == "-" ? "in the plan" : fmt::format("at {}", visible_text(first.line.node)));
  for (const Side& side : sides)
    text += fmt::format("{}{}", side.label, side.text().substr(side.label.size()));
  for (const Side* side : {&first, &first == &a ? &b : &a}) {
    if (!side->more || (side != &first && side->line.node == first.line.node)) continue;
    text += fmt::format("what led to {}'s line, in both:\n{}", side->label, past.causes_of(side->line));
  }
  return text;
}

}  // namespace

std::expected<TraceDifference, std::string> diff_traces(std::FILE* a, const std::string& name_a, std::FILE* b,
                                                        const std::string& name_b) {
  std::array<Side, 2> sides = {Side("A", a, name_a), Side("B", b, name_b)};
  CommonPast past;
  std::size_t equal_lines = 0;
  for (;; ++equal_lines) {
    for (Side& side : sides) {
      if (const auto read = side.advance(); !read) return std::unexpected(read.error());
    }
    if (!sides[0].more || !sides[1].more || sides[0].line.text != sides[1].line.text) break;
    past.add(sides[0].line);
  }
  TraceDifference difference;
  const bool lines_equal = !sides[0].more && !sides[1].more;
  difference.equal = lines_equal && sides[0].end == sides[1].end;
  for (const Side& side : sides)
    difference.text += fmt::format("{}: {}\n", side.label, visible_text(side.plan));
  if (difference.equal) {
    difference.text += fmt::format("equal: {} lines, {}\n", equal_lines, visible_text(sides[0].end));
  } else if (lines_equal) {
    difference.text += fmt::format("{} equal lines, but not the same end:\n", equal_lines);
    for (const Side& side : sides)
      difference.text += fmt::format("{}: {}\n", side.label, side.end.empty() ? "cut off" : visible_text(side.end));
  } else {
    difference.text += parting(sides, past, equal_lines);
  }
  return difference;
}

int diff_command(const std::string& a, const std::string& b) {
  std::vector<std::unique_ptr<std::FILE, int (*)(std::FILE*)>> files;
  for (const std::string& name : {a, b}) {
    files.emplace_back(std::fopen(name.c_str(), "r"), &std::fclose);
    if (files.back()) continue;
    return complain(fmt::format("diff: cannot read '{}': {}", name, std::generic_category().message(errno)));
  }
  const auto difference = diff_traces(files[0].get(), a, files[1].get(), b);
  if (!difference) {
    return complain("diff: " + difference.error());
  }
  fmt::print("{}", difference->text);
  return difference->equal ? kPass : kViolated;
}

}  // namespace meshdict::sim
