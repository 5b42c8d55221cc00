#include "app/node.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <tuple>
#include <utility>

#include "app/access/hash_thread.h"
#include "app/backups.h"
#include "app/commands/commands.h"
#include "app/http/limits.h"
#include "app/http/server.h"
#include "app/log/event_log.h"
#include "app/log/format.h"
#include "app/log/log.h"
#include "app/offline/set_aside.h"
#include "app/open_files.h"
#include "app/resp/limits.h"
#include "app/resp/server.h"
#include "app/resp/service.h"
#include "app/shortages.h"
#include "app/system/bounds.h"
#include "app/system/memory_reserve.h"
#include "app/system/service_manager.h"
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

/// Soon enough to see a queue that fills, and seldom enough to cost nothing.
constexpr Duration kCountQueuesEvery = 50ms;

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
  Parts(const Options& given, const OpenFiles& files, std::unique_ptr<SqliteStore> on_disk, const Kept& kept_files)
      : options(given),
        kept(kept_files),
        disk(std::move(on_disk)),
        bounds(disk.get(), given.bounds),
        store(disk ? static_cast<Store&>(*disk) : nowhere, bounds.memory()),
        log(options.log_level, clock),
        events(log),
        transport(io),
        engine(engine_settings(files), clock, transport, store, random, events),
        service(engine, all_commands(), clock, random,
                {.network = options.network,
                 .mesh = options.mesh,
                 .resp_address = {},
                 .mesh_proof = name_of(options.security.proof),
                 .mesh_encryption = encryption_of(options.security.proof),
                 .tls = options.security.clients.tls,
                 .client_certificates = !options.security.clients.files.authority.empty()}),
        hashes(io),
        server(io, service),
        loop(io, clock, transport, store, engine, hooks()),
        signals(io) {
    events.set_service(service);
    transport.set_credentials(kept.of_mesh());
    service.tell = [this](std::string_view kind, const std::string& detail) {
      log.write_limited(LogLevel::kWarn, kind, detail);
    };
    service.logins.set_worker(&hashes);
    if (disk) service.back_up = backups_of(*disk, io, log);
    service.end_node = [this] {
      log.write(LogLevel::kInfo, "this node has given up its leases, and leaves the mesh for good");
      asio::post(io, [this] { loop.stop(); });
    };
    if (kept.client_tls != nullptr) server.set_credentials(kept.client_tls->credentials());
    if (kept.users != nullptr) service.set_users(kept.users->users());
    transport.limit_closing(files.closing);
    service.max_clients = files.clients;
    service.most_clients = files.clients;
    service.log_level = options.log_level;
    service.min_neighbours = options.min_neighbours;
    service.bounds = &bounds;
    service.timeout = options.timeout;
    service.keepalive = options.keepalive;
    service.shut_down = [this](const std::string& why) {
      log.write(LogLevel::kWarn, why);
      loop.stop();
    };
    service.set_log_level = [this](LogLevel level) { log.set_level(level); };
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
    if (kept.proof != nullptr) config.proven_id = kept.proof->credentials()->id();
    return config;
  }

  /// Before the engine starts. REQUIRES: there is a disk.
  std::expected<void, StoreError> repair() {
    const auto aside = set_damaged_aside(*disk, options.data_dir);
    if (!aside) return std::unexpected(aside.error());
    if (*aside == 0) return {};
    log.write(LogLevel::kWarn,
              fmt::format("{} damaged records are set aside in '{}/{}'; what neighbours have of these keys comes back",
                          *aside, printable(options.data_dir), kSetAsideFile));
    return {};
  }

  /// After each turn.
  void look_for_room() {
    memory_reserve::refill();
    // To count what is queued takes a look at each link.
    const MonoTime now = clock.monotonic();
    if (bounds.memory().marks().bounded() && now - queues_counted >= kCountQueuesEvery) {
      queues_counted = now;
      queued = service.queued_bytes();
    }
    if (bounds.look(store, queued)) engine.compare_with_all();
    shortages.look(bounds.lacks(), service.stats.refused_by_memory);
  }

  /// Before the engine starts.
  void tell_of_proof() {
    if (options.security.open) {
      for (const std::string& endpoint : open_endpoints(options))
        log.write(LogLevel::kWarn, endpoint + "; --open lets everybody in");
    }
    if (kept.ssl != nullptr) {
      log.write(LogLevel::kWarn,
                fmt::format("--encryption ssl: {}; where all members are meshdict's, give --mesh-key-file",
                            kPy2pProvesNothing));
    }
    if (kept.proof != nullptr) {
      for (const std::string& doubt : kept.proof->credentials()->doubts())
        log.write(LogLevel::kWarn, doubt);
    }
    for (const std::string& doubt : doubts_about_clients(options, kept))
      log.write(LogLevel::kWarn, doubt);
  }

  /// What is in files is used as it is there, from now on.
  void watch_files() {
    const auto trouble = [this](const std::string& line) { log.write(LogLevel::kError, printable(line, 400)); };
    const auto news = [this](const std::string& line) { log.write(LogLevel::kInfo, line); };
    if (kept.proof != nullptr) {
      proof_watch.emplace(
          io, *kept.proof,
          CredentialWatch::Hooks{.on_new = [this](const auto& credentials) { transport.set_credentials(credentials); },
                                 .on_news = news,
                                 .on_trouble = trouble});
    }
    if (kept.client_tls != nullptr) {
      client_tls_watch.emplace(
          io, *kept.client_tls,
          CredentialWatch::Hooks{
              .on_new = [this](const auto& credentials) { server.set_credentials(credentials); },
              .on_news = [news](const std::string& line) { news("for clients, " + line); },
              .on_trouble = [trouble](const std::string& line) { trouble("for clients, " + line); }});
    }
    if (kept.users != nullptr) {
      users_watch.emplace(io, *kept.users,
                          FileWatch::Hooks{.on_new =
                                               [this, news] {
                                                 service.set_users(kept.users->users());
                                                 news("the file of users has been read again");
                                               },
                                           .on_trouble = trouble});
    }
    if (kept.config != nullptr) {
      config_watch.emplace(io, *kept.config,
                           FileWatch::Hooks{.on_new = [this] { take_configuration(kept.config->take_change()); },
                                            .on_trouble = trouble});
    }
  }

  void take_configuration(const ConfigChange& change) {
    log.set_level(change.log_level);
    set_log_format(change.log_format);
    service.log_level = change.log_level;
    bounds.set(change.bounds);
    for (const Endpoint& address : change.join)
      engine.connect(address);
    for (const Endpoint& address : change.join_no_more)
      engine.forget(address);
    log.write(LogLevel::kInfo, change.applied.empty()
                                   ? "the configuration has been read again"
                                   : fmt::format("the configuration has been read again, and is in force: {}",
                                                 fmt::join(change.applied, ", ")));
    if (!change.waiting.empty()) {
      log.write(LogLevel::kWarn,
                fmt::format("of the configuration these take a restart: {}", fmt::join(change.waiting, ", ")));
    }
  }

  /// False when there is none to be read.
  bool read_files_again() {
    if (!kept.any()) return false;
    manager.reloading();
    if (proof_watch) proof_watch->load_again();
    if (client_tls_watch) client_tls_watch->load_again();
    if (users_watch) users_watch->load_again();
    if (config_watch) config_watch->load_again();
    std::ignore = manager.ready();
    return true;
  }

  EngineLoop::Hooks hooks() {
    return {
        .after_commit =
            [this] {
              server.flush();
              if (http) http->flush();
              look_for_room();
              log.report_suppressed();
            },
        .after_turn = [this](const TurnTimes& times) { service.note_turn(times.busy, times.commit); },
        .before_stop =
            [this] {
              log.write(LogLevel::kInfo, "stopping");
              manager.stopping();
              if (disk) disk->end_backup("the node stops");
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
      } else if (number != SIGHUP || !read_files_again()) {
        loop.stop();
      }
      await_signal();
    });
  }

  /// Ends the node in order, and with exit code 1. The system repeats its signals: only the first counts.
  void give_up(std::string_view reason) {
    if (!why_given_up.empty()) return;
    why_given_up = reason;
    loop.stop();
  }

  const Options& options;
  const Kept& kept;
  SystemClock clock;
  SystemRandom random;
  VolatileStore nowhere;
  std::unique_ptr<SqliteStore> disk;
  Bounds bounds;
  RoomInMemory store;
  Log log;
  EventFan events;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  AsioTransport transport;
  Engine engine;
  RespService service;
  HashThread hashes;
  RespServer server;
  std::optional<HttpPages> pages;
  std::optional<HttpServer> http;  // with --http
  EngineLoop loop;
  std::optional<CredentialWatch> proof_watch;
  std::optional<CredentialWatch> client_tls_watch;
  std::optional<FileWatch> users_watch;
  std::optional<FileWatch> config_watch;
  asio::signal_set signals;
  Endpoint http_address;  // with the port that was chosen
  ServiceManager manager{std::getenv("NOTIFY_SOCKET")};
  Shortages shortages{log, manager};
  MonoTime queues_counted{};
  std::uint64_t queued = 0;
  std::string why_given_up;
};

