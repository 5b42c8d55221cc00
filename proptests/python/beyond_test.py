"""What the package has beyond py2p: writes that tell, leases, watches, asyncio; and the ways in which sockets and interpreters end."""

import asyncio
import gc
import os
import signal
import threading
import weakref

import meshdict
import pytest
from meshdict import aio

from conftest import join
from programs import Interpreter, eventually


def test_writes_that_tell_what_became_of_them(pair):
    ada, bob = pair
    assert ada.try_set("k", 1) and ada.set_if_absent("k", 2).outcome == "there" and ada["k"] == 1
    eventually(lambda: "k" in bob)
    refused = bob.try_set("k", 2)
    assert not refused and refused.outcome == "leased" and refused.owner == ada.id and refused.left > 3500
    fence = ada.fence("k")
    assert ada.set_if("k", fence, 3) and ada["k"] == 3 and ada.renew("k") and not bob.renew("k")
    del ada["k"]
    eventually(lambda: "k" not in bob)
    bob["k"] = 4
    assert bob.fence("k") > fence and bob.set_if("k", fence, 5).outcome == "other fence"
    assert bob.try_set("empty", b"") and bob["empty"] == b""


def test_a_lease_tells_who_holds_a_key(pair):
    ada, bob = pair
    assert ada.lease("k") is None
    ada["k"] = 1
    assert ada.wait(1) == 1 and ada.wait(2, timeout=0.01) == 1
    mine, theirs = ada.lease("k"), bob.lease("k")
    assert mine.ours and mine.held and mine.left > 3000 and not theirs.ours and theirs.state == "foreign" and theirs.owner == ada.id
    assert mine.fence == theirs.fence and ada.id.decode() in bob.explain("k")


def test_a_lost_write_is_an_event(open_sync):
    ada, bob = open_sync(), open_sync()
    lost = []
    for sock in (ada, bob):
        sock.on("conflict", lambda conn, key, info: lost.append((conn, key, info)))
    ada["k"], bob["k"] = "ada's", "bob's"
    join(ada, bob)
    eventually(lambda: lost, "a conflict")
    (loser, key, info), = lost
    assert key == b"k" and info.lost_meta.owner == loser.id != info.winner.owner and info.reason
    eventually(lambda: ada["k"] == bob["k"] != info.lost)


def test_a_watch_tells_what_there_is_and_then_every_change(open_sync):
    sock, changes = open_sync(), []
    sock["a/1"], sock["b"] = 1, 2
    with sock.watch("a/", changes.append):
        sock["a/2"] = 3
        del sock["a/1"]
        eventually(lambda: len(changes) == 3)
    sock["a/3"] = 4
    assert [(c.key, c.value, c.deleted) for c in changes] == [(b"a/1", 1, False), (b"a/2", 3, False), (b"a/1", None, True)]
    assert sock.snapshot("a/") == {b"a/2": 3, b"a/3": 4}


def test_a_data_directory_keeps_keys_and_id(tmp_path):
    with meshdict.SyncSocket("127.0.0.1", 0, data_dir=str(tmp_path)) as sock:
        sock["k"], before = "kept", sock.id
    del sock
    with meshdict.SyncSocket("127.0.0.1", 0, data_dir=str(tmp_path)) as sock:
        assert sock["k"] == "kept" and sock.id == before


def test_coroutines_wait_for_messages_and_changes(pair):
    ada, bob = pair

    async def use():
        assert await aio.recv(bob, timeout=0.01) is None
        receiving = asyncio.ensure_future(aio.recv(bob))
        await aio.call(ada.send, "hello")
        assert (await receiving).packets[1] == "hello"
        seen = []
        async for change in aio.changes(bob, "a/"):
            seen.append((change.key, change.value))
            if len(seen) == 2:
                return seen
            ada["a/2"] = 2

    ada["a/1"] = 1
    assert ada.wait(1) == 1 and asyncio.run(use()) == [(b"a/1", 1), (b"a/2", 2)]
    assert bob.listeners("message") == []


def test_what_waits_for_messages_ends_with_its_socket():
    ended = []

    def wait_for_ever():
        with pytest.raises(meshdict.SocketClosed):
            sock.recv(timeout=None)
        ended.append(True)

    async def use():
        receiving = asyncio.ensure_future(aio.recv(sock))

        async def follow():
            return [change.key async for change in aio.changes(sock)]

        following = asyncio.ensure_future(follow())
        await asyncio.sleep(0.3)
        await aio.call(sock.close)
        with pytest.raises(meshdict.SocketClosed):
            await receiving
        return await following

    sock = meshdict.SyncSocket("127.0.0.1", 0)
    sock["k"] = 1
    waiting = threading.Thread(target=wait_for_ever)
    waiting.start()
    assert asyncio.run(use()) == [b"k"]
    waiting.join(10)
    assert ended == [True]
    assert sock.recv() is None, "one that does not wait is no error, as in py2p"


