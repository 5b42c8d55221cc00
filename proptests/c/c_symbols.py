"""What a shared library shows is what its header declares, and nothing else: no symbol of C++, of Asio, of any other library
that is inside.

Usage: c_symbols.py NM LIBRARY HEADER
"""

import pathlib
import re
import subprocess
import sys


def main():
    nm, library, header = sys.argv[1:]
    listing = subprocess.run([nm, "--dynamic", "--defined-only", library], check=True, capture_output=True, text=True)
    # "ADDRESS T name@@VERSION"; A is the version itself.
    rows = [line.split() for line in listing.stdout.splitlines()]
    shown = {row[2].split("@")[0] for row in rows if row[1] != "A"}
    declared = set(re.findall(r"^MESHDICT_API\b[^;(]*?(\w+)\(", pathlib.Path(header).read_text(), re.MULTILINE))
    faults = [f"shown, and not declared: {name}" for name in sorted(shown - declared)]
    faults += [f"declared, and not shown: {name}" for name in sorted(declared - shown)]
    if len(declared) < 50:
        faults.append(f"only {len(declared)} functions are declared: is this the header?")
    needed = subprocess.run([nm, "--dynamic", "--undefined-only", "--demangle", library], check=True, capture_output=True, text=True)
    faults += [f"not inside: {line.split(None, 1)[1]}" for line in needed.stdout.splitlines() if "meshdict::" in line]
    print("\n".join(faults) or f"{len(shown)} functions, all declared, and no other symbol")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
