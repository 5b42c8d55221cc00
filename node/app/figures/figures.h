#pragma once
// The table of a node's figures: one row for each number, with its name in INFO, its name in /metrics, and what it means. Whoever
// adds a row has it in both, and in /status.
//
// 1. A counter never falls while the process runs, but for CONFIG RESETSTAT, as a restart; Prometheus takes it for one.
// 2. Names of metrics follow https://prometheus.io/docs/practices/naming: base units, named last; counters end in _total.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "app/resp/service.h"
#include "core/engine/views.h"
#include "core/links/end_reason.h"

namespace meshdict {

/// What figures are read from, so that each look is taken once.
struct Reading {
  explicit Reading(const RespService& of) : service(of), engine(of.engine.stats()) {}
  const RespService& service;
  EngineStats engine;
};

enum class FigureKind : std::uint8_t {
  kCounter,
  kGauge,
  kMicroseconds,  ///< a gauge; /metrics has it in seconds
};

struct Figure {
  std::string_view section;  ///< of INFO, in small letters
  std::string_view info;     ///< the field there
  std::string_view metric;   ///< behind "meshdict_"
  FigureKind kind;
  std::string_view help;
  std::uint64_t (*read)(const Reading& reading);
};

/// In the order in which INFO shows them.
std::span<const Figure> all_figures();

/// "another's id" as a part of a name: anothers_id.
std::string word_of(EndReason reason);

}  // namespace meshdict
