#!/usr/bin/env python3
"""The life of the Debian packages in a clean Debian 12: installed with what they need, the service's command started under its
user and with its directories, upgraded, removed, purged. Data stays until the purge.

Usage: clean_root_test.py BUILD    (a build directory with everything built)

Needs root, debootstrap and a mirror of Debian (MESHDICT_MIRROR in the environment names another than deb.debian.org). Ends with 77
where these are missing. It runs in namespaces of its own: nothing is mounted for others, all processes end with it, and from the
first start of the service on it has a network of its own. There is no systemd in the root: what a unit says of user,
capabilities, directories and a system that cannot be written is done here, and its filter of system calls is not.
"""

import ctypes
import fcntl
import os
import pathlib
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

import debs

SKIPPED = 77
MIRROR = os.environ.get("MESHDICT_MIRROR", "http://deb.debian.org/debian")
# A root that debootstrap has made before: it is copied.
MADE = os.environ.get("MESHDICT_CLEAN_ROOT")
UNIT = "lib/systemd/system/meshdict-node.service"
NEWNET = 0x40000000


def told(line):
    print(f"--- {line}", flush=True)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def own_network():
    """With a loopback interface that is up."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as any_socket:
        get_flags, set_flags, up = 0x8913, 0x8914, 1
        flags = struct.unpack("16xh", fcntl.ioctl(any_socket, get_flags, struct.pack("16sh22x", b"lo", 0))[:18])[0]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", flags | up))


class Root:
    """A root file system of Debian 12."""

    def __init__(self, path):
        self.path = path

    def make(self):
        if MADE:
            debs.run("cp", "--archive", MADE, self.path)
        else:
            debs.run("debootstrap", "--variant=minbase", "bookworm", self.path, MIRROR)
        (self / "packages").mkdir()
        debs.run("mount", "--bind", "/dev", self / "dev")
        debs.run("mount", "-t", "proc", "proc", self / "proc")
        shutil.copy("/etc/resolv.conf", self / "etc/resolv.conf")

    def __truediv__(self, name):
        return self.path / name

    def run(self, *command):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        return debs.run("chroot", self.path, *command, env=environment)

    def install(self, package):
        shutil.copy(package, self / "packages")
        return self.run("apt-get", "--quiet", "--yes", "--no-install-recommends", "install", f"/packages/{package.name}")

    def owner_and_mode(self, name):
        return self.run("stat", "--format=%U:%G %a", f"/{name}").strip()


class Service:
    """The command of the unit, under its user and with its directories. In the rest of the system it can write nothing."""

    def __init__(self, root):
        settings = debs.unit(root / UNIT)
        (user,), (directory,), (command,) = settings["User"], settings["StateDirectory"], settings["ExecStart"]
        self._reload = settings["ExecReload"][0]
        (root / "run" / "notify").unlink(missing_ok=True)
        self.manager = debs.Manager(str(root / "run" / "notify"))
        data = root / "var/lib" / directory
        mounts = [f"mount --rbind {root.path} {root.path}", f"mount -o remount,bind,ro {root.path}",
                  f"mount --bind {data} {data}", f"mount -o remount,bind,rw {data}",
                  f"umask {settings['UMask'][0]}", f"ulimit -n {settings['LimitNOFILE'][0]}"]
        drop = ["setpriv", f"--reuid={user}", f"--regid={settings['Group'][0]}", "--init-groups", "--no-new-privs",
                "--bounding-set=-all", "--inh-caps=-all"]
        inside = shlex.join(["env", "-i", "PATH=/usr/bin:/bin", "NOTIFY_SOCKET=/run/notify", *drop, *shlex.split(command)])
        self._process = subprocess.Popen(["unshare", "--mount", "sh", "-ec",
                                          "; ".join([*mounts, f"exec chroot {root.path} {inside}"])],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        heard = self.manager.hear()
        expect(heard.get("READY") == "1", f"it is not ready: {heard}")
        self.id = self._process.stdout.readline().split()[2]
        status = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
                      if ":\t" in line)
        expect("0" not in status["Uid"].split(), f"it runs as {status['Uid']}")
        expect(set(status["CapBnd"]) == {"0"} and status["NoNewPrivs"] == "1", "it has privileges")

    def say(self, *words):
        """The first line of the answer."""
        with socket.create_connection(("127.0.0.1", 6480), timeout=30) as link, link.makefile("rb") as answers:
            link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)))
            first = answers.readline().decode().rstrip()
            return answers.readline().decode().rstrip() if first[0] == "$" and first != "$-1" else first

    def reload(self):
        expect(self._reload == "/bin/kill -HUP $MAINPID", self._reload)
        self._process.send_signal(signal.SIGHUP)
        self.manager.hear_of("RELOADING")
        self.manager.hear_of("READY")

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self.manager.hear_of("STOPPING")
        expect(self._process.wait(30) == 0, f"it ended with {self._process.returncode}")
        self._process.stdout.close()
        self.manager.close()


def others_in(root, packages):
    """The simulator runs; a program is built with the library. Both before there is no network any more."""
    told("install meshdict-sim, and run a scenario of its own")
    root.install(packages["meshdict-sim"])
    told(root.run("meshdict-sim", "run", "/usr/share/doc/meshdict-sim/examples/join.yaml").splitlines()[-1])
    root.run("apt-get", "--yes", "purge", "meshdict-sim")
    told("install libmeshdict-dev with a compiler, and build the example leader.cpp")
    root.install(packages["libmeshdict-dev"])
    root.run("apt-get", "--quiet", "--yes", "--no-install-recommends", "install", "g++", "pkg-config")
    root.run("sh", "-ec", "g++ -std=c++20 /usr/share/doc/libmeshdict-dev/examples/leader.cpp -o /leader "
                          "$(pkg-config --cflags --libs meshdict)")
    root.run("apt-get", "--yes", "purge", "libmeshdict-dev")


def life_of_the_node(root, first, second):
    told("install meshdict-node: its user, its directory, and a service that is enabled")
    root.install(first)
    data, config = root / "var/lib/meshdict", root / "etc/meshdict/node.yaml"
    link = root / "etc/systemd/system/multi-user.target.wants/meshdict-node.service"
    expect(link.is_symlink(), "the service is not enabled")
    expect(root.owner_and_mode("var/lib/meshdict") == "meshdict:meshdict 700", root.owner_and_mode("var/lib/meshdict"))
    own_network()

    told("start it as its unit does, write, reload, stop")
    service = Service(root)
    name = service.id
    expect(service.say("SET", "kept", "value") == "+OK", "it does not write")
    service.reload()
    service.stop()

    def start_with_the_data():
        service = Service(root)
        expect(service.id == name, "another node than before")
        expect(service.say("GET", "kept") == "value", "the key is lost")
        service.stop()

    told(f"upgrade to {second.name}, with an option of the operator's")
    config.write_text(config.read_text(encoding="ascii") + "log-level: debug\n", encoding="ascii")
    root.install(second)
    expect("log-level: debug" in config.read_text(encoding="ascii"), "the upgrade has changed the operator's options")
    start_with_the_data()

    told("remove: data and options stay; install again: it is the same node")
    root.run("apt-get", "--yes", "remove", "meshdict-node")
    expect(not (root / "usr/bin/meshdict-node").exists(), "the program is still there")
    expect((data / "meshdict.db").exists() and config.exists(), "data or options are gone")
    root.install(second)
    start_with_the_data()

    told("purge: nothing stays but the user")
    root.run("apt-get", "--yes", "purge", "meshdict-node")
    left = [str(file) for place in ("etc", "lib/systemd", "usr", "var") for file in (root / place).rglob("*meshdict*")
            if "var/log" not in str(file) and "var/cache" not in str(file)]
    expect(not left, f"left behind: {left}")


def inside(build, directory):
    packages = debs.make(build, directory / "first")
    second = debs.make(build, directory / "second", version="0.1.1")
    root = Root(directory / "root")
    told("make a clean root")
    root.make()
    others_in(root, packages)
    life_of_the_node(root, packages["meshdict-node"], second["meshdict-node"])
    told("passed")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    if len(sys.argv) == 3:
        inside(build, pathlib.Path(sys.argv[2]))
        return 0
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        print("skipped: this test needs root and debootstrap")
        return SKIPPED
    directory = tempfile.mkdtemp(prefix="meshdict-clean-root-")
    try:
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B", __file__,
                               build, directory], check=False).returncode
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
