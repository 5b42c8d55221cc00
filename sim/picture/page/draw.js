// Messages and marks on the lanes, and the strip of faults above them.

const meshCanvas = document.getElementById("mesh");
const FEW = 1500;  // flights up to which each has its arrowhead and dashes

const isSelectedMessage = (i) =>
  view.selected && view.selected.flight !== undefined && flights.id[i] === flights.id[view.selected.flight];

/// Both ends of a flight on the screen; an end without a lane is a stub that points to where it would be.
function flightLine(i) {
  const from = flights.from[i];
  const to = flights.to[i];
  const lost = flights.arrived[i] < 0;
  const x0 = xOf(flights.sent[i]);
  let x1 = xOf(flightEnd(i));
  const fromShown = lanes.place[from] >= 0;
  const toShown = lanes.place[to] >= 0;
  const down = to > from ? 1 : -1;
  const y0 = fromShown ? laneY(from) : laneY(to) - down * Math.min(lanes.height * 0.4, 20);
  let y1 = toShown ? laneY(to) : laneY(from) + down * Math.min(lanes.height * 0.4, 20);
  if (lost) {
    x1 = x0 + 10;
    y1 = y0 + (toShown && fromShown ? Math.sign(laneY(to) - laneY(from)) : down) * Math.min(lanes.height * 0.35, 16);
  }
  return { x0: Math.max(-1e5, x0), y0, x1: Math.min(1e5, x1), y1, lost };
}

function onScreen(line) {
  return Math.max(line.y0, line.y1) >= LANES_TOP && Math.min(line.y0, line.y1) <= lanes.bottom;
}

/// The lines of the visible flights by kind.
function collectLines() {
  const byKind = kinds.map(() => []);
  let count = 0;
  eachFlight(view.from, view.until, (i) => {
    count += 1;
    const line = flightLine(i);
    if (onScreen(line)) byKind[flights.kind[i]].push(line);
  });
  return { byKind, count };
}

/// Among many flights most are upright and lie on each other: what they cover together is drawn, a column at a time.
/// Returns the others.
function drawUpright(context, lines) {
  const columns = new Map();
  const others = [];
  for (const line of lines) {
    const x = Math.round(line.x0);
    if (Math.abs(line.x1 - line.x0) > 1.5) others.push(line);
    else if (columns.has(x)) columns.get(x).push(line);
    else columns.set(x, [line]);
  }
  for (const [x, its] of columns) {
    const spans = its.map((line) => [Math.min(line.y0, line.y1), Math.max(line.y0, line.y1)]).sort((a, b) => a[0] - b[0]);
    let [top, bottom] = spans[0];
    for (const [from, until] of spans) {
      if (from > bottom) {
        context.fillRect(x, top, 1, bottom - top);
        [top, bottom] = [from, until];
      }
      bottom = Math.max(bottom, until);
    }
    context.fillRect(x, top, 1, bottom - top);
  }
  return others;
}

function arrowhead(context, line) {
  const length = Math.hypot(line.x1 - line.x0, line.y1 - line.y0);
  if (length < 8) return;
  const ux = (line.x1 - line.x0) / length;
  const uy = (line.y1 - line.y0) / length;
  context.moveTo(line.x1, line.y1);
  context.lineTo(line.x1 - 8 * ux - 3 * uy, line.y1 - 8 * uy + 3 * ux);
  context.lineTo(line.x1 - 8 * ux + 3 * uy, line.y1 - 8 * uy - 3 * ux);
  context.closePath();
}

function cross(context, x, y) {
  context.moveTo(x - 3, y - 3);
  context.lineTo(x + 3, y + 3);
  context.moveTo(x - 3, y + 3);
  context.lineTo(x + 3, y - 3);
}

