#include "app/figures/figures.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "app/resp/session.h"
#include "app/system/memory_limit.h"

namespace meshdict {
namespace {

std::uint64_t count(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}

std::uint64_t listening(const Reading& r) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(r.service.sessions, [](const auto& entry) { return entry.second->subscriptions() > 0; }));
}

std::uint64_t longest_round_trip(const Reading& r) {
  Duration longest{};
  for (const NeighbourView& peer : r.service.engine.neighbours())
    longest = std::max(longest, peer.round_trip.value_or(Duration{}));
  return count(longest);
}

constexpr auto kCounter = FigureKind::kCounter;
constexpr auto kGauge = FigureKind::kGauge;
constexpr auto kMicroseconds = FigureKind::kMicroseconds;

constexpr auto kFigures = std::to_array<Figure>({
    {"clients", "connected_clients", "clients", kGauge, "Redis clients that are connected.",
     [](const Reading& r) -> std::uint64_t { return r.service.sessions.size(); }},
    {"clients", "maxclients", "clients_max", kGauge, "Redis clients that may be connected at a time.",
     [](const Reading& r) -> std::uint64_t { return r.service.max_clients; }},
    {"clients", "pubsub_clients", "clients_listening", kGauge, "Redis clients with subscriptions.", listening},
    {"clients", "blocked_clients", "clients_blocked", kGauge,
     "Redis clients in a WAIT, or whose PUBLISH waits for neighbours.",
     [](const Reading& r) -> std::uint64_t { return r.service.waiting.size() + r.service.held.size(); }},
    {"clients", "unfinished_bytes", "unfinished_command_bytes", kGauge,
     "Bytes of unfinished and queued commands, over all clients.",
     [](const Reading& r) -> std::uint64_t { return r.service.unfinished_bytes; }},
    {"memory", "used_memory_dataset", "dataset_bytes", kGauge,
     "Bytes of keys, values and deletions, with their places in tables.",
     [](const Reading& r) { return counted_bytes(r.service.engine.dictionary().records()); }},
    {"memory", "used_memory_queues", "memory_queued_bytes", kGauge,
     "Bytes that wait: commands and replies of clients, frames to neighbours.",
     [](const Reading& r) { return r.service.queued_bytes(); }},
    {"memory", "maxmemory", "memory_limit_bytes", kGauge,
     "What the two may be together before writes are refused (--max-memory); 0: there is no bound.",
     [](const Reading& r) { return r.service.memory_marks().most; }},
    {"memory", "maxmemory_low_water", "memory_low_water_bytes", kGauge,
     "What they are to be down to for writes to be taken again.",
     [](const Reading& r) { return r.service.memory_marks().low; }},
    {"memory", "maxdisk", "disk_limit_bytes", kGauge,
     "What the database and its log may take before writes are refused (--max-disk); 0: there is no bound.",
     [](const Reading& r) { return r.service.disk_marks().most; }},
    {"memory", "unread_reply_bytes", "unread_reply_bytes", kGauge,
     "Bytes of replies that have not left, over all clients.",
     [](const Reading& r) -> std::uint64_t { return r.service.output_bytes; }},
    {"stats", "total_connections_received", "client_connections_total", kCounter,
     "Redis clients that have connected, those turned away included.",
     [](const Reading& r) { return r.service.stats.connections; }},
    {"stats", "total_commands_processed", "commands_total", kCounter, "Commands of Redis clients.",
     [](const Reading& r) { return r.service.stats.commands; }},
    {"stats", "rejected_connections", "client_connections_rejected_total", kCounter,
     "Redis clients that were turned away, since there were too many.",
     [](const Reading& r) { return r.service.stats.rejected_connections; }},
    {"stats", "cut_off_clients", "clients_cut_off_total", kCounter,
     "Redis clients that did not read what was pushed to them, or sent too much.",
     [](const Reading& r) { return r.service.stats.cut_off_clients; }},
    {"stats", "protocol_errors", "client_protocol_errors_total", kCounter,
     "Redis clients that were hung up on for what they sent.",
     [](const Reading& r) { return r.service.stats.protocol_errors; }},
    {"stats", "writes_refused_by_lease", "writes_refused_by_lease_total", kCounter,
     "Writes of clients to keys that another node leases.",
     [](const Reading& r) { return r.service.stats.refused_by_lease; }},
    {"stats", "writes_refused_by_clock", "writes_refused_by_clock_total", kCounter,
     "Writes of clients that were refused, since this node's clock is wrong.",
     [](const Reading& r) { return r.service.stats.refused_by_clock; }},
    {"stats", "writes_refused_by_neighbours", "writes_refused_by_neighbours_total", kCounter,
     "Writes of clients that were refused, since this node had too few neighbours.",
     [](const Reading& r) { return r.service.stats.refused_by_neighbours; }},
    {"stats", "refused_by_memory", "commands_refused_by_memory_total", kCounter,
     "Commands for which there was no memory.", [](const Reading& r) { return r.service.stats.refused_by_memory; }},
    {"stats", "writes_refused_by_room", "writes_refused_by_room_total", kCounter,
     "Writes of clients for which --max-memory, --max-disk or the disk had no room.",
     [](const Reading& r) { return r.service.stats.refused_by_room; }},
    {"stats", "instantaneous_ops_per_sec", "commands_per_second", kGauge,
     "Commands of Redis clients in the last second.", [](const Reading& r) { return r.service.commands_per_second(); }},
    {"stats", "total_net_input_bytes", "client_received_bytes_total", kCounter, "Bytes from Redis clients, before TLS.",
     [](const Reading& r) { return r.service.stats.bytes_in; }},
    {"stats", "total_net_output_bytes", "client_sent_bytes_total", kCounter, "Bytes to Redis clients, before TLS.",
     [](const Reading& r) { return r.service.stats.bytes_out; }},
    {"stats", "keyspace_hits", "key_hits_total", kCounter, "Keys that GET and MGET have found.",
     [](const Reading& r) { return r.service.stats.hits; }},
    {"stats", "keyspace_misses", "key_misses_total", kCounter, "Keys that GET and MGET have not found.",
     [](const Reading& r) { return r.service.stats.misses; }},
    {"stats", "clients_timed_out", "clients_timed_out_total", kCounter,
     "Redis clients that said nothing for so long as --timeout lets them.",
     [](const Reading& r) { return r.service.stats.timed_out; }},
    {"stats", "slowlog_len", "slow_commands", kGauge, "Commands that SLOWLOG shows.",
     [](const Reading& r) -> std::uint64_t { return r.service.slow_log.entries().size(); }},
    {"stats", "messages_published", "messages_published_total", kCounter, "Messages that clients have published.",
     [](const Reading& r) { return r.service.stats.published; }},
    {"stats", "messages_shown", "messages_shown_total", kCounter,
     "Messages of other shapes than PUBLISH's that were converted for who listens.",
     [](const Reading& r) { return r.service.stats.shown; }},
    {"stats", "longest_turn_us", "loop_longest_turn_seconds", kMicroseconds,
     "The longest that the node's loop was busy before it looked at its sockets again (processor time).",
     [](const Reading& r) { return count(r.service.stats.longest_turn); }},
    {"stats", "longest_commit_us", "store_longest_commit_seconds", kMicroseconds,
     "The longest that the node's loop waited for the store.",
     [](const Reading& r) { return count(r.service.stats.longest_commit); }},
    {"stats", "pubsub_channels", "channels", kGauge, "Channels that clients listen to.",
     [](const Reading& r) -> std::uint64_t { return r.service.pubsub.channels().size(); }},
    {"stats", "pubsub_patterns", "channel_patterns", kGauge, "Patterns of channels that clients listen to.",
     [](const Reading& r) -> std::uint64_t { return r.service.pubsub.patterns().size(); }},
    {"mesh", "neighbours", "neighbours", kGauge, "Nodes that this one is linked to.",
     [](const Reading& r) -> std::uint64_t { return r.service.engine.neighbour_count(); }},
    {"mesh", "longest_round_trip_us", "longest_round_trip_seconds", kMicroseconds,
     "The longest of the last round trips to neighbours.", longest_round_trip},
    {"mesh", "known_addresses", "known_addresses", kGauge, "Addresses of nodes that this one knows.",
     [](const Reading& r) -> std::uint64_t { return r.service.engine.known_addresses(); }},
    {"mesh", "conflicts", "conflicts_total", kCounter, "Acknowledged writes of this node that lost to another's.",
     [](const Reading& r) { return r.service.watch.counts().conflicts; }},
    {"mesh", "keys_set", "keys_set_total", kCounter, "Keys that got a new value, here or elsewhere.",
     [](const Reading& r) { return r.service.watch.counts().keys_set; }},
    {"mesh", "keys_deleted", "keys_deleted_total", kCounter, "Keys that were deleted, here or elsewhere.",
     [](const Reading& r) { return r.service.watch.counts().keys_deleted; }},
    {"mesh", "neighbours_up", "neighbours_up_total", kCounter, "Links to a neighbour that came up.",
     [](const Reading& r) { return r.service.watch.counts().neighbours_up; }},
    {"mesh", "neighbours_down", "neighbours_down_total", kCounter, "Neighbours that were lost.",
     [](const Reading& r) { return r.service.watch.counts().neighbours_down; }},
    {"mesh", "frames_received", "frames_received_total", kCounter, "Frames from neighbours.",
     [](const Reading& r) { return r.engine.frames_received; }},
    {"mesh", "frames_sent", "frames_sent_total", kCounter, "Frames to neighbours.",
     [](const Reading& r) { return r.engine.frames_sent; }},
    {"mesh", "bytes_received", "received_bytes_total", kCounter, "Bytes from neighbours, before TLS.",
     [](const Reading& r) { return r.engine.bytes_received; }},
    {"mesh", "bytes_sent", "sent_bytes_total", kCounter, "Bytes to neighbours, before TLS.",
     [](const Reading& r) { return r.engine.bytes_sent; }},
    {"mesh", "messages_delivered", "messages_delivered_total", kCounter,
     "Messages of the mesh that came here for the first time.", [](const Reading& r) { return r.engine.delivered; }},
    {"mesh", "messages_relayed", "messages_relayed_total", kCounter, "Messages that were passed on to neighbours.",
     [](const Reading& r) { return r.engine.relayed; }},
    {"mesh", "duplicates", "messages_duplicate_total", kCounter, "Messages that came once more.",
     [](const Reading& r) { return r.engine.duplicates; }},
    {"mesh", "no_room", "messages_no_room_total", kCounter,
     "Messages dropped since somebody fills the memory of what was seen.",
     [](const Reading& r) { return r.engine.no_room; }},
    {"mesh", "messages_left_out", "messages_left_out_total", kCounter,
     "Messages that were not sent to a neighbour that takes less than comes, once for each.",
     [](const Reading& r) { return r.engine.left_out; }},
    {"mesh", "refused", "refused_total", kCounter, "Connections and frames that were refused.",
     [](const Reading& r) { return r.engine.refused; }},
    {"mesh", "identity_in_use", "identity_in_use_total", kCounter,
     "How often another process with this node's identity was seen.",
     [](const Reading& r) { return r.engine.identity_in_use; }},
    {"mesh", "too_large", "messages_too_large_total", kCounter, "Messages that no frame can carry.",
     [](const Reading& r) { return r.engine.too_large; }},
    {"mesh", "dials", "dials_total", kCounter, "Connections that this node has tried to make.",
     [](const Reading& r) { return r.engine.dials; }},
    {"mesh", "comparisons", "comparisons_total", kCounter, "Sessions of comparing dictionaries with neighbours.",
     [](const Reading& r) { return r.engine.comparisons; }},
    {"mesh", "bulk_records_sent", "bulk_records_sent_total", kCounter, "Records that were sent in such sessions.",
     [](const Reading& r) { return r.engine.bulk_records_sent; }},
    {"mesh", "records_passed_on", "records_passed_on_total", kCounter,
     "News from such a session, sent to other neighbours.",
     [](const Reading& r) { return r.engine.records_passed_on; }},
    {"mesh", "old_deletions_told", "old_deletions_told_total", kCounter,
     "Deletions told to neighbours that were apart for longer than the horizon.",
     [](const Reading& r) { return r.engine.old_deletions_told; }},
    {"mesh", "keys_returned", "keys_returned_total", kCounter,
     "Keys that may have been deleted, and that a neighbour brought back.",
     [](const Reading& r) { return r.engine.keys_returned; }},
    {"mesh", "records_without_room", "records_without_room_total", kCounter,
     "Records of neighbours that were left out for want of room.",
     [](const Reading& r) { return r.engine.records_without_room; }},
});

}  // namespace

std::span<const Figure> all_figures() {
  return kFigures;
}

std::string word_of(EndReason reason) {
  std::string word;
  for (const char c : to_string(reason)) {
    if (c == ' ' || c == '-') {
      word += '_';
    } else if (c != '\'') {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return word;
}

}  // namespace meshdict
