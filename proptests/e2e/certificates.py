"""Certificates and keys for tests of TLS, made by the openssl command, and short connections of it to a port."""

import pathlib
import subprocess

# What OpenSSL 3.0 cannot say in days is said as dates.
FUTURE = ("20400101000000Z", "20410101000000Z")
PAST = ("20200101000000Z", "20210101000000Z")
NOW = ("20200101000000Z", "20490101000000Z")


def openssl(*arguments, directory=None, stdin=b"", timeout=60, check=True):
    """Runs it. Its stdout and stderr, as text."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, cwd=directory,
                          timeout=timeout, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    if check and done.returncode:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {text}")
    return text


class Identity:
    """A certificate, its key, and who signs members."""

    def __init__(self, cert, key, ca):
        self.cert, self.key, self.ca = cert, key, ca

    def options(self, crl=None):
        """Of meshdict-node."""
        return ["--encryption", "tls", "--tls-cert", str(self.cert), "--tls-key", str(self.key), "--tls-ca", str(self.ca),
                *(["--tls-crl", str(crl)] if crl else [])]

    def of_client(self):
        """Of openssl s_client."""
        return ["-cert", self.cert, "-key", self.key]


class Authority:
    """Signs certificates, and takes them back."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.cert = self.directory / "ca.pem"
        self._count = 0
        (self.directory / "index").write_text("")
        (self.directory / "serial").write_text("1000\n")
        (self.directory / "number").write_text("1000\n")
        (self.directory / "ca.cnf").write_text(f"""
[ca]
default_ca = own
[own]
database = index
serial = serial
crlnumber = number
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
""")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                  "-out", "ca.pem", "-days", 3650, "-subj", f"/CN={name}", "-config", "ca.cnf",
                  "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _run(self, *arguments):
        return openssl(*arguments, directory=self.directory)

    def issue(self, name="node", time=NOW, usage="serverAuth,clientAuth", key=None):
        """A certificate signed by this authority; for `key`, if one is given."""
        self._count += 1
        stem = f"{name}{self._count}"
        key = key or self._new_key(stem)
        self._run("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", f"{stem}.csr", "-config", "ca.cnf")
        (self.directory / f"{stem}.ext").write_text(
            f"extendedKeyUsage={usage}\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._run("ca", "-config", "ca.cnf", "-batch", "-notext", "-in", f"{stem}.csr", "-out", f"{stem}.pem",
                  "-extfile", f"{stem}.ext", "-startdate", time[0], "-enddate", time[1])
        return Identity(self.directory / f"{stem}.pem", key, self.cert)

    def self_signed(self, name="node"):
        """One that vouches for itself, and trusts this authority."""
        self._count += 1
        stem = f"{name}{self._count}"
        key = self._new_key(stem)
        self._run("req", "-x509", "-key", key, "-out", f"{stem}.pem", "-days", 30, "-subj", f"/CN={name}", "-config", "ca.cnf",
                  "-addext", "extendedKeyUsage=serverAuth,clientAuth")
        return Identity(self.directory / f"{stem}.pem", key, self.cert)

    def revoke(self, identity):
        self._run("ca", "-config", "ca.cnf", "-revoke", identity.cert)

    def crl(self):
        """A list of what has been revoked up to now."""
        self._count += 1
        path = self.directory / f"crl{self._count}.pem"
        self._run("ca", "-config", "ca.cnf", "-gencrl", "-out", path)
        return path

    def _new_key(self, stem):
        path = self.directory / f"{stem}.key"
        self._run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        path.chmod(0o600)
        return path


def make_key(directory, name, *hexadecimal):
    """A file of mesh keys: those given, each 64 digits."""
    path = pathlib.Path(directory) / name
    path.write_text("".join(f"{one}\n" for one in hexadecimal))
    path.chmod(0o600)
    return path


def s_client(port, *options, said=b"", timeout=20):
    """What openssl s_client tells of a connection to a port of this machine."""
    return openssl("s_client", "-connect", f"127.0.0.1:{port}", *options, stdin=said, timeout=timeout, check=False)