Node::Node(Options options) : options_(std::move(options)) {}

Node::~Node() = default;

std::string StartFailure::describe() const {
  return (option.empty() ? "" : option + ": ") + std::visit([](const auto& what) { return what.describe(); }, why);
}

std::string describe(const GaveUp& why) {
  return std::visit([](const auto& what) { return what.describe(); }, why);
}

std::expected<void, StartFailure> Node::load_files() {
  const SecurityOptions& security = options_.security;
  kept_ = {.proof = keeper_of(security),
           .client_tls = keeper_of(security.clients),
           .users = users_of(security.clients),
           .config = nullptr,
           .ssl = nullptr};
  if (!options_.config_file.empty()) kept_.config = std::make_unique<ConfigKeeper>(options_);
  if (security.proof == MeshProof::kNoneWithSsl) {
    auto made = Credentials::of_py2p();
    if (!made) return std::unexpected(StartFailure{.option = "--encryption ssl", .why = ProofFault{made.error()}});
    kept_.ssl = std::move(*made);
  }
  // What this process holds is not for the disk.
  if (kept_.secrets()) keep_out_of_core_dumps();
  const bool key = security.proof == MeshProof::kMeshKey;
  const std::pair<FileKeeper*, std::string_view> all[] = {
      {kept_.proof.get(), key ? "--mesh-key-file" : "--encryption tls"},
      {kept_.client_tls.get(), "--resp-tls"},
      {kept_.users.get(), "--resp-users"},
      {kept_.config.get(), "--config"}};
  for (const auto& [keeper, option] : all) {
    if (keeper == nullptr) continue;
    if (auto loaded = keeper->load(); !loaded) {
      return std::unexpected(
          StartFailure{.option = std::string(option), .why = ProofFault{printable(loaded.error(), 400)}});
    }
  }
  return {};
}

