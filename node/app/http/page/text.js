
"use strict";
// Numbers as people read them, and rows of tables. What comes from the mesh is data: it becomes text nodes and nothing else.

const seconds = (ms) => ms / 1000;

function duration(ms) {
  const s = seconds(ms);
  if (s < 1) return `${Math.max(0, Math.round(ms))} ms`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
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
  return `${sign}${view.offset_ms} ms ± ${view.error_ms}`;
}

function roundTrip(us) {
  if (us === null) return "-";
  return us < 1000 ? `${us} µs` : us < 100000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us / 1000)} ms`;
}

/** A value, or its beginning. */
function shown(value) {
  if (value.cut && value.text === "") return `(a list or map of ${bytes(value.bytes)})`;
  return value.cut ? `${value.text}… (${bytes(value.bytes)})` : value.text;
}

/** A key, or its beginning; `length` is in bytes. */
function shownKey(key, length) {
  return new TextEncoder().encode(key).length < length && length > 256 ? `${key}… (${bytes(length)})` : key;
}

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
