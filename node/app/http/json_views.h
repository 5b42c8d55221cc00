#pragma once
// What /status, /keys and /conflicts answer, as JSON.
//
// 1. Each answer is bounded (http_limits), and says so where it was cut.
// 2. Text of others is data: cut to watch_limits::kShownBytes, and bytes that are no UTF-8 are shown as U+FFFD. Whoever draws it on
//    a page escapes it.

#include <cstdint>
#include <string>
#include <string_view>

#include "app/http/metrics.h"
#include "app/resp/scan_cursors.h"
#include "app/resp/service.h"

namespace meshdict {

inline constexpr std::string_view kJsonType = "application/json";
/// HTTP has no users: its cursors are everybody's.
inline constexpr std::string_view kAnybody{};

std::string status_json(const RespService& service, const HttpFacts& facts);

/// Which keys are wanted.
struct KeysWanted {
  std::string prefix;
  std::string behind;  ///< keys after this one; with `from_start`, all
  bool from_start = true;
  std::size_t limit = 0;
};
/// One page of them; `cursors` remembers where the next begins.
std::string keys_json(const RespService& service, const KeysWanted& wanted, ScanCursors& cursors);

/// The conflicts behind number `after`, oldest first.
std::string conflicts_json(const RespService& service, std::uint64_t after);

}  // namespace meshdict
