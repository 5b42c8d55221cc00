"""Members of real processes: the whole mesh is listed, one leaves for good and its keys are free, one is removed by all."""

import harness

MEMBERS = 6


def rows(reply):
    """Flat arrays of fields and values, as dictionaries."""
    return [{name.decode(): value for name, value in zip(row[::2], row[1::2])} for row in reply]


def members(node):
    """Id and state of each, as the node sees them."""
    return {row["id"].decode(): row["state"].decode() for row in rows(node.redis.execute_command("MESH", "MEMBERS"))}


class MembersTest(harness.MeshTestCase):
    def test_list_leave_and_remove(self):
        nodes = self.start_chain(MEMBERS)
        first, last, leaver = nodes[0], nodes[-1], nodes[2]
        ids = {node.id for node in nodes}
        harness.wait_until(lambda: set(members(first)) == ids and "silent" not in members(first).values(),
                           lambda: f"all to be listed: {members(first)}")

        leaver.redis.set("kept", "value")
        self.await_value(nodes, "kept", b"value")
        self.assertEqual(leaver.redis.execute_command("MESH", "LEAVE"), b"OK")
        harness.wait_until(lambda: not leaver.alive(), "the end of the node that leaves")
        self.assertEqual(leaver.process.returncode, 0)
        harness.wait_until(lambda: members(first).get(leaver.id) == "left" and members(last).get(leaver.id) == "left",
                           lambda: f"all to know that one has left: {members(first)}")
        self.assertEqual(first.redis.get("kept"), b"value")
        self.assertTrue(first.redis.set("kept", "first's"))

        # Whoever is told, all part from it.
        self.assertEqual(first.redis.execute_command("MESH", "REMOVE", last.id), b"OK")
        others = [node for node in nodes if node not in (leaver, last)]
        harness.wait_until(lambda: not last.peers() and all(last.id not in node.peer_ids() for node in others),
                           lambda: f"all to part from the removed one: {last.peers()}")
        self.assertEqual(members(others[1])[last.id], "removed")
        self.await_log(others[1], "an operator has removed member")

    def test_leases_given_up_broken_and_listed(self):
        one, two, three = self.start_chain(3)
        one.redis.set("lock", "one")
        self.await_value([two, three], "lock", b"one")
        self.assertEqual(two.redis.execute_command("LEASE", "RELEASE", "lock"), 0)
        self.assertEqual(one.redis.execute_command("LEASE", "RELEASE", "lock"), 1)
        harness.wait_until(lambda: b"released" in two.redis.execute_command("LEASE", "lock"), "the release to arrive")
        self.assertTrue(two.redis.set("lock", "two"))
        self.await_value([one, three], "lock", b"two")
        self.assertEqual(three.redis.execute_command("LEASE", "BREAK", "lock"), 1)
        for node in (one, two, three):
            self.await_log(node, "an operator of", "has taken lock")
        cursor, held = three.redis.execute_command("LEASE", "LIST", "0", "OWNER", three.id)
        self.assertEqual((cursor, [row["key"] for row in rows(held)]), (b"0", [b"lock"]))


if __name__ == "__main__":
    harness.main()
