// The whole run in a strip: how much happens when, faults, violations, and the span that is shown below.

const overviewCanvas = document.getElementById("overview");
const overviewX = (time) => plotLeft() + (time / END) * (plotRight() - plotLeft());
const overviewTime = (x) => ((x - plotLeft()) / (plotRight() - plotLeft())) * END;

/// Flights a pixel; counted again when the width or a filter changes.
const density = { counts: null, most: 1, key: "" };
let filterVersion = 0;

function countDensity() {
  const columns = Math.max(1, Math.floor(plotRight() - plotLeft()));
  const key = `${columns} ${filterVersion}`;
  if (density.key === key) return;
  density.key = key;
  density.counts = new Uint32Array(columns + 1);
  eachFlight(0, END, (i) => { density.counts[Math.floor((flights.sent[i] / END) * columns)] += 1; });
  density.most = density.counts.reduce((most, count) => Math.max(most, count), 1);
}

function drawOverview() {
  const { context, width, height } = prepare(overviewCanvas);
  countDensity();
  context.fillStyle = style.page;
  context.fillRect(0, 0, width, height);
  for (const partition of partitions) {
    context.fillStyle = style["group-2"];
    context.fillRect(overviewX(partition.from), 4, overviewX(partition.until) - overviewX(partition.from), height - 8);
  }
  context.fillStyle = style["kind-links"];
  density.counts.forEach((count, column) => {
    // The root lets single messages show beside bursts.
    const tall = count === 0 ? 0 : Math.max(1.5, Math.sqrt(count / density.most) * (height - 14));
    context.fillRect(plotLeft() + column, height - 5 - tall, 1, tall);
  });
  for (const event of events) {
    if (event.type !== "violated" && event.type !== "fault") continue;
    context.fillStyle = event.type === "violated" ? style.violated : style.conflict;
    context.fillRect(overviewX(event.at) - 1, 3, 2, event.type === "violated" ? height - 6 : 8);
  }
  const left = Math.max(overviewX(view.from), plotLeft() - 4);
  const right = Math.min(overviewX(view.until), plotRight() + 4);
  context.strokeStyle = style.accent;
  context.lineWidth = 1.5;
  context.strokeRect(left, 2, Math.max(right - left, 3), height - 4);
  context.globalAlpha = 0.1;
  context.fillStyle = style.accent;
  context.fillRect(left, 2, Math.max(right - left, 3), height - 4);
  context.globalAlpha = 1;
  context.font = SMALL;
  context.textAlign = "right";
  context.fillStyle = style.faint;
  context.fillText("whole run", view.gutter - 10, height / 2);
  context.textAlign = "left";
}
