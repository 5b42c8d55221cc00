"""What operators of Redis do: look at what is slow, pause clients, change settings, end the node, get in where all places are taken."""

import socket
import threading
import time

import redis

import harness


class HabitsTest(harness.MeshTestCase):
    def test_slow_commands_and_spikes_are_shown_without_passwords(self):
        node = self.start("node")
        node.redis.config_set("slowlog-log-slower-than", 0)
        node.redis.client_setname("me")
        node.redis.set("key", "v" * 1000)
        node.redis.execute_command("AUTH", "default", "secret")
        entries = node.redis.slowlog_get(-1)
        commands = [entry["command"] for entry in entries]
        self.assertIn(b"CLIENT SETNAME me", commands)
        self.assertTrue(any(one.startswith(b"SET key vvv") and one.endswith(b"(872 more bytes)") for one in commands), commands)
        self.assertFalse(any(b"secret" in one for one in commands), commands)
        self.assertEqual([entry["id"] for entry in entries], sorted((entry["id"] for entry in entries), reverse=True))
        node.redis.config_set("slowlog-log-slower-than", -1)
        node.redis.config_set("slowlog-max-len", 3)
        self.assertEqual(node.redis.slowlog_len(), 3)
        self.assertTrue(node.redis.slowlog_reset())
        self.assertEqual(node.redis.slowlog_len(), 0)
        # A command that goes on in later turns counts with all of them.
        pipe = node.redis.pipeline(transaction=False)
        for number in range(20_000):
            pipe.set(f"many:{number}", "1")
        pipe.execute()
        node.redis.config_set("slowlog-log-slower-than", 500)
        node.redis.config_set("latency-monitor-threshold", 1)
        node.redis.keys("many:*9")
        node.redis.delete(*(f"many:{number}" for number in range(16_000)))
        self.assertIn(b"KEYS many:*9", [entry["command"] for entry in node.redis.slowlog_get(-1)])
        latest = {entry[0]: entry[1:] for entry in node.redis.execute_command("LATENCY", "LATEST")}
        self.assertGreaterEqual(latest[b"command"][2], 1)
        self.assertEqual(node.redis.execute_command("LATENCY", "HISTORY", "command")[-1], latest[b"command"][:2])
        self.assertIn(b"SLOWLOG GET", node.redis.execute_command("LATENCY", "DOCTOR"))
        self.assertGreaterEqual(node.redis.execute_command("LATENCY", "RESET"), 1)

    def test_a_pause_holds_clients_back_until_its_end(self):
        node = self.start("node")
        node.redis.set("key", "1")
        for mode, held in (("WRITE", ["SET", "key", "2"]), ("ALL", ["GET", "key"])):
            with self.subTest(mode):
                node.redis.execute_command("CLIENT", "PAUSE", 60_000, mode)
                other, answers = node.client(), []
                waiting = threading.Thread(target=lambda: answers.append(other.execute_command(*held)))
                waiting.start()
                harness.wait_until(lambda: any("b" in one["flags"] for one in node.redis.client_list()), "a client that waits")
                if mode == "WRITE":
                    self.assertEqual(node.redis.get("key"), b"1")
                self.assertEqual(answers, [])
                node.redis.execute_command("CLIENT", "UNPAUSE")
                waiting.join(harness.DEADLINE)
                self.assertEqual(len(answers), 1)
        self.assertEqual(node.redis.get("key"), b"2")
        begun = time.monotonic()
        node.redis.execute_command("CLIENT", "PAUSE", 300)
        pipe = node.redis.pipeline(transaction=False)
        for number in range(5):
            pipe.set("count", number)
        pipe.get("count")
        self.assertEqual(pipe.execute()[-1], b"4")
        self.assertGreaterEqual(time.monotonic() - begun, 0.29)

    def test_settings_change_while_it_runs(self):
        node = self.start("node", "--log-level", "info")
        self.assertTrue(node.redis.config_set("timeout", 7))
        self.assertTrue(node.redis.execute_command("CONFIG", "SET", "maxmemory", "2mb", "low-water", "50", "log-level", "trace"))
        told = node.redis.config_get("*")
        self.assertEqual((told["timeout"], told["maxmemory"], told["low-water"], told["log-level"]), ("7", "2097152", "50", "trace"))
        self.assertEqual(node.redis.info("memory")["maxmemory_low_water"], 1_048_550)
        node.redis.set("traced", "1")
        self.await_log(node, "trace", "traced")
        # All or none.
        with self.assertRaisesRegex(redis.ResponseError, "databases.*immutable"):
            node.redis.execute_command("CONFIG", "SET", "timeout", "9", "databases", "2")
        self.assertEqual(node.redis.config_get("timeout")["timeout"], "7")
        with self.assertRaisesRegex(redis.ResponseError, "OOM|maxmemory"):
            for number in range(400):
                node.redis.set(f"key:{number}", b"v" * 20_000)
        self.assertTrue(node.redis.config_set("maxmemory", 0))
        self.assertTrue(node.redis.set("after", "1"))

    def test_idle_clients_are_hung_up_on_but_not_those_that_listen(self):
        node = self.start("node", "--timeout", "1", "--tcp-keepalive", "60")
        listener = node.client().pubsub()
        listener.subscribe("news")
        with socket.create_connection(node.redis_address, timeout=harness.DEADLINE) as idle:
            self.assertEqual(idle.recv(1), b"")
        self.assertGreaterEqual(node.redis.info("stats")["clients_timed_out"], 1)
        node.redis.publish("news", "still here")
        harness.wait_until(lambda: (listener.get_message(timeout=1) or {}).get("type") == "message", "a message")

    def test_an_operator_gets_in_where_all_places_are_taken(self):
        node = self.start("node")
        first = node.redis
        first.set("key", "1")
        first.config_set("maxclients", 1)
        operator = node.client(single_connection_client=True)
        self.assertEqual(operator.config_get("maxclients")["maxclients"], "1")
        with self.assertRaisesRegex(redis.ResponseError, "kept for an operator"):
            operator.get("key")
        # One who operates keeps the place.
        with self.assertRaises((redis.ConnectionError, redis.ResponseError)):
            node.client(single_connection_client=True).ping()
        self.assertTrue(operator.config_set("maxclients", 5))
        self.assertEqual(node.client().get("key"), b"1")

    def test_saving_and_the_end(self):
        node = self.start("volatile")
        with self.assertRaisesRegex(redis.ResponseError, "--data-dir"):
            node.redis.save()
        data = self.directory + "/data"
        node = self.start("node", "--data-dir", data)
        node.redis.set("key", "1")
        self.assertTrue(node.redis.save())
        self.assertTrue(node.redis.bgsave())
        self.assertLess(abs(node.redis.lastsave().timestamp() - time.time()), 10)
        self.assertEqual(node.redis.role(), [b"master", 0, []])
        node.redis.shutdown(nosave=True)
        self.assertEqual(node.process.wait(harness.DEADLINE), 0)
        self.await_log(node, "a client asked for it")
        self.assertEqual(self.start("again", "--data-dir", data).redis.get("key"), b"1")

    def test_what_is_not_there_says_what_to_use_instead(self):
        node = self.start("node")
        for command, instead in (("INCR k", "IFFENCE"), ("EXPIRE k 1", "LEASE"), ("HSET h f v", "user:1:name"), ("EVAL x 0", "MULTI"),
                                 ("flushall", "SCAN and DEL"), ("REPLICAOF a 1", "--join"), ("MONITOR", "SLOWLOG")):
            with self.assertRaisesRegex(redis.ResponseError, f"(?i)unknown command '{command.split()[0]}': .*{instead}"):
                node.redis.execute_command(*command.split())

    def test_copies_parts_and_forms_of_values(self):
        first, second = self.start_chain(2)
        first.redis.set("theirs", "abc")
        self.await_value([second], "theirs", b"abc")
        self.assertTrue(second.redis.copy("theirs", "ours"))
        self.assertEqual(second.lease("ours")["owner"], second.id)
        self.assertEqual(second.redis.getrange("ours", 1, -1), b"bc")
        with self.assertRaisesRegex(redis.ResponseError, "^LEASED"):
            second.redis.copy("ours", "theirs", replace=True)
        self.assertEqual(second.redis.object("encoding", "ours"), b"embstr")
        self.assertLessEqual(second.redis.object("idletime", "ours"), 10)
        stats = second.redis.memory_stats()
        self.assertEqual((stats["keys.count"], stats["maxmemory"]), (2, 0))
        self.assertIn(b"bytes are in use", second.redis.execute_command("MEMORY", "DOCTOR"))


if __name__ == "__main__":
    harness.main()
