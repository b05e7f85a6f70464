"use strict";
// Asks the server what it knows and shows it. All text from outside goes through textContent.
const palette = ["#3b82c4", "#d9782d", "#38a169", "#9b62b8", "#c94a57", "#9c8640", "#35a3ae", "#7d8b9a"];
const words = { handed_in: "handed in", tuning: "tuning", asked: "asked", late: "late", missing: "missing", refused: "refused", resting: "resting" };
const order = Object.keys(words);
const letters = { h: "handed_in", t: "tuning", a: "asked", l: "late", m: "missing", r: "refused", ".": "resting" };
const element = id => document.getElementById(id);
const known = v => v !== null && v !== undefined;
const perplexity = loss => known(loss) ? Math.exp(loss) : null;
let last = null, tag = null, offset = 0, ended = false;

// How figures are written.
const figure = v => known(v) ? (v !== 0 && (v >= 1e5 || v < 1e-3) ? v.toExponential(2) : v >= 100 ? v.toFixed(1) : v >= 10 ? v.toFixed(2) : v.toFixed(3)) : "–";
function bytes(v) {
  if (!v) return "0";
  const i = Math.min(4, Math.floor(Math.log2(v) / 10));
  return (i ? (v / 1024 ** i).toPrecision(v / 1024 ** i >= 1000 ? 4 : 3) : v) + ["\u00a0B", "\u00a0KiB", "\u00a0MiB", "\u00a0GiB", "\u00a0TiB"][i];
}
function seconds(v) {
  if (!known(v)) return "–";
  if (v < 1) return Math.round(v * 1000) + "\u00a0ms";
  if (v < 60) return v.toFixed(v < 10 ? 1 : 0) + "\u00a0s";
  if (v < 3600) return Math.floor(v / 60) + ":" + String(Math.floor(v % 60)).padStart(2, "0") + "\u00a0min";
  return v < 172800 ? (v / 3600).toFixed(1) + "\u00a0h" : (v / 86400).toFixed(1) + "\u00a0d";
}
const clock = t => new Date(t * 1000).toLocaleTimeString([], { hour12: false });
const day = t => new Date(t * 1000).toLocaleDateString();
const ago = t => known(t) ? (s => s < 3 ? "now" : seconds(s) + " ago")(Math.max(0, Date.now() / 1000 + offset - t)) : "never";
const count = n => n.toLocaleString("en");
function put(node, text) { if (node.textContent !== text) node.textContent = text; }
function make(tagName, text, className) {
  const e = document.createElement(tagName);
  if (known(text)) e.textContent = text;
  if (className) e.className = className;
  return e;
}
const ink = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

// Head and tiles.
function stand(d) {
  const r = d.rounds.at(-1);
  if (d.done >= d.planned) return "All " + d.planned + " rounds are done.";
  if (!r || r.over) return d.done + " of " + d.planned + " rounds are done; the next opens when a client calls.";
  return "Round " + r.round + " of " + d.planned + " is open since " + clock(r.opened) + ": " + r.handed_in + " of " + r.asked + " handed in.";
}
function tiles(d) {
  const done = d.rounds.filter(r => r.over), told = done.filter(r => known(r.loss_after));
  const measured = d.rounds.filter(r => known(r.plug_in)), delays = done.map(r => r.delay_median).filter(known).sort((a, b) => a - b);
  const t = d.totals, all = [
    ["rounds done", d.done + " of " + d.planned],
    ["updates", count(t.accepted), t.missing || t.late ? count(t.missing) + " missing, " + count(t.late) + " late" : "none missing"],
    ["refused", count(t.refused + t.turned_away), t.turned_away ? count(t.turned_away) + " at the door" : "", t.refused + t.turned_away > 0],
    ["sent", bytes(t.sent)], ["received", bytes(t.received)],
    ["delay, median", seconds(delays[delays.length >> 1] ?? null), delays.length ? "of the rounds’ medians" : ""],
  ];
  if (told.length) all.push(["perplexity", figure(perplexity(told.at(-1).loss_after)), "of clients’ text, at first " + figure(perplexity(told[0].loss_before))]);
  if (measured.length || known(d.plug_in_before)) all.push(["plugged in", figure(measured.at(-1)?.plug_in ?? d.plug_in_before), known(d.plug_in_before) ? "perplexity, before " + figure(d.plug_in_before) : "perplexity"]);
  all.push(["memory", bytes(d.memory), "the server’s, of " + bytes(d.memory_limit)]);
  element("tiles").replaceChildren(...all.map(([name, value, small, bad]) => {
    const box = make("div"), dd = make("dd", value, bad ? "bad" : "");
    if (small) dd.append(make("small", small));
    box.append(make("dt", name), dd);
    return box;
  }));
}

