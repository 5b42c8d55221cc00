"""Users of the Redis-protocol endpoint on real processes: passwords, rights, prefixes, and a file that changes."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness

AuthenticationError = harness.redis.AuthenticationError
NoPermission = harness.redis.exceptions.NoPermissionError


def hash_of(password):
    done = subprocess.run([harness.program(), "--hash-password"], input=password.encode() + b"\n", capture_output=True,
                          timeout=harness.DEADLINE, check=True)
    return done.stdout.decode().strip()


class UsersTest(harness.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.hash = hash_of("secret")

    def setUp(self):
        self.file = pathlib.Path(self.directory, "users")
        self.write(f"ada {self.hash} +read +write +publish ~app:*", f"root {self.hash} +read +write +publish +mesh +admin ~*")

    def write(self, *lines):
        self.file.write_text("# users\n" + "".join(f"{line}\n" for line in lines))
        self.file.chmod(0o600)

    def node_with_users(self, *options):
        node = self.start("node", "--resp-users", str(self.file), *options)
        # The first client is what the harness itself uses.
        node.client(username="root", password="secret").ping()
        return node

    def counted(self, node, field):
        return int(node.redis.info("security")[field])

    def test_who_is_let_in(self):
        node = self.node_with_users()
        ada = node.client(username="ada", password="secret")
        self.assertTrue(ada.set("app:1", "hello"))
        self.assertEqual(node.redis.get("app:1"), b"hello")
        self.assertEqual(ada.execute_command("ACL", "WHOAMI"), b"ada")
        self.assertEqual(node.redis.acl_users(), ["ada", "root"])
        self.assertEqual(node.redis.acl_getuser("ada")["enabled"], True)

    def test_who_is_not(self):
        node = self.node_with_users()
        with self.assertRaises(AuthenticationError) as refused:
            node.client().get("app:1")
        self.assertIn("Authentication required", str(refused.exception))
        self.assertGreater(self.counted(node, "commands_without_login"), 0)
        times = {}
        for user, password in (("ada", "Secret"), ("ada", ""), ("nobody", "secret"), ("default", "secret")):
            with self.subTest(user=user, password=password):
                before = self.counted(node, "logins_wrong_password")
                started = time.monotonic()
                with self.assertRaises(harness.redis.RedisError) as refused:
                    client = node.client()
                    connection = client.connection_pool.get_connection("AUTH")
                    connection.send_command("AUTH", user, password)
                    connection.read_response()
                times[user, password] = time.monotonic() - started
                self.assertIn("invalid username-password pair", str(refused.exception))
                self.assertEqual(self.counted(node, "logins_wrong_password"), before + 1)
        self.assertGreaterEqual(min(times.values()), 1)
        self.await_log(node, "warn", "gave a wrong password for the user ada")
        self.await_log(node, "warn", "gave a wrong password for a user that there is not")
        self.assertEqual(node.log_lines("nobody") + node.log_lines("secret") + node.log_lines("Secret"), [])

    def test_who_may_not(self):
        node = self.node_with_users()
        ada = node.client(username="ada", password="secret")
        node.redis.set("other", "hidden")
        for command in (["GET", "other"], ["SET", "other", "x"], ["DEL", "app:1", "other"], ["DBSIZE"], ["RANDOMKEY"], ["INFO"],
                        ["MESH", "PEERS"], ["CLIENT", "LIST"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["EXPLAIN", "other"],
                        ["LEASE", "other"], ["PUBLISH", "other", "x"], ["SUBSCRIBE", "mesh"], ["PUBSUB", "CHANNELS"]):
            with self.subTest(command=command), self.assertRaises(NoPermission):
                ada.execute_command(*command)
        ada.set("app:1", "v")
        self.assertEqual(list(ada.scan_iter()), [b"app:1"])
        self.assertEqual(ada.keys("*"), [b"app:1"])
        self.assertEqual(node.redis.get("other"), b"hidden")
        self.assertGreaterEqual(self.counted(node, "commands_without_right"), 15)

    def test_events_of_the_own_keys_only(self):
        node = self.node_with_users()
        listener = node.client(username="ada", password="secret").pubsub(ignore_subscribe_messages=True)
        listener.psubscribe("*")
        listener.get_message(timeout=harness.DEADLINE)
        node.redis.set("other", "x")
        node.redis.publish("other", "x")
        node.redis.set("app:1", "x")
        heard = harness.wait_until(lambda: listener.get_message(timeout=1), "an event")
        self.assertEqual((heard["channel"], heard["data"]), (b"__keyevent@0__:set", b"app:1"))

    def test_a_password_is_checked_away_from_the_loop(self):
        node = self.node_with_users()

        def guess(number):
            try:
                node.client(username="ada", password=f"guess{number}").ping()
            except harness.redis.RedisError:
                pass

        guesses = [threading.Thread(target=guess, args=(number,)) for number in range(6)]
        for one in guesses:
            one.start()
        harness.wait_until(lambda: self.counted(node, "passwords_waiting") > 1, "passwords that wait")
        longest = 0
        while any(one.is_alive() for one in guesses):
            started = time.monotonic()
            node.redis.ping()
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.01)
        for one in guesses:
            one.join()
        self.assertEqual(self.counted(node, "logins_wrong_password"), 6)
        turn = int(node.redis.info("stats")["longest_turn_us"])
        self.assertLess(turn, 100_000 if not harness.SANITIZED else 1_000_000, "the loop itself does not compute")

    def test_strangers_keep_nobody_out(self):
        node = self.start("node", "--resp-users", str(self.file), descriptors=48)
        root = node.client(username="root", password="secret")
        most = int(root.info("clients")["maxclients"])
        idle = [socket.create_connection(node.redis_address) for _ in range(most + 10)]
        for name in ("ada", "root"):
            self.assertEqual(node.client(username=name, password="secret").execute_command("ACL", "WHOAMI"), name.encode())
        self.assertTrue(root.ping(), "who has logged in stays")
        self.await_log(node, "warn", "had not logged in, and gave its place to another")
        for sock in idle:
            sock.close()

    def test_a_pool_logs_in_at_once(self):
        node = self.node_with_users()
        clients = [node.client(username="root", password="secret") for _ in range(40)]
        started = time.monotonic()
        for client in clients:
            self.assertTrue(client.ping())
        self.assertLess(time.monotonic() - started, 5, "the password is compared once")

    def test_a_file_that_changes(self):
        node = self.node_with_users()
        ada = node.client(username="ada", password="secret")
        ada.set("app:1", "v")
        root = f"root {self.hash} +read +write +publish +mesh +admin ~*"
        self.write(f"ada {self.hash} +read ~app:*", root)
        self.await_log(node, "the file of users has been read again")
        with self.assertRaises(NoPermission):
            ada.set("app:1", "w")
        self.assertEqual(ada.get("app:1"), b"v")
        # Nonsense changes nothing.
        self.write("ada hunter2 +read ~*", root)
        self.await_log(node, "error", "those from before stay", "line 2: the second word is no hash")
        self.assertEqual(node.log_lines("hunter2"), [])
        self.assertEqual(ada.get("app:1"), b"v")
        # Who is not in it any more is hung up on; SIGHUP asks for it at once, and does not end the node.
        self.write(root)
        node.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: len(node.log_lines("has been read again")) > 1, "the file, once more")
        with self.assertRaisesRegex(harness.redis.RedisError, "WRONGPASS"):
            harness.wait_until(lambda: ada.get("app:1") is None, "the end of its connection")
        self.assertTrue(node.redis.ping())

    def test_files_that_cannot_be_used(self):
        def refused():
            done = subprocess.run([harness.program(), "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--resp-users", self.file],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1), done)
            self.assertIn("--resp-users: '", done.stderr)
            return done.stderr

        self.file.chmod(0o604)
        self.assertIn("chmod 600", refused())
        self.write(f"ada {self.hash} +read ~*", f"ada {self.hash} +read ~*")
        self.assertIn("line 3: line 2 is of the same user", refused())
        self.write(f"ada {self.hash} +read")
        self.assertIn("line 2: it does not say which keys", refused())
        self.write()
        self.assertIn("there is no user in it", refused())
        self.write("#" * 2_000_000)
        self.assertIn("has more than the 1048576 bytes", refused())
        self.file.unlink()
        self.assertIn("cannot be opened", refused())

    def test_hashes(self):
        self.assertRegex(self.hash, r"^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$")
        self.assertNotEqual(hash_of("secret"), self.hash)
        for password, says in ((b"", "an empty one"), (b"\n", "an empty one"), (b"x" * 1025, "at most 1024 bytes")):
            done = subprocess.run([harness.program(), "--hash-password"], input=password, capture_output=True,
                                  timeout=harness.DEADLINE, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done)
            self.assertIn(says, done.stderr.decode())

    def test_beyond_this_machine(self):
        node = self.start("node", "--resp", "0.0.0.0:0", "--resp-users", str(self.file))
        self.await_log(node, "warn", "passwords and all else cross the network as they are: give --resp-tls")
        self.write("default nopass +read ~*")
        node = self.start("everybody", "--resp", "0.0.0.0:0", "--resp-users", str(self.file))
        self.await_log(node, "warn", "the user default has no password")
        client = harness.redis.Redis("127.0.0.1", node.redis_address[1])
        self.addCleanup(client.close)
        self.assertIsNone(client.get("k"))
        with self.assertRaises(NoPermission):
            client.set("k", "v")

    @unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed")
    def test_the_redis_command(self):
        node = self.node_with_users()

        def say(*arguments):
            done = subprocess.run(["redis-cli", "-p", str(node.redis_address[1]), "--no-auth-warning", *arguments],
                                  capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
            return done.stdout.strip() + done.stderr.strip()

        self.assertEqual(say("--user", "ada", "-a", "secret", "set", "app:1", "v"), "OK")
        self.assertIn("NOAUTH", say("get", "app:1"))
        self.assertIn("WRONGPASS", say("--user", "ada", "-a", "x", "get", "app:1"))
        self.assertIn("NOPERM", say("--user", "ada", "-a", "secret", "get", "other"))

    @unittest.skipIf(os.geteuid() == 0, "root owns its files anyway")
    def test_a_process_with_passwords_leaves_no_core(self):
        node = self.node_with_users()
        self.assertEqual(os.stat(f"/proc/{node.process.pid}/mem").st_uid, 0)


if __name__ == "__main__":
    harness.main()
