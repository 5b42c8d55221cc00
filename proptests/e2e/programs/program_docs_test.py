"""Manual pages and completions name every option that --help does, and are read by their programs without a complaint.

Environment: MESHDICT_PROGRAMS, paths of the programs with colons between them; MESHDICT_DOCS, where their pages and completions
are. What is not installed (man, zsh, fish) is not asked.
"""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import unittest

DOCS = pathlib.Path(os.environ["MESHDICT_DOCS"])
PROGRAMS = [pathlib.Path(path) for path in os.environ["MESHDICT_PROGRAMS"].split(":")]
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=60, **options)


def commands_of(program):
    """Each with its help; "" is the program itself."""
    text = run(program, "--help").stdout
    _, _, table = text.partition("\nSubcommands:\n")
    names = re.findall(r"^  ([a-z-]+) ", table, re.MULTILINE)
    return {"": text, **{name: run(program, name, "--help").stdout for name in names}}


def options_of(text):
    """Not by the way in which the pages are made."""
    return {word for row in re.findall(r"^  (-\S+)", text, re.MULTILINE) for word in row.split(",")}


class ProgramDocsTest(unittest.TestCase):
    def programs(self):
        return [(program, commands_of(program)) for program in PROGRAMS]

    def test_the_page_has_every_option(self):
        for program, commands in self.programs():
            page = gzip.decompress((DOCS / f"{program.name}.1.gz").read_bytes()).decode("ascii")
            for section in SECTIONS:
                self.assertIn(f"\n.SH {section}\n", page)
            self.assertNotIn("@", re.sub(r"\S+@\S+\.\S+", "", page), "a place that was not filled in")
            _, _, described = page.partition("\n.SH OPTIONS\n")
            parts = re.split(r"^\.SS (\S+).*$", described, flags=re.MULTILINE)
            said = {"": parts[0], **dict(zip((name.replace("\\-", "-") for name in parts[1::2]), parts[2::2]))}
            self.assertEqual(sorted(said), sorted(commands))
            for command, text in commands.items():
                bold = {name.replace("\\-", "-") for name in re.findall(r"\\fB(\\-\S+?)\\fR", said[command])}
                wanted = options_of(text)
                self.assertGreater(len(wanted), 0)
                # The page tells of --help once.
                self.assertLessEqual(wanted - ({"-h", "--help"} if command else set()), bold, command)

    @unittest.skipUnless(shutil.which("man"), "no man")
    def test_man_has_no_complaint(self):
        for program, _ in self.programs():
            done = run("man", "--warnings", "-l", DOCS / f"{program.name}.1.gz", env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("--version", done.stdout)

    def bash(self, program, *words):
        """What bash offers for the last of the words."""
        script = ('compopt() { :; }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  f'{"_" + program.name.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = run("bash", "-euc", script, "bash", DOCS / f"{program.name}.bash", program.name, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(done.stdout.split())

    def test_bash_offers_every_option(self):
        for program, commands in self.programs():
            for command, text in commands.items():
                self.assertEqual(self.bash(program, *filter(None, [command]), "-"), options_of(text))
            if len(commands) > 1:
                self.assertEqual(self.bash(program, ""), set(commands) - {""})
            else:
                self.assertEqual(self.bash(program, "--leasing", ""), {"on", "off"})
                self.assertEqual(self.bash(program, "--log-level", "=", "d"), {"debug"})
                self.assertEqual(self.bash(program, "--data-dir", "="), set())

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_fish_offers_every_option(self):
        for program, commands in self.programs():
            for command, text in commands.items():
                line = " ".join(filter(None, [program.name, command, "-"]))
                done = run("fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", DOCS / f"{program.name}.fish", line)
                offered = {row.split("\t")[0] for row in done.stdout.splitlines()}
                # Behind one dash fish offers short names, too, in its own way.
                wanted = {name for name in options_of(text) if name.startswith("--")}
                self.assertLessEqual(wanted, offered, done.stderr)

    def test_zsh_knows_every_option(self):
        for program, commands in self.programs():
            file = DOCS / f"_{program.name}"
            words = re.findall(r"'\*?(--?[\w-]+)=?\[", file.read_text(encoding="ascii"))
            wanted = [name for text in commands.values() for name in options_of(text)]
            self.assertEqual(sorted(words), sorted(wanted))
            if shutil.which("zsh"):
                done = run("zsh", "-n", file)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
