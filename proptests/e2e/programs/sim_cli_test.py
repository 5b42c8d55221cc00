"""The command line of meshdict-sim: what is wrong is said in one line that names it, with exit code 2; and the worked
example of scenarios/README.md does what is printed there.

The program under test is named by the environment variable MESHDICT_SIM, the scenarios by MESHDICT_SCENARIOS.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from sim_program import DEADLINE, JOIN, PROGRAM, SCENARIOS, simulate

EXPLORATION = str(SCENARIOS / "explore_conflict_2.yaml")
LAST_SEED = 2 ** 64 - 1


class CommandLineTest(unittest.TestCase):
    def assert_refused(self, arguments, *says):
        """Ends with 2 and one line on stderr that has each of `says`."""
        with self.subTest(arguments=arguments):
            done = simulate(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            for part in says:
                self.assertIn(part, done.stderr)
            return done

    def test_seeds_are_64_bit_numbers(self):
        for option in ("--seed", "--seeds"):
            for wrong in ("-1", str(LAST_SEED + 1), "99999999999999999999", "abc", "1e3", ""):
                value = wrong if option == "--seed" else f"1..{wrong}"
                self.assert_refused(["run", JOIN, option, value], option, f"'{wrong}' is no seed", str(LAST_SEED))
        self.assert_refused(["run", JOIN, "--seeds", "5"], "--seeds", "'5' is no range")
        self.assert_refused(["run", JOIN, "--seeds", "5..1"], "--seeds", "backwards")
        self.assert_refused(["run", JOIN, "--seeds", f"0..{LAST_SEED}"], "--seeds", "every seed")
        done = simulate("run", JOIN, "--seeds", f"{LAST_SEED - 1}..{LAST_SEED}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("passed=2", done.stdout)

    def test_options_that_do_not_go_together(self):
        self.assert_refused(["run", JOIN, "--jobs", "4"], "--jobs", "--seeds")
        self.assert_refused(["run", JOIN, "--jobs", "0", "--seeds", "1..2"], "--jobs", "from 1 to 256")
        self.assert_refused(["run", JOIN, "--jobs", "x", "--seeds", "1..2"], "--jobs", "'x'")
        self.assert_refused(["run", JOIN, "--seed", "1", "--seeds", "1..2"], "--seed", "--seeds")

    def test_a_window_is_one_of_a_picture(self):
        self.assert_refused(["run", JOIN, "--window", "1s..2s"], "--window", "--html or --perfetto")
        self.assert_refused(["replay", "1", "--window", "1s..2s"], "--window", "--html or --perfetto")

    def test_bounds_of_explorations(self):
        for option, what in (("--states", "states"), ("--megabytes", "MiB")):
            for wrong in ("0", "-1", "x", "1e6", "99999999999999999999"):
                self.assert_refused(["explore", EXPLORATION, option, wrong], option, f"'{wrong}' is no number of {what}")
        done = simulate("explore", EXPLORATION, "--states", "1000")
        self.assertEqual(done.returncode, 2)
        self.assertIn("1000 states are visited", done.stdout)
        self.assertIn(" INCOMPLETE", done.stdout)

    def test_run_has_no_use_for_an_exploration(self):
        self.assert_refused(["run", EXPLORATION], EXPLORATION, "no 'choices'", "explore")
        self.assert_refused(["explore", JOIN], JOIN, "is a plan", "meshdict-sim run")
        done = simulate("run", JOIN, EXPLORATION, "--seeds", "1..2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("passed=2", done.stdout)
        self.assertIn(f"left out: {EXPLORATION}", done.stderr)

    def test_mistyped_words(self):
        self.assert_refused(["foo"], "'foo' is no command", "run", "sweep")
        self.assert_refused(["runn", JOIN], "'runn' is no command", "expected 'run';")
        self.assert_refused(["run", JOIN, "--sed", "4"], "'--sed' is no option", "expected '--seed';")
        self.assert_refused(["run", JOIN, "--traces=x"], "'--traces' is no option", "expected '--trace';")

    def test_output_that_cannot_be_written(self):
        self.assert_refused(["run", JOIN, "--trace", "/dev/full"], "--trace", "/dev/full", "No space left")
        self.assert_refused(["run", JOIN, "--plan", "/dev/full"], "--plan", "/dev/full")
        self.assert_refused(["run", JOIN, "--trace", "/no/such/place"], "--trace", "No such file")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = simulate("run", JOIN, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write 'stdout': No space left", done.stderr)


class FilesTest(unittest.TestCase):
    """What is read stays as it is, and two results are two files."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.plan = self.directory / "plan.yaml"
        self.plan.write_text(pathlib.Path(JOIN).read_text(encoding="utf-8"), encoding="utf-8")

    def assert_refused(self, *arguments, says):
        with self.subTest(arguments=arguments):
            before = {file: file.read_bytes() for file in self.directory.iterdir()}
            done = simulate(*arguments, cwd=self.directory)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(says, done.stderr)
            self.assertEqual({file: file.read_bytes() for file in self.directory.iterdir()}, before)

    def test_what_is_read_is_not_written(self):
        (self.directory / "other").symlink_to("plan.yaml")
        (self.directory / "hard.yaml").hardlink_to(self.plan)
        for name in ("plan.yaml", "./plan.yaml", str(self.plan), "other", "hard.yaml"):
            for option in ("--trace", "--html", "--perfetto", "--plan"):
                self.assert_refused("run", "plan.yaml", option, name, says=f"{option}: '{name}' is read, as FILE")
            self.assert_refused("shrink", "plan.yaml", "-o", name, says=f"--out: '{name}' is read")
            self.assert_refused("explore", "plan.yaml", "-o", name, says=f"--out: '{name}' is read")
        simulate("run", "plan.yaml", "--trace", "t", cwd=self.directory)
        self.assert_refused("draw", "t", "--html", "t", says="--html: 't' is read, as TRANSCRIPT")

    def test_two_results_are_two_files(self):
        (self.directory / "there").write_text("x", encoding="ascii")
        for name, same in (("x", "x"), ("x", "./x"), ("there", "./there")):
            for command in (("run", "plan.yaml"), ("replay", "3")):
                self.assert_refused(*command, "--trace", name, "--html", same, says=f"--trace and --html: '{same}' is one file")
                self.assert_refused(*command, "--html", name, "--perfetto", same, says="--html and --perfetto")
                self.assert_refused(*command, "--plan", name, "--trace", same, says="--plan and --trace")
        done = simulate("run", "plan.yaml", "--trace", "/dev/null", "--html", "/dev/null", cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_cannot_be_written_is_named(self):
        long = str(self.directory / "long.yaml")
        pathlib.Path(long).write_text("nodes: 20\nworkload: {sets_per_second: 50, until: 20s}\nsteps: []\n", encoding="ascii")
        for option in ("--trace", "--html", "--perfetto", "--plan"):
            self.assert_refused("run", long, option, "/dev/full", says=f"{option}: cannot write '/dev/full': No space left")
        self.assert_refused("sweep", long, "--seeds", "1..2", "--json-lines", "/dev/full",
                            says="--json-lines: cannot write '/dev/full': No space left")


class ControlCharactersTest(unittest.TestCase):
    """A name, a key or a file may hold what makes a terminal do something: it is shown, not sent."""

    # Colours, the title of a window, a bell; the same in one character of Latin-1.
    EVIL = "k\x1b[31m\x07\x7f\x9b31m"

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        escaped = self.EVIL.encode("unicode_escape").decode("ascii")
        self.plan = self.directory / f"plan{self.EVIL}.yaml"
        self.plan.write_text("nodes: [ana, bob]\nsteps:\n"
                             f'- {{at: 9s, set: {{node: ana, key: "{escaped}\\nx", value: "v\\n{escaped}", expect: leased}}}}\n',
                             encoding="utf-8")

    def assert_harmless(self, *arguments, code):
        with self.subTest(arguments=arguments):
            done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                                  check=False, cwd=self.directory)
            printed = done.stdout + done.stderr
            self.assertEqual(done.returncode, code, printed)
            self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", printed), [], printed)
            return done.stdout.decode("utf-8")

    def test_what_is_printed(self):
        plan = str(self.plan)
        printed = self.assert_harmless("run", plan, code=1)
        self.assertIn("set of 'k\\x1b[31m\\x07\\x7f\\xc2\\x9b31m\\x0ax' should be leased", printed)
        command = re.search(r"^replay: (meshdict-sim .*)$", printed, re.M)[1]
        again = subprocess.run(["/bin/sh", "-c", command.replace("meshdict-sim", PROGRAM, 1)], cwd=self.directory,
                               capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(again.stdout, printed, again.stderr)
        self.assert_harmless("run", plan, plan, "--json", code=1)
        self.assert_harmless("sweep", plan, "--seeds", "1..2", "--json-lines", "lines", code=1)
        self.assert_harmless("summarize", "lines", code=1)
        self.assert_harmless("run", self.EVIL, code=2)
        self.assert_harmless("run", JOIN, f"--{self.EVIL}", code=2)
        self.assert_harmless("run", JOIN, "--seed", self.EVIL, code=2)
        self.assert_harmless(self.EVIL, code=2)
        broken = self.directory / "broken.yaml"
        broken.write_bytes(b"nodes: [ana, bob]\nst\xc2\x9beps: []\n\"\\e[31m\": 1\n")
        self.assert_harmless("run", "broken.yaml", code=2)

    def test_what_is_shrunk_can_be_read(self):
        # Before keys and values become short.
        printed = self.assert_harmless("shrink", str(self.plan), "-o", "small.yaml", "--tries", "1", code=0)
        self.assertIn("small.yaml", printed)
        self.assertIn("x0ax' should be leased", self.assert_harmless("run", "small.yaml", code=1))

    def test_transcripts(self):
        for seed in "12":
            simulate("run", str(self.plan), "--seed", seed, "--trace", f"t{seed}", cwd=self.directory)
        evil = (self.directory / "t1").read_bytes().replace(b"connected", b"connec\x1b[31m\x9bted")
        (self.directory / "evil").write_bytes(evil)
        for other in ("t1", "t2"):
            self.assert_harmless("diff", "evil", other, code=1)
        (self.directory / "bad").write_bytes(evil.replace(b"ana", b"\x1bna", 40))
        self.assert_harmless("draw", "bad", "--html", "page", code=2)


class ReplayTest(unittest.TestCase):
    """The command that a failing run prints does that run again, in whatever shell it is pasted."""

    PLAN = "nodes: [ana, bob]\nsteps:\n- at: 1s..9s\n  expect: {node: bob, neighbours: 2}\nquiet: 1s\n"

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="a b's $HOME ")
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name, "f g.yaml")
        self.file.write_text(self.PLAN, encoding="utf-8")

    def assert_replays(self, printed, count):
        """After each command stands the result that it gives again."""
        pairs = re.findall(r"^replay: (meshdict-sim .*)\n(?:.*\n)*?(seed=.*)$", printed, re.M)
        self.assertEqual(len(pairs), count, printed)
        environment = {**os.environ, "PATH": os.path.dirname(os.path.abspath(PROGRAM)) + ":" + os.environ["PATH"]}
        for command, result in pairs:
            done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=DEADLINE, check=False, env=environment)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stdout.splitlines()[-1], result)

    def test_of_one_seed(self):
        done = simulate("run", str(self.file), "--seed", "7")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assert_replays(done.stdout, 1)

    def test_of_a_range(self):
        done = simulate("run", str(self.file), "--seeds", "3..6", "--jobs", "2")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assert_replays(done.stdout, 4)

    def test_of_a_sweep(self):
        done = simulate("sweep", str(self.file), "--seeds", "3..5")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assert_replays(done.stdout, 3)

    def test_of_a_plan_that_was_written_out(self):
        drawn = str(self.file.with_name("drawn.yaml"))
        done = simulate("run", str(self.file), "--seed", "7", "--plan", drawn)
        self.assert_replays(simulate("run", drawn, "--seed", "7").stdout, 1)
        self.assertEqual(done.stdout.splitlines()[-1], simulate("run", drawn, "--seed", "7").stdout.splitlines()[-1])


