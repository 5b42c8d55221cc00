"""A py2p 0.6 node in a mesh of meshdict nodes: it joins, gets the dictionary, writes, sends and finds others."""

import contextlib
import queue
import threading

import harness
import py2p_peer


class Py2pTest(harness.MeshTestCase):
    def peer(self, **options):
        made = py2p_peer.Py2pPeer(**options)
        self.addCleanup(made.close)
        return made

    def join(self, peer, node):
        link = peer.connect(node.mesh_address)
        self.wait(lambda: peer.id.decode() in node.peer_ids(), f"the py2p peer among the neighbours of {node.name}")
        return link

    def wait(self, condition, what):
        return harness.wait_until(condition, what)

    @contextlib.contextmanager
    def subscriber(self, node, *channels):
        """A function that gives the next message of the channels."""
        subscription = node.client().pubsub(ignore_subscribe_messages=True)
        subscription.subscribe(*channels)
        arrived = queue.Queue()
        for _ in channels:
            subscription.get_message(timeout=harness.DEADLINE)
        over = threading.Event()

        def listen():
            while not over.is_set():
                message = subscription.get_message(timeout=0.1)
                if message:
                    arrived.put((message["channel"], message["data"]))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield lambda: arrived.get(timeout=harness.DEADLINE)
        finally:
            over.set()
            thread.join()
            subscription.close()

    def test_dictionary(self):
        nodes = self.start_chain(3)
        values = {f"key:{i}".encode(): f"value {i}".encode() for i in range(500)}
        for n, node in enumerate(nodes):
            pipeline = node.redis.pipeline(transaction=False)
            for key in list(values)[n::3]:
                pipeline.set(key, values[key])
            pipeline.execute()
        for node in nodes:
            self.wait(lambda node=node: node.redis.dbsize() == 500, f"all keys at {node.name}")

        peer = self.peer()
        self.join(peer, nodes[0])
        self.wait(lambda: len(peer.data) == 500, lambda: f"500 keys at the py2p peer, which has {len(peer.data)}")
        self.assertEqual(peer.data, values)
        owners = {key: owner.decode() for key, (owner, _) in peer.meta.items()}
        self.assertEqual(owners, {key: nodes[i % 3].id for i, key in enumerate(values)})

        # Its key shows everywhere, and is its own.
        peer.set(b"theirs", b"from py2p")
        self.await_value(nodes, "theirs", b"from py2p")
        for node in nodes:
            self.assertEqual(node.lease("theirs")["owner"], peer.id.decode())
            with self.assertRaisesRegex(harness.redis.ResponseError, f"^LEASED {peer.id.decode()} "):
                node.redis.set("theirs", "stolen")
        peer.set(b"theirs", b"again")
        self.await_value(nodes, "theirs", b"again")

        # It sees what meshdict nodes set, change and delete.
        nodes[2].redis.set("ours", "one")
        self.wait(lambda: peer.data.get(b"ours") == b"one", "a new key at the py2p peer")
        self.assertEqual(peer.meta[b"ours"][0].decode(), nodes[2].id)
        nodes[2].redis.set("ours", "two")
        self.wait(lambda: peer.data.get(b"ours") == b"two", "a changed key at the py2p peer")
        nodes[2].redis.delete("ours")
        self.wait(lambda: b"ours" not in peer.data, "a deleted key to vanish from the py2p peer")
        nodes[1].redis.delete("key:1")
        self.wait(lambda: b"key:1" not in peer.data, "an old key to vanish from the py2p peer")

        # And they see its deletion; the key is free then.
        peer.delete(b"theirs")
        self.await_value(nodes, "theirs", None)
        nodes[1].redis.set("theirs", "ours now")
        self.wait(lambda: peer.data.get(b"theirs") == b"ours now", "the freed key at the py2p peer")
        self.assertEqual((peer.ended, peer.refused), ([], []))

    def test_values_that_are_not_bytes(self):
        node = self.start("node")
        peer = self.peer()
        self.join(peer, node)
        for key, value, shown in [(b"text", "grüße", "grüße".encode()), (b"number", 42, b"42"),
                                  (b"list", [1, "two", None], b'[1,"two",null]')]:
            peer.set(key, value)
            self.await_value([node], key.decode(), shown)
        # They come back to a py2p node as they were.
        late = self.peer()
        self.join(late, node)
        self.wait(lambda: len(late.data) == 3, "three values at the second py2p peer")
        self.assertEqual(late.data, {b"text": "grüße", b"number": 42, b"list": [1, "two", None]})
        self.assertEqual({owner for owner, _ in late.meta.values()}, {peer.id})

    def test_brings_its_own_dictionary(self):
        nodes = self.start_chain(2)
        peer = self.peer()
        for i in range(50):
            peer.set(f"old:{i}".encode(), f"value {i}".encode())
        self.join(peer, nodes[0])
        for node in nodes:
            self.wait(lambda node=node: node.redis.dbsize() == 50, f"its keys at {node.name}")
            self.assertEqual(node.redis.get("old:49"), b"value 49")
            self.assertEqual(node.lease("old:0")["owner"], peer.id.decode())

    def test_what_one_brings_along_reaches_the_others(self):
        node = self.start("node")
        first, second = self.peer(listen=False), self.peer(listen=False)
        self.join(first, node)
        second.set(b"old", b"value")
        self.join(second, node)
        self.wait(lambda: first.data == {b"old": b"value"}, "the key of one at the other")
        self.assertEqual(first.meta[b"old"][0], second.id)
        self.assertEqual((first.ended, second.ended), ([], []))

    def test_empty_values_and_deletions_break_nothing(self):
        nodes = self.start_chain(2)
        nodes[1].redis.set("empty", "")
        self.await_value(nodes, "empty", b"")
        peer = self.peer(listen=False)
        self.join(peer, nodes[0])
        for node in nodes:
            for step in ("", "", "x", "", None, "", "y", None):
                if step is None:
                    node.redis.delete("key")
                else:
                    node.redis.set("key", step)
        nodes[1].redis.delete("empty")
        nodes[1].redis.set("last", "one")
        self.wait(lambda: peer.data == {b"last": b"one"}, lambda: f"one key, and not {peer.data}")
        self.assertEqual(peer.ended, [])

    def test_several_writes_of_one_second(self):
        for leasing in (True, False):
            with self.subTest(leasing=leasing):
                name = "on" if leasing else "off"
                node = self.start(f"leasing_{name}", "--leasing", name)
                peers = [self.peer(listen=False, leasing=leasing) for _ in range(2)]
                for peer in peers:
                    self.join(peer, node)
                for key in range(30):
                    # One deletion a key: two of one second are the same bytes, and the second is a duplicate to all.
                    for value in (b"a", b"b", b"c", b"d", b"") if key % 2 else (b"a", b"b", b"", b"c", b"d"):
                        peers[key % 3 % 2].set(f"key:{key}".encode(), value)
                    if not leasing:  # with leases, two writers of two seconds part py2p nodes, too
                        peers[1 - key % 2].set(f"both:{key}".encode(), b"one")
                        peers[key % 2].set(f"both:{key}".encode(), b"other")
                peers[0].set(b"last", b"of one")
                peers[1].set(b"last of all", b"of other")
                self.await_value([node], "last", b"of one")
                self.await_value([node], "last of all", b"of other")
                self.wait(lambda: all(b"last" in p.data and b"last of all" in p.data for p in peers), "the last")
                here = {key: node.redis.get(key) for key in node.redis.keys()}
                for peer in peers:
                    self.wait(lambda peer=peer: peer.data == here, lambda: f"the same at the peers: {peer.data} {here}")
                late = self.peer(listen=False, leasing=leasing)
                self.join(late, node)
                self.wait(lambda: len(late.data) >= len(here), "all at the late one")
                self.assertEqual(late.data, here)

    def test_crossed_connections(self):
        # Both dial, and py2p closes one: what was acknowledged meanwhile must not go with it.
        node = self.start("node")
        for number in range(10):
            peer = self.peer(tell_peers=False)
            node.redis.execute_command("MESH", "CONNECT", *map(str, peer.address))
            peer.connect(node.mesh_address)
            self.wait(node.peer_ids, "a neighbour")
            node.redis.set(f"key:{number}", "x")
            key = f"key:{number}".encode()
            self.wait(lambda peer=peer, key=key: key in peer.data, f"{key} at the py2p peer")
            peer.close()
            self.wait(lambda: not node.peer_ids(), "its end")

    def test_dicts_with_keys_of_any_type(self):
        nodes = self.start_chain(2)
        peer = self.peer(listen=False)
        self.join(peer, nodes[0])
        value = {1: "one", b"two": 2, None: [3], "four": {5: 6}}
        peer.set(b"dict", value)
        self.await_value(nodes, "dict", b'{"1":"one","dHdv":2,"null":[3],"four":{"5":6}}')
        late = self.peer(listen=False)
        self.join(late, nodes[1])
        self.wait(lambda: late.data == {b"dict": value}, "the dict at another py2p peer")

    def test_names_of_networks(self):
        for number, name in enumerate(["", "two words", "gr\u00fc\u00dfe \u7db2", "long" * 1000]):
            with self.subTest(name=name[:20]):
                node = self.start(f"node{number}", "--network", name)
                peer = self.peer(listen=False, network=name)
                self.join(peer, node)
                node.redis.set("key", "value")
                self.wait(lambda peer=peer: peer.data == {b"key": b"value"}, "a key")

    def test_messages(self):
        nodes = self.start_chain(3)
        peer = self.peer(listen=False)
        link = self.join(peer, nodes[0])
        with self.subscriber(nodes[2], "news", "mesh") as heard, self.subscriber(nodes[0], "news", "mesh") as nearby:
            peer.broadcast(b"news", b"from py2p")
            self.assertEqual(heard(), (b"news", b"from py2p"))
            self.assertEqual(nearby(), (b"news", b"from py2p"))
            # What does not look like channel and payload comes on a channel of its own.
            peer.broadcast("text")
            self.assertEqual(heard(), (b"mesh", b"text"))
            self.assertEqual(nearby(), (b"mesh", b"text"))
            peer.whisper(link, b"news", b"for you alone")
            self.assertEqual(nearby(), (b"news", b"for you alone"))
            for number in range(3):
                nodes[2].redis.publish("news", "the same thing")
                self.assertEqual(nearby(), (b"news", b"the same thing"), number)
                self.assertEqual(heard(), (b"news", b"the same thing"), number)
        # Equal messages within a second are messages each, as the stamp tells them apart.
        self.wait(lambda: len(peer.messages) == 3, "three published messages at the py2p peer")
        for message in peer.messages:
            self.assertEqual(message, (False, nodes[2].id.encode(), [b"news", b"the same thing"]))
        self.assertEqual(peer.ended, [])

    def test_finding_others(self):
        nodes = self.start_chain(3)
        peer = self.peer(listen=False)
        link = self.join(peer, nodes[0])
        others = {node.id.encode(): list(node.mesh_address) for node in nodes[1:]}

        def knows_all():
            return any({i: a for a, i in known}.items() >= others.items() for known in peer.lists)
        self.wait(knows_all, "the addresses of the other nodes")
        for star in (b"*", "*"):
            peer.lists.clear()
            peer.ask_for_peers(link, star)
            self.wait(knows_all, f"an answer to {star!r}")

        question = peer.ask_for(nodes[2].id.encode())
        self.wait(lambda: [question, [list(nodes[2].mesh_address), nodes[2].id.encode()]] in peer.responses,
                  "the address of a node that is no neighbour")

        # Of a py2p node its neighbour knows.
        second = self.peer(listen=False)
        self.join(second, nodes[2])
        question = second.ask_for(peer.id)
        self.wait(lambda: [question, [list(peer.address), peer.id]] in second.responses,
                  "the address of a py2p node")

        # On an idle link it is the node that asks, and in the way that py2p can answer.
        self.wait(lambda: peer.asked_for_peers > 0, "a question for peers as a sign of life")
        self.assertEqual((peer.ended, second.ended), ([], []))

    def test_relays_between_meshdict_nodes(self):
        one, other = self.start("one"), self.start("other")
        # Each would dial the other if it were told of it.
        peer = self.peer(listen=False, tell_peers=False)
        self.join(peer, one)
        self.join(peer, other)
        with self.subscriber(other, "__keyevent@0__:set") as changed:
            for value in ("a", "b", "a"):
                one.redis.set("key", value)
            self.assertEqual(changed(), (b"__keyevent@0__:set", b"key"))
        # Within one second py2p loses the second of two equal stores, and ends at b.
        self.await_value([other], "key", b"a")
        for field in ("owner", "epoch", "fence"):
            self.assertEqual(other.lease("key")[field], one.lease("key")[field])
        self.assertEqual(one.peer_ids(), [peer.id.decode()])
        self.assertEqual(peer.ended, [])

    def test_is_dialled_again(self):
        # py2p hangs up on any mistake and does not come back by itself: the node does.
        node = self.start("node")
        peer = self.peer()
        link = self.join(peer, node)
        node.redis.set("before", "1")
        self.wait(lambda: b"before" in peer.data, "a key")
        link.close()
        self.await_log(node, "neighbour", "down")
        node.redis.set("meanwhile", "2")
        self.wait(lambda: b"meanwhile" in peer.data, "the node to dial and to tell what was missed")
        self.assertEqual(node.peers()[0]["direction"], "outgoing")

    def test_other_network(self):
        node = self.start("node")
        for options in ({"network": "elsewhere"}, {"leasing": False}):
            peer = self.peer(listen=False, **options)
            link = peer.connect(node.mesh_address)
            self.wait(lambda: link.hung_up, "the end of the connection")
            self.await_log(node, "refused", "wrong network", peer.protocol)
            self.assertEqual((node.peers(), peer.data), ([], {}))
        self.join(self.peer(), node)


if __name__ == "__main__":
    harness.main()
