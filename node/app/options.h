#pragma once
// What a node is told at its start: by its command line, else by variables of the environment, else by the file of --config.
//
// 1. Each option has one name in all three: --data-dir, MESHDICT_DATA_DIR, data-dir. What is said nearer to the person counts:
//    the command line before the environment, that before the file; then the default.
// 2. A wrong name or value is an error that says where it stands, wherever it stands. Nothing starts with a part of what was meant.

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "app/log/format.h"
#include "app/log/log.h"
#include "app/offline/offline.h"
#include "app/system/bounds.h"
#include "core/engine/engine.h"
#include "core/env/limits.h"
#include "core/env/transport.h"
#include "core/record/mesh_settings.h"
#include "net/tls/credentials.h"
#include "store/sqlite_store.h"

namespace meshdict {

/// How nodes prove that they belong to the mesh.
enum class MeshProof : std::uint8_t {
  kNone,          ///< not at all: plaintext
  kNoneWithSsl,   ///< not at all: encrypted as by py2p 0.6's SSL, by whoever speaks it
  kMeshKey,       ///< by the key of --mesh-key-file
  kCertificates,  ///< by those of --tls-cert and its siblings
};

/// What Redis clients are shown and asked for.
struct ClientSecurity {
  bool tls = false;
  ProofFiles files;  ///< with an authority, clients have to show a certificate of it
  std::string users_file;

  /// Something keeps strangers out.
  [[nodiscard]] bool asks() const { return !users_file.empty() || !files.authority.empty(); }
};

/// Who is let in.
struct SecurityOptions {
  MeshProof proof = MeshProof::kNone;
  std::string mesh_key_file;
  ProofFiles tls;
  ClientSecurity clients;
  bool open = false;  ///< others than this machine may reach an endpoint that asks for no proof

  /// Something keeps strangers out of the mesh.
  [[nodiscard]] bool mesh_asks() const { return proof == MeshProof::kMeshKey || proof == MeshProof::kCertificates; }
};

/// An option in force, as it would stand in the file of --config.
struct EffectiveOption {
  std::string name;                 ///< without dashes
  std::vector<std::string> values;  ///< none: not given, and without a default
  bool operator==(const EffectiveOption&) const = default;
};

/// What is in force.
struct Options {
  Endpoint listen{"127.0.0.1", env_limits::kDefaultPort};
  Endpoint advertise;  ///< empty host: derived from `listen`
  std::vector<Endpoint> join;
  std::string network = "sync";
  MeshSettings mesh;  ///< of these, leasing and the lease can be chosen
  bool clock_guard = true;
  std::size_t min_neighbours = 0;
  std::chrono::seconds timeout{0};      ///< of clients that say nothing; 0: none
  std::chrono::seconds keepalive{300};  ///< of their connections; 0: none
  Endpoint resp{"127.0.0.1", 6480};
  Endpoint http;                        ///< empty host: none
  std::vector<std::string> http_hosts;  ///< names that requests may call the node by
  std::string data_dir;                 ///< empty: all is kept in memory
  Durability durability = Durability::kAlways;
  BoundSizes bounds;
  bool repair = false;  ///< damaged records are set aside
  OfflineOptions offline;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  SecurityOptions security;
  std::vector<std::string> words;          ///< the command line's, without the program's name
  std::string config_file;                 ///< of --config; empty without
  std::vector<EffectiveOption> effective;  ///< all but what is a command of its own
  std::vector<std::string> warnings;       ///< lines for the log
};

/// The process is to end without starting a node.
struct EarlyExit {
  std::string out;  ///< for stdout: help, version, configuration
  std::string err;  ///< for stderr: one line that names the wrong option
  int code = 0;     ///< 0, or 2 for a wrong option
};

/// `words`: the command line's, without the program's name.
std::variant<Options, EarlyExit> parse_options(std::vector<std::string> words);

/// One line for each endpoint that others than this machine reach without proof.
std::vector<std::string> open_endpoints(const Options& options);

/// The engine's settings that follow from the options.
EngineConfig engine_config(const Options& options);

}  // namespace meshdict
