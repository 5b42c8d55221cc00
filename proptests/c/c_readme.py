"""The program of node/c/README.md compiles as C11 without a warning, and prints what stands below it.

Usage: c_readme.py CC README INCLUDE_DIRECTORY LIBRARY
"""

import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    compiler, readme, include, library = sys.argv[1:]
    library = pathlib.Path(library)
    code, output = re.search(r"```c\n(.*?)```.*?```console\n\$ \./tour\n(.*?)```", pathlib.Path(readme).read_text(encoding="utf-8"),
                             re.DOTALL).groups()
    with tempfile.TemporaryDirectory(prefix="meshdict-c-") as directory:
        source, program = pathlib.Path(directory) / "tour.c", pathlib.Path(directory) / "tour"
        source.write_text(code, encoding="utf-8")
        subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{include}", source, library,
                        f"-Wl,-rpath,{library.parent}", "-o", program], check=True)
        done = subprocess.run([program], check=True, capture_output=True, text=True, timeout=60)
    if done.stdout != output:
        sys.exit(f"the page says:\n{output}\nthe program says:\n{done.stdout}")
    print(done.stdout, end="")


if __name__ == "__main__":
    main()
