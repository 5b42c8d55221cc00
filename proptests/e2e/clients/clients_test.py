"""redis-py as it comes, with pipelines and subscriptions, and what only sockets show: a client that sends too much gets to
read why before it is hung up on, one that waits for others is answered when they have what it wrote.
"""

import signal
import socket

import redis

import harness

MEBIBYTE = 1024 * 1024


def receive(sock, count):
    """So many bytes, or what came before the end."""
    got = b""
    while len(got) < count and (piece := sock.recv(count - len(got))):
        got += piece
    return got


class RedisPyTest(harness.MeshTestCase):
    def test_pipelines_are_transactions(self):
        client = self.start("node").client()
        with client.pipeline() as pipe:
            self.assertEqual(pipe.set("a", "1").get("a").mget("a", "b").unlink("a").execute(),
                             [True, b"1", [b"1", None], 1])
        with client.pipeline() as pipe:
            pipe.set("a", "1").execute_command("NOPE")
            with self.assertRaises(redis.ResponseError):
                pipe.execute()
        self.assertIsNone(client.get("a"))
        with client.pipeline() as pipe, self.assertRaisesRegex(redis.ResponseError, "WATCH is not available"):
            pipe.watch("a")

    def test_pipelines_of_many_clients_do_not_mix(self):
        node = self.start("node")
        clients = [node.client() for _ in range(4)]
        pipes = [client.pipeline() for client in clients]
        for round_number in range(50):
            for number, pipe in enumerate(pipes):
                pipe.set("owner", f"{number}.{round_number}").get("owner")
            for number, pipe in enumerate(pipes):
                self.assertEqual(pipe.execute(), [True, f"{number}.{round_number}".encode()])

    def test_subscriptions(self):
        first, second = self.start_chain(2)
        listener = second.client().pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        listener.psubscribe("__keyevent@0__:*")
        harness.wait_until(lambda: second.redis.pubsub_numpat() == 1, "the subscription")
        with first.client().pipeline(transaction=False) as pipe:
            pipe.publish("news", "hello").set("k", "v").delete("k").execute()
        heard = []
        while len(heard) < 3:
            message = harness.wait_until(lambda: listener.get_message(timeout=1), lambda: f"more than {heard}")
            heard.append((message["type"], message["channel"], message["data"]))
        self.assertEqual(heard, [("message", b"news", b"hello"), ("pmessage", b"__keyevent@0__:set", b"k"),
                                 ("pmessage", b"__keyevent@0__:del", b"k")])
        listener.punsubscribe()
        listener.unsubscribe()
        harness.wait_until(lambda: not listener.get_message() and not listener.subscribed, "the end of the subscriptions")
        listener.close()

    def test_everyday_commands(self):
        client = self.start("node").client()
        self.assertTrue(client.setnx("k", "abc"))
        self.assertEqual((client.ttl("k"), client.pttl("missing"), client.strlen("k")), (-1, -2, 3))
        self.assertGreater(client.memory_usage("k"), 3)
        self.assertEqual(client.getset("k", "x"), b"abc")
        self.assertEqual(client.pubsub_numpat(), 0)
        self.assertEqual(len(client.time()), 2)


class WaitTest(harness.MeshTestCase):
    def blocked(self, node):
        return node.redis.info("clients")["blocked_clients"]

    def test_until_others_have_it(self):
        first, second = self.start_chain(2)
        writer = first.client()
        writer.set("k", "v")
        self.assertEqual(writer.wait(1, harness.DEADLINE * 1000), 1)
        self.assertEqual(second.client().get("k"), b"v")

        second.process.send_signal(signal.SIGSTOP)
        writer.set("k", "w")
        self.assertEqual(writer.wait(1, 50), 0)
        writer.delete("k")
        with socket.create_connection(first.redis_address, harness.DEADLINE) as other:
            other.sendall(b"WAIT 1 0\r\n")
            harness.wait_until(lambda: self.blocked(first) == 1, "a blocked client")
            self.assertIn("b", [c["flags"] for c in first.redis.client_list()])
        harness.wait_until(lambda: self.blocked(first) == 0, "the end of a wait whose client has gone")
        second.process.send_signal(signal.SIGCONT)
        self.assertEqual(writer.wait(1, 0), 1)
        self.assertIsNone(second.client().get("k"))

    def test_that_gives_up_lets_the_commands_behind_it_run(self):
        with socket.create_connection(self.start("node").redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"SET k v\r\nWAIT 1 30\r\nWAIT 1 10\r\nGET k\r\n")
            self.assertEqual(receive(sock, 20), b"+OK\r\n:0\r\n:0\r\n$1\r\nv\r\n")


