"""py2p.base: flags, protocols, messages, and numbers in base 58."""

from __future__ import annotations

from typing import NamedTuple, Union

from . import _core

Message = _core.Message
BaseConnection = _core.Connection

_BASE_58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class flags:  # pylint: disable=invalid-name
    """Of messages. Programs send broadcast and whisper; the others are the protocol's."""

    reserved = tuple(range(0x30))
    broadcast = 0x00
    renegotiate = 0x01
    whisper = 0x02
    ping = 0x03
    pong = 0x04
    compression = 0x01
    handshake = 0x05
    notify = 0x06
    peers = 0x07
    request = 0x08
    resend = 0x09
    response = 0x0A
    store = 0x0B
    retrieve = 0x0C
    retrieved = 0x0D
    bz2 = 0x10
    gzip = 0x11
    lzma = 0x12
    zlib = 0x13
    snappy = 0x20


class Protocol(NamedTuple):
    """Nodes of another one are refused. `encryption`: "Plaintext"; "TLS" with a mesh key or certificates; "SSL", py2p's."""

    subnet: str
    encryption: str = "Plaintext"

    @property
    def id(self) -> str:
        """What nodes compare."""
        return _core.protocol_id(self.subnet, self.encryption)


def to_base_58(i: int) -> bytes:
    """A number of 0 or more as text."""
    digits = b""
    while i > 0:
        i, digit = divmod(i, 58)
        digits = _BASE_58[digit:digit + 1] + digits
    return digits or _BASE_58[:1]


def from_base_58(string: Union[str, bytes]) -> int:
    """The number that a text stands for. ValueError: it has another character."""
    number = 0
    for character in string.encode() if isinstance(string, str) else bytes(string):
        number = number * 58 + _BASE_58.index(character)
    return number
