#include "app/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "app/access/password.h"
#include "app/access/read_password.h"
#include "app/http/limits.h"
#include "app/known_options.h"
#include "app/option_values.h"
#include "app/resp/limits.h"
#include "core/base/nearest.h"
#include "core/limits.h"
#include "net/addresses.h"
#include "net/tls/mesh_key.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

constexpr std::string_view kProgram = "meshdict-node";

/// Shorter leases leave no room for the margins; longer ones would have deletions compared for longer than anybody expects.
constexpr std::int64_t kMinLeaseSeconds = 5;
constexpr std::int64_t kMaxLeaseSeconds = 86'400;
/// Only its hash is told to others; py2p has no bound.
constexpr std::size_t kMaxNetworkName = 65'535;

/// Parts of the design that this version lacks. Asking for one must not pass for having it.
constexpr std::array kNotYet{"--settle-ms"};

/// The program's options, bound to where their values go.
class CommandLine {
 public:
  CommandLine() {
    app_.name(std::string(kProgram));
    app_.set_version_flag("--version", fmt::format("{} {}", kProgram, MESHDICT_VERSION));
    add_addresses();
    add_dictionary();
    add_writes();
    add_connections();
    add_security();
    add_client_security();
    add_storage();
    add_bounds();
    add_offline();
    add_log_level();
    add_configuration();
    for (const char* name : kNotYet) {
      app_.add_option_function<std::string>(
              name, [name](const std::string&) { throw CLI::ValidationError(name, "not available yet"); })
          ->expected(0, 1)
          ->group("");
    }
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// What was given and is no option: of several words, the first that looks like one.
  [[nodiscard]] std::string unexpected() const {
    const std::vector<std::string> words = app_.remaining();
    const auto option = std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
    const std::string word = option == words.end() ? words.front() : option->substr(0, option->find('='));
    std::vector<std::string> known;
    for (const CLI::Option* one : app_.get_options())
      known.push_back(one->get_name());
    const auto meant = nearest(word, known);
    return fmt::format("{}: no such option{}", printable(word, 40),
                       meant ? fmt::format(", did you mean {}?", *meant) : "");
  }

  /// What the command line has not said. Throws a ValidationError that names the place.
  void fill() {
    known_.fill_from_environment();
    if (!options_.config_file.empty()) known_.fill_from_file(options_.config_file);
  }

  CLI::App& app() { return app_; }
  Options& options() { return options_; }
  [[nodiscard]] const std::string& make_key() const { return make_key_; }

  /// What options say together. Throws a ValidationError.
  void settle() {
    SecurityOptions& security = options_.security;
    const ProofFiles& tls = security.tls;
    security.proof = encryption_.value_or(MeshProof::kNone);
    if (!security.mesh_key_file.empty()) {
      if (encryption_) throw CLI::ValidationError("--mesh-key-file", "encrypts by itself: leave --encryption away");
      security.proof = MeshProof::kMeshKey;
    }
    if (security.proof == MeshProof::kCertificates) {
      if (tls.certificate.empty() || tls.key.empty() || tls.authority.empty()) {
        throw CLI::ValidationError(
            "--encryption",
            "tls needs --tls-cert, --tls-key and --tls-ca; without certificates there is --mesh-key-file");
      }
    } else if (!tls.empty()) {
      throw CLI::ValidationError("--tls-cert", "it and its siblings need --encryption tls");
    }
    if (options_.http.host.empty() && !options_.http_hosts.empty()) {
      throw CLI::ValidationError("--http-host", "needs --http");
    }
    if (options_.data_dir.empty() && known_.said("--durability")) {
      throw CLI::ValidationError("--durability", "needs --data-dir");
    }
    if (options_.data_dir.empty() && options_.bounds.disk > 0) {
      throw CLI::ValidationError("--max-disk", "needs --data-dir");
    }
    if (options_.data_dir.empty() && options_.repair) {
      throw CLI::ValidationError("--repair-from-mesh", "needs --data-dir");
    }
    settle_offline();
    settle_clients();
    options_.effective = known_.effective();
    options_.warnings = known_.misspelt_variables();
    if (security.open || options_.offline.task != OfflineTask::kNone) return;
    const auto open = open_endpoints(options_);
    if (!open.empty()) throw CLI::ValidationError(open.front() + ", or --open, which lets everybody in");
  }

  [[nodiscard]] bool hashes_password() const { return hash_password_; }
  [[nodiscard]] bool prints_configuration() const { return print_config_; }
  [[nodiscard]] std::string configuration() const { return known_.configuration(); }

 private:
  void settle_clients() const {
    const ClientSecurity& clients = options_.security.clients;
    const ProofFiles& files = clients.files;
    if (!clients.tls) {
      if (!files.empty()) throw CLI::ValidationError("--resp-tls-cert", "it and its siblings need --resp-tls");
      return;
    }
    if (files.certificate.empty() || files.key.empty()) {
      throw CLI::ValidationError("--resp-tls", "needs --resp-tls-cert and --resp-tls-key");
    }
    if (files.authority.empty() && !files.revoked.empty()) {
      throw CLI::ValidationError("--resp-tls-crl", "needs --resp-tls-ca: without it clients show no certificate");
    }
  }

  void settle_offline() {
    OfflineOptions& offline = options_.offline;
    const std::tuple<OfflineTask, const char*, bool, const std::string&> tasks[] = {
        {OfflineTask::kCheck, "--check", check_, no_file_},
        {OfflineTask::kRestore, "--restore", !restore_.empty(), restore_},
        {OfflineTask::kExport, "--export", !export_.empty(), export_},
        {OfflineTask::kImport, "--import", !import_.empty(), import_}};
    const char* first = nullptr;
    for (const auto& [task, name, wanted, file] : tasks) {
      if (!wanted) continue;
      if (first != nullptr) throw CLI::ValidationError(name, fmt::format("is not to be done together with {}", first));
      if (options_.data_dir.empty()) throw CLI::ValidationError(name, "needs --data-dir");
      first = name;
      offline.task = task;
      offline.file = file;
    }
    if (offline.as_new && offline.task != OfflineTask::kRestore)
      throw CLI::ValidationError("--as-new", "needs --restore");
  }

  /// `take` gets each value and throws a ValidationError for a wrong one.
  CLI::Option* add(const char* name, const char* type, const std::string& shown_default, const char* help,
                   std::function<void(const std::string&)> take, Given given = Given::kOnce,
                   Stands stands = Stands::kEverywhere) {
    KnownOption& known = known_.remember(
        {.name = name, .shown_default = shown_default, .given = given, .stands = stands, .take = std::move(take)});
    const CLI::callback_t callback = [&known](const CLI::results_t& values) {
      known.take_all(values, "the command line");
      return true;
    };
    return app_.add_option(name, callback, help)
        ->type_name(type)
        ->default_str(shown_default)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1)
        ->allow_extra_args(false);
  }