// Charts: what each shows of the rounds.
const plots = [
  { id: "loss", title: "Perplexity of clients’ own text", note: "Before and after a round’s tuning, mean over clients that tell it.", type: "line",
    when: d => d.rounds.some(r => known(r.loss_after)),
    series: d => [["before", 0, r => perplexity(r.loss_before)], ["after", 2, r => perplexity(r.loss_after)]] },
  { id: "plugin", title: "Perplexity of the plugged-in model", note: "The full model with each round’s adapter, on the owner’s text.", type: "line",
    when: d => d.rounds.some(r => known(r.plug_in)), first: d => known(d.plug_in_before),
    series: d => [["plugged in", 3, r => r.round === 0 ? d.plug_in_before : r.plug_in]] },
  { id: "updates", title: "Updates", note: "Of the clients asked in each round.", type: "bar", stacked: true,
    series: d => [["handed in", 2, r => r.handed_in], ["late", 5, r => r.late], ["missing", 4, r => r.missing - r.late]] },
  { id: "delay", title: "Delay", note: "Seconds from a round’s opening to an update: least to most, and the median.", type: "bar",
    when: d => d.rounds.some(r => known(r.delay_median)),
    series: d => [["least to most", 7, r => known(r.delay_least) ? [r.delay_least, r.delay_most] : null], ["median", 0, r => r.delay_median, "line"]] },
  { id: "bytes", title: "MiB sent and received", note: "Files only: packages, adapters, updates.", type: "bar", stacked: true,
    when: d => d.totals.sent + d.totals.received > 0,
    series: d => [["sent", 0, r => r.sent / 1048576], ["received", 1, r => r.received / 1048576]] },
  { id: "emulators", title: "Emulators by round", note: "How many clients were given which, by the plan or its controller.", type: "bar", stacked: true,
    when: d => d.emulators.length > 1,
    series: d => d.emulators.map((name, i) => [name, i, r => r.emulators[name] ?? 0]) },
];
const drawn = new Map();
function axis(title, whole) {
  return { title: { display: true, text: title, color: ink("soft") }, grid: { color: ink("grid") }, ticks: { color: ink("soft"), precision: whole ? 0 : undefined } };
}
function plot(p, d) {
  const wanted = d.rounds.length > 0 && (!p.when || p.when(d));
  let known = drawn.get(p.id);
  if (!wanted) {
    if (known) known.box.hidden = true;
    return;
  }
  const rounds = p.first && p.first(d) && d.rounds[0].round === 1 ? [{ round: 0 }, ...d.rounds] : d.rounds;
  const sets = p.series(d).map(([label, colour, value, type]) => {
    const c = palette[colour % palette.length], line = (type ?? p.type) === "line", few = rounds.length < 25;
    return { label, type: type ?? p.type, data: rounds.map(value), borderColor: c, backgroundColor: line ? c : c + "c0", borderWidth: line ? 2 : 0,
      pointRadius: line && few ? 3 : line && rounds.length === 1 ? 4 : 0, stack: p.stacked ? "one" : label, spanGaps: true, maxBarThickness: 34, grouped: !!p.stacked, order: line ? 0 : 1 };
  });
  if (!known) {
    const box = make("figure"), caption = make("figcaption", p.title), holder = make("div", null, "canvas"), canvas = make("canvas");
    caption.append(make("small", p.note));
    canvas.setAttribute("role", "img");
    holder.append(canvas);
    box.append(caption, holder);
    element("charts").append(box);
    known = { box, canvas, chart: new Chart(canvas, { type: p.type, data: { labels: [], datasets: [] }, options: {
      maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
      plugins: { legend: { position: "bottom", labels: { color: ink("soft"), boxWidth: 12, boxHeight: 12 } } },
      scales: { x: { ...axis("round"), stacked: !!p.stacked, grid: { display: false } }, y: { ...axis("", p.id === "updates" || p.id === "emulators"), title: { display: false }, stacked: !!p.stacked, beginAtZero: p.type === "bar" } },
    } }) };
    drawn.set(p.id, known);
  }
  known.box.hidden = false;
  known.canvas.setAttribute("aria-label", p.title + ", " + rounds.length + " rounds; the numbers are in the table below");
  known.chart.data.labels = rounds.map(r => r.round);
  // Kept where they were, so that a series that was clicked away stays away.
  sets.forEach((s, i) => { known.chart.data.datasets[i] = Object.assign(known.chart.data.datasets[i] ?? {}, s); });
  known.chart.data.datasets.length = sets.length;
  known.chart.update("none");
}

