
// Asks the node every two seconds and shows what it says. Nothing is asked while nobody looks at the page.
const meshdict = (() => {
  const PERIOD = 2000;
  const PATIENCE = 8000;
  const MOST_CONFLICTS = 200;
  const element = (id) => document.getElementById(id);

  let before = null;     // the last /status and when it came, for rates
  let conflicts = [];    // newest first
  let lastConflict = 0;
  let cursors = [""];    // of the pages of keys, from the first to the one that is shown
  let next = null;
  let rounds = 0;

  async function ask(path) {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).trim()}`);
    return answer.json();
  }

  function card(list, name, value, title = "") {
    const box = document.createElement("div");
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    box.title = title;
    box.append(term, text);
    list.append(box);
  }

  function rate(status, figure) {
    if (!before) return "-";
    const past = seconds(Date.now() - before.at);
    return `${bytes(Math.max(0, status.figures[figure] - before.status.figures[figure]) / past)}/s`;
  }

  function showCards(status) {
    const list = document.createDocumentFragment();
    const figures = status.figures;
    card(list, "Keys", status.keys.toLocaleString("en"));
    card(list, "Neighbours", String(figures.neighbours), `${figures.known_addresses} addresses are known`);
    card(list, "Conflicts", figures.conflicts.toLocaleString("en"));
    card(list, "Our clock", clock(status.clock), "against the median neighbour's");
    card(list, "Received", rate(status, "bytes_received"), bytes(figures.bytes_received));
    card(list, "Sent", rate(status, "bytes_sent"), bytes(figures.bytes_sent));
    card(list, "Redis clients", `${figures.connected_clients} of ${figures.maxclients.toLocaleString("en")}`);
    card(list, "Memory", bytes(figures.used_memory_rss), "resident");
    if (status.disk) {
      card(list, "Database", bytes(status.disk.database_bytes));
      card(list, "Its log", bytes(status.disk.log_bytes));
      if (status.disk.free_bytes !== null) card(list, "Disk free", bytes(status.disk.free_bytes));
    }
    element("cards").replaceChildren(list);
  }

  function showAlerts(status) {
    const bad = status.degraded.map((one) => `${one.state}: ${one.meaning}`);
    element("alerts").replaceChildren(...status.not_ready_because.map((reason) => {
      const line = document.createElement("li");
      line.textContent = reason;
      if (bad.includes(reason)) line.className = "bad";
      return line;
    }));
    const badge = element("badge");
    badge.dataset.state = bad.length ? "degraded" : status.ready ? "ready" : "unready";
    badge.textContent = bad.length ? "degraded" : status.ready ? "ready" : "not ready";
  }

  function memberRow(peer) {
    const off = peer.clock.state === "ahead" || peer.clock.state === "behind";
    const link = `${peer.direction}${peer.speaks === "py2p" ? ", py2p" : ""}${peer.connections > 1 ? ` ×${peer.connections}` : ""}`;
    return [nodeCell(peer.id), plain(peer.address), plain(link), number(duration(peer.connected_ms)),
      number(roundTrip(peer.round_trip_us)), number(clock(peer.clock), off ? "bad" : ""),
      number(bytes(peer.queued_bytes)), number(String(peer.messages_left_out), peer.messages_left_out ? "warn" : "")];
  }

  function showMembers(status) {
    const node = status.node;
    const own = [nodeCell(node.id, " (this one)"), plain(node.address), ...Array(6).fill("")];
    fill(element("member-rows"), [own, ...status.neighbours.map(memberRow)]);
    element("members-note").textContent = `this node and ${plural(status.figures.neighbours, "neighbour", "neighbours")}` +
      (status.neighbours_cut ? `, of which ${status.neighbours.length} are shown` : "");
    fill(element("departed-rows"), status.departed.map((peer) =>
      [nodeCell(peer.id), plain(peer.address), peer.reason, number(`${duration(peer.ago_ms)} ago`)]));
    element("departed").hidden = status.departed.length === 0;
  }

  function show(status) {
    const node = status.node;
    if (before && node.uptime_seconds < before.status.node.uptime_seconds) startAnew();
    document.title = `${brief(node.id)} - meshdict-node`;
    element("title").textContent = `${brief(node.id)} at ${node.address}`;
    element("about").textContent = `meshdict-node ${node.version}, network ${node.network || "(no name)"}, ` +
      `${node.leasing ? `leases of ${duration(node.lease_seconds * 1000)}` : "no leases"}, Redis at ${node.redis_address}, ` +
      `up for ${duration(node.uptime_seconds * 1000)}`;
    showAlerts(status);
    showCards(status);
    showMembers(status);
    before = { status, at: Date.now() };
  }

  /** The node was started again: its numbers begin anew. */
  function startAnew() {
    conflicts = [];
    lastConflict = 0;
    before = null;
    cursors = [""];
  }

  function showConflicts(answer) {
    const first = lastConflict === 0;
    lastConflict = answer.last;
    conflicts = answer.conflicts.map((one) => ({ ...one, round: first ? -9 : rounds })).reverse().concat(conflicts)
      .slice(0, MOST_CONFLICTS);
    fill(element("conflict-rows"), conflicts.map((one) => {
      const cells = [plain(new Date(one.unix_ms).toLocaleTimeString(), new Date(one.unix_ms).toISOString()),
        keyCell(one.key, one.key_bytes), valueCell(one.losing), nodeCell(one.winner),
        plain(`${one.decided_by} (epoch ${one.winning_epoch} against ${one.losing_epoch})`)];
      cells.kind = rounds - one.round < 4 ? "new" : "";
      return cells;
    }));
    element("conflicts-list").hidden = conflicts.length === 0;
    element("conflicts-note").textContent = answer.total === 0 ? "none since the node's start"
      : `${answer.total.toLocaleString("en")} since the node's start` +
        (conflicts.length < answer.total ? `, of which the last ${conflicts.length} are shown` : "");
  }

  function lease(one) {
    const view = one.lease;
    if (!view || !before || !before.status.node.leasing) return [plain("-"), number("-")];
    if (!view.held) return [plain("free"), number("-")];
    const state = view.ours ? `ours, ${view.state}` : view.state === "lost" ? "ours was lost" : "held";
    return [{ text: state, kind: view.state === "lost" ? "plain bad" : view.state === "settled" || !view.ours ? "plain" : "plain warn" },
      number(duration(view.left_ms))];
  }

  function showKeys(answer) {
    next = answer.cursor;
    fill(element("key-rows"), answer.keys.map((one) => [keyCell(one.key, one.key_bytes),
      valueCell(one.value), nodeCell(one.lease ? one.lease.owner : ""),
      ...lease(one), number(one.lease ? String(one.lease.epoch) : "-")]));
    const page = cursors.length;
    element("keys-note").textContent = `${answer.of.toLocaleString("en")} in all; page ${page}` + (answer.more ? "" : ", the last");
    element("previous").disabled = page === 1;
    element("first").disabled = page === 1;
    element("next").disabled = !answer.more;
  }

  async function askKeys() {
    const prefix = element("prefix").value;
    const cursor = cursors.at(-1);
    const asked = `/keys?prefix=${encodeURIComponent(prefix)}&cursor=${cursor}`;
    const answer = await ask(asked);
    // Of another page, if the person has gone on meanwhile.
    if (element("prefix").value === prefix && cursors.at(-1) === cursor) showKeys(answer);
  }

  async function round() {
    ++rounds;
    show(await ask("/status"));
    showConflicts(await ask(`/conflicts?after=${lastConflict}`));
    await askKeys();
  }

  function told(error) {
    document.body.classList.toggle("stale", error !== null);
    if (error === null) return;
    const line = document.createElement("li");
    line.className = "bad";
    line.textContent = `The node does not answer (${error.message}). What is shown is from before.`;
    element("alerts").replaceChildren(line);
    element("badge").dataset.state = "lost";
    element("badge").textContent = "no answer";
  }

  async function go(change) {
    change();
    try {
      await askKeys();
      told(null);
    } catch (error) {
      told(error);
    }
  }

  element("search").addEventListener("submit", (event) => event.preventDefault());
  element("prefix").addEventListener("input", () => go(() => { cursors = [""]; }));
  element("first").addEventListener("click", () => go(() => { cursors = [""]; }));
  element("previous").addEventListener("click", () => go(() => { if (cursors.length > 1) cursors.pop(); }));
  element("next").addEventListener("click", () => go(() => { if (next !== null) cursors.push(next); }));

  async function run() {
    for (;;) {
      if (!document.hidden) {
        try {
          await round();
          told(null);
        } catch (error) {
          // A cursor that the node has forgotten: from the beginning.
          if (error.message.startsWith("/keys")) cursors = [""];
          told(error);
        }
      }
      await new Promise((done) => setTimeout(done, PERIOD));
    }
  }
  run();
  return { rounds: () => rounds };
})();
