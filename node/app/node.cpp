#include "app/node.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <optional>
#include <tuple>
#include <utility>

#include "app/commands/commands.h"
#include "app/http/limits.h"
#include "app/http/server.h"
#include "app/log/event_log.h"
#include "app/log/log.h"
#include "app/open_files.h"
#include "app/resp/limits.h"
#include "app/resp/server.h"
#include "app/resp/service.h"
#include "app/system/memory_reserve.h"
#include "core/base/overloaded.h"
#include "core/engine/engine.h"
#include "core/env/volatile_store.h"
#include "net/addresses.h"
#include "net/asio_transport.h"
#include "net/engine_loop.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "store/data_network.h"
#include "store/sqlite_store.h"

namespace meshdict {
namespace {

/// Each event goes to the log and, once there is one, to the Redis-protocol endpoint.
class EventFan final : public Observer {
 public:
  explicit EventFan(Log& log) : lines_(log) {}
  void set_service(RespService& service) { service_ = &service; }
  void on_event(const Event& event) override {
    lines_.write(event);
    if (service_ != nullptr) service_->on_event(event);
  }

 private:
  EventLog lines_;
  RespService* service_ = nullptr;
};

/// Nor for other processes of this user: a debugger, or /proc.
void keep_out_of_core_dumps() {
  prctl(PR_SET_DUMPABLE, 0);
}

EngineConfig engine_config(const Options& options, const OpenFiles& files) {
  EngineConfig config = engine_config(options);
  config.most_neighbours = files.neighbours;
  config.most_pending = files.pending;
  return config;
}

/// What to tell others about where we listen.
Endpoint advertised(const Options& options, const Endpoint& bound) {
  if (!options.advertise.host.empty()) return options.advertise;
  if (is_wildcard(bound.host)) return {lan_address(), bound.port};
  return bound;
}

/// For INFO.
std::string_view name_of(MeshProof proof) {
  switch (proof) {
    case MeshProof::kNone:
      break;
    case MeshProof::kMeshKey:
      return "mesh_key";
    case MeshProof::kCertificates:
      return "certificates";
  }
  return "none";
}

/// Null when the mesh asks for no proof.
std::unique_ptr<CredentialKeeper> keeper_of(const SecurityOptions& security) {
  switch (security.proof) {
    case MeshProof::kNone:
      break;
    case MeshProof::kMeshKey:
      return std::make_unique<CredentialKeeper>(std::vector{security.mesh_key_file}, [path = security.mesh_key_file] {
        return credentials_of_key_file(path);
      });
    case MeshProof::kCertificates:
      return std::make_unique<CredentialKeeper>(
          std::vector{security.tls.certificate, security.tls.key, security.tls.authority, security.tls.revoked},
          [files = security.tls] { return credentials_of_files(files); });
  }
  return nullptr;
}

/// Of a node that could bind its ports, and whose engine does not start.
StartFailure failure_of(const StartError& error, const std::string& data_dir) {
  return std::visit(
      Overloaded{
          [](const SettingsFault& fault) { return StartFailure{.option = "--lease-seconds", .why = fault}; },
          [&](const StoreError& of_store) {
            return StartFailure{.option = "--data-dir", .why = about_content(data_dir, of_store)};
          },
      },
      error);
}

}  // namespace

/// In the order of construction: what is further down uses what is further up.
struct Node::Parts {
  /// `on_disk`: none for a node that keeps all in memory.
  /// `keeper`: null without any proof.
  Parts(const Options& given, const OpenFiles& files, std::unique_ptr<SqliteStore> on_disk, CredentialKeeper* keeper)
      : options(given),
        proof(keeper),
        disk(std::move(on_disk)),
        store(disk ? static_cast<Store&>(*disk) : nowhere),
        log(options.log_level, clock),
        events(log),
        transport(io),
        engine(engine_settings(files), clock, transport, store, random, events),
        service(engine, all_commands(), clock, random,
                {.network = options.network,
                 .mesh = options.mesh,
                 .resp_address = {},
                 .mesh_proof = name_of(options.security.proof)}),
        server(io, service,
               [this](std::string_view kind, const std::string& detail) {
                 log.write_limited(LogLevel::kWarn, kind, detail);
               }),
        loop(io, clock, transport, store, engine, hooks()),
        signals(io) {
    events.set_service(service);
    if (proof != nullptr) transport.set_credentials(proof->credentials());
    transport.limit_closing(files.closing);
    service.max_clients = files.clients;
    if (files.clients < resp_limits::kMaxClients || files.neighbours < limits::kMaxNeighbours) {
      log.write(
          LogLevel::kWarn,
          fmt::format("this process may open {} files (ulimit -n): at most {} clients at a time instead of {}, and {} "
                      "neighbours instead of {}",
                      files.limit, files.clients, resp_limits::kMaxClients, files.neighbours, limits::kMaxNeighbours));
    }
  }

