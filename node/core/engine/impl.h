#pragma once
// The inside of Engine, one class in seven sources, by what it does:
//   engine.cpp    construction, start and stop, inputs, views
//   messages.cpp  receiving, broadcast and relay, whispers and the search for their receivers
//   sync.cpp      the dictionary: local writes, stores from others, comparing
//   py2p.cpp      what py2p neighbours are told of the dictionary, and what they bring along
//   overlay.cpp   which nodes to dial, and when
//   confirm.cpp   which neighbours have what we wrote
//   clock.cpp     whether our wall clock can be relied on

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/address_book.h"
#include "core/engine/engine.h"
#include "core/engine/seen.h"
#include "core/links/arbiter.h"
#include "core/links/compressed_once.h"
#include "core/links/links.h"
#include "core/messages/originator.h"
#include "core/record/clock_offsets.h"

namespace meshdict {

class Engine::Impl final : public LinksHost {
 public:
  Impl(EngineConfig config, const Clock& clock, Transport& transport, Store& store, const Random& random,
       Observer& observer);

  std::expected<void, std::string> start();
  void stop();

  void on_accepted(ConnId conn, const Endpoint& remote);
  void on_connected(ConnId conn);
  void on_data(ConnId conn, std::string_view bytes);
  void on_drained(ConnId conn);
  void on_closed(ConnId conn, std::string_view detail);
  void on_time();
  [[nodiscard]] MonoTime next_deadline() const;

  std::expected<void, WriteError> set(std::string_view key, RawView value);
  std::expected<void, WriteError> erase(std::string_view key);
  std::expected<std::size_t, BatchError> write(std::span<const WriteOp> ops);
  [[nodiscard]] const Dictionary& dictionary() const { return *dictionary_; }
  std::optional<std::uint64_t> confirm(std::vector<std::string> keys);
  void end_confirmation(std::uint64_t token);

  std::expected<MessageId, std::string> broadcast(std::span<const RawView> packets, SubFlag type);
  std::expected<WhisperOutcome, std::string> whisper(const NodeId& receiver, std::span<const RawView> packets,
                                                     SubFlag type);
  void request_peers();
  void connect(const Endpoint& to, const NodeId& expected);
  bool forget(const Endpoint& address);
  bool disconnect(const NodeId& peer);

  [[nodiscard]] const NodeId& id() const { return self_; }
  [[nodiscard]] std::uint64_t boot() const { return boot_; }
  void set_address(const Endpoint& advertise);
  [[nodiscard]] const Endpoint& address() const { return config_.advertise; }
  [[nodiscard]] std::vector<NeighbourView> neighbours() const;
  [[nodiscard]] std::vector<DepartedView> departed() const;
  [[nodiscard]] std::size_t known_addresses() const { return book_.size(); }
  [[nodiscard]] const ClockView& clock() const { return clocks_.own(); }
  [[nodiscard]] const EngineStats& stats() const;
  void sanity_check() const;

 private:
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
  /// A user's wish that there be no link with a node.
  struct KeptApart {
    MonoTime until;
    std::uint64_t wish = 0;
  };
  struct Departed {
    NodeId id;
    EndReason reason = EndReason::kClosedByPeer;
    MonoTime when;
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

  // engine.cpp
  std::expected<void, std::string> load_identity();
  void finish_input();
  void wake_at(MonoTime when) { next_own_deadline_ = std::min(next_own_deadline_, when); }

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
  void handle_peers(const Connection& conn, const Peers& peers);
  void send_peers(Connection& conn);
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
  void ask_to_confirm(Connection& link, std::uint64_t token);
  void ask_for_open_confirmations(Connection& link);
  void continue_confirmations(Connection& link);
  std::size_t send_batch_to_confirm(Connection& link, Connection::ToConfirm& turn, const Confirmation& asked);
  void ask_again_to_confirm(MonoTime now);
  void continue_transfers(MonoTime now);
  void continue_sync(Connection& conn, MonoTime now);
  [[nodiscard]] Connection::Session new_session(std::uint64_t id) const;
  void end_session(Connection& conn, const Connection::Session& session);
  void publish_reissued();
  void publish(const OwnRecord& record, HasKey had);

  // py2p.cpp
  [[nodiscard]] HasKey had_by_py2p(std::string_view key) const;
  [[nodiscard]] PacedStore paced_store(const Envelope& envelope, const StoreSet& store) const;
  std::optional<Frame> owed_frame(Connection& link, std::string_view key, HasKey has);
  std::optional<Frame> plain_frame(std::string_view key, const Record& record);
  std::optional<Frame> next_of_walk(Connection& link);
  void handle_stored_entry(Connection& conn, const StoredEntry& entry);

  // overlay.cpp
  void dial_where_needed();
  Connection& dial_now(const Endpoint& to, bool extra);
  void dial_a_stranger(MonoTime now);
  void drop_an_extra_link();
  void note_end(const Pair& pair, const Connection& last, const Ending& ending);
  void note_failed_dial(const Connection& conn, EndReason reason);
  void note_living_links(MonoTime now);
  [[nodiscard]] std::size_t outgoing_count() const;
  [[nodiscard]] AddressBook::Wanted stranger_filter() const;

  EngineConfig config_;
  const Clock& clock_;
  Transport& transport_;
  Store& store_;
  const Random& random_;
  Observer& observer_;

  NodeId self_;
  std::uint64_t boot_ = 0;
  std::vector<std::uint64_t> earlier_boots_;  // as stored, the last one first
  bool running_ = false;
  std::optional<Dictionary> dictionary_;
  std::optional<Originator> originator_;
  Arbiter arbiter_;
  std::optional<Links> links_;
  AddressBook book_;
  RandomStream overlay_random_;
  RandomStream sync_random_;
  SeenMessages seen_;
  ClockOffsets clocks_;
  std::deque<ConnId> due_;  // comparisons that wait for their turn
  ConnId last_served_ = ConnId::kNone;
  std::map<NodeId, KeptApart> kept_apart_;
  std::uint64_t wishes_ = 0;
  std::map<NodeId, Search> searches_;
  std::map<std::uint64_t, Confirmation> confirmations_;
  std::uint64_t next_confirmation_ = 0;  // begins at a random number: the nonces of links are random too
  MonoTime next_confirm_again_ = MonoTime::max();
  std::vector<Departed> departed_;  // the newest last
  mutable EngineStats stats_;

  bool overlay_dirty_ = false;  // something changed that may call for a dial
  MonoTime next_dial_ = MonoTime::max();
  MonoTime next_stranger_;
  Duration stranger_pause_{};
  MonoTime next_compare_;
  MonoTime next_expiry_;
  MonoTime next_own_deadline_ = MonoTime::max();
};

}  // namespace meshdict
