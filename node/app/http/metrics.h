#pragma once
// The figures of a node in Prometheus's text form 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats).
//
// 1. Labels are bounded: states and reasons are closed sets, of neighbours there are http_limits::kMaxNeighbours at the most.
// 2. Every metric has HELP and TYPE, once, before its first sample.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "app/resp/service.h"

namespace meshdict {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// What of a node is not the service's to tell.
struct HttpFacts {
  std::string data_dir;  ///< empty: none
  /// Answers by their status, and connections that were turned away or timed out.
  std::map<int, std::uint64_t> answers;
  std::size_t connections = 0;
};

std::string metrics_text(const RespService& service, const HttpFacts& facts);

}  // namespace meshdict
