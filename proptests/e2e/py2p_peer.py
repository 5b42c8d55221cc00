"""A py2p 0.6 node with a synchronised dictionary, made by hand from the description in node/core/wire.md.

It is as strict, and as forgetful, as py2p is:
1. It hangs up on any mistake: a bad hash, a handshake of the wrong types, a str where an id or key belongs, the deletion
   of a key that it does not have.
2. It ignores unknown flags and sub-flags and whatever follows a message's array, and relays broadcasts byte for byte.
3. It compresses everything but its handshake once both sides have named zlib, and takes plain bodies too.
4. Entries sent at a handshake never change a key that it has already. A store overwrites its owner's own, a lapsed one, a
   larger id's of the same second, and without leases an older one.
5. With `fragile`, it reads as py2p does: exactly four bytes of a next frame behind a frame pass for a whole message, and
   it hangs up. Only a sender that waits between frames can fill its dictionary.
6. Of two connections with one node it closes one, by its rule, whatever is on the way there.
"""

import collections
import hashlib
import io
import secrets
import socket
import struct
import threading
import time
import zlib

import msgpack

BROADCAST, RENEGOTIATE, WHISPER, PING, PONG = range(5)
(SUB_BROADCAST, SUB_COMPRESSION, SUB_WHISPER, SUB_PING, SUB_PONG, HANDSHAKE, NOTIFY, PEERS, REQUEST, RESEND, RESPONSE,
 STORE) = range(12)
ZLIB = 19
MAX_FRAME = 4_194_303
BROADCAST_LIFETIME = 60
LEASE = 3600
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

Message = collections.namedtuple("Message", "whisper sender packets")


def to_base58(number):
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return digits or _ALPHABET[0]


def from_base58(text):
    number = 0
    for digit in text:
        number = number * 58 + _ALPHABET.index(digit)
    return number


def protocol_id(network="sync", leasing=True, encryption="Plaintext"):
    name = f"{network}{'1' if leasing else '0'}{encryption}0.6"
    return to_base58(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))


def encode(message):
    return msgpack.packb(message, use_bin_type=True)


def decode(data):
    """The first value of `data`; what follows is ignored."""
    return msgpack.Unpacker(io.BytesIO(data), raw=False, strict_map_key=False).unpack()


def frame(content, compress=False):
    """A frame around a message's bytes."""
    body = hashlib.sha256(content).digest() + content
    if compress:
        body = zlib.compress(body)
    return struct.pack(">I", len(body)) + body


class Mistake(Exception):
    """What makes py2p hang up."""


def demand(condition, what):
    if not condition:
        raise Mistake(what)


class Link:
    """One connection of a peer."""

    def __init__(self, peer, sock, outgoing):
        self.peer, self.sock, self.outgoing = peer, sock, outgoing
        self.id = None
        self.address = None
        self.compress = False
        self.hung_up = None  # why, once it is over
        self._sending = threading.Lock()

    def send(self, content):
        with self._sending:
            try:
                self.sock.sendall(frame(content, self.compress))
            except OSError:
                pass  # the reading side reports the end

    def close(self, why="closed by the test"):
        self.hung_up = self.hung_up or why
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def read(self):
        try:
            for body in self._bodies():
                self._take(body)
            why = "the other side closed"
        except OSError as error:
            why = str(error)
        except Exception as error:  # py2p drops a peer on any exception
            why = f"{type(error).__name__}: {error}"
        self.close(why)
        self.peer.forget(self)

    def _bodies(self):
        buffer = b""
        while True:
            # Fragile: small pieces, so that a frame that has come along with its follower is soon cut after four bytes.
            data = self.sock.recv(64 if self.peer.fragile else 65536)
            if not data:
                return
            buffer += data
            while len(buffer) >= 4:
                size = struct.unpack(">I", buffer[:4])[0]
                demand(size <= MAX_FRAME, f"a frame of {size} bytes")
                if len(buffer) < 4 + size:
                    break
                body, buffer = buffer[4:4 + size], buffer[4 + size:]
                yield body
                demand(not self.peer.fragile or len(buffer) != 4, "took the size of a frame for a message")

    def _take(self, body):
        if self.compress:
            try:
                body = zlib.decompress(body)
            except zlib.error:
                pass
        content = body[32:]
        demand(hashlib.sha256(content).digest() == body[:32], "a bad hash")
        message = decode(content)
        demand(isinstance(message, list) and len(message) >= 4, "not a message")
        demand(isinstance(message[0], int) and isinstance(message[2], int), "a flag or time that is no integer")
        demand(isinstance(message[1], bytes), "a sender that is no bin")
        self.peer.handle(self, message, content)


