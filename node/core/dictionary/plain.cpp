#include "core/dictionary/plain.h"

namespace meshdict {

std::optional<Hlc> place_of_plain(const std::optional<Record>& present, const NodeId& writer, std::int64_t seconds,
                                  Plain how) {
  const Hlc time = Hlc::from_ms(seconds * 1'000);
  if (!present || seconds > whole_seconds(present->version.written)) return time;
  const Version& held = present->version;
  if (how == Plain::kKept) return std::nullopt;
  const bool next_of_writer = held.owner == writer && held.boot == Boot::kNone;
  if (!next_of_writer && seconds < whole_seconds(held.written)) return std::nullopt;
  return Hlc{held.written.bits + 1};
}

}  // namespace meshdict
