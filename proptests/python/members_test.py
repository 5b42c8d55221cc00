"""py2p's members: names, arguments, exceptions."""

import errno
import math

import meshdict
import pytest
from meshdict.base import Protocol, flags, from_base_58, to_base_58

from conftest import join
from programs import eventually


@pytest.mark.parametrize("value", [
    None, True, False, 0, -2**63, 2**64 - 1, 1.5, -math.inf, "", "ä\0z", b"\0\xff", [], [1, ["two", b"3"], None], {}, {"a": {"b": [1.0]}}])
def test_every_kind_of_value_is_shared(pair, value):
    ada, bob = pair
    ada["k"] = value
    eventually(lambda: "k" in bob)
    assert bob["k"] == value and type(bob["k"]) is type(value)


@pytest.mark.parametrize("value", [2**64, -2**63 - 1, object(), {1: 2}, {"a": {b"b": 1}}, {1}, "\ud800"])
def test_what_cannot_be_stored_is_a_type_error(open_sync, value):
    with pytest.raises(TypeError, match="cannot be stored or sent"):
        open_sync()["k"] = value


def test_a_value_that_holds_itself_is_a_type_error(open_sync):
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="nested more than 32 deep"):
        open_sync()["k"] = loop


@pytest.mark.parametrize("key", [0, None, 1.5, ("a",), b"k" * 65536])
def test_keys_that_nobody_can_have_are_type_errors(open_sync, key):
    with pytest.raises(TypeError):
        open_sync()[key] = 1


def test_the_dictionary_is_py2ps(open_sync):
    sock = open_sync()
    assert not sock and len(sock) == 0 and sock.get("a") is None and sock.get(b"a", 7) == 7
    sock["b"] = 2
    sock.set(b"a", 1)
    sock.update({"c": 3, b"d": "four"})
    assert sock["a"] == sock[b"a"] == 1 and "a" in sock and b"a" in sock and "e" not in sock
    assert list(sock) == list(sock.keys()) == [b"a", b"b", b"c", b"d"]
    assert list(sock.values()) == [1, 2, 3, "four"] and dict(sock.items()) == sock.copy() == sock.data
    assert next(sock.keys()) == b"a"
    meta = sock.metadata[b"a"]
    assert meta == sock.meta("a") and meta.owner == sock.id and isinstance(meta.timestamp, int)
    assert sock.pop("a") == 1 and sock.pop("a", "none") == "none" and sock.popitem() == (b"b", 2)
    sock["c"] = b""
    del sock["d"]
    assert len(sock) == 0
    for missing in (lambda: sock["a"], lambda: sock.pop("a"), lambda: sock.__delitem__("a"), sock.popitem, lambda: sock.fence("a")):
        with pytest.raises(KeyError):
            missing()


def test_a_leased_key_is_a_key_error_with_owner_and_time_left(pair):
    ada, bob = pair
    ada["k"] = 1
    eventually(lambda: "k" in bob)
    for write in (lambda: bob.set("k", 2), lambda: bob.update({"j": 1, "k": 2}), lambda: bob.__delitem__("k")):
        with pytest.raises(KeyError) as caught:
            write()
        error = caught.value
        assert isinstance(error, meshdict.LeasedError) and error.key == b"k" and error.owner == ada.id and 3500 < error.left < 3700
    assert "j" not in bob


def test_without_leases_everybody_writes(open_sync):
    ada, bob = open_sync(leasing=False), open_sync(leasing=False)
    assert ada.protocol == ("sync0", "Plaintext")
    join(ada, bob)
    ada["k"] = 1
    eventually(lambda: bob.get("k") == 1)
    bob["k"] = 2
    eventually(lambda: ada.get("k") == 2)


def test_updates_and_deletions_are_events(pair):
    ada, bob = pair
    heard = []
    bob.on("update", lambda *args: heard.append(args))

    @bob.on("delete")
    def deleted(conn, key):
        heard.append((conn, key))

    ada["k"] = [1]
    eventually(lambda: len(heard) == 1)
    del ada["k"]
    eventually(lambda: len(heard) == 2)
    conn, key, data, meta = heard[0]
    assert conn is bob and key == b"k" and data == [1] and meta.owner == ada.id
    assert heard[1] == (bob, b"k") and bob.listeners("delete") == [deleted]


def test_the_emitter_is_pyees(open_sync):
    sock, heard = open_sync(), []
    sock.on("new_listener", lambda event, f: heard.append(("new", event)))
    sock.once("mine", heard.append)
    sock.on("mine", heard.append)
    assert sock.emit("mine", 1) and sock.emit("mine", 2) and not sock.emit("other")
    assert heard == [("new", "mine"), ("new", "mine"), 1, 1, 2]
    sock.remove_listener("mine", heard.append)
    with pytest.raises(ValueError):
        sock.remove_listener("mine", heard.append)
    sock.remove_all_listeners()
    assert sock.listeners("new_listener") == []
    with pytest.raises(ZeroDivisionError):
        sock.emit("error", ZeroDivisionError())


