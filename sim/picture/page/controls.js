// Mouse, keyboard and filters.

const pictures = document.getElementById("pictures");
const tip = document.getElementById("tip");

// Finding things

function distanceToLine(x, y, line) {
  const dx = line.x1 - line.x0;
  const dy = line.y1 - line.y0;
  const t = Math.max(0, Math.min(1, ((x - line.x0) * dx + (y - line.y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - line.x0 - t * dx, y - line.y0 - t * dy);
}

/// The mark or, when there is none, the message nearest to a place on the mesh.
function itemAt(x, y) {
  let best = null;
  let nearest = 10;
  const reach = (12 / (plotRight() - plotLeft())) * span();
  eachEvent(timeAt(x) - reach, timeAt(x) + reach, (event, i) => {
    for (const [markX, markY] of markSpots(event)) {
      // What is drawn last lies on top; a violation, on all.
      const distance = Math.hypot(markX - x, markY - y) - (event.type === "violated" ? 4 : 0);
      if (distance <= nearest) {
        nearest = distance;
        best = { event: i };
      }
    }
  });
  if (best || y < LANES_TOP - 4) return best;
  nearest = 7;
  eachFlight(timeAt(x) - reach, timeAt(x) + reach, (i) => {
    const distance = distanceToLine(x, y, flightLine(i));
    if (distance < nearest) {
      nearest = distance;
      best = { flight: i };
    }
  });
  return best;
}

function claimAt(x, y) {
  const time = timeAt(x);
  const slack = (4 / (plotRight() - plotLeft())) * span();
  const place = rows.place.findIndex((top, i) => top !== null && top - rows.scroll <= y && y < top - rows.scroll + ROW &&
    claims[i].from - slack <= time && time <= claims[i].until + slack);
  return place < 0 ? null : { claim: place };
}

function nodeAt(y) {
  return lanes.nodes.find((node) => Math.abs(laneY(node) - y) <= lanes.height / 2);
}

// Selecting

function select(it, bring = true) {
  view.selected = it;
  showDetails();
  if (it && bring) {
    if (it.flight !== undefined) {
      reveal(flights.sent[it.flight], flightEnd(it.flight), [flights.from[it.flight]]);
    } else if (it.event !== undefined) {
      reveal(events[it.event].at, events[it.event].at, events[it.event].nodes);
    }
  }
  redraw();
}

/// In the order of the transcript, by the line that each stands in.
function selectedLine(forward) {
  const it = view.selected;
  if (it && it.flight !== undefined) return flights.line[it.flight];
  if (it && it.event !== undefined) return events[it.event].line;
  const time = forward ? view.from : view.until;
  const i = Math.min(lowerBound(events.length, (at) => events[at].at, time), events.length - 1);
  return i < 0 ? 0 : events[i].line + (forward ? -1 : 1);
}

function stepTo(forward) {
  const line = selectedLine(forward);
  let best = null;
  const consider = (its, it) => {
    const ahead = forward ? its > line : its < line;
    if (ahead && (!best || (forward ? its < best.line : its > best.line))) best = { line: its, it };
  };
  for (let i = 0; i < flights.count; ++i) if (flightShown(i)) consider(flights.line[i], { flight: i });
  events.forEach((event, i) => { if (eventShown(event)) consider(event.line, { event: i }); });
  if (best) select(best.it);
}

function nextViolation() {
  if (violations.length === 0) return;
  const now = view.selected && view.selected.event !== undefined ? violations.indexOf(events[view.selected.event]) : -1;
  select({ event: events.indexOf(violations[(now + 1) % violations.length]) });
}

// Buttons and keys

const ACTIONS = {
  "zoom-in": () => zoom(0.6),
  "zoom-out": () => zoom(1 / 0.6),
  fit,
  earlier: () => pan(-0.3),
  later: () => pan(0.3),
  up: () => scrollBy(-60),
  down: () => scrollBy(60),
  next: () => stepTo(true),
  previous: () => stepTo(false),
  violation: nextViolation,
  nothing: () => select(null),
  theme: toggleTheme,
  save: savePicture,
  help: () => document.getElementById("help").showModal(),
};

const KEYS = {
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "fit", ArrowLeft: "earlier", ArrowRight: "later", ArrowUp: "up",
  ArrowDown: "down", n: "next", p: "previous", v: "violation", Escape: "nothing", t: "theme", s: "save", "?": "help",
};

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Beside the diagram, keys are for fields and lists.
    if (event.target.closest("aside, dialog")) return;
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    ACTIONS[action]();
  });
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => ACTIONS[button.dataset.do]());
  }
}