function roundsTable(d) {
  element("no-rounds").hidden = d.rounds.length > 0;
  element("rounds-details").hidden = d.rounds.length === 0;
  if (!element("rounds-details").open) return;
  element("rounds").tBodies[0].replaceChildren(...d.rounds.slice().reverse().map(r => {
    const row = make("tr"), head = make("th", r.round + (r.over ? "" : " (open)"));
    head.scope = "row";
    row.append(head, ...[r.asked, r.handed_in, r.missing, r.late, r.refused, figure(perplexity(r.loss_before)), figure(perplexity(r.loss_after)), figure(r.plug_in), figure(r.change),
      bytes(r.sent), bytes(r.received), seconds(r.delay_median), seconds(r.delay_most)].map(v => make("td", String(v))),
      make("td", Object.entries(r.emulators).map(([name, n]) => name + " × " + n).join(", "), "name"));
    return row;
  }));
}

// Clients: a row each, kept and updated.
const columns = [
  { id: "name", head: "client", text: c => c.name, key: c => c.name },
  { id: "state", head: "state", left: true, key: c => order.indexOf(c.state) },
  { id: "emulator", head: "emulator", left: true, text: c => c.emulator || "–", key: c => c.emulator },
  { id: "strip", head: "last rounds", left: true },
  { id: "handed", head: "handed in", text: c => c.asked ? c.handed_in + " of " + c.asked : "–", key: c => c.asked ? c.handed_in / c.asked : -1 },
  { id: "late", head: "late", text: c => c.late || "", key: c => c.late },
  { id: "missing", head: "missing", text: c => c.missing || "", key: c => c.missing },
  { id: "refused", head: "refused", text: c => c.refused || "", key: c => c.refused },
  { id: "before", head: "perplexity before", text: c => figure(perplexity(c.loss_before)), key: c => c.loss_before ?? Infinity },
  { id: "after", head: "after", text: c => figure(perplexity(c.loss_after)), key: c => c.loss_after ?? Infinity },
  { id: "delay", head: "delay", text: c => seconds(c.delay), key: c => c.delay ?? Infinity },
  { id: "sent", head: "sent", text: c => bytes(c.sent), key: c => c.sent },
  { id: "received", head: "received", text: c => bytes(c.received), key: c => c.received },
  { id: "seen", head: "seen", text: c => ago(c.seen), key: c => -(c.seen ?? 0) },
];
const rows = new Map();
let sorted = columns[0], down = false;

