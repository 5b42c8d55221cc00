"""node/app/README.md names every command, subcommand and field of INFO that the node has, and no other."""

import pathlib
import re
import unittest

import harness

README = pathlib.Path(__file__).parents[2] / "node/app/README.md"


def table(heading):
    """The rows below a heading, each as its cells. A bar within a cell is written \\|."""
    text = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", row)[1:-1] for row in re.findall(r"^\|.*\|$", text, re.MULTILINE)]
    return [[cell.replace(r"\|", "|").strip() for cell in row] for row in rows[2:]]


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def ask(client, *command):
    """The reply as it comes: the library's own reading of these is for Redis's commands and fields."""
    connection = client.connection_pool.get_connection(command[0])
    connection.send_command(*command)
    reply = connection.read_response()
    client.connection_pool.release(connection)
    return reply


class DocumentationTest(harness.MeshTestCase):
    maxDiff = None

    def test_of_commands(self):
        there = {name.decode() for name in ask(self.start("node").redis, "COMMAND", "LIST")}
        containers = {name.split("|")[0] for name in there if "|" in name}
        named = set()
        for span in (span for row in table("Commands") for span in spans(row[0])):
            words = span.split()
            command = words[0].lower()
            named.add(command)
            # What stands in small letters is an argument.
            if command in containers and len(words) > 1 and words[1].isupper():
                named |= {f"{command}|{sub}" for sub in words[1].lower().split("|")}
        self.assertEqual(sorted(named), sorted(there),
                         "the table Commands of node/app/README.md (first) is not what COMMAND LIST tells (second)")

    def test_of_info(self):
        client = self.start("node").redis
        client.set("k", "v")
        there, section = set(), None
        for line in ask(client, "INFO").decode().splitlines():
            if line.startswith("# "):
                section = line[2:].lower()
            elif line:
                there.add((section, line.split(":")[0]))
        named = set()
        for row in table("INFO"):
            section = spans(row[0])[0] if row[0] else section
            named |= {(section, field) for field in spans(row[1])}
        self.assertEqual(sorted(named), sorted(there),
                         "the table INFO of node/app/README.md (first) is not what INFO tells (second)")


if __name__ == "__main__":
    harness.main()
