"""--max-memory and --max-disk: a node at its bound goes on with what makes no more of it, says so in every interface, keeps all that it
has acknowledged, starts again in that state, and takes up what it missed once there is room.
"""

import json
import threading
import time
import unittest
import urllib.error
import urllib.request

import redis

import harness

MEBIBYTE = 1024 * 1024
VALUE = b"v" * 20_000
SMALL = 12 * MEBIBYTE


class BoundsCase(harness.MeshTestCase):
    def page(self, node, path):
        host, port = node.http_address
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=harness.DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def assert_degraded(self, node, state, option):
        """In every interface."""
        self.await_log(node, "error", f"{option} is reached")
        code, text = self.page(node, "/readyz")
        self.assertEqual((code, state in text), (503, True), text)
        self.assertIn(f'meshdict_degraded{{reason="{state}"}} 1', self.page(node, "/metrics")[1])
        self.assertIn(state, [one["state"] for one in json.loads(self.page(node, "/status")[1])["degraded"]])

    def assert_serves_again(self, node, state):
        self.assertIn(f'meshdict_degraded{{reason="{state}"}} 0', self.page(node, "/metrics")[1])
        harness.wait_until(lambda: self.page(node, "/readyz")[0] == 200, "a ready node")

    def neighbour_with_too_much(self, node):
        """A node with twice as much as `node` may have, and its keys."""
        other = self.start("other", join=[node])
        harness.wait_until(node.peers, "a neighbour")
        keys = [f"key:{number}" for number in range(2 * SMALL // len(VALUE))]
        for key in keys:
            other.redis.set(key, VALUE)
        return other, keys

    def fill(self, node, error, prefix="key"):
        """Sets keys until that is refused; those that were acknowledged."""
        done = []
        with self.assertRaisesRegex(redis.ResponseError, error):
            while len(done) < 20_000:
                node.redis.set(f"{prefix}:{len(done)}", VALUE)
                done.append(f"{prefix}:{len(done)}")
        return done

    def assert_equal(self, node, other, within=10):
        """Both hold the same keys, this many seconds from now at the latest."""
        def digest(one):
            return one.redis.dbsize(), sorted(one.redis.scan_iter(count=10_000))
        harness.wait_until(lambda: digest(node) == digest(other),
                           lambda: f"{node.redis.dbsize()} keys to become {other.redis.dbsize()}", within if not harness.SANITIZED else None)


class MemoryBoundTest(BoundsCase):
    OOM = "^(OOM )?command not allowed when used memory > 'maxmemory'"

    def start_small(self, name="small", *options, **more):
        return self.start(name, "--http", "127.0.0.1:0", "--max-memory", str(SMALL), *options, **more)

    def test_clients_are_refused_and_it_recovers_at_the_low_water_mark(self):
        node = self.start_small()
        done = self.fill(node, self.OOM)
        self.assert_degraded(node, "memory_limit", "--max-memory")
        for command in (["MSET", "a", "1"], ["GETSET", done[0], "2"], ["SETNX", "b", "1"], ["SET", done[0], "x"]):
            with self.assertRaisesRegex(redis.ResponseError, self.OOM):
                node.redis.execute_command(*command)
        memory = node.redis.info("memory")
        self.assertEqual(memory["maxmemory"], SMALL)
        self.assertGreaterEqual(memory["used_memory_dataset"] + memory["used_memory_queues"], SMALL)
        self.assertLess(memory["used_memory_dataset"], SMALL + 100_000)
        if not harness.SANITIZED:
            self.assertLess(memory["used_memory_rss"], 30_000_000 + 1.1 * (memory["used_memory_dataset"] + memory["used_memory_queues"]))
        self.assertEqual(node.redis.get(done[0]), VALUE)
        self.assertEqual(node.redis.execute_command("MESH", "PEERS"), [])
        # Above the low-water mark it stays as it is.
        few = len(done) // 20
        self.assertEqual(node.redis.delete(*done[:few]), few)
        with self.assertRaisesRegex(redis.ResponseError, self.OOM):
            node.redis.set("a", "1")
        self.assertEqual(node.redis.delete(*done[few:4 * few]), 3 * few)
        self.await_log(node, "info", "below the low-water mark of --max-memory")
        self.assertTrue(node.redis.set("a", "1"))
        self.assert_serves_again(node, "memory_limit")
        self.assertEqual(len(node.log_lines("--max-memory is reached")), 1)
        self.assertGreaterEqual(node.redis.info("stats")["writes_refused_by_room"], 6)

    def test_what_is_no_bound_and_what_needs_room_is_said(self):
        node = self.start_small()
        for name, value, why in (("maxmemory", "100", "at least 1048576 bytes"), ("max-disk", "10mb", "keeps nothing in files")):
            with self.assertRaisesRegex(redis.ResponseError, why):
                node.redis.config_set(name, value)
        self.fill(node, self.OOM)
        with self.assertRaisesRegex(redis.ResponseError, "this node stays.*used memory > 'maxmemory'"):
            node.redis.execute_command("MESH", "LEAVE")
        # It takes writes again: it has not left.
        self.assertTrue(node.redis.config_set("maxmemory", "64mb"))
        self.assertTrue(node.redis.set("a", "1"))

    def test_it_starts_again_in_that_state(self):
        data = self.directory + "/data"
        node = self.start_small("small", "--data-dir", data)
        done = self.fill(node, self.OOM)
        # Between the two marks: only what was kept says that it is full.
        node.redis.delete(*done[:len(done) // 20])
        self.assertIn("--max-memory is reached", node.log())
        self.assertEqual(node.terminate(), 0)
        again = self.start_small("again", "--data-dir", data)
        self.assert_degraded(again, "memory_limit", "--max-memory")
        with self.assertRaisesRegex(redis.ResponseError, self.OOM):
            again.redis.set("a", "1")
        self.assertEqual(again.redis.exists(*done), len(done) - len(done) // 20)
        again.kill()
        roomy = self.start("roomy", "--data-dir", data, "--max-memory", "64mb", "--http", "127.0.0.1:0")
        self.assertTrue(roomy.redis.set("a", "1"))
        self.assert_serves_again(roomy, "memory_limit")

    def test_what_neighbours_send_waits_for_room(self):
        node = self.start_small()
        other, keys = self.neighbour_with_too_much(node)
        self.assert_degraded(node, "memory_limit", "--max-memory")
        harness.wait_until(lambda: node.redis.info("mesh")["records_without_room"] > 0, "a record that was turned away")
        self.assertLess(node.redis.dbsize(), len(keys))
        self.assertEqual(len(node.peers()), 1)
        self.assertNotIn("lost", node.log())
        other.redis.delete(*keys[:3 * len(keys) // 4])
        self.assert_equal(node, other)
        self.assert_serves_again(node, "memory_limit")

    def test_a_flood_from_clients_and_a_neighbour(self):
        """--max-memory 120MB under what would be twice that."""
        bound = 120 * MEBIBYTE
        node = self.start("small", "--http", "127.0.0.1:0", "--max-memory", "120MB", "--data-dir", self.directory + "/data")
        other = self.start("other", join=[node])
        harness.wait_until(node.peers, "a neighbour")
        acknowledged = [[], []]

        def flood(at, index):
            client = at.client()
            for number in range(bound // len(VALUE) // 16):
                pipe = client.pipeline(transaction=False)
                keys = [f"{at.name}:{number}:{i}" for i in range(16)]
                for key in keys:
                    pipe.set(key, VALUE)
                acknowledged[index] += [key for key, answer in zip(keys, pipe.execute(raise_on_error=False)) if answer is True]

        threads = [threading.Thread(target=flood, args=(at, index)) for index, at in enumerate((node, other))]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            # It answers meanwhile.
            node.redis.ping()
            node.redis.get("small:0:0")
            time.sleep(0.02)
        self.assert_degraded(node, "memory_limit", "--max-memory")
        if not harness.SANITIZED:
            self.assertLess(node.memory(), 1.4 * bound + 60 * MEBIBYTE)
        for keys in acknowledged[:1]:
            self.assertEqual(sum(node.redis.exists(*keys[i:i + 1000]) for i in range(0, len(keys), 1000)), len(keys))
        node.kill()
        node = self.start("again", "--http", "127.0.0.1:0", "--max-memory", "120MB", "--data-dir", self.directory + "/data",
                          join=[other])
        self.assert_degraded(node, "memory_limit", "--max-memory")
        # What is the neighbour's to delete makes room, and the rest comes.
        harness.wait_until(other.peers, "the neighbour again")
        for i in range(0, 3 * len(acknowledged[1]) // 4, 1000):
            other.redis.delete(*acknowledged[1][i:i + 1000])
        self.assert_equal(node, other)
        self.assert_serves_again(node, "memory_limit")
        left = [key for keys in (acknowledged[0], acknowledged[1][-100:]) for key in keys]
        self.assertEqual(sum(node.redis.exists(*left[i:i + 1000]) for i in range(0, len(left), 1000)), len(left))


class DiskBoundTest(BoundsCase):
    FULL = "^MISCONF the files of --data-dir are as large as --max-disk"

    def start_small(self, name="small", **more):
        return self.start(name, "--http", "127.0.0.1:0", "--max-disk", str(SMALL), "--data-dir", self.directory + "/data", **more)

    def test_clients_are_refused_also_after_a_restart_and_deletions_make_room(self):
        node = self.start_small()
        done = self.fill(node, self.FULL)
        self.assertGreater(len(done), SMALL // len(VALUE) // 2)
        self.assert_degraded(node, "disk_limit", "--max-disk")
        # Merging the log may make a little room, and is tried each second: until it makes none.
        for way in (node.terminate, None):
            if way is not None:
                self.assertEqual(way(), 0)
                node = self.start_small("again")
            self.assert_degraded(node, "disk_limit", "--max-disk")
            with self.assertRaisesRegex(redis.ResponseError, self.FULL):
                node.redis.set("a", "1")
            self.assertEqual(node.redis.exists(*done), len(done))
        self.assertEqual(node.redis.delete(*done[10:]), len(done) - 10)
        self.await_log(node, "info", "below the low-water mark of --max-disk")
        self.assertTrue(node.redis.set("a", "1"))
        self.assert_serves_again(node, "disk_limit")
        self.assertEqual(node.redis.exists(*done[:10]), 10)

    def test_what_neighbours_send_waits_for_room(self):
        node = self.start_small()
        other, keys = self.neighbour_with_too_much(node)
        self.assert_degraded(node, "disk_limit", "--max-disk")
        self.assertLess(node.redis.dbsize(), len(keys))
        other.redis.delete(*keys[:3 * len(keys) // 4])
        self.await_log(node, "info", "below the low-water mark of --max-disk")
        self.assert_equal(node, other)
        self.assert_serves_again(node, "disk_limit")


if __name__ == "__main__":
    harness.main()
