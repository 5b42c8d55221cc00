#include "sim/world/record_lines.h"

#include <fmt/format.h>

#include "sim/trace/describe.h"

namespace meshdict::sim {

void RecordLines::tell(NodeIndex node, const std::string& key) {
  const Dictionary& dictionary = stage_.hosts[node]->engine().dictionary();
  const auto found = dictionary.records().find(key);
  std::string text = "gone";
  if (found != dictionary.records().end()) {
    const Record& record = found->second;
    text = is_visible(record.version) ? fmt::format("= {}", value_text(record.value)) : "deleted";
    text +=
        fmt::format(" of {} epoch {}", stage_.known_as(record.version.owner), std::to_underlying(record.version.epoch));
    const auto lease = dictionary.lease(key);
    if (lease && lease->held) text += fmt::format(" until {}", seconds_text(stage_.now() + lease->left));
  }
  std::string& last = told_[{node, key}];
  if (last == text) return;
  last = text;
  stage_.transcript.line(stage_.now(), stage_.name(node), fmt::format("record {} {}", word_text(key), text));
}

void RecordLines::tell_all(NodeIndex node) {
  std::erase_if(told_, [node](const auto& told) { return told.first.first == node; });
  for (const auto& [key, record] : stage_.hosts[node]->engine().dictionary().records())
    tell(node, std::string(key));
}

}  // namespace meshdict::sim
