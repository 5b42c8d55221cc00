#pragma once
// The file of --config: a YAML map from option names, without their dashes, to values.
//
//   listen: 0.0.0.0:44565
//   mesh-key-file: /etc/meshdict/mesh.key
//   join: [one.example:44565, two.example:44565]
//   resp-tls: on
//
// What a value means is the options' affair; here a value is a text.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

/// More is no list of options.
constexpr std::size_t kMaxConfigFile = 256 * std::size_t{1024};

/// One entry of the map.
struct ConfigEntry {
  std::string name;
  std::vector<std::string> values;  ///< one, or those of a list; none for an empty value
  std::string where;                ///< "FILE:LINE:COLUMN", counted from 1
};

/// Error: one line "FILE: WHY" or "FILE:LINE:COLUMN: WHY".
std::expected<std::vector<ConfigEntry>, std::string> read_config_file(const std::string& path);
/// The same of its content.
std::expected<std::vector<ConfigEntry>, std::string> parse_config(const std::string& content, std::string_view path);

/// One line of such a file; a list when there are several values.
std::string config_line(std::string_view name, const std::vector<std::string>& values, std::string_view comment);

}  // namespace meshdict
