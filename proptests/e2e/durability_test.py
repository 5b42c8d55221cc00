"""A node that is killed with kill -9 under writes has them all when it comes back, and is still itself.

MESHDICT_KILLS=200 in the environment makes it that many kills for each durability.
"""

import contextlib
import os
import random
import signal
import socket
import threading

import redis

import harness

KILLS = int(os.environ.get("MESHDICT_KILLS", "10"))
# As many clients write at the same time, each to keys of its own.
WRITERS = 4
PIPELINE = 20
# Few enough that keys are overwritten and deleted, many enough that the writes of a turn meet different pages.
KEYS_OF_WRITER = 50
# Acknowledged writes after which a node is killed, at the most: processes end at the first commit and after many.
MOST_WRITES = 3_000


class Writer(threading.Thread):
    """Sets and deletes its keys until the node is gone, and knows for each key what the node may hold then.

    `possible` has, for each key, a list: what was acknowledged last, then what each command that was sent and not
    answered would make of it. None is a key that is not there. Replies come in the order of commands.
    """

    def __init__(self, node, number, possible, sent_before):
        super().__init__()
        self._address = node.redis_address
        self._number = number
        self.sent = sent_before
        self.possible = possible
        self.acknowledged = 0
        self.refused = []

    def run(self):
        with contextlib.suppress(OSError, EOFError), socket.create_connection(self._address, harness.DEADLINE) as client:
            replies = client.makefile("rb")
            while True:
                batch = [self._command() for _ in range(PIPELINE)]
                # Before it is sent: the node may have it although the kernel says otherwise.
                for key, value, _ in batch:
                    self.possible.setdefault(key, [None]).append(value)
                client.sendall(b"".join(command for _, _, command in batch))
                for key, value, _ in batch:
                    self._read_reply(replies, key, value)

    def _command(self):
        self.sent += 1
        key = f"writer:{self._number}:{random.randrange(KEYS_OF_WRITER)}".encode()
        if random.random() < 0.1:
            return key, None, _resp(b"DEL", key)
        value = b"%d" % self.sent + b"." * random.randrange(300)
        return key, value, _resp(b"SET", key, value)

    def _read_reply(self, replies, key, value):
        line = replies.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        if line.startswith((b"+OK", b":")):
            del self.possible[key][0]
            self.acknowledged += 1
        else:
            self.refused.append((key, value, line))


def _resp(*parts):
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class DurabilityTest(harness.MeshTestCase):
    def test_killed_under_load(self):
        for durability in ("always", "interval"):
            with self.subTest(durability=durability):
                self.kill_again_and_again(durability)

    def kill_again_and_again(self, durability):
        options = ["--data-dir", f"{self.directory}/{durability}", "--durability", durability]
        identity = None
        possible = {}
        sent = [0] * WRITERS
        acknowledged = 0
        for life in range(KILLS + 1):
            # Alone: what is there comes from the disk, and not from a neighbour.
            node = self.start(f"{durability}-{life}", *options)
            identity = identity or node.id
            self.assertEqual(node.id, identity, "it is another node now")
            possible = self.settled(node, possible)
            if life == KILLS:
                break
            writers = [Writer(node, n, {k: v for k, v in possible.items() if k.startswith(b"writer:%d:" % n)}, sent[n])
                       for n in range(WRITERS)]
            self.kill_while_they_write(node, writers)
            possible = {key: values for writer in writers for key, values in writer.possible.items()}
            sent = [writer.sent for writer in writers]
            acknowledged += sum(writer.acknowledged for writer in writers)
        self.refused_elsewhere(node, possible)
        print(f"{durability}: {KILLS} kills, {acknowledged} acknowledged writes, all there", flush=True)

    def kill_while_they_write(self, node, writers):
        for writer in writers:
            writer.start()
        enough = random.randrange(1, MOST_WRITES)
        harness.wait_until(lambda: sum(w.acknowledged for w in writers) >= enough or not any(w.is_alive() for w in writers),
                           f"{enough} writes to be acknowledged")
        self.assertTrue(node.alive())
        self.assertEqual(node.kill(), -signal.SIGKILL)
        for writer in writers:
            writer.join(harness.DEADLINE)
            self.assertFalse(writer.is_alive())
            self.assertEqual(writer.refused, [], "a node may write its own keys, in each of its incarnations")

    def settled(self, node, possible):
        """Makes sure that the node holds what it may. From here on, that is the one possibility of each key."""
        if not possible:
            return {}
        names = sorted(possible)
        found = dict(zip(names, node.redis.mget(names)))
        lost = {name: (found[name], possible[name][0]) for name in names if found[name] not in possible[name]}
        self.assertEqual(lost, {}, "acknowledged writes are gone: key, what is there, what was acknowledged")
        for name in random.sample(names, min(5, len(names))):
            if found[name] is not None:
                lease = node.lease(name)
                self.assertEqual((lease["owner"], lease["held"], lease["ours"]), (node.id, 1, 1))
        return {name: [value] for name, value in found.items()}

    def refused_elsewhere(self, node, possible):
        """What the node wrote in earlier incarnations is closed to a node that joins."""
        witness = self.start("witness", join=[node])
        held = {name: value for name, (value,) in possible.items() if value is not None}
        self.assertGreater(len(held), 0)
        for name, value in held.items():
            self.await_value([witness], name, value)
            with self.assertRaises(redis.ResponseError) as refused:
                witness.redis.set(name, "stolen")
            self.assert_leased(refused.exception, node.id, name.decode())
        self.assertEqual(witness.terminate(), 0)


if __name__ == "__main__":
    harness.main()
