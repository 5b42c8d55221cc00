"""Two nodes that dial each other at the same moment end with exactly one connection, and never without any.

Real sockets and real processes: many races at once, each between two nodes of its own. MESHDICT_RACES sets how many
races of each kind there are.
"""

import os
import threading

import harness

RACES = int(os.environ.get("MESHDICT_RACES", "25"))
AT_A_TIME = 25


class Client:
    """A connection that sends a command at once when it is told to."""

    def __init__(self, node, *command):
        self._connection = node.client().connection_pool.get_connection("MESH")
        self._packed = self._connection.pack_command(*command)

    def send(self):
        self._connection.send_packed_command(self._packed)

    def answer(self):
        return self._connection.read_response()


class ConflictRaceTest(harness.MeshTestCase):
    def in_batches(self, races):
        """Calls races(first, last) for AT_A_TIME numbers at a time, and ends their nodes."""
        for first in range(0, RACES, AT_A_TIME):
            races(range(first, min(RACES, first + AT_A_TIME)))
            for node in self._nodes:
                node.dispose()
            self._nodes.clear()

    def assert_one_connection(self, pairs):
        """Each pair has one connection, in the nodes' own words and in the kernel's."""
        for one, other in pairs:
            for node, peer in ((one, other), (other, one)):
                harness.wait_until(lambda node=node: [p["connections"] for p in node.peers()] == [1],
                                   lambda node=node: f"one neighbour with one connection at {node.name}: {node.peers()}")
                self.assertEqual(node.peer_ids(), [peer.id])
        for one, other in pairs:
            # A duplicate that gave way lingers for a while.
            harness.wait_until(lambda: len(harness.established(one)) == len(harness.established(other)) == 1,
                               lambda: f"one connection between {one.name} and {other.name}: "
                                       f"{harness.established(one)} {harness.established(other)}")
            local, remote = harness.established(one)[0]
            self.assertEqual(harness.established(other), [(remote, local)])
            self.assertEqual({p["direction"] for node in (one, other) for p in node.peers()}, {"incoming", "outgoing"})

    def assert_never_apart(self, pairs):
        for one, other in pairs:
            for node in (one, other):
                self.await_log(node, "neighbour")  # lines come a moment after what they tell of
                self.assertEqual(len(node.log_lines("neighbour")), 1, node.log())
                self.assertFalse(node.log_lines("down"), node.log())
            one.redis.set("key", one.name)
            self.await_value([other], "key", one.name.encode())
            other.redis.set("back", other.name)
            self.await_value([one], "back", other.name.encode())

    def test_both_join_at_their_start(self):
        def races(numbers):
            pairs = []
            for number in numbers:
                ports = harness.free_port(), harness.free_port()
                pairs.append([self.launch(f"race{number}-{side}", listen=ports[side],
                                          join=[f"127.0.0.1:{ports[1 - side]}"]) for side in (0, 1)])
            for pair in pairs:
                for node in pair:
                    node.await_announcement()
            self.assert_one_connection(pairs)
            self.assert_never_apart(pairs)
        self.in_batches(races)

    def test_both_are_told_to_connect(self):
        crossed = 0

        def races(numbers):
            nonlocal crossed
            pairs = [[self.start(f"race{number}-{side}") for side in (0, 1)] for number in numbers]
            for one, other in pairs:
                clients = [Client(node, "MESH", "CONNECT", peer.mesh) for node, peer in ((one, other), (other, one))]
                barrier = threading.Barrier(2)

                def go(client, barrier=barrier):
                    barrier.wait(harness.DEADLINE)
                    client.send()
                threads = [threading.Thread(target=go, args=[client]) for client in clients]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                for client in clients:
                    self.assertEqual(client.answer(), b"OK")
            harness.wait_until(lambda: all(node.peers() for pair in pairs for node in pair), "all to be connected")
            crossed += sum(len(harness.established(one)) > 1 for one, _ in pairs)
            self.assert_one_connection(pairs)
            self.assert_never_apart(pairs)
        self.in_batches(races)
        print(f"{crossed} of {RACES} pairs had more than one connection at first", end=" ... ", flush=True)


if __name__ == "__main__":
    harness.main()
