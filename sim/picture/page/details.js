// What is selected, in words, and the list of violations.

const chosenPanel = document.getElementById("chosen");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function definitions(pairs) {
  const list = element("dl");
  for (const [term, text] of pairs) {
    if (text === undefined || text === "") continue;
    list.append(element("dt", { textContent: term }), element("dd", { textContent: text }));
  }
  return list;
}

const nodeNames = (nodes) => nodes.map((node) => history.nodes[node] ?? "?").join(" ");
const keyNames = (keys) => keys.map((key) => history.keys[key]).join(" ");

function flightDetails(i) {
  const kind = kinds[flights.kind[i]];
  const arrived = flights.arrived[i];
  let copies = 0;
  for (let other = 0; other < flights.count; ++other) if (isSelectedMessage(other)) copies += 1;
  const title = `${kind.name} from ${history.nodes[flights.from[i]]} to ${history.nodes[flights.to[i]] ?? "?"}`;
  return [
    element("h2", { textContent: title }),
    definitions([
      ["sent", timeText(flights.sent[i])],
      ["arrived", arrived >= 0 ? timeText(arrived) : "never: lost, or on its way at the end"],
      ["took", arrived >= 0 ? lengthText(arrived - flights.sent[i]) : ""],
      ["keys", keyNames(flights.keys[i])],
      ["size", `${flights.size[i]} bytes, uncompressed`],
      ["message", `${flights.id[i]}${copies > 1 ? `: ${copies} flights, all drawn` : ""}`],
      ["frame", `#${flights.number[i]} on connection ${flights.conn[i]}`],
      ["transcript", `line ${flights.line[i]}${arrived >= 0 ? ` and ${flights.arrivalLine[i]}` : ""}`],
    ]),
  ];
}

const TITLES = {
  operation: "A client asks", outcome: "A client gets", raised: "A node tells", record: "A key changes here",
  connection: "A connection", life: "A process", fault: "A fault", expect: "An expectation", violated: "A broken promise",
};

function eventDetails(event) {
  return [
    element("h2", { textContent: TITLES[event.type] }),
    element("p", { className: "text", textContent: event.text }),
    definitions([
      ["at", timeText(event.at)],
      [event.nodes.length === 1 ? "node" : "nodes", event.nodes.length > 0 ? nodeNames(event.nodes) : "the whole mesh"],
      ["keys", keyNames(event.keys)],
      ["transcript", `line ${event.line}`],
    ]),
  ];
}

function claimDetails(claim) {
  const values = [];
  for (let v = 0; v < claim.values.length; v += 2) {
    values.push([timeText(claim.values[v]), claim.values[v + 1] === "" ? '""' : claim.values[v + 1]]);
  }
  let most = 0;
  for (let s = 1; s < claim.shown.length; s += 2) most = Math.max(most, claim.shown[s]);
  return [
    element("h2", { textContent: `${history.keys[claim.key]}, held by ${claim.owner}` }),
    definitions([
      ["from", timeText(claim.from)],
      ["until", claim.until >= END ? "the end of the run" : timeText(claim.until)],
      ["epoch", String(claim.epoch)],
      ["shown by", `${most} of ${history.nodes.length} nodes at most`],
      ["lease", claim.trusted >= 0 ? `${claim.owner} trusts it until ${timeText(claim.trusted, 1e3)}` : ""],
      ["", claim.held >= 0 ? `others wait until ${timeText(claim.held, 1e3)}` : ""],
    ]),
    element("p", { textContent: "Values" }),
    definitions(values.slice(-40)),
  ];
}

/// The same in one line, for the pointer.
function shortText(it) {
  if (it.flight !== undefined) {
    const i = it.flight;
    const keys = flights.keys[i].length > 0 ? ` ${keyNames(flights.keys[i])}` : "";
    const took = flights.arrived[i] >= 0 ? lengthText(flights.arrived[i] - flights.sent[i]) : "never arrived";
    return `${kinds[flights.kind[i]].name}${keys}: ${nodeNames([flights.from[i]])} \u2192 ${nodeNames([flights.to[i]])}, ${took}`;
  }
  if (it.event !== undefined) return events[it.event].text;
  const claim = claims[it.claim];
  return `${history.keys[claim.key]}: ${claim.owner}, epoch ${claim.epoch}`;
}

function showDetails() {
  const it = view.selected;
  if (!it) {
    chosenPanel.replaceChildren(element("h2", { textContent: "Nothing is selected" }),
      element("p", { textContent: "Click an arrow, a mark or a bar, or press N." }));
  } else if (it.flight !== undefined) {
    chosenPanel.replaceChildren(...flightDetails(it.flight));
  } else if (it.event !== undefined) {
    chosenPanel.replaceChildren(...eventDetails(events[it.event]));
  } else {
    chosenPanel.replaceChildren(...claimDetails(claims[it.claim]));
  }
}

function showViolations() {
  const panel = document.getElementById("violations");
  if (violations.length === 0) return;
  panel.append(element("h2", { textContent: `Violations: ${history.violations}` }));
  for (const event of violations.slice(0, 100)) {
    const [, property, rest] = /^violated ([^,]*), (.*)$/.exec(event.text) || ["", "", event.text];
    const button = element("button", { type: "button" }, element("b", { textContent: property }),
      ` ${timeText(event.at, 1e4)} `, rest);
    button.addEventListener("click", () => select({ event: events.indexOf(event) }));
    panel.append(button);
  }
}

function showStatus() {
  let shown = 0;
  eachFlight(view.from, view.until, () => { shown += 1; });
  eachEvent(view.from, view.until, () => { shown += 1; });
  const all = flights.count + events.length;
  const omitted = history.leftOut > 0 ? ` ${history.leftOut} more are not on this page: run with --window.` : "";
  const step = Math.max(1, span() / 100);
  document.getElementById("status").textContent =
    `${timeText(Math.max(view.from, 0), step)} to ${timeText(Math.min(view.until, END), step)}, ` +
    `${shown} of ${all} messages and events.${omitted}`;
}
