#include "app/http/json_views.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/figures/figures.h"
#include "app/figures/health.h"
#include "app/http/limits.h"
#include "app/system/resources.h"
#include "app/watch/short_value.h"
#include "store/database_file.h"
#include "store/disk_room.h"

namespace meshdict {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

Json json_of(const ClockView& clock) {
  Json json{{"state", to_string(clock.standing)}, {"offset_ms", nullptr}, {"error_ms", nullptr}};
  if (clock.standing == ClockStanding::kUnknown) return json;
  json["offset_ms"] = milliseconds(clock.offset.ahead);
  json["error_ms"] = std::chrono::ceil<std::chrono::milliseconds>(clock.offset.error).count();
  return json;
}

Json json_of(const NeighbourView& peer) {
  return {{"id", peer.id.text()},
          {"address", to_string(peer.address)},
          {"direction", peer.dialed_by_us ? "outgoing" : "incoming"},
          {"speaks", peer.meshdict ? "meshdict" : "py2p"},
          {"connected_ms", milliseconds(peer.connected_for)},
          {"connections", peer.connections},
          {"round_trip_us", peer.round_trip ? Json(peer.round_trip->count()) : Json(nullptr)},
          {"queued_bytes", peer.queued},
          {"waiting_stores", peer.waiting_stores},
          {"messages_left_out", peer.left_out},
          {"clock", json_of(peer.clock)}};
}

Json node_json(const RespService& service) {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(service.clock.monotonic() - service.started);
  return {{"id", service.engine.id().text()},
          {"address", to_string(service.engine.address())},
          {"redis_address", to_string(service.facts.resp_address)},
          {"version", MESHDICT_VERSION},
          {"network", service.facts.network},
          {"leasing", service.facts.mesh.leasing == Leasing::kOn},
          {"lease_seconds", service.facts.mesh.lease / 1s},
          {"proof", service.facts.mesh_proof},
          {"uptime_seconds", uptime.count()},
          {"unix_ms", milliseconds(service.clock.wall().time_since_epoch())}};
}

Json health_json(const RespService& service) {
  Json degraded = Json::array();
  for (const Degraded state : degraded_states(service))
    degraded.push_back({{"state", to_string(state)}, {"meaning", describe(state)}});
  const auto reasons = reasons_not_ready(service);
  return {{"ready", reasons.empty()}, {"not_ready_because", reasons}, {"degraded", std::move(degraded)}};
}

Json disk_json(const std::string& data_dir) {
  if (data_dir.empty()) return nullptr;
  const auto free = free_bytes(data_dir);
  return {{"database_bytes", file_bytes(data_dir + "/" + std::string(kDatabaseFile))},
          {"log_bytes", file_bytes(data_dir + "/" + std::string(kLogFile))},
          {"free_bytes", free ? Json(*free) : Json(nullptr)}};
}

Json neighbours_json(const RespService& service) {
  Json list = Json::array();
  for (const NeighbourView& peer : service.engine.neighbours()) {
    if (list.size() == http_limits::kMaxNeighbours) break;
    list.push_back(json_of(peer));
  }
  return list;
}

Json departed_json(const RespService& service) {
  Json list = Json::array();
  for (const DepartedView& peer : service.engine.departed()) {
    if (list.size() == http_limits::kMaxDeparted) break;
    list.push_back({{"id", peer.id.text()},
                    {"address", peer.address.host.empty() ? "" : to_string(peer.address)},
                    {"reason", to_string(peer.reason)},
                    {"ago_ms", milliseconds(peer.ago)}});
  }
  return list;
}

Json figures_json(const RespService& service) {
  const Reading reading(service);
  Json figures = Json::object();
  for (const Figure& figure : all_figures())
    figures[std::string(figure.info)] = figure.read(reading);
  figures["used_memory_rss"] = process_resources().resident_bytes;
  return figures;
}

Json json_of(const ShortValue& value) {
  return {{"kind", value.kind}, {"text", value.text}, {"bytes", value.bytes}, {"cut", value.cut}};
}

Json key_json(const Dictionary& dictionary, std::string_view key, const Record& record) {
  Json json{{"key", cut_text(key)}, {"key_bytes", key.size()}, {"value", json_of(short_value(record.value))}};
  const auto lease = dictionary.lease(key);
  if (!lease) return json;
  json["lease"] = {{"owner", lease->owner.text()},
                   {"ours", lease->ours},
                   {"held", lease->held},
                   {"state", to_string(lease->state)},
                   {"left_ms", milliseconds(lease->left)},
                   {"epoch", std::to_underlying(lease->epoch)}};
  return json;
}

}  // namespace

