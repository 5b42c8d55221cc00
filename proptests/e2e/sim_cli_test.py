"""The command line of meshdict-sim: what is wrong is said in one line that names it, with exit code 2; and the worked
example of scenarios/README.md does what is printed there.

The program under test is named by the environment variable MESHDICT_SIM, the scenarios by MESHDICT_SCENARIOS.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ.get("MESHDICT_SIM", "")
SCENARIOS = pathlib.Path(os.environ.get("MESHDICT_SCENARIOS", "."))
JOIN = str(SCENARIOS / "join.yaml")
LAST_SEED = 2 ** 64 - 1
# Where a test gives up, far above what a run takes.
DEADLINE = 100


def simulate(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE, check=False,
                          **{"capture_output": True, **more})


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


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("set MESHDICT_SIM to the meshdict-sim to be tested")
    unittest.main(verbosity=2)