def test_messages_are_sent_received_and_answered(mesh_pair):
    ada, bob = mesh_pair
    heard = []
    bob.on("message", heard.append)
    assert bob.recv() is None and bob.recv(5) == []
    ada.send("hello", b"\0", {"a": [1]})
    message = bob.recv(timeout=None)
    assert message.packets == (flags.broadcast, "hello", b"\0", {"a": [1]}) and message.sender == ada.id
    assert message.time_58 == to_base_58(message.time) and len(message.id) == 32 and len(message) > 0 and "hello" in repr(message)
    message.reply("hello, ada")
    assert ada.recv(timeout=None).packets == (flags.whisper, "hello, ada")
    eventually(lambda: heard == [bob])
    bob.routing_table[ada.id].send(flags.whisper, flags.whisper, "alone")
    eventually(lambda: [m.packets[1] for m in ada.recv(2)] == ["alone"])
    with pytest.raises(ValueError):
        ada.send("no", flag=flags.ping)
    with pytest.raises(ValueError):
        bob.routing_table[ada.id].send(flags.whisper, flags.store, "no")
    with pytest.raises(TypeError):
        ada.send(object())
    ada.request_peers()


def test_handlers_are_tried_in_order_until_one_takes_the_message(mesh_pair):
    ada, bob = mesh_pair
    seen = []

    def first(msg, handler):
        seen.append(("first", msg.packets[1], handler.id == ada.id))
        return msg.packets[1] == "mine"

    class Second:
        def take(self, msg, handler):
            seen.append(("second", msg.packets[1], handler.outgoing))

    bob.register_handler(first)
    bob.register_handler(Second().take)
    ada.send("mine")
    ada.send("queued")
    message = bob.recv(timeout=None)
    assert message.packets[1] == "queued"
    assert seen == [("first", "mine", True), ("first", "queued", True), ("second", "queued", False)]
    assert bob.handle_msg(message, bob.routing_table[ada.id]) is True
    assert bob.recv(timeout=None).id == message.id
    for wrong in (lambda msg: True, lambda a, b, c: True):
        with pytest.raises(ValueError):
            bob.register_handler(wrong)


def test_neighbours_are_named(mesh_pair):
    ada, bob = mesh_pair
    conn = ada.routing_table[bob.id]
    assert conn.addr == bob.out_addr and conn.outgoing and conn.is_meshdict and conn.connected_for >= 0
    assert list(ada.outgoing) == [bob.id] and list(ada.incoming) == [] and list(bob.incoming) == [ada.id] and ada.awaiting_ids == []
    assert ada.connect(*bob.out_addr) is False and ada.connect("127.0.0.1", 1, bob.id) is False
    ada.disconnect(conn)
    eventually(lambda: not ada.routing_table and not bob.routing_table)


def test_what_a_handler_raises_is_in_the_status(mesh_pair):
    ada, bob = mesh_pair
    assert bob.status == "Nominal" and bob.missed == (0, 0, 0)

    def wrong(conn):
        raise LookupError("of no use")

    bob.on("message", wrong)
    bob.register_handler(lambda msg, conn: 1 / 0)
    ada.send("hello")
    eventually(lambda: bob.status != "Nominal" and len(bob.status) == 2)
    (first, first_trace), (second, second_trace) = bob.status
    assert isinstance(first, ZeroDivisionError) and "1 / 0" in first_trace
    assert isinstance(second, LookupError) and "in wrong" in second_trace
    assert bob.recv().packets[1] == "hello"


def test_errors_of_opening_and_closing(open_sync, tmp_path):
    sock = open_sync(data_dir=str(tmp_path / "d"))
    with pytest.raises(OSError) as caught:
        meshdict.MeshSocket("127.0.0.1", sock.out_addr[1])
    assert isinstance(caught.value, meshdict.PortInUse) and caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError):
        meshdict.MeshSocket("192.0.2.1", 0)
    with pytest.raises(meshdict.StorageError) as caught:
        meshdict.SyncSocket("127.0.0.1", 0, data_dir=str(tmp_path / "d"))
    assert caught.value.path == str(tmp_path / "d")
    for encryption in ("TLS", "ROT13"):
        with pytest.raises(ValueError):
            meshdict.MeshSocket("127.0.0.1", 0, Protocol("mesh", encryption))
    sock.close()
    for use in (sock.close, lambda: sock.set("a", 1), lambda: sock["a"], lambda: sock.send("a"), lambda: sock.connect("127.0.0.1", 1)):
        with pytest.raises(RuntimeError):
            use()
    assert sock.is_closed and sock.status == "Nominal" and sock.recv() is None


def test_protocols_and_numbers_are_py2ps():
    assert Protocol("sync1", "Plaintext").id == "FmY4AF29M8x3wx4wZ26rkLEXywW1onrNhRQx1JSciRKi"
    assert to_base_58(0) == b"1" and from_base_58(to_base_58(2**384 - 1)) == 2**384 - 1 and from_base_58("z") == 57
    assert meshdict.sync.default_protocol == ("sync", "Plaintext") and meshdict.mesh.default_protocol.subnet == "mesh"


def test_the_log_goes_where_it_is_told_to():
    lines = []
    with meshdict.MeshSocket("127.0.0.1", 0, out_addr=("127.0.0.1", 9), debug_level=4, log=lambda level, line: lines.append(line)) as sock:
        assert sock.out_addr == ("127.0.0.1", 9) and sock.debug_level == 4
        sock.debug_level = 1
        assert sock.debug_level == 1
        with meshdict.MeshSocket("127.0.0.1", 0, Protocol("other")) as other:
            sock.connect(*other.out_addr)
            eventually(lambda: lines, "a line of the log")