  void add_addresses() {
    add("--listen", "HOST:PORT", to_string(Options{}.listen),
        "Where other nodes reach this one; port 0 takes any free port",
        [this](const std::string& text) { options_.listen = read_endpoint("--listen", text); });
    add("--advertise", "HOST:PORT", "", "The address told to other nodes, when it is not the one listened on",
        [this](const std::string& text) {
          options_.advertise = read_endpoint("--advertise", text);
          if (options_.advertise.port == 0 || is_wildcard(options_.advertise.host)) {
            throw CLI::ValidationError("--advertise", "others cannot dial " + text);
          }
        });
    const auto join = [this](const std::string& text) {
      options_.join.push_back(read_endpoint("--join", text));
      if (options_.join.back().port == 0) {
        throw CLI::ValidationError("--join", "port 0 cannot be dialled");
      }
    };
    add("--join", "HOST:PORT", "", "A node to connect to; may be given several times", join, Given::kOften);
    add("--resp", "HOST:PORT", "127.0.0.1:6480", "Where Redis clients connect; port 0 takes any free port",
        [this](const std::string& text) { options_.resp = read_endpoint("--resp", text); });
    add("--http", "HOST:PORT", "", "Where browsers and Prometheus look: a live page, /metrics, /healthz, /readyz",
        [this](const std::string& text) { options_.http = read_endpoint("--http", text); });
    const auto host = [this](const std::string& text) {
      if (text.empty() || options_.http_hosts.size() == http_limits::kMaxHosts) {
        throw CLI::ValidationError("--http-host",
                                   fmt::format("is to be a name, and given {} times at most", http_limits::kMaxHosts));
      }
      options_.http_hosts.push_back(text);
    };
    add("--http-host", "NAME", "", "A name that browsers may call the node by; may be given several times", host,
        Given::kOften);
  }