  EngineConfig engine_settings(const OpenFiles& files) {
    EngineConfig config = engine_config(options, files);
    if (proof != nullptr) config.proven_id = proof->credentials()->id();
    return config;
  }

  /// Before the engine starts.
  void tell_of_proof() {
    if (options.security.open) {
      for (const std::string& endpoint : open_endpoints(options))
        log.write(LogLevel::kWarn, endpoint + "; --open lets everybody in");
    }
    if (proof == nullptr) return;
    for (const std::string& doubt : proof->credentials()->doubts())
      log.write(LogLevel::kWarn, doubt);
    proof_watch.emplace(
        io, *proof,
        CredentialWatch::Hooks{
            .on_new = [this](const auto& credentials) { transport.set_credentials(credentials); },
            .on_news = [this](const std::string& line) { log.write(LogLevel::kInfo, line); },
            .on_trouble = [this](const std::string& line) { log.write(LogLevel::kError, printable(line, 400)); }});
  }

  EngineLoop::Hooks hooks() {
    return {
        .after_commit =
            [this] {
              server.flush();
              if (http) http->flush();
              tell_of_room();
              tell_of_memory();
              log.report_suppressed();
            },
        .after_turn =
            [this](const TurnTimes& times) {
              service.stats.longest_turn = std::max(service.stats.longest_turn, times.busy);
              service.stats.longest_commit = std::max(service.stats.longest_commit, times.commit);
            },
        .before_stop =
            [this] {
              log.write(LogLevel::kInfo, "stopping");
              server.stop();
              if (http) http->stop();
            },
        .has_drained = [this] { return server.drained(); },
        .listen_trouble = [this](std::string_view detail) { log.write_limited(LogLevel::kWarn, "accept", detail); }};
  }

  std::expected<Endpoint, ListenFailure> listen_for_http(std::size_t places) {
    std::vector<std::string> names = options.http_hosts;
    names.push_back(options.http.host);
    pages.emplace(service, HttpHosts(names), options.data_dir, random);
    http.emplace(io, clock, *pages, places, [this](std::string_view kind, const std::string& detail) {
      log.write_limited(LogLevel::kWarn, kind, detail);
    });
    return http->listen(options.http);
  }

  void await_signal() {
    signals.async_wait([this](asio::error_code error, int number) {
      if (error) return;
      if (number == SIGXCPU) {
        give_up("the limit of processor time is reached (ulimit -t)");
      } else if (number == SIGHUP && proof_watch) {
        proof_watch->load_again();
      } else {
        loop.stop();
      }
      await_signal();
    });
  }

  void tell_of_memory() {
    memory_reserve::refill();
    // Also begun anew by CONFIG RESETSTAT.
    const std::uint64_t refused = service.stats.refused_by_memory;
    if (std::exchange(refused_by_memory, refused) < refused) {
      log.write_limited(LogLevel::kWarn, "refused by memory",
                        "no memory is left for what a client wants (ulimit -v, or the machine's): it was refused");
    }
    if (memory_reserve::used() == memory_is_short) return;
    memory_is_short = !memory_is_short;
    log.write_limited(memory_is_short ? LogLevel::kError : LogLevel::kInfo, "memory",
                      memory_is_short ? "no memory is left (ulimit -v, or the machine's): clients may read and "
                                        "delete, writes and those of neighbours are refused until there is some"
                                      : "there is memory again: writes are taken");
  }

  void tell_of_room() {
    const bool has_room = disk == nullptr || disk->has_room();
    if (has_room == had_room) return;
    had_room = !had_room;
    log.write(had_room ? LogLevel::kInfo : LogLevel::kError,
              had_room
                  ? "the disk has room again: writes are taken"
                  : "the disk is full: clients may read and delete, writes and those of neighbours are refused until "
                    "there is room");
  }

  /// Ends the node in order, and with exit code 1. The system repeats its signals: only the first counts.
  void give_up(std::string_view reason) {
    if (!why_given_up.empty()) return;
    why_given_up = reason;
    loop.stop();
  }

