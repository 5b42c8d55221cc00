"""Every test that the table of the API's members names exists, and every row that applies names one.

Usage: api_table.py README API_TEST
"""

import pathlib
import re
import subprocess
import sys


def tests_of(program):
    names = set()
    suite = ""
    for line in subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("  "):
            names.add(suite + line.split()[0])
        elif line.endswith("."):
            suite = line
    return names


def main():
    readme, program = sys.argv[1:]
    there = tests_of(program)
    table = re.findall(r"^\|.*\|$", pathlib.Path(readme).read_text(), re.MULTILINE)
    wrong = []
    named = 0
    for row in table:
        tests = re.findall(r"`(Api\w+\.\w+)`", row)
        named += len(tests)
        wrong += [f"no such test: {test}" for test in tests if test not in there]
        member = "`" in row and "](" not in row  # neither a heading nor a list of headers
        if member and not tests and "not applicable: " not in row:
            wrong.append(f"names no test: {row}")
    if named < 50:
        wrong.append(f"only {named} tests are named: is this the table?")
    print("\n".join(wrong) or f"{named} names of tests, all there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
