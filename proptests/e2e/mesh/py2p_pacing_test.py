"""What py2p 0.6 cannot take is not given to it: frames come one by one, and a long queue of them is no sign of death."""

import threading

import harness
import py2p_peer


class PacingTest(harness.MeshTestCase):
    def setUp(self):
        self.node = self.start("node")

    def peer(self, **options):
        made = py2p_peer.Py2pPeer(listen=False, **options)
        self.addCleanup(made.close)
        return made

    def test_frames_come_one_by_one(self):
        values = {f"key:{i}".encode(): f"value {i}".encode() for i in range(500)}
        self.node.redis.mset(values)
        peer = self.peer(fragile=True)
        # Its disconnects are everyday life: a peer that was not given a chance to read in time comes back for the rest.
        # Without pacing it gets the same few frames in each try, and never all.
        tries = 0
        while len(peer.data) < len(values):
            tries += 1
            self.assertLess(tries, 20, f"only {len(peer.data)} keys; ended because {peer.ended}")
            link = peer.connect(self.node.mesh_address)
            harness.wait_until(lambda: link.hung_up or len(peer.data) == len(values), "the dictionary")
        self.assertEqual(peer.data, values)

    def test_a_long_queue_is_not_silence(self):
        # At 100 frames a second these take longer than the node waits for a sign of life. The question that makes the
        # peer give one must not wait at their end.
        peer = self.peer()
        peer.connect(self.node.mesh_address)
        harness.wait_until(self.node.peers, "the py2p peer")
        pipeline = self.node.redis.pipeline(transaction=False)
        for number in range(1700):
            pipeline.set(f"key:{number}", str(number))
        pipeline.execute()
        harness.wait_until(lambda: peer.ended or len(peer.data) == 1700,
                           lambda: f"1700 keys at the py2p peer, which has {len(peer.data)}")
        self.assertEqual(peer.ended, [])

    def test_a_burst_of_messages_waits_at_its_source(self):
        # Three times what may wait here: the client waits, not the link. Its next commands wait with it, others do not.
        peer = self.peer()
        peer.connect(self.node.mesh_address)
        harness.wait_until(self.node.peers, "the py2p peer")
        count = 3_000
        publisher = self.node.client()
        pipeline = publisher.pipeline(transaction=False)
        for number in range(count):
            pipeline.publish("burst", str(number))
        replies = []
        thread = threading.Thread(target=lambda: replies.extend(pipeline.execute()))
        thread.start()
        harness.wait_until(lambda: self.node.redis.info("clients")["blocked_clients"] == 1, "the client to wait")
        self.assertTrue(self.node.redis.set("meanwhile", "served"))
        thread.join()
        self.assertEqual(replies, [1] * count)
        harness.wait_until(lambda: len(peer.messages) == count,
                           lambda: f"{count} messages at the py2p peer, which has {len(peer.messages)}")
        self.assertEqual([message.packets[-1] for message in peer.messages], [str(number).encode() for number in range(count)])
        self.assertEqual(peer.ended, [])
        self.assertEqual(self.node.redis.info("mesh")["messages_left_out"], 0)

    def test_a_burst_that_cannot_wait_is_told_and_costs_no_link(self):
        # Through another node, which cannot know: more than may wait here is left out.
        other = self.start("other", join=[self.node])
        peer = self.peer()
        peer.connect(self.node.mesh_address)
        harness.wait_until(lambda: len(self.node.peers()) == 2, "both neighbours")
        pipeline = other.redis.pipeline(transaction=False)
        for number in range(6_000):
            pipeline.publish("burst", str(number))
        self.assertEqual(pipeline.execute(), [1] * 6_000)
        line = self.await_log(self.node, "warn", "messages for neighbour", "are left out")
        self.assertIn("it takes less than comes", line)
        # The other node was told that all are under way; here they come in meanwhile.
        harness.wait_until(lambda: self.node.redis.info("mesh")["messages_left_out"] > 1_000, "more than 1,000 left out")
        shown = {peer["speaks"]: peer["messages_left_out"] for peer in self.node.peers()}
        self.assertGreater(shown["py2p"], 0)
        self.assertEqual(shown["meshdict"], 0)
        harness.wait_until(lambda: len(peer.messages) > 300, "messages at the peer")
        self.assertEqual(peer.ended, [])

    def test_an_overwritten_key_waits_once(self):
        peer = self.peer()
        peer.connect(self.node.mesh_address)
        harness.wait_until(self.node.peers, "the py2p peer")
        pipeline = self.node.redis.pipeline(transaction=False)
        for number in range(500):
            pipeline.set("key", f"{number}:".ljust(60_000, "x"))
        pipeline.execute()
        self.assertLess(int(self.node.peers()[0]["queued_bytes"]), 1_000_000)
        harness.wait_until(lambda: peer.data.get(b"key", b"").startswith(b"499:"), "the last value")
        self.assertEqual(peer.ended, [])


if __name__ == "__main__":
    harness.main()
