"""For asyncio: what would block is awaited.

    message = await aio.recv(socket, timeout=5)
    async for change in aio.changes(socket, b"app/"):
        ...
    await aio.call(socket.set, b"app/1", "value")

Handlers of sockets run on a thread of the socket's, not in the event loop.
"""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Callable, Optional, Union

from .base import Message
from .errors import SocketClosed
from .mesh import MeshSocket
from .sync import Change, SyncSocket


# In seconds: so often what waits looks whether its socket was closed meanwhile.
_LOOK = 0.25


async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Runs a method of a socket on a thread of the loop's executor, and gives what it returns. Cancelled, it runs on."""
    return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))


async def recv(socket: MeshSocket, timeout: Optional[float] = None) -> Optional[Message]:
    """The oldest message; None after `timeout` seconds. A message is never lost to a cancelled call. SocketClosed: none comes any
    more."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()

    def told(_: MeshSocket) -> None:
        loop.call_soon_threadsafe(came.set)

    async def wait() -> Message:
        while True:
            came.clear()
            message = socket.recv()
            if message is not None:
                return message
            if socket.is_closed:
                raise SocketClosed("the socket is closed: no message comes")
            try:
                await asyncio.wait_for(came.wait(), _LOOK)
            except asyncio.TimeoutError:
                pass

    socket.on("message", told)
    try:
        return await asyncio.wait_for(wait(), timeout)
    except asyncio.TimeoutError:
        return None
    finally:
        socket.remove_listener("message", told)


async def wait(socket: SyncSocket, replicas: int = 1, timeout: Optional[float] = None) -> int:
    """As SyncSocket.wait()."""
    return await call(socket.wait, replicas, timeout)


async def changes(socket: SyncSocket, prefix: Union[str, bytes] = b"") -> AsyncIterator[Change]:
    """Every key that begins with `prefix`: those that exist, then each change, without a gap. They wait for the reader. They end when the
    socket is closed."""
    loop = asyncio.get_running_loop()
    queue: "asyncio.Queue[Change]" = asyncio.Queue()
    watch = socket.watch(prefix, lambda change: loop.call_soon_threadsafe(queue.put_nowait, change))
    try:
        while not (socket.is_closed and queue.empty()):
            try:
                change = await asyncio.wait_for(queue.get(), _LOOK)
            except asyncio.TimeoutError:
                continue
            yield change
    finally:
        watch.cancel()
