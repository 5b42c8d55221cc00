#!/usr/bin/env python3
"""Writes the manual page of a program and its completions for bash, zsh and fish, from what its --help prints.

Usage: program_docs.py PROGRAM NAME TEMPLATE OUT VERSION

PROGRAM is run; the files are OUT/NAME.1.gz, OUT/NAME.bash, OUT/_NAME (zsh), OUT/NAME.fish. TEMPLATE is the page in roff, in which
@NAME@, @VERSION@, @ABOUT@ and the lines @OPTIONS@ (and, of a program with subcommands, @COMMANDS@) are filled in.
"""

import gzip
import pathlib
import sys

import completions
import help_table


def roff(text):
    """As text of a page: nothing in it is a request, and a dash is one that can be searched for and copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return r"\&" + text if text.startswith(".") else text


def sentence(text, words=()):
    """A value that it begins with stays as it is written."""
    if text.split()[0].rstrip(",:") not in words:
        text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else text + "."


def option_lines(option):
    """A .TP of the page."""
    names = ", ".join(rf"\fB{roff(name)}\fR" for name in option.names)
    value = rf" \fI{roff(option.value)}\fR" if option.value else ""
    lines = [".TP", names + value, roff(sentence(option.help, option.choices))]
    if option.default:
        lines.append(rf"Without it: \fB{roff(option.default)}\fR.")
    if option.choices and not all(choice in option.value + option.help for choice in option.choices):
        lines.append("One of " + ", ".join(roff(choice) for choice in option.choices) + ".")
    if option.required and option.names[0].startswith("-"):
        lines.append("Must be given.")
    for kind, others in option.relations:
        shown = rf"\fB{roff(others)}\fR"
        lines.append(f"Only with {shown}." if kind == "Needs" else f"Not with {shown}.")
    return lines


def command_lines(command):
    """A subsection of the page."""
    lines = [rf".SS {roff(' '.join(command.words[1:]))} {roff(command.usage)}".rstrip(), roff(sentence(command.about))]
    for positional in command.positionals:
        lines += [".TP", rf"\fI{roff(positional.names[0])}\fR", roff(sentence(positional.help))]
    for option in command.options:
        if "--help" not in option.names:
            lines += option_lines(option)
    return lines


def man_page(program, template, version):
    page = []
    for line in template.read_text(encoding="ascii").splitlines():
        if line == "@OPTIONS@":
            for option in program.options:
                page += option_lines(option)
        elif line == "@COMMANDS@":
            for command in program.subcommands:
                page += command_lines(command)
        else:
            page.append(line.replace("@NAME@", roff(program.words[0])).replace("@VERSION@", roff(version))
                        .replace("@ABOUT@", roff(program.about)))
    return "\n".join(page) + "\n"


def main():
    path, name, template, out, version = sys.argv[1:]
    program = help_table.read(path, name)
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    page = man_page(program, pathlib.Path(template), version)
    # The same bytes whenever it is made.
    (directory / f"{name}.1.gz").write_bytes(gzip.compress(page.encode("ascii"), mtime=0))
    (directory / f"{name}.bash").write_text(completions.bash(program), encoding="ascii")
    (directory / f"_{name}").write_text(completions.zsh(program), encoding="ascii")
    (directory / f"{name}.fish").write_text(completions.fish(program), encoding="ascii")


if __name__ == "__main__":
    main()
