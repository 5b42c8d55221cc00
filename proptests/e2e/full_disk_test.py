"""A disk that fills up: the node goes on with what needs no room, says what it refuses, keeps all that it has acknowledged, and
takes up again what it missed once there is room.

The disk is that of small_disk.py.
"""

import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
import unittest

import redis

import harness
import small_disk
from small_disk import VALUE

MEBIBYTE = 1024 * 1024
DISK = 32 * MEBIBYTE


@small_disk.needs_root
class FullDiskTest(small_disk.SmallDiskCase):
    def fill(self, disk):
        """Another program takes all the room that is left. Returns its file."""
        rest = disk / "rest"
        with open(rest, "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * MEBIBYTE)
                file.flush()
        return rest

    def test_reads_and_deletions_go_on_and_it_recovers(self):
        disk = self.mount(DISK)
        node = self.start("small", "--data-dir", str(disk / "data"))
        node.redis.set("first", "1")
        done = [f"before:{number}" for number in range(20)]
        for key in done:
            node.redis.set(key, VALUE)
        rest = self.fill(disk)
        done += self.fill_up(node)
        self.await_log(node, "error", "the disk is full")
        for command in (["MSET", "a", "1"], ["GETSET", "first", "2"], ["SETNX", "b", "1"]):
            with self.assertRaisesRegex(redis.ResponseError, "^MISCONF"):
                node.redis.execute_command(*command)
        self.assertEqual(node.redis.get("first"), b"1")
        self.assertEqual(node.redis.exists(*done), len(done))
        self.assertEqual(node.redis.delete(done[0]), 1)
        self.assertEqual(node.redis.getdel(done[1]), VALUE)
        told = node.log().count("the disk has room again")
        rest.unlink()
        harness.wait_until(lambda: node.log().count("the disk has room again") > told, "the end of it")
        self.assertTrue(node.redis.set("last", "1"))
        node.kill()
        again = self.start("again", "--data-dir", str(disk / "data"))
        self.assertEqual(again.id, node.id)
        self.assertEqual(again.redis.mget("first", "last", *done[:2]), [b"1", b"1", None, None])
        self.assertEqual(again.redis.exists(*done[2:]), len(done) - 2)

    def test_deletions_make_room_and_an_end_is_an_end(self):
        """Nobody else uses the disk: what deletions leave is room, whatever the sizes of disk, file and log are."""
        for mebibytes in (8, 24):
            with self.subTest(mebibytes=mebibytes):
                disk = self.mount(mebibytes * MEBIBYTE)
                node = self.start(f"of{mebibytes}", "--data-dir", str(disk / "data"))
                done = self.set_until_refused(node)
                self.assertEqual(node.redis.delete(*done), len(done))
                harness.wait_until(lambda node=node: "the disk has room again" in node.log(), "room")
                self.assertTrue(node.redis.set("after", "1"))
                again = self.set_until_refused(node)
                self.assertEqual(node.terminate(), 0)
                node = self.start(f"again{mebibytes}", "--data-dir", str(disk / "data"))
                self.assertEqual(node.redis.get("after"), b"1")
                self.assertEqual(node.redis.exists(*again), len(again))

    def test_a_limit_of_file_sizes_is_a_full_disk(self):
        """`ulimit -f`: no file of the process may be longer."""
        node = self.start("limited", "--data-dir", self.directory + "/data", limits=[(resource.RLIMIT_FSIZE, 4 * MEBIBYTE)])
        done = self.set_until_refused(node)
        self.assertEqual(node.redis.exists(*done), len(done))
        self.assertEqual(node.redis.delete(*done[:-1]), len(done) - 1)
        harness.wait_until(lambda: "the disk has room again" in node.log(), "room")
        self.assertTrue(node.redis.set("after", "1"))
        node.kill()
        again = self.start("again", "--data-dir", self.directory + "/data")
        self.assertEqual(again.redis.mget("after", done[0], done[-1]), [b"1", None, VALUE])

    @unittest.skipIf(harness.SANITIZED, "a sanitizer wants to be loaded first")
    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_a_quota_is_a_full_disk(self):
        """Where a user's share of a disk is used up, the system says EDQUOT instead of ENOSPC."""
        library = os.path.join(self.directory, "quota.so")
        source = pathlib.Path(__file__).with_name("quota.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        disk = self.mount(8 * MEBIBYTE)
        node = self.start("limited", "--data-dir", str(disk / "data"), environment={"LD_PRELOAD": library})
        done = self.set_until_refused(node)
        self.assertEqual(node.redis.exists(*done), len(done))
        self.assertEqual(node.redis.delete(*done), len(done))
        harness.wait_until(lambda: "the disk has room again" in node.log(), "room")
        self.assertTrue(node.redis.set("after", "1"))
        self.assertEqual(node.terminate(), 0)

    def test_what_a_neighbour_writes_does_not_end_it(self):
        disk = self.mount(DISK)
        node = self.start("small", "--data-dir", str(disk / "data"))
        other = self.start("other", join=[node])
        harness.wait_until(node.peers, "a neighbour")
        rest = self.fill(disk)
        keys = [f"key:{number}" for number in range(2 * DISK // len(VALUE))]
        for key in keys:
            other.redis.set(key, VALUE)
        self.await_log(node, "the disk is full")
        harness.wait_until(lambda: node.redis.info("mesh")["records_without_room"] > 0, "a record that was turned away")
        self.assertLess(node.redis.dbsize(), len(keys))
        other.redis.delete(*keys[20:])
        rest.unlink()
        harness.wait_until(lambda: node.redis.dbsize() == 20, lambda: f"20 keys instead of {node.redis.dbsize()}")
        self.assertEqual(node.redis.exists(*keys[:20]), 20)


if __name__ == "__main__":
    harness.main()
