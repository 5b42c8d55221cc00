"""Planted bugs: patches, copies of the sources to plant them in, and builds of those. Used by run, run_api and run_unit."""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What the swarm searches for, what the tests of the library do, and what one test each is there for.
SWARM_FAMILIES = ("merge", "leases", "connections", "broadcast", "persistence", "wire")
API_FAMILIES = ("api",)
UNIT_FAMILIES = ("unit",)


class Bug:
    def __init__(self, path):
        self.path = path
        self.family = path.parent.name
        self.name = path.stem
        text = path.read_text(encoding="utf-8")
        head, _, diff = text.partition("\n--- ")
        self.breaks = self.line_of(head, "Breaks")
        self.known_miss = self.line_of(head, "Missed")
        self.test = self.line_of(head, "Test")
        self.first_seed = int(self.line_of(head, "From") or 1)
        self.rows = re.findall(r"^Row: (\S.*)$", head, re.M)
        self.files = re.findall(r"^\+\+\+ b/(\S+)", diff, re.M)

    @staticmethod
    def line_of(head, word):
        found = re.search(rf"^{word}: (\S.*)$", head, re.M)
        return found[1] if found else None

    def suits_a_sample(self):
        """Not what is known to be missed, nor what changes a header, where the time goes into compiling all that includes it."""
        return not self.known_miss and not any(file.endswith(".h") for file in self.files)

    def __str__(self):
        return f"{self.family}/{self.name}"


def all_bugs(families):
    return [Bug(path) for family in families for path in sorted((HERE / family).glob("*.patch"))]


def git_apply(directory, *arguments):
    """In a directory as it is, whatever checkout is above it."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(directory.parent)}
    return subprocess.run(["git", "-c", "safe.directory=*", "apply", *arguments], cwd=directory, env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)


def source_names():
    listing = subprocess.run(["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True, check=False)
    if listing.returncode == 0:
        return [name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    # Not in a checkout.
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
            if path.is_file() and path.relative_to(ROOT).parts[0] not in {"build", ".git"}]


class Scratch:
    """A copy of the sources, and a build of one target of it: the preset dev with some settings of CMake."""

    def __init__(self, tree, names, threads, target, settings):
        self.tree = tree
        self.threads = threads
        self.target = target
        self.settings = settings
        self.build = tree / "build" / "dev"
        # Paths of the copy would make strangers of equal sources.
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"}
        self.build.mkdir(parents=True, exist_ok=True)
        for name in names:
            self.restore(name)
        kept = {tree / name for name in names}
        for path in tree.rglob("*"):
            if path.is_file() and path.relative_to(tree).parts[0] != "build" and path not in kept:
                path.unlink()

    def tool(self, *command):
        return subprocess.run(command, cwd=self.tree, env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)

    def configure(self):
        """Nothing, or CMake's words."""
        done = self.tool("cmake", "--preset", "dev", *[f"-D{name}={value}" for name, value in self.settings.items()])
        return None if done.returncode == 0 else done.stdout + done.stderr

    def restore(self, name):
        """A file that is equal stays untouched: what was built of it is good."""
        source, target = ROOT / name, self.tree / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def compile(self, target=None):
        """Nothing, or the compiler's words."""
        done = self.tool("cmake", "--build", str(self.build), "--target", target or self.target, "-j", str(self.threads))
        return None if done.returncode == 0 else done.stdout + done.stderr


def prepare(options, target, settings):
    """A copy for each job, built."""
    names = source_names()
    cores = os.cpu_count() or 1
    scratches = []
    for job in range(1, options.jobs + 1):
        print(f"building copy {job} of {options.jobs}", file=sys.stderr, flush=True)
        scratch = Scratch(options.scratch.resolve() / f"copy-{job}", names, cores, target, settings)
        if said := scratch.configure() or scratch.compile():
            print(f"the sources as they are cannot be built:\n{said}", file=sys.stderr)
            raise SystemExit(2)
        scratch.threads = max(1, cores // options.jobs)
        scratches.append(scratch)
    return scratches


def plant(scratch, bug, look, target_of=None):
    """What look(scratch, bug, started) says of the copy with this bug, or, as text, what is wrong with the patch."""
    started = time.monotonic()
    applied = git_apply(scratch.tree, str(bug.path))
    if applied.returncode != 0:
        return f"{bug}: does not apply: {applied.stderr.strip()}"
    try:
        if said := scratch.compile(target_of(bug) if target_of else None):
            return f"{bug}: does not compile:\n{said}"
        return look(scratch, bug, started)
    finally:
        for name in bug.files:
            scratch.restore(name)


def plant_all(bugs, scratches, look, target_of=None):
    """plant() of each, in their order; look()'s results have a row() for the progress that this tells. target_of(bug): what
    is built of its copy, where that is not the copies' one target."""
    free = queue.SimpleQueue()
    for scratch in scratches:
        free.put(scratch)

    def work(bug):
        scratch = free.get()
        try:
            return plant(scratch, bug, look, target_of)
        finally:
            free.put(scratch)

    with concurrent.futures.ThreadPoolExecutor(len(scratches)) as pool:
        outcomes = []
        for number, outcome in enumerate(pool.map(work, bugs), 1):
            said = outcome if isinstance(outcome, str) else outcome.row()
            print(f"[{number}/{len(bugs)}] {said}", file=sys.stderr, flush=True)
            outcomes.append(outcome)
    return outcomes


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number


def add_common_arguments(parser, scratch):
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: NAME, FAMILY or FAMILY/NAME")
    parser.add_argument("--sample", type=positive, metavar="N", help="only N of those that are soon built and not known to be missed, always the same, evenly spread")
    parser.add_argument("--jobs", type=positive, default=2, metavar="N", help="copies of the sources (default: 2)")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build" / scratch, metavar="DIR",
                        help=f"for the copies and their builds (default: build/{scratch})")


def chosen(parser, bugs, options):
    known = {name for bug in bugs for name in (bug.name, bug.family, str(bug))}
    for name in options.names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, 1)
            parser.error(f"no bug or family '{name}'" + (f"; did you mean '{nearest[0]}'?" if nearest else ""))
    if options.names:
        bugs = [bug for bug in bugs if {bug.name, bug.family, str(bug)} & set(options.names)]
    if options.sample is not None:
        bugs = [bug for bug in bugs if bug.suits_a_sample()]
        count = min(options.sample, len(bugs))
        bugs = [bugs[(2 * i + 1) * len(bugs) // (2 * count)] for i in range(count)]
    return bugs