// Mouse

function placeOf(event) {
  const box = event.target.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function hover(event, it) {
  const before = view.hovered;
  view.hovered = it;
  tip.hidden = !it;
  if (it) {
    const box = pictures.getBoundingClientRect();
    tip.textContent = shortText(it);
    const x = event.clientX - box.left;
    tip.style.left = `${Math.max(0, Math.min(x + 14, box.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(0, Math.min(event.clientY - box.top + 16, box.height - tip.offsetHeight - 4))}px`;
  }
  if (JSON.stringify(before) !== JSON.stringify(it)) redraw();
}

function listenToPointer(canvas, find, scroll) {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY, from: view.from, until: view.until, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = placeOf(event);
    if (!drag) return hover(event, x < plotLeft() - 8 ? null : find(x, y));
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 4) return;
    drag.moved = true;
    canvas.classList.add("moving");
    hover(event, null);
    const shift = ((event.clientX - drag.x) / (plotRight() - plotLeft())) * span();
    show(drag.from - shift, drag.until - shift);
    scroll(-event.movementY);
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = placeOf(event);
    if (drag && !drag.moved) select(find(x, y), false);
    drag = null;
    canvas.classList.remove("moving");
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", (event) => hover(event, null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x] = placeOf(event);
    if (event.shiftKey) return scroll(event.deltaY);
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return pan(event.deltaX / (plotRight() - plotLeft()));
    zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 300), timeAt(Math.max(x, plotLeft())));
  }, { passive: false });
}

function listenToOverview() {
  let begun = null;
  const move = (event) => {
    const time = overviewTime(placeOf(event)[0]);
    if (Math.abs(event.clientX - begun.x) < 4) show(time - span() / 2, time + span() / 2);
    else show(Math.min(begun.time, time), Math.max(begun.time, time));
  };
  overviewCanvas.addEventListener("pointerdown", (event) => {
    begun = { x: event.clientX, time: overviewTime(placeOf(event)[0]) };
    overviewCanvas.setPointerCapture(event.pointerId);
    move(event);
  });
  overviewCanvas.addEventListener("pointermove", (event) => { if (begun) move(event); });
  overviewCanvas.addEventListener("pointerup", () => { begun = null; });
}

// Filters

let updateKinds = () => {};

function filterChanged() {
  filterVersion += 1;
  updateKinds();
  view.hovered = null;
  arrange();
}

function checkbox(text, checked, changed, picture, count) {
  const input = element("input", { type: "checkbox", checked });
  input.addEventListener("change", () => {
    changed(input.checked);
    filterChanged();
  });
  const label = element("label", {}, input);
  if (picture) label.append(picture);
  label.append(element("span", { textContent: text }));
  if (count !== undefined) label.append(element("span", { className: "count", textContent: count }));
  return label;
}

function svg(width, content) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", `0 0 ${width} 12`);
  made.setAttribute("aria-hidden", "true");
  made.innerHTML = content;
  return made;
}

function arrowPicture(kind) {
  const colour = `var(--kind-${kind.group})`;
  return svg(26, `<path d="M1 6H20" fill="none" stroke="${colour}" stroke-width="${kind.thick ? 2.4 : 1.5}"
    stroke-dasharray="${kind.dash.join(" ")}"/><path d="M25 6l-7-3.5v7z" fill="${colour}"/>`);
}

