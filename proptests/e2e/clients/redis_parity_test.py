"""Replies of meshdict-node against those of a real Redis 7, byte for byte, for what both have: the commands of everyday,
their argument checks and error texts, and inline commands. What differs on purpose is in node/app/README.md and in the
table DIFFERENT below, which is checked to be different.

The server is of the package redis-tools: redis-check-rdb is the server when it is run under the name redis-server.
Without it the test is skipped with a message.
"""

import contextlib
import re
import shutil
import socket
import subprocess
import unittest

import harness

SERVER = shutil.which("redis-server") or shutil.which("redis-check-rdb")

# Each line is one connection's commands, one after the other; blanks separate arguments, '' is the empty one.
SAME = """
PING | PING hi | PING a b | ECHO x | ECHO | QUIT
SET k v | GET k | SET k w NX | SET k w XX | SET new w XX | GET k | GET new | SET k x GET | SET none x GET | GET
SET | SET k | SET k v NX XX | SET k v FOO | SET k v GET XX | set K v nx get | GET k v
SET k v | SETNX k w | SETNX n w | SETNX n | GETSET k a | GETSET gs a | GETSET k | GETDEL k | GETDEL k | GETDEL
MSET a 1 b 2 | MGET a b c | MSET a | MSET a 1 b | MSET | MGET | DEL a b c | DEL a a | DEL | EXISTS a a b | EXISTS
MSET a 1 a 2 | GET a | MSET d 1 e 2 | EXISTS d d e f | UNLINK d d e | UNLINK
SET s abc | STRLEN s | STRLEN none | STRLEN | TYPE s | TYPE none | TYPE | TTL s | PTTL s | TTL none | PTTL none | TTL
DBSIZE | SET k v | DBSIZE | RANDOMKEY | DBSIZE x | RANDOMKEY x | DEL k | RANDOMKEY
SET '' empty | GET '' | STRLEN '' | KEYS '' | DEL ''
KEYS | KEYS a b | KEYS none* | SET hello 1 | KEYS h?llo | KEYS h[a-e]llo | KEYS h[^a]llo | KEYS h\\ello | KEYS [
SCAN | SCAN x | SCAN 0 | SCAN 0 MATCH | SCAN 0 COUNT | SCAN 0 COUNT 0 | SCAN 0 COUNT x | SCAN 0 FOO 1 | SCAN 0 COUNT -1
SET k v | SCAN 0 TYPE string | SCAN 0 TYPE list | SCAN 0 MATCH k* COUNT 100 | SCAN 0 MATCH x* | SCAN 0 TYPE
SELECT 0 | SELECT x | SELECT | SELECT 99 | SELECT -1 | SELECT 99999999999 | SELECT 2147483647 | SELECT 2147483648
SCAN '' | SCAN -0 | SCAN +0 | SCAN + | SCAN - | SCAN --1 | SET k v EX | SET k v NX PXAT | SUBSCRIBE a | PUBSUB CHANNELS
MULTI | CLIENT FOO | EXEC | MULTI | CLIENT SETNAME | EXEC | MULTI | CONFIG GET | PING | EXEC
NOPE | NOPE a b | nope 'a b' c | FOOBAR a b c d e f g h i j
MULTI | SET k v | GET k | EXEC | EXEC | DISCARD | MULTI | MULTI | GET | EXEC | MULTI | DISCARD | MULTI | NOPE | EXEC
MULTI | SET k v | SELECT x | GET k | EXEC | MULTI x | MULTI | PING | QUIT
AUTH | AUTH x | AUTH default x y | AUTH a b c | AUTH default x | AUTH default '' | AUTH nobody x | AUTH DEFAULT x
HELLO 2 AUTH nobody x | HELLO 2 AUTH default | HELLO 2 AUTH default x FOO | HELLO 2 AUTH nobody x SETNAME a | CLIENT GETNAME
SELECT 00 | SELECT -0 | SELECT +0 | HELLO 02 | WAIT 01 1 | WAIT 1 -0 | SCAN 0 COUNT 010 | CLIENT KILL ID 01 | CLIENT LIST ID 01
SUBSCRIBE a | CLIENT ID | CLIENT list | CONFIG GET save | MEMORY USAGE k | EXEC | EXEC x | MULTI
MULTI | EXEC x | EXEC | PSUBSCRIBE '' | PUNSUBSCRIBE ''
HELLO 3x | HELLO 1 | HELLO 4 | HELLO 2 FOO | HELLO 2 SETNAME | HELLO 2 SETNAME a\\nb
CLIENT | CLIENT FOO | CLIENT SETNAME | CLIENT SETNAME me | CLIENT GETNAME | CLIENT GETNAME x | CLIENT SETNAME '' | CLIENT GETNAME
CLIENT SETNAME a\\nb | CLIENT ID x | CLIENT INFO x | CLIENT LIST FOO | CLIENT LIST ID | CLIENT LIST ID x | CLIENT LIST TYPE
CLIENT LIST TYPE foo | CLIENT LIST TYPE master | CLIENT LIST ID 999999 | CLIENT LIST TYPE normal ID 1
CLIENT KILL | CLIENT KILL 1.2.3.4:5 | CLIENT KILL ID 0 | CLIENT KILL ID x | CLIENT KILL ID 999999 | CLIENT KILL ADDR
CLIENT KILL ADDR 1.2.3.4:5 | CLIENT KILL TYPE foo | CLIENT KILL TYPE master | CLIENT KILL FOO bar | CLIENT KILL a b c
CLIENT KILL USER nobody | CLIENT KILL SKIPME maybe | CLIENT KILL TYPE pubsub SKIPME yes
COMMAND COUNT x | COMMAND FOO | COMMAND INFO nope | COMMAND DOCS nope | COMMAND LIST x | COMMAND LIST FILTERBY
COMMAND LIST FILTERBY FOO x | COMMAND LIST FILTERBY PATTERN nope* | COMMAND LIST FILTERBY PATTERN pubsub|nums*
COMMAND GETKEYS | COMMAND GETKEYS GET | COMMAND GETKEYS GET k | COMMAND GETKEYS PING x | COMMAND GETKEYS NOPE x
COMMAND GETKEYS MSET a 1 b 2 | COMMAND GETKEYS DEL a b c | COMMAND GETKEYS GET a b
CONFIG | CONFIG FOO | CONFIG GET | CONFIG GET nothing | CONFIG GET save | CONFIG GET appendonly | CONFIG GET save x | CONFIG GET s?ve
SUBSCRIBE | SUBSCRIBE a b a | GET k | PING | PING x | UNSUBSCRIBE a | UNSUBSCRIBE | PING | UNSUBSCRIBE | UNSUBSCRIBE x
PSUBSCRIBE | PSUBSCRIBE a* b? | SUBSCRIBE c | SET k v | PUNSUBSCRIBE a* | PUNSUBSCRIBE | UNSUBSCRIBE | PUNSUBSCRIBE x
SUBSCRIBE c | RESET | GET k | MULTI | RESET | EXEC | RESET x
PUBLISH | PUBLISH c | PUBLISH c m x | PUBSUB | PUBSUB FOO | PUBSUB CHANNELS | PUBSUB CHANNELS a b | PUBSUB NUMSUB
PUBSUB NUMSUB a b | PUBSUB NUMPAT | PUBSUB NUMPAT x | PUBLISH c m
MEMORY USAGE none SAMPLES -1 | MEMORY USAGE none SAMPLES x | MEMORY USAGE none SAMPLES | MEMORY USAGE none SAMPLES 05
MEMORY USAGE none SAMPLES 1 SAMPLES 2 | MEMORY USAGE none SAMPLES 1 FOO | MEMORY USAGE none SAMPLES 0
MEMORY | MEMORY USAGE | MEMORY USAGE none | MEMORY USAGE none SAMPLES 5 | MEMORY USAGE none FOO 5 | MEMORY FOO
WAIT | WAIT 1 | WAIT x 0 | WAIT 1 x | WAIT 1 -1 | WAIT 0 0 | WAIT 1 1 | WAIT -1 1 | WAIT 1 1 1
SET s hello | GETRANGE s 0 2 | GETRANGE s -3 -1 | GETRANGE s 0 -1 | GETRANGE s 5 9 | GETRANGE none 0 1 | GETRANGE s x 1 | GETRANGE s 0
SET s hello | GETRANGE s -1 -5 | GETRANGE s -100 100 | GETRANGE s 3 1 | TOUCH | TOUCH s none s
SET s v | COPY s d | COPY s d | COPY s d REPLACE | GET d | COPY none d | COPY s s | COPY s | COPY s d DB 0 REPLACE | COPY s d DB x | COPY s d FOO
OBJECT | OBJECT FOO s | OBJECT ENCODING none | OBJECT ENCODING | SET n 12 | OBJECT ENCODING n | SET s hello | OBJECT ENCODING s
SET s hello | OBJECT REFCOUNT s | OBJECT IDLETIME s | OBJECT IDLETIME none | OBJECT FREQ none
SLOWLOG | SLOWLOG FOO | SLOWLOG GET x | SLOWLOG GET -2 | SLOWLOG RESET | SLOWLOG LEN | SLOWLOG GET | SLOWLOG LEN x | SLOWLOG GET 1 2
LATENCY | LATENCY FOO | LATENCY RESET | LATENCY LATEST | LATENCY HISTORY | LATENCY HISTORY foo | LATENCY RESET foo
CLIENT PAUSE | CLIENT PAUSE x | CLIENT PAUSE -1 | CLIENT PAUSE 0 FOO | CLIENT UNPAUSE | CLIENT UNPAUSE x
CLIENT NO-EVICT FOO | CLIENT NO-EVICT on | CLIENT NO-EVICT | ROLE | ROLE x | SHUTDOWN FOO | SHUTDOWN ABORT | BGSAVE x | LASTSAVE x | SAVE x
CONFIG SET | CONFIG SET timeout | CONFIG SET timeout x | CONFIG SET nothing 1 | CONFIG SET databases 2 | CONFIG SET timeout -1
CONFIG SET timeout 10 tcp-keepalive 100 | CONFIG GET timeout | CONFIG SET timeout 0 | CONFIG SET timeout 1 timeout | CONFIG SET maxmemory x
TIME x | INFO nothing | MULTI | SUBSCRIBE | EXEC | WATCH | UNWATCH x
"""

