"""What the tests of meshdict-sim have in common.

The program under test is named by the environment variable MESHDICT_SIM, the scenarios by MESHDICT_SCENARIOS.
"""

import os
import pathlib
import subprocess

PROGRAM = os.environ.get("MESHDICT_SIM", "")
SCENARIOS = pathlib.Path(os.environ.get("MESHDICT_SCENARIOS", "."))
JOIN = str(SCENARIOS / "join.yaml")
# Where a test gives up, far above what a run takes.
DEADLINE = 100


def simulate(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE, check=False,
                          **{"capture_output": True, **more})
