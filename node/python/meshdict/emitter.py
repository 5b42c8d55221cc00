"""Events and their listeners, as in pyee, the emitter of py2p."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

Listener = Callable[..., Any]


class EventEmitter:
    """Calls listeners in the order of their registration. Any thread may use it, and so may a listener.

    `new_listener(event, listener)` is emitted before a listener is added, and `error(exception)` is raised when nobody listens.
    """

    def __init__(self) -> None:
        self._listeners: Dict[str, List[Tuple[Listener, bool]]] = {}
        self._lock = threading.Lock()

    def on(self, event: str, f: Optional[Listener] = None) -> Listener:
        """Calls `f` at each `event` from now on. Without `f` a decorator."""
        if f is None:
            return lambda function: self.on(event, function)
        self._add(event, f, False)
        return f

    def once(self, event: str, f: Optional[Listener] = None) -> Listener:
        """Calls `f` at the next `event` only. Without `f` a decorator."""
        if f is None:
            return lambda function: self.once(event, function)
        self._add(event, f, True)
        return f

    def emit(self, event: str, *args: Any) -> bool:
        """Calls the listeners of `event`; what one raises ends it. Whether there was one."""
        called = False
        for f in self._due(event):
            called = True
            f(*args)
        if not called and event == "error":
            raise args[0] if args and isinstance(args[0], BaseException) else RuntimeError("an 'error' that nobody listens to", *args)
        return called

    def listeners(self, event: str) -> List[Listener]:
        """Those of `event`, in order."""
        with self._lock:
            return [f for f, _ in self._listeners.get(event, ())]

    def remove_listener(self, event: str, f: Listener) -> None:
        """Raises ValueError when `f` is none."""
        with self._lock:
            there = self._listeners.get(event, [])
            for entry in there:
                if entry[0] == f:
                    there.remove(entry)
                    return
        raise ValueError(f"{f!r} does not listen to {event!r}")

    def remove_all_listeners(self, event: Optional[str] = None) -> None:
        """Of one event, or of all."""
        with self._lock:
            if event is None:
                self._listeners.clear()
            else:
                self._listeners.pop(event, None)

    def _add(self, event: str, f: Listener, only_once: bool) -> None:
        if not callable(f):
            raise TypeError(f"a listener is a function, and not {f!r}")
        self.emit("new_listener", event, f)
        with self._lock:
            self._listeners.setdefault(event, []).append((f, only_once))

    def _due(self, event: str) -> List[Listener]:
        """Those to be called now; of once() each a single time, however many threads emit."""
        with self._lock:
            there = self._listeners.get(event, [])
            due = [f for f, _ in there]
            there[:] = [entry for entry in there if not entry[1]]
        return due
