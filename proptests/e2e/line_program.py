"""A program that is talked to by lines."""

import ctypes
import queue
import re
import signal
import subprocess
import threading

_PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In a child, before it becomes another program."""
    LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class LineProgram:
    """Its output and errors are read together. `patience`: seconds, for a line and for the end."""

    def __init__(self, *command, patience):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
        self.seen = []
        self._patience = patience
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
        """Waits for a line that matches, and returns the match. Lines before it are passed over."""
        while True:
            try:
                line = self._lines.get(timeout=self._patience)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.process.args} never said {pattern!r}, but {self.seen}")
            self.seen.append(line)
            if match := re.search(pattern, line):
                return match

    def end(self):
        """Its exit code after the end of its input."""
        self.process.stdin.close()
        return self.process.wait(self._patience)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.destroy()

    def destroy(self):
        if self.process.poll() is None:
            self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()
