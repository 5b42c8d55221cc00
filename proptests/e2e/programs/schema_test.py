"""scenarios/schema.json tells editors what meshdict-sim reads: every scenario and plans of the swarm are valid by it, and it
has the very keys that the program names when it meets one that it does not know.

The program is named by the environment variable MESHDICT_SIM, the scenarios by MESHDICT_SCENARIOS.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: no Python package {missing.name}", file=sys.stderr)
    sys.exit(77)

PROGRAM = os.environ.get("MESHDICT_SIM", "")
SCENARIOS = pathlib.Path(os.environ.get("MESHDICT_SCENARIOS", "."))
SCHEMA = json.loads((SCENARIOS / "schema.json").read_text())
DEADLINE = 60
UNKNOWN = "zzz"
# Of a step, what stands beside its verb.
NO_VERBS = {"at", "after", "when", "repeat", "may_idle"}


def mistakes(value):
    """What the schema says against it. Everything is text, as in YAML's base."""
    validator = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator.iter_errors(value)]


def read(text):
    return yaml.load(text, yaml.BaseLoader)


def definition(name):
    return SCHEMA["$defs"][name]


class SchemaTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def simulate(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=DEADLINE, check=False)

    def complaints(self, text):
        plan = self.directory / "plan.yaml"
        plan.write_text(text)
        done = self.simulate("run", str(plan))
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def keys_that_are_read(self, text):
        """The keys that the program would have expected in place of the unknown one in `text`."""
        said = self.complaints(text)
        listed = re.search(rf"'{UNKNOWN}' is no key of .*?(?:all are|expected) (.*)", said)
        self.assertIsNotNone(listed, said)
        return set(re.split(r", | or ", listed[1]))

    def test_its_keys_are_those_that_are_read(self):
        def step(verb):
            return f"nodes: 2\nsteps: [{{{verb}: {{{UNKNOWN}: 1}}}}]\n"
        steps = definition("step")["properties"]
        places = {
            f"{UNKNOWN}: 1\nnodes: 2\n": definition("plan"),
            f"nodes: 2\nsettings: {{{UNKNOWN}: 1}}\n": definition("settings"),
            f"nodes: [{{{UNKNOWN}: 1}}]\n": definition("node_entry")["oneOf"][1],
            f"nodes: 2\nnetwork: {{{UNKNOWN}: 1}}\n": definition("network"),
            f"nodes: 2\nnetwork: {{sites: {{rome: {{{UNKNOWN}: 1}}}}}}\n": definition("site"),
            f"nodes: 2\nnetwork: {{between: {{{UNKNOWN}: 1}}}}\n": definition("between"),
            f"nodes: 2\nworkload: {{{UNKNOWN}: 1}}\n": definition("workload"),
            f"nodes: 2\nnemesis: {{{UNKNOWN}: 1}}\n": definition("nemesis"),
            f"explore: {{{UNKNOWN}: 1}}\n": definition("links"),
            f"explore: {{writes: {{}}, {UNKNOWN}: 1}}\n": definition("claims"),
            **{step(verb): form for verb, form in steps.items() if verb not in NO_VERBS | {"mark"}},
            step("mark"): steps["mark"]["oneOf"][1],
            f"nodes: 2\nsteps: [{{heal: , when: {{{UNKNOWN}: 1}}}}]\n": steps["when"],
            f"nodes: 2\nsteps: [{{heal: , repeat: {{{UNKNOWN}: 1}}}}]\n": steps["repeat"],
        }
        for within in ("refused", "in_all", "info"):
            places[f"nodes: 2\nsteps: [{{expect: {{node: n1, {within}: {{{UNKNOWN}: 1}}}}}}]\n"] = (
                steps["expect"]["properties"][within])
        for text, form in places.items():
            with self.subTest(text=text):
                named = self.keys_that_are_read(text)
                # The program names the first of so many.
                if "..." in named:
                    self.assertLess(named - {"..."}, set(form["properties"]))
                    self.assertGreaterEqual(len(named), 20)
                else:
                    self.assertEqual(named, set(form["properties"]))

    def test_it_reads_all_that_an_expectation_has(self):
        # More than the program names.
        for key in definition("step")["properties"]["expect"]["properties"]:
            said = self.complaints(f"nodes: 2\nsteps: [{{expect: {{{UNKNOWN}: 1, {key}: x}}}}]\n")
            self.assertNotIn(f"'{key}' is no key", said)

    def test_its_verbs_are_those_that_are_read(self):
        # The program names the first of so many.
        named = self.keys_that_are_read(f"nodes: 2\nsteps: [{{{UNKNOWN}: 1}}]\n") - {"..."}
        self.assertGreater(len(named), 15)
        self.assertLessEqual(named, set(definition("step")["properties"]))
        # And knows all of the schema's.
        for verb in set(definition("step")["properties"]) - NO_VERBS:
            self.assertNotIn(f"'{verb}' is no key", self.complaints(f"nodes: 2\nsteps: [{{{verb}: {{{UNKNOWN}: 1}}}}]\n"))

    def test_its_properties_are_those_that_are_checked(self):
        said = self.complaints(f"nodes: 2\ncheck: [{UNKNOWN}]\n")
        named = re.search(r"is no property, expected (.*)", said)[1]
        self.assertEqual(set(re.split(r", | or ", named)), set(definition("plan")["properties"]["check"]["items"]["enum"]))

    def test_its_kinds_are_those_that_are_read(self):
        places = {
            f"nodes: 2\nnemesis: {{faults: [{UNKNOWN}], every: 1s, until: 5s}}\n": definition("fault_kind"),
            f"nodes: 2\nsteps: [{{tamper: {{from: n1, to: n2, how: flip, kind: {UNKNOWN}}}}}]\n": definition("message_kind"),
            f"nodes: 2\nsteps: [{{heal: , when: {{event: {UNKNOWN}}}}}]\n":
                definition("step")["properties"]["when"]["properties"]["event"],
        }
        for text, form in places.items():
            with self.subTest(text=text):
                # The program names the first of so many.
                named = set(re.split(r", | or ", re.search(r"is no .*?, expected (.*)", self.complaints(text))[1])) - {"..."}
                self.assertGreater(len(named), 10)
                self.assertLessEqual(named, set(form["enum"]))

    def test_every_scenario_is_valid(self):
        files = sorted(SCENARIOS.glob("*.yaml"))
        self.assertGreater(len(files), 30)
        for file in files:
            with self.subTest(file=file.name):
                self.assertEqual(mistakes(read(file.read_text())), [])

    def test_plans_of_the_swarm_are_valid(self):
        plan = self.directory / "swarm.yaml"
        for seed in range(1, 33):
            with self.subTest(seed=seed):
                self.assertEqual(self.simulate("replay", str(seed), "--plan", str(plan)).returncode, 0)
                self.assertEqual(mistakes(read(plan.read_text())), [])

    def test_mistakes_are_found(self):
        for text in ("nodes: [ana, bob]\nsteps: [{set: {node: ana, kee: k, value: v}}]\n",
                     "nodes: 2\nnetwork: {latency: 5}\n",
                     "nodes: 2\nsteps: [{at: 5s, after: 1s, heal: {}}]\n",
                     "nodes: 2\nsteps: [{at: 5s}]\n",
                     "nodes: 2\nsteps: [{clock: {node: n1}}]\n",
                     "steps: []\n"):
            with self.subTest(text=text):
                self.assertNotEqual(mistakes(read(text)), [])


if __name__ == "__main__":
    unittest.main()
