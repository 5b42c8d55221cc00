// The library over TLS: sockets with a mesh key or certificates share keys, strangers do not, and what cannot be used is said.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <meshdict/meshdict.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "proptests/base/eventually.h"
#include "proptests/net/certificates.h"

namespace meshdict {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LibraryTls : public ::testing::Test {
 protected:
  LibraryTls() { fs::create_directories(directory_); }
  ~LibraryTls() override { fs::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& content) {
    const fs::path path = directory_ / name;
    std::ofstream(path) << content;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
  TlsTexts texts() {
    const Pems pems = authority_.issue();
    return {.certificate = pems.certificate, .key = pems.key, .authority = authority_.certificate()};
  }
  static SyncOptions with(TlsProof proof) {
    return {.protocol = {.network = "sync", .encryption = "TLS"}, .proof = std::move(proof)};
  }
  static void expect_shared(SyncSocket& first, SyncSocket& second) {
    second.connect("127.0.0.1", first.out_addr().port);
    ASSERT_TRUE(eventually([&] { return first.routing_table().size() == 1; }));
    first.set("greeting", "hello");
    EXPECT_TRUE(eventually([&] { return second.contains("greeting"); }));
  }

  TestAuthority authority_{"authority"};
  fs::path directory_ = fs::temp_directory_path() / ("library_tls_" + std::to_string(::getpid()));
};

TEST_F(LibraryTls, AMeshKeyMakesMembers) {
  const std::string key = file("key", std::string(64, 'a'));
  SyncSocket first("127.0.0.1", 0, with(MeshKeyFile{key}));
  SyncSocket second("127.0.0.1", 0, with(MeshKeyFile{key}));
  expect_shared(first, second);
}

TEST_F(LibraryTls, CertificatesMakeMembersAndTheirIds) {
  const TlsTexts own = texts();
  std::string id;
  {
    SyncSocket first("127.0.0.1", 0, with(own));
    id = first.id();
  }
  const TlsFiles files{.certificate = file("cert", own.certificate),
                       .key = file("key", own.key),
                       .authority = file("ca", own.authority)};
  SyncSocket again("127.0.0.1", 0, with(files));
  EXPECT_EQ(again.id(), id) << "it follows from the key, without a data directory too";
  SyncSocket second("127.0.0.1", 0, with(texts()));
  expect_shared(again, second);
  EXPECT_TRUE(again.status().is_nominal()) << again.status().text();
}

TEST_F(LibraryTls, Py2psSslHasNoMembersAndSaysSo) {
  std::mutex mutex;
  std::string told;
  const auto has_told = [&](std::string_view what) {
    const std::lock_guard lock(mutex);
    return told.find(what) != std::string::npos;
  };
  SyncOptions options{
      .protocol = {.network = "sync", .encryption = "SSL"}, .debug_level = 1, .log = [&](int, std::string_view line) {
        const std::lock_guard lock(mutex);
        told += std::string(line) + "\n";
      }};
  SyncSocket first("127.0.0.1", 0, std::move(options));
  EXPECT_TRUE(has_told("encryption 'SSL': as in py2p 0.6, nobody proves who it is")) << told;
  SyncSocket second("127.0.0.1", 0, {.protocol = {.network = "sync", .encryption = "SSL"}});
  expect_shared(first, second);
  EXPECT_TRUE(second.status().is_nominal()) << second.status().text();
  SyncSocket plain("127.0.0.1", 0);
  plain.connect("127.0.0.1", first.out_addr().port);
  EXPECT_TRUE(eventually([&] { return has_told("refused: without TLS"); }));
  EXPECT_THAT(first.routing_table(), SizeIs(1));
}

TEST_F(LibraryTls, StrangersStayOutside) {
  SyncSocket member("127.0.0.1", 0, with(texts()));
  SyncSocket plain("127.0.0.1", 0);
  SyncSocket keyed("127.0.0.1", 0, with(MeshKeyFile{file("key", std::string(64, 'b'))}));
  plain.connect("127.0.0.1", member.out_addr().port);
  keyed.connect("127.0.0.1", member.out_addr().port);
  std::this_thread::sleep_for(300ms);
  EXPECT_THAT(member.routing_table(), IsEmpty());
}

TEST_F(LibraryTls, WhatCannotBeUsedIsASettingsError) {
  const auto error = [](SyncOptions options) -> std::string {
    try {
      SyncSocket socket("127.0.0.1", 0, std::move(options));
    } catch (const SettingsError& wrong) {
      return wrong.what();
    }
    return "none";
  };
  EXPECT_THAT(error(with({})), HasSubstr("needs a proof"));
  EXPECT_THAT(error({.proof = MeshKeyFile{"key"}}), HasSubstr("'Plaintext'"));
  EXPECT_THAT(error({.protocol = {.encryption = "SSL"}, .proof = MeshKeyFile{"key"}}), HasSubstr("'SSL' instead of"));
  EXPECT_THAT(error(with(MeshKeyFile{"/nowhere"})), HasSubstr("'/nowhere' cannot be opened"));
  EXPECT_THAT(error(with(TlsTexts{})), HasSubstr("certificate: there is none"));
  const std::string shared = file("shared", std::string(64, 'c'));
  fs::permissions(shared, fs::perms::others_read, fs::perm_options::add);
  EXPECT_THAT(error(with(MeshKeyFile{shared})), HasSubstr("chmod 600"));
}

TEST_F(LibraryTls, ADataDirectoryMovesToTheIdOfTheCertificate) {
  const std::string data = directory_ / "data";
  {
    SyncSocket plain("127.0.0.1", 0, {.data_dir = data});
    plain.set("held", 1);
  }
  SyncOptions options = with(texts());
  options.data_dir = data;
  SyncSocket moved("127.0.0.1", 0, std::move(options));
  const auto lease = moved.lease("held");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->owner, moved.id());
  EXPECT_TRUE(lease->ours);
}

}  // namespace
}  // namespace meshdict
