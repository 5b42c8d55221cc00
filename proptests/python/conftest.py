"""Sockets on loopback that end with their test."""

import meshdict
import pytest

from programs import eventually


@pytest.fixture
def open_sync():
    sockets = []

    def opened(**options):
        sockets.append(meshdict.SyncSocket("127.0.0.1", 0, **options))
        return sockets[-1]

    yield opened
    for socket in sockets:
        with socket:
            pass


@pytest.fixture
def pair(open_sync):
    """Two neighbours."""
    ada, bob = open_sync(), open_sync()
    join(ada, bob)
    return ada, bob


@pytest.fixture
def mesh_pair():
    with meshdict.MeshSocket("127.0.0.1", 0) as ada, meshdict.MeshSocket("127.0.0.1", 0) as bob:
        join(ada, bob)
        yield ada, bob


def join(left, right):
    assert left.connect("127.0.0.1", right.out_addr[1]) is None
    eventually(lambda: right.id in left.routing_table and left.id in right.routing_table, "a neighbour")
