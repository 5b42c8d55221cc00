"""A node that is killed and restarted at its old address is soon back in the list of each of its former neighbours.

Each incarnation ends with kill -9. The test prints how long it took until all former neighbours listed the node again, and judges
only that it came to pass: the machine may be busy.
"""

import pathlib
import time

import harness

NEIGHBOURS = 6
# Seconds between death and restart. The neighbours insist on a lost one for ten.
ABSENCES = (0, 1, 2.5, 5)


class RestartTest(harness.MeshTestCase):
    def test_back_in_every_list(self):
        port = harness.free_port()
        data = pathlib.Path(self.directory) / "data"

        def live():
            return self.start("mortal", "--data-dir", str(data), listen=port)

        mortal = live()
        others = [self.start(f"other{number}", join=[mortal]) for number in range(NEIGHBOURS)]
        mortal.redis.set("mine", "0")

        def is_back(node):
            """In all lists."""
            return len(node.peers()) == NEIGHBOURS and all(node.id in other.peer_ids() for other in others)
        harness.wait_until(lambda: is_back(mortal), "all to be neighbours at first")

        took = []
        for number, absence in enumerate(ABSENCES, start=1):
            identity = mortal.id
            mortal.kill()
            time.sleep(absence)
            mortal = live()
            self.assertEqual(mortal.id, identity)
            start = time.monotonic()
            harness.wait_until(lambda: is_back(mortal), lambda: f"{mortal.id} in all lists: {mortal.peers()}")
            took.append(f"{time.monotonic() - start:.1f} s after {absence} s")
            mortal.redis.set("mine", str(number))  # its lease is still its own
            self.await_value(others, "mine", str(number).encode())
            # Duplicates of simultaneous dials linger for a while; nothing else may stay behind.
            for other in others:
                harness.wait_until(lambda other=other: len(harness.established(other)) == len(other.peers()),
                                   lambda other=other: f"one connection for each neighbour of {other.name}, in the "
                                                       f"kernel's words: {harness.established(other)}")
        print("back in all lists", ", ".join(took), end=" ... ", flush=True)


if __name__ == "__main__":
    harness.main()
