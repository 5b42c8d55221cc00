#include "app/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "app/http/limits.h"
#include "core/base/nearest.h"
#include "net/addresses.h"
#include "net/tls/mesh_key.h"

namespace meshdict {
namespace {

constexpr std::string_view kProgram = "meshdict-node";

/// Shorter leases leave no room for the margins; longer ones outlive the horizon of tombstones.
constexpr std::int64_t kMinLeaseSeconds = 5;
constexpr std::int64_t kMaxLeaseSeconds = 86'400;
/// Only its hash is told to others; py2p has no bound.
constexpr std::size_t kMaxNetworkName = 65'535;

/// Parts of the design that this version lacks. Asking for one must not pass for having it.
constexpr std::array kNotYet{"--config", "--settle-ms"};

constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{{{"trace", LogLevel::kTrace},
                                                                        {"debug", LogLevel::kDebug},
                                                                        {"info", LogLevel::kInfo},
                                                                        {"warn", LogLevel::kWarn},
                                                                        {"error", LogLevel::kError}}};

/// The program's options, bound to where their values go.
class CommandLine {
 public:
  CommandLine() {
    app_.name(std::string(kProgram));
    app_.set_version_flag("--version", fmt::format("{} {}", kProgram, MESHDICT_VERSION));
    add_addresses();
    add_dictionary();
    add_security();
    add_storage();
    add_log_level();
    for (const char* name : kNotYet) {
      add(name, "", "", "", [name](const std::string&) { throw CLI::ValidationError(name, "not available yet"); })
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
    if (security.open) return;
    const auto open = open_endpoints(options_);
    if (!open.empty()) throw CLI::ValidationError(open.front() + ", or --open, which lets everybody in");
  }

 private:
  /// How often an option may be given.
  enum class Given : std::uint8_t { kOnce, kOften };

  /// `take` gets each value and throws a ValidationError for a wrong one.
  template <typename Take>
  CLI::Option* add(const char* name, const char* type, const std::string& shown_default, const char* help, Take take,
                   Given given = Given::kOnce) {
    const CLI::callback_t callback = [take, name, given](const CLI::results_t& values) {
      if (values.size() > 1 && given == Given::kOnce) throw CLI::ValidationError(name, "given twice");
      for (const std::string& value : values)
        take(value);
      return true;
    };
    return app_.add_option(name, callback, help)
        ->type_name(type)
        ->default_str(shown_default)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1)
        ->allow_extra_args(false);
  }

  static Endpoint endpoint(const char* name, const std::string& text) {
    auto parsed = parse_endpoint(text);
    if (!parsed) throw CLI::ValidationError(name, printable(parsed.error()));
    return std::move(*parsed);
  }

  void add_addresses() {
    add("--listen", "HOST:PORT", to_string(Options{}.listen),
        "Where other nodes reach this one; port 0 takes any free port",
        [this](const std::string& text) { options_.listen = endpoint("--listen", text); });
    add("--advertise", "HOST:PORT", "", "The address told to other nodes, when it is not the one listened on",
        [this](const std::string& text) {
          options_.advertise = endpoint("--advertise", text);
          if (options_.advertise.port == 0 || is_wildcard(options_.advertise.host)) {
            throw CLI::ValidationError("--advertise", "others cannot dial " + text);
          }
        });
    const auto join = [this](const std::string& text) {
      options_.join.push_back(endpoint("--join", text));
      if (options_.join.back().port == 0) {
        throw CLI::ValidationError("--join", "port 0 cannot be dialled");
      }
    };
    add("--join", "HOST:PORT", "", "A node to connect to; may be given several times", join, Given::kOften);
    add("--resp", "HOST:PORT", "127.0.0.1:6480", "Where Redis clients connect; port 0 takes any free port",
        [this](const std::string& text) { options_.resp = endpoint("--resp", text); });
    CLI::Option* http =
        add("--http", "HOST:PORT", "", "Where browsers and Prometheus look: a live page, /metrics, /healthz, /readyz",
            [this](const std::string& text) { options_.http = endpoint("--http", text); });
    const auto host = [this](const std::string& text) {
      if (text.empty() || options_.http_hosts.size() == http_limits::kMaxHosts) {
        throw CLI::ValidationError("--http-host",
                                   fmt::format("is to be a name, and given {} times at most", http_limits::kMaxHosts));
      }
      options_.http_hosts.push_back(text);
    };
    add("--http-host", "NAME", "", "A name that browsers may call the node by; may be given several times", host,
        Given::kOften)
        ->needs(http);
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
          options_.mesh.leasing = choose("--leasing", text, {"on", "off"}) == 0 ? Leasing::kOn : Leasing::kOff;
        });
    add("--lease-seconds", "N", std::to_string(MeshSettings{}.lease / 1s),
        "How long a key stays closed after its last write; the same on all nodes",
        [this](const std::string& text) { options_.mesh.set_lease(seconds(text)); });
    add("--clock-guard", "on|off", "on", "Whether no key is claimed here while our clock differs from the neighbours'",
        [this](const std::string& text) { options_.clock_guard = choose("--clock-guard", text, {"on", "off"}) == 0; });
  }

