"""A disk that fills up, for the tests: a small file system in memory, which only root may mount."""

import os
import pathlib
import subprocess
import time
import unittest

import redis

import harness

VALUE = b"v" * 100_000
# More than any of the disks holds.
MOST_KEYS = 700


def needs_root(test):
    """Decorator of a test, or of a class of tests."""
    return unittest.skipUnless(os.geteuid() == 0, "only root may mount a small disk")(test)


class SmallDiskCase(harness.MeshTestCase):
    def mount(self, size):
        """A disk of `size` bytes; the test is skipped where even root may not make one."""
        disk = pathlib.Path(self.directory, f"disk{size}")
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("no small disk can be mounted here")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", disk], check=False))
        return disk

    def set_until_refused(self, node):
        """Keys that were acknowledged."""
        done = []
        with self.assertRaisesRegex(redis.ResponseError, "^MISCONF the disk is full"):
            for number in range(MOST_KEYS):
                node.redis.set(f"key:{number}", VALUE)
                done.append(f"key:{number}")
        return done

    def fill_up(self, node):
        """As set_until_refused(), until merging the log, which the node does every second, makes no more room."""
        done = self.set_until_refused(node)
        refused = 0
        while refused < 3:
            try:
                node.redis.set(f"more:{len(done)}", VALUE)
                done.append(f"more:{len(done)}")
                refused = 0
            except redis.ResponseError:
                refused += 1
                time.sleep(1.2)
        return done