function drawFlights(context) {
  const { byKind, count } = collectLines();
  const detailed = count <= FEW;
  const chosen = view.selected && view.selected.flight !== undefined;
  // What beats all the time lies under what is rare.
  const order = kinds.map((_, kind) => kind).sort((a, b) => kinds[b].count - kinds[a].count);
  for (const kind of order) {
    const { group, dash, thick } = kinds[kind];
    context.globalAlpha = chosen ? 0.3 : detailed ? 0.95 : Math.max(0.4, 0.9 - count / 30000);
    context.strokeStyle = context.fillStyle = style[`kind-${group}`];
    context.lineWidth = thick ? 1.8 : 1.1;
    context.setLineDash(detailed ? dash : []);
    const lines = detailed ? byKind[kind] : drawUpright(context, byKind[kind]);
    context.beginPath();
    for (const line of lines) {
      context.moveTo(line.x0, line.y0);
      context.lineTo(line.x1, line.y1);
    }
    context.stroke();
    context.setLineDash([]);
    if (!detailed) continue;
    context.beginPath();
    for (const line of lines) if (!line.lost) arrowhead(context, line);
    context.fill();
    context.beginPath();
    for (const line of lines) if (line.lost) cross(context, line.x1, line.y1);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/// All flights of the message that is selected: how it spread.
function drawSelectedMessage(context) {
  if (!view.selected || view.selected.flight === undefined) return;
  for (let i = 0; i < flights.count; ++i) {
    if (!isSelectedMessage(i) || !(nodeShown(flights.from[i]) || nodeShown(flights.to[i]))) continue;
    const line = flightLine(i);
    const itself = i === view.selected.flight;
    context.strokeStyle = context.fillStyle = style[`kind-${kinds[flights.kind[i]].group}`];
    context.lineWidth = itself ? 3.5 : 2;
    context.beginPath();
    context.moveTo(line.x0, line.y0);
    context.lineTo(line.x1, line.y1);
    context.stroke();
    context.beginPath();
    if (line.lost) cross(context, line.x1, line.y1);
    else arrowhead(context, line);
    context.fill();
    context.stroke();
  }
}

// Marks

/// How far above (negative) or below its lane each type is drawn, and its size.
const MARKS = {
  operation: { size: 4.5 }, outcome: { size: 4 }, raised: { size: 3.5 }, record: { size: 3 },
  connection: { size: 2.5 }, life: { size: 6 }, expect: { size: 3.5 }, fault: { size: 5 }, violated: { size: 7 },
};

function markColour(event) {
  if (event.type === "violated") return style.violated;
  if (event.type === "fault") return style.conflict;
  if (event.type === "operation") return style.operation;
  if (/^! (conflict|refused|peer down)|^= (?!ok)/.test(event.text)) return style.conflict;
  return style.mark;
}

function drawMark(context, event, x, y, larger = 0) {
  const size = MARKS[event.type].size + larger;
  context.fillStyle = context.strokeStyle = markColour(event);
  context.lineWidth = 1.5;
  context.beginPath();
  if (event.type === "operation") {
    context.arc(x, y, size, 0, 7);
    context.fill();
  } else if (event.type === "outcome") {
    context.arc(x, y, size + 2.5, 0, 7);
    if (event.text !== "= ok") context.stroke();
  } else if (event.type === "life") {
    context.fillRect(x - 1.5, y - size - 3, 3, 2 * size + 6);
  } else if (event.type === "record" || event.type === "connection") {
    context.fillRect(x - size / 2, y - size, size, 2 * size);
  } else if (event.type === "violated") {
    context.arc(x, y, size, 0, 7);
    context.fill();
    context.fillStyle = style.panel;
    context.fillRect(x - 1, y - 4, 2, 5);
    context.fillRect(x - 1, y + 2, 2, 2);
  } else {
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.fill();
  }
}

const inStrip = (event) => event.nodes.length === 0 || event.type === "expect";
const STRIP_MARK = AXIS + 30;

/// Where an event's marks are: on the lanes of its nodes, or in the strip.
function markSpots(event) {
  const x = xOf(event.at);
  if (inStrip(event)) return [[x, STRIP_MARK]];
  return event.nodes.filter((node) => lanes.place[node] >= 0).map((node) => [x, laneY(node)]);
}

function drawEvents(context) {
  const taken = new Set();
  eachEvent(view.from, view.until, (event) => {
    if (event.type === "violated") {
      context.fillStyle = style.violated;
      context.fillRect(xOf(event.at) - 0.75, AXIS, 1.5, lanes.bottom);
      drawMark(context, event, xOf(event.at), STRIP_MARK);
    }
    for (const [x, y] of markSpots(event)) {
      const spot = `${Math.round(x)} ${Math.round(y)} ${event.type}`;
      if (y < AXIS || y > lanes.bottom || taken.has(spot)) continue;
      taken.add(spot);
      drawMark(context, event, x, y);
    }
  });
}

/// What operations and faults are, where there is room: never over one another.
function drawCaptions(context) {
  context.font = SMALL;
  const ends = new Map();
  eachEvent(view.from, view.until, (event) => {
    if (event.type !== "operation" && event.type !== "fault") return;
    const text = caption(event);
    for (const [x, y] of markSpots(event)) {
      const above = y === STRIP_MARK ? y : y - Math.min(lanes.height * 0.34, 15);
      const left = y === STRIP_MARK ? x + 9 : x + 3;
      const width = context.measureText(text).width;
      if (lanes.height < 30 && y !== STRIP_MARK) continue;
      if (left < (ends.get(y) || -Infinity) + 8 || left + width > plotRight()) continue;
      ends.set(y, left + width);
      context.fillStyle = style.panel;
      context.globalAlpha = 0.8;
      context.fillRect(left - 2, above - 7, width + 4, 14);
      context.globalAlpha = 1;
      context.fillStyle = event.type === "fault" ? style.conflict : style.operation;
      context.fillText(text, left, above);
    }
  });
}

/// "set colour = red": a step in few words.
function caption(event) {
  const [verb] = event.text.split(" ", 1);
  const value = /[{ ]value: ("(?:[^"\\]|\\.)*"|[^,}]+)/.exec(event.text);
  const key = event.keys.length > 0 ? ` ${history.keys[event.keys[0]]}` : "";
  if (verb === "set") return `set${key} = ${value ? value[1].replace(/^"|"$/g, "") : ""}`;
  return verb + key;
}

function groupsText(partition) {
  const groups = [...new Set(partition.group)].sort((a, b) => a - b);
  return groups.map((group) => partition.group
    .flatMap((its, node) => (its === group ? [history.nodes[node]] : [])).join(" ")).join("  |  ");
}

function drawStrip(context) {
  context.font = SMALL;
  for (const partition of partitions) {
    const left = Math.max(xOf(partition.from), plotLeft());
    const width = Math.min(xOf(partition.until), plotRight()) - left;
    if (width <= 0) continue;
    context.fillStyle = style.faint;
    context.fillRect(left, AXIS + 3, width, 15);
    context.fillStyle = style.panel;
    context.fillText(clipped(context, `partition: ${groupsText(partition)}`, width - 8), left + 4, AXIS + 11);
  }
}

function drawSelectedEvent(context) {
  for (const chosen of [view.hovered, view.selected]) {
    if (!chosen || chosen.event === undefined) continue;
    const event = events[chosen.event];
    for (const [x, y] of markSpots(event)) {
      context.strokeStyle = style.accent;
      context.lineWidth = 2.5;
      context.beginPath();
      context.arc(x, y, MARKS[event.type].size + 5, 0, 7);
      context.stroke();
      drawMark(context, event, x, y, 1);
    }
  }
}

function drawMesh() {
  const { context, width, height } = prepare(meshCanvas);
  layLanes(height);
  const shown = visibleLanes();
  context.save();
  context.beginPath();
  context.rect(plotLeft() - 8, LANES_TOP - 2, width, height);
  context.clip();
  drawPartitions(context, shown);
  context.restore();
  drawAxis(context, height);
  context.save();
  context.beginPath();
  context.rect(plotLeft() - 8, AXIS, plotRight() - plotLeft() + 16, height);
  context.clip();
  context.save();
  context.beginPath();
  context.rect(plotLeft() - 8, LANES_TOP - 4, width, height);
  context.clip();
  drawVeil(context, LANES_TOP, height - LANES_TOP);
  drawLanes(context, shown);
  drawTroubles(context);
  drawDownTimes(context, shown);
  drawFlights(context);
  drawSelectedMessage(context);
  context.restore();
  drawEvents(context);
  drawCaptions(context);
  drawSelectedEvent(context);
  drawStrip(context);
  context.restore();
  drawNames(context, height, shown);
  drawScrollbar(context, LANES_TOP, height - LANES_TOP, view.scroll, laneOverflow());
  context.fillStyle = style.panel;
  context.fillRect(0, 0, view.gutter - 2, LANES_TOP - 6);
}
