"""py2p.sync: a dictionary that the members of a mesh share."""

from __future__ import annotations

import weakref
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _core
from .base import Protocol
from .errors import NoSuchKey
from .mesh import LogSink, MeshSocket, Tls, _relay

default_protocol = Protocol("sync", "Plaintext")

Key = Union[str, bytes]
_ABSENT = object()


class metatuple(NamedTuple):  # pylint: disable=invalid-name
    """The writer of a value, and the time of the write in Unix seconds, by the writer's clock."""

    owner: bytes
    timestamp: int


class WriteResult(NamedTuple):
    """What became of a write that may be refused: true when it was done.

    `outcome`: "done"; "leased", by `owner` for `left` seconds; "there", of set_if_absent(); "other fence", of set_if().
    """

    outcome: str
    owner: bytes
    left: float

    def __bool__(self) -> bool:
        return self.outcome == "done"


class LeaseInfo(NamedTuple):
    """How a key is held. `state`: "foreign", "tentative", "settled", "unconfirmed", "lost" or "released"; `left` in seconds: ours, how long
    we may rely on it; another's, how long we must wait."""

    owner: bytes
    held: bool
    ours: bool
    state: str
    left: float
    epoch: int
    fence: bytes


class ConflictInfo(NamedTuple):
    """An acknowledged write of this node that has lost. `reason` is the field of the version that decided."""

    lost: Any
    lost_meta: metatuple
    winner: metatuple
    reason: str


class Change(NamedTuple):
    """What has become of a watched key. `value` is None, too, when it was deleted."""

    key: bytes
    value: Any
    deleted: bool
    meta: metatuple


class Watch:
    """Ends with cancel(), as a context manager, or when nobody has it any more."""

    def __init__(self, handler: Callable[[Change], Any], note: Callable[[BaseException], None]) -> None:
        self._handler = handler
        self._note = note
        self._core: Optional["_core.Watch"] = None

    def cancel(self) -> None:
        """The handler is not called any more; a call that has begun runs on."""
        if self._core is not None:
            self._core.cancel()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: Any) -> None:
        self.cancel()

    def _told(self, key: bytes, exists: bool, value: Any, meta: Tuple[bytes, int]) -> None:
        try:
            self._handler(Change(key, value, not exists, _meta(meta)))
        except Exception as error:  # pylint: disable=broad-except
            self._note(error)


