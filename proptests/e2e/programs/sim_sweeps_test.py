"""Many runs of meshdict-sim: sweeps that are killed, resumed, divided and joined, and plans that are made small."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from sim_program import DEADLINE, PROGRAM, simulate


class ShrinkTest(unittest.TestCase):
    # The two claims of one key cross; all else has nothing to do with it.
    PLAN = """
nodes: [ana, bob, carl, dora]
steps:
""" + "".join(f"- {{at: {second}s, set: {{node: dora, key: other{second}, value: x}}}}\n" for second in range(2, 22)) + """
- {at: 25s, partition: {groups: [[ana], [bob]], for: 5s}}
- {at: 26s, set: {node: ana, key: seat, value: a}}
- {at: 27s, set: {node: bob, key: seat, value: b}}
- {at: 60s, expect: {nodes: [carl], key: seat, value: b}}
"""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.plan = str(pathlib.Path(directory.name) / "plan.yaml")
        self.small = str(pathlib.Path(directory.name) / "small.yaml")
        pathlib.Path(self.plan).write_text(self.PLAN, encoding="utf-8")

    def test_of_a_file(self):
        done = simulate("shrink", self.plan, "--seed", "7", "-o", self.small)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("'seat' should be b, and is a", done.stdout)
        small = pathlib.Path(self.small).read_text(encoding="utf-8")
        self.assertIn("# With seed 1 this violates expect", small)
        self.assertEqual(small.count("- {at:"), 2, small)
        self.assertNotIn("other", small)
        self.assertNotIn("dora", small)
        replay = re.search(r"^replay: meshdict-sim (run .*)$", done.stdout, re.M)
        again = simulate(*replay[1].split())
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertIn("'k' should be b, and is a", again.stdout)

    def test_what_does_not_work(self):
        for arguments, says in ((["1", "-o", self.small], "passes with seed 1"),
                                ([self.plan], "--out"),
                                (["nothing.yaml", "-o", self.small], "nothing.yaml: cannot be read"),
                                (["1", "--seed", "2", "-o", self.small], "--seed goes with a FILE"),
                                ([self.plan, "-o", "/nowhere/small.yaml"], "cannot write '/nowhere/small.yaml'"),
                                ([self.plan, "--tries", "0", "-o", self.small], "--tries")):
            with self.subTest(arguments=arguments):
                done = simulate("shrink", *arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(says, done.stderr)


    def test_counts(self):
        for number, demand in enumerate(("nodes: all, in_all: {messages: 0..10}", "node: n3, messages: 0..3")):
            pathlib.Path(self.plan).write_text("nodes: 5\nworkload: {broadcasts_per_second: 10, until: 10s}\n"
                                               f"steps:\n- at: 15s\n  expect: {{{demand}}}\nquiet: 20s\n", encoding="ascii")
            done = simulate("shrink", self.plan, "-o", self.small, "--jobs", "2")
            self.assertEqual(done.returncode, 0, done.stderr)
            nodes, entries = map(int, re.search(r": (\d+) nodes and (\d+) entries", done.stdout).groups())
            self.assertLessEqual(nodes, 4, number)
            self.assertLessEqual(entries, 12, number)
            self.assertIn("--seed 1\n", done.stdout)
            self.assertNotIn("may_idle", pathlib.Path(self.small).read_text(encoding="utf-8"))
            self.assertIn("# It needs no fault.", pathlib.Path(self.small).read_text(encoding="utf-8"))
            self.assertEqual(simulate("run", *re.search(r"run (\S+) --seed (\d+)", done.stdout)[0].split()[1:]).returncode, 1)

    def test_the_smallest_so_far_is_written(self):
        # Each try takes long enough for all tries never to end before.
        pathlib.Path(self.plan).write_text("nodes: 40\nworkload: {sets_per_second: 20, until: 60s}\n"
                                           "steps:\n- at: 65s\n  expect: {node: n1, size: 0}\nquiet: 20s\n", encoding="ascii")
        done = simulate("shrink", self.plan, "-o", self.small, "--for", "1s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("tries, stopped by --for", done.stdout)
        self.assertEqual(simulate("run", self.small).returncode, 1)
        with subprocess.Popen([PROGRAM, "shrink", self.plan, "-o", self.small], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            self.assertIn("should have 0 keys", process.stdout.readline())
            process.send_signal(signal.SIGINT)
            printed = process.stdout.read()
            self.assertEqual(process.wait(timeout=DEADLINE), 0)
        self.assertIn("tries, interrupted", printed)


class SweepTest(unittest.TestCase):
    """Results in files: killed, resumed, divided and joined."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def sweep(self, *options, code=0, **more):
        done = simulate("sweep", "--swarm", "--seeds", "1..60", *options, cwd=self.directory, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def summarize(self, *files, code=0):
        done = simulate("summarize", *files, cwd=self.directory)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_parts_processes_and_a_killed_sweep_give_one_summary(self):
        whole = self.sweep().stdout
        self.assertEqual(self.sweep("--jobs", "2", "--json-lines", "all").stdout, whole)
        for part in "123":
            self.sweep("--shard", f"{part}/3", "--json-lines", part)
        self.assertEqual(self.summarize("3", "1", "2", "1").stdout, whole)
        text = (self.directory / "all").read_bytes()
        (self.directory / "torn").write_bytes(text[:len(text) // 2])
        missing = self.summarize("torn", code=2).stderr
        self.assertIn("torn: the last line is torn, and left out", missing)
        self.assertRegex(missing, r"\d+ of 60 seeds are missing: \d+, ")
        resumed = self.sweep("--resume", "torn")
        self.assertEqual(resumed.stdout, whole)
        self.assertRegex(resumed.stderr, r"torn: \d+ seeds are there")
        self.assertEqual((self.directory / "torn").read_bytes(), text)
        self.assertEqual(self.sweep("--resume", "torn").stdout, whole)
        self.assertEqual(self.sweep("--resume", "new").stdout, whole)
        self.assertEqual((self.directory / "new").read_bytes(), text)
        missing = self.summarize("1", "3", code=2).stderr
        self.assertIn("20 of 60 seeds are missing: 2, 5, 8, 11, 14, ...; 20 of part 2/3", missing)

    def test_a_file_of_another_sweep(self):
        self.sweep("--json-lines", "all")
        before = (self.directory / "all").read_bytes()
        for options in (("--shard", "1/2"), ("--check", "S1")):
            self.assertIn("is of another sweep", self.sweep("--resume", "all", *options, code=2).stderr)
        self.assertIn("is of another sweep", simulate("sweep", "--swarm", "--resume", str(self.directory / "all")).stderr)
        self.assertEqual((self.directory / "all").read_bytes(), before)

    def test_enough_failures(self):
        plan = self.directory / "plan.yaml"
        plan.write_text("nodes: [a, b]\nsteps:\n- at: 1s..9s\n  expect: {node: b, neighbours: 2}\nquiet: 1s\n", encoding="ascii")
        for options, count in ((("--stop-at-first",), 1), (("--max-failures", "3"), 3), ((), 9)):
            done = simulate("sweep", str(plan), "--seeds", "1..9", "--jobs", "2", *options, "--junit", str(self.directory / "xml"))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stdout.count("replay: "), count)
            self.assertIn(f"{count} runs, {count} failed", done.stdout)
            cases = xml.etree.ElementTree.parse(self.directory / "xml").findall(".//testcase/failure")
            self.assertEqual(len(cases), count)

    def test_a_seed_that_takes_too_long(self):
        plan = self.directory / "long.yaml"
        plan.write_text("nodes: 300\njoin: star\nsteps: []\nquiet: 1000h\n", encoding="ascii")
        for command in ("sweep", "run"):
            done = simulate(command, str(plan), "--seeds", "1..2", "--jobs", "2", "--seed-seconds", "1")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stdout.count("no end: had not ended after 1 s\nreplay: meshdict-sim run "), 2, done.stdout)

    def test_bounds(self):
        for option, wrong, says in (("--seed-seconds", "0", "number of seconds"), ("--worker-megabytes", "1", "from 256 to"),
                                    ("--max-failures", "x", "number of failures"), ("--resume", "/no/such/place", "cannot write"),
                                    ("--junit", "/no/such/place", "--junit: cannot write")):
            done = self.sweep(option, wrong, code=2)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(option, done.stderr)
            self.assertIn(says, done.stderr)


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("set MESHDICT_SIM to the meshdict-sim to be tested")
    unittest.main(verbosity=2)
