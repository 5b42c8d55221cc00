"""ioredis, the client library of Node.js, with pipelines and subscriptions: ioredis_client.js does the talking.

.ci/setup installs it where npm is; MESHDICT_NODE_MODULES names another directory that has it. Without it, or without
Node.js, the test is skipped with a message.
"""

import os
import pathlib
import shutil
import subprocess
import unittest

import harness

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODULES = pathlib.Path(os.environ.get("MESHDICT_NODE_MODULES") or CACHE / "meshdict-tests/node_modules")


@unittest.skipUnless(shutil.which("node"), "node (package nodejs) is not installed")
@unittest.skipUnless((MODULES / "ioredis").is_dir(), f"ioredis is not installed in {MODULES} (.ci/setup does that)")
class IoredisTest(harness.MeshTestCase):
    def test_everyday_use(self):
        first, second = self.start_chain(2)
        script = pathlib.Path(__file__).with_name("ioredis_client.js")
        done = subprocess.run(
            ["node", script, str(first.redis_address[1]), str(second.redis_address[1]), first.id],
            capture_output=True, check=False, timeout=harness.DEADLINE, text=True, env={**os.environ, "NODE_PATH": str(MODULES)})
        self.assertEqual((done.stdout, done.returncode), ("ok\n", 0), done.stderr)


if __name__ == "__main__":
    harness.main()
