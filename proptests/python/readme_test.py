"""The program of node/python/README.md prints what stands below it."""

import pathlib
import re

from programs import Interpreter

README = pathlib.Path(__file__).parents[2] / "node/python/README.md"


def test_the_tour_prints_what_the_page_says():
    code, output = re.search(r"```python\n(.*?)```.*?```console\n\$ python3 tour.py\n(.*?)```", README.read_text(), re.DOTALL).groups()
    with Interpreter(text=code) as program:
        assert program.end() == 0
        while program.seen[-1:] != [output.splitlines()[-1]]:
            program.hear("")
        assert program.seen == output.splitlines()
