
"use strict";
// Numbers as people read them, and rows of tables. What comes from the mesh is data: it becomes text nodes and nothing else.

const seconds = (ms) => ms / 1000;

function duration(ms) {
  const s = Math.floor(seconds(ms));
  if (s < 1) return `${Math.max(0, Math.round(ms))} ms`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => s >= size);
  const [name, size] = units[at];
  const [minor, part] = units[at + 1] || ["", Infinity];
  const rest = Math.floor(s % size / part);
  return `${Math.floor(s / size)} ${name}` + (rest > 0 ? ` ${rest} ${minor}` : "");
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; ++unit; }
  return `${unit === 0 ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const brief = (id) => id ? id.slice(0, 8) : "-";

function clock(view) {
  if (view.offset_ms === null) return "-";
  const sign = view.offset_ms > 0 ? "+" : "";
  if (Math.abs(view.offset_ms) < 10000) return `${sign}${view.offset_ms} ms ± ${view.error_ms}`;
  return `${sign}${seconds(view.offset_ms).toFixed(1)} s ± ${seconds(view.error_ms).toFixed(1)}`;
}

function roundTrip(us) {
  if (us === null) return "-";
  return us < 1000 ? `${us} µs` : us < 100000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us / 1000)} ms`;
}

/** What cannot be seen, or turns the text around it, becomes visible. */
const visible = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
  (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

// Characters of a key or value in a row; what the node told of it is in the cell's title.
const SHOWN = 120;

/** A text of so many bytes, of which the node may have told the beginning only, as a cell. */
function beginning(text, length, isCut) {
  const seen = visible(text);
  const isShort = seen.length <= SHOWN && !isCut;
  return mono(isShort ? seen : `${seen.slice(0, SHOWN)}\u2026 (${bytes(length)})`, isShort ? "" : seen);
}

const valueCell = (value) => value.cut && value.text === "" ? mono(`(a list or map of ${bytes(value.bytes)})`)
  : beginning(value.text, value.bytes, value.cut);
const keyCell = (key, length) => beginning(key, length, length > 256);
const nodeCell = (id, note = "") => ({ text: (id ? id.slice(0, 8) : "-") + note, title: id, kind: "mono plain" });

/**
 * Makes a table's body show these rows, each a list of cells: a text, or {text, title, kind}. Rows and cells that there are stay, so
 * that neither a selection nor a place is lost.
 */
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] || body.insertRow();
    row.className = cells.kind || "";
    cells.forEach((cell, column) => {
      const { text, title = "", kind = "" } = typeof cell === "object" ? cell : { text: String(cell) };
      const there = row.cells[column] || row.insertCell();
      if (there.textContent !== text) there.textContent = text;
      if (there.title !== title) there.title = title;
      if (there.className !== kind) there.className = kind;
    });
  });
}

const number = (text, kind = "") => ({ text, kind: `number ${kind}`.trim() });
const mono = (text, title = "") => ({ text, title, kind: "mono" });
const plain = (text, title = "") => ({ text, title, kind: "plain" });
