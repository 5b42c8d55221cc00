#pragma once
// py2p nodes beside us: what they are told of the dictionary, and what they bring along. How fast they are told is up to the
// pacer (links/pacer.h).
//
// 1. A py2p node breaks on a deletion of a key that it does not have, so a deletion is sent only to a node that is known to
//    have the key; a value that deletes there (deletes_at_py2p()) is a deletion, too. Where we cannot know, an entry of a
//    dictionary is sent first: it changes nothing where the key is there.
// 2. What becomes news here without having come as a broadcast is owed to py2p neighbours: entries that another py2p node
//    brought along, records found in an anti-entropy session.
// 3. No node is sent an older value of its own key: only an entry, which it ignores when it has the key.
// 4. What is owed is sent in one of two forms. The entry of a dictionary is ignored where the key is there. The plain store, in
//    its owner's name, overwrites what that owner had written before. Neither is passed on, and neither can be too old.
//
// Not thread-safe.

#include <optional>
#include <string_view>

#include "core/dictionary/dictionary.h"
#include "core/engine/sessions.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/links/links.h"
#include "core/links/pacer.h"
#include "core/messages/message.h"
#include "core/messages/originator.h"

namespace meshdict {

class Py2p {
 public:
  /// What this works with. All of it outlives this.
  struct Surroundings {
    Dictionary& dictionary;
    Originator& originator;
    Links& links;
    Sessions& sessions;
    const Clock& clock;
    EngineStats& stats;
  };

  /// Without `has_dictionary` nothing is told and nothing taken.
  Py2p(const Surroundings& surroundings, bool has_dictionary);

  /// Whether py2p nodes that have received everything so far have this key.
  [[nodiscard]] HasKey had(std::string_view key) const;
  /// What a broadcast is to py2p neighbours, if it is a store. REQUIRES: it is not merged yet.
  [[nodiscard]] std::optional<PacedStore> paced(const Envelope& envelope, const Message& message) const;
  /// It is the turn of what a py2p node is owed: its next frame, or nothing for now.
  std::optional<Frame> next_owed(Connection& link);
  /// Takes an entry that a py2p node brings along. News is told to the others; when the entry is older than what we have, the
  /// node is told.
  void take_entry(Connection& conn, const StoredEntry& entry);

 private:
  std::optional<Frame> owed_frame(Connection& link, std::string_view key, HasKey has);
  std::optional<Frame> plain_frame(std::string_view key, const Record& record);
  std::optional<Frame> next_of_walk(Connection& link);

  Dictionary& dictionary_;
  Originator& originator_;
  Links& links_;
  Sessions& sessions_;
  const Clock& clock_;
  EngineStats& stats_;
  bool has_dictionary_;
};

}  // namespace meshdict