std::string status_json(const RespService& service, const HttpFacts& facts) {
  Json status{{"node", node_json(service)}};
  status.update(health_json(service));
  status["clock"] = json_of(service.engine.clock());
  status["keys"] = service.engine.dictionary().size();
  status["disk"] = disk_json(facts.data_dir);
  status["neighbours"] = neighbours_json(service);
  status["neighbours_cut"] = service.engine.neighbour_count() > http_limits::kMaxNeighbours;
  status["departed"] = departed_json(service);
  status["figures"] = figures_json(service);
  return text_of(status);
}

std::string keys_json(const RespService& service, const KeysWanted& wanted, ScanCursors& cursors) {
  const Dictionary& dictionary = service.engine.dictionary();
  const auto& records = dictionary.records();
  auto it = wanted.from_start || wanted.behind < wanted.prefix ? records.lower_bound(wanted.prefix)
                                                               : records.upper_bound(wanted.behind);
  const auto is_wanted = [&] { return it != records.end() && it.key().starts_with(wanted.prefix); };
  Json keys = Json::array();
  std::string last;
  std::size_t looks = 0;
  std::size_t bytes = 0;
  for (; is_wanted(); ++it) {
    if (keys.size() == wanted.limit || looks == http_limits::kMaxLooks || bytes > http_limits::kMaxKeysText) break;
    ++looks;
    last = it.key();
    if (!it.is_visible()) continue;
    keys.push_back(key_json(dictionary, it.key(), it->second));
    bytes += cut_text(it.key()).size() + keys.back()["value"]["text"].get_ref<const std::string&>().size();
  }
  const bool more = is_wanted();
  return text_of({{"keys", std::move(keys)},
                  {"of", dictionary.size()},
                  {"more", more},
                  // As text: not every reader of JSON keeps 50 bits.
                  {"cursor", more ? Json(std::to_string(cursors.add(last, kAnybody))) : Json(nullptr)}});
}

std::string conflicts_json(const RespService& service, std::uint64_t after) {
  const auto& kept = service.watch.conflicts();
  const auto first = std::ranges::find_if(kept, [&](const SeenConflict& one) { return one.number > after; });
  Json list = Json::array();
  for (auto it = first; it != kept.end() && list.size() < http_limits::kMaxConflicts; ++it) {
    list.push_back({{"number", it->number},
                    {"unix_ms", milliseconds(it->when.time_since_epoch())},
                    {"key", it->key},
                    {"key_bytes", it->key_bytes},
                    {"losing", json_of(it->losing)},
                    {"losing_epoch", std::to_underlying(it->losing_epoch)},
                    {"winner", it->winner.text()},
                    {"winning_epoch", std::to_underlying(it->winning_epoch)},
                    {"decided_by", it->reason}});
  }
  const std::uint64_t told =
      list.empty() ? service.watch.counts().conflicts : list.back()["number"].get<std::uint64_t>();
  const std::uint64_t forgotten =
      kept.empty() || kept.front().number <= after + 1 ? 0 : kept.front().number - after - 1;
  return text_of({{"conflicts", std::move(list)},
                  {"total", service.watch.counts().conflicts},
                  {"forgotten", forgotten},
                  {"last", told}});
}

}  // namespace meshdict
