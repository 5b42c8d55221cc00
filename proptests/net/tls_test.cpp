// TLS without a socket: who is let in, who is not and why, and what is sealed arrives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "net/tls/channel.h"
#include "net/tls/credentials.h"
#include "net/tls/mesh_key.h"
#include "net/tls/tls_limits.h"
#include "proptests/net/certificates.h"

namespace meshdict {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Shared = std::shared_ptr<const Credentials>;
using Stage = SecureChannel::Stage;

MeshKey key_of(std::uint8_t fill) {
  MeshKey::Bytes bytes{};
  bytes.fill(fill);
  return MeshKey(bytes);
}

Shared keys(const std::vector<MeshKey>& of) {
  return *Credentials::of_mesh_keys(of);
}

/// Two ends, and the wire between them in the test's hands.
class Ends {
 public:
  Ends(const Shared& dialer, const Shared& acceptor)
      : dialer_(SecureChannel::make(dialer, Role::kDialer, io_.get_executor())),
        acceptor_(SecureChannel::make(acceptor, Role::kAcceptor, io_.get_executor())) {}

  /// Carries what both have to say until they are silent, in pieces of so many bytes.
  void talk(std::size_t piece = 100'000) {
    for (int turn = 0; turn < 10; ++turn) {
      carry(dialer(), acceptor(), at_acceptor, piece);
      // An acceptor speaks first, as our nodes do: by that a dialer knows that it is taken.
      if (acceptor().stage() == Stage::kReady && !greeted_) {
        greeted_ = true;
        acceptor().seal("welcome");
      }
      carry(acceptor(), dialer(), at_dialer, piece);
    }
  }

  SecureChannel& dialer() { return *dialer_; }
  SecureChannel& acceptor() { return *acceptor_; }
  std::string at_dialer;
  std::string at_acceptor;

 private:
  static void carry(SecureChannel& from, SecureChannel& to, std::string& plain, std::size_t piece) {
    const std::string bytes = std::exchange(from.output(), {});
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      to.receive(std::string_view(bytes).substr(at, piece), plain);
  }

  asio::io_context io_;
  std::unique_ptr<SecureChannel> dialer_;
  std::unique_ptr<SecureChannel> acceptor_;
  bool greeted_ = false;
};

/// What each end holds against the other.
struct Refusals {
  std::optional<EndReason> by_acceptor;
  std::optional<EndReason> at_dialer;
};

Refusals refusals(const Shared& dialer, const Shared& acceptor) {
  Ends ends(dialer, acceptor);
  ends.talk();
  Refusals found;
  if (ends.acceptor().stage() == Stage::kFailed) found.by_acceptor = ends.acceptor().failure().reason;
  if (ends.dialer().stage() == Stage::kFailed) found.at_dialer = ends.dialer().failure().reason;
  EXPECT_NE(ends.dialer().stage(), Stage::kReady) << "let in";
  return found;
}

class Certificates : public ::testing::Test {
 public:
  [[nodiscard]] Shared with(const Pems& pems, const std::string& revoked = {}) {
    const auto made = Credentials::of_certificates(
        {.certificate = pems.certificate, .key = pems.key, .authority = ours.certificate(), .revoked = revoked});
    EXPECT_TRUE(made) << made.error();
    return *made;
  }

