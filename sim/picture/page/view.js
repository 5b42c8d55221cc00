// Where a time is on the screen, and how one moves about.

const style = {};  // colours by name, as the theme has them

function readTheme() {
  const computed = getComputedStyle(document.documentElement);
  for (const name of ["page", "panel", "lane", "line", "text", "faint", "accent", "down", "violated", "operation", "trouble",
    "conflict", "mark", "group-0", "group-1", "group-2", "group-3", "group-4", ...GROUPS.map((g) => `kind-${g.name}`)]) {
    style[name] = computed.getPropertyValue(`--${name}`).trim();
  }
  style.dark = document.documentElement.dataset.theme === "dark";
}

/// A colour of its own for each owner of a key.
function ownerColour(node) {
  if (node < 0) return style.faint;
  const hue = (205 + node * 137.508) % 360;
  return `hsl(${hue} ${style.dark ? 58 : 62}% ${style.dark ? 62 : 42}%)`;
}

const SHORTEST_SPAN = 50;  // microseconds on the whole screen
const MARGIN = 12;         // beside the diagram, so that marks at its ends are whole

const view = {
  from: 0,
  until: END,
  gutter: 90,   // for names
  width: 800,   // of the canvases
  scroll: 0,    // of the lanes
  selected: null,  // { flight: i }, { event: i }, { claim: i }
  hovered: null,
};

const FONT = '12px system-ui, "DejaVu Sans", sans-serif';
const SMALL = '11px system-ui, "DejaVu Sans", sans-serif';

const plotLeft = () => view.gutter;
const plotRight = () => view.width - MARGIN;
const span = () => view.until - view.from;
const xOf = (time) => plotLeft() + ((time - view.from) / span()) * (plotRight() - plotLeft());
const timeAt = (x) => view.from + ((x - plotLeft()) / (plotRight() - plotLeft())) * span();

/// The span that is meant, within the run: kept as long as it is when it is moved against an end.
function show(from, until) {
  const length = Math.max(SHORTEST_SPAN, Math.min(until - from, END * 1.04));
  const middle = (from + until) / 2;
  const slack = Math.min(END * 0.02, length * 0.02);
  let start = middle - length / 2;
  start = Math.min(start, END + slack - length);
  start = Math.max(start, -slack);
  view.from = start;
  view.until = start + length;
  redraw();
}

/// The whole run or, of one that is too long for this page, what is here.
function fit() {
  const length = Math.max(history.wholeUntil - history.wholeFrom, 1);
  show(history.wholeFrom - length * 0.01, history.wholeUntil + length * 0.01);
}

function zoom(factor, around = (view.from + view.until) / 2) {
  const length = Math.max(SHORTEST_SPAN, Math.min(span() * factor, END * 1.04));
  const share = (around - view.from) / span();
  show(around - share * length, around + (1 - share) * length);
}

function pan(share) {
  show(view.from + share * span(), view.until + share * span());
}

function scrollBy(pixels) {
  view.scroll = Math.max(0, Math.min(view.scroll + pixels, laneOverflow()));
  redraw();
}

/// Brings a moment to the screen, and a node's lane.
function reveal(from, until, nodes) {
  if (from < view.from || until > view.until) {
    const length = Math.max(span(), (until - from) * 1.5);
    const middle = (from + until) / 2;
    show(middle - length / 2, middle + length / 2);
  }
  if (nodes.length > 0) scrollToLane(nodes[0]);
  redraw();
}

/// A canvas in device pixels, cleared; drawn on in CSS pixels.
function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const width = Math.round(box.width * ratio);
  const height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = style.panel;
  context.fillRect(0, 0, box.width, box.height);
  context.font = FONT;
  context.textBaseline = "middle";
  return { context, width: box.width, height: box.height };
}

/// Steps of 1, 2 or 5 times a power of ten, about so many pixels apart.
function tickStep(pixels) {
  const wanted = (span() / (plotRight() - plotLeft())) * pixels;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= wanted);
}

function eachTick(visit) {
  const step = tickStep(110);
  for (let tick = Math.ceil(Math.max(view.from, 0) / step) * step; tick <= Math.min(view.until, END); tick += step) {
    visit(tick, step);
  }
}

/// Text in the middle of `x`, but within the diagram.
function centred(context, text, x, y) {
  const half = context.measureText(text).width / 2;
  context.fillText(text, Math.max(plotLeft() + half, Math.min(x, view.width - half - 2)), y);
}

/// Text that fits, or its beginning.
function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(text.slice(0, middle) + "\u2026").width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? text.slice(0, low) + "\u2026" : "";
}

let awaitingFrame = false;

/// Draws once before the next frame is shown, however often it is asked for.
function redraw() {
  if (awaitingFrame) return;
  awaitingFrame = true;
  requestAnimationFrame(() => {
    awaitingFrame = false;
    drawAll();
  });
}
