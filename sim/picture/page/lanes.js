// One lane a node: where it is, its name, and what lies under the messages.

const AXIS = 22;    // height of the times
const STRIP = 40;   // of partitions, other faults and violations, below the times
const LANES_TOP = AXIS + STRIP;
const LEAST_LANE = 18;
const MOST_LANE = 110;

const lanes = {
  nodes: [],       // those that have a lane, from the top
  place: [],       // of each node, -1: none
  height: MOST_LANE,
  bottom: 0,       // of the canvas
};

function layLanes(height) {
  lanes.nodes = history.nodes.map((_, node) => node).filter(nodeShown);
  lanes.place = new Array(history.nodes.length).fill(-1);
  lanes.nodes.forEach((node, place) => { lanes.place[node] = place; });
  const room = Math.max(height - LANES_TOP - 4, LEAST_LANE);
  lanes.height = Math.max(LEAST_LANE, Math.min(MOST_LANE, room / Math.max(lanes.nodes.length, 1)));
  lanes.bottom = height;
  view.scroll = Math.max(0, Math.min(view.scroll, laneOverflow()));
}

const laneOverflow = () => Math.max(0, lanes.nodes.length * lanes.height - (lanes.bottom - LANES_TOP - 4));
const laneY = (node) => LANES_TOP + (lanes.place[node] + 0.5) * lanes.height - view.scroll;

function scrollToLane(node) {
  if (lanes.place[node] < 0) return;
  const y = laneY(node);
  if (y < LANES_TOP + lanes.height / 2) view.scroll -= LANES_TOP + lanes.height / 2 - y;
  if (y > lanes.bottom - lanes.height / 2) view.scroll += y - (lanes.bottom - lanes.height / 2);
  view.scroll = Math.max(0, Math.min(view.scroll, laneOverflow()));
}

/// The nodes whose lanes are on the screen.
function visibleLanes() {
  const first = Math.max(0, Math.floor(view.scroll / lanes.height));
  const last = Math.ceil((view.scroll + lanes.bottom - LANES_TOP) / lanes.height);
  return lanes.nodes.slice(first, last + 1);
}

function drawAxis(context, height) {
  context.font = SMALL;
  context.fillStyle = style.faint;
  context.strokeStyle = style.line;
  context.lineWidth = 1;
  context.textAlign = "center";
  context.beginPath();
  eachTick((tick, step) => {
    const x = Math.round(xOf(tick)) + 0.5;
    context.moveTo(x, AXIS);
    context.lineTo(x, height);
    centred(context, timeText(tick, step), x, AXIS / 2);
  });
  context.stroke();
  context.textAlign = "left";
}

let hatch = null;

/// Stripes for the time that a node is down.
function hatchPattern(context) {
  if (hatch && hatch.colour === style.down) return hatch.pattern;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const brush = tile.getContext("2d");
  brush.strokeStyle = style.down;
  brush.lineWidth = 1.6;
  brush.beginPath();
  for (const shift of [-8, 0, 8]) {
    brush.moveTo(shift, 8);
    brush.lineTo(shift + 8, 0);
  }
  brush.stroke();
  hatch = { colour: style.down, pattern: context.createPattern(tile, "repeat") };
  return hatch.pattern;
}

function drawPartitions(context, shown) {
  for (const partition of partitions) {
    if (partition.until < view.from || partition.from > view.until) continue;
    const left = Math.max(xOf(partition.from), plotLeft());
    const right = Math.min(xOf(partition.until), plotRight());
    for (const node of shown) {
      context.fillStyle = style[`group-${partition.group[node] % 5}`];
      context.fillRect(left, laneY(node) - lanes.height / 2, Math.max(right - left, 1), lanes.height + 0.5);
    }
  }
}

/// Over the times of which this page knows nothing.
function drawVeil(context, top, height) {
  context.fillStyle = style.page;
  for (const [from, until] of [[view.from, history.wholeFrom], [history.wholeUntil, view.until]]) {
    const left = Math.max(xOf(from), plotLeft());
    const width = Math.min(xOf(until), plotRight()) - left;
    if (history.leftOut === 0 || width < 2) continue;
    context.fillRect(left, top, width, height);
    if (width < 120) continue;
    context.fillStyle = style.faint;
    context.fillText("not on this page", left + 10, top + height / 2);
    context.fillStyle = style.page;
  }
}

/// How far the lanes or rows are scrolled, at the right edge.
function drawScrollbar(context, top, height, scroll, overflow) {
  if (overflow <= 0) return;
  const share = height / (height + overflow);
  context.fillStyle = style.lane;
  context.fillRect(view.width - 7, top + scroll * share, 5, height * share);
}

function drawDownTimes(context, shown) {
  const visible = new Set(shown);
  context.font = SMALL;
  for (const down of downs) {
    if (!visible.has(down.node) || down.until < view.from || down.from > view.until) continue;
    const left = Math.max(xOf(down.from), plotLeft());
    const width = Math.max(Math.min(xOf(down.until), plotRight()) - left, 1);
    const height = Math.min(lanes.height * 0.6, 26);
    const y = laneY(down.node);
    context.fillStyle = style.panel;
    context.fillRect(left, y - height / 2, width, height);
    context.fillStyle = hatchPattern(context);
    context.fillRect(left, y - height / 2, width, height);
    if (width < 48 || height < 14) continue;
    context.fillStyle = style.panel;
    context.fillRect(left + 4, y - 7, 36, 14);
    context.fillStyle = style.text;
    context.fillText("down", left + 7, y);
  }
}

/// Faults of a node that last: thin bars below its lane, those of one time under each other.
function drawTroubles(context) {
  const ends = new Map();  // of each node, by row
  context.font = SMALL;
  for (const trouble of troubles) {
    for (const node of trouble.nodes) {
      if (lanes.place[node] < 0) continue;
      if (!ends.has(node)) ends.set(node, []);
      const its = ends.get(node);
      let row = its.findIndex((end) => end <= trouble.from);
      if (row < 0) row = its.length;
      its[row] = trouble.until;
      const left = Math.max(xOf(trouble.from), plotLeft());
      const width = Math.min(Math.max(xOf(trouble.until), xOf(trouble.from) + 2), plotRight()) - left;
      const tall = lanes.height >= 44 ? 13 : 4;
      const y = laneY(node) + 8 + row * (tall + 2);
      if (width <= 0 || y + tall > laneY(node) + lanes.height / 2) continue;
      context.fillStyle = style.trouble;
      context.fillRect(left, y, width, tall);
      context.fillStyle = style.text;
      if (tall > 10) context.fillText(clipped(context, trouble.what, width - 4), left + 3, y + 7);
    }
  }
}

function drawLanes(context, shown) {
  context.strokeStyle = style.lane;
  context.lineWidth = 1.2;
  context.beginPath();
  for (const node of shown) {
    const y = laneY(node);
    context.moveTo(plotLeft(), y);
    context.lineTo(plotRight(), y);
  }
  context.stroke();
}

/// Over everything that has slid under it.
function drawNames(context, height, shown) {
  context.fillStyle = style.panel;
  context.fillRect(0, 0, view.gutter - 2, height);
  context.font = FONT;
  context.textAlign = "right";
  for (const node of shown) {
    context.fillStyle = filter.nodes.has(node) ? style.accent : style.text;
    context.fillText(clipped(context, history.nodes[node], view.gutter - 20), view.gutter - 10, laneY(node));
  }
  context.textAlign = "left";
}