# Both answer, but not the same: the reasons are in node/app/README.md.
DIFFERENT = """
SET k v EX 10
WATCH k
HELLO 3
SET k v | SCAN 77
SET k v | SCAN -1
MULTI | WAIT 0 0
"""

INLINE = (b"PING\r\n", b"ECHO 'a b'\r\n", b'ECHO "\\x41\\n"\r\n', b"\r\nPING\r\n", b"set  in  'x'\r\nget in\r\n", b'ECHO "a\r\n',
          b"*1\r\n$4\r\nPING\r\n", b"*1\n$4\nPING\r\nPING\r\n", b"*1\r\n!4\r\n", b"*x\r\n", b"*1\r\n$x\r\n", b"*01\r\n$4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n",
          b"*-0\r\nPING\r\n", b"*+1\r\n$4\r\nPING\r\n", b"*1\r\n$-5\r\n", b"*99999999999\r\n",
          b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"ECHO " + b"x" * 70000, b"POST / HTTP/1.1\r\n")


def replies_in(data):
    """How many whole replies `data` begins with."""
    count, at = 0, 0
    while (end := skip(data, at)) is not None:
        count, at = count + 1, end
    return count


def skip(data, at):
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind, rest, end = data[at:at + 1], data[at + 1:line], line + 2
    if kind == b"$" and int(rest) >= 0:
        end += int(rest) + 2
        return end if end <= len(data) else None
    if kind == b"*":
        for _ in range(max(0, int(rest))):
            end = skip(data, end)
            if end is None:
                return None
    return end


