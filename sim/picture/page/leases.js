// One row a claim: who holds a key, from when to when, and how many nodes show it.

const leaseCanvas = document.getElementById("leases");
const ROW = 20;
const KEY_GAP = 6;
const MOST_SHARE = 0.34;  // of the height, for the leases

const rows = { keys: [], place: [], height: 0, scroll: 0 };

/// Claims of a key that are shown at the same time get a row each.
function layRows() {
  rows.keys = [];
  rows.place = new Array(claims.length).fill(null);
  let y = KEY_GAP;
  const byKey = new Map();
  claims.forEach((claim, i) => {
    if (!keyShown(claim.key)) return;
    if (!byKey.has(claim.key)) byKey.set(claim.key, []);
    byKey.get(claim.key).push(i);
  });
  for (const [key, its] of [...byKey].sort((a, b) => a[0] - b[0])) {
    const ends = [];
    for (const i of its) {
      let row = ends.findIndex((end) => end <= claims[i].from);
      if (row < 0) row = ends.length;
      ends[row] = claims[i].until;
      rows.place[i] = y + row * ROW;
    }
    rows.keys.push({ key, y, height: ends.length * ROW });
    y += ends.length * ROW + KEY_GAP;
  }
  rows.height = y;
}

function leasesHeight(room) {
  if (rows.keys.length === 0) return 0;
  return Math.min(rows.height + 2, Math.max(ROW * 3, room * MOST_SHARE));
}

/// The lease is over, and the claim is still there: nobody has taken the key.
const lapse = (claim) => (claim.trusted >= 0 ? Math.min(claim.trusted, claim.until) : claim.until);

function drawClaim(context, i, y) {
  const claim = claims[i];
  const left = Math.max(xOf(claim.from), plotLeft());
  const right = Math.min(Math.max(xOf(claim.until), xOf(claim.from) + 2), plotRight());
  if (right < plotLeft() || left > plotRight()) return;
  const colour = ownerColour(claim.node);
  const height = ROW - 4;
  context.fillStyle = colour;
  context.globalAlpha = 0.16;
  context.fillRect(left, y, right - left, height);
  context.globalAlpha = 0.5;
  // As high as the share of nodes that show it.
  for (let s = 0; s < claim.shown.length; s += 2) {
    const end = s + 2 < claim.shown.length ? claim.shown[s + 2] : claim.until;
    const a = Math.max(xOf(claim.shown[s]), plotLeft());
    const b = Math.min(xOf(end), plotRight());
    const share = Math.min(1, claim.shown[s + 1] / history.nodes.length) * height;
    if (b > a && xOf(claim.shown[s]) <= plotRight()) context.fillRect(a, y + height - share, b - a + 0.3, share);
  }
  context.globalAlpha = 1;
  const lapsed = Math.max(left, Math.min(xOf(lapse(claim)), right));
  if (lapsed < right) {
    context.fillStyle = style.panel;
    context.globalAlpha = 0.55;
    context.fillRect(lapsed, y, right - lapsed, height);
    context.globalAlpha = 1;
    context.fillStyle = colour;
    context.fillRect(lapsed - 1, y, 2, height);
  }
  const chosen = [view.selected, view.hovered].some((it) => it && it.claim === i);
  context.strokeStyle = chosen ? style.accent : colour;
  context.lineWidth = chosen ? 2.5 : 1;
  context.strokeRect(left + 0.5, y + 0.5, right - left - 1, height - 1);
  drawClaimTexts(context, claim, y + height / 2, left, right);
}

/// Its owner, and what it writes when.
function drawClaimTexts(context, claim, y, left, right) {
  context.fillStyle = style.text;
  let edge = left;
  for (let v = 0; v < claim.values.length; v += 2) {
    const x = Math.max(xOf(claim.values[v]), plotLeft());
    const next = v + 2 < claim.values.length ? Math.min(xOf(claim.values[v + 2]), right) : right;
    if (next < plotLeft() || x > plotRight() || next - x < 24) continue;
    if (v > 0 && x > plotLeft()) context.fillRect(x, y - 6, 1, 12);
    const text = v === 0 || edge === left ? `${claim.owner}: ${claim.values[v + 1]}` : claim.values[v + 1];
    context.fillText(clipped(context, text, next - x - 8), x + 4, y);
    edge = x;
  }
}

function drawLeases() {
  if (rows.keys.length === 0) return;
  const { context, width, height } = prepare(leaseCanvas);
  rows.scroll = Math.max(0, Math.min(rows.scroll, rows.height - height));
  context.font = SMALL;
  context.strokeStyle = style.line;
  context.beginPath();
  eachTick((tick) => {
    const x = Math.round(xOf(tick)) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
  });
  context.stroke();
  rows.place.forEach((place, i) => {
    if (place === null) return;
    const y = place - rows.scroll;
    if (y + ROW >= 0 && y <= height) drawClaim(context, i, y);
  });
  for (const event of violations) {
    if (event.at < view.from || event.at > view.until || !filter.types.has("violated")) continue;
    context.fillStyle = style.violated;
    context.fillRect(xOf(event.at) - 0.75, 0, 1.5, height);
  }
  context.fillStyle = style.panel;
  context.fillRect(0, 0, view.gutter - 2, height);
  context.fillRect(plotRight(), 0, width, height);
  drawScrollbar(context, 0, height, rows.scroll, rows.height - height);
  context.font = FONT;
  context.textAlign = "right";
  for (const { key, y, height: tall } of rows.keys) {
    context.fillStyle = filter.keys.has(key) ? style.accent : style.text;
    const middle = y - rows.scroll + Math.min(tall, ROW) / 2 - 2;
    context.fillText(clipped(context, history.keys[key], view.gutter - 20), view.gutter - 10, middle);
  }
  context.textAlign = "left";
}
