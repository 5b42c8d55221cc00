"""The intruder matrix of the Redis-protocol endpoint: who does not belong is refused, each with its own reason, and who belongs is in.

Rows of TLS: no certificate, another authority's, an expired one, one of the future, one for another use, a revoked one, one that
vouches for itself, plain bytes, TLS where there is none, recorded bytes, a client that does not trust us. Old versions and suites are in
tls_checks_test.py.
Rows of passwords are in users_test.py. And what is refused at the start: an endpoint that is open to strangers.
"""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import certificates
import harness
from intruders_test import Recorder

# What openssl s_client says when it got through.
_CONNECTED = "Verify return code"


def field_of(reason):
    return "client_refused_" + reason.lower().replace(" ", "_").replace("-", "_")


class ClientTlsCase(harness.MeshTestCase):
    def setUp(self):
        self.authority = certificates.Authority(self.directory, "ours")
        self.server = self.authority.issue("server", usage="serverAuth")

    def tls_options(self, ca=False, crl=None):
        return ["--resp-tls", "--resp-tls-cert", str(self.server.cert), "--resp-tls-key", str(self.server.key),
                *(["--resp-tls-ca", str(self.authority.cert)] if ca else []), *(["--resp-tls-crl", str(crl)] if crl else [])]

    def tls_client(self, node, identity=None, ca=None, **more):
        """redis-py by rediss://."""
        shown = {"ssl_certfile": str(identity.cert), "ssl_keyfile": str(identity.key)} if identity else {}
        return node.client(ssl=True, ssl_ca_certs=str(ca or self.authority.cert), ssl_cert_reqs="required", ssl_check_hostname=True,
                           **shown, **more)

    def counted(self, client, reason):
        return int(client.info("security")[field_of(reason)])

    def await_refusal(self, node, client, reason, before=0):
        harness.wait_until(lambda: self.counted(client, reason) > before, f"a refusal for '{reason}'")
        self.await_log(node, "warn", "client 127.0.0.1:", f"refused: {reason}")


