#pragma once
// The parts of an engine, each built on those before it, and what comes and goes of neighbours for all of them.
//
//   parts.cpp     construction, neighbours that come and go
//   messages.cpp  receiving, broadcast and relay, whispers and the search for their receivers
//   sync.cpp      stores from others, comparing
//   py2p.cpp      what py2p neighbours are told of the dictionary, and what they bring along
//   confirm.cpp   which neighbours have what we wrote
//   clock.cpp     whether our wall clock can be relied on

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/alarm.h"
#include "core/engine/engine.h"
#include "core/engine/overlay.h"
#include "core/engine/seen.h"
#include "core/links/arbiter.h"
#include "core/links/compressed_once.h"
#include "core/links/links.h"
#include "core/messages/originator.h"
#include "core/record/clock_offsets.h"

namespace meshdict {

struct Engine::Parts final : LinksHost {
  Parts(const EngineConfig& config, const DictionaryConfig& settings, const Clock& clock, Transport& transport,
        Store& store, const Random& random, Observer& observer);

  /// Whispers for a node that we search.
  struct Search {
    std::vector<Frame> frames;
    MonoTime expires;
    std::uint64_t wish = 0;  ///< to whisper is to wish for a link
  };
  /// Somebody waits until neighbours have these records.
  struct Confirmation {
    std::vector<std::string> keys;
    std::set<NodeId> confirmed;
    std::set<NodeId> hidden;          ///< who has answered that it does not show all of them, and is asked again
    std::set<NodeId> hidden_between;  ///< who has said so of some, between the batches
  };

  // LinksHost
  void on_pair_up(Pair& pair) override;
  void on_link_up(Connection& link) override;
  void on_link_left(Connection& primary) override;
  void on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) override;
  void on_refused(const Connection& conn, const Ending& ending) override;
  void on_address(const Endpoint& address, const Connection& conn) override;
  bool keeps_apart(const Connection& conn) override;
  void on_pong(const Connection& link, const Pong& pong) override;
  void on_clock(const NodeId& peer, std::int64_t unix_ms, MonoTime asked) override;
  std::optional<Frame> next_owed(Connection& link) override;

  // clock.cpp
  void watch_clock();
  void judge_clocks();

  // messages.cpp
  void handle_body(Connection& conn, std::string_view body);
  bool accept_broadcast(const Connection& from, const Envelope& envelope, const PlainBody& plain);
  void relay(const Connection& from, const OpenedBody& opened, std::string_view body, const Envelope& envelope,
             const Message& message);
  void send_to_all(CompressedOnce& once, const Connection* except, const PacedStore* store = nullptr);
  Stamp stamp_broadcast();
  void broadcast_message(const Message& message, const PacedStore* store = nullptr);
  void handle_message(Connection& conn, const Envelope& envelope, const Message& message, const MessageId& id);
  void deliver(const Connection& conn, const Envelope& envelope, const UserMessage& message, const MessageId& id);
  void handle_request(Connection& conn, const Request& request);
  void handle_response(const Connection& conn, const Response& response);
  [[nodiscard]] bool has_room_for(const NodeId& wanted) const;
  void search_for(const NodeId& wanted, const Frame& frame);
  void expire_searches(MonoTime now);

  // sync.cpp
  void handle_store(const Envelope& envelope, const StoreSet& store);
  void handle_question(Connection& conn, const SyncQuestion& question);
  void handle_answer(Connection& conn, const SyncAnswer& answer);
  void handle_records(Connection& conn, const Records& records);
  void handle_floors(const EpochFloors& floors);
  void handle_presence(Connection& conn);
  enum class Taken : std::uint8_t { kNews, kKnown, kHidden };
  Taken take_record(const Connection& conn, const RecordEntry& entry);
  void tell_old_deletions(Connection& conn, const std::vector<RecordEntry>& outlived);
  void forward_records(const Connection* from, const std::vector<RecordEntry>& entries);
  void send_records(std::span<Connection* const> to, const Records& batch);
  Connection::Sync& sync_of(Connection& conn);
  void compare(Connection& conn);
  void compare_with_somebody(MonoTime now);
  void begin_session(MonoTime now);
  void send_floors(Connection& conn);
  std::optional<ConfirmationToken> confirm(std::vector<std::string> keys);
  void publish(const OwnRecord& record, HasKey had);
  void ask_to_confirm(Connection& link, ConfirmationToken token);
  void ask_for_open_confirmations(Connection& link);
  void continue_confirmations(Connection& link);
  std::size_t send_batch_to_confirm(Connection& link, Connection::ToConfirm& turn, const Confirmation& asked);
  void ask_again_to_confirm(MonoTime now);
  void continue_transfers(MonoTime now);
  void continue_sync(Connection& conn, MonoTime now);
  [[nodiscard]] Connection::Session new_session(SessionId id) const;
  void end_session(Connection& conn, const Connection::Session& session);

  // py2p.cpp
  [[nodiscard]] HasKey had_by_py2p(std::string_view key) const;
  [[nodiscard]] PacedStore paced_store(const Envelope& envelope, const StoreSet& store) const;
  std::optional<Frame> owed_frame(Connection& link, std::string_view key, HasKey has);
  std::optional<Frame> plain_frame(std::string_view key, const Record& record);
  std::optional<Frame> next_of_walk(Connection& link);
  void handle_stored_entry(Connection& conn, const StoredEntry& entry);

  const EngineConfig& config_;
  const Clock& clock_;
  Transport& transport_;
  Observer& observer_;

  bool running_ = false;
  EngineStats stats_;
  Alarm alarm_;
  RandomStream leisure_;
  RandomStream sync_random_;
  Dictionary dictionary_;
  Originator originator_;
  Arbiter arbiter_;
  Links links_;
  Overlay overlay_;
  ClockOffsets clocks_;
  SeenMessages seen_;
  std::deque<ConnId> due_;  // comparisons that wait for their turn
  ConnId last_served_ = ConnId::kNone;
  std::map<NodeId, Search> searches_;
  std::map<ConfirmationToken, Confirmation> confirmations_;
  std::uint64_t next_confirmation_ = 0;  // begins at a random number: the nonces of links are random too
  MonoTime next_confirm_again_ = MonoTime::max();
  MonoTime next_compare_;
  MonoTime next_expiry_;
};

}  // namespace meshdict
