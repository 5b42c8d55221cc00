"""A dictionary that programs share over a peer-to-peer mesh: py2p's classes, and what meshdict adds.

    with SyncSocket("127.0.0.1", 4001) as socket:
        socket.connect("127.0.0.1", 44565)
        socket["greeting"] = "hello"            # leased to this node for an hour
        print(socket["greeting"])

A py2p 0.6 program moves by changing its imports: `from py2p.sync import SyncSocket` is `from meshdict.sync import SyncSocket`.
"""

import atexit as _atexit
import os as _os

from . import _core, aio, base, errors, mesh, sync
from .base import Message, Protocol, flags
from .emitter import EventEmitter
from .errors import (ClockError, Error, InvalidKey, ListenError, LeasedError, NoSuchKey, NotSerialisable, PortInUse, ReservedFlag,
                     SettingsError, SocketClosed, StorageError)
from .mesh import MeshConnection, MeshSocket
from .sync import Change, ConflictInfo, LeaseInfo, SyncSocket, Watch, WriteResult, metatuple

__version__ = _core.__version__
version = __version__

__all__ = [
    "Change", "ClockError", "ConflictInfo", "Error", "EventEmitter", "InvalidKey", "LeaseInfo", "LeasedError", "ListenError",
    "MeshConnection", "MeshSocket", "Message", "NoSuchKey", "NotSerialisable", "PortInUse", "Protocol", "ReservedFlag",
    "SettingsError", "SocketClosed", "StorageError", "SyncSocket", "Watch", "WriteResult", "aio", "base", "errors", "flags",
    "mesh", "metatuple", "sync",
]

# No handler may ask for the lock of an interpreter that is going; and the sockets of a forked child are its parent's.
_atexit.register(_core.finish)
_os.register_at_fork(after_in_child=_core.abandon_all)
