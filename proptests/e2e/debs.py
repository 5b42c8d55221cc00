"""What tests of Debian packages share: packages are made from a build directory, and a service manager is played."""

import os
import pathlib
import socket
import subprocess


def run(*command, **options):
    """Its output; an error with all of it when it fails."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def make(build, directory, cpack="cpack", version=None):
    """The packages of what stands in the build directory, by name. `version`: instead of its own."""
    # As for a person with the usual umask: nothing else may show in the packages.
    run("sh", "-c", 'umask 022; exec "$@"', "sh", cpack, "-G", "DEB", "--config", pathlib.Path(build) / "CPackConfig.cmake",
        "-B", directory, "-D", f"CPACK_OUTPUT_FILE_PREFIX={directory}", *(["-R", version] if version else []))
    return {file.name.partition("_")[0]: file for file in pathlib.Path(directory).glob("*.deb")}


def unit(path):
    """[Service] of a unit file: a list for each name."""
    settings, section = {}, None
    for line in pathlib.Path(path).read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


class Manager:
    """The socket of a service manager."""

    def __init__(self, address):
        """A path, or an abstract name behind an '@'."""
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(60)
        if not address.startswith("@"):
            os.chmod(address, 0o777)

    def hear(self):
        """The next message, by names."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def hear_of(self, name):
        """Passes over others."""
        while True:
            heard = self.hear()
            if name in heard:
                return heard

    def close(self):
        self._socket.close()
