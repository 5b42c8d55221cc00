"""The core must not touch the world: no undefined symbol for sockets, files, threads, clocks or entropy, and no such include.

Usage: core_purity.py NM CORE_LIBRARY CORE_DIRECTORY [IMPURE_LIBRARY]

With IMPURE_LIBRARY (the Asio transport), the symbol check must find something there: a check that cannot fail proves nothing.
"""

import pathlib
import re
import subprocess
import sys

FORBIDDEN_SYMBOLS = re.compile(
    r"""^(
    (__)?(socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|shutdown|getaddrinfo|gethostbyname|[gs]etsockopt)(@.*)?
  | (open(at)?(64)?|read|write|writev|close|poll|ppoll|select|epoll_\w+|ioctl|fopen(64)?|fread|fwrite)(@.*)?
  | (pthread_(create|join|detach|mutex_\w+|cond_\w+|rwlock_\w+)|thrd_\w+|mtx_\w+)(@.*)?
  | (clock_gettime|clock_nanosleep|gettimeofday|time|nanosleep|usleep|sleep|timerfd_\w+)(@.*)?
  | (getrandom|getentropy|arc4random\w*|rand(_r)?|random(_r)?|drand48|srand)(@.*)?
  | std::random_device::.*
  | std::thread::.*
  | std::(__\w+::)?condition_variable.*
  | std::chrono::(_V2::)?\w+_clock::now\(\).*
  | std::basic_[io]?fstream.*
  | std::(cout|cin|cerr|clog).*
)$""",
    re.VERBOSE,
)
FORBIDDEN_INCLUDES = re.compile(
    r"^\s*#\s*include\s*<(thread|iostream|fstream|random|mutex|condition_variable|future|asio.*|sys/.*|time\.h|ctime|unistd\.h)>"
)
FORBIDDEN_CALLS = re.compile(r"\b\w+_clock\b(?!\()|std::(shuffle|uniform_\w+|random_device)\b")


def forbidden_symbols(nm, library):
    listing = subprocess.run([nm, "--undefined-only", "--demangle", library], check=True, capture_output=True, text=True)
    names = {line.split(None, 1)[1] for line in listing.stdout.splitlines() if line.strip().startswith("U ")}
    if not names:
        sys.exit(f"{library}: nm lists no undefined symbol at all; is it a library?")
    return sorted(name for name in names if FORBIDDEN_SYMBOLS.match(name))


def forbidden_lines(directory):
    sources = [path for path in sorted(pathlib.Path(directory).rglob("*")) if path.suffix in (".h", ".cpp")]
    if not sources:
        sys.exit(f"{directory}: no sources there")
    for path in sources:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("//", 1)[0]
            if FORBIDDEN_INCLUDES.match(code) or FORBIDDEN_CALLS.search(code):
                yield f"{path}:{number}: {line.strip()}"


def main():
    nm, core_library, core_directory, *impure = sys.argv[1:]
    faults = [f"undefined symbol: {name}" for name in forbidden_symbols(nm, core_library)]
    faults += forbidden_lines(core_directory)
    for fault in faults:
        print("the core touches the world:", fault)
    for library in impure:
        found = forbidden_symbols(nm, library)
        if not found:
            faults.append(library)
            print(f"the check finds nothing in {library}, which does use sockets: the check is blind")
    if not faults:
        print("the core is pure")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
