"""What the system allows a node, and what it is told when that is not enough: a log that nobody reads, few open files, file
size, processor time; and signals that must not end it. Nothing of it stops the node without a word.
"""

import contextlib
import fcntl
import os
import resource
import signal
import socket
import unittest

import harness

F_SETPIPE_SZ = 1031
PAGE = 4096


def is_hung_up(connection):
    """Whether the other side has closed it; what else it said is read away."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        try:
            while connection.recv(PAGE):
                pass
        except ConnectionError:
            pass
        return True
    return False


class FullPipe:
    """A pipe of one page for the log of a node, which nobody reads before read()."""

    def __init__(self, test):
        self.reader, self.writer = os.pipe()
        test.addCleanup(self.close)
        fcntl.fcntl(self.writer, F_SETPIPE_SZ, PAGE)
        os.set_blocking(self.reader, False)
        self.text = ""

    def read(self):
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.reader, PAGE):
                self.text += piece.decode(errors="replace")
        return self.text

    def unread(self):
        count = bytearray(4)
        fcntl.ioctl(self.reader, 0x541B, count)  # FIONREAD
        return int.from_bytes(count, "little")

    def close(self):
        for end in (self.reader, self.writer):
            with contextlib.suppress(OSError):
                os.close(end)


class UnreadLogTest(harness.MeshTestCase):
    def start_unread(self, *options, **more):
        pipe = FullPipe(self)
        return self.start("node", *options, log_to=pipe.writer, **more), pipe

    def test_clients_are_served_and_sigterm_ends_it(self):
        node, _ = self.start_unread("--log-level", "trace")
        # A hundred times what the pipe and the queue behind it hold.
        with node.redis.pipeline(transaction=False) as pipe:
            for _ in range(40):
                for number in range(1000):
                    pipe.set(f"key{number}", "v")
                pipe.execute()
        self.assertEqual(node.redis.get("key0"), b"v")
        self.assertEqual(node.terminate(), 0)

    def test_strangers_cannot_fill_it(self):
        node, pipe = self.start_unread()
        os.write(pipe.writer, b"x" * (PAGE - pipe.unread() - 300))
        for number in range(40):
            with socket.create_connection(node.mesh_address, timeout=harness.DEADLINE) as stranger, \
                    contextlib.suppress(ConnectionError):
                stranger.sendall(b"garbage " * 16)
                stranger.recv(1)
            self.assertTrue(node.redis.set(f"key{number}", "v"))
        self.assertEqual(node.terminate(), 0)

    def test_what_was_lost_is_told_once_it_is_read(self):
        node, pipe = self.start_unread("--log-level", "trace")
        with node.redis.pipeline(transaction=False) as pipeline:
            for number in range(40_000):
                pipeline.set(f"key{number}", "v")
            pipeline.execute()

        def told():
            node.redis.set("key", "v")
            return "lines of this log are lost" in pipe.read()
        harness.wait_until(told, "the number of lost lines")
        self.assertRegex(pipe.text, r"error +\d+ lines of this log are lost: they could not be written in time\n")

    def test_the_last_line_gets_out(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            pipe = FullPipe(self)
            os.write(pipe.writer, b"x" * PAGE)
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            node = self.launch("node", "--resp", address, log_to=pipe.writer)
            harness.wait_until(lambda: "--resp" in pipe.read() or not node.alive(), "the line that says why")
            harness.wait_until(lambda: not node.alive(), "its end")
            self.assertRegex(pipe.read(), f"meshdict-node: --resp: .*{address}")
            self.assertEqual(node.process.returncode, 1)

    def test_a_reader_that_is_gone(self):
        node, pipe = self.start_unread("--log-level", "trace")
        os.close(pipe.reader)
        os.close(pipe.writer)
        for number in range(1000):
            self.assertTrue(node.redis.set(f"key{number}", "v"))
        self.assertEqual(node.terminate(), 0)


class LimitsTest(harness.MeshTestCase):
    def test_few_open_files_are_told(self):
        node = self.start("node", descriptors=256)
        line = self.await_log(node, "ulimit -n")
        self.assertIn("this process may open 256 files (ulimit -n): at most 116 clients at a time instead of 10000, and 58 "
                      "neighbours instead of 256", line)
        self.assertEqual(node.redis.info("clients")["maxclients"], 116)

    def test_too_few_open_files_end_the_start_with_a_word(self):
        # Below 8 not even the system can load the program.
        for few in (9, 12, 20, 31):
            node = self.launch(f"node{few}", descriptors=few)
            self.assertEqual(node.process.wait(harness.DEADLINE), 1, node.log())
            self.assertIn(f"meshdict-node: this process may open {few} files (ulimit -n), and a node needs 32 at the least", node.log())

    def test_what_the_fewest_open_files_promise_they_hold(self):
        node = self.start("node", "--data-dir", os.path.join(self.directory, "data"), descriptors=32)
        self.assertEqual(node.redis.info("clients")["maxclients"], 4)
        node.close_clients()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(node.redis_address, timeout=harness.DEADLINE)) for _ in range(4)]
            strangers = [stack.enter_context(socket.create_connection(node.mesh_address, timeout=harness.DEADLINE)) for _ in range(12)]
            for number, client in enumerate(clients):
                client.sendall(b"SET key%d value\r\n" % number)
                self.assertEqual(client.recv(100), b"+OK\r\n")
            with socket.create_connection(node.redis_address, timeout=harness.DEADLINE) as fifth:
                self.assertEqual(fifth.recv(100), b"-ERR max number of clients reached\r\n")
            harness.wait_until(lambda: sum(is_hung_up(stranger) for stranger in strangers) >= 10, "an end of most strangers")
        self.assertNotIn("Too many open files", node.log())
        self.assertEqual(node.terminate(), 0)

    @unittest.skipIf(harness.SANITIZED, "a sanitizer takes terabytes of addresses")
    def test_without_memory_it_reads_deletes_and_says_no_to_writes(self):
        node = self.start("node", "--data-dir", os.path.join(self.directory, "data"))
        limit = node.memory("VmSize") + 60 * 1024 * 1024
        resource.prlimit(node.process.pid, resource.RLIMIT_AS, (limit, limit))
        value = b"v" * 1_000_000
        kept = self.set_until_refused(node, value)
        self.assertGreater(len(kept), 10)
        self.await_log(node, "no memory is left")
        self.assertGreater(node.redis.info("stats")["refused_by_memory"], 0)
        for key in kept[::7]:
            self.assertEqual(node.redis.get(key), value)
        with self.assertRaisesRegex(harness.redis.ResponseError, "^OOM "):
            node.redis.mset({f"many{number}": value for number in range(20)})
        for key in kept:
            self.assertEqual(node.redis.delete(key), 1)
        harness.wait_until(lambda: self.is_set(node, "again", value), "room after the deletions")
        self.assertEqual(node.terminate(), 0)

    @unittest.skipIf(harness.SANITIZED, "a sanitizer takes terabytes of addresses")
    def test_small_values_do_not_end_it_either(self):
        node = self.start("node")
        limit = node.memory("VmSize") + 20 * 1024 * 1024
        resource.prlimit(node.process.pid, resource.RLIMIT_AS, (limit, limit))
        refused = []
        for round_ in range(1_000):
            with node.redis.pipeline(transaction=False) as pipe:
                for number in range(1_000):
                    pipe.set(f"key{round_}:{number}", b"v" * 100)
                refused = [reply for reply in pipe.execute(raise_on_error=False) if reply is not True]
            if refused:
                break
        self.assertRegex(str(refused[0]), "^OOM ")
        with self.assertRaisesRegex(harness.redis.ResponseError, "^OOM "):
            node.redis.publish("channel", "message")
        self.assertEqual(node.redis.get("key0:0"), b"v" * 100)
        self.assertEqual(node.terminate(), 0)

    def is_set(self, node, key, value):
        with contextlib.suppress(harness.redis.ResponseError):
            return node.redis.set(key, value)
        return False

    def set_until_refused(self, node, value):
        kept = []
        with self.assertRaisesRegex(harness.redis.ResponseError, "^OOM "):
            for number in range(1_000):
                node.redis.set(f"key{number}", value)
                kept.append(f"key{number}")
        return kept

    def test_processor_time_ends_it_in_order_with_a_word(self):
        node = self.start("node", limits=[(resource.RLIMIT_CPU, 1)])
        with contextlib.suppress(harness.redis.RedisError, OSError):
            while node.alive():
                node.redis.mset({f"key{number}": "v" for number in range(1000)})
        self.assertEqual(node.process.wait(harness.DEADLINE), 1, node.log())
        self.assertIn("meshdict-node: the limit of processor time is reached (ulimit -t)", node.log())

    def test_file_size_is_an_error_with_a_word(self):
        """As a full disk is (full_disk_test.py has the rest): no signal, and no end."""
        node = self.start("node", "--data-dir", os.path.join(self.directory, "data"),
                          limits=[(resource.RLIMIT_FSIZE, 1024 * 1024)])
        with self.assertRaisesRegex(harness.redis.ResponseError, "^MISCONF the disk is full"):
            for number in range(64):
                node.redis.set(f"key{number}", b"v" * 100_000)
        self.await_log(node, "error", "the disk is full")
        self.assertEqual(node.redis.get("key0"), b"v" * 100_000)
        self.assertEqual(node.terminate(), 0)

    def test_signals_without_a_meaning_do_not_end_it(self):
        node = self.start("node")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ):
            node.process.send_signal(number)
            self.assertTrue(node.redis.ping())
        self.assertEqual(node.terminate(), 0)


if __name__ == "__main__":
    harness.main()
