"""The data directory of a node: restarts, who may use it, and what the operator reads when it cannot be used."""

import contextlib
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import sys

import redis

import harness
from line_program import LIBC

# Holds a database, says so, and ends with its input.
_HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1


def without_privileges():
    """Before exec: what the modes of files forbid is forbidden to root too. Others never had the privilege."""
    LIBC.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE)


# Bytes of a file.
SMALL_DISK = 3 * 1024 * 1024


class DataDirectoryTest(harness.MeshTestCase):
    @property
    def data(self):
        return pathlib.Path(self.directory, "data")

    def options(self, durability="always"):
        return ["--data-dir", str(self.data), "--durability", durability]

    def assert_refused(self, *says, prepare=None):
        """Exit code 1 and one line on stderr, which says all that, and every file but the lock as it was."""
        before = self.files()
        done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", *self.options()],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.DEADLINE,
                              check=False, preexec_fn=prepare)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for part in (f"--data-dir: data directory '{self.data}': ", *says):
            self.assertIn(part, done.stderr)
        self.assertEqual(self.files(), before)

    def files(self):
        return {path.name: path.read_bytes() for path in self.data.iterdir() if path.name != "meshdict.lock"}

    def filled(self, end):
        """A directory with a key, whose node has come to its end."""
        node = self.start(f"before-{end.__name__}", *self.options())
        self.assertTrue(node.redis.set("kept", "1"))
        end(node)
        return node

    def test_restart_in_good_order(self):
        node = self.start("first", *self.options("interval"))
        self.assertTrue(node.log_lines("new database"), "a new node says so")
        self.assertTrue(node.redis.set("kept", "1"))
        self.assertEqual(node.terminate(), 0)
        self.assertEqual(list(self.files()), ["meshdict.db"], "the log has been merged")
        again = self.start("again", *self.options("always"))
        self.assertEqual((again.id, again.redis.get("kept")), (node.id, b"1"))
        self.assertEqual(again.log_lines("new database"), [])
        self.assertTrue(again.redis.set("kept", "2"))

    def test_finds_its_neighbours_again(self):
        other = self.start("other")
        node = self.start("first", *self.options(), join=[other])
        harness.wait_until(lambda: other.peer_ids() == [node.id], "the two to meet")
        self.assertEqual(node.terminate(), 0)
        again = self.start("again", *self.options())
        harness.wait_until(lambda: again.peer_ids() == [other.id], "the neighbour to be dialled without --join")

    def test_one_network_a_directory(self):
        node = self.start("first", *self.options(), "--network", "weather")
        self.assertEqual(node.terminate(), 0)
        self.assert_refused("it belongs to network 'weather, leasing on', not 'sync, leasing on'")

    def test_one_process_a_directory(self):
        node = self.start("first", *self.options())
        self.assert_refused(f"another node uses it (process {node.process.pid})")
        with contextlib.closing(sqlite3.connect(self.data / "meshdict.db", timeout=0)) as other:
            with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
                other.execute("SELECT count(*) FROM entries")
        self.assertTrue(node.redis.set("k", "v"), "it has not noticed")

    def test_in_use_by_another_program(self):
        self.filled(harness.Node.terminate)
        # In a process of its own: this one reads the files, and closing any of them ends all of a process's locks on it.
        with subprocess.Popen([sys.executable, "-c", _HOLDER, self.data / "meshdict.db"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as other:
            self.assertEqual(harness.read_line(other.stdout), "held")
            self.assert_refused("meshdict.db: another process uses it")
            other.stdin.close()

    def test_damaged(self):
        for end in (harness.Node.terminate, harness.Node.kill):
            with self.subTest(end=end.__name__):
                self.filled(end)
                for path in [path for path in self.data.iterdir() if path.name != "meshdict.lock"]:
                    whole = path.read_bytes()
                    path.write_bytes(b"\0" * 4096 + whole[4096:])
                    self.assert_refused(f"{path.name}: it is damaged", "put a copy of it back")
                    path.write_bytes(whole)
        again = self.start("repaired", *self.options())
        self.assertEqual(again.redis.get("kept"), b"1")

    def test_a_file_without_its_log_is_no_new_node(self):
        node = self.filled(harness.Node.kill)
        log = self.data / "meshdict.db-wal"
        whole = log.read_bytes()
        log.unlink()
        self.assert_refused("meshdict.db has not been closed, and its log meshdict.db-wal is missing", "put it back, or move")
        log.write_bytes(b"")
        self.assert_refused("its log meshdict.db-wal is empty", "put it back, or move")
        log.write_bytes(whole)
        again = self.start("again", *self.options())
        self.assertEqual((again.id, again.redis.get("kept")), (node.id, b"1"))

    def test_a_log_that_does_not_fit(self):
        node = self.filled(harness.Node.terminate)
        closed = (self.data / "meshdict.db").read_bytes()
        self.assertEqual(self.start("again", *self.options()).kill(), -9)
        first_log = (self.data / "meshdict.db-wal").read_bytes()
        self.assertEqual(self.start("third", *self.options()).terminate(), 0)
        # An older log beside a file that has gone on without it, and the log of another node.
        (self.data / "meshdict.db-wal").write_bytes(first_log)
        self.assert_refused("meshdict.db-wal is not the log of meshdict.db", "put the two back that belong together")
        other = self.start("other", "--data-dir", str(self.data.with_name("other")))
        other.kill()
        others_log = (self.data.with_name("other") / "meshdict.db-wal").read_bytes()
        (self.data / "meshdict.db-wal").write_bytes(others_log)
        self.assert_refused("meshdict.db-wal is not the log of meshdict.db")
        (self.data / "meshdict.db").write_bytes(closed)
        self.assert_refused("meshdict.db-wal is not the log of meshdict.db")
        (self.data / "meshdict.db-wal").write_bytes(first_log)
        again = self.start("last", *self.options())
        self.assertEqual((again.id, again.redis.get("kept")), (node.id, b"1"))

    def test_killed_again_and_again(self):
        identity = self.filled(harness.Node.kill).id
        for number in range(5):
            node = self.start(f"life{number}", *self.options("interval" if number % 2 else "always"))
            self.assertEqual((node.id, node.redis.get("kept")), (identity, b"1"))
            # Some incarnations merge their log, and begin it anew.
            if number == 3:
                with node.redis.pipeline(transaction=False) as pipe:
                    for key in range(300):
                        pipe.set(f"key:{key}", b"v" * 100_000)
                    pipe.execute()
            node.kill()
        self.assertEqual(self.start("last", *self.options()).terminate(), 0)

    def test_a_damaged_record(self):
        self.filled(harness.Node.terminate)
        with contextlib.closing(sqlite3.connect(self.data / "meshdict.db")) as database:
            database.execute("UPDATE entries SET value = x'00' WHERE tab = 1 AND key = CAST('kept' AS BLOB)")
            database.commit()
        self.assert_refused("meshdict.db: the stored record", "'kept' is damaged", "put a copy of it back, or move the directory")

    def test_directories_are_made_and_are_the_owners_only(self):
        before = os.umask(0o022)
        try:
            node = self.start("nested", "--data-dir", str(self.data / "a" / "b"))
        finally:
            os.umask(before)
        self.assertTrue(node.redis.set("k", "v"))
        for path in (self.data, self.data / "a", self.data / "a" / "b"):
            self.assertEqual(path.stat().st_mode & 0o777, 0o700, path)
        files = list((self.data / "a" / "b").iterdir())
        self.assertEqual(len(files), 3)
        for path in files:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    def test_of_a_newer_version(self):
        self.filled(harness.Node.terminate)
        with contextlib.closing(sqlite3.connect(self.data / "meshdict.db")) as database:
            database.execute("PRAGMA user_version = 1000")
        self.assert_refused("of a newer meshdict: its schema is 1000")

    def test_read_only(self):
        self.filled(harness.Node.terminate)
        database = self.data / "meshdict.db"
        database.chmod(0o444)
        self.assert_refused("meshdict.db cannot be written: Permission denied", prepare=without_privileges)
        database.chmod(0o644)
        self.data.chmod(0o555)
        self.assert_refused("its directory is read-only", prepare=without_privileges)
        (self.data / "meshdict.lock").chmod(0o444)
        self.assert_refused("meshdict.lock cannot be written: Permission denied", prepare=without_privileges)
        self.data.chmod(0o755)

    def test_what_cannot_be_written_is_not_acknowledged(self):
        node = self.start("small", *self.options(), limits=[(resource.RLIMIT_FSIZE, SMALL_DISK)])
        acknowledged = [f"key:{number}" for number in range(20)]
        for key in acknowledged:
            node.redis.set(key, "x" * 1000)
        # No file may be as long as this one value: no room that is made will do.
        with self.assertRaises((redis.ConnectionError, redis.TimeoutError)):
            node.redis.set("large", "x" * SMALL_DISK)
        self.assertEqual(node.process.wait(harness.DEADLINE), 1)
        self.assertRegex(node.log().splitlines()[-1], "^meshdict-node: data directory .*: the disk gives an error")
        again = self.start("again", *self.options())
        self.assertEqual(again.id, node.id)
        self.assertEqual(again.redis.mget(acknowledged), [b"x" * 1000] * len(acknowledged))

    def test_a_copy_beside_the_original_is_told_once_and_left_alone(self):
        original = self.start("original", *self.options())
        member = self.start("member", join=[original])
        harness.wait_until(lambda: member.peers() and original.peers(), "the two to meet")
        shutil.copytree(self.data, self.data.with_name("copy"))
        copy = self.start("copy", "--data-dir", str(self.data.with_name("copy")), join=[member])
        self.assertEqual(copy.id, original.id)

        def times_told():
            return int(original.redis.info("mesh")["identity_in_use"])

        harness.wait_until(lambda: times_told() >= 3, "the original to be refused three times")
        log = original.log()
        self.assertEqual(log.count("another process has our identity"), 1, log)
        self.assertEqual(log.count(f"neighbour {member.id[:8]} up"), 1, log)
        copy.terminate()
        harness.wait_until(original.peers, "the original to be linked again")


if __name__ == "__main__":
    harness.main()
