#pragma once
// py2p nodes beside us: what they are told of the dictionary, and what they bring along. Their pace is the pacer's.
//
// 1. A py2p node breaks on a deletion of a key that it does not have, so none is sent to it without knowing; and a value
//    that deletes there (deletes_at_py2p()) is a deletion. Where we cannot know, an entry of a dictionary goes before, which
//    changes nothing where the key is there.
// 2. Whatever becomes news here without having come as a broadcast is owed to py2p neighbours: entries that another one
//    brought along, records found by comparing.
// 3. Nobody is sent an older value of its own key: only an entry, which it ignores when it has the key.
// 4. Two forms say what is owed. The entry of a dictionary is ignored where the key is there; the plain store, in its
//    owner's name, overwrites what that owner had written before. Neither is passed on, and neither can be too old.
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

  /// Whether py2p nodes that have followed so far have this key.
  [[nodiscard]] HasKey had(std::string_view key) const;
  /// What a broadcast is to py2p neighbours, if it is a store. REQUIRES: it is not merged yet.
  [[nodiscard]] std::optional<PacedStore> paced(const Envelope& envelope, const Message& message) const;
  /// The turn of what a py2p node is owed: the next frame of it, or nothing for now.
  std::optional<Frame> next_owed(Connection& link);
  /// What a py2p node brings along. What is news is told to the others; where it has something older than we, it is told.
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
