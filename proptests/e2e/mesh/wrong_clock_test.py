"""Nodes whose wall clock is wrong, and is set while they run: both sides tell it, no key is claimed by a wrong clock, nothing
that was acknowledged is lost, and all of it ends by itself once the clock is right.

libfaketime shifts the wall clock of one process and leaves its monotonic clock alone, as a machine's clock that is set does.
"""

import glob
import os
import pathlib
import sys

import harness
import redis

# Beyond the skew of 30 s; a clock is measured every 30 s at the least, and must be seen right twice.
WRONG_S = 900
# The largest error of a reading on loopback, on a machine that is busy.
ERROR_MS = 5_000
MEASURED_WITHIN_S = 100


def faketime_library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    return found[0] if found else None


class WrongClockTest(harness.MeshTestCase):
    def start_shifted(self, name, seconds, *options, **more):
        """A node with a clock that set_clock() sets."""
        self.set_clock(name, seconds)
        return self.start(name, *options, environment={
            "LD_PRELOAD": faketime_library(), "FAKETIME_TIMESTAMP_FILE": str(self.clock_file(name)),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}, **more)

    def clock_file(self, name):
        return pathlib.Path(self.directory) / f"{name}.clock"

    def set_clock(self, name, seconds):
        # The node must never read half a file.
        new = self.clock_file(name).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        os.replace(new, self.clock_file(name))

    def await_clock(self, node, state, offset_s):
        def info():
            said = node.redis.info("mesh")
            near = said["clock_offset_ms"] != "" and abs(int(said["clock_offset_ms"]) - 1000 * offset_s) <= ERROR_MS
            return said["clock_state"] == state and near
        harness.wait_until(info, lambda: f"the clock of {node.name} to be {state} by {offset_s} s: {node.redis.info('mesh')}",
                           timeout=MEASURED_WITHIN_S + harness.DEADLINE)

    def assert_refused(self, node, key, direction):
        with self.assertRaises(redis.ResponseError) as refused:
            node.redis.set(key, "claimed by a wrong clock")
        self.assertRegex(str(refused.exception), rf"^CLOCK our clock is \d+\.\d s {direction} those of most neighbours")

    def test_wrong_from_the_start(self):
        right = [self.start("right")]
        right.append(self.start("right2", join=right))
        for sign, direction, state in ((1, "ahead of", "ahead"), (-1, "behind", "behind")):
            wrong = self.start_shifted(state, sign * WRONG_S, join=right)
            self.await_clock(wrong, state, sign * WRONG_S)
            self.await_log(wrong, "warning", "our clock is", f"s {direction} those of most neighbours")
            for node in right:
                self.await_clock(node, "ok", 0)
                self.await_log(node, "warning", f"the clock of neighbour {wrong.id[:8]}", f"s {direction} ours")
            self.assert_refused(wrong, f"{state}.key", direction)
            # What the others write is theirs, and no wrong clock takes it.
            right[0].redis.set(f"{state}.others", "kept")
            self.await_value(right, f"{state}.others", b"kept")
            self.assertRaises(redis.ResponseError, wrong.redis.set, f"{state}.others", "taken")

            self.set_clock(state, 0)
            self.await_clock(wrong, "ok", 0)
            wrong.redis.set(f"{state}.key", "claimed by a right clock")
            self.await_value([*right, wrong], f"{state}.key", b"claimed by a right clock")
            self.await_value([wrong], f"{state}.others", b"kept")

    def test_set_while_it_holds_keys(self):
        """A holder whose clock is set goes on in its claim, and everybody sees it."""
        right = [self.start("right")]
        right.append(self.start("right2", join=right))
        holder = self.start_shifted("holder", 0, join=right)
        holder.redis.set("held", "before")
        self.await_value([*right, holder], "held", b"before")
        self.set_clock("holder", WRONG_S)
        self.await_clock(holder, "ahead", WRONG_S)
        holder.redis.set("held", "meanwhile")
        self.await_value([*right, holder], "held", b"meanwhile")
        self.assertEqual(holder.redis.execute_command("WAIT", 2, 10_000), 2)
        self.assert_refused(holder, "another", "ahead of")
        self.set_clock("holder", 0)
        self.await_clock(holder, "ok", 0)
        holder.redis.set("held", "afterwards")
        self.await_value([*right, holder], "held", b"afterwards")

    def test_without_the_guard(self):
        """By its own clock a node may write what nobody shows yet: then nobody confirms it, and it is not lost."""
        right = [self.start("right")]
        right.append(self.start("right2", join=right))
        wrong = self.start_shifted("wrong", WRONG_S, "--clock-guard", "off", join=right)
        self.await_clock(wrong, "ahead", WRONG_S)
        wrong.redis.set("early", "hidden")
        self.assertEqual(wrong.redis.execute_command("WAIT", 1, 1_000), 0)
        for node in right:
            self.assertIsNone(node.redis.get("early"))
        self.set_clock("wrong", 0)
        # Written again with its true time, once the others say that the clock is right.
        self.await_clock(wrong, "ok", 0)
        self.await_value([*right, wrong], "early", b"hidden")


if __name__ == "__main__":
    if harness.SANITIZED:
        print("a sanitizer's library must be loaded first, so no clock can be shifted")
        sys.exit(harness.SKIPPED)
    if faketime_library() is None:
        print("libfaketime is not installed")
        sys.exit(harness.SKIPPED)
    harness.main()
