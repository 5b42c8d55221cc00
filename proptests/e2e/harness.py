"""What the tests of real processes share: nodes that are started, watched and ended, and waiting that is bounded.

1. A test ends only processes that it started; they also die with the test's own process.
2. Nothing sleeps for luck: wait_until() polls a condition, and its deadline is only where a test gives up.
3. A failed test prints the log of every node that it started.

The program under test is named by the environment variable MESHDICT_NODE. MESHDICT_SANITIZE is set when it was built
with a sanitizer: deadlines are then longer, and memory is not judged.
"""

import collections
import contextlib
import os
import pathlib
import random
import re
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import redis

from line_program import die_with_parent

SANITIZED = bool(os.environ.get("MESHDICT_SANITIZE"))
# Where a test gives up. Far above what any step takes, so that a busy machine does not fail a test.
DEADLINE = 120 if SANITIZED else 40

# For CTest's SKIP_RETURN_CODE.
SKIPPED = 77

_ANNOUNCEMENT = re.compile(r"^meshdict-node (\S+) id=(\S+) mesh=(\S+):(\d+) redis=(\S+):(\d+)(?: http=(\S+):(\d+))?$")


def program():
    path = os.environ.get("MESHDICT_NODE")
    if not path or not os.access(path, os.X_OK):
        sys.exit("set MESHDICT_NODE to the meshdict-node to be tested")
    return path


class TimedOut(AssertionError):
    pass


def wait_until(condition, what, timeout=None):
    """Polls until condition() is true, and returns what it gave. `what` completes "waited in vain for ..."."""
    deadline = time.monotonic() + (timeout or DEADLINE)
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimedOut(f"waited in vain for {what() if callable(what) else what}")
        time.sleep(0.02)


def free_port():
    """A port that nobody uses, below those that the system gives to outgoing connections."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port among a hundred")


class Node:
    """One meshdict-node. Ports are the system's choice unless `listen` says otherwise; None: `options` say where it listens."""

    def __init__(self, name, directory, options=(), join=(), listen=0, descriptors=None, limits=(),
                 log_to=None, environment=None):
        """`limits`: (resource, soft limit) of the process; `log_to`: a descriptor that takes its stderr instead of a file;
        `environment`: variables that its process has beside ours."""
        self.name = name
        self._log = pathlib.Path(directory) / f"{name}.log"
        self._clients = []
        command = [program(), *([] if listen is None else ["--listen", f"127.0.0.1:{listen}"]), *options]
        if "--resp" not in options:
            command += ["--resp", "127.0.0.1:0"]
        for other in join:
            command += ["--join", other if isinstance(other, str) else other.mesh]
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log if log_to is None else log_to,
                preexec_fn=lambda: self._prepare_child(descriptors, limits), env={**self._environment(), **(environment or {})})

    @staticmethod
    def _environment():
        environment = dict(os.environ)
        # The quarantine alone would otherwise be larger than all that a test allows.
        environment["ASAN_OPTIONS"] = "quarantine_size_mb=8:" + environment.get("ASAN_OPTIONS", "")
        return environment

    @staticmethod
    def _prepare_child(descriptors, limits=()):
        die_with_parent()
        for kind, soft in limits:
            resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))
        if descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    def await_announcement(self):
        """Waits for the line that says where the node is reached."""
        line = read_line(self.process.stdout)
        match = _ANNOUNCEMENT.match(line)
        if not match:
            code = self.process.poll()
            raise AssertionError(f"{self.name} announced {line!r} (exit code {code}); its log:\n{self.log()}")
        self.version, self.id = match[1], match[2]
        self.mesh_address = (match[3], int(match[4]))
        self.redis_address = (match[5], int(match[6]))
        self.http_address = (match[7], int(match[8])) if match[7] else None
        self.mesh = f"{match[3]}:{match[4]}"
        return self

    def client(self, **options):
        """A new connection pool to the Redis-protocol port."""
        host, port = self.redis_address
        made = redis.Redis(host=host, port=port, socket_timeout=DEADLINE, **options)
        self._clients.append(made)
        return made

    @property
    def redis(self):
        if not self._clients:
            self.client()
        return self._clients[0]

    def peers(self):
        """MESH PEERS: a list of dictionaries."""
        answer = self.redis.execute_command("MESH", "PEERS")
        return [dict(zip((f.decode() for f in peer[::2]), (_text(v) for v in peer[1::2]))) for peer in answer]

    def peer_ids(self):
        return sorted(peer["id"] for peer in self.peers())

    def lease(self, key):
        answer = self.redis.execute_command("LEASE", key)
        return answer and {answer[i].decode(): _text(answer[i + 1]) for i in range(0, len(answer), 2)}

    def log(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def log_lines(self, part=""):
        return [line for line in self.log().splitlines() if part in line]

    def memory(self, field="VmHWM"):
        """In bytes: the most memory that was ever resident (VmHWM), what is now (VmRSS), or addresses in use (VmSize)."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} of {self.name}")

    def alive(self):
        return self.process.poll() is None

    def terminate(self):
        """SIGTERM. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._await_exit()

    def kill(self):
        """kill -9."""
        self.process.kill()
        return self._await_exit()

    def _await_exit(self):
        self.close_clients()
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return code

    def close_clients(self):
        for client in self._clients:
            client.close()
            client.connection_pool.disconnect()
        self._clients = []

    def dispose(self):
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        self._await_exit()


def read_line(stream):
    """One line of a child's output, or what there is of it at its end or at the deadline."""
    deadline = time.monotonic() + DEADLINE
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0, deadline - time.monotonic())):
            piece = os.read(stream.fileno(), 1)
            if not piece:
                break
            line += piece
    return line.decode(errors="replace").rstrip("\n")