const MARK_PICTURES = {
  operation: '<circle cx="7" cy="6" r="4.5" fill="var(--operation)"/>',
  outcome: '<circle cx="7" cy="6" r="4.5" fill="none" stroke="var(--conflict)" stroke-width="1.5"/>',
  raised: '<path d="M7 2l4 4-4 4-4-4z" fill="var(--mark)"/>',
  record: '<path d="M5.5 3h3v6h-3z" fill="var(--mark)"/>',
  connection: '<path d="M6 3.5h2v5h-2z" fill="var(--mark)"/>',
  life: '<path d="M5.5 0h3v12h-3z" fill="var(--mark)"/>',
  fault: '<path d="M7 1l5 5-5 5-5-5z" fill="var(--conflict)"/>',
  expect: '<path d="M7 2l4 4-4 4-4-4z" fill="var(--mark)"/>',
  violated: '<circle cx="7" cy="6" r="5.5" fill="var(--violated)"/><path d="M6.2 2.5h1.6v4.4h-1.6zM6.2 8h1.6v1.6h-1.6z" fill="var(--panel)"/>',
};

/// Kinds under their groups; a group's box stands for all of its kinds. Returns what makes the boxes say what is shown.
function listKinds() {
  const updates = [];
  const setBox = (label, update) => updates.push(() => update(label.querySelector("input")));
  for (const group of GROUPS) {
    const its = kinds.filter((kind) => kind.group === group.name).sort((a, b) => b.count - a.count);
    if (its.length === 0) continue;
    const count = its.reduce((sum, kind) => sum + kind.count, 0);
    const setAll = (shown) => { for (const kind of its) kind.shown = shown; };
    const head = checkbox(group.label, true, setAll, arrowPicture({ group: group.name, dash: [] }), count);
    setBox(head, (box) => {
      box.checked = its.every((kind) => kind.shown);
      box.indeterminate = !box.checked && its.some((kind) => kind.shown);
    });
    const list = element("div", { className: "kinds" });
    for (const kind of its) {
      const label = checkbox(kind.name, true, (shown) => { kind.shown = shown; }, arrowPicture(kind), kind.count);
      setBox(label, (box) => { box.checked = kind.shown; });
      list.append(label);
    }
    document.getElementById("kinds").append(head, list);
  }
  return () => updates.forEach((update) => update());
}

function listTypes() {
  const panel = document.getElementById("types");
  for (const type of TYPES) {
    const count = events.filter((event) => event.type === type.name).length;
    if (count === 0) continue;
    const change = (shown) => (shown ? filter.types.add(type.name) : filter.types.delete(type.name));
    panel.append(checkbox(type.label, true, change, svg(14, MARK_PICTURES[type.name]), count));
  }
}

const MOST_LISTED = 200;

/// A list to tick, with a field that narrows it.
function listNames(names, chosen, panel, field, clear) {
  const fill = () => {
    const wanted = field.value.trim().toLowerCase();
    const found = names.map((name, i) => [name, i]).filter(([name, i]) => chosen.has(i) || name.toLowerCase().includes(wanted));
    panel.replaceChildren(...found.slice(0, MOST_LISTED).map(([name, i]) =>
      checkbox(name, chosen.has(i), (on) => (on ? chosen.add(i) : chosen.delete(i)))));
    if (found.length > MOST_LISTED) panel.append(element("p", { textContent: `and ${found.length - MOST_LISTED} more` }));
  };
  field.addEventListener("input", fill);
  clear.addEventListener("click", () => {
    chosen.clear();
    field.value = "";
    fill();
    filterChanged();
  });
  field.hidden = names.length < 12;
  fill();
}

function listFilters() {
  const get = (id) => document.getElementById(id);
  updateKinds = listKinds();
  listTypes();
  const setAll = (shown) => () => {
    for (const kind of kinds) kind.shown = shown;
    filterChanged();
  };
  get("all-kinds").addEventListener("click", setAll(true));
  get("no-kinds").addEventListener("click", setAll(false));
  listNames(history.nodes, filter.nodes, get("nodes"), get("find-node"), get("clear-nodes"));
  listNames(history.keys, filter.keys, get("keys"), get("find-key"), get("clear-keys"));
}
