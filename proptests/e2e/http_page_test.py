"""The live page of --http, in a headless browser: what it shows in each state, and that data stays data.

Without a browser the test is skipped, with exit code 77. With MESHDICT_SHOTS=<directory> it leaves screenshots there, for people
to look at.
"""

import os
import pathlib
import unittest

import harness
import small_disk
from browser import Browser, find_browser
from harness import wait_until

SHOTS = os.environ.get("MESHDICT_SHOTS")
EVIL = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@unittest.skipUnless(find_browser(), "no Chromium is installed")
class HttpPageTest(small_disk.SmallDiskCase):
    def setUp(self):
        super().setUp()
        self.browser = Browser(find_browser(), 1280, 900)
        self.addCleanup(self.browser.close)

    def start_http(self, name, *options, **more):
        return self.start(name, "--http", "127.0.0.1:0", *options, **more)

    def look_at(self, node):
        self.url = f"http://{node.http_address[0]}:{node.http_address[1]}/"
        self.browser.open_url(self.url)
        self.browser.wait("meshdict.rounds() >= 2 && document.getElementById('badge').dataset.state !== 'waiting'")

    def text(self, name):
        return self.browser.evaluate(f"document.getElementById('{name}').textContent")

    def wait_for(self, name, part):
        self.browser.wait(f"document.getElementById('{name}').textContent.includes({part!r})")

    def shoot(self, name):
        if not SHOTS:
            return
        pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
        for theme in ("light", "dark"):
            self.browser.prefer(theme)
            self.browser.settle()
            self.browser.screenshot(pathlib.Path(SHOTS, f"{name}-{theme}.png"))
        self.browser.resize(420, 900)
        self.browser.settle()
        self.browser.screenshot(pathlib.Path(SHOTS, f"{name}-narrow.png"))
        self.browser.resize(1280, 900)

    def assert_quiet(self):
        """Nothing was thrown, and nothing asked of anybody but the node."""
        self.assertEqual(self.browser.console, [])
        self.assertEqual([url for url in self.browser.requests if not url.startswith((self.url, "data:"))], [])

    def test_alone(self):
        node = self.start_http("alone", "--data-dir", self.directory + "/data")
        node.redis.mset({f"user:{number}": f"name {number}" for number in range(5)})
        self.look_at(node)
        self.assertEqual(self.text("badge"), "ready")
        self.wait_for("key-rows", "user:4")
        self.assertIn("none since", self.text("conflicts-note"))
        self.shoot("alone")
        self.assert_quiet()

    def test_three_members(self):
        nodes = [self.start_http("first")]
        nodes += [self.start("second", join=nodes[:1]), self.start("third", join=nodes[:1])]
        for number, node in enumerate(nodes):
            node.redis.mset({f"node{number}:key{k}": "v" * (k + 1) for k in range(8)})
        self.look_at(nodes[0])
        for node in nodes:
            self.wait_for("member-rows", node.id[:8])
        for node in nodes[1:]:
            self.browser.wait("[...document.querySelectorAll('#member-rows tr')].slice(1).every("
                              "(row) => / (ms|µs)$/.test(row.cells[4].textContent) && row.cells[5].textContent.includes('±'))")
        self.wait_for("key-rows", "node2:key7")
        self.assertIn("ours, ", self.text("key-rows"))
        self.assertIn("held", self.text("key-rows"))
        self.shoot("three")
        nodes[2].terminate()
        self.wait_for("departed-rows", nodes[2].id[:8])
        self.assert_quiet()

    def test_a_conflict(self):
        nodes = [self.start_http(f"node{i}") for i in (0, 1)]
        for key in ("seat", EVIL):
            for node in nodes:
                node.redis.set(key, EVIL)
            # A list too, and a key of bytes that are no text.
            node.redis.set(b"\xff\xfe", b"\x00\x01\xff")
        nodes[0].redis.execute_command("MESH", "CONNECT", nodes[1].mesh)
        counts = wait_until(lambda: [int(node.redis.info("mesh")["conflicts"]) for node in nodes] if
                            any(int(node.redis.info("mesh")["conflicts"]) for node in nodes) else None, "conflicts")
        self.look_at(nodes[counts.index(max(counts))])
        self.wait_for("conflict-rows", "onerror")
        self.wait_for("key-rows", "onerror")
        self.assertIn("meshdict-node", self.browser.evaluate("document.title"))
        self.assertEqual(self.browser.evaluate("document.images.length + document.scripts.length"), 1)
        self.shoot("conflict")
        self.assert_quiet()

    @small_disk.needs_root
    def test_a_full_disk(self):
        node = self.start_http("small", "--data-dir", str(self.mount(8 * 1024 * 1024) / "data"))
        keys = self.fill_up(node)
        self.look_at(node)
        self.wait_for("badge", "degraded")
        self.assertIn("disk_full", self.text("alerts"))
        self.shoot("full")
        node.redis.delete(*keys)
        self.browser.wait("document.getElementById('badge').textContent === 'ready'")
        self.assert_quiet()

    def test_ten_thousand_keys_are_walked(self):
        node = self.start_http("node")
        pipe = node.redis.pipeline(transaction=False)
        for number in range(10_000):
            pipe.set(f"key:{number:05}", f"value {number}")
        pipe.execute()
        self.look_at(node)
        self.wait_for("keys-note", "10,000 in all; page 1")
        self.browser.evaluate("document.getElementById('next').click()")
        self.wait_for("key-rows", "key:00199")
        self.browser.evaluate("document.getElementById('previous').click()")
        self.wait_for("key-rows", "key:00000")
        self.browser.evaluate("const p = document.getElementById('prefix'); p.value = 'key:099'; p.dispatchEvent(new Event('input'))")
        self.wait_for("key-rows", "key:09999")
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#key-rows tr').length"), 100)
        self.wait_for("keys-note", "the last")
        self.shoot("many-keys")
        self.assert_quiet()

    def test_a_hundred_members(self):
        """So many processes are too many here: the browser is told of them in the place of the node."""
        node = self.start_http("node")
        self.browser.call("Page.addScriptToEvaluateOnNewDocument", source="""
          const real = window.fetch;
          window.fetch = async (path, options) => {
            const answer = await real(path, options);
            if (path !== "/status") return answer;
            const status = await answer.json();
            status.neighbours = [...Array(100).keys()].map((i) => ({
              id: `node${i}${"x".repeat(58)}`, address: `10.0.${i}.1:44565`, direction: i % 2 ? "incoming" : "outgoing",
              speaks: i % 9 ? "meshdict" : "py2p", connected_ms: i * 1e6, connections: 1, round_trip_us: i % 9 ? 300 * i : null,
              queued_bytes: i * 1e4, waiting_stores: 0, messages_left_out: i % 10 ? 0 : i,
              clock: {state: i === 7 ? "ahead" : "ok", offset_ms: i === 7 ? 40000 : i - 50, error_ms: 3}}));
            status.figures.neighbours = 100;
            return new Response(JSON.stringify(status));
          };""")
        self.look_at(node)
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#member-rows tr').length"), 101)
        self.assertLess(self.browser.evaluate("document.getElementById('members').offsetHeight"), 500)
        self.shoot("hundred")

    def test_a_node_that_is_gone(self):
        node = self.start_http("node")
        self.look_at(node)
        node.kill()
        self.wait_for("badge", "no answer")
        self.shoot("gone")


if __name__ == "__main__":
    harness.main()
