"""py2p 0.6's SSL, which nodes speak with --encryption ssl: py2p peers made by hand and nodes share keys, whoever dials; who is not of
that mesh is refused, with the reason; and nobody is led to believe that it keeps strangers out.
"""

import contextlib
import socket
import ssl
import subprocess

import certificates
import harness
import py2p_peer
import py2p_ssl

SSL = ["--encryption", "ssl"]
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
PROVES_NOTHING = "nobody proves who it is"


class SslCase(harness.MeshTestCase):
    def peer(self, version="TLSv1.3", **options):
        made = py2p_peer.Py2pPeer(ssl_wrapper=py2p_ssl.Wrapper(self.directory, VERSIONS[version]), **options)
        self.addCleanup(made.close)
        return made

    def plain_peer(self, **options):
        made = py2p_peer.Py2pPeer(**options)
        self.addCleanup(made.close)
        return made

    def refused(self, node, field):
        return int(node.redis.info("security")[f"refused_{field}"])

    def await_refusal(self, node, reason, field, before=0):
        """In log, MESH DEPARTED and INFO."""
        harness.wait_until(lambda: self.refused(node, field) > before, f"a refusal for '{reason}' at {node.name}")
        harness.wait_until(lambda: reason in [one[3].decode() for one in node.redis.execute_command("MESH", "DEPARTED")],
                           f"'{reason}' in MESH DEPARTED of {node.name}")
        self.await_log(node, f"refused: {reason}")

    def assert_shared(self, node, peer):
        """Keys from before, new ones, changed and deleted ones go both ways; and each knows whose they are."""
        harness.wait_until(lambda: peer.data.get(b"before") == b"of the node", "the node's earlier key at the peer")
        self.await_value([node], "peer's", b"of the peer")
        node.redis.set("later", "one")
        harness.wait_until(lambda: peer.data.get(b"later") == b"one", "the node's new key at the peer")
        node.redis.set("later", "two")
        harness.wait_until(lambda: peer.data.get(b"later") == b"two", "the node's changed key at the peer")
        self.assertEqual(peer.meta[b"later"][0].decode(), node.id)
        node.redis.delete("later")
        harness.wait_until(lambda: b"later" not in peer.data, "its end at the peer")
        peer.set(b"peer's later", b"x" * 100_000)
        self.await_value([node], "peer's later", b"x" * 100_000)
        with self.assertRaisesRegex(harness.redis.ResponseError, f"^LEASED {peer.id.decode()} "):
            node.redis.set("peer's later", "stolen")
        peer.delete(b"peer's later")
        self.await_value([node], "peer's later", None)
        self.assertEqual((peer.ended, peer.refused), ([], []))
        self.assertEqual([one["speaks"] for one in node.peers()], ["py2p"])


