#include "meshdict/sim/oracles.h"

namespace meshdict::sim {

Always fences_grow(std::string name, std::string kind) {
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

}  // namespace meshdict::sim
