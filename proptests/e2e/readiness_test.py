"""A node tells its service manager when it is ready, reads its files again, and stops."""

import os
import pathlib
import signal
import time
import unittest

import debs
import harness


class ReadinessTest(harness.MeshTestCase):
    def manager(self, address):
        manager = debs.Manager(address)
        self.addCleanup(manager.close)
        return manager

    def test_a_life_of_a_node(self):
        for number, address in enumerate([f"@meshdict-test-{os.getpid()}", f"{self.directory}/notify"]):
            manager = self.manager(address)
            config = pathlib.Path(self.directory) / "node.yaml"
            config.write_text("log-level: debug\n", encoding="ascii")
            node = self.start(f"node{number}", "--config", str(config), environment={"NOTIFY_SOCKET": address})
            self.assertEqual(manager.hear()["READY"], "1")
            self.assertTrue(node.redis.ping())
            self.assertEqual(manager.hear_of("STATUS"), {"STATUS": "serving"})
            before = time.monotonic_ns() // 1000
            node.process.send_signal(signal.SIGHUP)
            heard = manager.hear()
            self.assertEqual(heard["RELOADING"], "1")
            self.assertTrue(before <= int(heard["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000)
            self.assertEqual(manager.hear(), {"READY": "1"})
            node.process.send_signal(signal.SIGTERM)
            self.assertEqual(manager.hear(), {"STOPPING": "1"})
            self.assertEqual(node.process.wait(harness.DEADLINE), 0)

    def test_nobody_there_is_a_warning(self):
        node = self.start("node", environment={"NOTIFY_SOCKET": f"{self.directory}/nobody"})
        self.await_log(node, "cannot be told that we are ready: NOTIFY_SOCKET: No such file")
        self.assertTrue(node.redis.ping())


if __name__ == "__main__":
    unittest.main()