  void add_dictionary() {
    add("--network", "NAME", "sync", "Name of the mesh; nodes of other meshes are refused",
        [this](const std::string& text) {
          if (text.size() > kMaxNetworkName) {
            throw CLI::ValidationError("--network",
                                       fmt::format("a name has up to {} bytes, not {}", kMaxNetworkName, text.size()));
          }
          options_.network = text;
        });
    add("--leasing", "on|off", "on", "Whether a key that one node has set is closed to others",
        [this](const std::string& text) {
          options_.mesh.leasing = read_choice("--leasing", text, {"on", "off"}) == 0 ? Leasing::kOn : Leasing::kOff;
        });
    add("--lease-seconds", "N", std::to_string(MeshSettings{}.lease / 1s),
        "How long a key stays closed after its last write; the same on all nodes", [this](const std::string& text) {
          options_.mesh.set_lease(
              std::chrono::seconds(read_whole_number("--lease-seconds", text, kMinLeaseSeconds, kMaxLeaseSeconds)));
        });
    add("--clock-guard", "on|off", "on", "Whether no key is claimed here while our clock differs from the neighbours'",
        [this](const std::string& text) {
          options_.clock_guard = read_choice("--clock-guard", text, {"on", "off"}) == 0;
        });
  }

  void add_writes() {
    add("--min-neighbours", "N", "0", "With fewer neighbours no client writes: -NOREPLICAS",
        [this](const std::string& text) {
          options_.min_neighbours =
              static_cast<std::size_t>(read_whole_number("--min-neighbours", text, 0, limits::kMaxNeighbours));
        });
  }

  void add_connections() {
    add("--timeout", "SECONDS", "0", "After so long without a word a Redis client is hung up on; 0: never",
        [this](const std::string& text) {
          options_.timeout =
              std::chrono::seconds(read_whole_number("--timeout", text, 0, resp_limits::kLongestTimeout));
        });
    add("--tcp-keepalive", "SECONDS", "300",
        "After so long without a byte a Redis client's machine is asked whether it is still there; 0: never",
        [this](const std::string& text) {
          options_.keepalive =
              std::chrono::seconds(read_whole_number("--tcp-keepalive", text, 0, resp_limits::kLongestKeepalive));
        });
  }

  void add_security() {
    SecurityOptions& security = options_.security;
    add_file("--mesh-key-file", "FILE", "The mesh key: nodes that have it are members, and what they say is encrypted",
             security.mesh_key_file);
    add("--encryption", "plaintext|tls|ssl", "plaintext",
        "tls: members prove themselves by certificates, of which see below; ssl: as py2p 0.6, without any proof",
        [this](const std::string& text) {
          constexpr std::array kProofs{MeshProof::kNone, MeshProof::kCertificates, MeshProof::kNoneWithSsl};
          encryption_ = kProofs[read_choice("--encryption", text, {"plaintext", "tls", "ssl"})];
        });
    add_file("--tls-cert", "FILE", "This node's certificate in PEM form, and those between it and the authority",
             security.tls.certificate);
    add_file("--tls-key", "FILE", "The certificate's key, without a passphrase", security.tls.key);
    add_file("--tls-ca", "FILE", "The authorities that sign members", security.tls.authority);
    add_file("--tls-crl", "FILE", "The authorities' list of revoked certificates", security.tls.revoked);
    add_flag("--open", "Lets everybody in who reaches an address, where nothing else is asked for", security.open);
    add_file("--make-key", "FILE", "Draws a mesh key, writes it to a new file, and ends", make_key_,
             Stands::kOnCommandLine);
  }

  void add_client_security() {
    ClientSecurity& clients = options_.security.clients;
    add_flag("--resp-tls", "Redis clients speak TLS 1.3 (rediss://)", clients.tls);
    add_file("--resp-tls-cert", "FILE", "What they are shown: a certificate in PEM form, and those up to its authority",
             clients.files.certificate);
    add_file("--resp-tls-key", "FILE", "The certificate's key, without a passphrase", clients.files.key);
    add_file("--resp-tls-ca", "FILE",
             "The authorities of which each client has to show a certificate; else none is asked for",
             clients.files.authority);
    add_file("--resp-tls-crl", "FILE", "The authorities' list of revoked certificates", clients.files.revoked);
    add_file("--resp-users", "FILE", "Who may log in as a Redis client, with which password, and do what",
             clients.users_file);
    add_flag("--hash-password", "Reads a password from stdin, prints its hash for --resp-users, and ends",
             hash_password_, Stands::kOnCommandLine);
  }

