"""What the package raises. Everything is a meshdict.Error, and what py2p raises in its place, too."""

from __future__ import annotations

import errno


class Error(Exception):
    """Of all that the package raises."""


class NoSuchKey(Error, KeyError):
    """There is no such key."""

    def __str__(self) -> str:
        return f"no such key: {self.args[0]!r}"


class LeasedError(Error, KeyError):
    """Another node holds the key; nothing was written. `left` is in seconds: until the key is free for this node."""

    def __init__(self, text: str, key: bytes, owner: bytes, left: float) -> None:
        super().__init__(text)
        self.key = key
        self.owner = owner
        self.left = left

    def __str__(self) -> str:
        return str(self.args[0])


class ClockError(Error, RuntimeError):
    """This machine's clock is `ahead` seconds (negative: behind) of the other members': the key was not claimed."""

    def __init__(self, text: str, key: bytes, ahead: float) -> None:
        super().__init__(text)
        self.key = key
        self.ahead = ahead


class InvalidKey(Error, TypeError):
    """A key that is neither bytes nor str, or is too long."""


class NotSerialisable(Error, TypeError):
    """A value or packet that nobody can store or send."""


class ReservedFlag(Error, ValueError):
    """A flag that belongs to the protocol."""


class SettingsError(Error, ValueError):
    """Options, addresses or ids that none are."""


class ListenError(Error, OSError):
    """The address cannot be listened on."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EADDRNOTAVAIL, text)


class PortInUse(ListenError):
    """Another program listens there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.errno = errno.EADDRINUSE


class StorageError(Error, OSError):
    """The data directory `path` cannot be used, or is full."""

    def __init__(self, text: str, path: str) -> None:
        super().__init__(errno.EIO, text)
        self.path = path


class SocketClosed(Error, RuntimeError):
    """The socket was closed."""
