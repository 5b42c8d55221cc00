#include "sim/plan/yaml/node_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <variant>

#include "core/base/parse_number.h"
#include "core/engine/engine.h"
#include "core/messages/message.h"

namespace meshdict::sim {
namespace {

template <std::size_t... kKinds>
std::vector<std::string> names_of_all(std::index_sequence<kKinds...> /*all*/) {
  return {std::string(message_name(Message(std::in_place_index<kKinds>)))...};
}

constexpr std::array kFigures = {
    InfoFigure{"frames_received", &EngineStats::frames_received},
    InfoFigure{"frames_sent", &EngineStats::frames_sent},
    InfoFigure{"bytes_received", &EngineStats::bytes_received},
    InfoFigure{"bytes_sent", &EngineStats::bytes_sent},
    InfoFigure{"messages_delivered", &EngineStats::delivered},
    InfoFigure{"messages_relayed", &EngineStats::relayed},
    InfoFigure{"duplicates", &EngineStats::duplicates},
    InfoFigure{"no_room", &EngineStats::no_room},
    InfoFigure{"refused", &EngineStats::refused},
    InfoFigure{"identity_in_use", &EngineStats::identity_in_use},
    InfoFigure{"too_large", &EngineStats::too_large},
    InfoFigure{"dials", &EngineStats::dials},
    InfoFigure{"comparisons", &EngineStats::comparisons},
    InfoFigure{"bulk_records_sent", &EngineStats::bulk_records_sent},
    InfoFigure{"records_passed_on", &EngineStats::records_passed_on},
    InfoFigure{"old_deletions_told", &EngineStats::old_deletions_told},
    InfoFigure{"keys_returned", &EngineStats::keys_returned},
    InfoFigure{"records_without_room", &EngineStats::records_without_room},
    InfoFigure{"neighbours", nullptr, [](const Engine& engine) { return std::uint64_t{engine.neighbours().size()}; }},
    InfoFigure{"known_addresses", nullptr,
               [](const Engine& engine) { return std::uint64_t{engine.known_addresses()}; }},
};

}  // namespace

bool NodeNames::add(const std::string& name) {
  if (!by_name_.emplace(name, static_cast<NodeIndex>(names_.size())).second) return false;
  names_.push_back(name);
  return true;
}

std::vector<NodeIndex> NodeNames::all() const {
  std::vector<NodeIndex> nodes(names_.size());
  for (NodeIndex i = 0; i < nodes.size(); ++i)
    nodes[i] = i;
  return nodes;
}

std::optional<NodeIndex> NodeNames::find(const std::string& name, const YAML::Mark& mark, PlanErrors& errors) const {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  errors.add_unknown(mark, name, "node", names_);
  return std::nullopt;
}

std::optional<NodeIndex> NodeNames::read(const YAML::Node& node, PlanErrors& errors) const {
  const auto name = read_text(node, errors);
  return name ? find(*name, node.Mark(), errors) : std::nullopt;
}

std::vector<NodeIndex> NodeNames::read_several(const YAML::Node& node, PlanErrors& errors) const {
  std::vector<NodeIndex> nodes;
  if (!node.IsDefined()) return nodes;
  if (node.IsSequence()) {
    for (const auto& item : node)
      read_item(item, nodes, errors);
  } else {
    read_item(node, nodes, errors);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

bool NodeNames::is_any(const YAML::Node& node) const {
  return node.IsDefined() && node.IsScalar() && node.Scalar() == "any" && !by_name_.contains("any");
}

std::optional<NodeIndex> NodeNames::read_or_any(const YAML::Node& node, PlanErrors& errors) const {
  return is_any(node) ? kAnyNode : read(node, errors);
}

std::vector<NodeIndex> NodeNames::read_several_or_some(const YAML::Node& node, PlanErrors& errors) const {
  std::vector<NodeIndex> named;
  std::vector<NodeIndex> open;
  for_each_entry(node, [&](const YAML::Node& item) {
    if (is_any(item)) {
      open.push_back(kAnyNode);
    } else if (const auto count = read_some(item, errors)) {
      open.insert(open.end(), *count, kAnyNode);
    } else {
      read_item(item, named, errors);
    }
  });
  std::ranges::sort(named);
  named.erase(std::unique(named.begin(), named.end()), named.end());
  named.insert(named.end(), open.begin(), open.end());
  return named;
}

/// How many of "some 3"; 0, with a mistake told, of more than there are; nothing of something else.
std::optional<std::size_t> NodeNames::read_some(const YAML::Node& node, PlanErrors& errors) const {
  static constexpr std::string_view kSome = "some ";
  if (!node.IsDefined() || !node.IsScalar() || !node.Scalar().starts_with(kSome)) return std::nullopt;
  const auto count = parse_number<std::size_t>(std::string_view(node.Scalar()).substr(kSome.size()));
  if (count && *count >= 1 && *count <= names_.size()) return count;
  errors.add(node.Mark(),
             fmt::format("'{}' is no number of nodes, expected 'some 1' to 'some {}'", node.Scalar(), names_.size()));
  return 0;
}

void NodeNames::read_item(const YAML::Node& node, std::vector<NodeIndex>& into, PlanErrors& errors) const {
  const auto text = read_text(node, errors);
  if (!text) return;
  if (*text == "all") {
    into = all();
    return;
  }
  const std::size_t dots = text->find("..");
  const auto first = find(text->substr(0, dots), node.Mark(), errors);
  const auto last = dots == std::string::npos ? first : find(text->substr(dots + 2), node.Mark(), errors);
  if (!first || !last) return;
  if (*first > *last) {
    errors.add(node.Mark(), fmt::format("'{}' runs backwards, expected the earlier node first", *text));
    return;
  }
  for (NodeIndex i = *first; i <= *last; ++i)
    into.push_back(i);
}

std::string_view word_of(EndReason reason) {
  switch (reason) {
    case EndReason::kClosedByPeer:
      return "closed_by_peer";
    case EndReason::kDialFailed:
      return "dial_failed";
    case EndReason::kWrongNetwork:
      return "wrong_network";
    case EndReason::kHelloTimeout:
      return "hello_timeout";
    case EndReason::kProtocolError:
      return "protocol_error";
    case EndReason::kSilent:
      return "silent";
    case EndReason::kSlowReader:
      return "slow_reader";
    case EndReason::kDuplicate:
      return "duplicate";
    case EndReason::kOlderBoot:
      return "older_boot";
    case EndReason::kSelf:
      return "self";
    case EndReason::kTooMany:
      return "too_many";
    case EndReason::kDifferentSettings:
      return "different_settings";
    case EndReason::kIdentityInUse:
      return "identity_in_use";
    case EndReason::kAnotherNode:
      return "another_node";
    case EndReason::kEnough:
      return "enough";
    case EndReason::kBye:
      return "bye";
    case EndReason::kLocal:
      return "local";
    // The simulator's connections prove nothing, so that these do not come about.
    case EndReason::kAnotherId:
    case EndReason::kPlaintext:
    case EndReason::kSpeaksTls:
    case EndReason::kNoCertificate:
    case EndReason::kUnknownAuthority:
    case EndReason::kSelfSigned:
    case EndReason::kExpired:
    case EndReason::kNotYetValid:
    case EndReason::kWrongUsage:
    case EndReason::kRevoked:
    case EndReason::kNoMeshKey:
    case EndReason::kAnotherMeshKey:
    case EndReason::kTlsFailed:
      break;
  }
  return {};
}

const std::vector<std::string>& reason_words() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (int reason = 0; reason <= static_cast<int>(EndReason::kLocal); ++reason) {
      words.emplace_back(word_of(static_cast<EndReason>(reason)));
    }
    return words;
  }();
  return kWords;
}

const std::vector<std::string>& message_kinds() {
  static const std::vector<std::string> kKinds = names_of_all(std::make_index_sequence<std::variant_size_v<Message>>());
  return kKinds;
}

std::span<const InfoFigure> info_figures() {
  return kFigures;
}

}  // namespace meshdict::sim