  void add_security() {
    SecurityOptions& security = options_.security;
    add_file("--mesh-key-file", "FILE", "The mesh key: nodes that have it are members, and what they say is encrypted",
             security.mesh_key_file);
    add("--encryption", "plaintext|tls", "plaintext",
        "tls: members prove themselves by certificates, of which see below", [this](const std::string& text) {
          encryption_ =
              choose("--encryption", text, {"plaintext", "tls"}) == 1 ? MeshProof::kCertificates : MeshProof::kNone;
        });
    add_file("--tls-cert", "FILE", "This node's certificate in PEM form, and those between it and the authority",
             security.tls.certificate);
    add_file("--tls-key", "FILE", "The certificate's key, without a passphrase", security.tls.key);
    add_file("--tls-ca", "FILE", "The authorities that sign members", security.tls.authority);
    add_file("--tls-crl", "FILE", "The authorities' list of revoked certificates", security.tls.revoked);
    add_flag("--open", "Lets everybody in who reaches an address, where nothing else is asked for", security.open);
    add_file("--make-key", "FILE", "Draws a mesh key, writes it to a new file, and ends", make_key_);
  }

  CLI::Option* add_file(const char* name, const char* type, const char* help, std::string& into) {
    return add(name, type, "", help, [name, &into](const std::string& text) {
      if (text.empty()) throw CLI::ValidationError(name, "the name of a file is empty");
      into = text;
    });
  }

  void add_flag(const char* name, const char* help, bool& into) {
    app_.add_flag_function(name, [&into](std::int64_t) { into = true; }, help);
  }

  void add_storage() {
    CLI::Option* directory =
        add("--data-dir", "DIR", "", "Where the node keeps its data, made when absent; without it all is in memory",
            [this](const std::string& text) {
              if (text.empty()) throw CLI::ValidationError("--data-dir", "the name of a directory is empty");
              options_.data_dir = text;
            });
    add("--durability", "always|interval", "always",
        "Whether a power failure may take the last second of writes; a killed process loses none either way",
        [this](const std::string& text) {
          const bool always = choose("--durability", text, {"always", "interval"}) == 0;
          options_.durability = always ? Durability::kAlways : Durability::kInterval;
        })
        ->needs(directory);
  }

  void add_log_level() {
    add("--log-level", "LEVEL", "info", "trace, debug, info, warn or error", [this](const std::string& text) {
      const auto found = std::ranges::find(kLevels, CLI::detail::to_lower(text),
                                           [](const auto& entry) { return std::string(entry.first); });
      if (found == kLevels.end()) {
        throw CLI::ValidationError(
            "--log-level", fmt::format("'{}' is not one of trace, debug, info, warn, error", printable(text, 40)));
      }
      options_.log_level = found->second;
    });
  }

  static std::size_t choose(const char* name, const std::string& text, std::array<std::string_view, 2> choices) {
    const auto found = std::ranges::find(choices, CLI::detail::to_lower(text));
    if (found == choices.end()) {
      throw CLI::ValidationError(name,
                                 fmt::format("'{}' is neither {} nor {}", printable(text, 40), choices[0], choices[1]));
    }
    return static_cast<std::size_t>(found - choices.begin());
  }

  static std::chrono::seconds seconds(const std::string& text) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    if (!whole || number < kMinLeaseSeconds || number > kMaxLeaseSeconds) {
      throw CLI::ValidationError(
          "--lease-seconds",
          fmt::format("'{}' is not a number from {} to {}", printable(text, 40), kMinLeaseSeconds, kMaxLeaseSeconds));
    }
    return std::chrono::seconds(number);
  }

  std::optional<MeshProof> encryption_;
  std::string make_key_;
  CLI::App app_{"A node of a meshdict: a dictionary with leases, shared over a mesh."};
  Options options_;
};

EarlyExit make_key(const std::string& path) {
  const auto made = make_mesh_key(path);
  if (made) return {.out = fmt::format("a new mesh key is in {}\n", printable(path)), .err = {}, .code = 0};
  return {.out = {}, .err = fmt::format("{}: --make-key: {}\n", kProgram, printable(made.error())), .code = 1};
}

}  // namespace

std::vector<std::string> open_endpoints(const Options& options) {
  std::vector<std::string> found;
  if (!is_loopback(options.listen.host) && options.security.proof == MeshProof::kNone) {
    found.push_back(
        fmt::format("--listen: other machines reach {}, and whoever reaches it is a member: give --mesh-key-file (made "
                    "by --make-key) "
                    "or --encryption tls",
                    printable(to_string(options.listen))));
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

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
  CommandLine line;
  try {
    line.app().parse(argc, argv);
    if (!line.make_key().empty()) return make_key(line.make_key());
    line.settle();
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{.out = line.app().help(), .err = {}, .code = 0};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{.out = std::string(version.what()) + "\n", .err = {}, .code = 0};
  } catch (const CLI::ExtrasError&) {
    return EarlyExit{.out = {}, .err = fmt::format("{}: {} (see --help)\n", kProgram, line.unexpected()), .code = 2};
  } catch (const CLI::ParseError& error) {
    return EarlyExit{.out = {}, .err = fmt::format("{}: {} (see --help)\n", kProgram, error.what()), .code = 2};
  }
  return std::move(line.options());
}

EngineConfig engine_config(const Options& options) {
  EngineConfig config{options.mesh};
  config.network = options.network;
  config.clock_guard = options.clock_guard;
  config.join = options.join;
  if (options.security.proof != MeshProof::kNone) config.encryption = "TLS";
  return config;
}

}  // namespace meshdict
