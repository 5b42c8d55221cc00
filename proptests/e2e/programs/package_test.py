"""The installed package alone: `cmake --install` into a temporary directory, and programs outside of the tree that find it
with find_package() and with pkg-config. They share a dictionary and messages, and outlive each other's kill -9.

Environment: MESHDICT_BUILD, the build directory to install from; MESHDICT_SOURCE; MESHDICT_CMAKE; MESHDICT_CXX.
"""

import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness
from line_program import LineProgram

SOURCE = pathlib.Path(os.environ["MESHDICT_SOURCE"])
BUILD = pathlib.Path(os.environ["MESHDICT_BUILD"])
CMAKE = os.environ["MESHDICT_CMAKE"]
CXX = os.environ["MESHDICT_CXX"]


def run(*command, **options):
    """Its output; an error with all of it when it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def waits_for_a_lock(process):
    """proc(5), /proc/locks: a line "N: -> FLOCK ADVISORY WRITE PID ..." is of one that is blocked."""
    locks = (line.split() for line in pathlib.Path("/proc/locks").read_text().splitlines())
    return any(lock[1:3] == ["->", "FLOCK"] and lock[5] == str(process.pid) for lock in locks)


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="meshdict-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.prefix = cls.directory / "prefix"
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        # Away from the tree, so that nothing in it can be found by the way.
        examples = cls.directory / "examples"
        shutil.copytree(SOURCE / "node" / "api" / "examples", examples)
        cls.programs = cls.directory / "build"
        run(CMAKE, "-S", examples, "-B", cls.programs, f"-DCMAKE_PREFIX_PATH={cls.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}",
            "-DCMAKE_CXX_STANDARD=20", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror", "-G", "Ninja")
        run(CMAKE, "--build", cls.programs, "-j2")

    def start(self, name, *arguments):
        program = LineProgram(self.programs / name, *arguments, patience=harness.DEADLINE)
        self.addCleanup(program.destroy)
        return program

    def test_package_can_be_moved(self):
        for file in self.prefix.rglob("*"):
            if file.suffix in {".cmake", ".pc", ".h"}:
                text = file.read_text()
                for place in (SOURCE, BUILD, self.prefix):
                    self.assertNotIn(str(place), text, f"{file} names the machine it was made on")

    def test_chat_survives_kill_of_another(self):
        ada = self.start("chat", "ada", 0)
        address = ada.hear(r"^\* ada is here: (\S+)$")[1]
        bob = self.start("chat", "bob", 0, address)
        ada.hear(r"^\* bob is here")
        bob.hear(r"^\* ada is here")
        ada.say("hello, bob")
        bob.hear(r"^ada: hello, bob$")
        bob.say("hello, ada")
        ada.hear(r"^bob: hello, ada$")

        impostor = self.start("chat", "ada", 0, address)
        impostor.hear("the name ada is taken: .* holds the key 'roster/ada'")
        self.assertEqual(impostor.process.wait(harness.DEADLINE), 1)

        bob.process.kill()
        bob.process.wait()
        ada.say("/who")
        ada.hear(r"^\* here: ada bob $")
        carol = self.start("chat", "carol", 0, address)
        ada.hear(r"^\* carol is here")
        carol.say("where is bob?")
        ada.hear(r"^carol: where is bob\?$")
        self.assertEqual(carol.end(), 0)
        ada.hear(r"^\* carol has left$")
        self.assertEqual(ada.end(), 0)

    def test_leader_that_was_superseded_is_refused(self):
        ledger = self.directory / "ledger.txt"
        port = harness.free_port()
        ada = self.start("leader", "ada", port, ledger)
        ada.hear("^I lead with fence")
        bob = self.start("leader", "bob", 0, ledger, f"127.0.0.1:{port}")
        bob.hear('^I follow "ada"')
        harness.wait_until(lambda: ledger.exists() and "ada" in ledger.read_text(), "ada in the ledger")

        # Ada hangs for longer than its lease on its way into the ledger. Elsewhere it might see bob's claim first.
        with open(f"{ledger}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            harness.wait_until(lambda: waits_for_a_lock(ada.process), "ada before the ledger's lock")
            ada.process.send_signal(signal.SIGSTOP)
            os.waitpid(ada.process.pid, os.WUNTRACED)  # stopped: it does not get the lock any more
        bob.hear("^I lead with fence")
        harness.wait_until(lambda: "bob" in ledger.read_text(), "bob in the ledger")
        ada.process.send_signal(signal.SIGCONT)
        ada.hear("^the ledger refuses me")

        bob.process.kill()
        bob.process.wait()
        ada.hear("^I lead with fence")
        harness.wait_until(lambda: ledger.read_text().splitlines()[-1].split()[1] == "ada", "ada in the ledger again")
        ada.process.kill()
        ada.process.wait()

        lines = [line.split() for line in ledger.read_text().splitlines()]
        fences = [line[0] for line in lines]
        self.assertEqual(fences, sorted(fences))
        leaders = [line[1] for line in lines]
        changes = [name for before, name in zip([None, *leaders], leaders) if name != before]
        self.assertEqual(changes, ["ada", "bob", "ada"])

    def test_readme_tour_with_pkg_config(self):
        readme = (SOURCE / "README.md").read_text()
        code, output = re.search(r"```cpp\n(#include <meshdict/.*?)```.*?```console\n\$ \./tour\n(.*?)```", readme,
                                 re.DOTALL).groups()
        source = self.directory / "tour.cpp"
        source.write_text(code)
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "meshdict", env=environment).split()
        cflags = [flag for flag in flags if not flag.startswith(("-l", "-L"))]
        libraries = [flag for flag in flags if flag.startswith(("-l", "-L"))]
        run(CXX, "-std=c++20", "-Wall", "-Wextra", "-Werror", *cflags, source, "-o", self.directory / "tour", *libraries)
        self.assertEqual(run(self.directory / "tour"), output)

    def test_a_plugin_embeds_the_static_library(self):
        source, plugin = self.directory / "plugin.cpp", self.directory / "plugin.so"
        source.write_text('#include <meshdict/meshdict.h>\n\nextern "C" int run() {\n  meshdict::SyncSocket socket("127.0.0.1", 0);\n'
                          '  socket.set("k", 7);\n  return socket.at("k").as<int>();\n}\n')
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "meshdict", env=environment).split()
        run(CXX, "-std=c++20", "-shared", "-fPIC", "-Wl,-z,defs", "-Wl,--exclude-libs,ALL", source, "-o", plugin, *flags)
        host = f"import ctypes; print(ctypes.CDLL('{plugin}').run())"
        self.assertEqual(run("/usr/bin/python3", "-c", host), "7\n")

    def test_c_with_pkg_config_and_with_cmake(self):
        code, output = re.search(r"```c\n(.*?)```.*?```console\n\$ \./tour\n(.*?)```", (SOURCE / "node/c/README.md").read_text(),
                                 re.DOTALL).groups()
        directory = self.directory / "c"
        directory.mkdir()
        (directory / "tour.c").write_text(code)
        libraries = self.prefix / "lib"
        environment = {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
        flags = run("pkg-config", "--cflags", "--libs", "meshdict-c", env=environment).split()
        run("cc", "-std=c11", directory / "tour.c", "-o", directory / "tour", *flags)
        self.assertEqual(run(directory / "tour", env=environment), output)
        (directory / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(tour LANGUAGES C)\nfind_package(meshdict-c 0.1 REQUIRED)\n"
            "add_executable(tour tour.c)\ntarget_link_libraries(tour PRIVATE meshdict::c)\n")
        run(CMAKE, "-S", directory, "-B", directory / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", "-G", "Ninja")
        run(CMAKE, "--build", directory / "build")
        self.assertEqual(run(directory / "build" / "tour"), output)

    def test_python_package_stands_alone(self):
        if not (BUILD / "python").exists():
            self.skipTest("built without MESHDICT_BUILD_PYTHON")
        environment = {**os.environ, "PYTHONPATH": str(self.prefix / "lib/python3/dist-packages")}
        said = run("/usr/bin/python3", "-B", "-c", "import meshdict; print(meshdict.__file__, meshdict.__version__)", cwd=self.directory,
                   env=environment)
        self.assertRegex(said, rf"^{self.prefix}/.*/meshdict/__init__.py [0-9.]+$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
