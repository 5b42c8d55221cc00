"""A board of notes, as a program for py2p 0.6 has it: only the imports differ (python_test.py changes them).

Usage: py2p_program.py NAME [PORT]     reads commands from stdin, and says on stdout what it hears
"""

import sys

from py2p.base import Protocol, flags
from py2p.mesh import MeshSocket
from py2p.sync import SyncSocket

BOARD = Protocol("board", "Plaintext")
TALK = Protocol("talk", "Plaintext")


def say(*words):
    print(*words, flush=True)


class Board(SyncSocket):
    def __init__(self, name, port):
        super(Board, self).__init__("127.0.0.1", 0, BOARD, None, 0, leasing=True)
        self.on("update", self.changed)
        self.on("delete", lambda conn, key: say("gone", key.decode()))
        self.once("connect", lambda conn: say("connected", len(conn.routing_table)))
        if port:
            self.connect("127.0.0.1", port)

    def changed(self, conn, key, new_data, new_meta):
        whose = "mine" if new_meta.owner == conn.id else "theirs"
        say("note", key.decode(), repr(new_data), whose, new_meta.timestamp > 1400000000)


def answer(msg, handler):
    if msg.packets[1] == "ping":
        msg.reply("pong", handler.addr[1])
        return True


def main():
    name, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
    board = Board(name, ports[0] if ports else None)
    talk = MeshSocket("127.0.0.1", 0, prot=TALK)
    talk.register_handler(answer)
    talk.on("message", lambda conn: say("heard", *conn.recv().packets))
    if ports:
        talk.connect("127.0.0.1", ports[1])
    say("ports", board.out_addr[1], talk.out_addr[1])
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        try:
            if command == "put":
                key, _, text = rest.partition(" ")
                board[key] = {"by": name, "text": text}
            elif command == "drop":
                del board[rest]
            elif command == "list":
                say("list", sorted(key.decode() for key in board), len(board), rest in board)
            elif command == "get":
                say("got", board.get(rest, "nothing"), board.data.get(rest.encode()) == board.get(rest))
            elif command == "call":
                talk.send(rest, flag=flags.whisper, type=flags.whisper)
            elif command == "status":
                say("status", board.status, talk.status, sorted(board.outgoing) == sorted(board.routing_table))
        except KeyError as error:
            say("refused", type(error).__name__, error)
    talk.close()
    board.close()


if __name__ == "__main__":
    main()
