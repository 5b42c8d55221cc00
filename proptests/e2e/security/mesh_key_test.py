"""A mesh with a key: nodes that have it are in, strangers are out and told why, and the key can be changed without a gap."""

import os
import pathlib
import secrets
import signal
import stat
import subprocess
import unittest

import certificates
import harness


def run(*arguments):
    return subprocess.run([harness.program(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=harness.DEADLINE, check=False)


class MeshKeyTest(harness.MeshTestCase):
    def key(self, name, *hexadecimal):
        return certificates.make_key(self.directory, name, *(hexadecimal or [secrets.token_hex(32)]))

    def member(self, name, key, *options, **more):
        return self.start(name, "--mesh-key-file", str(key), *options, **more)

    def await_refusal(self, node, reason):
        """In log, MESH DEPARTED and INFO, each with its reason."""
        self.await_log(node, f"refused: {reason}")
        departed = node.redis.execute_command("MESH", "DEPARTED")
        self.assertIn(reason.encode(), [one[3] for one in departed])
        field = "refused_" + reason.lower().replace(" ", "_").replace("-", "_").replace("'", "")
        self.assertGreater(int(node.redis.info("security")[field]), 0)

    def test_a_key_that_is_made_is_for_its_owner_and_makes_a_mesh(self):
        path = pathlib.Path(self.directory) / "made"
        made = run("--make-key", path)
        self.assertEqual((made.returncode, made.stderr), (0, ""), made)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(run("--make-key", path).returncode, 1)
        first = self.member("first", path)
        second = self.member("second", path, join=[first])
        harness.wait_until(second.peers, "a neighbour")
        first.redis.set("greeting", "hello")
        self.await_value([second], "greeting", b"hello")
        self.assertEqual(second.redis.info("security")["mesh_proof"], "mesh_key")
        key = path.read_text().split()[-1]
        for node in (first, second):
            self.assertNotIn(key, node.log())
            self.assertNotIn(key, str(node.redis.info("everything")))

    def test_strangers_are_refused_and_hear_why(self):
        node = self.member("node", self.key("key"))
        other = self.member("other", self.key("other"), join=[node])
        self.await_refusal(node, "another mesh key")
        self.await_refusal(other, "another mesh key")
        plain = self.start("plain", join=[node])
        self.await_refusal(node, "without TLS")
        self.await_refusal(plain, "speaks TLS")
        self.await_log(plain, "--mesh-key-file")
        back = self.start("back")
        node.redis.execute_command("MESH", "CONNECT", back.mesh)
        self.await_refusal(back, "speaks TLS")
        certificates.s_client(node.mesh_address[1], "-tls1_3")
        self.await_refusal(node, "no mesh key")
        self.assertEqual(node.peers(), [])

    def test_a_key_is_changed_without_a_gap(self):
        old, new = secrets.token_hex(32), secrets.token_hex(32)
        files = [self.key(f"key{i}", old) for i in range(2)]
        first = self.member("first", files[0])
        second = self.member("second", files[1], join=[first])
        harness.wait_until(second.peers, "a neighbour")
        # Both take both; then both dial with the new one; then the old one is worth nothing.
        for keys in ([old, new], [new, old], [new]):
            for node, file in ((first, files[0]), (second, files[1])):
                before = len(node.log_lines("have been read again"))
                os.replace(self.key("next", *keys), file)
                harness.wait_until(lambda node=node, before=before: len(node.log_lines("have been read again")) > before,
                                   "the new keys")
            self.assertIn(second.id, first.peer_ids(), "existing links stay")
            late = self.member(f"late{len(keys)}{keys[0][:4]}", self.key("late", *keys), join=[first])
            harness.wait_until(late.peers, "the one that comes late")
        latecomer = self.member("latecomer", self.key("old", old), join=[first])
        self.await_refusal(first, "another mesh key")
        self.assertEqual(latecomer.peers(), [])

    def test_a_file_that_cannot_be_used_changes_nothing(self):
        file = self.key("key")
        node = self.member("node", file)
        before = file.read_text()
        file.write_text("nonsense")
        self.await_log(node, "those from before stay", "line 1 is no mesh key")
        file.write_text(before)
        self.await_log(node, "have been read again")
        # SIGHUP asks for it at once.
        lines = len(node.log_lines("have been read again"))
        node.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: len(node.log_lines("have been read again")) > lines, "the keys, once more")
        self.assertTrue(node.redis.ping())

    def test_files_that_are_no_secret_are_refused(self):
        for mode in (0o640, 0o604):
            file = self.key(f"key{mode}")
            file.chmod(mode)
            done = run("--mesh-key-file", file, "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0")
            self.assertEqual(done.returncode, 1, done)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn("chmod 600", done.stderr)
        for path in ("/nowhere", self.directory, os.devnull):
            done = run("--mesh-key-file", path, "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0")
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done)
            self.assertIn("--mesh-key-file", done.stderr)

    def test_beyond_this_machine_a_mesh_asks_for_proof(self):
        done = run("--listen", "0.0.0.0:0", "--resp", "127.0.0.1:0")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
        for word in ("--listen", "--mesh-key-file", "--make-key", "--open"):
            self.assertIn(word, done.stderr)
        free = self.launch("free", "--listen", "0.0.0.0:0", "--open", listen=None).await_announcement()
        self.await_log(free, "warn", "--open lets everybody in")
        self.launch("keyed", "--listen", "0.0.0.0:0", "--mesh-key-file", str(self.key("key")), listen=None).await_announcement()

    @unittest.skipIf(os.geteuid() == 0, "root owns its files anyway")
    def test_a_process_with_a_key_leaves_no_core(self):
        node = self.member("node", self.key("key"))
        # The kernel gives such a process's files to root.
        self.assertEqual(os.stat(f"/proc/{node.process.pid}/mem").st_uid, 0)


if __name__ == "__main__":
    harness.main()