class Py2pSslTest(SslCase):
    def test_a_py2p_peer_that_dials(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                node = self.start(f"node{version}", *SSL)
                node.redis.set("before", "of the node")
                peer = self.peer(version, listen=False)
                peer.set(b"peer's", b"of the peer")
                peer.connect(node.mesh_address)
                self.assert_shared(node, peer)
                self.assertEqual(peer._ssl.spoken, [version])

    def test_a_py2p_peer_that_is_dialled(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                peer = self.peer(version)
                peer.set(b"peer's", b"of the peer")
                node = self.start(f"node{version}", *SSL, join=[f"127.0.0.1:{peer.address[1]}"])
                node.redis.set("before", "of the node")
                self.assert_shared(node, peer)
                self.assertEqual(peer._ssl.spoken, [version])

    def test_two_nodes_and_a_fragile_peer(self):
        first = self.start("first", *SSL)
        values = {f"key:{i}".encode(): f"value {i}".encode() for i in range(300)}
        first.redis.mset(values)
        second = self.start("second", *SSL, join=[first])
        harness.wait_until(lambda: second.redis.dbsize() == 300, "all keys at the second")
        self.assertEqual([one["speaks"] for one in second.peers()], ["meshdict"])
        second.redis.set("of second", "x" * 1_000_000)
        self.await_value([first], "of second", b"x" * 1_000_000)
        first.redis.set("of first", "here")
        self.await_value([second], "of first", b"here")
        self.assert_leased(self.write(second, "of first"), first.id, "of first")
        security = second.redis.info("security")
        self.assertEqual((security["mesh_proof"], security["mesh_encryption"]), ("none", "ssl"))
        # Frames come one by one here, too: each tries anew what its disconnect has cut off.
        peer = self.peer(fragile=True, listen=False)
        second.redis.delete("of second")
        self.await_value([first], "of second", None)
        tries = 0
        while len(peer.data) < 301:
            tries += 1
            self.assertLess(tries, 20, f"only {len(peer.data)} keys; ended because {peer.ended}")
            link = peer.connect(second.mesh_address)
            harness.wait_until(lambda: link.hung_up or len(peer.data) == 301, "the dictionary")
        self.assertEqual(peer.data, values | {b"of first": b"here"})
        self.assertEqual(second.terminate(), 0)
        self.assertEqual(first.terminate(), 0)

    @staticmethod
    def write(node, key):
        try:
            return node.redis.set(key, "theirs")
        except harness.redis.ResponseError as error:
            return error

    def test_a_peer_that_hangs_up_is_gone_and_comes_again(self):
        node = self.start("node", *SSL)
        peer = self.peer(listen=False)
        link = peer.connect(node.mesh_address)
        harness.wait_until(node.peers, "the peer")
        link.close()
        harness.wait_until(lambda: not node.peers(), "its end")
        self.assertEqual(self.refused(node, "tls_failed"), 0, "whoever ends without a word of TLS is no failure")
        peer.connect(node.mesh_address)
        harness.wait_until(node.peers, "the peer again")


class RefusalsTest(SslCase):
    """Who is not of this mesh, and learns why."""

    def setUp(self):
        self.node = self.start("node", *SSL)

    def test_plain_peers_that_dial(self):
        peer = self.plain_peer(listen=False)
        peer.connect(self.node.mesh_address)
        self.await_refusal(self.node, "without TLS", "without_tls")
        harness.wait_until(lambda: peer.ended, "the plain peer's end")
        plain = self.start("plain", join=[self.node])
        self.await_refusal(plain, "speaks TLS", "speaks_tls")
        self.await_log(plain, "--encryption tls or ssl")
        self.assertEqual((self.node.peers(), plain.peers()), ([], []))

    def test_plain_peers_that_are_dialled(self):
        plain = self.start("plain")
        self.node.redis.execute_command("MESH", "CONNECT", plain.mesh)
        self.await_refusal(plain, "speaks TLS", "speaks_tls")
        # A py2p node speaks at once, and hangs up on what it takes for a size.
        peer = self.plain_peer()
        self.node.redis.execute_command("MESH", "CONNECT", f"127.0.0.1:{peer.address[1]}")
        self.await_refusal(self.node, "without TLS", "without_tls")
        harness.wait_until(lambda: any("369295" in why for why in peer.ended), lambda: f"its end; it has {peer.ended}")

    def test_a_peer_of_ssl_on_a_plain_port(self):
        plain = self.start("plain")
        with self.assertRaises(OSError):
            self.peer(listen=False).connect(plain.mesh_address)
        self.await_refusal(plain, "speaks TLS", "speaks_tls")

    def test_other_networks(self):
        stranger = self.start("stranger", *SSL, "--network", "other", join=[self.node])
        self.await_log(self.node, "refused: wrong network", "check --network")
        self.await_log(stranger, "refused: wrong network", "check --network")
        self.assertEqual((self.node.peers(), stranger.peers()), ([], []))
        # Beside whose tries the log might limit the lines of others.
        stranger.terminate()
        peer = self.peer(listen=False, network="third")
        # The network of whoever says the id of plaintext inside TLS is another, too.
        confused = self.peer(listen=False)
        confused.protocol = py2p_peer.protocol_id()
        for other in (peer, confused):
            other.connect(self.node.mesh_address)
            self.await_log(self.node, "refused: wrong network", other.protocol)
            harness.wait_until(lambda other=other: other.ended, "its end")

    def test_meshes_that_ask_for_proof(self):
        authority = certificates.Authority(self.directory, "ours")
        certified = self.start("certified", *authority.issue().options(), join=[self.node])
        self.await_refusal(certified, "self-signed certificate", "self_signed_certificate")
        keyed = self.start("keyed", "--mesh-key-file", str(certificates.make_key(self.directory, "key", "11" * 32)), join=[self.node])
        self.await_refusal(keyed, "no mesh key", "no_mesh_key")
        for other in (certified, keyed):
            self.node.redis.execute_command("MESH", "CONNECT", other.mesh)
        self.await_refusal(certified, "no certificate", "no_certificate")
        self.await_refusal(self.node, "no certificate", "no_certificate")
        self.await_refusal(self.node, "no mesh key", "no_mesh_key")
        self.assertEqual([one.peers() for one in (self.node, certified, keyed)], [[], [], []])

    def test_versions_and_suites(self):
        port = self.node.mesh_address[1]
        for old in ("-tls1", "-tls1_1"):
            told = certificates.s_client(port, old, "-cipher", "ALL:@SECLEVEL=0")
            self.assertNotRegex(told, r"Cipher is (?!\(NONE\))", told)
        self.await_log(self.node, "refused: TLS failed", "TLS 1.2 or 1.3 is wanted")
        for suite in ("AES128-GCM-SHA256", "AES256-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "NULL-SHA256"):
            told = certificates.s_client(port, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
            self.assertNotRegex(told, r"Cipher is (?!\(NONE\))", told)
        self.await_log(self.node, "refused: TLS failed", "no cipher suite")
        for suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"):
            told = certificates.s_client(port, "-tls1_2", "-cipher", suite)
            self.assertIn(f"Cipher is {suite}", told)
            self.assertIn("Secure Renegotiation IS supported", told)
            self.assertNotIn("TLS session ticket:", told)

    def test_nobody_is_asked_for_a_certificate(self):
        self.assertIn("No client certificate CA names sent", certificates.s_client(self.node.mesh_address[1], "-tls1_2"))

    def test_recorded_bytes_and_nonsense(self):
        greeting = b"\x16\x03\x01\xff\xff" + bytes(70_000)
        for data in (greeting, b"\x16" * 1000, b"\x16\x03\x03\x00\x00" * 20_000, b"\x15\x03\x01\x00\x02\x02\x28",
                     b"GET / HTTP/1.1\r\n\r\n", b"*1\r\n$4\r\nPING\r\n"):
            with contextlib.suppress(OSError), socket.create_connection(self.node.mesh_address, timeout=30) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
        self.await_refusal(self.node, "without TLS", "without_tls")
        self.await_refusal(self.node, "TLS failed", "tls_failed")
        self.assertEqual(self.node.peers(), [])

    def test_handshakes_that_never_end_keep_nobody_out(self):
        idle = [socket.create_connection(self.node.mesh_address) for _ in range(150)]
        for sock in idle[:50]:
            sock.sendall(b"\x16\x03\x01\x20\x00" + bytes(100))
        self.peer(listen=False).connect(self.node.mesh_address)
        harness.wait_until(self.node.peers, "the peer")
        self.await_log(self.node, "its host has most handshakes under way")
        self.await_log(self.node, "its handshake was not done in time")
        for sock in idle:
            sock.close()


class NoProofTest(SslCase):
    """What it is not, is said."""

    def test_one_line_warns_at_each_start(self):
        for name in ("once", "again"):
            node = self.start(name, *SSL)
            lines = node.log_lines(PROVES_NOTHING)
            self.assertEqual(len(lines), 1, lines)
            for part in (" warning ", "--encryption ssl", "--mesh-key-file"):
                self.assertIn(part, lines[0])
        self.assertEqual(self.start("plain").log_lines(PROVES_NOTHING), [])

    def test_it_does_not_open_a_port_to_others(self):
        done = subprocess.run([harness.program(), "--listen", "0.0.0.0:0", "--resp", "127.0.0.1:0", *SSL], capture_output=True,
                              text=True, timeout=harness.DEADLINE, check=False)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done)
        for part in ("--listen: other machines reach", "--encryption ssl proves nothing", "--mesh-key-file", "--open"):
            self.assertIn(part, done.stderr)
        node = self.start("open", *SSL, "--listen", "0.0.0.0:0", "--open", listen=None)
        self.await_log(node, "warn", "--listen: other machines reach", "--open lets everybody in")

    def test_options_that_do_not_fit(self):
        for options, says in ((["--tls-ca", "c"], "need --encryption tls"), (["--mesh-key-file", "k"], "leave --encryption away")):
            done = subprocess.run([harness.program(), *SSL, *options], capture_output=True, text=True, timeout=harness.DEADLINE,
                                  check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
            self.assertIn(says, done.stderr)

    def test_the_certificate_is_py2ps_kind_and_new_at_each_start(self):
        shown = []
        for name in ("first", "second"):
            said = certificates.s_client(self.start(name, *SSL).mesh_address[1], "-showcerts")
            pem = said[said.index("-----BEGIN CERT"):said.index("-----END CERTIFICATE-----") + 26]
            shown.append(certificates.openssl("x509", "-noout", "-text", stdin=pem.encode()))
            self.assertIn("will not expire",
                          certificates.openssl("x509", "-noout", "-checkend", 3640 * 86_400, stdin=pem.encode()))
        for text in shown:
            for part in ("Public-Key: (2048 bit)", "sha256WithRSAEncryption", "Subject: CN = cryptography.io",
                         "Issuer: CN = cryptography.io", "X509v3 Basic Constraints: critical\n                CA:FALSE", "Version: 3"):
                self.assertIn(part, text)
        modulus = [text[text.index("Modulus"):text.index("Exponent")] for text in shown]
        serial = [text[text.index("Serial"):text.index("Signature Algorithm")] for text in shown]
        self.assertNotEqual(*modulus)
        self.assertNotEqual(*serial)


if __name__ == "__main__":
    harness.main()
