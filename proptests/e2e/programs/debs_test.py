"""The Debian packages of a build, looked at without installing them: what is in them, what they need, and that service and
options are what the system and the program take. clean_root_test.py installs them.

Environment: MESHDICT_BUILD, MESHDICT_SOURCE, MESHDICT_CPACK.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import debs

SOURCE = pathlib.Path(os.environ["MESHDICT_SOURCE"])

# Every file but headers and scenarios.
FILES = {
    "meshdict-node": {
        "/etc/meshdict/node.yaml", "/lib/systemd/system/meshdict-node.service", "/usr/bin/meshdict-node",
        "/usr/share/bash-completion/completions/meshdict-node", "/usr/share/fish/vendor_completions.d/meshdict-node.fish",
        "/usr/share/zsh/vendor-completions/_meshdict-node", "/usr/share/man/man1/meshdict-node.1.gz",
        "/usr/share/doc/meshdict-node/changelog.gz", "/usr/share/doc/meshdict-node/README.md",
        "/usr/share/doc/meshdict-node/changelog.Debian.gz", "/usr/share/doc/meshdict-node/copyright"},
    "meshdict-sim": {
        "/usr/bin/meshdict-sim", "/usr/share/bash-completion/completions/meshdict-sim",
        "/usr/share/fish/vendor_completions.d/meshdict-sim.fish", "/usr/share/zsh/vendor-completions/_meshdict-sim",
        "/usr/share/man/man1/meshdict-sim.1.gz", "/usr/share/doc/meshdict-sim/changelog.gz",
        "/usr/share/doc/meshdict-sim/README.md", "/usr/share/doc/meshdict-sim/changelog.Debian.gz",
        "/usr/share/doc/meshdict-sim/copyright", "/usr/share/doc/meshdict-sim/examples/README.md",
        "/usr/share/doc/meshdict-sim/examples/schema.json"},
    "libmeshdict-dev": {
        "/usr/lib/libmeshdict.a", "/usr/lib/pkgconfig/meshdict.pc", "/usr/lib/cmake/meshdict/meshdictConfig.cmake",
        "/usr/lib/cmake/meshdict/meshdictConfigVersion.cmake", "/usr/lib/cmake/meshdict/meshdictTargets.cmake",
        "/usr/share/doc/libmeshdict-dev/changelog.gz", "/usr/share/doc/libmeshdict-dev/README.md",
        "/usr/include/meshdict.h", "/usr/lib/libmeshdict_c.so", "/usr/lib/pkgconfig/meshdict-c.pc",
        "/usr/lib/cmake/meshdict-c/meshdict-cConfig.cmake", "/usr/lib/cmake/meshdict-c/meshdict-cConfigVersion.cmake",
        "/usr/share/doc/libmeshdict-dev/changelog.Debian.gz", "/usr/share/doc/libmeshdict-dev/copyright"},
    "libmeshdict-c0": {
        "/usr/lib/libmeshdict_c.so.0", "/usr/lib/libmeshdict_c.so.0.1.0", "/usr/share/doc/libmeshdict-c0/changelog.gz",
        "/usr/share/doc/libmeshdict-c0/changelog.Debian.gz", "/usr/share/doc/libmeshdict-c0/copyright"},
    "python3-meshdict": {
        *(f"/usr/lib/python3/dist-packages/meshdict/{name}" for name in (
            "__init__.py", "_core.pyi", "aio.py", "base.py", "emitter.py", "errors.py", "mesh.py", "py.typed", "sync.py")),
        "/usr/share/doc/python3-meshdict/changelog.gz", "/usr/share/doc/python3-meshdict/changelog.Debian.gz",
        "/usr/share/doc/python3-meshdict/copyright"},
}
MORE = re.compile(r"/usr/include/meshdict/\w+\.h|/usr/share/doc/meshdict-sim/examples/\w+\.yaml"
                  r"|/usr/share/doc/libmeshdict-dev/examples/[\w.]+|/usr/lib/cmake/meshdict/meshdictTargets-\w+\.cmake"
                  r"|/usr/lib/cmake/meshdict-c/meshdict-cConfig-\w+\.cmake"
                  r"|/usr/lib/python3/dist-packages/meshdict/_core\.cpython-3\d+-[\w-]+\.so")


class DebsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="meshdict-debs-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.packages = debs.make(os.environ["MESHDICT_BUILD"], cls.directory / "packages", os.environ["MESHDICT_CPACK"])
        cls.root = cls.directory / "root"
        for file in cls.packages.values():
            debs.run("dpkg-deb", "--extract", file, cls.root)

    def field(self, package, name):
        return debs.run("dpkg-deb", "--field", self.packages[package], name).strip()

    def test_each_has_its_files_and_no_others(self):
        self.assertEqual(set(self.packages), set(FILES))
        for package, wanted in FILES.items():
            rows = [row.split(None, 5) for row in debs.run("dpkg-deb", "--contents", self.packages[package]).splitlines()]
            self.assertEqual({row[1] for row in rows}, {"root/root"})
            links = {row[5][1:].partition(" -> ")[0] for row in rows if row[0].startswith("l")}
            self.assertEqual(links, {file for file in wanted if re.search(r"\.so(\.0)?$", file)})
            files = {row[5][1:].partition(" -> ")[0]: row[0] for row in rows if not row[0].startswith("d")}
            more = {file for file in files if MORE.fullmatch(file)}
            self.assertEqual(set(files) - more, wanted)
            self.assertEqual(len(more) > 0, package not in {"meshdict-node", "libmeshdict-c0"})
            for file, mode in files.items():
                if file in links:
                    continue
                self.assertEqual(mode, "-rwxr-xr-x" if file.startswith("/usr/bin/") else "-rw-r--r--", file)
            self.assertEqual({row[0] for row in rows if row[0].startswith("d")}, {"drwxr-xr-x"})

    def test_each_says_what_it_needs(self):
        node = self.field("meshdict-node", "Depends")
        for library in ("libc6 (>=", "libsqlite3-0 (>=", "libssl3 (>=", "libyaml-cpp0.7 (>=", "adduser"):
            self.assertIn(library, node)
        self.assertIn("libyaml-cpp0.7 (>=", self.field("meshdict-sim", "Depends"))
        # The static library's own package file names what it is linked with.
        config = (SOURCE / "node" / "api" / "package" / "meshdict.pc.in").read_text(encoding="ascii")
        known = {"nettle": "nettle-dev", "openssl": "libssl-dev", "zlib": "zlib1g-dev", "liblzma": "liblzma-dev",
                 "sqlite3": "libsqlite3-dev", "fmt": "libfmt-dev", "bz2": "libbz2-dev", "snappy": "libsnappy-dev"}
        wanted = re.search(r"^Requires: (.*)$", config, re.MULTILINE)[1].split() + re.findall(r" -l(?!meshdict)(\w+)", config)
        library = self.field("libmeshdict-dev", "Depends")
        for name in wanted:
            self.assertIn(known[name], library)

    def test_scripts_are_whole(self):
        control = self.directory / "control"
        debs.run("dpkg-deb", "--control", self.packages["meshdict-node"], control)
        self.assertEqual((control / "conffiles").read_text(encoding="ascii"), "/etc/meshdict/node.yaml\n")
        for script in ("postinst", "prerm", "postrm"):
            debs.run("sh", "-n", control / script)
            self.assertEqual((control / script).stat().st_mode & 0o777, 0o755)
        # Data goes at the purge and nowhere else.
        for script in ("postinst", "prerm"):
            self.assertNotIn("rm -", (control / script).read_text(encoding="ascii"))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
    def test_systemd_takes_the_unit(self):
        unit = self.root / "lib/systemd/system/meshdict-node.service"
        # Units that it names are not in this root, and neither is the program kill.
        (self.root / "bin").mkdir(exist_ok=True)
        shutil.copy("/bin/true", self.root / "bin" / "kill")
        for name in ("network-online", "time-sync", "sysinit", "basic", "shutdown", "multi-user"):
            (unit.parent / f"{name}.target").write_text("[Unit]\nDescription=there\n", encoding="ascii")
        done = subprocess.run(["systemd-analyze", "verify", f"--root={self.root}", "--man=no", "meshdict-node.service"],
                              capture_output=True, text=True, check=False, timeout=60)
        complaints = [line for line in done.stderr.splitlines() if "meshdict-node" in line]
        self.assertEqual((done.returncode, complaints), (0, []), done.stderr)
        # From 0 to 10, here in tenths.
        debs.run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit)

    def test_the_program_takes_the_options_and_those_in_remarks(self):
        program = self.root / "usr/bin/meshdict-node"
        config = self.root / "etc/meshdict/node.yaml"
        printed = debs.run(program, "--config", config, "--print-config")
        for line in ("listen: 127.0.0.1:44565", "resp: 127.0.0.1:6480", "data-dir: /var/lib/meshdict"):
            self.assertRegex(printed, rf"(?m)^{line}  # the file$")
        known = set(re.findall(r"^(?:# )?([a-z-]+):", printed, re.MULTILINE))
        remarks = re.findall(r"^# +([a-z-]+): (\S.*)$", config.read_text(encoding="ascii"), re.MULTILINE)
        remarks = [(name, value) for name, value in remarks if name in known]
        self.assertEqual({name for name, _ in remarks}, {"listen", "mesh-key-file", "join", "resp-users", "durability", "log-level"})
        changed = self.directory / "changed.yaml"
        for name, value in remarks:
            settings = {"data-dir": "/d", "mesh-key-file": "/k", name: value}
            changed.write_text("".join(f"{one}: {said}\n" for one, said in settings.items()), encoding="ascii")
            self.assertRegex(debs.run(program, "--config", changed, "--print-config"), rf"(?m)^{name}: .*# the file$")

    def test_the_unit_and_the_image_run_the_same_program(self):
        settings = debs.unit(self.root / "lib/systemd/system/meshdict-node.service")
        self.assertEqual(settings["ExecStart"], ["/usr/bin/meshdict-node --config /etc/meshdict/node.yaml"])
        self.assertEqual(settings["Type"] + settings["User"] + settings["StateDirectory"], ["notify", "meshdict", "meshdict"])
        self.assertIn('"--config", "/etc/meshdict/node.yaml"', (SOURCE / "node/app/package/Dockerfile").read_text(encoding="ascii"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
