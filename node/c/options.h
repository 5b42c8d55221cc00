#pragma once
// Options of a socket, collected by name. Each name is known to one table, in options.cpp.

#include <optional>
#include <string>
#include <string_view>

#include "meshdict.h"
#include "meshdict/sync_socket.h"

struct meshdict_options {
  /// Throws SettingsError for a name or value that none is.
  void set(std::string_view name, std::string_view value);

  /// Both throw SettingsError for options that exclude each other, or that the kind of socket does not have.
  [[nodiscard]] meshdict::SyncOptions of_dictionary() const;
  [[nodiscard]] meshdict::MeshOptions of_mesh() const;

  meshdict::SyncOptions collected{};
  std::optional<std::string> network{};
  meshdict::TlsFiles files{};
  std::string mesh_key_file{};
  /// The last that only a dictionary has.
  std::string of_dictionary_only{};

 private:
  [[nodiscard]] meshdict::TlsProof proof() const;
};