function heads() {
  element("clients").tHead.rows[0].replaceChildren(...columns.map(column => {
    const th = make("th", column.key ? null : column.head, column.left || column.id === "name" ? "name" : "");
    th.scope = "col";
    if (column.key) {
      const button = make("button", column.head);
      button.type = "button";
      button.addEventListener("click", () => {
        down = sorted === column ? !down : false;
        sorted = column;
        heads();
        if (last) clients(last);
        button.isConnected || [...document.querySelectorAll("#clients th button")].find(b => b.textContent === column.head)?.focus();
      });
      th.append(button);
      if (sorted === column) th.setAttribute("aria-sort", down ? "descending" : "ascending");
    }
    return th;
  }));
}

const STEP = 8;
function strip(canvas, c, d) {
  const choices = c.choices === "" ? [] : c.choices.split(" ").map(Number), n = c.outcomes.length, scale = window.devicePixelRatio || 1;
  const key = c.outcomes + c.choices + scale + ink("paper");
  if (canvas.dataset.key === key) return;
  canvas.dataset.key = key;
  canvas.width = Math.max(1, n * STEP * scale);
  canvas.height = 16 * scale;
  canvas.style.width = n * STEP + "px";
  canvas.style.height = "16px";
  const g = canvas.getContext("2d");
  g.scale(scale, scale);
  const tally = {};
  for (let i = 0; i < n; i++) {
    const state = letters[c.outcomes[i]];
    if (state !== "resting") tally[words[state]] = (tally[words[state]] ?? 0) + 1;
    cell(g, i * STEP, state, choices[i]);
  }
  canvas.setAttribute("role", "img");
  const said = Object.entries(tally).map(([w, k]) => w + " " + k + " times").join(", ") || "not asked yet";
  canvas.setAttribute("aria-label", said);
  canvas.title = "Last " + n + " rounds: " + said + "\n" + choices.map((e, i) => (d.rounds.at(-1).round - n + 1 + i) + ": " + words[letters[c.outcomes[i]]] + (e < 0 ? "" : ", " + d.emulators[e])).slice(-12).join("\n");
}
function cell(g, x, state, choice) {
  const colour = choice < 0 ? ink("line") : palette[choice % palette.length];
  g.fillStyle = g.strokeStyle = colour;
  g.lineWidth = 1.5;
  if (state === "resting") g.fillRect(x + 2, 7, 2, 2);
  else if (state === "handed_in") g.fillRect(x, 1, 6, 14);
  else {
    g.strokeRect(x + .75, 1.75, 4.5, 12.5);
    if (state === "tuning") g.fillRect(x, 8, 6, 7);
    if (state === "late") { g.fillStyle = ink("warn"); g.fillRect(x + 1.8, 5, 2.4, 6); }
    if (state === "missing" || state === "refused") {
      g.strokeStyle = ink(state === "refused" ? "bad" : "warn");
      g.beginPath();
      g.moveTo(x + .8, 4); g.lineTo(x + 5.2, 12);
      if (state === "refused") { g.moveTo(x + 5.2, 4); g.lineTo(x + .8, 12); }
      g.stroke();
    }
  }
}