def _text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else value


class MeshTestCase(unittest.TestCase):
    """Starts nodes that end with the test, and shows their logs when it fails."""

    def run(self, result=None):
        self._nodes = []
        before = len(result.failures) + len(result.errors) if result else 0
        with tempfile.TemporaryDirectory(prefix="meshdict-e2e-") as self.directory:
            outcome = super().run(result)
            if result and len(result.failures) + len(result.errors) > before:
                for node in self._nodes:
                    lines = node.log_lines()
                    hidden = f" ({len(lines) - 60} lines before these)" if len(lines) > 60 else ""
                    print(f"--- log of {node.name}{hidden}", *lines[-60:], sep="\n", file=sys.stderr)
        return outcome

    def launch(self, name, *options, **more):
        """Starts a node without waiting for it."""
        node = Node(name, self.directory, options, **more)
        self._nodes.append(node)
        self.addCleanup(node.dispose)
        return node

    def start(self, name, *options, **more):
        return self.launch(name, *options, **more).await_announcement()

    def start_chain(self, count, *options):
        """Nodes 1 to count, each joining the one before."""
        nodes = []
        for number in range(1, count + 1):
            nodes.append(self.start(f"node{number}", *options, join=nodes[-1:]))
        for node in nodes:
            wait_until(lambda node=node: len(node.peers()) >= (1 if count > 1 else 0), f"a neighbour of {node.name}")
        return nodes

    def await_value(self, nodes, key, value):
        for node in nodes:
            wait_until(lambda node=node: node.redis.get(key) == value,
                       lambda node=node: f"{key} = {value!r} at {node.name}, which has {node.redis.get(key)!r}")

    def await_log(self, node, *parts):
        """Waits for a log line that has all parts, and returns it."""
        def found():
            return next((line for line in node.log_lines() if all(part in line for part in parts)), None)
        return wait_until(found, f"a line with {' and '.join(parts)} in the log of {node.name}")

    def assert_leased(self, answer, owner, key):
        """`answer` is the -LEASED refusal that names the owner and the time left."""
        self.assertIsInstance(answer, redis.ResponseError, f"{key} was not refused")
        self.assertRegex(str(answer), rf"^LEASED {owner} holds this key for \d+ s$", f"refusal of {key}")


def established(node):
    """(local, remote) addresses, in the kernel's hexadecimal, of the node's open connections but those of its clients."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{node.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:["):-1])
    clients = f":{node.redis_address[1]:04X}"
    found = collections.Counter()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, state, inode = fields[1], fields[2], fields[3], fields[9]
        if state == "01" and inode in inodes and not local.endswith(clients):
            found[local, remote] += 1
    return sorted(found.elements())


def main():
    """Runs the tests of the script. Exit code SKIPPED when none of them could run; each has said why."""
    program()
    outcome = unittest.main(verbosity=2, exit=False).result
    if outcome.wasSuccessful() and outcome.testsRun and len(outcome.skipped) == outcome.testsRun:
        sys.exit(SKIPPED)
    sys.exit(0 if outcome.wasSuccessful() else 1)
