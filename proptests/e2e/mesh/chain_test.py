"""Nodes in a chain share one dictionary: everyone holds every key, and only its owner may write it.

Also: a late node gets everything, a goodbye ends with exit code 0, and a node that was killed gets everything back.
"""

import shutil
import subprocess

import harness

KEYS = 10_000


def resp(*arguments):
    """A command as Redis clients send it."""
    parts = [argument.encode() for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class ChainTest(harness.MeshTestCase):
    def setUp(self):
        self.nodes = self.start_chain(3)
        # A third of the keys for each node, interleaved.
        self.values = {f"key:{i}": f"value {i} of node{i % 3 + 1}" for i in range(KEYS)}
        self.owned = {node: [f"key:{i}" for i in range(n, KEYS, 3)] for n, node in enumerate(self.nodes)}

    def set_pipelined(self, node):
        pipeline = node.redis.pipeline(transaction=False)
        for key in self.owned[node]:
            pipeline.set(key, self.values[key])
        self.assertEqual(pipeline.execute(), [True] * len(self.owned[node]))

    def set_through_redis_cli(self, node):
        self.assertIsNotNone(shutil.which("redis-cli"), "redis-cli is missing; .ci/setup installs it")
        commands = b"".join(resp("SET", key, self.values[key]) for key in self.owned[node])
        host, port = node.redis_address
        done = subprocess.run(["redis-cli", "-h", host, "-p", str(port), "--pipe"], input=commands,
                              capture_output=True, timeout=harness.DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode() + done.stdout.decode())
        self.assertIn(f"errors: 0, replies: {len(self.owned[node])}", done.stdout.decode())

    def fill(self):
        first, second, third = self.nodes
        self.set_pipelined(first)
        self.set_through_redis_cli(second)
        self.set_pipelined(third)

    def holds_everything(self, node):
        harness.wait_until(lambda: node.redis.dbsize() == KEYS,
                           lambda: f"{KEYS} keys at {node.name}, which has {node.redis.dbsize()}")
        names = list(self.values)
        found = dict(zip(names, node.redis.mget(names)))
        wrong = [name for name in names if found[name] != self.values[name].encode()]
        self.assertEqual(wrong, [], f"wrong values at {node.name}")

    def test_ten_thousand_keys(self):
        self.fill()
        for node in self.nodes:
            self.holds_everything(node)

        for node in self.nodes:
            for owner in self.nodes:
                if owner is not node:
                    self.refused(node, owner)
        for node in self.nodes:
            self.holds_everything(node)

        fourth = self.start("node4", join=self.nodes[2:])
        self.holds_everything(fourth)
        self.assertEqual(fourth.lease(self.owned[self.nodes[0]][0])["owner"], self.nodes[0].id)
        self.refused(fourth, self.nodes[0])
        self.assertEqual(fourth.terminate(), 0)
        self.assertTrue(fourth.log_lines("stopped"), "a stopped node says so")
        self.await_log(self.nodes[2], "goodbye")

    def refused(self, node, owner):
        """Each key of `owner` is closed to `node`: SET for all, DEL and MSET for one."""
        pipeline = node.redis.pipeline(transaction=False)
        for key in self.owned[owner]:
            pipeline.set(key, "stolen")
        for key, answer in zip(self.owned[owner], pipeline.execute(raise_on_error=False)):
            self.assert_leased(answer, owner.id, key)
        for command in (["DEL", self.owned[owner][0]], ["MSET", "new key", "x", self.owned[owner][0], "stolen"]):
            with self.assertRaisesRegex(harness.redis.ResponseError, f"^LEASED {owner.id} "):
                node.redis.execute_command(*command)
        self.assertIsNone(node.redis.get("new key"))

    def test_killed_node_gets_everything_back(self):
        self.fill()
        first, second, third = self.nodes
        for node in self.nodes:
            self.holds_everything(node)
        self.assertEqual(second.kill(), -9)
        # Same place, no memory: it keeps nothing on disk, so it is a new node to the others.
        again = self.start("node2-again", join=[first], listen=second.mesh_address[1])
        self.holds_everything(again)
        self.assertNotEqual(again.id, second.id)
        for node in (first, third):
            self.holds_everything(node)
            harness.wait_until(lambda node=node: second.id not in node.peer_ids(), "the killed node to be gone")
        third.redis.set("after", "restart")
        self.await_value([first, again, third], "after", b"restart")
        again.redis.set("from", "the restarted")
        self.await_value([first, third], "from", b"the restarted")

    def test_owner_frees_its_keys(self):
        first, second, third = self.nodes
        first.redis.set("lamp", "on")
        self.await_value([second, third], "lamp", b"on")
        first.redis.set("lamp", "off")
        self.await_value([second, third], "lamp", b"off")
        self.assertEqual(first.redis.delete("lamp"), 1)
        self.await_value([second, third], "lamp", None)
        third.redis.set("lamp", "mine")
        self.await_value([first, second], "lamp", b"mine")
        with self.assertRaisesRegex(harness.redis.ResponseError, f"^LEASED {third.id} "):
            first.redis.set("lamp", "mine again")

    def test_values_arrive_unchanged(self):
        values = {"empty": b"", "binary": bytes(range(256)), "text": "ὕδωρ".encode(), "large": b"\x00\xff" * 1_000_000}
        for key, value in values.items():
            self.nodes[0].redis.set(key, value)
        for key, value in values.items():
            harness.wait_until(lambda: self.nodes[2].redis.get(key) == value, f"{key} at the end of the chain")
        with self.assertRaisesRegex(harness.redis.ResponseError, "^a value may be at most 4127739 bytes long"):
            self.nodes[0].redis.set("too large", b"x" * 4_194_304)
        self.nodes[0].redis.set("still", "here")
        self.await_value(self.nodes, "still", b"here")


if __name__ == "__main__":
    harness.main()
