"""Two interpreters share a dictionary; and a program for py2p, of which only the imports are changed."""

import pathlib
import re

import pytest

from programs import Interpreter

HERE = pathlib.Path(__file__).parent
PROGRAM = (HERE / "py2p_program.py").read_text()


def moved():
    """The program with other imports, and nothing else."""
    text, changed = re.subn(r"^(from|import) py2p\b", r"\1 meshdict", PROGRAM, flags=re.MULTILINE)
    assert changed == 3 and len(PROGRAM.splitlines()) > 60
    return text


@pytest.fixture
def start():
    running = []

    def started(*arguments):
        running.append(Interpreter(*arguments, text=moved()))
        return running[-1]

    yield started
    for program in running:
        program.__exit__()


def test_a_program_for_py2p_runs_with_other_imports(start):
    ada = start("ada")
    ports = ada.hear(r"^ports (\d+) (\d+)$").groups()
    bob = start("bob", *ports)
    ada.hear("^connected 1$")
    bob.hear("^connected 1$")
    ada.say("put soup needs salt")
    ada.hear("^note soup .*'by': 'ada'.* mine True$")
    bob.hear("^note soup {'by': 'ada', 'text': 'needs salt'} theirs True$")
    bob.say("put soup is fine")
    bob.hear("^refused LeasedError .*holds")
    bob.say("list soup")
    bob.hear(r"^list \['soup'\] 1 True$")
    bob.say("get soup")
    bob.hear("^got {'by': 'ada', 'text': 'needs salt'} True$")
    bob.say("drop bread")
    bob.hear("^refused NoSuchKey")
    bob.say("call ping")
    bob.hear("^heard 2 pong [0-9]+$")
    ada.say("call how are you")
    bob.hear("^heard 2 how are you$")
    bob.say("status")
    bob.hear("^status Nominal Nominal True$")
    ada.say("drop soup")
    bob.hear("^gone soup$")
    assert ada.end() == 0 and bob.end() == 0


def test_one_goes_on_when_the_other_is_killed(start):
    ada = start("ada")
    ports = ada.hear(r"^ports (\d+) (\d+)$").groups()
    bob = start("bob", *ports)
    bob.hear("^connected 1$")
    bob.say("put bread is out")
    ada.hear("^note bread .* theirs")
    bob.kill()
    ada.say("put soup needs salt")
    ada.hear("^note soup .* mine")
    ada.say("list bread")
    ada.hear(r"^list \['bread', 'soup'\] 2 True$")
    ada.say("put bread is here")
    ada.hear("^refused LeasedError")  # bob's lease outlives bob
    carol = start("carol", *ports)
    carol.hear("^note soup .* theirs")
    carol.say("get bread")
    carol.hear("^got {'by': 'bob', 'text': 'is out'} True$")
    assert ada.end() == 0 and carol.end() == 0
