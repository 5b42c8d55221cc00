"""Backups of a node that is written meanwhile, data directories made of them, and what the program does with the data of a node that
does not run: checks, exports, imports, damaged records that come back from the mesh."""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import threading

import redis

import harness

# Enough for a backup that takes a while.
KEYS = 40_000
VALUE = b"v" * 500


class BackupTest(harness.MeshTestCase):
    @property
    def data(self):
        return pathlib.Path(self.directory, "data")

    def path(self, name):
        return pathlib.Path(self.directory, name)

    def start_filled(self, name="node", count=KEYS):
        node = self.start(name, "--data-dir", str(self.data))
        with node.redis.pipeline(transaction=False) as pipe:
            for number in range(count):
                pipe.set(f"key:{number}", VALUE)
            pipe.execute()
        return node

    def run_program(self, *options, code=0, **how):
        """What it has printed on stdout, or with another exit code its one line on stderr."""
        done = subprocess.run([harness.program(), *map(str, options)], stdin=how.pop("stdin", subprocess.DEVNULL),
                              capture_output=True, timeout=harness.DEADLINE, check=False, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        if code == 0:
            return done.stdout.decode()
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr.decode()

    def check(self, directory, code=0):
        return self.run_program("--check", "--data-dir", directory, code=code)

    def backup(self, node, name="backup.db"):
        path = self.path(name)
        self.assertEqual(node.client().execute_command("MESH", "BACKUP", str(path)), b"OK")
        return path

    @contextlib.contextmanager
    def writes(self, node):
        """Two keys that always have the same number, in one transaction each time."""
        told = {"number": 0}
        over = threading.Event()

        def write():
            client = node.client()
            while not over.is_set():
                number = told["number"] + 1
                with client.pipeline(transaction=True) as pipe:
                    pipe.set("first", number).set(f"key:{number % KEYS}", b"w" * 500).set("second", number).execute()
                told["number"] = number

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield told
        finally:
            over.set()
            thread.join()

    def test_a_backup_is_of_one_moment(self):
        node = self.start_filled()
        with self.writes(node) as told:
            harness.wait_until(lambda: told["number"] > 50, "writes before the backup")
            before = told["number"]
            backup = self.backup(node)
            after = told["number"] + 1
            harness.wait_until(lambda: told["number"] > after + 50, "writes behind the backup")
        self.assertGreater(after, before + 1, "nothing was written meanwhile")
        self.assertEqual(sorted(path.name for path in backup.parent.glob("backup.db*")), ["backup.db"])
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        self.assertTrue(node.log_lines("the backup"), node.log())
        # The original goes on.
        self.assertEqual(node.kill(), -9)
        self.assertIn("last end: killed", self.check(self.data))

        said = self.run_program("--restore", backup, "--data-dir", self.path("restored"))
        self.assertIn(f"the {KEYS + 2} records of node {node.id}", said)
        found = self.check(self.path("restored"))
        self.assertIn(f"records: {KEYS + 2} keys, 0 deletions, 0 damaged", found)
        self.assertTrue(found.endswith("clean\n"), found)
        again = self.start("again", "--data-dir", str(self.path("restored")))
        self.assertEqual(again.id, node.id)
        first, second = map(int, again.redis.mget("first", "second"))
        self.assertEqual(first, second, "half a transaction")
        self.assertTrue(before <= first <= after, (before, first, after))
        self.assertTrue(again.redis.set("first", "mine still"))

    def test_as_a_new_node(self):
        node = self.start_filled(count=10)
        backup = self.backup(node)
        self.run_program("--restore", backup, "--as-new", "--data-dir", self.path("new"))
        self.assertIn("node: none yet", self.check(self.path("new")))
        new = self.start("new", "--data-dir", str(self.path("new")), join=[node])
        self.assertNotEqual(new.id, node.id)
        self.assertEqual(new.redis.get("key:1"), VALUE)
        # As when the member that was backed up is gone: its leases stand.
        with self.assertRaisesRegex(redis.ResponseError, f"^LEASED {node.id} holds this key"):
            new.redis.set("key:1", "mine")
        self.assertTrue(new.redis.set("another", "mine"))
        self.await_value([node], "another", b"mine")

    def test_what_is_refused(self):
        lonely = self.start("lonely")
        with self.assertRaisesRegex(redis.ResponseError, "keeps all in memory"):
            lonely.redis.execute_command("MESH", "BACKUP", str(self.path("b.db")))
        node = self.start_filled(count=10)
        backup = self.backup(node)
        whole = backup.read_bytes()
        for path, answer in ((backup, "is there already: nothing is overwritten"),
                             (self.path("no") / "where.db", "cannot be made: No such file or directory")):
            with self.assertRaisesRegex(redis.ResponseError, answer):
                node.redis.execute_command("MESH", "BACKUP", str(path))
        self.assertEqual(backup.read_bytes(), whole)
        self.assertIn("another node uses it (process", self.run_program("--restore", backup, "--data-dir", self.data, code=1))
        self.assertRegex(self.check(self.data, code=1), f"--check: .*another node uses it .process {node.process.pid}.*stop that node first")
        self.assertEqual(node.terminate(), 0)
        self.assertIn("nothing is overwritten", self.run_program("--restore", backup, "--data-dir", self.data, code=1))
        (self.path("cut.db")).write_bytes(whole[:8192])
        said = self.run_program("--restore", self.path("cut.db"), "--data-dir", self.path("other"), code=1)
        self.assertIn(f"meshdict-node: --restore: backup '{self.path('cut.db')}': is damaged", said)
        self.assertFalse((self.path("other") / "meshdict.db").exists())
        for options, said in ((["--check"], "--check: needs --data-dir"), (["--as-new"], "--as-new: needs --restore"),
                              (["--check", "--export", "f", "--data-dir", "d"], "--export: is not to be done together with --check"),
                              (["--repair-from-mesh"], "--repair-from-mesh: needs --data-dir")):
            self.assertIn(said, self.run_program(*options, code=2))

    def ask_for_backup(self, node):
        """From a client of the thread alone, whose answer may not come. Returns its thread, once the backup has begun."""
        connection = redis.Connection(*node.redis_address, socket_timeout=harness.DEADLINE)
        connection.send_command("MESH", "BACKUP", str(self.path("backup.db")))

        def read():
            with contextlib.suppress(redis.RedisError, OSError):
                connection.read_response()
            connection.disconnect()

        thread = threading.Thread(target=read)
        thread.start()
        begun = (self.path("backup.db.unfinished"), self.path("backup.db"))
        harness.wait_until(lambda: any(path.exists() for path in begun), "the backup to begin")
        return thread

    def test_killed_during_a_backup(self):
        node = self.start_filled()
        for life in range(3):
            unfinished = self.path("backup.db.unfinished")
            with contextlib.suppress(FileNotFoundError):
                unfinished.unlink()
            thread = self.ask_for_backup(node)
            node.process.kill()
            thread.join()
            node.kill()
            if self.path("backup.db").exists():
                # It was faster.
                self.path("backup.db").unlink()
            node = self.start(f"life{life}", "--data-dir", str(self.data))
            self.assertEqual(node.redis.dbsize(), KEYS)
        backup = self.backup(node)
        self.assertFalse(unfinished.exists())
        self.run_program("--restore", backup, "--data-dir", self.path("restored"))
        self.check(self.path("restored"))

    def test_a_stop_ends_a_backup(self):
        node = self.start_filled()
        thread = self.ask_for_backup(node)
        self.assertEqual(node.terminate(), 0)
        thread.join()
        self.assertFalse(self.path("backup.db.unfinished").exists())

    def test_export_and_import(self):
        node = self.start_filled(count=3)
        node.redis.set(b"\xff\x00", b"\xde\xad\n")
        self.assertEqual(node.terminate(), 0)
        said = self.run_program("--export", self.path("keys.jsonl"), "--data-dir", self.data)
        self.assertEqual(said, "4 keys exported\n")
        self.assertEqual(self.path("keys.jsonl").stat().st_mode & 0o777, 0o600)
        lines = self.path("keys.jsonl").read_bytes()
        self.assertEqual([json.loads(line).get("key") for line in lines.splitlines()], ["key:0", "key:1", "key:2", None])
        self.assertEqual(self.run_program("--export", "-", "--data-dir", self.data).encode(), lines)
        with open(self.path("keys.jsonl"), "rb") as source:
            said = self.run_program("--import", "-", "--data-dir", self.path("other"), stdin=source)
        self.assertRegex(said, "^4 keys imported: node [^ ]+ holds them\n$")
        other = self.start("other", "--data-dir", str(self.path("other")))
        self.assertEqual(other.redis.get(b"\xff\x00"), b"\xde\xad\n")
        self.assertEqual(other.lease("key:1")["owner"], other.id)
        self.assertTrue(other.redis.set("key:1", "changed"))
        self.path("wrong.jsonl").write_bytes(lines + b'{"key":"k","type":"byte","value":""}\n')
        said = self.run_program("--import", self.path("wrong.jsonl"), "--data-dir", self.path("third"), code=1)
        self.assertIn(f"--import: '{self.path('wrong.jsonl')}', line 5: the type", said)

    def damage(self, key):
        with contextlib.closing(sqlite3.connect(self.data / "meshdict.db")) as database:
            database.execute("UPDATE entries SET value = x'00' WHERE tab = 1 AND key = CAST(? AS BLOB)", [key])
            database.commit()

    def test_a_damaged_record_comes_back_from_the_mesh(self):
        node = self.start_filled(count=10)
        other = self.start("other", join=[node])
        self.await_value([other], "key:9", VALUE)
        self.assertEqual(node.terminate(), 0)
        self.damage("key:3")
        done = subprocess.run([harness.program(), "--check", "--data-dir", self.data], capture_output=True, text=True, check=False,
                              timeout=harness.DEADLINE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("damaged: meshdict.db: record of key 'key:3'", done.stdout)
        self.assertIn("records: 9 keys, 0 deletions, 1 damaged", done.stdout)
        self.assertIn(f"data directory '{self.data}': damaged; start its node with --repair-from-mesh", done.stderr)
        again = self.start("again", "--data-dir", str(self.data), "--repair-from-mesh", join=[other])
        aside = self.data / "damaged-records.jsonl"
        self.assertEqual(len(again.log_lines(str(aside))), 1, again.log())
        self.assertEqual(aside.stat().st_mode & 0o777, 0o600)
        self.await_value([again], "key:3", VALUE)
        self.assertEqual(again.lease("key:3")["owner"], node.id)
        self.assertTrue(again.redis.set("key:3", "written again"))
        self.assertEqual(again.terminate(), 0)
        self.check(self.data)


if __name__ == "__main__":
    harness.main()
