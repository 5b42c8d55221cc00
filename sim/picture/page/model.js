// The run, and what of it is shown. Times are microseconds, nodes and keys positions in their tables.

const history = JSON.parse(document.getElementById("history").textContent);

const GROUPS = [
  { name: "writes", label: "writes", kinds: ["store", "stored-entry"] },
  { name: "compare", label: "comparing", kinds: ["records", "sync-question", "sync-answer", "floors"] },
  { name: "messages", label: "of applications", kinds: ["user-message"] },
  { name: "peers", label: "who is there", kinds: ["peers", "presence", "request", "response"] },
  { name: "links", label: "connections", kinds: ["handshake", "hello", "keep", "keep-ack", "bye", "renegotiate", "resend"] },
  { name: "pulse", label: "heartbeat", kinds: ["ping", "pong"] },
  { name: "odd", label: "not understood", kinds: [] },
];
const DASHES = {
  "sync-answer": [5, 3], floors: [1, 3], pong: [4, 3], hello: [5, 3], keep: [2, 3], "keep-ack": [1, 3], bye: [7, 3],
  "stored-entry": [5, 3], presence: [1, 3], request: [5, 3], response: [2, 3],
};
const THICK = new Set(["store", "stored-entry", "records", "user-message"]);

const TYPES = [
  { name: "operation", label: "what clients ask" },
  { name: "outcome", label: "what they get" },
  { name: "raised", label: "events of nodes" },
  { name: "record", label: "changes of keys" },
  { name: "connection", label: "connections" },
  { name: "life", label: "starts and ends" },
  { name: "fault", label: "faults" },
  { name: "expect", label: "expectations" },
  { name: "violated", label: "violations" },
];

/// By position of the kind: its group, how it is drawn, whether it is shown.
const kinds = history.kinds.map((name) => {
  const group = GROUPS.find((candidate) => candidate.kinds.includes(name)) || GROUPS[GROUPS.length - 1];
  return { name, group: group.name, dash: DASHES[name] || [], thick: THICK.has(name), shown: true, count: 0 };
});

const flights = history.flights;
flights.count = flights.number.length;
for (const kind of flights.kind) kinds[kind].count += 1;

const events = history.events.map(([type, at, nodes, keys, text, line]) => ({ type, at, nodes, keys, text, line }));
const violations = events.filter((event) => event.type === "violated");
const partitions = history.partitions.map(([from, until, group]) => ({ from, until, group }));
const downs = history.down.map(([node, from, until]) => ({ node, from, until }));
const claims = history.claims;
const troubles = history.troubles.map(([what, nodes, from, until]) => ({ what, nodes, from, until }));

const filter = {
  nodes: new Set(),  // none: all
  keys: new Set(),   // none: all
  types: new Set(TYPES.map((type) => type.name)),
};

const END = Math.max(history.end, 1);

/// When a flight is over, for drawing; one that was lost has no length.
function flightEnd(i) {
  return flights.arrived[i] >= 0 ? flights.arrived[i] : flights.sent[i];
}

// Flights that overlap a span lie between two positions: all before the first have ended when it begins.
const latestEnd = new Float64Array(flights.count);
for (let i = 0, latest = 0; i < flights.count; ++i) {
  latest = Math.max(latest, flightEnd(i));
  latestEnd[i] = latest;
}

/// The first position in 0..count for which `at` is no longer less than `value`; `at` does not fall.
function lowerBound(count, at, value) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const nodeShown = (node) => filter.nodes.size === 0 || filter.nodes.has(node);
const keyShown = (key) => filter.keys.size === 0 || filter.keys.has(key);

function flightShown(i) {
  if (!kinds[flights.kind[i]].shown) return false;
  if (filter.keys.size > 0 && !flights.keys[i].some(keyShown)) return false;
  return nodeShown(flights.from[i]) || nodeShown(flights.to[i]);
}

/// Violations and what befalls the mesh are shown whatever the keys are.
function eventShown(event) {
  if (!filter.types.has(event.type)) return false;
  if (event.nodes.length > 0 && !event.nodes.some(nodeShown)) return false;
  const always = event.type === "violated" || event.type === "fault" || event.type === "life";
  return always || filter.keys.size === 0 || event.keys.some(keyShown);
}

/// Calls `visit` with each shown flight that overlaps the span.
function eachFlight(from, until, visit) {
  for (let i = lowerBound(flights.count, (at) => latestEnd[at], from); i < flights.count; ++i) {
    if (flights.sent[i] > until) return;
    if (flightEnd(i) >= from && flightShown(i)) visit(i);
  }
}

function eachEvent(from, until, visit) {
  for (let i = lowerBound(events.length, (at) => events[at].at, from); i < events.length; ++i) {
    if (events[i].at > until) return;
    if (eventShown(events[i])) visit(events[i], i);
  }
}

/// "1:02.345678", as many digits as tell `step` apart.
function timeText(time, step = 1) {
  const digits = Math.max(0, Math.min(6, Math.ceil(6 - Math.log10(Math.max(step, 1)) - 1e-9)));
  const sign = time < 0 ? "\u2212" : "";
  return `${sign}${(Math.abs(time) / 1e6).toFixed(digits)} s`;
}

function lengthText(time) {
  if (time < 1e3) return `${time} \u00b5s`;
  if (time < 1e6) return `${+(time / 1e3).toPrecision(4)} ms`;
  return `${+(time / 1e6).toPrecision(4)} s`;
}
