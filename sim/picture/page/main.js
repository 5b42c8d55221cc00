// Puts the page together.

function toggleTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  readTheme();
  redraw();
}

/// The three pictures under each other, as they are shown.
function picture() {
  const shown = [overviewCanvas, meshCanvas, leaseCanvas].filter((canvas) => canvas.offsetHeight > 0);
  const whole = document.createElement("canvas");
  whole.width = Math.max(...shown.map((canvas) => canvas.width));
  whole.height = shown.reduce((sum, canvas) => sum + canvas.height, 0);
  const context = whole.getContext("2d");
  let y = 0;
  for (const canvas of shown) {
    context.drawImage(canvas, 0, y);
    y += canvas.height;
  }
  return whole;
}

function savePicture() {
  const name = (history.plan.split("/").pop() || "run").replace(/\.ya?ml$/, "");
  element("a", { href: picture().toDataURL("image/png"), download: `${name}-${history.seed}.png` }).click();
}

function measureGutter() {
  const context = meshCanvas.getContext("2d");
  context.font = FONT;
  const names = [...history.nodes.slice(0, 1000), ...history.keys.slice(0, 1000), "whole run"];
  const widest = names.reduce((most, name) => Math.max(most, context.measureText(name).width), 0);
  view.gutter = Math.min(170, Math.ceil(widest) + 22);
}

/// After the window or a filter has changed.
function arrange() {
  layRows();
  const height = leasesHeight(pictures.clientHeight);
  leaseCanvas.style.display = height > 0 ? "block" : "none";
  leaseCanvas.style.height = `${height}px`;
  view.width = pictures.clientWidth;
  redraw();
}

function drawAll() {
  drawMesh();
  drawLeases();
  drawOverview();
  showStatus();
}

function showHead() {
  const name = history.plan.split("/").pop();
  document.getElementById("plan").textContent = `${name}, seed ${history.seed}`;
  document.title = `${name}, seed ${history.seed}`;
  const ending = /^([0-9.]+) events (\d+) trace (\w+)/.exec(history.ending);
  const verdict = !ending ? element("b", { className: "fail", textContent: "CUT OFF" })
    : history.violations > 0 ? element("b", { className: "fail", textContent: "FAIL" })
      : element("b", { className: "pass", textContent: "PASS" });
  const summary = document.getElementById("summary");
  summary.append(verdict, ` ${history.nodes.length} nodes`);
  if (ending) summary.append(`, ${+ending[1]} s, ${ending[2]} events, trace ${ending[3]}`);
  document.getElementById("violation").disabled = violations.length === 0;
}

document.documentElement.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
readTheme();
showHead();
measureGutter();
listFilters();
showDetails();
showViolations();
listenToKeys();
listenToPointer(meshCanvas, itemAt, scrollBy);
listenToPointer(leaseCanvas, claimAt, (pixels) => {
  rows.scroll += pixels;
  redraw();
});
listenToOverview();
new ResizeObserver(arrange).observe(pictures);
arrange();
fit();

// For tests, and for whoever wants to look further from the browser's console.
window.meshdict = { history, kinds, flights, events, claims, filter, view, lanes, rows, flightLine, laneY, xOf, markSpots,
  overviewX, show, select, eachFlight, eachEvent, picture, drawAll };
