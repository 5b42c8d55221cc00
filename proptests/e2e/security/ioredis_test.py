"""ioredis, the client library of Node.js, with pipelines and subscriptions, and over TLS with a user: ioredis_client.js and
ioredis_secure.js do the talking.

.ci/setup installs it where npm is; MESHDICT_NODE_MODULES names another directory that has it. Without it, or without
Node.js, the test is skipped with a message.
"""

import os
import pathlib
import shutil
import subprocess
import unittest

import certificates
import harness
from users_test import hash_of

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODULES = pathlib.Path(os.environ.get("MESHDICT_NODE_MODULES") or CACHE / "meshdict-tests/node_modules")


@unittest.skipUnless(shutil.which("node"), "node (package nodejs) is not installed")
@unittest.skipUnless((MODULES / "ioredis").is_dir(), f"ioredis is not installed in {MODULES} (.ci/setup does that)")
class IoredisTest(harness.MeshTestCase):
    def test_everyday_use(self):
        first, second = self.start_chain(2)
        self.assert_ok("ioredis_client.js", str(first.redis_address[1]), str(second.redis_address[1]), first.id)

    def test_over_tls_with_a_user(self):
        authority = certificates.Authority(self.directory, "ours")
        server = authority.issue("server", usage="serverAuth")
        users = pathlib.Path(self.directory, "users")
        users.touch(0o600)
        users.write_text(f"ada {hash_of('secret')} +read +write ~app:*\n")
        node = self.start("node", "--resp-users", str(users), "--resp-tls", "--resp-tls-cert", str(server.cert),
                          "--resp-tls-key", str(server.key))
        self.assert_ok("ioredis_secure.js", str(node.redis_address[1]), str(authority.cert))

    def assert_ok(self, script, *arguments):
        done = subprocess.run(["node", pathlib.Path(__file__).with_name(script), *arguments], capture_output=True, check=False,
                              timeout=harness.DEADLINE, text=True, env={**os.environ, "NODE_PATH": str(MODULES)})
        self.assertEqual((done.stdout, done.returncode), ("ok\n", 0), done.stderr)


if __name__ == "__main__":
    harness.main()