function clients(d) {
  const wanted = element("filter").value.trim().toLowerCase();
  const body = element("clients").tBodies[0];
  const shown = d.clients.filter(c => !wanted || [c.name, words[c.state], c.emulator].some(t => t.toLowerCase().includes(wanted)));
  shown.sort((a, b) => {
    const x = sorted.key(a), y = sorted.key(b), way = x < y ? -1 : x > y ? 1 : 0;
    return (down ? -way : way) || (a.name < b.name ? -1 : 1);
  });
  const nodes = shown.map(c => {
    let row = rows.get(c.name);
    if (!row) {
      row = make("tr");
      for (const column of columns) {
        const td = make(column.id === "name" ? "th" : "td", null, column.left ? "name" : "");
        if (column.id === "name") td.scope = "row";
        if (column.id === "state") td.append(make("span"));
        if (column.id === "strip") td.append(make("canvas"));
        row.append(td);
      }
      rows.set(c.name, row);
    }
    columns.forEach((column, i) => {
      const td = row.cells[i];
      if (column.id === "state") {
        put(td.firstChild, words[c.state]);
        td.firstChild.className = "state " + c.state;
      } else if (column.id === "strip") strip(td.firstChild, c, d);
      else put(td, String(column.text(c)));
    });
    return row;
  });
  if (nodes.length !== body.rows.length || nodes.some((n, i) => body.rows[i] !== n)) body.replaceChildren(...nodes);
  const tally = order.map(s => [s, d.clients.filter(c => c.state === s).length]).filter(([, n]) => n);
  put(element("counts"), count(d.clients.length) + " clients: " + tally.map(([s, n]) => count(n) + " " + words[s]).join(", ") + (wanted ? "; " + shown.length + " shown" : ""));
}
function legend(d) {
  const items = [];
  const item = (text, state, choice) => {
    const span = make("span"), canvas = make("canvas"), scale = window.devicePixelRatio || 1, g = canvas.getContext("2d");
    canvas.width = 8 * scale; canvas.height = 16 * scale;
    canvas.style.width = "8px"; canvas.style.height = "16px";
    canvas.setAttribute("aria-hidden", "true");
    g.scale(scale, scale);
    cell(g, 0, state, choice);
    span.append(canvas, document.createTextNode(text));
    items.push(span);
  };
  d.emulators.forEach((name, i) => item("emulator " + name, "handed_in", i));
  for (const s of ["handed_in", "tuning", "asked", "late", "missing", "refused"]) item(words[s], s, 7);
  element("legend").replaceChildren(...items);
}

function incidents(d) {
  element("no-incidents").hidden = d.incidents.length > 0;
  element("incidents").replaceChildren(...d.incidents.map(i => {
    const li = make("li"), time = make("time", clock(i.at));
    time.dateTime = new Date(i.at * 1000).toISOString();
    time.title = day(i.at);
    li.append(time, make("b", i.party === "-" ? "somebody unknown" : i.party), document.createTextNode(i.what.replaceAll("-", " ") + ": " + i.reason));
    return li;
  }));
}

function show(d) {
  put(element("stand"), stand(d) + (d.base ? " Base " + d.base + "." : ""));
  const bar = element("progress");
  bar.setAttribute("aria-valuemax", d.planned);
  bar.setAttribute("aria-valuenow", d.done);
  bar.className = d.done >= d.planned ? "done" : "";
  bar.firstChild.style.width = 100 * d.done / d.planned + "%";
  tiles(d);
  for (const p of plots) plot(p, d);
  roundsTable(d);
  legend(d);
  clients(d);
  incidents(d);
  ended = d.done >= d.planned;
}

async function ask() {
  try {
    const answer = await fetch("live.json", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {}, signal: AbortSignal.timeout(15000) });
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error("status " + answer.status);
      const d = await answer.json();
      tag = answer.headers.get("ETag");
      offset = d.at - Date.now() / 1000;
      last = d;
      show(d);
    } else clients(last);
    put(element("foot"), "As of " + clock(Date.now() / 1000 + offset) + ". The page asks every few seconds and loads nothing from elsewhere; the figures for Prometheus are under /metrics.");
    element("lost").hidden = true;
  } catch (e) {
    console.error(e);
    put(element("lost"), "The server does not answer" + (last ? "; this is what it told at " + clock(last.at) : "") + ". Trying again.");
    element("lost").hidden = false;
  }
  document.documentElement.dataset.drawn = last ? [...drawn.values()].filter(k => !k.box.hidden).length : "";
  setTimeout(ask, document.hidden ? 15000 : ended ? 10000 : 2000);
}

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
heads();
element("filter").addEventListener("input", () => last && clients(last));
element("rounds-details").addEventListener("toggle", () => last && roundsTable(last));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const k of drawn.values()) { k.chart.destroy(); k.box.remove(); }
  drawn.clear();
  if (last) show(last);
});
ask();
