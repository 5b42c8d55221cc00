"""The intruder matrix: real processes refuse nodes that do not belong, each with its own reason, and let in those that do.

Rows: no certificate, another authority's, an expired one, one of the future, one for another use, a revoked one, one that vouches for
itself, a right one with another's id, plain bytes, recorded bytes, an old certificate of a mesh that has changed its authority. The
old mesh key is in mesh_key_test.py. Each row is tried from both sides: it dials the node, and the node dials it.
"""

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
import time

import certificates
import harness
import py2p_peer


def field_of(reason):
    return "refused_" + reason.lower().replace(" ", "_").replace("-", "_").replace("'", "")


def protocol_id(network="sync1TLS"):
    return py2p_peer.to_base58(int.from_bytes(hashlib.sha256(f"{network}0.6".encode()).digest(), "big"))


def handshake(node_id):
    return py2p_peer.frame(py2p_peer.encode(
        [2, node_id, int(time.time()), 5, node_id, protocol_id(), ["127.0.0.1", 1], [0x4D440001]]))


def id_of(identity):
    """base58 of the SHA-384 of the certificate's public key."""
    pem = certificates.openssl("x509", "-in", identity.cert, "-noout", "-pubkey")
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))
    return py2p_peer.to_base58(int.from_bytes(hashlib.sha384(der).digest(), "big"))