class CheckTest(unittest.TestCase):
    """Two nodes that know nothing of each other."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name, "apart.yaml")
        self.file.write_text("nodes: [{name: ana, join: []}, {name: bob, join: []}]\njoin: none\nquiet: 10s\n", encoding="utf-8")

    def violated(self, *arguments):
        done = simulate(*arguments)
        self.assertEqual(done.stderr.count("error"), 0, done.stderr)
        return done.returncode, sorted(set(re.findall(r"^violated (\w+) at", done.stdout, re.M)))

    def test_only_what_is_named_is_judged(self):
        run, sweep = ("run", str(self.file)), ("sweep", str(self.file), "--seeds", "1..2")
        for command in (run, sweep):
            with self.subTest(command=command[0]):
                self.assertEqual(self.violated(*command), (1, ["C1", "connected"]))
                self.assertEqual(self.violated(*command, "--check", "S1,connected"), (1, ["connected"]))
                self.assertEqual(self.violated(*command, "--check", "S1,S4"), (0, []))

    def test_unknown_names(self):
        for command in (["run", str(self.file)], ["sweep", "--swarm"], ["replay", "1"]):
            for wrong, nearest in (("S9", "S1"), ("S1,conected", "connected"), ("", "S1"), ("S1,", "S1")):
                with self.subTest(command=command[0], wrong=wrong):
                    done = simulate(*command, "--check", wrong)
                    self.assertEqual(done.returncode, 2, done.stdout)
                    self.assertIn("--check", done.stderr)
                    self.assertIn(f"'{wrong.split(',')[-1]}' is no property", done.stderr)
                    self.assertIn(nearest, done.stderr)


class DrawTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def test_files_of_a_run(self):
        names = {option: str(self.directory / option) for option in ("trace", "html", "perfetto")}
        options = [word for option, name in names.items() for word in (f"--{option}", name)]
        plain = simulate("run", JOIN, "--seed", "7")
        done = simulate("run", JOIN, "--seed", "7", *options)
        self.assertEqual((done.returncode, done.stdout), (0, plain.stdout), done.stderr)
        alone = str(self.directory / "alone")
        simulate("run", JOIN, "--seed", "7", "--trace", alone)
        self.assertEqual(pathlib.Path(alone).read_bytes(), pathlib.Path(names["trace"]).read_bytes())
        later = str(self.directory / "later")
        done = simulate("draw", alone, "--html", later)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(pathlib.Path(later).read_bytes(), pathlib.Path(names["html"]).read_bytes())
        self.assertEqual(json.loads(pathlib.Path(names["perfetto"]).read_text(encoding="utf-8"))["otherData"]["seed"], "7")
        done = simulate("replay", "3", "--html", later)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"plan":"swarm', pathlib.Path(later).read_text(encoding="utf-8"))

    def assert_refused(self, *arguments, says):
        done = simulate(*arguments)
        self.assertEqual(done.returncode, 2, arguments)
        self.assertIn(says, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_what_does_not_work(self):
        for option in ("--html", "--perfetto"):
            self.assert_refused("run", JOIN, option, "/no/such/place", says=f"{option}: cannot write '/no/such/place': No such")
            self.assert_refused("run", JOIN, option, "/dev/full", says=f"{option}: cannot write '/dev/full': No space")
            self.assert_refused("run", JOIN, "--seeds", "1..2", option, "x", says=f"{option}: goes with --seed")
            self.assert_refused("run", JOIN, JOIN, option, "x", says=f"{option}: goes with one FILE")
        self.assert_refused("run", JOIN, "--html", "x", "--window", "5s..1s", says="'5s..1s' is no span")
        self.assert_refused("draw", JOIN, "--html", str(self.directory / "x"), says="is no transcript")
        self.assert_refused("draw", JOIN, says="nothing to draw")
        self.assert_refused("draw", "/no/such/file", "--html", "x", says="No such file")


class DiffTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def trace(self, name, seed):
        file = self.directory / name
        self.assertEqual(simulate("run", JOIN, "--seed", seed, "--trace", str(file)).returncode, 0)
        return str(file)

    def test_exit_codes(self):
        seven, again, eight = self.trace("7", "7"), self.trace("again", "7"), self.trace("8", "8")
        done = simulate("diff", seven, again)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "\nequal: [0-9]+ lines, .* violations 0\n$")
        done = simulate("diff", seven, eight)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, "they part after [0-9]+ equal lines, [0-9.]+ s, ")
        for wrong, says in ((JOIN, "is no transcript"), ("/no/such/file", "No such file"),
                            (str(self.directory), "Is a directory"), ("/dev/null", "is empty")):
            for pair in ((seven, wrong), (wrong, seven)):
                done = simulate("diff", *pair)
                self.assertEqual(done.returncode, 2, pair)
                self.assertIn(says, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)


class WorkedExampleTest(unittest.TestCase):
    """The first YAML block of the README after its heading, and the two console blocks behind it."""

    def setUp(self):
        text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
        text = text[text.index("## A worked example"):]
        self.plan = re.search(r"```yaml\n(.*?)```", text, re.S)[1]
        self.consoles = re.findall(r"```console\n(.*?)```", text, re.S)[:2]
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def assert_prints(self, plan, console, code):
        """The console block's command prints what follows it there; "..." stands for a number."""
        command, *printed = console.splitlines()
        words = command.removeprefix("$ meshdict-sim ").split()
        pathlib.Path(self.directory, words[1]).write_text(plan, encoding="utf-8")
        done = simulate(*words, cwd=self.directory)
        self.assertEqual(done.returncode, code)
        self.assertRegex(done.stdout + done.stderr, "\\A" + "".join(
            re.escape(line).replace(re.escape("..."), r"\w+") + "\n" for line in printed) + "\\Z")

    def test_it_passes_as_it_stands(self):
        pathlib.Path(self.directory, "friends.yaml").write_text(self.plan, encoding="utf-8")
        done = simulate("run", "friends.yaml", "--seeds", "1..20", cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_other_examples_pass(self):
        text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
        plans = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.S) if re.search("^nodes:", block, re.M)]
        self.assertEqual(len(plans), 5)
        for plan in plans:
            with self.subTest(plan=plan):
                self.assertLessEqual(plan.count("\n"), 25)
                pathlib.Path(self.directory, "example.yaml").write_text("strict: on\n" + plan, encoding="utf-8")
                done = simulate("run", "example.yaml", "--seeds", "1..20", cwd=self.directory)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_with_another_colour_in_the_last_line(self):
        before, last, behind = self.plan.rpartition("green")
        self.assertEqual((last, behind.count("\n")), ("green", 1))
        self.assert_prints(before + "blue" + behind, self.consoles[0], 1)

    def test_with_a_mistake(self):
        self.assert_prints(self.plan.replace("{node:", "{nod:", 1), self.consoles[1], 2)


class FoundForkTest(unittest.TestCase):
    """The console block of the README's section on explorations."""

    def test_it_is_written_and_replayed(self):
        text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
        text = text[text.index("## Explorations"):]
        explore, said, run = re.search(r"```console\n(.*?)```", text, re.S)[1].splitlines()
        with tempfile.TemporaryDirectory() as directory:
            for command in (explore, run):
                words = command.removeprefix("$ meshdict-sim ").replace("scenarios/", f"{SCENARIOS}/").split()
                done = simulate(*words, cwd=directory)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(said + "\n", done.stdout)


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("set MESHDICT_SIM to the meshdict-sim to be tested")
    unittest.main(verbosity=2)
