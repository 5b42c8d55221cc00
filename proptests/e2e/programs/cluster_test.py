"""bench/cluster: parts of a sweep as tasks of a job array and as ranks, one of them lost and submitted again, and their join.

The program under test is named by the environment variable MESHDICT_SIM, the scripts' folder by MESHDICT_CLUSTER. Slurm and MPI are
played by the variables that they set, and by programs of their names; with a real mpirun, that is used, too.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from sim_program import DEADLINE, PROGRAM, simulate

SCRIPTS = pathlib.Path(os.environ.get("MESHDICT_CLUSTER", "bench/cluster"))
SEEDS = "1..120"
# Runs its script as the tasks of an array, or once; prints a number.
SBATCH = """#!/bin/bash
while [[ $1 == --* ]]; do [[ $1 == --array=* ]] && last=${1#--array=1-}; shift; done
if [ -n "${last:-}" ]; then for task in $(seq "$last"); do SLURM_ARRAY_TASK_ID=$task "$@"; done
else "$@" > /dev/null || true; fi
echo 7
"""
MPIRUN = """#!/bin/bash
shift; ranks=$1; shift
for rank in $(seq 0 $((ranks - 1))); do OMPI_COMM_WORLD_RANK=$rank "$@" & done
wait
"""


class ClusterTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        programs = self.directory / "bin"
        programs.mkdir()
        for name, text in (("sbatch", SBATCH), ("mpirun", MPIRUN)):
            if not (name == "mpirun" and shutil.which("mpirun")):
                (programs / name).write_text(text, encoding="ascii")
                (programs / name).chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        self.whole = simulate("sweep", "--swarm", "--seeds", SEEDS).stdout

    def script(self, name, *arguments, code=0, **variables):
        done = subprocess.run([SCRIPTS / name, *arguments], env={**self.environment, **variables}, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_a_job_array_and_its_join(self):
        sweep = str(self.directory / "array")
        self.assertEqual(self.script("slurm", sweep, SEEDS, "4").stdout, "array 7, join 7\n")
        self.assertEqual((self.directory / "array" / "summary.txt").read_text(encoding="utf-8"), self.whole)

    def test_ranks(self):
        sweep = str(self.directory / "ranks")
        self.assertEqual(self.script("mpi", sweep, SEEDS, "2").stdout, self.whole)

    def test_a_lost_task_is_submitted_again(self):
        sweep = str(self.directory / "lost")
        self.script("part", sweep, SEEDS, "2", SLURM_ARRAY_TASK_ID="1")
        with subprocess.Popen([SCRIPTS / "part", sweep, SEEDS, "2"], env={**self.environment, "SLURM_ARRAY_TASK_ID": "2"},
                              start_new_session=True, stderr=subprocess.DEVNULL) as task:
            lines = self.directory / "lost" / "part-2.jsonl"
            while not lines.exists() or lines.stat().st_size < 20_000:
                time.sleep(0.01)
            os.killpg(task.pid, signal.SIGKILL)
        self.assertRegex(self.script("join", sweep, code=2).stderr, r"of 120 seeds are missing: .*of part 2/2")
        self.script("part", sweep, SEEDS, "2", SLURM_ARRAY_TASK_ID="2")
        self.assertEqual(self.script("join", sweep).stdout, self.whole)

    def test_what_does_not_work(self):
        self.assertIn("neither a task", self.script("part", str(self.directory), SEEDS, "2", code=2).stderr)
        self.assertIn("usage:", self.script("slurm", "x", code=2).stderr)


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("set MESHDICT_SIM to the meshdict-sim to be tested")
    unittest.main(verbosity=2)
