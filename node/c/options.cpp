#include "options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "handles.h"

namespace {

using namespace meshdict::c;
using meshdict::SettingsError;

struct Option {
  std::string_view name;
  bool of_dictionary;
  void (*set)(meshdict_options& options, std::string_view value);
};

template <typename Number>
Number number_of(std::string_view text, Number least, Number most) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    throw SettingsError("a number from " + std::to_string(least) + " to " + std::to_string(most) + " is expected");
  }
  return number;
}

bool is_yes(std::string_view text) {
  if (text != "yes" && text != "no") throw SettingsError("yes or no is expected");
  return text == "yes";
}

meshdict::Address address_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw SettingsError("HOST:PORT is expected");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::string(host), number_of<std::uint16_t>(text.substr(colon + 1), 1, 65'535)};
}

/// A century: whatever is longer is a mistake in the unit.
constexpr std::int64_t kMaxLeaseMs = std::int64_t{100} * 366 * 24 * 3600 * 1000;

constexpr auto kOptions = std::to_array<Option>({
    {"network", false, [](meshdict_options& o, std::string_view v) { o.network = v; }},
    {"encryption", false, [](meshdict_options& o, std::string_view v) { o.collected.protocol.encryption = v; }},
    {"mesh-key-file", false, [](meshdict_options& o, std::string_view v) { o.mesh_key_file = v; }},
    {"tls-cert", false, [](meshdict_options& o, std::string_view v) { o.files.certificate = v; }},
    {"tls-key", false, [](meshdict_options& o, std::string_view v) { o.files.key = v; }},
    {"tls-ca", false, [](meshdict_options& o, std::string_view v) { o.files.authority = v; }},
    {"tls-crl", false, [](meshdict_options& o, std::string_view v) { o.files.revoked = v; }},
    {"out-addr", false, [](meshdict_options& o, std::string_view v) { o.collected.out_addr = address_of(v); }},
    {"data-dir", false, [](meshdict_options& o, std::string_view v) { o.collected.data_dir = v; }},
    {"debug-level", false,
     [](meshdict_options& o, std::string_view v) { o.collected.debug_level = number_of(v, 0, 4); }},
    {"lease-ms", true,
     [](meshdict_options& o, std::string_view v) {
       o.collected.lease = std::chrono::milliseconds(number_of<std::int64_t>(v, 1, kMaxLeaseMs));
     }},
    {"leasing", true, [](meshdict_options& o, std::string_view v) { o.collected.leasing = is_yes(v); }},
    {"clock-guard", true, [](meshdict_options& o, std::string_view v) { o.collected.clock_guard = is_yes(v); }},
    {"sync-each-write", true, [](meshdict_options& o, std::string_view v) { o.collected.sync_each_write = is_yes(v); }},
});

}  // namespace

void meshdict_options::set(std::string_view name, std::string_view value) {
  const auto* const option = std::ranges::find(kOptions, name, &Option::name);
  if (option == kOptions.end()) throw SettingsError("there is no option '" + std::string(name) + "'");
  try {
    option->set(*this, value);
  } catch (const SettingsError& error) {
    throw SettingsError("option '" + std::string(name) + "': '" + std::string(value) + "': " + error.what());
  }
  if (option->of_dictionary) of_dictionary_only = name;
}

meshdict::TlsProof meshdict_options::proof() const {
  const bool has_files = !(files.certificate + files.key + files.authority + files.revoked).empty();
  if (has_files && !mesh_key_file.empty()) {
    throw SettingsError("a mesh has either a mesh key or certificates: mesh-key-file and tls-* are both given");
  }
  if (has_files) return files;
  if (!mesh_key_file.empty()) return meshdict::MeshKeyFile{mesh_key_file};
  return {};
}

meshdict::SyncOptions meshdict_options::of_dictionary() const {
  meshdict::SyncOptions options = collected;
  if (network) options.protocol.network = *network;
  options.proof = proof();
  return options;
}

meshdict::MeshOptions meshdict_options::of_mesh() const {
  if (!of_dictionary_only.empty()) {
    throw SettingsError("option '" + of_dictionary_only + "' is for sockets with a dictionary: meshdict_open()");
  }
  meshdict::MeshOptions options{.protocol = {.encryption = collected.protocol.encryption},
                                .out_addr = collected.out_addr,
                                .debug_level = collected.debug_level,
                                .log = collected.log,
                                .data_dir = collected.data_dir,
                                .proof = proof()};
  if (network) options.protocol.network = *network;
  return options;
}

meshdict_options* meshdict_options_new(void) {
  return made([] { return std::make_unique<meshdict_options>().release(); });
}

void meshdict_options_free(meshdict_options* options) {
  const std::unique_ptr<meshdict_options> owned(options);
}

meshdict_code meshdict_options_set(meshdict_options* options, const char* name, const char* value) {
  return guarded([&] {
    given(options, "options").set(&given(name, "name"), &given(value, "value"));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_options_log(meshdict_options* options, meshdict_log_handler handler, void* user) {
  return guarded([&] {
    given(handler, "handler");
    given(options, "options").collected.log = [handler, user](int level, std::string_view line) {
      handler(level, std::string(line).c_str(), user);
    };
    return MESHDICT_OK;
  });
}
