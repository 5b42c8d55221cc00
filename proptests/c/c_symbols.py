"""What a shared library shows is what its header declares, and nothing else: no symbol of C++, of Asio, of any other library
that is inside. And what a test program shows of the same names, so that the library could be bound to it by mistake, is in the library.

Usage: c_symbols.py NM LIBRARY HEADER PROGRAM
"""

import pathlib
import re
import subprocess
import sys


STRANGERS = re.compile("_ZN(4asio|8meshdict)")


def symbols(nm, *options):
    """Those defined, without the version that stands behind them; A is a version itself."""
    listing = subprocess.run([nm, "--defined-only", *options], check=True, capture_output=True, text=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return {row[2].split("@")[0] for row in rows if len(row) == 3 and row[1] != "A"}


def main():
    nm, library, header, program = sys.argv[1:]
    shown = symbols(nm, "--dynamic", library)
    declared = set(re.findall(r"^MESHDICT_API\b[^;(]*?(\w+)\(", pathlib.Path(header).read_text(), re.MULTILINE))
    faults = [f"shown, and not declared: {name}" for name in sorted(shown - declared)]
    faults += [f"declared, and not shown: {name}" for name in sorted(declared - shown)]
    if len(declared) < 50:
        faults.append(f"only {len(declared)} functions are declared: is this the header?")
    strangers = {name for name in symbols(nm, "--dynamic", program) if STRANGERS.match(name)}
    inside = symbols(nm, library)
    if not strangers:
        faults.append(f"{program} shows no function that the library could be bound to by mistake")
    faults += [f"the library has no {name}, which strangers.c should have instead of it" for name in sorted(strangers - inside)]
    needed = subprocess.run([nm, "--dynamic", "--undefined-only", "--demangle", library], check=True, capture_output=True, text=True)
    faults += [f"not inside: {line.split(None, 1)[1]}" for line in needed.stdout.splitlines() if "meshdict::" in line]
    print("\n".join(faults) or f"{len(shown)} functions, all declared, and no other symbol")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
