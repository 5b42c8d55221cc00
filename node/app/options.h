#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "app/log/log.h"
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
  kMeshKey,       ///< by the key of --mesh-key-file
  kCertificates,  ///< by those of --tls-cert and its siblings
};

/// Who is let in.
struct SecurityOptions {
  MeshProof proof = MeshProof::kNone;
  std::string mesh_key_file;
  ProofFiles tls;
  bool open = false;  ///< others than this machine may reach an endpoint that asks for no proof
};

/// What the command line says.
struct Options {
  Endpoint listen{"127.0.0.1", env_limits::kDefaultPort};
  Endpoint advertise;  ///< empty host: derived from `listen`
  std::vector<Endpoint> join;
  std::string network = "sync";
  MeshSettings mesh;  ///< of these, leasing and the lease can be chosen
  bool clock_guard = true;
  Endpoint resp{"127.0.0.1", 6480};
  Endpoint http;                        ///< empty host: none
  std::vector<std::string> http_hosts;  ///< names that requests may call the node by
  std::string data_dir;                 ///< empty: all is kept in memory
  Durability durability = Durability::kAlways;
  LogLevel log_level = LogLevel::kInfo;
  SecurityOptions security;
};

/// The process is to end without starting a node.
struct EarlyExit {
  std::string out;  ///< for stdout: help, version
  std::string err;  ///< for stderr: one line that names the wrong option
  int code = 0;     ///< 0, or 2 for a wrong option
};

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

/// One line for each endpoint that others than this machine reach without proof.
std::vector<std::string> open_endpoints(const Options& options);

/// The engine's settings that follow from the options.
EngineConfig engine_config(const Options& options);

}  // namespace meshdict
