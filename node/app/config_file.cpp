#include "app/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <utility>

#include "app/log/log.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

std::string where(std::string_view path, const YAML::Mark& mark) {
  return fmt::format("{}:{}:{}", printable(path), mark.line + 1, mark.column + 1);
}

std::unexpected<std::string> wrong(std::string_view path, const YAML::Mark& mark, std::string_view what) {
  return std::unexpected(fmt::format("{}: {}", where(path, mark), what));
}

std::string_view kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "nothing" : "a value";
}

}  // namespace

std::expected<std::vector<ConfigEntry>, std::string> parse_config(const std::string& content, std::string_view path) {
  YAML::Node root;
  try {
    root = YAML::Load(content);
  } catch (const YAML::Exception& error) {
    return wrong(path, error.mark, fmt::format("this is no YAML: {}", printable(error.msg)));
  }
  std::vector<ConfigEntry> entries;
  if (root.IsNull()) return entries;
  if (!root.IsMap()) {
    return wrong(path, root.Mark(),
                 fmt::format("this is {}, expected lines such as 'listen: HOST:PORT'", kind_of(root)));
  }
  for (const auto& pair : root) {
    const YAML::Node& name = pair.first;
    const YAML::Node& value = pair.second;
    if (!name.IsScalar()) return wrong(path, name.Mark(), "the name of an option is a text");
    ConfigEntry entry{.name = name.Scalar(), .values = {}, .where = where(path, name.Mark())};
    if (std::ranges::find(entries, entry.name, &ConfigEntry::name) != entries.end()) {
      return wrong(path, name.Mark(), fmt::format("{} stands here a second time", printable(entry.name, 40)));
    }
    if (value.IsMap()) return wrong(path, value.Mark(), "this is a map, expected a value or a list of values");
    if (value.IsScalar()) entry.values.push_back(value.Scalar());
    if (value.IsSequence()) {
      for (const YAML::Node& item : value) {
        if (!item.IsScalar())
          return wrong(path, item.Mark(), fmt::format("this is {}, expected a value", kind_of(item)));
        entry.values.push_back(item.Scalar());
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::expected<std::vector<ConfigEntry>, std::string> read_config_file(const std::string& path) {
  const auto content = read_file(path, Readers::kAll, kMaxConfigFile);
  if (!content) return std::unexpected(content.error());
  return parse_config(*content, path);
}

std::string config_line(std::string_view name, const std::vector<std::string>& values, std::string_view comment) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << std::string(name) << YAML::Value;
  if (values.size() == 1) {
    out << values.front();
  } else {
    out << YAML::Flow << values;
  }
  if (!comment.empty()) out << YAML::Comment(std::string(comment));
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace meshdict
