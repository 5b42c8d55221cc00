#include "meshdict/sim/oracles.h"

#include <fmt/format.h>

#include "sim/trace/trace.h"

namespace meshdict::sim {

Oracle fences_grow(std::string name, std::string kind) {
  return always(std::move(name), [kind = std::move(kind), largest = Note()](const View& view) mutable {
    std::optional<std::string> wrong;
    for (const Note& note : view.new_notes()) {
      if (note.kind != kind) continue;
      const std::string fence = note.text.substr(0, note.text.find(' '));
      if (fence < largest.text) {
        wrong = note.node + " has " + kind + " '" + note.text + "' after a larger fence, " + largest.text;
        break;
      }
      largest = note;
      largest.text = fence;
    }
    return wrong;
  });
}

Oracle one_at_a_time(std::string name, std::string begins, std::string ends) {
  return always(std::move(name), [begins = std::move(begins), ends = std::move(ends),
                                  inside = std::optional<Note>()](const View& view) mutable {
    std::optional<std::string> wrong;
    if (inside && !view.is_up(inside->node)) inside.reset();
    for (const Note& note : view.new_notes()) {
      if (note.kind == ends && inside && inside->node == note.node) inside.reset();
      if (note.kind != begins) continue;
      if (inside && inside->node != note.node) {
        wrong = fmt::format("{} has '{}' at {} s, while {} has it since {} s", note.node, begins, seconds_text(note.at),
                            inside->node, seconds_text(inside->at));
        break;
      }
      if (!inside) inside = note;
    }
    return wrong;
  });
}

}  // namespace meshdict::sim