class Py2pPeer:
    def __init__(self, network="sync", leasing=True, fragile=False, listen=True, tell_peers=True, ssl_wrapper=None):
        """`ssl_wrapper`: a py2p_ssl.Wrapper, for the encryption SSL."""
        self.protocol = protocol_id(network, leasing, "SSL" if ssl_wrapper else "Plaintext")
        self.leasing, self._ssl = leasing, ssl_wrapper
        self.id = to_base58(int.from_bytes(secrets.token_bytes(48), "big")).encode()
        self.fragile, self.tell_peers = fragile, tell_peers
        self.data, self.meta = {}, {}  # values; (owner, timestamp)
        self.messages = []  # user messages, in the order of their coming
        self.lists = []  # peers lists
        self.responses = []
        self.asked_for_peers = 0
        self.refused = []  # stores that a lease forbade
        self.ended = []  # why links have ended
        self.links = []
        self._seen = set()
        self._lock = threading.RLock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        if listen:
            threading.Thread(target=self._accept, daemon=True).start()
        else:
            self._server.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            try:
                self._add(sock, outgoing=False)
            except OSError as error:  # a handshake of TLS that has failed
                self.ended.append(str(error))

    def connect(self, address):
        return self._add(socket.create_connection(address, timeout=30), outgoing=True)

    def _add(self, sock, outgoing):
        if self._ssl:
            sock = self._ssl.wrap(sock, outgoing)
        sock.settimeout(None)
        link = Link(self, sock, outgoing)
        with self._lock:
            self.links.append(link)
        link.send(self._content(WHISPER, HANDSHAKE, self.id, self.protocol, list(self.address), [ZLIB]))
        threading.Thread(target=link.read, daemon=True).start()
        return link

    def close(self):
        try:
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.close()
        for link in list(self.links):
            link.close()

    def forget(self, link):
        with self._lock:
            if link in self.links:
                self.links.remove(link)
            self.ended.append(link.hung_up)

    def _content(self, main, *packets):
        return encode([main, self.id, int(time.time()), *packets])

    # What its user does

    def set(self, key, value):
        with self._lock:
            self._store(key, value, self.id, int(time.time()))
            self._broadcast(STORE, key, value)

    def delete(self, key):
        self.set(key, b"")

    def broadcast(self, *packets):
        self._broadcast(SUB_BROADCAST, *packets)

    def whisper(self, link, *packets):
        link.send(self._content(WHISPER, SUB_WHISPER, *packets))

    def ask_for_peers(self, link, star=b"*"):
        link.send(self._content(WHISPER, REQUEST, star))

    def ask_for(self, wanted):
        """Asks everyone where a node is. Returns the id of the question."""
        question = to_base58(int.from_bytes(secrets.token_bytes(32), "big")).encode()
        self._broadcast(REQUEST, question, wanted)
        return question

    def send_raw(self, content):
        """A message's bytes, to all."""
        with self._lock:
            self._seen.add(hashlib.sha256(content).digest())
            for link in list(self.links):
                link.send(content)

    def _broadcast(self, *packets):
        self.send_raw(self._content(BROADCAST, *packets))

    # What it does with messages

    def handle(self, link, message, content):
        main, sender, sent_at, sub, *payload = message
        with self._lock:
            if main == BROADCAST:
                digest = hashlib.sha256(content).digest()
                if digest in self._seen or sent_at < time.time() - BROADCAST_LIFETIME:
                    return
                self._seen.add(digest)
                for other in list(self.links):
                    if other is not link:
                        other.send(content)
            elif main != WHISPER:
                return
            if sub in (SUB_BROADCAST, SUB_WHISPER):
                self.messages.append(Message(main == WHISPER, sender, payload))
            elif sub == HANDSHAKE and len(payload) == 4:
                self._greet(link, *payload)
            elif sub == PEERS:
                self.lists.append(payload[0])
            elif sub == REQUEST:
                self._answer(link, payload)
            elif sub == RESPONSE:
                self.responses.append(payload)
            elif sub == STORE and len(payload) == 4:
                self._store_of_handshake(*payload)
            elif sub == STORE and len(payload) >= 2:
                self._store(payload[0], payload[1], sender, sent_at)

    def _greet(self, link, node_id, protocol, address, methods):
        demand(isinstance(node_id, bytes), "an id that is no bin")
        demand(isinstance(protocol, str), "a protocol id that is no str")
        demand(isinstance(methods, list), "compression methods that are no array")
        demand(protocol == self.protocol, "another network")
        self._choose_between(link, node_id)
        link.id, link.address = node_id, address
        link.compress = ZLIB in methods
        known = [[other.address, other.id] for other in self.links if other.id and other is not link]
        link.send(self._content(WHISPER, PEERS, known if self.tell_peers else []))
        for key, value in self.data.items():
            owner, timestamp = self.meta[key]
            link.send(self._content(WHISPER, STORE, key, value, owner, to_base58(timestamp).encode()))

    def _choose_between(self, link, node_id):
        for other in list(self.links):
            if other is not link and other.id == node_id:
                ours_is_larger = from_base58(self.id.decode()) > from_base58(node_id.decode())
                (link if ours_is_larger != link.outgoing else other).close("one of two")

    def _answer(self, link, payload):
        if payload in (["*"], [b"*"]):
            self.asked_for_peers += 1
            demand(payload == [b"*"], "asked for peers in a way that py2p cannot answer")
            link.send(self._content(WHISPER, PEERS, [[o.address, o.id] for o in self.links if o.id]))
            return
        question, wanted = payload
        for other in self.links:
            if other.id == wanted:
                self._broadcast(RESPONSE, question, [other.address, wanted])

    def _store_of_handshake(self, key, value, owner, timestamp):
        if self.data.get(key):
            return
        text = timestamp.decode() if isinstance(timestamp, bytes) else timestamp
        self._store(key, value, owner, from_base58(text))

    def _store(self, key, value, owner, timestamp):
        demand(isinstance(key, bytes), "a key that is no bin")
        demand(isinstance(owner, bytes), "an owner that is no bin")
        held_by, held_since = self.meta.get(key, (owner, 0))
        if not (held_by == owner or held_since < int(time.time()) - LEASE
                or (held_since == timestamp and held_by > owner)
                or (held_since < timestamp and not self.leasing)):
            self.refused.append((key, owner))
            return
        if value in (b"", ""):
            demand(key in self.data, f"the deletion of a key that it does not have: {key!r}")
            del self.data[key], self.meta[key]
        else:
            self.data[key], self.meta[key] = value, (owner, timestamp)
