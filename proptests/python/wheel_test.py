"""The wheel: what pip would install is whole, and is the package."""

import base64
import hashlib
import os
import pathlib
import subprocess
import sys
import zipfile

import meshdict

SCRIPT = pathlib.Path(__file__).parents[2] / "node/python/wheel.py"
PACKAGE = pathlib.Path(meshdict.__file__).parent


def test_the_wheel_is_the_package_and_says_what_is_in_it(tmp_path):
    made = subprocess.run([sys.executable, "-B", SCRIPT, PACKAGE, "0.1.0", SCRIPT.parents[2] / "LICENSE", tmp_path], check=True,
                          capture_output=True, text=True).stdout.strip()
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert pathlib.Path(made).name.startswith(f"meshdict-0.1.0-{tag}-{tag}-linux_")
    with zipfile.ZipFile(made) as wheel:
        rows = [row.split(",") for row in wheel.read("meshdict-0.1.0.dist-info/RECORD").decode().splitlines()]
        assert {name for name, _, _ in rows} == set(wheel.namelist()) >= {"meshdict/__init__.py", "meshdict/py.typed"}
        for name, digest, size in rows[:-1]:
            content = wheel.read(name)
            assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert int(size) == len(content)
        wheel.extractall(tmp_path / "site")
    said = subprocess.run([sys.executable, "-B", "-c", "import meshdict; print(meshdict.__file__)"], check=True, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}).stdout
    assert said.startswith(str(tmp_path / "site"))
