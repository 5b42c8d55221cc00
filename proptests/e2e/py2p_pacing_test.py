"""What py2p 0.6 cannot take is not given to it: frames come one by one, and a long queue of them is no sign of death."""

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
