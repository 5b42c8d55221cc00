"""The SSL sockets of py2p 0.6, as the stand-in py2p_peer.py uses them: made by hand after node/core/wire.md, with Python's ssl module.

1. A listening end has a certificate of its own, made at its start. A dialer shows none, and looks at nothing.
2. Whoever hangs up closes the connection without a word: py2p does not end TLS in order.
3. What a peer reads and writes is a plain socket, behind which a thread speaks TLS: an SSLSocket is not for two threads.
"""

import contextlib
import pathlib
import select
import socket
import ssl
import threading

import certificates

# A handshake of py2p's waits for ever. A test does not.
_PATIENCE = 60


class Wrapper:
    """`version`: the newest that it speaks, as a Python of py2p's time has it."""

    def __init__(self, directory, version=ssl.TLSVersion.TLSv1_3):
        self.version = version
        stem = pathlib.Path(directory) / f"py2p-{id(self)}"
        self.cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        certificates.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-keyout", key, "-out", self.cert, "-days", 3650,
            "-subj", "/CN=cryptography.io", "-addext", "basicConstraints=critical,CA:FALSE")
        self._accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._accepting.load_cert_chain(self.cert, key)
        self._dialling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._dialling.check_hostname = False
        self._dialling.verify_mode = ssl.CERT_NONE
        for context in (self._accepting, self._dialling):
            context.maximum_version = version
        self.spoken = []  # versions of TLS, of each connection

    def wrap(self, sock, outgoing):
        """The socket behind which the connection speaks TLS. Raises as ssl does, and then has closed the connection."""
        sock.settimeout(_PATIENCE)
        context = self._dialling if outgoing else self._accepting
        try:
            secure = context.wrap_socket(sock, server_side=not outgoing, suppress_ragged_eofs=False)
        except OSError:
            sock.close()
            raise
        self.spoken.append(secure.version())
        inner, outer = socket.socketpair()
        threading.Thread(target=_carry, args=(secure, inner), daemon=True).start()
        return outer


def _carry(secure, inner):
    secure.setblocking(False)
    with contextlib.suppress(OSError), contextlib.closing(secure), contextlib.closing(inner):
        while True:
            ready = [secure] if secure.pending() else select.select([secure, inner], [], [])[0]
            if secure in ready:
                with contextlib.suppress(ssl.SSLWantReadError):
                    piece = secure.recv(65536)
                    if not piece:
                        return
                    inner.sendall(piece)
            if inner in ready:
                piece = inner.recv(65536)
                if not piece:
                    return
                _send(secure, piece)


def _send(secure, piece):
    while piece:
        try:
            piece = piece[secure.send(piece):]
        except ssl.SSLWantWriteError:
            select.select([], [secure], [])