  void add_file(const char* name, const char* type, const char* help, std::string& into,
                Stands stands = Stands::kEverywhere) {
    const auto take = [name, &into](const std::string& text) {
      if (text.empty()) throw CLI::ValidationError(name, "the name of a file is empty");
      into = text;
    };
    add(name, type, "", help, take, Given::kOnce, stands);
  }

  /// On the command line without a value; elsewhere it is on or off.
  void add_flag(const char* name, const char* help, bool& into, Stands stands = Stands::kEverywhere) {
    KnownOption& known = known_.remember(
        {.name = name, .shown_default = "off", .stands = stands, .take = [name, &into](const std::string& text) {
           into = read_choice(name, text, {"on", "off"}) == 0;
         }});
    app_.add_flag_function(name, [&known](std::int64_t) { known.take_all({"on"}, "the command line"); }, help);
  }

  void add_configuration() {
    add(
        "--config", "FILE", "", "Options as YAML, such as 'data-dir: /srv/mesh'; the command line counts before it",
        [this](const std::string& text) {
          if (text.empty()) throw CLI::ValidationError("--config", "the name of a file is empty");
          options_.config_file = text;
        },
        Given::kOnce, Stands::kOnCommandLine);
    add_flag("--print-config", "Prints what is in force as such a file, and ends", print_config_,
             Stands::kOnCommandLine);
    app_.footer(fmt::format(
        "Each option may also stand in the file of --config, without its dashes, or be a variable of the environment:\n"
        "--data-dir is {}.",
        variable_of("--data-dir")));
  }

  void add_storage() {
    add("--data-dir", "DIR", "", "Where the node keeps its data, made when absent; without it all is in memory",
        [this](const std::string& text) {
          if (text.empty()) throw CLI::ValidationError("--data-dir", "the name of a directory is empty");
          options_.data_dir = text;
        });
    add("--durability", "always|interval", "always",
        "Whether a power failure may take the last second of writes; a killed process loses none either way",
        [this](const std::string& text) {
          const bool always = read_choice("--durability", text, {"always", "interval"}) == 0;
          options_.durability = always ? Durability::kAlways : Durability::kInterval;
        });
  }

  void add_bounds() {
    add("--max-memory", "SIZE", "0",
        "Bytes that keys and queues may take, such as 120MB: at these, no writes (-OOM) until some are deleted; 0: no "
        "bound",
        [this](const std::string& text) {
          options_.bounds.memory = read_size("--max-memory", text, BoundSizes::kLeast);
        });
    add("--max-disk", "SIZE", "0",
        "Bytes that the files of --data-dir may take: at these, no writes (-MISCONF) until some are deleted; 0: no "
        "bound",
        [this](const std::string& text) { options_.bounds.disk = read_size("--max-disk", text, BoundSizes::kLeast); });
    add("--low-water", "PERCENT", "90", "How much of these bounds may be in use for writes to be taken again",
        [this](const std::string& text) {
          options_.bounds.low_water = static_cast<unsigned>(
              read_whole_number("--low-water", text, BoundSizes::kLeastLowWater, BoundSizes::kMostLowWater));
        });
  }

  void add_offline() {
    add_flag("--repair-from-mesh", "Damaged records are set aside into a file, and come back from the neighbours",
             options_.repair);
    add_flag("--check", "Verifies the data of a node that does not run, says what it found, and ends", check_,
             Stands::kOnCommandLine);
    add_file("--restore", "FILE", "Makes the directory of --data-dir from a file of MESH BACKUP, and ends", restore_,
             Stands::kOnCommandLine);
    add_flag("--as-new", "With --restore: as a node with an id of its own, instead of the one that was backed up",
             options_.offline.as_new, Stands::kOnCommandLine);
    add_file("--export", "FILE",
             "Writes the keys of a node that does not run as lines of JSON (-: to stdout), and ends", export_,
             Stands::kOnCommandLine);
    add_file("--import", "FILE", "Sets the keys of such a file (-: of stdin) in the directory of --data-dir, and ends",
             import_, Stands::kOnCommandLine);
  }

