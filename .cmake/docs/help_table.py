"""The table of options of a program of ours, read from what its --help prints, and that of its subcommands.

1. What is not understood is an error: a manual page never lacks an option without a word.
"""

import dataclasses
import re
import subprocess

# Where CLI11 puts what an option is for.
_COLUMN = 30
_CHOICES = re.compile(r"[\w-]+(\|[\w-]+)+")
_SET = re.compile(r"TEXT:\{(.+)\}")
_SENTENCE_OF_CHOICES = re.compile(r"((?:[\w-]+, )*[\w-]+) or ([\w-]+)")
_OPTION = re.compile(r"((?:-\w,)?--[\w-]+)(?: (.*))?")
_TAILS = re.compile(r"(?:^| )(Needs|Excludes): ((?:--[\w-]+ ?)+)$")


class NotUnderstood(Exception):
    pass


@dataclasses.dataclass
class Option:
    names: list        # ["-o", "--out"], or of a positional ["FILE"]
    value: str         # how its value is called, such as HOST:PORT; empty: it takes none
    default: str
    help: str
    required: bool = False
    choices: tuple = ()
    relations: tuple = ()  # ("Needs", "--seeds")...

    @property
    def takes(self):
        """What completes its value: choices, files, directories or nothing."""
        if self.choices:
            return "choices"
        if self.value == "DIR":
            return "directories"
        return "files" if self.value in ("FILE", "TEXT") else "nothing"


@dataclasses.dataclass
class Program:
    words: list        # ["meshdict-sim", "run"]
    about: str
    usage: str         # behind the words
    positionals: list
    options: list
    subcommands: list  # of Program
    footer: str


def _rows(lines):
    """(head, what it is for) of each row of a section. A head that is too wide has its text on the next line."""
    rows = []
    for line, following in zip(lines, [*lines[1:], ""]):
        if not line[:_COLUMN].strip():
            rows[-1][1] = f"{rows[-1][1]} {line.strip()}".strip()
        elif following and not following[:_COLUMN].strip():
            rows.append([line.strip(), ""])
        else:
            rows.append([line[:_COLUMN].strip(), line[_COLUMN:].strip()])
    if without := [head for head, text in rows if not text]:
        raise NotUnderstood(f"nothing says what these are for: {without}")
    return rows


def _option(head, text, positional=False):
    relations = []
    while tail := _TAILS.search(head):
        relations.insert(0, (tail[1], tail[2].strip()))
        head = head[:tail.start()]
    required = head.endswith(" REQUIRED")
    head = head.removesuffix(" REQUIRED").removesuffix(" ...")
    if positional:
        names, _, value = head.partition(" ")
        return Option([names], value, "", text, required, (), tuple(relations))
    match = _OPTION.fullmatch(head)
    if not match:
        raise NotUnderstood(f"no option: {head!r}")
    value, _, default = (match[2] or "").partition("=")
    choices = ()
    if one_of := _SET.fullmatch(value):
        value, choices = "NAME", tuple(one_of[1].split(","))
    elif _CHOICES.fullmatch(value):
        choices = tuple(value.split("|"))
    elif value and (words := _SENTENCE_OF_CHOICES.fullmatch(text)):
        choices = (*words[1].split(", "), words[2])
    return Option(match[1].split(","), value, default, text, required, choices, tuple(relations))


def parse(words, text):
    """Without subcommands' own tables."""
    sections, footer, current = {}, [], None
    lines = text.rstrip().split("\n")
    about = next(line for line in lines if line.strip())
    usage = next((line for line in lines if line.startswith("Usage: ")), None)
    if usage is None:
        raise NotUnderstood(f"{words} tells no usage")
    for line in lines[lines.index(usage) + 1:]:
        if re.fullmatch(r"(Positionals|Options|Subcommands):", line):
            current = sections.setdefault(line[:-1], [])
        elif line.startswith("  ") and current is not None:
            current.append(line)
        elif line.strip():
            current = None
            footer.append(line)
    options = [_option(*row) for row in _rows(sections.get("Options", []))]
    if not options:
        raise NotUnderstood(f"{words} tells no options")
    return Program(words, about, usage.removeprefix("Usage: " + " ".join(words)).strip(),
                   [_option(*row, positional=True) for row in _rows(sections.get("Positionals", []))], options,
                   [Program([*words, name], help_text, "", [], [], [], "") for name, help_text in _rows(sections.get("Subcommands", []))],
                   " ".join(footer))


def read(path, name):
    """Of the program at `path`, which is installed as `name`."""
    def run(*words):
        done = subprocess.run([path, *words, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                              timeout=60)
        return parse([name, *words], done.stdout)

    program = run()
    program.subcommands = [run(one.words[-1]) for one in program.subcommands]
    return program