  TestAuthority ours{"our authority"};
  TestAuthority other{"another authority"};
  Shared member = with(ours.issue());
};

TEST_F(Certificates, OfOneAuthorityLetEachOtherInAndProveTheirIds) {
  const Shared second = with(ours.issue());
  Ends ends(member, second);
  ends.talk();
  ASSERT_EQ(ends.dialer().stage(), Stage::kReady);
  ASSERT_EQ(ends.acceptor().stage(), Stage::kReady);
  EXPECT_EQ(ends.at_dialer, "welcome");
  EXPECT_EQ(ends.dialer().proven(), second->id());
  EXPECT_EQ(ends.acceptor().proven(), member->id());
  EXPECT_NE(member->id(), second->id());
  EXPECT_THAT(member->doubts(), IsEmpty());
}

TEST_F(Certificates, RenewedForTheSameKeyKeepTheId) {
  const Pems first = ours.issue();
  EXPECT_EQ(with(first)->id(), with(ours.renew(first, {.name = "renewed"}))->id());
}

TEST_F(Certificates, OfStrangersAreRefusedEachForItsReason) {
  const struct {
    Pems pems;
    EndReason why;
  } strangers[] = {
      {other.issue(), EndReason::kUnknownAuthority},
      {ours.issue({.from = std::chrono::hours(-2), .to = std::chrono::hours(-1)}), EndReason::kExpired},
      {ours.issue({.from = std::chrono::hours(1), .to = std::chrono::hours(2)}), EndReason::kNotYetValid},
      {ours.issue({.usage = "emailProtection"}), EndReason::kWrongUsage},
      {ours.issue({.signer = CertificateWishes::Signer::kItself}), EndReason::kSelfSigned},
  };
  for (const auto& stranger : strangers) {
    const Shared theirs = with(stranger.pems);
    const Refusals dialled = refusals(theirs, member);
    EXPECT_EQ(dialled.by_acceptor, stranger.why) << to_string(stranger.why);
    EXPECT_TRUE(dialled.at_dialer) << to_string(stranger.why) << ": a refused node hears of it";
    EXPECT_EQ(refusals(member, theirs).at_dialer, stranger.why) << to_string(stranger.why);
    EXPECT_THAT(theirs->doubts(), Not(IsEmpty())) << "its operator is told at the start";
  }
}

TEST_F(Certificates, ThatAreRevokedAreRefused) {
  const Pems lost = ours.issue();
  const Shared knows = with(ours.issue(), ours.revoke(lost.certificate));
  EXPECT_EQ(refusals(with(lost), knows).by_acceptor, EndReason::kRevoked);
  EXPECT_EQ(refusals(with(lost), knows).at_dialer, EndReason::kRevoked);
  Ends good(member, knows);
  good.talk();
  EXPECT_EQ(good.dialer().stage(), Stage::kReady);
}

TEST_F(Certificates, AreDemandedOfWhoeverDials) {
  const Shared server = member;
  // A dialer of the same authority that shows none: as any browser.
  const Refusals none = refusals(keys({key_of(1)}), server);
  EXPECT_TRUE(none.by_acceptor);
  EXPECT_EQ(none.at_dialer, EndReason::kNoMeshKey);
}

TEST_F(Certificates, WithoutSenseAreNamed) {
  const Pems pems = ours.issue();
  const auto error = [&](ProofTexts texts) { return Credentials::of_certificates(texts).error(); };
  const ProofTexts good{
      .certificate = pems.certificate, .key = pems.key, .authority = ours.certificate(), .revoked = {}};
  const auto changed = [&](std::string ProofTexts::* member_of, const std::string& to) {
    ProofTexts texts = good;
    texts.*member_of = to;
    return error(texts);
  };
  EXPECT_THAT(changed(&ProofTexts::certificate, "nonsense"), HasSubstr("certificate: there is none in PEM form"));
  EXPECT_THAT(changed(&ProofTexts::key, "nonsense"), HasSubstr("key: there is none in PEM form"));
  EXPECT_THAT(changed(&ProofTexts::key, ours.issue().key), HasSubstr("key: it is not that of the certificate"));
  EXPECT_THAT(changed(&ProofTexts::authority, ""), HasSubstr("authority: there is no certificate"));
  EXPECT_THAT(changed(&ProofTexts::revoked, "nonsense"), HasSubstr("revoked certificates: there is no list"));
  const std::string locked =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAjuyfW3+RwIwgICCAAw\n"
      "DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIwxDBM5Dsr8YEgZBUl1OS\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_THAT(changed(&ProofTexts::key, locked), HasSubstr("key: "));
}

// Mesh keys

TEST(MeshKeys, LetInWhoHasOne) {
  Ends ends(keys({key_of(1)}), keys({key_of(2), key_of(1)}));
  ends.talk();
  EXPECT_EQ(ends.dialer().stage(), Stage::kReady) << ends.dialer().failure().detail;
  EXPECT_EQ(ends.acceptor().stage(), Stage::kReady) << ends.acceptor().failure().detail;
  EXPECT_TRUE(ends.dialer().proven().empty()) << "a key that all have proves no id";
}

TEST(MeshKeys, ThatAreOldAreRefusedAfterTheChange) {
  const Refusals old = refusals(keys({key_of(1)}), keys({key_of(2)}));
  EXPECT_EQ(old.by_acceptor, EndReason::kAnotherMeshKey);
  EXPECT_EQ(old.at_dialer, EndReason::kAnotherMeshKey);
}

TEST(MeshKeys, AndCertificatesDoNotMeet) {
  TestAuthority authority("a");
  const Pems pems = authority.issue();
  const Shared member = *Credentials::of_certificates(
      {.certificate = pems.certificate, .key = pems.key, .authority = authority.certificate(), .revoked = {}});
  EXPECT_EQ(refusals(member, keys({key_of(1)})).by_acceptor, EndReason::kNoMeshKey);
  EXPECT_EQ(refusals(keys({key_of(1)}), member).at_dialer, EndReason::kNoMeshKey);
}

TEST(MeshKeys, AreReadFromTextWithTheLineOfWhatIsWrong) {
  const std::string good(64, 'a');
  EXPECT_THAT(*parse_mesh_keys("# remark\n\n" + good + "\r\n"), SizeIs(1));
  EXPECT_THAT(*parse_mesh_keys(good + "\n" + std::string(64, 'B')), SizeIs(2));
  EXPECT_THAT(parse_mesh_keys("#\n" + good + "0\n").error(), HasSubstr("line 2 is no mesh key"));
  EXPECT_THAT(parse_mesh_keys(std::string(63, 'a') + "g").error(), Not(HasSubstr("aaaa"))) << "nothing of it is shown";
  EXPECT_THAT(parse_mesh_keys("").error(), HasSubstr("no mesh key"));
  EXPECT_THAT(parse_mesh_keys(good + "\n" + good).error(), HasSubstr("the same"));
  const std::string third = std::string(64, '1') + "\n" + std::string(64, '2') + "\n" + std::string(64, '3');
  EXPECT_THAT(parse_mesh_keys(third).error(), HasSubstr("line 3 is a third key"));
}

TEST(MeshKeys, AreMadeForTheirOwnerAloneAndRefusedWhenOthersCanReadThem) {
  const fs::path directory = fs::temp_directory_path() / ("mesh_key_" + std::to_string(::getpid()));
  fs::create_directories(directory);
  const std::string path = directory / "key";
  ASSERT_TRUE(make_mesh_key(path));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto read = read_mesh_keys(path);
  ASSERT_TRUE(read) << read.error();
  EXPECT_THAT(make_mesh_key(path).error(), HasSubstr("left as it is")) << "never written over";
  EXPECT_EQ(*read_mesh_keys(path), *read);
  ASSERT_TRUE(make_mesh_key(directory / "second"));
  EXPECT_NE(*read_mesh_keys(directory / "second"), *read);
  fs::permissions(path, fs::perms::group_read, fs::perm_options::add);
  EXPECT_THAT(read_mesh_keys(path).error(), HasSubstr("chmod 600"));
  EXPECT_THAT(read_mesh_keys(directory).error(), HasSubstr("is no file"));
  EXPECT_THAT(read_mesh_keys(directory / "none").error(), HasSubstr("cannot be opened"));
  fs::remove_all(directory);
}

// py2p's SSL

Shared py2p() {
  const auto made = Credentials::of_py2p();
  EXPECT_TRUE(made) << made.error();
  return *made;
}

TEST(Py2pSsl, LetsEverybodyInAndProvesNothing) {
  Ends ends(py2p(), py2p());
  ends.talk();
  ASSERT_EQ(ends.dialer().stage(), Stage::kReady);
  ASSERT_EQ(ends.acceptor().stage(), Stage::kReady);
  EXPECT_TRUE(ends.dialer().proven().empty()) << "a certificate that everybody can make proves no id";
  EXPECT_TRUE(ends.acceptor().proven().empty());
  const std::string large(100'000, 'x');
  ends.dialer().seal(large);
  ends.acceptor().seal(large);
  ends.talk(1000);
  EXPECT_EQ(ends.at_acceptor, large);
  EXPECT_EQ(ends.at_dialer, "welcome" + large);
}

TEST(Py2pSsl, ADialerIsReadyWithoutAWord) {
  asio::io_context io;
  const auto dialer = SecureChannel::make(py2p(), Role::kDialer, io.get_executor());
  const auto acceptor = SecureChannel::make(py2p(), Role::kAcceptor, io.get_executor());
  std::string plain;
  acceptor->receive(std::exchange(dialer->output(), {}), plain);
  EXPECT_EQ(dialer->stage(), Stage::kHandshaking);
  dialer->receive(std::exchange(acceptor->output(), {}), plain);
  EXPECT_EQ(dialer->stage(), Stage::kReady);
  EXPECT_EQ(plain, "");
}

TEST(Py2pSsl, AndMeshesThatAskForProofDoNotMeet) {
  TestAuthority authority("a");
  const Pems pems = authority.issue();
  const Shared member = *Credentials::of_certificates(
      {.certificate = pems.certificate, .key = pems.key, .authority = authority.certificate(), .revoked = {}});
  EXPECT_EQ(refusals(member, py2p()).at_dialer, EndReason::kSelfSigned);
  EXPECT_EQ(refusals(keys({key_of(1)}), py2p()).at_dialer, EndReason::kNoMeshKey);
  EXPECT_EQ(refusals(py2p(), keys({key_of(1)})).by_acceptor, EndReason::kNoMeshKey);
  const Refusals shown_none = refusals(py2p(), member);
  EXPECT_EQ(shown_none.by_acceptor, EndReason::kNoCertificate);
  EXPECT_EQ(shown_none.at_dialer, EndReason::kNoCertificate);
}

TEST(Py2pSsl, PlainBytesAreToldApart) {
  asio::io_context io;
  for (const Role role : {Role::kDialer, Role::kAcceptor}) {
    const auto channel = SecureChannel::make(py2p(), role, io.get_executor());
    std::string plain;
    channel->receive(std::string_view("\0\0\0\x40plain", 9), plain);
    ASSERT_EQ(channel->stage(), Stage::kFailed);
    EXPECT_EQ(channel->failure().reason, EndReason::kPlaintext);
  }
}

// Bytes

TEST(SecureChannel, BytesArriveInOrderWhateverPiecesTheyComeIn) {
  for (const std::size_t piece : {1U, 7U, 4096U, 100'000U}) {
    Ends ends(keys({key_of(1)}), keys({key_of(1)}));
    ends.talk(piece);
    std::string sent;
    for (std::size_t size = 1; size < 60'000; size *= 3) {
      const std::string part(size, static_cast<char>('a' + size % 26));
      ends.dialer().seal(part);
      sent += part;
    }
    ends.talk(piece);
    EXPECT_EQ(ends.at_acceptor, sent);
    ends.dialer().say_end();
    ends.talk(piece);
    EXPECT_EQ(ends.acceptor().stage(), Stage::kEnded);
  }
}

TEST(SecureChannel, ADialerIsNotReadyBeforeItIsTaken) {
  asio::io_context io;
  const Shared both = keys({key_of(1)});
  const auto dialer = SecureChannel::make(both, Role::kDialer, io.get_executor());
  const auto acceptor = SecureChannel::make(both, Role::kAcceptor, io.get_executor());
  std::string plain;
  acceptor->receive(std::exchange(dialer->output(), {}), plain);
  dialer->receive(std::exchange(acceptor->output(), {}), plain);
  acceptor->receive(std::exchange(dialer->output(), {}), plain);
  EXPECT_EQ(acceptor->stage(), Stage::kReady);
  EXPECT_EQ(dialer->stage(), Stage::kHandshaking);
}

TEST(SecureChannel, PlainBytesAreToldApart) {
  asio::io_context io;
  for (const Role role : {Role::kDialer, Role::kAcceptor}) {
    const auto channel = SecureChannel::make(keys({key_of(1)}), role, io.get_executor());
    std::string plain;
    channel->receive(std::string_view("\0\0\0\x40plain", 9), plain);
    ASSERT_EQ(channel->stage(), Stage::kFailed);
    EXPECT_EQ(channel->failure().reason, EndReason::kPlaintext);
    EXPECT_EQ(begins_as_tls(channel->output()), role == Role::kAcceptor)
        << "a node that dials without TLS is told by an alert";
  }
}

TEST(SecureChannel, RecordedBytesAreWorthNothing) {
  asio::io_context io;
  const Shared both = keys({key_of(1)});
  std::string recorded;
  std::string plain;
  {
    const auto dialer = SecureChannel::make(both, Role::kDialer, io.get_executor());
    const auto acceptor = SecureChannel::make(both, Role::kAcceptor, io.get_executor());
    for (int turn = 0; turn < 3; ++turn) {
      recorded += dialer->output();
      acceptor->receive(std::exchange(dialer->output(), {}), plain);
      if (turn == 1) acceptor->seal("welcome");
      dialer->receive(std::exchange(acceptor->output(), {}), plain);
    }
    ASSERT_EQ(dialer->stage(), Stage::kReady);
    dialer->seal("a secret command");
    recorded += dialer->output();
  }
  plain.clear();
  const auto victim = SecureChannel::make(both, Role::kAcceptor, io.get_executor());
  victim->receive(recorded, plain);
  ASSERT_EQ(victim->stage(), Stage::kFailed);
  EXPECT_EQ(victim->failure().reason, EndReason::kTlsFailed);
  EXPECT_THAT(victim->failure().detail, HasSubstr("recorded"));
  EXPECT_EQ(plain, "");
}

TEST(SecureChannel, ChangedBytesAreFound) {
  Ends ends(keys({key_of(1)}), keys({key_of(1)}));
  ends.talk();
  ends.dialer().seal("command");
  ends.dialer().output().back() ^= 1;
  ends.talk();
  EXPECT_EQ(ends.acceptor().stage(), Stage::kFailed);
  EXPECT_EQ(ends.at_acceptor, "");
}

/// How many bytes it takes of a greeting that says that it is twice as long as a handshake may be, and comes record by record.
std::size_t fed_until_it_fails(const Shared& acceptor) {
  asio::io_context io;
  const auto channel = SecureChannel::make(acceptor, Role::kAcceptor, io.get_executor());
  std::string plain;
  std::string greeting("\x16\x03\x01\x00\x04\x01\x01\xFF\xFF", 9);
  channel->receive(greeting, plain);
  std::size_t fed = greeting.size();
  while (channel->stage() == Stage::kHandshaking && fed < 10 * tls_limits::kMaxHandshakeBytes) {
    std::string more("\x16\x03\x01\x10\x00", 5);
    more += std::string(4096, 'x');
    channel->receive(more, plain);
    fed += more.size();
  }
  EXPECT_EQ(channel->stage(), Stage::kFailed);
  EXPECT_THAT(channel->failure().detail, HasSubstr("handshake has more than"));
  return fed;
}

TEST(SecureChannel, AHandshakeIsBoundedInBytes) {
  for (const Shared& acceptor : {keys({key_of(1)}), py2p()})
    EXPECT_LE(fed_until_it_fails(acceptor), tls_limits::kMaxHandshakeBytes + 8192);
}

}  // namespace
}  // namespace meshdict