def _meta(raw: Tuple[bytes, int]) -> metatuple:
    return metatuple(raw[0], raw[1] // 1000)


class SyncSocket(MeshSocket):
    """A dictionary; every member holds all of it. A node that sets a key leases it: until `lease` seconds after its last write
    nobody else may write it, unless the node deletes it. Keys are bytes (a str is taken as UTF-8, and comes back as bytes).
    Values: None, bool, int from -2**63 to 2**64-1, float, str, bytes, list, tuple, dict with str as keys.

    Events beside MeshSocket's: `update(conn, key, data, meta)` and `delete(conn, key)`, from here or elsewhere;
    `conflict(conn, key, info)`, an acknowledged write of this node has lost.

    `lease` and `leasing` are the same at all members. With `data_dir` the dictionary survives kill -9; without `sync_each_write` a
    power failure may take the last second. Without `clock_guard` keys are claimed by a clock that the others would not believe.
    """

    _EVENTS = MeshSocket._EVENTS | {"update", "delete", "conflict"}

    def __init__(self, addr: str, port: int, prot: Protocol = default_protocol,  # pylint: disable=super-init-not-called
                 out_addr: Optional[Tuple[str, int]] = None, debug_level: int = 0, leasing: bool = True, *,
                 data_dir: Optional[str] = None, lease: float = 3600, clock_guard: bool = True, sync_each_write: bool = True,
                 log: Optional[LogSink] = None, mesh_key_file: Optional[str] = None, tls: Optional[Tls] = None) -> None:
        super(MeshSocket, self).__init__()
        self._start(_core.open_sync, addr, port, dict(
            network=prot[0], encryption=prot[1], out_addr=out_addr, debug_level=debug_level, data_dir=data_dir, log=log,
            mesh_key_file=mesh_key_file, tls=tls, leasing=leasing, lease=lease, clock_guard=clock_guard,
            sync_each_write=sync_each_write))

    def __enter__(self) -> "SyncSocket":
        return self

    # py2p's dictionary

    def __setitem__(self, key: Key, data: Any) -> None:
        """LeasedError (KeyError): another node holds the key. InvalidKey, NotSerialisable (TypeError). b"" deletes, as in py2p."""
        if isinstance(data, bytes) and not data:
            self._core.erase(key)
        else:
            self._core.set(key, data)

    def set(self, key: Key, data: Any) -> None:
        """As `self[key] = data`."""
        self[key] = data

    def update(self, update_dict: Union[Mapping[Key, Any], Iterable[Tuple[Key, Any]]]) -> None:
        """Writes all or, when one is refused, none. (Here b"" is a value.)"""
        self._core.update(dict(update_dict))

    def __getitem__(self, key: Key) -> Any:
        """NoSuchKey (KeyError)."""
        return self._core.at(key)

    def get(self, key: Key, ifError: Any = None) -> Any:  # pylint: disable=invalid-name
        """`ifError` when there is no such key."""
        try:
            return self._core.at(key)
        except KeyError:
            return ifError

    def __delitem__(self, key: Key) -> None:
        """NoSuchKey, LeasedError (KeyError)."""
        self._core.erase(key)

    def pop(self, key: Key, *args: Any) -> Any:
        """Deletes a key and gives what it held, or the second argument when there is no such key."""
        if len(args) > 1:
            raise TypeError(f"pop() takes a key and a default, and not {len(args)} defaults")
        try:
            return self._core.pop(key)
        except NoSuchKey:
            if args:
                return args[0]
            raise

    def popitem(self) -> Tuple[bytes, Any]:
        """Deletes a key, the first that this node may delete. NoSuchKey, LeasedError (KeyError)."""
        return self._core.popitem()

    def __contains__(self, key: Key) -> bool:
        return self._core.contains(key)

    def __len__(self) -> int:
        return self._core.size()

    def __iter__(self) -> Iterator[bytes]:
        return self.keys()

    def keys(self) -> Iterator[bytes]:
        """In their order, of one moment; so with values() and items()."""
        return iter(self._core.keys())

    def values(self) -> Iterator[Any]:
        return (value for _, value, _ in self._core.snapshot(b""))

    def items(self) -> Iterator[Tuple[bytes, Any]]:
        return ((key, value) for key, value, _ in self._core.snapshot(b""))

    def copy(self) -> Dict[bytes, Any]:
        """An ordinary dict."""
        return self.snapshot()

    @property
    def data(self) -> Dict[bytes, Any]:
        """A copy."""
        return self.snapshot()

    @property
    def metadata(self) -> Dict[bytes, metatuple]:
        """Who wrote each key, and when. For one key meta() costs less."""
        return {key: _meta(meta) for key, _, meta in self._core.snapshot(b"")}

    # Beyond py2p

    def try_set(self, key: Key, data: Any) -> WriteResult:
        """Writes, and tells instead of raising LeasedError. (Here, and in the next two, b"" is a value.)"""
        return WriteResult(*self._core.try_set(key, data))

    def set_if_absent(self, key: Key, data: Any) -> WriteResult:
        """Only when there is no such key."""
        return WriteResult(*self._core.set_if_absent(key, data))

    def set_if(self, key: Key, fence: bytes, data: Any) -> WriteResult:
        """Only while the key's fence is still this one."""
        return WriteResult(*self._core.set_if(key, fence, data))

    def renew(self, key: Key) -> bool:
        """Begins the lease anew without another value. False: this node does not hold the key any more. NoSuchKey."""
        return self._core.renew(key)

    def lease(self, key: Key) -> Optional[LeaseInfo]:
        """None: there is no such key."""
        raw = self._core.lease(key)
        return None if raw is None else LeaseInfo(*raw)

    def fence(self, key: Key) -> bytes:
        """Grows with every new holder: a resource that refuses smaller ones than it has seen never obeys a superseded holder.
        NoSuchKey."""
        info = self.lease(key)
        if info is None:
            raise NoSuchKey(key)
        return info.fence

    def meta(self, key: Key) -> metatuple:
        """NoSuchKey."""
        return _meta(self._core.meta(key))

    def explain(self, key: Key) -> str:
        """For a person: who holds the key, why, and which claims it has met."""
        return self._core.explain(key)

    def snapshot(self, prefix: Key = b"") -> Dict[bytes, Any]:
        """What begins with `prefix`, of one moment."""
        return {key: value for key, value, _ in self._core.snapshot(prefix)}

    def watch(self, prefix: Key, handler: Callable[[Change], Any]) -> Watch:
        """Tells `handler` of every key that begins with `prefix`: of those that exist, then of each change, without a gap."""
        watch = Watch(handler, self._note)
        watch._core = self._core.watch(prefix, _relay(weakref.ref(watch), "_told"))
        return watch

    def wait(self, replicas: int = 1, timeout: Optional[float] = None) -> int:
        """Until so many neighbours have this socket's last write, or for `timeout` seconds. How many have."""
        return self._core.wait(replicas, timeout)

    def _heard(self, event: str, *args: Any) -> None:
        if event == "update":
            key, value, meta = args
            args = (key, value, _meta(meta))
        elif event == "conflict":
            key, lost, lost_meta, winner, reason = args
            args = (key, ConflictInfo(lost, _meta(lost_meta), _meta(winner), reason))
        super()._heard(event, *args)
