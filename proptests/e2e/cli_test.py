"""The command line: what is wrong is said in one line that names the option, with exit code 2; a port in use is 1."""

import pathlib
import re
import socket
import subprocess

import harness


def run(*arguments):
    return subprocess.run([harness.program(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=harness.DEADLINE, check=False)


class CommandLineTest(harness.MeshTestCase):
    def assert_refused(self, arguments, named, code=2, says=""):
        """Ends with `code`, nothing on stdout, and one line on stderr that names the option."""
        with self.subTest(arguments=arguments):
            done = run(*arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(named, done.stderr)
            self.assertIn(says, done.stderr)

    def test_wrong_options(self):
        for arguments, named in [
                (["--no-such-option"], "--no-such-option"),
                (["stray"], "stray"),
                (["--listen"], "--listen"),
                (["--listen", "nonsense"], "--listen"),
                (["--listen", "127.0.0.1:65536"], "--listen"),
                (["--listen", "127.0.0.1:-1"], "--listen"),
                (["--listen", ":"], "--listen"),
                (["--listen", "127.0.0.1:44565 "], "--listen"),
                (["--resp", "127.0.0.1"], "--resp"),
                (["--join", "127.0.0.1:0"], "--join"),
                (["--join", "127.0.0.1:44565", "--join", "here:there"], "--join"),
                (["--advertise", "0.0.0.0:44565"], "--advertise"),
                (["--network", "x" * 65_536], "--network"),
                (["--leasing", "maybe"], "--leasing"),
                (["--lease-seconds", "0"], "--lease-seconds"),
                (["--lease-seconds", "-5"], "--lease-seconds"),
                (["--lease-seconds", "10s"], "--lease-seconds"),
                (["--lease-seconds", "99999999999999999999"], "--lease-seconds"),
                (["--data-dir", ""], "--data-dir"),
                (["--durability", "always"], "--data-dir"),
                (["--data-dir", "d", "--durability", "never"], "--durability"),
                (["--log-level", "loud"], "--log-level"),
                (["--encryption", "rot13"], "--encryption"),
                (["--encryption", "ssl", "--tls-key", "k"], "--encryption tls"),
                (["--encryption", "tls"], "--tls-cert"),
                (["--encryption", "tls", "--tls-cert", "c", "--tls-key", "k"], "--tls-ca"),
                (["--tls-cert", "c"], "--encryption tls"),
                (["--mesh-key-file", "k", "--encryption", "tls"], "--mesh-key-file"),
                (["--mesh-key-file", ""], "--mesh-key-file")]:
            self.assert_refused(arguments, named)

    def test_a_mistyped_option_is_named_first_with_what_was_meant(self):
        for arguments, says in [(["--lisen", "127.0.0.1:0"], "meshdict-node: --lisen: no such option, did you mean --listen?"),
                                (["x", "--joint=127.0.0.1:1"], "meshdict-node: --joint: no such option, did you mean --join?"),
                                (["stray"], "meshdict-node: stray: no such option (")]:
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith(says), done.stderr)

    def test_an_option_given_twice(self):
        for option, value in [("--listen", "127.0.0.1:0"), ("--resp", "127.0.0.1:0"), ("--network", "a")]:
            self.assert_refused([option, value, option, value], option, says="given twice")

    def test_words_in_any_case(self):
        node = self.start("node", "--leasing", "ON", "--log-level", "Debug")
        self.assertEqual(node.client().info("mesh")["leasing"], "on")

    def test_text_of_others_stays_on_one_line(self):
        for text in ["a\nb:1", "\x1b[31mred:1", "x" * 100_000]:
            done = run("--listen", text)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertNotIn("\x1b", done.stderr)
            self.assertLess(len(done.stderr), 1000)

    def test_what_is_not_built_yet(self):
        # What the help does not list must not pass for something that works.
        available = self.help_options()
        for option in ("--http", "--config", "--settle-ms"):
            if option not in available:
                self.assert_refused([option, "anything"], option, says="not available yet")
                self.assert_refused([option], option, says="not available yet")

    def test_version(self):
        done = run("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\Ameshdict-node \d+\.\d+\.\d+\n\Z")
        announced = self.start("node").version
        self.assertEqual(done.stdout, f"meshdict-node {announced}\n")

    def help_options(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(re.findall(r"--[a-z-]+", done.stdout))

    def test_help_names_every_option(self):
        self.assertLessEqual({"--listen", "--advertise", "--join", "--network", "--leasing", "--lease-seconds",
                              "--resp", "--data-dir", "--durability", "--log-level", "--version"}, self.help_options())

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_refused(["--listen", address, "--resp", "127.0.0.1:0"], "--listen", 1, address)
            self.assert_refused(["--listen", "127.0.0.1:0", "--resp", address], "--resp", 1, address)

    def test_address_that_is_not_ours(self):
        # 192.0.2.0/24 is kept free for documentation (RFC 5737).
        self.assert_refused(["--listen", "192.0.2.1:44565", "--resp", "127.0.0.1:0", "--open"], "--listen", 1, "192.0.2.1")

    def test_signals_end_well(self):
        witness = self.start("witness")
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            with self.subTest(signal=name):
                node = self.start(name, join=[witness])
                harness.wait_until(lambda node=node: node.peers(), "a neighbour")
                node.process.send_signal(getattr(harness.signal, name))
                self.assertEqual(node.process.wait(harness.DEADLINE), 0)
                self.await_log(witness, node.id[:8], "goodbye")

    def test_nohup_is_respected(self):
        harness.signal.signal(harness.signal.SIGHUP, harness.signal.SIG_IGN)
        try:
            node = self.start("nohup")
        finally:
            harness.signal.signal(harness.signal.SIGHUP, harness.signal.SIG_DFL)
        # What the system has noted says it better than a signal, of which nobody can tell when it has had no effect.
        status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text(encoding="ascii")
        ignored = int(re.search(r"^SigIgn:\s*(\w+)$", status, re.M)[1], 16)
        self.assertTrue(ignored & 1 << (harness.signal.SIGHUP - 1), status)
        self.assertEqual(node.terminate(), 0)

    def test_port_is_free_again_at_once(self):
        node = self.start("before")
        client = node.client()
        client.set("key", "value")
        ports = node.mesh_address[1], node.redis_address[1]
        self.assertEqual(node.terminate(), 0)
        again = self.start("after", "--resp", f"127.0.0.1:{ports[1]}", listen=ports[0])
        self.assertEqual((again.mesh_address[1], again.redis_address[1]), ports)
        self.assertTrue(again.redis.ping())


if __name__ == "__main__":
    harness.main()
