"""Every test that the table of the API's members names exists, and every row that applies names one. With --planted: every
row that applies has a bug in mutants/api, and every bug there a row (mutants/run_api plants them).

Usage: api_table.py README API_TEST
       api_table.py --planted
"""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
README = HERE.parent.parent / "node" / "api" / "README.md"


class Row:
    """Of a member. Its name is the heading above the table and what the row begins with, without backquotes."""

    def __init__(self, heading, line):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        self.line = line
        self.name = f"{heading}: {next(cell for cell in cells if cell)}".replace("`", "")
        self.tests = re.findall(r"`(Api\w+\.\w+)`", line)
        self.applies = "not applicable: " not in line


def rows_of(readme):
    rows = []
    heading = ""
    for line in readme.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"#+ (.*)$", line):
            heading = found[1]
        # Neither a heading nor a list of headers.
        elif re.match(r"\|.*\|$", line) and "`" in line and "](" not in line:
            rows.append(Row(heading, line))
    return rows


def tests_of(program):
    names = set()
    suite = ""
    for line in subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("  "):
            names.add(suite + line.split()[0])
        elif line.endswith("."):
            suite = line
    return names


def check_tests(readme, program):
    there = tests_of(program)
    rows = rows_of(readme)
    named = sum(len(row.tests) for row in rows)
    wrong = [f"no such test: {test}" for row in rows for test in row.tests if test not in there]
    wrong += [f"names no test: {row.line}" for row in rows if row.applies and not row.tests]
    wrong += [f"two rows have this name: {name}" for name in doubles(row.name for row in rows)]
    if named < 50:
        wrong.append(f"only {named} tests are named: is this the table?")
    return wrong or [f"{named} names of tests, all there"], bool(wrong)


def doubles(names):
    seen = set()
    return [name for name in names if name in seen or seen.add(name)]


def not_planted(rows, bugs):
    """What is wrong with the bugs' rows."""
    applying = {row.name for row in rows if row.applies}
    planted = {name for bug in bugs for name in bug.rows}
    wrong = [f"no bug for the row '{row.name}'" for row in rows if row.applies and row.name not in planted]
    for bug in bugs:
        wrong += [f"{bug}: there is no row '{name}'" for name in bug.rows if name not in applying]
        if not bug.rows:
            wrong.append(f"{bug}: names no row")
    return wrong


def check_planted():
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE.parent / "mutants"))
    from planting import API_FAMILIES, all_bugs
    rows = rows_of(README)
    bugs = all_bugs(API_FAMILIES)
    wrong = not_planted(rows, bugs)
    return wrong or [f"{sum(row.applies for row in rows)} rows, {len(bugs)} bugs"], bool(wrong)


def main():
    if sys.argv[1:] == ["--planted"]:
        said, wrong = check_planted()
    else:
        readme, program = sys.argv[1:]
        said, wrong = check_tests(pathlib.Path(readme), program)
    print("\n".join(said))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