class Recorder:
    """Stands between a node and one that dials it, and writes down what the latter says."""

    def __init__(self, target):
        self.said = b""
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = self._listening.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                dialer, _ = self._listening.accept()
                node = socket.create_connection(self._target)
                threading.Thread(target=self._carry, args=(dialer, node, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(node, dialer, False), daemon=True).start()

    def _carry(self, source, to, recorded):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if recorded:
                    self.said += piece
                to.sendall(piece)
            to.shutdown(socket.SHUT_WR)

    def close(self):
        self._listening.close()


class IntrudersTest(harness.MeshTestCase):
    def setUp(self):
        self.authority = certificates.Authority(self.directory, "ours")
        self.other_authority = certificates.Authority(self.directory, "other")
        self.revoked = self.authority.issue("revoked")
        self.authority.revoke(self.revoked)
        self.member = self.authority.issue("member")
        self.node = self.start("node", *self.member.options(crl=self.authority.crl()))

    def counted(self, node, reason):
        return int(node.redis.info("security")[field_of(reason)])

    def await_refusal(self, node, reason, before=0):
        """In log, MESH DEPARTED and INFO."""
        harness.wait_until(lambda: self.counted(node, reason) > before, f"a refusal for '{reason}' at {node.name}")
        departed = [one[3].decode() for one in node.redis.execute_command("MESH", "DEPARTED")]
        self.assertIn(reason, departed)
        self.await_log(node, f"refused: {reason}")

    def intruders(self):
        """Identities that are not let in, each with the reason."""
        foreign = self.other_authority.issue("foreign")
        foreign.ca = self.authority.cert
        return {
            "unknown authority": foreign,
            "certificate expired": self.authority.issue("expired", time=certificates.PAST),
            "certificate not yet valid": self.authority.issue("future", time=certificates.FUTURE),
            "certificate for another use": self.authority.issue("mail", usage="emailProtection"),
            "certificate revoked": self.revoked,
            "self-signed certificate": self.authority.self_signed(),
        }

    def test_members_are_let_in_under_the_ids_of_their_keys(self):
        identity = self.authority.issue("second")
        second = self.start("second", *identity.options(), join=[self.node])
        harness.wait_until(second.peers, "a neighbour")
        self.assertEqual(self.node.id, id_of(self.member))
        self.assertEqual(second.peer_ids(), [self.node.id])
        self.assertEqual(self.node.peer_ids(), [id_of(identity)])
        self.node.redis.set("greeting", "hello")
        self.await_value([second], "greeting", b"hello")
        self.assertEqual(second.redis.info("security")["mesh_proof"], "certificates")

    def test_intruders_that_dial_are_refused_each_for_its_reason(self):
        for reason, identity in self.intruders().items():
            with self.subTest(reason=reason):
                before = self.counted(self.node, reason)
                intruder = self.start(f"dials {reason}", *identity.options(), join=[self.node])
                self.await_refusal(self.node, reason, before)
                # It hears of it, and its own operator was warned at the start but where only the others can know.
                harness.wait_until(lambda intruder=intruder: intruder.redis.execute_command("MESH", "DEPARTED"), "why, there")
                self.assertEqual((intruder.peers(), self.node.peers()), ([], []))
                if reason != "certificate revoked":
                    self.await_log(intruder, "others will refuse our own certificate")
                intruder.terminate()

    def test_intruders_that_are_dialled_are_refused_each_for_its_reason(self):
        for reason, identity in self.intruders().items():
            with self.subTest(reason=reason):
                before = self.counted(self.node, reason)
                intruder = self.start(f"waits {reason}", *identity.options())
                self.node.redis.execute_command("MESH", "CONNECT", intruder.mesh)
                self.await_refusal(self.node, reason, before)
                self.assertEqual((intruder.peers(), self.node.peers()), ([], []))
                self.node.redis.execute_command("MESH", "FORGET", intruder.mesh)
                intruder.terminate()

    def test_nobody_without_a_certificate(self):
        certificates.s_client(self.node.mesh_address[1], "-tls1_3")
        self.await_refusal(self.node, "no certificate")

    def test_plain_bytes(self):
        plain = self.start("plain", join=[self.node])
        self.await_refusal(self.node, "without TLS")
        self.await_refusal(plain, "speaks TLS")

    def test_a_mesh_key(self):
        key = certificates.make_key(self.directory, "key", "11" * 32)
        keyed = self.start("keyed", "--mesh-key-file", str(key), join=[self.node])
        harness.wait_until(lambda: keyed.redis.execute_command("MESH", "DEPARTED"), "why")
        self.assertEqual((keyed.peers(), self.node.peers()), ([], []))

    def dial_as(self, identity):
        """A connection of TLS to the node, as a member that python makes up."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.load_verify_locations(self.authority.cert)
        context.load_cert_chain(identity.cert, identity.key)
        return context.wrap_socket(socket.create_connection(self.node.mesh_address, timeout=harness.DEADLINE))

    def test_a_right_certificate_with_anothers_id(self):
        identity = self.authority.issue("liar")
        for name in (id_of(self.authority.issue("victim")), self.node.id):
            before = self.counted(self.node, "another's id")
            with self.dial_as(identity) as sock:
                sock.sendall(handshake(name))
                answer = b""
                with contextlib.suppress(OSError):
                    while piece := sock.recv(65536):
                        answer += piece
            self.assertIn(b"and its key is that of", answer, "a refused node hears why")
            self.await_refusal(self.node, "another's id", before)
        with self.dial_as(identity) as sock:
            sock.sendall(handshake(id_of(identity)))
            before = self.counted(self.node, "another's id")
            time.sleep(0.2)
            self.assertEqual(self.counted(self.node, "another's id"), before)
        self.assertEqual(self.node.peers(), [])
        self.assertEqual(int(self.node.redis.info("mesh")["identity_in_use"]), 0)

    def test_recorded_bytes(self):
        recorder = Recorder(self.node.mesh_address)
        self.addCleanup(recorder.close)
        second = self.start("second", *self.authority.issue("second").options(),
                            join=[f"127.0.0.1:{recorder.address[1]}"])
        harness.wait_until(second.peers, "a neighbour")
        second.terminate()
        harness.wait_until(lambda: not self.node.peers(), "its end")
        before = self.counted(self.node, "TLS failed")
        with socket.create_connection(self.node.mesh_address) as sock, contextlib.suppress(OSError):
            sock.sendall(recorder.said)
            while sock.recv(65536):
                pass
        self.await_refusal(self.node, "TLS failed", before)
        self.await_log(self.node, "recorded from another connection")
        self.assertEqual(self.node.peers(), [])

    def test_an_authority_of_before(self):
        new_authority = certificates.Authority(self.directory, "new")
        identity = new_authority.issue("moved")
        moved = self.start("moved", *identity.options(), join=[self.node])
        self.await_refusal(moved, "unknown authority")
        self.await_refusal(self.node, "unknown authority")

    def test_handshakes_that_never_end_keep_nobody_out(self):
        idle = [socket.create_connection(self.node.mesh_address) for _ in range(200)]
        for sock in idle[:50]:
            sock.sendall(b"\x16\x03\x01\x20\x00" + bytes(100))
        second = self.start("second", *self.authority.issue("second").options(), join=[self.node])
        harness.wait_until(second.peers, "a neighbour")
        # The last of them are cut at the deadline of a handshake.
        harness.wait_until(lambda: all(self.is_closed(sock) for sock in idle), "the end of all that say nothing")
        for sock in idle:
            sock.close()

    @staticmethod
    def is_closed(sock):
        sock.setblocking(False)
        try:
            return not sock.recv(65536, socket.MSG_PEEK) or True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def test_nonsense_does_not_harm(self):
        for data in (b"\x16\x03\x01\xff\xff" + bytes(70000), b"\x16" * 1000, b"\x16\x03\x03\x00\x00" * 20000,
                     b"GET / HTTP/1.1\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", struct.pack(">I", 60) + bytes(60)):
            with contextlib.suppress(OSError), socket.create_connection(self.node.mesh_address, timeout=30) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
        self.assertTrue(self.node.redis.ping())

    # Certificates that change, and nodes that move

    def test_certificates_are_read_again(self):
        identity = self.authority.issue("second")
        second = self.start("second", *identity.options(), join=[self.node])
        harness.wait_until(second.peers, "a neighbour")
        renewed = self.authority.issue("renewed", key=identity.key)
        identity.cert.write_text(renewed.cert.read_text())
        self.await_log(second, "have been read again")
        self.assertTrue(second.peers(), "existing links stay")
        third = self.start("third", *self.authority.issue("third").options(), join=[second])
        harness.wait_until(lambda: second.id in third.peer_ids(), "a link with the renewed certificate")
        # A certificate of another key is another node.
        other = self.authority.issue("otherkey")
        identity.cert.write_text(other.cert.read_text())
        self.await_log(second, "key: it is not that of the certificate")
        identity.key.write_text(other.key.read_text())
        self.await_log(second, "another node id")
        self.assertTrue(second.peers())

    def test_a_certificate_that_is_revoked_later(self):
        crl = self.authority.crl()
        node = self.start("listed", *self.authority.issue("listed").options(crl=crl))
        lost = self.authority.issue("lost")
        self.start("lost", *lost.options(), join=[node])
        harness.wait_until(node.peers, "a neighbour")
        self.authority.revoke(lost)
        crl.write_text(self.authority.crl().read_text())
        self.await_log(node, "have been read again")
        again = self.start("again", *lost.options(), join=[node])
        self.await_refusal(node, "certificate revoked")
        self.assertEqual(again.peers(), [])

    def test_a_plaintext_node_moves_with_keys_and_leases(self):
        data = f"{self.directory}/data"
        plain = self.start("plain", "--data-dir", data)
        plain.redis.set("held", "mine")
        plain.redis.set("gone", "x")
        plain.redis.delete("gone")
        before = plain.lease("held")
        self.assertEqual(plain.terminate(), 0)
        identity = self.authority.issue("moved")
        moved = self.start("moved", "--data-dir", data, *identity.options(), join=[self.node])
        self.assertEqual(moved.id, id_of(identity))
        self.await_log(moved, plain.id, "1 keys")
        after = moved.lease("held")
        self.assertEqual((after["owner"], after["held"], after["ours"]), (moved.id, 1, 1))
        self.assertLessEqual(after["left_ms"], before["left_ms"])
        self.await_value([self.node], "held", b"mine")
        self.assert_leased(self.refused_write("held"), moved.id, "held")
        self.assertIsNone(moved.redis.get("gone"))
        self.assertEqual(moved.redis.set("held", "still mine"), True)
        self.assertEqual(moved.terminate(), 0)
        again = self.start("again", "--data-dir", data, *identity.options())
        self.assertEqual(again.id, moved.id)
        self.assertEqual(again.log_lines("was that of"), [], "it moves once")

    def refused_write(self, key):
        try:
            return self.node.redis.set(key, "theirs")
        except harness.redis.ResponseError as error:
            return error


if __name__ == "__main__":
    harness.main()