class ClientIntrudersTest(ClientTlsCase):
    """The endpoint asks for certificates."""

    def setUp(self):
        super().setUp()
        self.other_authority = certificates.Authority(self.directory, "other")
        self.revoked = self.authority.issue("revoked")
        self.authority.revoke(self.revoked)
        self.crl = self.authority.crl()
        self.node = self.start("node", *self.tls_options(ca=True, crl=self.crl))
        self.member = self.authority.issue("client", usage="clientAuth")
        self.good = self.tls_client(self.node, self.member)

    def test_who_has_a_certificate_is_in(self):
        self.assertTrue(self.good.set("greeting", "hello"))
        self.assertEqual(self.good.get("greeting"), b"hello")
        security = self.good.info("security")
        self.assertEqual((security["client_tls"], security["client_certificates"]), ("on", "required"))
        large = os.urandom(3_000_000)
        self.good.set("large", large)
        self.assertEqual(self.good.get("large"), large)
        with self.good.pipeline(transaction=False) as pipeline:
            for i in range(20_000):
                pipeline.set(f"many:{i}", "x" * 100)
            self.assertTrue(all(pipeline.execute()))
        listener = self.tls_client(self.node, self.member).pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        listener.get_message(timeout=harness.DEADLINE)
        harness.wait_until(lambda: self.good.publish("news", "hello") > 0, "a listener")
        self.assertEqual(harness.wait_until(lambda: listener.get_message(timeout=1), "a message")["data"], b"hello")

    def test_intruders_are_refused_each_for_its_reason(self):
        intruders = {
            "no certificate": None,
            "unknown authority": self.other_authority.issue("foreign"),
            "certificate expired": self.authority.issue("expired", time=certificates.PAST),
            "certificate not yet valid": self.authority.issue("future", time=certificates.FUTURE),
            "certificate for another use": self.server,
            "certificate revoked": self.revoked,
            "self-signed certificate": self.authority.self_signed(),
        }
        for reason, identity in intruders.items():
            with self.subTest(reason=reason):
                before = self.counted(self.good, reason)
                intruder = self.tls_client(self.node, identity)
                with self.assertRaises(harness.redis.ConnectionError) as refused:
                    intruder.get("greeting")
                self.assertIn("alert", str(refused.exception).lower(), "it hears why, as far as TLS has words for it")
                self.await_refusal(self.node, self.good, reason, before)

    def test_plain_bytes_are_told_so(self):
        with self.assertRaises(harness.redis.RedisError) as refused:
            self.node.client().ping()
        self.assertIn("this endpoint speaks TLS", str(refused.exception))
        self.await_refusal(self.node, self.good, "without TLS")
        with socket.create_connection(self.node.redis_address) as sock:
            sock.sendall(b"PING\r\n")
            self.assertRegex(sock.makefile("rb").read(), rb"^-ERR this endpoint speaks TLS: .*\r\n$")

    def test_recorded_bytes(self):
        recorder = Recorder(self.node.redis_address)
        self.addCleanup(recorder.close)
        client = self.tls_client(self.node, self.member)
        client.connection_pool.connection_kwargs.update(port=recorder.address[1])
        client.set("once", "1")
        before = self.counted(self.good, "TLS failed")
        with socket.create_connection(self.node.redis_address) as sock, contextlib.suppress(OSError):
            sock.sendall(recorder.said)
            while sock.recv(65536):
                pass
        self.await_refusal(self.node, self.good, "TLS failed", before)

    def test_a_client_that_does_not_trust_us_is_told_of(self):
        with self.assertRaises(harness.redis.ConnectionError):
            self.tls_client(self.node, self.member, ca=self.other_authority.cert).ping()
        self.await_refusal(self.node, self.good, "unknown authority")
        self.await_log(self.node, "the far end trusts no authority of our certificate")

    def test_half_done_handshakes_are_bounded_and_keep_nobody_out(self):
        self.good.ping()
        idle = [socket.create_connection(self.node.redis_address) for _ in range(150)]
        for number, sock in enumerate(idle):
            if number % 2:
                sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        self.assertTrue(self.tls_client(self.node, self.member).ping())
        self.await_log(self.node, "its host has most handshakes under way")
        harness.wait_until(lambda: int(self.good.info("clients")["connected_clients"]) <= 3, "the end of all that say nothing")
        self.await_log(self.node, "its handshake was not done in time")
        for sock in idle:
            sock.close()

    def test_nonsense_does_not_harm(self):
        for data in (b"\x16\x03\x01\xff\xff" + bytes(70000), b"\x16" * 1000, b"\x16\x03\x03\x00\x00" * 20000,
                     b"GET / HTTP/1.1\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"\x17\x03\x03\x00\x05hello"):
            with contextlib.suppress(OSError), socket.create_connection(self.node.redis_address, timeout=30) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
        self.assertTrue(self.good.ping())

    def test_certificates_that_change(self):
        # One that is revoked later.
        lost = self.authority.issue("lost")
        before = self.tls_client(self.node, lost)
        self.assertTrue(before.ping())
        self.authority.revoke(lost)
        self.crl.write_text(self.authority.crl().read_text())
        self.await_log(self.node, "for clients", "have been read again")
        self.assertTrue(before.ping(), "connections that there are stay")
        with self.assertRaises(harness.redis.ConnectionError):
            self.tls_client(self.node, lost).ping()
        self.await_refusal(self.node, self.good, "certificate revoked")
        # A new one of ours, for another key; and nonsense, which changes nothing.
        new = self.authority.issue("renewed")
        self.server.cert.write_text("nonsense")
        self.await_log(self.node, "error", "for clients", "those from before stay")
        self.assertTrue(self.tls_client(self.node, self.member).ping())
        self.server.key.write_text(new.key.read_text())
        self.server.cert.write_text(new.cert.read_text())
        self.node.process.send_signal(signal.SIGHUP)
        shown = "CN = renewed"
        harness.wait_until(lambda: shown in certificates.s_client(self.node.redis_address[1], *self.member.of_client()), shown)

    def test_it_ends_in_order(self):
        self.good.ping()
        self.assertEqual(self.node.terminate(), 0)


class ServerTlsTest(ClientTlsCase):
    """The endpoint shows a certificate, and asks for none."""

    def test_the_redis_command_and_s_client(self):
        node = self.start("node", *self.tls_options())
        self.assertTrue(self.tls_client(node).ping())
        self.assertEqual(node.redis.info("security")["client_certificates"], "not_asked")
        port = str(node.redis_address[1])
        if shutil.which("redis-cli"):
            done = subprocess.run(["redis-cli", "-p", port, "--tls", "--cacert", self.authority.cert, "set", "k", "v"],
                                  capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            self.assertEqual((done.stdout.strip(), done.returncode), ("OK", 0), done)
            done = subprocess.run(["redis-cli", "-p", port, "get", "k"], capture_output=True, text=True,
                                  timeout=harness.DEADLINE, check=False)
            self.assertIn("speaks TLS", done.stdout + done.stderr)
        url = harness.redis.from_url(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={self.authority.cert}")
        self.addCleanup(url.close)
        self.assertTrue(url.ping())

    def test_who_says_all_it_has_to_say_and_ends_gets_its_answers(self):
        node = self.start("node", *self.tls_options())
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        came, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(came, leaving, server_hostname="localhost")
        with socket.create_connection(node.redis_address, timeout=harness.DEADLINE) as sock:
            def insist(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        sock.sendall(leaving.read())
                        came.write(sock.recv(65536))

            insist(tls.do_handshake)
            tls.write(b"PING\r\n")
            with self.assertRaises(ssl.SSLWantReadError):
                tls.unwrap()
            self.assertEqual(insist(lambda: tls.read(100)), b"+PONG\r\n")

    def test_tls_where_there_is_none(self):
        plain = self.start("plain")
        with self.assertRaises(harness.redis.ConnectionError):
            self.tls_client(plain).ping()
        plain.close_clients()
        self.await_refusal(plain, plain.client(), "speaks TLS")
        self.assertEqual(int(plain.client().info("stats")["protocol_errors"]), 0)
        context = ssl.create_default_context()
        with socket.create_connection(plain.redis_address) as sock:
            sock.sendall(b"\x16\x03\x01\x00\x05hello")
            self.assertRegex(sock.makefile("rb").read(), rb"^-ERR this endpoint speaks without TLS: .*\r\n$")
        with self.assertRaises(ssl.SSLError), socket.create_connection(plain.redis_address) as sock:
            context.wrap_socket(sock, server_hostname="localhost")

    def test_our_own_certificate_is_looked_at(self):
        for name, options, says in (("old", {"time": certificates.PAST}, "its time is over"),
                                    ("new", {"time": certificates.FUTURE}, "its time has not come"),
                                    ("client", {"usage": "clientAuth"}, "not for TLS servers")):
            self.server = self.authority.issue(name, **options)
            node = self.start(name, *self.tls_options())
            self.await_log(node, "warn", "clients will refuse our certificate", says)

    def test_a_slow_reader_waits_and_keeps_nobody_waiting(self):
        node = self.start("node", *self.tls_options())
        client = self.tls_client(node)
        client.set("large", b"x" * 4_000_000)
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        slow = context.wrap_socket(socket.create_connection(node.redis_address), server_hostname="localhost")
        slow.sendall(b"GET large\r\n" * 20)
        started = time.monotonic()
        self.assertTrue(client.ping())
        self.assertLess(time.monotonic() - started, 10)
        whole, wanted = 0, 20 * len(b"$4000000\r\n\r\n") + 20 * 4_000_000
        while whole < wanted:
            whole += len(slow.recv(1 << 20))
        self.assertEqual(whole, wanted)
        slow.close()


class OpenEndpointTest(ClientTlsCase):
    def refused(self, *options, code=2):
        done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=harness.DEADLINE, check=False)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (code, "", 1), done)
        return done.stderr

    def test_beyond_this_machine_clients_are_asked_for_something(self):
        for options in ([], self.tls_options()):
            said = self.refused("--resp", "0.0.0.0:0", *options)
            for word in ("--resp:", "--resp-users", "--resp-tls-ca", "--open"):
                self.assertIn(word, said)
        free = self.start("free", "--resp", "0.0.0.0:0", "--open")
        self.await_log(free, "warn", "--resp", "--open lets everybody in")
        self.start("certified", "--resp", "0.0.0.0:0", *self.tls_options(ca=True))

    def test_options_that_do_not_fit(self):
        for options, says in ((["--resp-tls"], "--resp-tls-cert and --resp-tls-key"),
                              (["--resp-tls-cert", "c"], "need --resp-tls"),
                              ([*self.tls_options(), "--resp-tls-crl", "l"], "--resp-tls-ca")):
            self.assertIn(says, self.refused("--resp", "127.0.0.1:0", *options))
        for option in ("--resp-tls-cert", "--resp-tls-key", "--resp-tls-ca"):
            options = self.tls_options(ca=True)
            options[options.index(option) + 1] = "/nowhere"
            self.assertIn(f"--resp-tls: {option}: '/nowhere' cannot be opened", self.refused("--resp", "127.0.0.1:0", *options, code=1))
        self.server.key.chmod(0o644)
        self.assertIn("chmod 600", self.refused("--resp", "127.0.0.1:0", *self.tls_options(), code=1))


if __name__ == "__main__":
    harness.main()
