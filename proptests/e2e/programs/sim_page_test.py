"""The page that meshdict-sim writes with --html, in a headless browser: open, look, click, filter, zoom, step.

The program under test is named by the environment variable MESHDICT_SIM. Without a browser the test is skipped, with exit
code 77. With MESHDICT_SHOTS=<directory> it leaves screenshots there, for people to look at.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, find_browser

PROGRAM = os.environ.get("MESHDICT_SIM", "")
SHOTS = os.environ.get("MESHDICT_SHOTS")
SKIPPED = 77
DEADLINE = 100

# A cut, a crash, two claims of one key, a refusal, and an expectation that is wrong.
PLAN = """
nodes: [ana, bob, cy, dan]
join: chain
steps:
  - at: 6s
    set: {node: ana, key: colour, value: red}
  - after: 1s
    set: {node: bob, key: colour, value: blue}
  - at: 10s
    partition: {groups: [[ana, bob], [cy, dan]], for: 25s}
  - at: 28s
    set: {node: ana, key: seat, value: ana}
  - after: 1s
    set: {node: dan, key: seat, value: dan}
  - at: 45s
    expect: {node: cy, key: seat, value: dan}
  - at: 50s
    crash: {node: bob, for: 10s}
  - at: 55s
    pause: {node: dan, for: 4s}
quiet: 20s
"""

BIG = """
nodes: 30
join: random 3
workload:
  - sets_per_second: 4
    keys: 20
    from: 5s
    until: 25s