def encoded(command):
    parts = [part.strip("'").replace("\\n", "\n").encode() for part in re.findall(r"'[^']*'|\S+", command)]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def answers_of(command):
    """How many replies there are: (un)subscribing to several names is answered for each."""
    words = command.upper().split()
    return max(1, len(words) - 1) if words[0].endswith("SUBSCRIBE") and len(words) > 1 else 1


@unittest.skipUnless(SERVER, "no Redis server (package redis-tools) is installed")
class ParityTest(harness.MeshTestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis_port = harness.free_port()
        cls.redis_process = subprocess.Popen(
            ["redis-server", "--port", str(cls.redis_port), "--bind", "127.0.0.1", "--save", "", "--databases", "1"],
            executable=SERVER, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=harness.die_with_parent)
        harness.wait_until(cls.is_up, "the Redis server")

    @classmethod
    def is_up(cls):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", cls.redis_port), 1):
            return True
        return False

    @classmethod
    def tearDownClass(cls):
        cls.redis_process.kill()
        cls.redis_process.wait()

    def setUp(self):
        self.servers = {"redis": ("127.0.0.1", self.redis_port), "meshdict": self.start("node").redis_address}

    def clear(self, address):
        with socket.create_connection(address, harness.DEADLINE) as sock:
            self.ask(sock, encoded("KEYS *"))
            keys = re.findall(rb"\$\d+\r\n(.*?)\r\n", self.last)
            for key in keys:
                self.ask(sock, b"*2\r\n$3\r\nDEL\r\n$%d\r\n%s\r\n" % (len(key), key))

    def ask(self, sock, request, expected=1):
        sock.sendall(request)
        reply = b""
        while replies_in(reply) < expected:
            piece = sock.recv(65536)
            if not piece:
                reply += b"<closed>"
                break
            reply += piece
        self.last = reply
        return reply

    def transcript(self, address, line):
        self.clear(address)
        replies = []
        with socket.create_connection(address, harness.DEADLINE) as sock:
            for command in line.split(" | "):
                answers = answers_of(command)
                reply = self.ask(sock, encoded(command), answers)
                # Which cursors there are is each one's own business.
                replies.append((command, re.sub(rb"^\*2\r\n\$\d+\r\n\d+", b"<cursor>", reply) if "SCAN" in command else reply))
        return replies

    def test_the_same_words_for_the_same_commands(self):
        commands = 0
        for line in SAME.strip().splitlines():
            theirs, ours = (self.transcript(address, line) for address in self.servers.values())
            for (command, expected), (_, got) in zip(theirs, ours, strict=True):
                commands += 1
                with self.subTest(command=command, line=line):
                    self.assertEqual(got, expected)
        self.assertGreater(commands, 200)

    def test_what_is_different_is_different(self):
        for line in DIFFERENT.strip().splitlines():
            with self.subTest(line):
                theirs, ours = (self.transcript(address, line) for address in self.servers.values())
                self.assertNotEqual(ours[-1], theirs[-1])

    def test_inline_commands_and_broken_ones(self):
        for request in INLINE:
            with self.subTest(request[:40]):
                replies = {}
                for name, address in self.servers.items():
                    with socket.create_connection(address, harness.DEADLINE) as sock:
                        sock.sendall(request)
                        sock.shutdown(socket.SHUT_WR)
                        replies[name] = b""
                        while piece := sock.recv(65536):
                            replies[name] += piece
                self.assertEqual(replies["meshdict"], replies["redis"])


if __name__ == "__main__":
    harness.main()
