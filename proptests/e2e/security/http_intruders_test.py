"""The intruder matrix of the HTTP endpoint: it asks nobody who he is, and so nobody is led in who does not reach this machine, and
nothing but a page's reader gets an answer.

Rows: an address that other machines reach (alone, beside every other proof, in a file, in the environment), names of strangers in Host,
pages of other origins, methods that change something, too much of anything, TLS with any certificate or none, recorded bytes of mesh
and Redis with TLS and without it, commands of Redis, frames of the mesh, HTTP/2. Each is refused with its own answer and counted, and
has changed nothing; who belongs is let in. What costs time or places is in http_test.py.
"""

import contextlib
import http.client
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import time

import certificates
import harness
import py2p_peer
from http_test import get, raw
from intruders_test import Recorder

GOOD = b"Host: localhost\r\nConnection: close\r\n"
NOT_HTTP = b"this port speaks plain HTTP, and nothing else"


def request(line, *fields):
    return line + b" HTTP/1.1\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


class HttpIntrudersTest(harness.MeshTestCase):
    def setUp(self):
        self.node = self.start("node", "--http", "127.0.0.1:0", "--http-host", "watch.example")
        self.node.redis.set("secret", "value-of-secret")
        self.others = 0

    def counted(self, status):
        """How often it has answered so, from /metrics."""
        text = get(self.node, "/metrics")[2].decode()
        found = re.search(rf'^meshdict_http_answers_total\{{code="{status}"\}} (\d+)$', text, re.MULTILINE)
        return int(found[1]) if found else 0

    def assert_refused(self, said, status, words, hidden=b"value-of-secret"):
        """The answer says why, is the only one, is counted, and shows nothing."""
        before = self.counted(status)
        answer = raw(self.node, said)
        self.assertEqual(re.findall(rb"^HTTP/1\.1 (\d+) ", answer, re.MULTILINE), [str(status).encode()], answer[:200])
        self.assertIn(words, answer)
        self.assertNotIn(hidden, answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(self.counted(status), before + 1)
        return answer

    def assert_unchanged(self):
        self.assertEqual((self.node.redis.dbsize(), self.node.redis.get("secret")), (1, b"value-of-secret"))
        self.assertEqual(self.node.peers(), [])
        self.assertEqual(get(self.node, "/healthz")[0], 200)

    def test_who_belongs_is_let_in(self):
        for host in ("localhost", "LOCALHOST:1", "a.localhost", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80", "Watch.Example"):
            status, _, body = get(self.node, "/keys", Host=host)
            self.assertEqual((status, b"value-of-secret" in body), (200, True), host)
        self.assertEqual(get(self.node, "/keys", "HEAD")[::2], (200, b""))

    def test_names_of_strangers(self):
        for host in (b"evil.example", b"evil.example:80", b"localhost.evil.example", b"127.0.0.1.evil.example", b"evil-localhost",
                     b"localhost.", b"127.1", b"0x7f000001", b"2130706433", b"[::1].evil.example", b"[evil.example]", b"watch.example.org",
                     b"xn--lcalhost-6ya", b"evil.example/localhost", b"localhost@evil.example"):
            with self.subTest(host=host):
                self.assert_refused(request(b"GET /keys", b"Host: " + host, b"Connection: close"), 403, b"does not answer to the name")
        self.assert_refused(request(b"GET /keys"), 400, b"a request has one Host field")
        self.assert_refused(request(b"GET /keys", b"Host: localhost", b"Host: evil.example"), 400, b"a request has one Host field")
        # A name in the target does not count before that of the field: it is none of ours to be asked as a proxy.
        self.assert_refused(request(b"GET http://localhost/keys", b"Host: localhost"), 400, b"is a path")
        self.assert_unchanged()

    def test_pages_of_other_origins_cannot_read(self):
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            status, fields, _ = get(self.node, "/keys", Origin=origin, Referer=origin, **{"Sec-Fetch-Site": "cross-site"})
            # A browser asks before it knows whether the page may read: what keeps it from reading are these.
            self.assertEqual(status, 200)
            self.assertEqual([name for name in fields if name.lower().startswith("access-control")], [])
            self.assertEqual(fields["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertEqual(fields["Cross-Origin-Opener-Policy"], "same-origin")
            self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
            self.assertEqual(fields["X-Frame-Options"], "DENY")
            self.assertEqual(fields["Cache-Control"], "no-store")
        answer = self.assert_refused(
            request(b"OPTIONS /keys", b"Host: localhost", b"Origin: https://evil.example", b"Access-Control-Request-Method: GET",
                    b"Access-Control-Request-Private-Network: true", b"Connection: close"), 405, b"here is GET and HEAD only")
        self.assertNotIn(b"access-control", answer.lower())

    def test_methods_that_change_something(self):
        for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"MKCOL", b"PROPFIND"):
            with self.subTest(method=method):
                answer = self.assert_refused(method + b" /keys HTTP/1.1\r\nX-Echo: me\r\n" + GOOD + b"\r\n", 405, b"here is GET and HEAD only")
                self.assertIn(b"\r\nAllow: GET, HEAD\r\n", answer)
                self.assertNotIn(b"X-Echo", answer)
        form = b"key=secret&value=stolen"
        self.assert_refused(b"POST /keys HTTP/1.1\r\nContent-Length: %d\r\n" % len(form) + GOOD + b"\r\n" + form, 405, b"GET and HEAD only")
        self.assert_refused(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % self.node.redis_address[1] + GOOD + b"\r\n", 400, b"is a path")
        self.assert_refused(b"BREW /pot HTTP/1.1\r\n" + GOOD + b"\r\n", 405, b"GET and HEAD only")
        self.assert_unchanged()

    def test_too_much(self):
        for said, status, words in (
                (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + GOOD + b"\r\n", 431, b"head of the request is too large"),
                (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n" + GOOD + b"\r\n", 431, b"too large"),
                (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + GOOD + b"\r\n", 431, b"too large"),
                (b"GET / HTTP/1.1\r\nContent-Length: 1\r\n" + GOOD + b"\r\nx", 413, b"no request here has a body"),
                (b"GET / HTTP/1.1\r\nContent-Length: 99999999999999\r\n" + GOOD + b"\r\n", 413, b"has a body"),
                (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + GOOD + b"\r\n1\r\nx\r\n0\r\n\r\n", 413, b"has a body"),
                (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n" + GOOD + b"\r\n", 400, b"not a request"),
                (b"GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n" + GOOD + b"\r\n", 400, b"not a request"),
                (b"GET /keys?limit=9&limit=10 HTTP/1.1\r\n" + GOOD + b"\r\n", 400, b"'limit' is given twice"),
                (b"GET /keys?limit=99999999999999999999 HTTP/1.1\r\n" + GOOD + b"\r\n", 400, b"is to be a number"),
                (b"GET /keys?cursor=1 HTTP/1.1\r\n" + GOOD + b"\r\n", 400, b"cursor is unknown"),
                (b"GET /keys?prefix=%zz HTTP/1.1\r\n" + GOOD + b"\r\n", 400, b"two digits behind it"),
                (b"GET /../etc/passwd HTTP/1.1\r\n" + GOOD + b"\r\n", 404, b"there are /")):
            with self.subTest(said=said[:60]):
                self.assert_refused(said, status, words)
        with self.node.redis.pipeline(transaction=False) as pipeline:
            for number in range(500):
                pipeline.set(f"many:{number}", "x")
            pipeline.execute()
        self.assertLessEqual(get(self.node, "/keys?limit=100000")[2].count(b'"key"'), 200)

    def test_what_is_no_http(self):
        frame = py2p_peer.frame(py2p_peer.encode([0, self.node.id.encode(), int(time.time()), 11, b"secret", b"stolen"]))
        for said in (b"*3\r\n$3\r\nSET\r\n$6\r\nsecret\r\n$6\r\nstolen\r\n", frame, struct.pack(">I", 0x16030100), b"\r\n\r\n",
                     b"get / http/1.1\r\n\r\n", os.urandom(64).lower()[1:].join([b"\x00", b""])):
            with self.subTest(said=said[:20]):
                self.assert_refused(said, 400, NOT_HTTP)
        for said in (b"SET secret stolen\r\n\r\n", b"PING\r\n\r\n", b"GET secret\r\n\r\n", b"GET /keys\r\n\r\n", b"GET /keys HTTP/9.9\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            with self.subTest(said=said):
                answer = raw(self.node, said)
                self.assertRegex(answer, rb"^HTTP/1\.1 (400|505) ")
                self.assertNotIn(b"value-of-secret", answer)
        self.assertNotIn(b"101", raw(self.node, request(b"GET /keys", b"Host: localhost", b"Connection: close, Upgrade", b"Upgrade: websocket",
                                                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"))[:40])
        self.assert_unchanged()

    def test_tls_with_any_certificate_or_none(self):
        authority = certificates.Authority(self.directory, "ours")
        port = self.node.http_address[1]
        for identity in (None, authority.issue(), authority.issue(time=certificates.PAST), authority.self_signed()):
            for version in ("-tls1_2", "-tls1_3"):
                before = self.counted(400)
                said = certificates.s_client(port, version, *(identity.of_client() if identity else []))
                self.assertIn("wrong version number", said)
                self.assertEqual(self.counted(400), before + 1)
        with self.assertRaises(ssl.SSLError), socket.create_connection(self.node.http_address) as sock:
            ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")

    def test_recorded_bytes(self):
        """Of members and clients of a node that asks both for proof: here they are no proof of anything."""
        authority = certificates.Authority(self.directory, "ours")
        member = authority.issue()
        guarded = self.start("guarded", *member.options(), "--resp-tls", "--resp-tls-cert", str(member.cert), "--resp-tls-key",
                             str(member.key), "--resp-tls-ca", str(authority.cert))
        plain = self.start("plain")
        recorders = {}
        for name, address in (("mesh", guarded.mesh_address), ("redis", guarded.redis_address), ("plain mesh", plain.mesh_address),
                              ("plain redis", plain.redis_address)):
            recorders[name] = Recorder(address)
            self.addCleanup(recorders[name].close)
        self.start("second", *authority.issue().options(), join=[f"127.0.0.1:{recorders['mesh'].address[1]}"])
        self.start("third", join=[f"127.0.0.1:{recorders['plain mesh'].address[1]}"])
        for name, more in (("redis", {"ssl": True, "ssl_ca_certs": str(authority.cert), "ssl_certfile": str(member.cert),
                                      "ssl_keyfile": str(member.key)}), ("plain redis", {})):
            client = harness.redis.Redis("127.0.0.1", recorders[name].address[1], socket_timeout=harness.DEADLINE, **more)
            with contextlib.closing(client):
                client.set("secret", "stolen")
        for name, recorder in recorders.items():
            harness.wait_until(lambda recorder=recorder: len(recorder.said) > 30, f"something to record of {name}")
            with self.subTest(recorded=name):
                self.assert_refused(recorder.said, 400, NOT_HTTP)
        self.assert_unchanged()


class OpenHttpTest(harness.MeshTestCase):
    """What other machines reach."""

    def refused(self, *options, environment=None):
        done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", *options], capture_output=True,
                              text=True, timeout=harness.DEADLINE, check=False, env={**os.environ, **(environment or {})})
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done)
        for words in ("--http: other machines reach", "keys and values", "loopback", "--open"):
            self.assertIn(words, done.stderr)

    def test_no_other_proof_is_one_for_pages(self):
        """Mesh key, certificates, users and TLS keep nobody from reading pages: so they do not open this port."""
        authority = certificates.Authority(self.directory, "ours")
        member = authority.issue()
        users = pathlib.Path(self.directory, "users")
        users.write_text("default nopass +read ~*\n")
        users.chmod(0o600)
        key = str(certificates.make_key(self.directory, "key", "11" * 32))
        tls = ["--resp-tls", "--resp-tls-cert", str(member.cert), "--resp-tls-key", str(member.key), "--resp-tls-ca", str(authority.cert)]
        for address in ("0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0", "192.0.2.1:0"):
            self.refused("--http", address)
        for proof in (["--mesh-key-file", key], member.options(), ["--resp-users", str(users)], tls, ["--http-host", "watch.example"]):
            self.refused("--http", "0.0.0.0:0", *proof)

    def test_wherever_it_is_said(self):
        self.refused(environment={"MESHDICT_HTTP": "0.0.0.0:0"})
        config = pathlib.Path(self.directory, "node.yaml")
        config.write_text("http: 0.0.0.0:0\n")
        self.refused("--config", str(config))
        config.write_text("http: 0.0.0.0:0\nopen: off\n")
        self.refused("--config", str(config))

    def test_open_warns_at_each_start(self):
        for name in ("once", "again"):
            node = self.start(name, "--http", "0.0.0.0:0", "--open")
            self.await_log(node, "warn", "--http: other machines reach", "--open lets everybody in")
            self.assertEqual(get(node, "/keys", Host="evil.example")[0], 403, "open is not open to pages of strangers")

    def test_loopback_is_this_machine_alone(self):
        node = self.start("node", "--http", "127.0.0.1:0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                own = probe.getsockname()[0]
            except OSError:
                self.skipTest("this machine has no other address")
        if own.startswith("127."):
            self.skipTest("this machine has no other address")
        with self.assertRaises(OSError), socket.create_connection((own, node.http_address[1]), timeout=5):
            pass


class NothingSecretTest(harness.MeshTestCase):
    def test_pages_show_no_key_and_no_password(self):
        authority = certificates.Authority(self.directory, "ours")
        member = authority.issue("member")
        hashed = subprocess.run([harness.program(), "--hash-password"], input="a-password\n", capture_output=True, text=True,
                                timeout=harness.DEADLINE, check=True).stdout.strip()
        users = pathlib.Path(self.directory, "users")
        users.write_text(f"ada-of-users {hashed} +read +write +admin ~*\n")
        users.chmod(0o600)
        key = certificates.make_key(self.directory, "mesh.key", "ab12" * 16)
        node = self.start("node", "--http", "127.0.0.1:0", "--mesh-key-file", str(key), "--resp-users", str(users), "--resp-tls",
                          "--resp-tls-cert", str(member.cert), "--resp-tls-key", str(member.key))
        client = node.client(ssl=True, ssl_ca_certs=str(authority.cert), username="ada-of-users", password="a-password")
        client.set("shown", "to-all")
        secrets = ["ab12" * 4, "a-password", hashed[-20:], "ada-of-users", "mesh.key", member.key.read_text().splitlines()[1]]
        for path in ("/", "/status", "/keys", "/metrics", "/conflicts", "/healthz", "/readyz", "/nothing"):
            body = get(node, path)[2].decode(errors="replace")
            self.assertEqual([secret for secret in secrets if secret in body], [], path)
        self.assertIn(b"to-all", get(node, "/keys")[2], "keys and values are shown, as it is documented")


if __name__ == "__main__":
    harness.main()
