"""Whatever comes in, the node goes on serving, in bounded memory, and its log tells of each kind of trouble, not of each.

Both ports get it: scans, random bytes, lengths that lie, bombs, and a thousand connections that never speak.
"""

import contextlib
import hashlib
import random
import re
import socket
import struct
import threading
import time
import zlib

import harness
import py2p_peer

MEBIBYTE = 1024 * 1024
# A node holds about 10 MiB by itself; the rest is what strangers may make it hold.
MEMORY_BOUND = 200 * MEBIBYTE
SILENT_CONNECTIONS = 1000
# Lines of one kind in a second, and the one that says how many more there were (node/app/log/log.h).
LINES_A_SECOND = 6


def dial(address):
    return socket.create_connection(address, timeout=harness.DEADLINE)


def read_to_the_end(sock):
    """What the other side sends until it closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65536):
            data += piece
    return data


def send_and_read(address, data):
    """Sends what the other side will take, and waits until it hangs up. Returns what it has said."""
    with dial(address) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
        return read_to_the_end(sock)


def framed(body):
    return struct.pack(">I", len(body)) + body


def handshake():
    return py2p_peer.encode([2, b"2", int(time.time()), 5, b"2", py2p_peer.protocol_id(), ["127.0.0.1", 1], []])


def scan(address):
    """Connects and leaves, often."""
    for number in range(300):
        with dial(address) as sock:
            if number % 3 == 0:  # by a reset instead of an orderly end
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def nested(depth):
    """A MessagePack array in an array in an array ..."""
    return b"\x91" * depth + b"\xc0"


class User:
    """A client that uses the node all the time, and counts what was answered."""

    def __init__(self, node):
        self._client = node.client()
        self.answers = 0
        self.trouble = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self):
        try:
            while not self._over.is_set():
                value = str(self.answers)
                self._client.set("counter", value)
                if self._client.get("counter") != value.encode():
                    raise AssertionError(f"the node has forgotten {value}")
                self.answers += 1
                time.sleep(0.001)
        except Exception as error:
            self.trouble = error

    def stop(self):
        self._over.set()
        self._thread.join()


class HostileCase(harness.MeshTestCase):
    """A fresh node for each test, as log lines of one kind are limited together."""

    descriptors = 4096

    def setUp(self):
        self.started = time.monotonic()
        self.node = self.start("node", descriptors=self.descriptors)
        # A neighbour, to see that the mesh goes on too.
        self.neighbour = self.start("neighbour", join=[self.node])
        harness.wait_until(self.node.peers, "a neighbour")
        self.user = User(self.node)
        self.addCleanup(self.user.stop)

    @contextlib.contextmanager
    def attack(self):
        """The node answers its user, and is neither dead nor bloated, after what happens inside."""
        yield
        self.assertTrue(self.node.alive(), "the node has died")
        before = self.user.answers
        harness.wait_until(lambda: self.user.trouble or self.user.answers > before + 3, "answers for the user")
        self.assertIsNone(self.user.trouble)
        if not harness.SANITIZED:
            self.assertLess(self.node.memory("VmHWM"), MEMORY_BOUND)

    def assert_unharmed(self, *logged):
        """Each of `logged` is part of a line, there are not too many lines, and the mesh is whole."""
        for part in logged:
            self.await_log(self.node, part)
        seconds = time.monotonic() - self.started + 2
        # Lines that differ in numbers and addresses only are of one kind.
        kinds = {re.sub(r"[^ ]*\d[^ ]*", "#", line.split(" ", 2)[2]) for line in self.node.log_lines()}
        self.assertLessEqual(len(self.node.log_lines()), LINES_A_SECOND * len(kinds) * seconds)
        self.assertIn(self.neighbour.id, self.node.peer_ids())
        self.assertFalse(self.node.log_lines(f"neighbour {self.neighbour.id[:8]} down"))
        self.neighbour.redis.set("mesh", "works")
        self.await_value([self.node], "mesh", b"works")


class MeshPortTest(HostileCase):
    def test_port_scan(self):
        with self.attack():
            scan(self.node.mesh_address)
        self.assert_unharmed("refused: closed by peer", "closed by peer: ", "more suppressed")

    def test_random_bytes(self):
        generator = random.Random(1)
        with self.attack():
            send_and_read(self.node.mesh_address, generator.randbytes(MEBIBYTE))
            for _ in range(100):  # with a length in front that is believed at first
                send_and_read(self.node.mesh_address, framed(generator.randbytes(1000)))
        self.assert_unharmed("refused: protocol error (frame of ", "refused: protocol error (hash does not match",
                             "more suppressed")

    def test_lengths_that_lie(self):
        mesh = self.node.mesh_address
        with self.attack():
            send_and_read(mesh, b"\xff\xff\xff\xff" + bytes(MEBIBYTE))
            send_and_read(mesh, struct.pack(">I", 16_385))
            send_and_read(mesh, bytes(4))
            send_and_read(mesh, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assert_unharmed("refused: protocol error (frame of 4294967295 bytes")

    def test_damage_before_the_handshake(self):
        mesh = self.node.mesh_address
        damaged = bytearray(py2p_peer.frame(handshake()))
        damaged[10] ^= 1
        with self.attack():
            send_and_read(mesh, bytes(damaged))
        self.assert_unharmed("refused: protocol error (hash does not match")
        with self.attack():
            send_and_read(mesh, framed(zlib.compress(bytes(12 * MEBIBYTE), 9)))
            send_and_read(mesh, py2p_peer.frame(b"\x94\x02\xc4\x012\x00" + nested(10_000)))
            send_and_read(mesh, py2p_peer.frame(py2p_peer.encode([2, b"2", 0, 0, "no handshake"])))
        self.assert_unharmed()

    def test_silent_connections(self):
        with contextlib.ExitStack() as connections, self.attack():
            silent = [connections.enter_context(dial(self.node.mesh_address)) for _ in range(SILENT_CONNECTIONS)]
            for sock in silent[::2]:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(b"\x00\x00\x01")  # the beginning of something that never goes on
            late = self.start("late", join=[self.node])
            harness.wait_until(lambda: late.redis.exists("counter"), "a late node to be let in among them")
            self.assert_unharmed("refused: too many connections", "refused: hello timeout", "more suppressed")
            for sock in silent:
                read_to_the_end(sock)
        harness.wait_until(lambda: len(harness.established(self.node)) <= 2, "the silent connections to be gone")

    def hostile_neighbour(self):
        """A py2p peer that the node takes for one."""
        peer = py2p_peer.Py2pPeer(listen=False)
        self.addCleanup(peer.close)
        link = peer.connect(self.node.mesh_address)
        harness.wait_until(lambda: link.hung_up or peer.id.decode() in self.node.peer_ids(), "a hostile neighbour")
        self.assertIsNone(link.hung_up)
        return peer, link

    def assert_hangs_up(self, frame):
        """The node ends the connection of a neighbour that sends this frame, and knows why."""
        peer, link = self.hostile_neighbour()
        with contextlib.suppress(OSError):
            link.sock.sendall(frame)
        harness.wait_until(lambda: link.hung_up, "the node to hang up")

        def departed():
            answer = self.node.redis.execute_command("MESH", "DEPARTED")
            return [peer.id, b"protocol error"] in [[entry[1], entry[3]] for entry in answer]
        harness.wait_until(departed, "the hostile neighbour to be gone for a protocol error")

    def test_bombs_of_a_neighbour(self):
        bomb = bytes(64 * MEBIBYTE)
        compressed = framed(zlib.compress(hashlib.sha256(bomb).digest() + bomb, 9))
        with self.attack():
            for _ in range(3):
                self.assert_hangs_up(compressed)
            before = self.node.memory("VmRSS")
            for _ in range(5):
                self.assert_hangs_up(compressed)
            if not harness.SANITIZED:
                self.assertLess(self.node.memory("VmRSS"), before + 16 * MEBIBYTE, "memory grows with each bomb")
        with self.attack():
            self.assert_hangs_up(struct.pack(">I", 4_194_304) + bytes(1000))
            self.assert_hangs_up(framed(bytes(4_194_303)))
        self.assert_unharmed("down: protocol error (hash does not match as it is; zlib: inflates beyond 4194303 bytes)")

    def test_structure_of_a_neighbour(self):
        def store(main_flag):
            """The beginning of a store of the key k."""
            return b"\x96" + main_flag + b"\xc4\x012" + py2p_peer.encode(int(time.time())) + b"\x0b\xc4\x01k"
        head = store(b"\x02")
        with self.attack():
            for depth in (33, 1000, 1_000_000):
                self.assert_hangs_up(py2p_peer.frame(head + nested(depth)))
        self.assert_unharmed("down: protocol error (value nested deeper than 32)")
        with self.attack():  # arrays, maps, bytes and text of four billion
            for lie in (b"\xdd", b"\xdf", b"\xc6", b"\xdb"):
                self.assert_hangs_up(py2p_peer.frame(head + lie + b"\xff\xff\xff\xff"))
                self.assert_hangs_up(py2p_peer.frame(lie + b"\xff\xff\xff\xff"))
        with self.attack():
            self.assert_hangs_up(py2p_peer.frame(b""))
            self.assert_hangs_up(py2p_peer.frame(py2p_peer.encode({"not": "a message"})))
        # A broadcast may be a third node's: py2p passes on what it does not read.
        peer, link = self.hostile_neighbour()
        with self.attack():
            for depth in (33, 1000, 1_000_000):
                link.sock.sendall(py2p_peer.frame(store(b"\x00") + nested(depth)))
            peer.set(b"and", b"still here")
            self.await_value([self.node, self.neighbour], "and", b"still here")
        self.assertIsNone(link.hung_up)
        self.assertIsNone(self.node.redis.get("k"))
        self.assert_unharmed()

    def test_messages_of_later_versions(self):
        # What is well-formed and unknown is no reason to part.
        peer, link = self.hostile_neighbour()
        now = int(time.time())
        with self.attack():
            peer.send_raw(py2p_peer.encode([0, peer.id, now, 0x3F, "from the future"]) + b"\xc0")
            peer.send_raw(py2p_peer.encode([77, peer.id, now, 1]))
            peer.send_raw(py2p_peer.encode([2, peer.id, now, 0x7FFF, {"a": 1}]))
            peer.set(b"and", b"still here")
            self.await_value([self.node, self.neighbour], "and", b"still here")
        self.assertIsNone(link.hung_up)
        self.assert_unharmed()


class DescriptorsTest(HostileCase):
    descriptors = 160

    def test_more_connections_than_descriptors(self):
        with contextlib.ExitStack() as connections, self.attack():
            for _ in range(400):
                connections.enter_context(dial(self.node.mesh_address))
            self.assert_unharmed("refused: ")
        # As many as it can open, and no more.
        self.assertNotIn("Too many open files", self.node.log())

        def served():
            # Reset, as long as the node has not seen that the others are gone.
            with contextlib.suppress(ConnectionError), dial(self.node.redis_address) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(100) == b"+PONG\r\n"
        harness.wait_until(served, "a client to be served when there are descriptors again")


class RedisPortTest(HostileCase):
    """The same kinds of garbage at the port for Redis clients."""

    def test_scan(self):
        with self.attack():
            scan(self.node.redis_address)
        harness.wait_until(lambda: self.node.redis.info("clients")["connected_clients"] <= 2, "the scanners to be gone")
        self.assert_unharmed()

    def test_random_bytes(self):
        generator = random.Random(2)
        with self.attack():
            for _ in range(4):
                with dial(self.node.redis_address) as sock:  # may be the beginning of a command: no answer is due
                    with contextlib.suppress(ConnectionError):
                        sock.sendall(generator.randbytes(MEBIBYTE))
        self.assert_unharmed()

    def test_lengths_that_lie(self):
        with self.attack():
            for lie in (b"*4294967296\r\n", b"*1\r\n$4294967296\r\n", b"*1\r\n$-7\r\n", b"*x\r\n", b"*1\r\n:1\r\n",
                        b"*99999999999999999999999\r\n", b"a" * MEBIBYTE):
                answer = send_and_read(self.node.redis_address, lie)
                self.assertTrue(answer.startswith(b"-ERR Protocol error"), (lie[:40], answer))
        self.assertGreaterEqual(self.node.redis.info("stats")["protocol_errors"], 7)
        with self.attack(), contextlib.ExitStack() as connections:
            # Claims that are allowed cost nothing until they are made good.
            for _ in range(100):
                sock = connections.enter_context(dial(self.node.redis_address))
                sock.sendall(b"*1048576\r\n$30000000\r\nx")
            self.assertTrue(self.node.redis.ping())
        self.assert_unharmed()

    def test_a_browser(self):
        with self.attack():
            answer = send_and_read(self.node.redis_address, b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET evil 1\r\n")
        self.assertEqual(answer, b"")
        self.assertIsNone(self.node.redis.get("evil"))

    def test_silent_connections(self):
        with self.attack(), contextlib.ExitStack() as connections:
            silent = [connections.enter_context(dial(self.node.redis_address)) for _ in range(SILENT_CONNECTIONS)]
            self.assertTrue(self.node.redis.ping())
            silent[-1].sendall(b"PING\r\n")
            self.assertEqual(silent[-1].recv(100), b"+PONG\r\n")
        self.assert_unharmed()

    def test_a_client_that_never_reads(self):
        self.node.redis.set("large", bytes(MEBIBYTE))
        with self.attack(), dial(self.node.redis_address) as sock:
            sock.setblocking(False)
            sent = 0
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while sent < 64 * MEBIBYTE:
                    sent += sock.send(b"GET large\r\n" * 1000)
            self.assertGreater(sent, 11_000)
        self.assert_unharmed()


if __name__ == "__main__":
    harness.main()