std::expected<void, StartFailure> Node::start() {
  if (auto loaded = load_files(); !loaded) return loaded;
  const bool has_http = !options_.http.host.empty();
  const auto files = take_open_files(has_http ? http_limits::kMaxConnections : 0);
  if (!files) return std::unexpected(StartFailure{.option = "", .why = SystemLimit{files.error()}});
  std::unique_ptr<SqliteStore> disk;
  if (!options_.data_dir.empty()) {
    auto opened =
        open_for_network(options_.data_dir, options_.durability, engine_config(options_), options_.bounds.of_disk());
    if (!opened) return std::unexpected(StartFailure{.option = "--data-dir", .why = std::move(opened.error())});
    disk = std::move(*opened);
  }
  parts_ = std::make_unique<Parts>(options_, *files, std::move(disk), kept_);
  Parts& p = *parts_;
  p.signals.add(SIGXCPU);
  for (const std::string& warning : options_.warnings)
    p.log.write(LogLevel::kWarn, warning);
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
  if (options_.repair) {
    if (auto repaired = p.repair(); !repaired) {
      return std::unexpected(StartFailure{.option = "--repair-from-mesh", .why = std::move(repaired.error())});
    }
  }
  p.tell_of_proof();
  p.watch_files();
  p.engine.set_address(advertised(p.options, *mesh));
  if (auto started = p.engine.start(); !started) {
    if (p.disk) std::ignore = p.disk->close();
    return std::unexpected(failure_of(started.error(), options_.data_dir));
  }
  if (auto begun = p.bounds.begin(p.store, p.engine.dictionary().records()); !begun) {
    return std::unexpected(StartFailure{.option = "--data-dir", .why = std::move(begun.error())});
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
  // With files of keys, certificates, users or options the signal has them read again.
  if (kept_.any() || std::signal(SIGHUP, SIG_IGN) != SIG_IGN) p.signals.add(SIGHUP);
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

std::expected<void, GaveUp> Node::run() {
  Parts& p = *parts_;
  if (const auto told = p.manager.ready(); !told) p.log.write(LogLevel::kWarn, told.error());
  std::expected<void, GaveUp> outcome;
  if (auto ran = p.loop.run(); !ran) outcome = std::unexpected(GaveUp{std::move(ran.error())});
  if (p.disk) {
    // The engine is at its end and stages nothing more. After a failed commit this leaves the files alone.
    auto closed = p.disk->close();
    if (outcome && !closed) outcome = std::unexpected(GaveUp{std::move(closed.error())});
  }
  if (outcome && !p.why_given_up.empty()) outcome = std::unexpected(GaveUp{SystemLimit{p.why_given_up}});
  if (outcome) p.log.write(LogLevel::kInfo, "stopped");
  flush_log();
  return outcome;
}

}  // namespace meshdict
