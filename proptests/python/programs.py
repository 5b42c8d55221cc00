"""Other interpreters, talked to by lines."""

import os
import sys
import time

from line_program import LineProgram

# Generous: only a hang lasts so long.
PATIENCE = float(os.environ.get("MESHDICT_PATIENCE", 60))


def eventually(done, what="it"):
    """Asks again until `done()` is true, and gives what it gave."""
    until = time.monotonic() + PATIENCE
    while True:
        result = done()
        if result:
            return result
        assert time.monotonic() < until, f"{what} never came"
        time.sleep(0.002)


class Interpreter(LineProgram):
    """A program in another interpreter: a file, or its text."""

    def __init__(self, *arguments, text=None):
        super().__init__(sys.executable, "-B", "-u", *(["-c", text] if text else []), *arguments, patience=PATIENCE)
