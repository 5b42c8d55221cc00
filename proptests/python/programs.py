"""Other interpreters, talked to by lines."""

import ctypes
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

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


def die_with_parent():
    """prctl(2): PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Interpreter:
    """A program in another interpreter: a file, or its text."""

    def __init__(self, *arguments, text=None):
        command = [sys.executable, "-B", "-u", *(["-c", text] if text else []), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, preexec_fn=die_with_parent)
        self.seen = []
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, pattern):
        """Waits for a line that matches; lines before it are passed over."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            assert line is not None, f"it never said {pattern!r}, but {self.seen}"
            self.seen.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def end(self):
        """Its exit code after the end of its input."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()