def test_calls_that_wait_in_a_handler(pair):
    ada, bob = pair
    seen = []

    def handler(conn, key, data, meta):
        seen.append(ada.recv(timeout=None))  # its own messages: the loop would have to bring them
        threading.Timer(0.3, bob.send, ["hello"]).start()
        seen.append(carol.recv(timeout=60).packets[1])
        seen.append(ada.wait(2, timeout=60))

    with meshdict.SyncSocket("127.0.0.1", 0) as carol:
        join(carol, bob)
        ada.on("update", handler)
        ada["k"] = 1
        # Carol becomes a neighbour of ada's by herself.
        eventually(lambda: len(seen) == 3)
        assert seen == [None, "hello", 2]


def test_a_lock_may_be_held_around_writes_that_a_handler_takes(pair):
    ada, bob = pair
    lock, count = threading.Lock(), [0]

    def handler(conn, key, data, meta):
        with lock:
            count[0] += 1
            if conn is bob:
                bob["back"] = data

    for sock in pair:
        sock.on("update", handler)
    for i in range(300):
        with lock:
            ada["k"] = i
    eventually(lambda: count[0] >= 600 and ada.get("back") == 299)


def test_a_socket_that_nobody_has_any_more_is_closed():
    class Own(meshdict.SyncSocket):
        def changed(self, conn, key, data, meta):
            pass

        def take(self, msg, conn):
            pass

    sock = Own("127.0.0.1", 0)
    sock.on("update", sock.changed)
    sock.register_handler(sock.take)
    sock.watched = sock.watch("", sock.emit)
    port, gone = sock.out_addr[1], weakref.ref(sock)
    del sock
    gc.collect()  # its own handlers refer to it
    assert gone() is None
    meshdict.MeshSocket("127.0.0.1", port).close()


def test_a_socket_may_be_dropped_in_its_own_handler():
    dropped, kept = threading.Event(), [meshdict.SyncSocket("127.0.0.1", 0)]
    port = kept[0].out_addr[1]

    def drop(conn, key, data, meta):
        kept.clear()
        dropped.set()

    kept[0].on("update", drop)
    kept[0]["k"] = 1
    assert dropped.wait(60)

    def is_free():
        gc.collect()
        try:
            meshdict.MeshSocket("127.0.0.1", port).close()
            return True
        except meshdict.PortInUse:
            return False

    eventually(is_free, "the port")


def test_a_child_of_fork_is_told_that_the_socket_is_its_parents(pair):
    ada, bob = pair
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # for one that hangs
        code = 1
        try:
            ada["k"] = 1
        except meshdict.SocketClosed as error:
            code = 0 if "parent process" in str(error) else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ada["k"] = 2
    eventually(lambda: bob.get("k") == 2)


ENDS = {
    "the end of the program": "",
    "sys.exit": "import sys; sys.exit(0)",
    "a thread that receives for ever": "threading.Thread(target=receive, daemon=True).start(); time.sleep(0.1)",
    "busy handlers": "ada.on('update', lambda *args: time.sleep(0.001))\nfor i in range(2000): ada[str(i)] = i",
    "a handler that runs": "ada.on('update', lambda *args: time.sleep(0.5)); ada['k'] = 1; time.sleep(0.1)",
    "a watch": "watch = ada.watch('', lambda change: None); ada['k'] = 1",
    "a child of fork": "import multiprocessing as m; p = m.get_context('fork').Process(target=len, args=((),)); p.start(); p.join(60); assert p.exitcode == 0",
    "a thread that writes": "threading.Thread(target=write, daemon=True).start(); time.sleep(0.1)",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_an_interpreter_ends_with_open_sockets(end):
    text = f"""
import threading, time, meshdict
ada, bob = meshdict.SyncSocket("127.0.0.1", 0), meshdict.SyncSocket("127.0.0.1", 0)
ada.connect(*bob.out_addr)
bob.on("update", lambda *args: None)
def receive():
    while True: ada.recv(timeout=None)
def write():
    i = 0
    while True:
        i += 1
        ada["w"] = i
print("ready")
{end}
"""
    with Interpreter(text=text) as program:
        program.hear("ready")
        assert program.end() == 0, program.seen


def test_control_c_ends_a_call_that_waits():
    text = """
import meshdict
sock = meshdict.SyncSocket("127.0.0.1", 0)
try:
    print("waiting")
    sock.recv(timeout=None)
except KeyboardInterrupt:
    print("interrupted")
"""
    with Interpreter(text=text) as program:
        program.hear("waiting")
        program.process.send_signal(signal.SIGINT)
        program.hear("interrupted")
        assert program.end() == 0