  void add_log_level() {
    add("--log-level", "LEVEL", "info", "trace, debug, info, warn or error",
        [this](const std::string& text) { options_.log_level = read_log_level("--log-level", text); });
    add("--log-format", "text|json", "text",
        "Whether a line of the log is for people, or a JSON object with time, level and message",
        [this](const std::string& text) {
          options_.log_format =
              read_choice("--log-format", text, {"text", "json"}) == 0 ? LogFormat::kText : LogFormat::kJson;
        });
  }

  std::optional<MeshProof> encryption_;
  std::string make_key_;
  bool hash_password_ = false;
  bool print_config_ = false;
  bool check_ = false;
  std::string restore_;
  std::string export_;
  std::string import_;
  const std::string no_file_;
  KnownOptions known_;  // in the order of --help
  CLI::App app_{"A node of a meshdict: a dictionary with leases, shared over a mesh."};
  Options options_;
};

EarlyExit make_key(const std::string& path) {
  const auto made = make_mesh_key(path);
  if (made) return {.out = fmt::format("a new mesh key is in {}\n", printable(path)), .err = {}, .code = 0};
  return {.out = {}, .err = fmt::format("{}: --make-key: {}\n", kProgram, printable(made.error())), .code = 1};
}

/// Of the first line of stdin. A terminal does not show what is typed.
EarlyExit hash_password() {
  const auto failed = [](std::string_view why) {
    return EarlyExit{.out = {}, .err = fmt::format("{}: --hash-password: {}\n", kProgram, why), .code = 1};
  };
  auto password = read_password();
  if (!password) return failed(password.error());
  const auto hash = PasswordHash::of(*password);
  wipe(*password);
  if (!hash) return failed(hash.error());
  return {.out = hash->text() + "\n", .err = {}, .code = 0};
}

}  // namespace

std::vector<std::string> open_endpoints(const Options& options) {
  std::vector<std::string> found;
  if (!is_loopback(options.listen.host) && !options.security.mesh_asks()) {
    const bool ssl = options.security.proof == MeshProof::kNoneWithSsl;
    found.push_back(fmt::format(
        "--listen: other machines reach {}, and whoever reaches it is a member{}: give --mesh-key-file (made "
        "by --make-key) or --encryption tls",
        printable(to_string(options.listen)), ssl ? ", as --encryption ssl proves nothing" : ""));
  }
  if (!is_loopback(options.resp.host) && !options.security.clients.asks()) {
    found.push_back(
        fmt::format("--resp: other machines reach {}, and whoever reaches it reads and writes all: give --resp-users "
                    "(passwords) or --resp-tls with --resp-tls-ca (certificates of clients)",
                    printable(to_string(options.resp))));
  }
  if (!options.http.host.empty() && !is_loopback(options.http.host)) {
    found.push_back(
        fmt::format("--http: other machines reach {}, and whoever reaches it sees keys and values: keep it on "
                    "loopback, perhaps behind "
                    "a proxy that asks who it is",
                    printable(to_string(options.http))));
  }
  return found;
}

std::variant<Options, EarlyExit> parse_options(std::vector<std::string> words) {
  CommandLine line;
  try {
    // CLI11 takes the words from the back.
    line.app().parse(std::vector<std::string>(words.rbegin(), words.rend()));
    if (!line.make_key().empty()) return make_key(line.make_key());
    if (line.hashes_password()) return hash_password();
    line.fill();
    line.settle();
    if (line.prints_configuration()) return EarlyExit{.out = line.configuration(), .err = {}, .code = 0};
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{.out = line.app().help(), .err = {}, .code = 0};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{.out = std::string(version.what()) + "\n", .err = {}, .code = 0};
  } catch (const CLI::ExtrasError&) {
    return EarlyExit{.out = {}, .err = fmt::format("{}: {} (see --help)\n", kProgram, line.unexpected()), .code = 2};
  } catch (const CLI::ParseError& error) {
    return EarlyExit{.out = {}, .err = fmt::format("{}: {} (see --help)\n", kProgram, error.what()), .code = 2};
  }
  Options options = std::move(line.options());
  options.words = std::move(words);
  return options;
}

EngineConfig engine_config(const Options& options) {
  EngineConfig config{options.mesh};
  config.network = options.network;
  config.clock_guard = options.clock_guard;
  config.join = options.join;
  if (options.security.proof == MeshProof::kNoneWithSsl) {
    config.encryption = "SSL";
  } else if (options.security.mesh_asks()) {
    config.encryption = "TLS";
  }
  return config;
}

}  // namespace meshdict
