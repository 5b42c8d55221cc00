"""Makes a wheel (PEP 427) of the package as it was built: for pip, and for this version of Python on this kind of machine.

Usage: wheel.py PACKAGE_DIRECTORY VERSION LICENSE OUT_DIRECTORY
"""

import base64
import hashlib
import pathlib
import sys
import sysconfig
import zipfile

SUMMARY = "A dictionary with leases, shared over a peer-to-peer mesh; py2p's classes"


def main():
    package, version, license_file, out = sys.argv[1:]
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    info = f"meshdict-{version}.dist-info"
    files = {f"meshdict/{path.name}": path.read_bytes() for path in sorted(pathlib.Path(package).iterdir()) if path.is_file()}
    files[f"{info}/METADATA"] = (f"Metadata-Version: 2.1\nName: meshdict\nVersion: {version}\nSummary: {SUMMARY}\n"
                                 "Requires-Python: >=3.9\n").encode()
    files[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: meshdict\nRoot-Is-Purelib: false\n"
                              f"Tag: {python}-{python}-{platform}\n").encode()
    files[f"{info}/LICENSE"] = pathlib.Path(license_file).read_bytes()
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    files[f"{info}/RECORD"] = ("".join(rows) + f"{info}/RECORD,,\n").encode()
    wheel = pathlib.Path(out) / f"meshdict-{version}-{python}-{python}-{platform}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # of no time: equal packages are equal wheels
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    print(wheel)


if __name__ == "__main__":
    main()
