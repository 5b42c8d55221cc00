"""What a scanner such as testssl would look for, by openssl s_client, at each endpoint that speaks TLS: the mesh with certificates, the mesh
with a key, the Redis endpoint. (py2p's SSL takes more, on purpose: py2p_ssl_test.py.)
"""

import hashlib
import pathlib
import secrets

import certificates
import harness

SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
          "TLS_AES_128_CCM_8_SHA256"]
# All that OpenSSL 3 can speak of TLS 1.2 and below: AEADs, too, of which TLS 1.2 has good ones.
OLD_VERSIONS = ("-tls1", "-tls1_1", "-tls1_2")
OLD_SUITES = ("ALL:@SECLEVEL=0", "ECDHE+AESGCM:@SECLEVEL=0", "AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "NULL:@SECLEVEL=0")


class Endpoint:
    def __init__(self, node, port, proof, suites, word="New"):
        """`proof`: arguments of s_client with which it is let in; `suites`: all that the endpoint takes; `word`: what s_client calls such a
        session, which to OpenSSL is resumed by a key that both have."""
        self.node, self.port, self.proof, self.suites = node, port, proof, suites
        self.let_in = f"{word}, TLSv1.3, Cipher is TLS_"

    def ask(self, *arguments, **more):
        return certificates.s_client(self.port, *arguments, *self.proof, **more)


class TlsChecks:
    """The checks; what is checked is said by endpoint()."""

    def setUp(self):
        self.endpoint = self.start_endpoint()

    def test_tls_1_2_and_below_are_refused_whatever_the_suite(self):
        for version in OLD_VERSIONS:
            for suites in OLD_SUITES:
                with self.subTest(version=version, suites=suites):
                    told = certificates.s_client(self.endpoint.port, version, "-cipher", suites)
                    # Of a connection to nobody it would say the same.
                    self.assertIn("CONNECTED", told)
                    self.assertRegex(told, r"alert (protocol version|handshake failure|internal error)|no protocols available|no ciphers available"
                                           r"|unexpected eof|no cipher match", told)
                    self.assertNotRegex(told, r"Cipher is (?!\(NONE\))", told)
        self.await_log(self.endpoint.node, "refused: TLS failed", "TLS 1.3 is wanted")

    def test_aeads_only(self):
        taken = {suite for suite in SUITES
                 if self.endpoint.let_in + suite.removeprefix("TLS_") in self.endpoint.ask("-tls1_3", "-ciphersuites", suite)}
        self.assertEqual(taken, self.endpoint.suites)

    def test_no_session_is_resumed(self):
        session = pathlib.Path(self.directory, "session")
        told = self.endpoint.ask("-tls1_3", "-sess_out", session)
        self.assertIn(self.endpoint.let_in, told)
        self.assertNotIn("New Session Ticket arrived", told)
        self.assertFalse(session.exists(), "there is none to be kept")
        self.assertIn("Early data was not sent", told)

    def test_nothing_is_compressed_or_renegotiated(self):
        told = self.endpoint.ask("-tls1_3", "-comp", "-legacy_renegotiation", said=b"R\n")
        self.assertIn("Compression: NONE", told)
        self.assertNotIn("Renegotiation IS supported", told)
        self.assertNotIn("RENEGOTIATING\nverify", told)

    def test_each_connection_exchanges_keys(self):
        told = self.endpoint.ask("-tls1_3", "-allow_no_dhe_kex", "-groups", "X25519:P-256")
        self.assertIn(self.endpoint.let_in, told)
        self.assertRegex(told, r"Server Temp Key: X25519, 253 bits", told)


class MeshByCertificates(TlsChecks, harness.MeshTestCase):
    def start_endpoint(self):
        authority = certificates.Authority(self.directory, "ours")
        node = self.start("node", *authority.issue().options())
        return Endpoint(node, node.mesh_address[1], authority.issue().of_client(),
                        {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})


def name_of_key(key):
    """What a dialer names a mesh key by."""
    return hashlib.sha256(b"meshdict mesh key name" + bytes.fromhex(key)).hexdigest()[:32]


class MeshByKey(TlsChecks, harness.MeshTestCase):
    """A key of SHA-256, and so the suites of that hash."""

    def start_endpoint(self):
        key = secrets.token_hex(32)
        node = self.start("node", "--mesh-key-file", str(certificates.make_key(self.directory, "key", key)))
        return Endpoint(node, node.mesh_address[1], ["-psk", key, "-psk_identity", name_of_key(key)],
                        {"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}, word="Reused")


class RedisEndpoint(TlsChecks, harness.MeshTestCase):
    def start_endpoint(self):
        authority = certificates.Authority(self.directory, "ours")
        server = authority.issue("server", usage="serverAuth")
        node = self.start("node", "--resp-tls", "--resp-tls-cert", str(server.cert), "--resp-tls-key", str(server.key),
                          "--resp-tls-ca", str(authority.cert))
        client = authority.issue("client", usage="clientAuth")
        return Endpoint(node, node.redis_address[1], [*client.of_client(), "-CAfile", authority.cert],
                        {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})

    def test_it_shows_its_certificate_and_asks_for_one_of_its_authority(self):
        told = self.endpoint.ask("-tls1_3")
        self.assertIn("Verify return code: 0 (ok)", told)
        self.assertIn("Acceptable client certificate CA names\nCN = ours", told)


if __name__ == "__main__":
    harness.main()
