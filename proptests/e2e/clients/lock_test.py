"""The recipe node/app/recipes/lock.py: one holder at a time, of one node and of two; who is gone loses it; fences only grow."""

import importlib.util
import pathlib
import threading
import time

import harness

RECIPE = pathlib.Path(__file__).parents[3] / "node/app/recipes/lock.py"
SPEC = importlib.util.spec_from_file_location("lock", RECIPE)
lock = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lock)

# The settle time is a tenth of it.
LEASE = ["--lease-seconds", "5"]
KEY = "locks:report"


class LockTest(harness.MeshTestCase):
    def test_one_holder_at_a_time_and_fences_grow(self):
        nodes = self.start_chain(2, *LEASE)
        inside, overlaps, fences = [], [], []

        def work(client):
            for _ in range(3):
                mine = lock.Lock(client, KEY)
                while not mine.acquire(timeout=harness.DEADLINE):
                    pass
                if inside:
                    overlaps.append(1)
                inside.append(1)
                fences.append(mine.fence)
                time.sleep(0.02)
                inside.pop()
                mine.release()

        threads = [threading.Thread(target=work, args=(node.client(),)) for node in nodes for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((overlaps, len(fences)), ([], 12))
        self.assertEqual(fences, sorted(fences))

    def test_whoever_is_gone_loses_it(self):
        first, second = self.start_chain(2, *LEASE)
        gone = lock.Lock(first.client(), KEY)
        self.assertTrue(gone.acquire())
        for node in (first, second):
            self.assertFalse(lock.Lock(node.client(), KEY).acquire())
        self.assertTrue(gone.renew())
        self.await_value([second], KEY, first.redis.get(KEY))
        heir = lock.Lock(second.client(), KEY)
        self.assertTrue(heir.acquire(timeout=harness.DEADLINE))
        self.assertGreater(heir.fence, gone.fence)
        self.await_value([first], KEY, second.redis.get(KEY))
        self.assertFalse(gone.renew())
        gone.release()
        self.assertEqual(first.redis.get(KEY), second.redis.get(KEY))
        heir.release()
        harness.wait_until(lambda: not first.redis.exists(KEY), "the lock to be free")

    def test_a_program_of_the_same_node_inherits_it_too(self):
        node = self.start("node", *LEASE)
        gone = lock.Lock(node.client(), KEY)
        self.assertTrue(gone.acquire(settled=False))
        heir = lock.Lock(node.client(), KEY)
        self.assertFalse(heir.acquire())
        self.assertTrue(heir.acquire(timeout=harness.DEADLINE, settled=False))
        self.assertGreater(heir.fence, gone.fence)
        self.assertFalse(gone.renew())


if __name__ == "__main__":
    harness.main()
