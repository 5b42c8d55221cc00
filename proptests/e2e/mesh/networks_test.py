"""Nodes that do not belong together stay apart, and say why: other network names, leases of another length, leasing off."""

import harness


class NetworksTest(harness.MeshTestCase):
    def assert_apart(self, one, other, reason, *details):
        """`other` has dialled `one`: both have a line that says why nothing came of it, and neither has a neighbour."""
        for node in (one, other):
            line = self.await_log(node, "refused", reason)
            for detail in details:
                self.assertIn(detail, line)
            self.assertEqual(node.peers(), [])
        one.redis.set("key", one.name)
        other.redis.set("key", other.name)
        self.assertEqual(one.redis.get("key"), one.name.encode())

    def assert_together(self, nodes):
        for node in nodes:
            node.redis.set(f"from {node.name}", "hello")
        for node in nodes:
            self.await_value(nodes, f"from {node.name}", b"hello")

    def test_other_network(self):
        red = self.start("red", "--network", "red")
        blue = self.start("blue", "--network", "blue", join=[red])
        self.assert_apart(red, blue, "wrong network", "check --network and --leasing")
        self.assert_together([red, self.start("red2", "--network", "red", join=[red])])
        self.assert_together([blue, self.start("blue2", "--network", "blue", join=[blue])])
        self.assertEqual(len(red.peers()), 1)

    def test_other_lease(self):
        hour = self.start("hour")
        minute = self.start("minute", "--lease-seconds", "60", join=[hour])
        for node in (hour, minute):
            self.await_log(node, "refused", "different settings", "lease", "60000 ms", "3600000 ms")
        self.assert_apart(hour, minute, "different settings", "check --lease-seconds")
        self.assert_together([hour, self.start("hour2", "--lease-seconds", "3600", join=[hour])])
        self.assert_together([minute, self.start("minute2", "--lease-seconds", "60", join=[minute])])

    def test_mended_settings(self):
        """A node that has another in --join finds it again soon after that one has been given the right network."""
        wrong = self.start("wrong", "--network", "red")
        node = self.start("node", join=[wrong])
        self.await_log(node, "refused", "wrong network")
        self.assertEqual(wrong.terminate(), 0)
        self.assert_together([node, self.start("mended", listen=wrong.mesh_address[1])])

    def test_leasing_off(self):
        leased = self.start("leased")
        free = self.start("free", "--leasing", "off", join=[leased])
        self.assert_apart(leased, free, "wrong network")

        nodes = [free, self.start("free2", "--leasing", "off", join=[free])]
        nodes.append(self.start("free3", "--leasing", "off", join=[nodes[1]]))
        self.assert_together(nodes)
        # Anyone overwrites and deletes what anyone has set, in turn.
        for round_number in range(3):
            for node in nodes:
                value = f"{node.name} in round {round_number}"
                self.assertTrue(node.redis.set("shared", value))
                self.await_value(nodes, "shared", value.encode())
        self.assertEqual(nodes[2].redis.delete("shared"), 1)
        self.await_value(nodes, "shared", None)
        nodes[0].redis.set("shared", "back")
        self.await_value(nodes, "shared", b"back")
        self.await_value([self.start("free4", "--leasing", "off", join=[nodes[2]])], "shared", b"back")

    def test_itself(self):
        node = self.start("node", "--log-level", "info")
        # Another name for our own address: it cannot be seen that it is ours before it is dialled.
        node.redis.execute_command("MESH", "CONNECT", f"localhost:{node.mesh_address[1]}")
        self.assertIn(f"to localhost:{node.mesh_address[1]}", self.await_log(node, "dialled ourselves"))
        self.assertEqual(node.terminate(), 0)
        self.assertEqual(len(node.log_lines("dialled ourselves")), 1)


if __name__ == "__main__":
    harness.main()
