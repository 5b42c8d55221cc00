"""redis-cli with its tools, and redis-benchmark unchanged. Both are of the package redis-tools; without them the tests are
skipped with a message.
"""

import re
import shutil
import subprocess
import unittest

import harness

BENCHMARKS = ("PING_INLINE", "PING_MBULK", "SET", "GET", "MSET (10 keys)")


@unittest.skipUnless(shutil.which("redis-cli"), "redis-cli (package redis-tools) is not installed")
class RedisCliTest(harness.MeshTestCase):
    def redis_cli(self, node, *arguments, **more):
        host, port = node.redis_address
        return subprocess.run(["redis-cli", "-h", host, "-p", str(port), *arguments], capture_output=True, check=False,
                              timeout=harness.DEADLINE, text=True, **more).stdout

    def test_its_look_at_keys(self):
        node = self.start("node")
        node.client().mset({"small": "v", "the-big-one": "v" * 5000})
        for tool in ("--bigkeys", "--memkeys"):
            out = self.redis_cli(node, tool)
            self.assertRegex(out, r'(?i)biggest string found.*the-big-one.* has \d{4} bytes', tool)
            self.assertIn("Sampled 2 keys", out)
            self.assertNotIn("error", out.lower())

    def test_its_help_shows_the_syntax(self):
        node = self.start("node")
        out = re.sub("\x1b\\[[0-9;]*m", "", self.redis_cli(node, input="help set\nhelp dbsize\nhelp @mesh\n"))
        self.assertIn("SET key value [NX | XX | IFFENCE fence] [GET]", out)
        self.assertIn("DBSIZE", out)
        self.assertRegex(out, r"MESH CONNECT host:port\n.*Dials a node now")
        self.assertIn("MESH PEERS", out)

    def test_its_commands_and_their_exit_codes(self):
        node = self.start("node")
        self.assertEqual(self.redis_cli(node, "-x", "set", "k", input="from stdin"), "OK\n")
        self.assertEqual(self.redis_cli(node, "get", "k"), "from stdin\n")
        self.assertEqual(self.redis_cli(node, "--scan", "--pattern", "k*"), "k\n")
        self.assertEqual(self.redis_cli(node, input="multi\nset k w\nget k\nexec\n"), "OK\nQUEUED\nQUEUED\nOK\nw\n")
        self.assertIn("NOPROTO", self.redis_cli(node, "hello", "3"))
        self.assertRegex(self.redis_cli(node, "--pipe", input="SET a 1\r\nSET b 2\r\n"), "errors: 0, replies: 2")


@unittest.skipUnless(shutil.which("redis-benchmark"), "redis-benchmark (package redis-tools) is not installed")
class RedisBenchmarkTest(harness.MeshTestCase):
    def test_it_runs_unchanged(self):
        host, port = self.start("node").redis_address
        for pipeline in ("1", "16"):
            done = subprocess.run(
                ["redis-benchmark", "-h", host, "-p", str(port), "-t", "ping,set,get,mset", "-n", "2000", "-P", pipeline,
                 "--csv"], capture_output=True, check=False, timeout=harness.DEADLINE, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            # It warns of what it did not find out.
            self.assertEqual(done.stderr, "")
            rates = dict(re.findall(r'^"([^"]+)","([\d.]+)"', done.stdout, re.MULTILINE))
            self.assertEqual(sorted(rates), sorted(BENCHMARKS))


if __name__ == "__main__":
    harness.main()
