"""--http of real nodes: what is answered, in which state, and what clients that mean harm can do."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

import harness
from harness import wait_until

# A client of Redis beside whatever happens on this port. Far more than it takes, far less than one held turn of each request.
PATIENCE = 0.5 * (10 if harness.SANITIZED else 1)


def get(node, path, method="GET", **headers):
    """Status, fields and body."""
    connection = http.client.HTTPConnection(*node.http_address, timeout=harness.DEADLINE)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def get_json(node, path):
    status, _, body = get(node, path)
    assert status == 200, body
    return json.loads(body)


def raw(node, *pieces, pause=0.0):
    """What is answered to these bytes, until the node hangs up."""
    with socket.create_connection(node.http_address, timeout=harness.DEADLINE) as there:
        for piece in pieces:
            with contextlib.suppress(OSError):
                there.sendall(piece)
            time.sleep(pause)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := there.recv(65536):
                answer += piece
        return answer


class HttpTest(harness.MeshTestCase):
    def start_http(self, name, *options, **more):
        return self.start(name, "--http", "127.0.0.1:0", *options, **more)

    def test_off_by_default(self):
        self.assertIsNone(self.start("node").http_address)

    def test_others_than_this_machine_are_not_let_in_unless_told(self):
        # Whoever reads the page reads keys and values.
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80"):
            done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--http", address],
                                  capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertRegex(done.stderr, r"--http: other machines reach .*keys and values.*--open")
        node = self.start("open", "--http", "0.0.0.0:0", "--open")
        self.await_log(node, "warn", "--http: other machines reach")

    def test_what_it_takes_is_told(self):
        node = self.start_http("node")
        for arguments, says in [(["--http", f"{node.http_address[0]}:{node.http_address[1]}"], "--http: cannot listen"),
                                (["--http", "nowhere"], "--http: 'nowhere' is not HOST:PORT"),
                                (["--http-host", "a"], "--http-host: needs --http")]:
            done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", *arguments],
                                  capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            self.assertIn(says, done.stderr)
            self.assertNotEqual(done.returncode, 0)

    def test_answers(self):
        node = self.start_http("node", "--data-dir", self.directory + "/data")
        node.redis.set("greeting", "hello")
        for path, kind in [("/", "text/html; charset=utf-8"), ("/status", "application/json"), ("/keys", "application/json"),
                           ("/metrics", "text/plain; version=0.0.4; charset=utf-8"), ("/healthz", "text/plain; charset=utf-8")]:
            status, fields, body = get(node, path)
            self.assertEqual((status, fields["Content-Type"]), (200, kind))
            self.assertEqual(int(fields["Content-Length"]), len(body))
            self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
            self.assertIn("default-src 'none'", fields["Content-Security-Policy"])
            head_status, head_fields, head_body = get(node, path, "HEAD")
            self.assertEqual((head_status, head_body), (200, b""))
            self.assertIn("Content-Length", head_fields)
        keys = get_json(node, "/keys")
        self.assertEqual(keys["keys"][0]["value"]["text"], "hello")
        self.assertTrue(keys["keys"][0]["lease"]["ours"])
        self.assertGreater(get_json(node, "/status")["disk"]["database_bytes"] + get_json(node, "/status")["disk"]["log_bytes"], 0)
        status, fields, _ = get(node, "/keys", "DELETE")
        self.assertEqual((status, fields["Allow"]), (405, "GET, HEAD"))
        self.assertEqual(get(node, "/nothing")[0], 404)
        tag = get(node, "/")[1]["ETag"]
        self.assertEqual(get(node, "/", **{"If-None-Match": tag})[0], 304)

    def test_a_name_of_a_stranger(self):
        node = self.start_http("node", "--http-host", "Watch.Example")
        self.assertEqual(get(node, "/keys", Host="evil.example")[0], 403)
        for host in ("localhost:1", "127.0.0.1", "[::1]:80", "watch.example"):
            self.assertEqual(get(node, "/keys", Host=host)[0], 200, host)

    def test_ready_when_it_is(self):
        first = self.start_http("first")
        self.assertEqual(get(first, "/readyz")[::2], (200, b"ready\n"))
        gone = f"127.0.0.1:{harness.free_port()}"
        second = self.start_http("second", join=[gone])
        status, _, body = get(second, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn(b"alone: no neighbour", body)
        second.redis.execute_command("MESH", "CONNECT", first.mesh)
        wait_until(lambda: get(second, "/readyz")[0] == 200, "the second to be ready")
        self.assertEqual(get(first, "/readyz")[0], 200)
        first.kill()
        wait_until(lambda: get(second, "/readyz")[0] == 503, "the second to be alone")
        self.assertEqual(get(second, "/healthz")[0], 200)

    def test_other_settings_are_told(self):
        first = self.start("first", "--lease-seconds", "60")
        second = self.start_http("second", "--lease-seconds", "90", join=[first])
        wait_until(lambda: b"settings differ from those of" in get(second, "/readyz")[2], "the reason")

    @unittest.skipUnless(shutil.which("promtool"), "no promtool here (Debian's package prometheus)")
    def test_promtool_is_content(self):
        nodes = [self.start_http("first", "--data-dir", self.directory + "/data")]
        nodes.append(self.start_http("second", join=nodes))
        nodes[1].redis.set("k", "v")
        wait_until(lambda: get_json(nodes[0], "/status")["neighbours"][0]["round_trip_us"] is not None, "a round trip")
        for node in nodes:
            _, _, text = get(node, "/metrics")
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))
            for name in (b"meshdict_disk_used_bytes{file=\"log\"}", b"meshdict_received_bytes_total", b"process_cpu_seconds_total"):
                self.assertEqual(name in text, node is nodes[0] or not name.startswith(b"meshdict_disk"))

    @unittest.skipUnless(shutil.which("prometheus"), "no Prometheus here (Debian's package prometheus)")
    def test_a_prometheus_scrapes_three_nodes(self):
        nodes = [self.start_http("first")]
        nodes += [self.start_http(name, join=nodes[:1]) for name in ("second", "third")]
        nodes[0].redis.set("k", "v")
        config = pathlib.Path(self.directory, "prometheus.yml")
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [
            {"job_name": "mesh", "static_configs": [{"targets": [f"127.0.0.1:{node.http_address[1]}" for node in nodes]}]}]}))
        port = harness.free_port()
        with open(config.with_suffix(".log"), "wb") as log:
            prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.directory}/series",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, preexec_fn=harness.die_with_parent)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def values(query):
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.DEADLINE)
                with contextlib.closing(connection):
                    connection.request("GET", "/api/v1/query?query=" + urllib.parse.quote(query))
                    return [float(one["value"][1]) for one in json.load(connection.getresponse())["data"]["result"]]
            return []

        wait_until(lambda: values("sum(meshdict_keys)") == [3.0], "the key at three nodes")
        wait_until(lambda: values("count(meshdict_neighbours >= 1)") == [3.0], "three nodes with neighbours")
        self.assertEqual(values("sum(up)"), [3.0])

    def test_a_conflict_is_told_with_what_lost(self):
        ports = [harness.free_port(), harness.free_port()]
        nodes = [self.start_http(f"node{i}", listen=ports[i]) for i in (0, 1)]
        for i, node in enumerate(nodes):
            node.redis.set("seat", f"<b>of {i}</b>")
        nodes[0].redis.execute_command("MESH", "CONNECT", nodes[1].mesh)
        told = wait_until(lambda: [one for node in nodes for one in get_json(node, "/conflicts")["conflicts"]], "a conflict")
        self.assertEqual(len(told), 1)
        self.assertEqual(told[0]["key"], "seat")
        loser = next(i for i, node in enumerate(nodes) if get_json(node, "/conflicts")["total"])
        self.assertEqual(told[0]["losing"]["text"], f"<b>of {loser}</b>")
        self.assertEqual(told[0]["winner"], nodes[1 - loser].id)

    # Clients that mean harm

    def test_pipelines_are_answered_in_order(self):
        node = self.start_http("node")
        count = 200
        request = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"/healthz" if i % 2 else b"/x") for i in range(count))
        last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = raw(node, request + last)
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
        self.assertEqual(statuses, [b"404", b"200"] * (count // 2) + [b"200"])

    def test_one_byte_at_a_time(self):
        node = self.start_http("node")
        pieces = [bytes([b]) for b in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]
        self.assertTrue(raw(node, *pieces, pause=0.002).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_a_huge_head(self):
        node = self.start_http("node")
        answer = raw(node, b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X: " + b"x" * 65536 + b"\r\n"] * 8)
        self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer[:80])
        self.assertTrue(raw(node, b"GET /" + b"a" * 100_000).startswith(b"HTTP/1.1 431 "))
        self.assertEqual(get(node, "/healthz")[0], 200)

    def test_what_is_no_http(self):
        node = self.start_http("node")
        for bytes_ in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"*1\r\n$4\r\nPING\r\n", os.urandom(64).replace(b"G", b"g")):
            first = raw(node, b"\x00" + bytes_)
            self.assertTrue(first.startswith(b"HTTP/1.1 400 "), first[:80])
        for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                       b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            self.assertTrue(raw(node, bytes_).startswith(b"HTTP/1.1 400 "), bytes_)
        # A second request hidden in what a proxy would take for a body.
        hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = raw(node, b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden)
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+) ", answer), [b"413"])

    def test_slow_heads_are_ended_and_take_no_places_for_ever(self):
        """64 connections that say a byte now and then: each has ten seconds for its head. Redis clients notice nothing."""
        node = self.start_http("node")
        slow = []
        for _ in range(64):
            slow.append(socket.create_connection(node.http_address, timeout=harness.DEADLINE))
            slow[-1].sendall(b"GET / HTTP/1.1\r\n")
        wait_until(lambda: get(node, "/healthz")[0] == 503, "all places to be taken")
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            for one in slow:
                one.sendall(b"X: y\r\n")
            asked = time.monotonic()
            self.assertTrue(node.redis.ping())
            self.assertLess(time.monotonic() - asked, PATIENCE)
            time.sleep(0.2)
        answers = []
        for one in slow:
            with contextlib.closing(one), contextlib.suppress(ConnectionResetError):
                answers.append(one.recv(65536))
        self.assertLess(time.monotonic() - begun, 20 if not harness.SANITIZED else 60)
        self.assertEqual({answer[:13] for answer in answers}, {b"HTTP/1.1 408 "})
        wait_until(lambda: get(node, "/healthz")[0] == 200, "a free place")

    def test_who_does_not_read_is_dropped_and_who_asks_much_delays_nobody_else(self):
        node = self.start_http("node")
        pipe = node.redis.pipeline(transaction=False)
        for number in range(10_000):
            pipe.set(f"key:{number:05}", "v" * 300)
        pipe.execute()
        over = threading.Event()
        served = []

        def ask():
            connection = http.client.HTTPConnection(*node.http_address, timeout=harness.DEADLINE)
            count = 0
            while not over.is_set():
                connection.request("GET", "/keys?limit=200")
                connection.getresponse().read()
                count += 1
            connection.close()
            served.append(count)

        # And some that ask, and read nothing.
        idle = [socket.create_connection(node.http_address) for _ in range(8)]
        for one in idle:
            one.sendall(b"GET /keys?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        askers = [threading.Thread(target=ask) for _ in range(16)]
        for asker in askers:
            asker.start()
        longest = 0
        for _ in range(300):
            asked = time.monotonic()
            node.redis.get("key:00000")
            longest = max(longest, time.monotonic() - asked)
        over.set()
        for asker in askers:
            asker.join()
        for one in idle:
            one.close()
        self.assertLess(longest, PATIENCE)
        self.assertTrue(all(served), "each is served in its turn")
        self.assertLess(int(node.redis.info("stats")["longest_turn_us"]), 500_000)

    def test_all_keys_page_by_page(self):
        node = self.start_http("node")
        pipe = node.redis.pipeline(transaction=False)
        for number in range(10_000):
            pipe.set(f"key:{number:05}", "v")
        pipe.execute()
        seen, cursor = [], 0
        while cursor is not None:
            page = get_json(node, f"/keys?limit=200&prefix=key%3A&cursor={cursor}")
            seen += [one["key"] for one in page["keys"]]
            cursor = page["cursor"]
        self.assertEqual(seen, [f"key:{number:05}" for number in range(10_000)])

    def test_it_ends_while_browsers_are_there(self):
        node = self.start_http("node")
        with socket.create_connection(node.http_address) as idle, socket.create_connection(node.http_address) as half:
            half.sendall(b"GET / HT")
            begun = time.monotonic()
            self.assertEqual(node.terminate(), 0)
            self.assertLess(time.monotonic() - begun, 2.5)
            self.assertEqual(idle.recv(1), b"")


if __name__ == "__main__":
    harness.main()