class PipelineTest(harness.MeshTestCase):
    def test_all_of_it_is_written_before_any_is_read(self):
        # Commands and replies of several times what sockets hold.
        count = 500_000
        node = self.start("node")
        node.redis.set("k", b"v" * 100)
        with socket.create_connection(node.redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * count)
            expected = b"$100\r\n" + b"v" * 100 + b"\r\n"
            self.assertTrue(receive(sock, count * len(expected)) == expected * count)

    def test_who_never_reads_is_told_so(self):
        node = self.start("node")
        with socket.create_connection(node.redis_address, harness.DEADLINE) as sock:
            echo = b"*2\r\n$4\r\nECHO\r\n$1048576\r\n" + b"x" * MEBIBYTE + b"\r\n"
            for _ in range(300):
                sock.sendall(echo)
            last = b""
            while piece := sock.recv(MEBIBYTE):
                last = (last + piece)[-200:]
            self.assertRegex(last, rb"-ERR \d+ bytes of replies are unread, and \d+ bytes of commands wait behind them: "
                                   rb"read what is answered before you send more\r\n$")
        self.assertEqual(node.redis.info("stats")["cut_off_clients"], 1)
        self.assertLess(node.memory(), 250 * MEBIBYTE)

    def test_what_is_written_before_the_end_is_answered(self):
        node = self.start("node")
        node.redis.set("k", b"v" * 1_000_000)
        with socket.create_connection(node.redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"GET k\r\n" * 100)
            sock.shutdown(socket.SHUT_WR)
            got = 0
            while piece := sock.recv(MEBIBYTE):
                got += len(piece)
            self.assertEqual(got, 100 * len(b"$1000000\r\n" + b"\r\n") + 100_000_000)


class OthersGoOnTest(harness.MeshTestCase):
    """What one client asks for keeps no other waiting: seen by the loop's own measure, INFO's longest_turn_us."""

    def test_a_long_set_against_a_long_key(self):
        first, second = self.start_chain(2)
        first.redis.set(b"q" * 60_000, "x")
        with first.redis.pipeline(transaction=False) as pipe:
            for number in range(20_000):
                pipe.set(f"key:{number}", "v")
            pipe.execute()
        for pattern in (b"*[" + b"z" * 400_000 + b"]", b"*" + b"?" * 1_000 + b"x", b"*" + b"q" * 1_000 + b"*z"):
            self.assertEqual(first.client().keys(pattern), [])
        self.assertEqual(len(first.client().keys("*:*")), 20_000)
        self.assertEqual(len(first.peers()), 1)
        self.assertEqual(second.redis.execute_command("MESH", "DEPARTED"), [])


class GoodbyeTest(harness.MeshTestCase):
    def test_who_says_no_more_still_hears(self):
        with socket.create_connection(self.start("node").redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"SET k v\r\nGET k\r\n")
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(receive(sock, 12), b"+OK\r\n$1\r\nv\r\n")

    def test_who_is_killed_is_gone(self):
        node = self.start("node")
        with socket.create_connection(node.redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"CLIENT SETNAME victim\r\n")
            self.assertEqual(receive(sock, 5), b"+OK\r\n")
            victim = next(c for c in node.redis.client_list() if c["name"] == "victim")
            self.assertTrue(node.redis.client_kill(victim["addr"]))
            self.assertEqual(sock.recv(1), b"")
        self.assertNotIn("victim", [c["name"] for c in node.redis.client_list()])

    def test_who_is_killed_need_not_read(self):
        node = self.start("node")
        node.redis.set("big", b"v" * 4_000_000)
        with socket.create_connection(node.redis_address, harness.DEADLINE) as sock:
            sock.sendall(b"CLIENT SETNAME victim\r\nMGET" + 8 * b" big" + b"\r\n")
            harness.wait_until(lambda: any(c["name"] == "victim" and int(c["omem"]) for c in node.redis.client_list()),
                               "replies that nobody reads")
            self.assertEqual(node.redis.client_kill_filter(_type="normal"), 1)
            self.assertNotIn("victim", [c["name"] for c in node.redis.client_list()])
            self.assertEqual(node.redis.info("stats")["cut_off_clients"], 0)


class TooMuchTest(harness.MeshTestCase):
    def test_a_command_beyond_the_bound_is_answered(self):
        node = self.start("node")
        for megabytes in (33, 100):
            with self.subTest(megabytes=megabytes), socket.create_connection(node.redis_address,
                                                                             harness.DEADLINE) as sock:
                # All of it before the reply is looked at, as client libraries do.
                sock.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (megabytes * MEBIBYTE))
                for _ in range(megabytes):
                    sock.sendall(b"v" * MEBIBYTE)
                reply = b""
                while piece := sock.recv(4096):
                    reply += piece
                self.assertRegex(reply, rb"^-ERR Protocol error: .*a command may be 33554432 bytes long\r\n$")
        with self.assertRaisesRegex(redis.ResponseError, "a command may be 33554432 bytes long"):
            node.client().set("k", b"v" * (40 * MEBIBYTE))
        self.assertTrue(node.client().ping())
        self.assertLess(node.memory(), 150 * MEBIBYTE)


if __name__ == "__main__":
    harness.main()
