#include "core/dictionary/plain.h"

#include "core/record/claim_marks.h"

namespace meshdict {

std::optional<Hlc> place_of_plain(const std::optional<Record>& present, const NodeId& writer, std::int64_t seconds,
                                  Plain how) {
  const Hlc time = Hlc::from_ms(seconds * 1'000);
  if (!present) return time;
  const Version& held = present->version;
  if (is_given_up(held) && held.owner == writer && held.boot != Boot::kNone) return std::nullopt;
  if (seconds > whole_seconds(last_held(held))) return time;
  if (how == Plain::kKept) return std::nullopt;
  const bool next_of_writer = held.owner == writer && held.boot == Boot::kNone;
  if (!next_of_writer && seconds < whole_seconds(last_held(held))) return std::nullopt;
  return Hlc{last_held(held).bits + 1};
}

}  // namespace meshdict