  const Options& options;
  CredentialKeeper* proof;
  SystemClock clock;
  SystemRandom random;
  VolatileStore nowhere;
  std::unique_ptr<SqliteStore> disk;
  RoomInMemory store;
  Log log;
  EventFan events;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  AsioTransport transport;
  Engine engine;
  RespService service;
  RespServer server;
  std::optional<HttpPages> pages;
  std::optional<HttpServer> http;  // with --http
  EngineLoop loop;
  std::optional<CredentialWatch> proof_watch;
  asio::signal_set signals;
  Endpoint http_address;  // with the port that was chosen
  std::string why_given_up;
  bool had_room = true;
  bool memory_is_short = false;
  std::uint64_t refused_by_memory = 0;  // when it was last told
};

Node::Node(Options options) : options_(std::move(options)) {}

Node::~Node() = default;

std::string StartFailure::describe() const {
  return (option.empty() ? "" : option + ": ") + std::visit([](const auto& what) { return what.describe(); }, why);
}

std::expected<void, StartFailure> Node::load_proof() {
  proof_ = keeper_of(options_.security);
  if (proof_ == nullptr) return {};
  // What this process holds is not for the disk.
  keep_out_of_core_dumps();
  if (auto loaded = proof_->load(); !loaded) {
    const bool key = options_.security.proof == MeshProof::kMeshKey;
    return std::unexpected(StartFailure{.option = key ? "--mesh-key-file" : "--encryption tls",
                                        .why = ProofFault{printable(loaded.error(), 400)}});
  }
  return {};
}

std::expected<void, StartFailure> Node::start() {
  if (auto loaded = load_proof(); !loaded) return loaded;
  const bool has_http = !options_.http.host.empty();
  const auto files = take_open_files(has_http ? http_limits::kMaxConnections : 0);
  if (!files) return std::unexpected(StartFailure{.option = "", .why = SystemLimit{files.error()}});
  std::unique_ptr<SqliteStore> disk;
  if (!options_.data_dir.empty()) {
    auto opened = open_for_network(options_.data_dir, options_.durability, engine_config(options_));
    if (!opened) return std::unexpected(StartFailure{.option = "--data-dir", .why = std::move(opened.error())});
    disk = std::move(*opened);
  }
  parts_ = std::make_unique<Parts>(options_, *files, std::move(disk), proof_.get());
  Parts& p = *parts_;
  p.signals.add(SIGXCPU);
  if (p.disk && p.disk->created()) {
    p.log.write(LogLevel::kInfo, fmt::format("new database in '{}': this is a new node", printable(options_.data_dir)));
  }
  const auto mesh = p.transport.listen(p.options.listen);
  if (!mesh) return std::unexpected(StartFailure{.option = "--listen", .why = mesh.error()});
  const auto resp = p.server.listen(p.options.resp);
  if (!resp) return std::unexpected(StartFailure{.option = "--resp", .why = resp.error()});
  if (has_http) {
    const auto http = p.listen_for_http(files->http);
    if (!http) return std::unexpected(StartFailure{.option = "--http", .why = http.error()});
    p.http_address = *http;
  }
  p.tell_of_proof();
  p.engine.set_address(advertised(p.options, *mesh));
  if (auto started = p.engine.start(); !started) {
    if (p.disk) std::ignore = p.disk->close();
    return std::unexpected(failure_of(started.error(), options_.data_dir));
  }
  if (const auto& move = p.engine.move(); !move.former.empty()) {
    p.log.write(
        LogLevel::kWarn,
        fmt::format("the data directory was that of {}: from now on it is {}, as the certificate's key proves; {} keys "
                    "that it leases it still leases",
                    move.former.text(), p.engine.id().text(), move.keys));
  }
  // The identity is on disk before the announcement names it.
  if (auto committed = p.store.commit(); !committed) {
    return std::unexpected(StartFailure{.option = "--data-dir", .why = std::move(committed.error())});
  }
  p.signals.add(SIGTERM);
  p.signals.add(SIGINT);
  // A closed terminal ends the node like SIGTERM; one that was started with nohup does not mind.
  // With keys or certificates the signal has them read again.
  if (proof_ != nullptr || std::signal(SIGHUP, SIG_IGN) != SIG_IGN) p.signals.add(SIGHUP);
  p.await_signal();
  p.transport.start_accepting();
  p.server.start();
  if (p.http) p.http->start();
  return {};
}

std::string Node::announcement() const {
  const Parts& p = *parts_;
  return fmt::format("meshdict-node {} id={} mesh={} redis={}{}", MESHDICT_VERSION, p.engine.id().text(),
                     to_string(p.engine.address()), to_string(p.service.facts.resp_address),
                     p.http ? " http=" + to_string(p.http_address) : "");
}

std::expected<void, std::string> Node::run() {
  Parts& p = *parts_;
  std::expected<void, std::string> outcome;
  if (const auto ran = p.loop.run(); !ran) outcome = std::unexpected(ran.error().describe());
  if (p.disk) {
    // The engine is at its end and stages nothing more. After a failed commit this leaves the files alone.
    const auto closed = p.disk->close();
    if (outcome && !closed) outcome = std::unexpected(closed.error().describe());
  }
  if (outcome && !p.why_given_up.empty()) outcome = std::unexpected(p.why_given_up);
  if (outcome) p.log.write(LogLevel::kInfo, "stopped");
  flush_log();
  return outcome;
}

}  // namespace meshdict
