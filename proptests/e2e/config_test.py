"""A node that is told what to do by a file and by variables, and reads the file again while it runs."""

import json
import os
import pathlib
import signal
import subprocess
import unittest

import harness


class ConfigTest(harness.MeshTestCase):
    def write(self, *lines):
        """In one step, as an editor does."""
        path = pathlib.Path(self.directory) / "node.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(line + "\n" for line in lines), encoding="ascii")
        os.replace(fresh, path)
        return path

    def test_a_file_that_changes_is_in_force_while_the_node_runs(self):
        other = self.start("other", "--network", "friends")
        node = self.start("node", "--config", str(self.write("network: friends", "lease-seconds: 3600")))
        self.assertEqual(node.peers(), [])
        self.write("network: friends", "lease-seconds: 60", "log-level: debug", f"join: [{other.mesh}]")
        harness.wait_until(node.peers, "a neighbour")
        self.await_log(node, "in force: join, log-level")
        self.await_log(node, "of the configuration these take a restart: lease-seconds")
        # An address that no longer stands there is dialled no more; and SIGHUP reads the file at once.
        self.write("network: friends", "lease-seconds: 3600", "log-level: info")
        node.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: len(node.log_lines("in force: join, log-level")) == 2, "the file, once more")
        self.assertTrue(node.redis.ping())

    def test_bounds_in_the_file_are_in_force_at_once(self):
        node = self.start("node", "--config", str(self.write("max-memory: 0")))
        self.write("max-memory: 3mb", "low-water: 80")
        self.await_log(node, "in force: max-memory, low-water")
        memory = node.redis.info("memory")
        self.assertEqual((memory["maxmemory"], memory["maxmemory_low_water"]), (3145728, 2516560))

    def test_a_log_of_json_lines(self):
        node = self.start("node", "--log-format", "json", "--log-level", "trace")
        node.redis.set('a "quoted" \\ key', "1")
        node.redis.execute_command("CONFIG", "SET", "log-level", "info")
        self.assertEqual(node.terminate(), 0)
        lines = [json.loads(line) for line in node.log_lines()]
        self.assertEqual({tuple(line) for line in lines}, {("time", "level", "message")})
        self.assertTrue(any('a "quoted" \\ key' in line["message"] and line["level"] == "trace" for line in lines), lines)
        self.assertEqual(lines[-1]["message"], "stopped")
        self.assertRegex(lines[-1]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        taken = self.start("first")
        failed = self.launch("second", "--log-format", "json", "--resp", f"127.0.0.1:{taken.redis_address[1]}")
        self.assertEqual(failed.process.wait(harness.DEADLINE), 1)
        self.assertEqual(json.loads(failed.log_lines()[-1])["level"], "fatal")

    def test_a_mistake_changes_nothing_and_is_told_with_its_place(self):
        node = self.start("node", "--config", str(self.write("network: friends")))
        self.write("network: friends", "log-level: loud")
        self.await_log(node, "the configuration stays as it was", "node.yaml:2:1", "'loud' is not one of")
        self.assertTrue(node.redis.ping())
        self.write("network: friends", "log-level: debug")
        self.await_log(node, "in force: log-level")

    def test_what_is_printed_makes_the_same_node(self):
        words = ["--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--network", "a: #b", "--join", "localhost:1", "--join", "localhost:2"]
        variables = {**os.environ, "MESHDICT_LOG_LEVEL": "warn"}

        def printed(*arguments, env):
            done = subprocess.run([harness.program(), *arguments, "--print-config"], capture_output=True, text=True, check=False,
                                  timeout=harness.DEADLINE, env=env)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            return done.stdout

        first = printed(*words, env=variables)
        path = self.write(*first.splitlines())
        second = printed("--config", str(path), env=os.environ)

        def said(text):
            return [line.rsplit("  # ", 1)[0] for line in text.splitlines()]

        self.assertEqual(said(first), said(second))
        self.assertIn("log-level: warn", said(second))


if __name__ == "__main__":
    unittest.main()