quiet: 5s
check: []
"""


def page_of(directory, name, plan, code, *options):
    """Runs the plan, and returns its page."""
    (directory / f"{name}.yaml").write_text(plan, encoding="utf-8")
    done = subprocess.run([PROGRAM, "run", f"{name}.yaml", "--html", f"{name}.html", *options], cwd=directory, timeout=DEADLINE,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return directory / f"{name}.html"


def contrast(one, other):
    """As WCAG 2.2 defines it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    def luminance(colour):
        channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="meshdict-page-")
        cls.addClassCleanup(scratch.cleanup)
        cls.directory = pathlib.Path(scratch.name)
        cls.page = page_of(cls.directory, "cut", PLAN, 1)
        cls.browser = Browser(find_browser())
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.resize(1400, 900)
        self.browser.prefer("light")
        self.browser.open(self.page)

    def tearDown(self):
        # It is this test that reads pixels.
        complaints = [text for text in self.browser.console if not text.startswith("Canvas2D: Multiple readback")]
        self.assertEqual(complaints, [], "the page complains")

    def shoot(self, name):
        if SHOTS:
            self.browser.screenshot(pathlib.Path(SHOTS, f"{name}.png"))

    def js(self, expression):
        return self.browser.evaluate(expression)

    def place(self, selector):
        """The middle of an element, once it has been scrolled to."""
        return self.js(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "center" }});
            const box = element.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2]; }})()""")

    def press_button(self, selector):
        self.browser.click(*self.place(selector))

    def tick(self, panel, text):
        """Clicks the box with this text in a panel of filters."""
        self.js(f"""(() => {{
            const label = [...document.querySelectorAll("#{panel} label")].find(
                (its) => its.querySelector("span").textContent === {json.dumps(text)});
            label.dataset.wanted = "1"; }})()""")
        self.press_button(f"#{panel} label[data-wanted] input")
        self.js("delete document.querySelector('[data-wanted]').dataset.wanted")

    def on_page(self, canvas, x, y):
        box = self.js(f"(() => {{ const b = document.getElementById('{canvas}').getBoundingClientRect(); return [b.left, b.top]; }})()")
        return box[0] + x, box[1] + y

    def pixel(self, canvas, x, y):
        data = self.js(f"[...document.getElementById('{canvas}').getContext('2d').getImageData({round(x)}, {round(y)}, 1, 1).data]")
        return "#" + "".join(f"{channel:02x}" for channel in data[:3])

    def visible(self):
        """(flights, events) that are shown in the present span."""
        return tuple(self.js("""(() => {
            const { view, eachFlight, eachEvent } = meshdict;
            let flights = 0, events = 0;
            eachFlight(view.from, view.until, () => { flights += 1; });
            eachEvent(view.from, view.until, () => { events += 1; });
            return [flights, events]; })()"""))

    def span(self):
        return self.js("[meshdict.view.from, meshdict.view.until]")

    def chosen(self):
        return self.js("document.getElementById('chosen').textContent")

    # What is there

    def test_it_loads_nothing_and_tells_the_run(self):
        self.assertEqual(self.browser.requests, [self.page.resolve().as_uri()])
        self.assertEqual(self.js("document.title"), "cut.yaml, seed 1")
        summary = self.js("document.getElementById('summary').textContent")
        self.assertRegex(summary, r"^FAIL 4 nodes, 80 s, \d+ events, trace [0-9a-f]{16}$")
        flights, events = self.visible()
        self.assertGreater(flights, 200)
        self.assertEqual(self.js("document.getElementById('status').textContent"),
                         f"0.0 s to 80.0 s, {flights + events} of {flights + events} messages and events.")
        self.shoot("whole")

    def test_partitions_and_down_times_are_shaded(self):
        colours = self.js("['group-1', 'group-2'].map((n) => "
                          "getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim())")
        # Between the lanes of the cut's sides, at a time without messages.
        for node, colour in ((0, colours[0]), (1, colours[0]), (2, colours[1]), (3, colours[1])):
            found = self.js(f"""(() => {{
                const {{ xOf, laneY, lanes }} = meshdict;
                const context = document.getElementById("mesh").getContext("2d");
                const y = Math.round(laneY({node}) + lanes.height * 0.44);
                const row = context.getImageData(Math.round(xOf(10e6)), y, Math.round(xOf(35e6) - xOf(10e6)), 1).data;
                const colours = [];
                for (let i = 0; i < row.length; i += 4) colours.push([row[i], row[i + 1], row[i + 2]].join());
                return colours; }})()""")
            wanted = ",".join(str(int(colour[i:i + 2], 16)) for i in (1, 3, 5))
            self.assertGreater(found.count(wanted) / len(found), 0.4, f"{node} in {colour}")
        # The crash is hatched, the time before it is not.
        stripes = """((from, until) => {
            const { xOf, laneY, lanes } = meshdict;
            const context = document.getElementById("mesh").getContext("2d");
            const left = Math.round(xOf(from)), width = Math.round(xOf(until) - xOf(from));
            const data = context.getImageData(left, Math.round(laneY(1)) + 9, width, 1).data;
            const seen = new Set();
            for (let i = 0; i < data.length; i += 4) seen.add([data[i], data[i + 1], data[i + 2]].join());
            return seen.size; })"""
        self.js("meshdict.kinds.forEach((kind) => { kind.shown = false; }); meshdict.show(44e6, 62e6)")
        self.browser.settle()
        self.assertGreater(self.js(f"{stripes}(53e6, 58e6)"), 3)
        self.assertEqual(self.js(f"{stripes}(46e6, 48.5e6)"), 1)
        # The pause is a bar below its lane.
        trouble = self.js("getComputedStyle(document.documentElement).getPropertyValue('--trouble').trim()")
        for time, wanted in ((58.9e6, True), (54.5e6, False), (59.5e6, False)):
            x, y = self.js(f"[meshdict.xOf({time}), meshdict.laneY(3) + 11]")
            self.assertEqual(self.pixel("mesh", x, y) == trouble, wanted, time)
        self.shoot("down")

    def test_leases_are_bars_by_owner(self):
        claims = self.js("meshdict.claims.map((c) => [meshdict.history.keys[c.key], c.owner, c.epoch])")
        self.assertIn(["colour", "ana", 1], claims)
        self.assertIn(["seat", "ana", 1], claims)
        self.assertIn(["seat", "dan", 1], claims)
        bars = {}
        for i, (key, owner, epoch) in enumerate(claims):
            x, y = self.js(f"[meshdict.xOf((meshdict.claims[{i}].from + meshdict.claims[{i}].until) / 2), meshdict.rows.place[{i}] + 15]")
            bars[key, owner, epoch] = self.pixel("leases", x, y)
            self.browser.click(*self.on_page("leases", x, y))
            self.assertIn(f"{key}, held by {owner}", self.chosen())
        self.assertNotEqual(bars["seat", "ana", 1], bars["seat", "dan", 1], "owners differ in colour")
        self.assertEqual(len({bars[bar] for bar in bars}), 2)

    def test_a_violation_is_marked(self):
        self.press_button("#violations button")
        self.assertIn("A broken promise", self.chosen())
        self.assertIn("'seat' should be dan, and is ana", self.chosen())
        x, y = self.js("[meshdict.xOf(45e6), meshdict.laneY(2)]")
        red = self.js("getComputedStyle(document.documentElement).getPropertyValue('--violated').trim()")
        self.assertEqual(self.pixel("mesh", x - 5, y), red)
        self.browser.click(*self.on_page("mesh", 300, 300))
        self.browser.press("v")
        self.assertIn("A broken promise", self.chosen())
        self.shoot("violation")

    # What a person does

    def is_drawn(self, kind, x, y):
        """Whether messages of the kind leave something at a place."""
        patch = f"[...document.getElementById('mesh').getContext('2d').getImageData({round(x) - 2}, {round(y) - 2}, 5, 5).data].join()"
        self.browser.settle()
        drawn = self.js(patch)
        self.js(f"{kind}.shown = false; meshdict.drawAll()")
        hidden = self.js(patch)
        self.js(f"{kind}.shown = true; meshdict.drawAll()")
        return drawn != hidden

    def test_a_click_tells_the_details(self):
        for kind in ("store", "records", "ping"):
            i = self.js(f"meshdict.flights.kind.findIndex((k, i) => meshdict.kinds[k].name === '{kind}' && meshdict.flights.arrived[i] >= 0)")
            self.js(f"meshdict.show(meshdict.flights.sent[{i}] - 2e4, meshdict.flights.arrived[{i}] + 2e4)")
            self.browser.settle()
            line = self.js(f"meshdict.flightLine({i})")
            # A third of the way: the ends are where the marks are.
            x, y = (line["x0"] + (line["x1"] - line["x0"]) * 0.3, line["y0"] + (line["y1"] - line["y0"]) * 0.3)
            self.assertTrue(self.is_drawn(f"meshdict.kinds[meshdict.flights.kind[{i}]]", x, y))
            self.browser.click(*self.on_page("mesh", x, y))
            self.assertEqual(self.js("meshdict.flights.kind[meshdict.view.selected.flight]"), self.js(f"meshdict.flights.kind[{i}]"))
            names = self.js("(() => { const { history, flights, view } = meshdict; const i = view.selected.flight; "
                            "return [flights.from[i], flights.to[i]].map((n) => history.nodes[n]); })()")
            self.assertIn(f"{kind} from {names[0]} to {names[1]}", self.chosen())
            self.assertRegex(self.chosen(), r"sent[0-9.]+ sarrived[0-9.]+ stook[0-9.]+ ms")
            self.shoot(f"click-{kind}")
        i = self.js("meshdict.events.findIndex((event) => event.text.startsWith('= leased'))")
        self.js(f"meshdict.show(meshdict.events[{i}].at - 1e5, meshdict.events[{i}].at + 1e5)")
        self.browser.settle()
        x, y = self.js(f"meshdict.markSpots(meshdict.events[{i}])[0]")
        self.browser.click(*self.on_page("mesh", x, y))
        self.assertIn("bob", self.chosen())
        self.browser.click(*self.on_page("mesh", x + 30, y - 60))
        self.assertIn("Nothing is selected", self.chosen())

    def test_the_pointer_tells_what_it_is_over(self):
        self.browser.mouse("mouseMoved", *self.on_page("mesh", *self.js("meshdict.markSpots(meshdict.events.find((e) => e.type === 'fault'))[0]")))
        self.browser.settle()
        self.assertIn("partition", self.js("document.getElementById('tip').textContent"))
        self.assertFalse(self.js("document.getElementById('tip').hidden"))

    def drawn(self):
        return self.js("document.getElementById('mesh').toDataURL()")

    def test_what_is_filtered_out_is_not_drawn(self):
        whole = self.drawn()
        for panel, text in (("kinds", "store"), ("kinds", "pong"), ("types", "what clients ask"), ("types", "events of nodes"),
                            ("types", "violations"), ("nodes", "cy"), ("keys", "seat")):
            with self.subTest(text):
                self.tick(panel, text)
                self.assertNotEqual(self.drawn(), whole)
                self.tick(panel, text)
                self.browser.mouse("mouseMoved", 5, 5)
                self.browser.settle()
                self.assertEqual(self.drawn(), whole)

    def test_filters_by_kind(self):
        before = self.visible()
        pings = self.js("meshdict.kinds.find((kind) => kind.name === 'ping').count")
        self.assertGreater(pings, 10)
        self.tick("kinds", "ping")
        self.assertEqual(self.visible(), (before[0] - pings, before[1]))
        self.tick("kinds", "heartbeat")
        self.tick("kinds", "heartbeat")
        pongs = self.js("meshdict.kinds.find((kind) => kind.name === 'pong').count")
        self.assertEqual(self.visible(), (before[0] - pings - pongs, before[1]), "the group's box is for all of it")
        self.press_button("#no-kinds")
        self.assertEqual(self.visible()[0], 0)
        self.press_button("#all-kinds")
        self.assertEqual(self.visible(), before)
        raised = self.js("meshdict.events.filter((event) => event.type === 'raised').length")
        self.tick("types", "events of nodes")
        self.assertEqual(self.visible(), (before[0], before[1] - raised))
        self.shoot("kinds")

    def test_filters_by_node(self):
        self.tick("nodes", "bob")
        self.assertEqual(self.js("meshdict.lanes.nodes"), [1])
        self.assertTrue(self.js("""(() => {
            const { flights, eachFlight } = meshdict;
            let right = true, count = 0;
            eachFlight(0, Infinity, (i) => { count += 1; right &&= flights.from[i] === 1 || flights.to[i] === 1; });
            return right && count > 50; })()"""))
        self.shoot("one-node")
        self.tick("nodes", "cy")
        self.assertEqual(self.js("meshdict.lanes.nodes"), [1, 2])
        self.press_button("#clear-nodes")
        self.assertEqual(self.js("meshdict.lanes.nodes"), [0, 1, 2, 3])

    def test_filters_by_key(self):
        before = self.visible()
        self.tick("keys", "seat")
        self.assertEqual(self.js("meshdict.rows.keys.map((row) => meshdict.history.keys[row.key])"), ["seat"])
        about = self.js("""(() => {
            const { history, flights, events, eachFlight, eachEvent } = meshdict;
            const seat = history.keys.indexOf("seat");
            let flightsRight = 0, wrong = 0;
            eachFlight(0, Infinity, (i) => { flights.keys[i].includes(seat) ? flightsRight += 1 : wrong += 1; });
            eachEvent(0, Infinity, (event) => {
                if (!["fault", "life", "violated"].includes(event.type) && !event.keys.includes(seat)) wrong += 1; });
            return [flightsRight, wrong, events.filter((e) => e.type === "outcome" && e.keys.includes(seat)).length]; })()""")
        self.assertGreater(about[0], 3)
        self.assertEqual(about[1:], [0, 2])
        self.assertLess(self.visible()[0], before[0] / 4)
        self.shoot("one-key")
        self.press_button("#clear-keys")
        self.assertEqual(self.visible(), before)

    def test_zooms_and_moves(self):
        whole = self.span()
        length = whole[1] - whole[0]
        x, y = self.on_page("mesh", self.js("meshdict.xOf(28e6)"), 200)
        self.browser.wheel(x, y, -120)
        near = self.span()
        self.assertLess(near[1] - near[0], length * 0.8)
        self.assertAlmostEqual(self.js("meshdict.xOf(28e6)") + self.on_page("mesh", 0, 0)[0], x, delta=1.5, msg="around the pointer")
        self.browser.drag(x, y, x + 100, y)
        moved = self.span()
        self.assertAlmostEqual(moved[1] - moved[0], near[1] - near[0], delta=2)
        self.assertLess(moved[0], near[0])
        self.browser.press("0")
        self.assertEqual(self.span(), whole)
        for longer, shorter in (("-", "+"), ("[data-do=zoom-out]", "[data-do=zoom-in]")):
            press = self.browser.press if len(shorter) == 1 else self.press_button
            press(shorter)
            closer = self.span()
            self.assertLess(closer[1] - closer[0], length * 0.7)
            press(longer)
            self.assertAlmostEqual(self.span()[1] - self.span()[0], length, delta=length * 0.03)
        self.press_button("[data-do=fit]")
        self.browser.press("+")
        before = self.span()
        self.browser.press("ArrowRight")
        self.assertGreater(self.span()[0], before[0])
        self.browser.press("ArrowLeft")
        self.assertAlmostEqual(self.span()[0], before[0], delta=2)
        for _ in range(60):
            self.browser.press("+")
        self.assertGreaterEqual(self.span()[1] - self.span()[0], 49, "some microseconds are left")
        y = self.on_page("overview", 0, 20)[1]
        box = self.on_page("overview", 0, 0)[0]
        left, right = self.js("[meshdict.overviewX(20e6), meshdict.overviewX(40e6)]")
        self.browser.drag(box + left, y, box + right, y)
        self.assertAlmostEqual(self.span()[0], 20e6, delta=2e5)
        self.assertAlmostEqual(self.span()[1], 40e6, delta=2e5)

    def test_steps_in_the_order_of_the_transcript(self):
        self.browser.press("0")
        lines = []
        for _ in range(12):
            self.browser.press("n")
            lines.append(int(re.search(r"transcriptline (\d+)", self.chosen())[1]))
        self.assertEqual(lines, sorted(set(lines)))
        self.assertEqual(lines[0], 4, "the first line after the head")
        self.browser.press("p")
        self.assertIn(f"transcriptline {lines[-2]}", self.chosen())
        self.browser.press("Escape")
        self.assertIn("Nothing is selected", self.chosen())

    def test_what_is_selected_far_away_comes_to_the_screen(self):
        self.js("meshdict.show(0, 1e6)")
        self.browser.press("v")
        before, after = self.span()
        self.assertTrue(before <= 45e6 <= after)

    # For everybody

    def test_colours_are_told_apart_in_both_themes(self):
        for theme in ("light", "dark"):
            self.browser.prefer(theme)
            self.browser.open(self.page)
            self.assertEqual(self.js("document.documentElement.dataset.theme"), theme)
            colours = self.js("""(() => {
                const computed = getComputedStyle(document.documentElement);
                const names = [...document.styleSheets[0].cssRules[0].style].filter((name) => name.startsWith("--"));
                return Object.fromEntries(names.map((name) => [name.slice(2), computed.getPropertyValue(name).trim()])); })()""")
            self.assertGreater(len(colours), 20)
            grounds = [colours[name] for name in ("panel", "page", "group-0", "group-1", "group-2", "group-3", "group-4")]
            for name in ("text", "faint", "accent", "operation", "conflict", "violated"):
                for ground in grounds[:2]:
                    self.assertGreaterEqual(contrast(colours[name], ground), 4.5, f"{name} on {ground}, {theme}")
            for name in [name for name in colours if name.startswith("kind-")]:
                for ground in grounds[:1]:
                    self.assertGreaterEqual(contrast(colours[name], ground), 3, f"{name} on {ground}, {theme}")
            self.shoot(f"theme-{theme}")
        self.browser.press("t")
        self.assertEqual(self.js("document.documentElement.dataset.theme"), "light")

    def test_everything_has_a_name_and_the_keyboard_reaches_it(self):
        nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
        named = {}
        for node in nodes:
            role = node.get("role", {}).get("value")
            if role in ("button", "checkbox", "searchbox", "textbox", "application"):
                name = node.get("name", {}).get("value", "")
                self.assertTrue(name, f"a {role} without a name")
                named.setdefault(role, []).append(name)
        self.assertGreater(len(named["checkbox"]), 15)
        self.assertEqual(len(named["application"]), 1)
        self.js("document.querySelector('[data-do=help]').focus()")
        self.browser.press("Tab", code="Tab", windowsVirtualKeyCode=9)
        self.assertTrue(self.js("document.activeElement.closest('#filters') !== null"))
        self.browser.press("?")
        self.assertFalse(self.js("document.getElementById('help').open"), "keys beside the diagram are the lists' own")
        self.js("document.getElementById('pictures').focus()")
        self.browser.press("?")
        self.assertTrue(self.js("document.getElementById('help').open"))
        self.shoot("help")

    def test_fits_a_narrow_window(self):
        self.browser.resize(700, 900)
        self.browser.settle()
        self.assertLessEqual(self.js("document.documentElement.scrollWidth"), 700)
        self.assertGreater(self.js("document.getElementById('mesh').clientHeight"), 100)
        self.shoot("narrow")

    def test_saves_what_is_shown(self):
        url = self.js("meshdict.picture().toDataURL('image/png')")
        self.assertTrue(url.startswith("data:image/png;base64,"))
        self.assertGreater(len(url), 20_000)

    # Many

    def test_ten_thousand_events(self):
        self.browser.open(page_of(self.directory, "big", BIG, 0))
        count = self.js("meshdict.flights.count + meshdict.events.length")
        self.assertGreater(count, 10_000)
        self.assertEqual(self.js("meshdict.history.leftOut"), 0)
        for name, act in (("whole", "meshdict.show(0, 1e12)"), ("a tenth", "meshdict.show(15e6, 18e6)")):
            self.js(act)
            self.browser.settle()
            took = self.js("(() => { const begin = performance.now(); for (let i = 0; i < 20; ++i) meshdict.drawAll(); "
                           "return (performance.now() - begin) / 20; })()")
            print(f"{count} messages and events, {name} on the screen: drawn in {took:.1f} ms")
            self.shoot(f"big-{name.replace(' ', '-')}")
        self.js("meshdict.select({ flight: meshdict.flights.kind.findIndex((k) => meshdict.kinds[k].name === 'store') })")
        self.browser.settle()
        self.assertRegex(self.chosen(), r"\d+ flights, all drawn")
        self.shoot("big-spread")
        y = self.js("meshdict.view.scroll")
        for _ in range(5):
            self.browser.press("ArrowDown")
        self.assertGreater(self.js("meshdict.view.scroll"), y)

    def test_what_is_left_out_is_told(self):
        self.browser.open(page_of(self.directory, "window", BIG, 0, "--window", "10s..12s"))
        self.assertRegex(self.js("document.getElementById('status').textContent"), r"\d+ more are not on this page: run with --window")
        before, after = self.span()
        self.assertTrue(9e6 < before < 10e6 and 12e6 < after < 13e6)
        self.js("meshdict.show(0, 1e12)")
        self.browser.settle()
        self.shoot("window")


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        sys.exit("set MESHDICT_SIM to the meshdict-sim to be tested")
    if find_browser() is None:
        print("skipped: no browser here; install chromium-headless-shell, or name one by MESHDICT_CHROMIUM")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
