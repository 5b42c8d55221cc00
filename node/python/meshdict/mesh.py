"""py2p.mesh: a member of a mesh that sends and receives messages."""

from __future__ import annotations

import inspect
import traceback
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple, Union

from . import _core
from .base import Message, Protocol, flags
from .emitter import EventEmitter, Listener

MeshConnection = _core.Connection
default_protocol = Protocol("mesh", "Plaintext")

Tls = Mapping[str, str]
LogSink = Callable[[int, str], Any]
Status = Union[str, List[Tuple[BaseException, str]]]

_MAX_ERRORS = 64


class Missed(NamedTuple):
    """What slow handlers, or nobody's recv(), have missed since the start."""

    messages: int
    changes: int
    log_lines: int


def _relay(receiver: "weakref.ref[Any]", method: str, *first: Any) -> Callable[..., Any]:
    """What the library calls instead of a method: it must not keep alive what its handlers belong to."""

    def relay(*args: Any) -> Any:
        there = receiver()
        return None if there is None else getattr(there, method)(*first, *args)

    return relay


class MeshSocket(EventEmitter):
    """Listens at `addr` ("" for all addresses) and `port` (0 for any). Others are told to dial `out_addr`.

    Events: `connect(conn)`, the first neighbour has arrived; `message(conn)`, a message waits for recv(); `overflow(conn)`,
    handlers were too slow (see `missed`); `conn` is this socket. Handlers run on a thread of the socket's, one after the other;
    they may use the socket, and nothing waits for them. What they raise is in `status`.

    Any thread may use it. As a context manager it closes itself; a program's end closes all. `data_dir` keeps the id,
    `mesh_key_file` or `tls` (a dict with `certificate`, `key`, `authority` and perhaps `revoked`: files) prove membership when the
    encryption is "TLS", `log(level, line)` gets the log up to `debug_level` instead of stderr.

    Raises ListenError or PortInUse (OSError), StorageError (OSError), SettingsError (ValueError).
    """

    _EVENTS = frozenset({"connect", "message", "overflow"})

    def __init__(self, addr: str, port: int, prot: Protocol = default_protocol, out_addr: Optional[Tuple[str, int]] = None,
                 debug_level: int = 0, *, data_dir: Optional[str] = None, log: Optional[LogSink] = None,
                 mesh_key_file: Optional[str] = None, tls: Optional[Tls] = None) -> None:
        super().__init__()
        self._start(_core.open_mesh, addr, port, dict(
            network=prot[0], encryption=prot[1], out_addr=out_addr, debug_level=debug_level, data_dir=data_dir, log=log,
            mesh_key_file=mesh_key_file, tls=tls))

    def _start(self, open_socket: Callable[..., Any], addr: str, port: int, options: Dict[str, Any]) -> None:
        self._errors: Deque[Tuple[BaseException, str]] = deque(maxlen=_MAX_ERRORS)
        self._heard_events: Set[str] = set()
        self._handlers: List[Callable[[Message, MeshConnection], Any]] = []
        self._core = open_socket(addr, port, options)
        self._id = self._core.id()
        self._protocol = Protocol(self._core.network(), options["encryption"])

    def __enter__(self) -> "MeshSocket":
        return self

    def __exit__(self, *_: Any) -> None:
        if not self.is_closed:
            self.close()

    def close(self) -> None:
        """Says goodbye and leaves the mesh. SocketClosed (RuntimeError): it was done before."""
        self._core.close()

    @property
    def is_closed(self) -> bool:
        """Whether close() was called, or a disk has failed."""
        return self._core.is_closed()

    # About this node

    @property
    def id(self) -> bytes:
        """In base 58."""
        return self._id

    @property
    def out_addr(self) -> Tuple[str, int]:
        """Where others are told to dial, with the port that was chosen."""
        return self._core.out_addr()

    @property
    def protocol(self) -> Protocol:
        """As others see it: a dictionary's network ends in 1, or 0 without leases."""
        return self._protocol

    @property
    def debug_level(self) -> int:
        """How much is logged: 0, nothing, to 4."""
        return self._core.debug_level()

    @debug_level.setter
    def debug_level(self, level: int) -> None:
        self._core.set_debug_level(level)

    @property
    def status(self) -> Status:
        """"Nominal", or (exception, traceback) of what went wrong unexpectedly: the newest 64 of handlers, and the library's."""
        told = [(RuntimeError(text), text) for text in self._core.status()[0]]
        return told + list(self._errors) or "Nominal"

    @property
    def missed(self) -> Missed:
        """What was left out because handlers were too slow, or nobody received."""
        return Missed(*self._core.status()[1:])

    # Neighbours

    def connect(self, addr: str, port: int, id: Optional[Union[str, bytes]] = None,  # pylint: disable=redefined-builtin
                conn_type: Any = None) -> Optional[bool]:
        """Dials a node, without waiting; any member is enough to join. False when there is nothing to do. With an `id`, another
        node that answers is refused. `conn_type` is py2p's, and counts for nothing."""
        del conn_type
        return None if self._core.connect(addr, port, id) else False

    def disconnect(self, handler: Union["_core.Connection", str, bytes]) -> None:
        """Says goodbye to a neighbour, or to the one with this id."""
        self._core.disconnect(handler.id if isinstance(handler, _core.Connection) else handler)

    def request_peers(self) -> None:
        """Asks the neighbours whom they know."""
        self._core.request_peers()

    @property
    def routing_table(self) -> Dict[bytes, "_core.Connection"]:
        """The neighbours, by id."""
        return {conn.id: conn for conn in self._core.neighbours()}

    @property
    def outgoing(self) -> Iterator[bytes]:
        """Ids of neighbours that we dialled."""
        return (conn.id for conn in self._core.neighbours() if conn.outgoing)

    @property
    def incoming(self) -> Iterator[bytes]:
        """Ids of neighbours that dialled us."""
        return (conn.id for conn in self._core.neighbours() if not conn.outgoing)

    @property
    def awaiting_ids(self) -> List[Any]:
        """Always empty: who has not shown its handshake has no name yet."""
        return []

    # Messages

    def send(self, *packets: Any, flag: int = flags.broadcast, type: int = flags.broadcast) -> None:  # pylint: disable=redefined-builtin
        """To everybody in the mesh; with `flag=flags.whisper` to the neighbours only. NotSerialisable (TypeError), ReservedFlag."""
        self._core.send(*packets, flag=flag, type=type)

    def recv(self, quantity: int = 1, *, timeout: Optional[float] = 0) -> Any:
        """The oldest message, or None; of another quantity a list of at most so many. `timeout` in seconds waits for one message,
        None for ever. SocketClosed: there is none to wait for, since the socket is closed."""
        if quantity != 1:
            return self._core.recv_many(max(quantity, 0))
        return self._core.recv(timeout)

    def register_handler(self, method: Callable[[Message, MeshConnection], Any]) -> None:
        """Shows each message to `method(msg, conn)` before it is queued; true: it is taken. ValueError: not two arguments."""
        parameters = inspect.signature(method).parameters
        if len(parameters) != (3 if parameters.get("self") else 2):
            raise ValueError("This method must contain exactly two arguments (or three if first is self)")

        self._handlers.append(method)
        if len(self._handlers) == 1:
            self._core.register_handler(_relay(weakref.ref(self), "_take"))

    def handle_msg(self, msg: Message, conn: MeshConnection) -> Optional[bool]:
        """Shows a message to the handlers and, if none takes it, queues it."""
        return self._core.handle_msg(msg, conn) or None

    # Events

    def _add(self, event: str, f: Listener, only_once: bool) -> None:
        super()._add(event, f, only_once)
        if event in self._EVENTS and event not in self._heard_events:
            self._heard_events.add(event)
            self._core.on(event, _relay(weakref.ref(self), "_heard", event))

    def _heard(self, event: str, *args: Any) -> None:
        """On the handlers' thread: all listeners are called, whatever one of them raises."""
        for f in self._due(event):
            try:
                f(self, *args)
            except Exception as error:  # pylint: disable=broad-except
                self._note(error)

    def _take(self, message: Message, conn: MeshConnection) -> bool:
        """On the handlers' thread: until one of register_handler() takes it."""
        for method in tuple(self._handlers):
            try:
                if method(message, conn):
                    return True
            except Exception as error:  # pylint: disable=broad-except
                self._note(error)
        return False

    def _note(self, error: BaseException) -> None:
        self._errors.append((error, traceback.format_exc()))
