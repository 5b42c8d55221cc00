#pragma once
// What the dictionary tells of its keys: a closed set of events, visited exhaustively.

#include <string>
#include <variant>

#include "core/base/ids.h"
#include "core/encoding/msgpack.h"
#include "core/record/version.h"

namespace meshdict {

/// Readers see a new value.
struct Updated {
  std::string key;
  /// Written by our client.
  bool local = false;
};
/// Readers see the key no more.
struct Deleted {
  std::string key;
  /// By our client.
  bool local = false;
};
/// A local write that had been acknowledged lost to another record. Raised before the Updated or Deleted of the winner.
///
/// Every record of our owner id counts as a local write, of whatever boot: an earlier incarnation acknowledged it, and its loss
/// may have been told to nobody. These are no conflicts: our own later write that comes back after a lost disk, unless it is of
/// an incarnation that the store does not know, and so perhaps of a copied identity; a claim that followed ours in order, with
/// a larger epoch, after our lease had ended (in our eyes and by the write times) or after our delete; an ordinary later write
/// without leases. In doubt, a conflict is raised.
struct Conflict {
  std::string key;
  Raw losing_value;
  Version losing;
  Version winning;
  /// The field of the version that decided.
  std::string reason;
};
/// An operator has taken a key from its holder (M2 in claim_marks.h). Raised at each node that had the holder's claim, before the
/// Updated of the new one.
struct LeaseBroken {
  std::string key;
  /// Who held it.
  NodeId from;
  /// Whose operator has taken it.
  NodeId by;
};
using DictionaryEvent = std::variant<Updated, Deleted, Conflict, LeaseBroken>;

}  // namespace meshdict
