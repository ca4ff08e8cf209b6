// The search bar's completion and the histogram. Text from the server only ever becomes textContent.
"use strict";

// Completion: the server knows the language and the values; this only shows what it suggests.
(() => {
  const q = document.getElementById("q");
  const list = document.getElementById("suggestions");
  if (!q || !list) return;
  let items = [], chosen = -1, asked = 0, timer, aborter;

  const close = () => {
    clearTimeout(timer);
    aborter?.abort();
    asked++;
    list.hidden = true;
    items = [];
    chosen = -1;
    q.setAttribute("aria-expanded", "false");
    q.removeAttribute("aria-activedescendant");
  };
  const choose = (i) => {
    chosen = i;
    [...list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    const li = list.children[i];
    if (li) { q.setAttribute("aria-activedescendant", li.id); li.scrollIntoView({ block: "nearest" }); }
  };
  const take = (i) => {
    const s = items[i];
    if (!s) return;
    // Offsets are bytes of UTF-8.
    const bytes = new TextEncoder().encode(q.value), text = new TextDecoder();
    const head = text.decode(bytes.slice(0, s.from)) + s.text;
    q.value = head + text.decode(bytes.slice(s.to));
    q.focus();
    q.setSelectionRange(head.length, head.length);
    close();
    if (s.kind === "field") later();
  };
  const show = (got) => {
    items = got;
    list.replaceChildren(...got.map((s, i) => {
      const li = document.createElement("li");
      li.id = "suggestion-" + i;
      li.setAttribute("role", "option");
      const name = document.createElement("span"), doc = document.createElement("span");
      name.className = "name";
      name.textContent = s.label;
      doc.className = "doc";
      doc.textContent = s.doc;
      li.append(name, doc);
      li.addEventListener("mousedown", (e) => { e.preventDefault(); take(i); });
      return li;
    }));
    chosen = -1;
    list.hidden = got.length === 0;
    q.setAttribute("aria-expanded", String(got.length > 0));
  };
  const ask = async () => {
    const mine = ++asked;
    aborter?.abort();
    aborter = new AbortController();
    const cursor = new TextEncoder().encode(q.value.slice(0, q.selectionStart)).length;
    const params = new URLSearchParams({ q: q.value, cursor: String(cursor) });
    for (const name of ["from", "to"]) { const v = document.getElementById(name)?.value; if (v) params.set(name, v); }
    for (const s of document.querySelectorAll("#ask input[name=source]")) params.append("source", s.value);
    try {
      const answer = await fetch("/api/v1/complete?" + params, { signal: aborter.signal });
      if (answer.ok && mine === asked && document.activeElement === q) show((await answer.json()).suggestions);
    } catch { /* Given up for a newer question. */ }
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(ask, 90); };

  q.addEventListener("input", later);
  q.addEventListener("blur", () => setTimeout(close, 100));
  q.addEventListener("keydown", (e) => {
    if (e.isComposing) return;
    if (e.key === "Escape" && !list.hidden) { e.stopPropagation(); close(); return; }
    if (e.ctrlKey && e.key === " ") { e.preventDefault(); later(); return; }
    if (e.key === "ArrowDown" && list.hidden) { e.preventDefault(); later(); return; }
    if (list.hidden) return;
    if (e.key === "ArrowDown") { e.preventDefault(); choose((chosen + 1) % items.length); }
    if (e.key === "ArrowUp") { e.preventDefault(); choose((chosen + items.length - 1) % items.length); }
    if (e.key === "Enter" && chosen >= 0 || e.key === "Tab") { e.preventDefault(); take(Math.max(chosen, 0)); }
  });
})();

// Empty fields do not go into the URL.
for (const form of document.querySelectorAll("form[method=get]")) {
  form.addEventListener("submit", () => { for (const i of form.elements) if (i.name && i.value === "") i.disabled = true; });
  addEventListener("pageshow", () => { for (const i of form.elements) i.disabled = false; });
}

// The histogram: bars stacked by source; a drag narrows the time.
(() => {
  const box = document.getElementById("histogram");
  if (!box || typeof uPlot === "undefined") return;
  const chart = JSON.parse(box.dataset.chart);
  const css = getComputedStyle(document.documentElement);
  const color = (name) => css.getPropertyValue(name).trim();
  const palette = chart.sources.map((s, i) => color("--s" + (i % 9)));

  // Every bar of the range gets a place, with 0 where nothing was: a gap must look like one.
  const at = new Map(chart.times.map((t, i) => [t, i]));
  const anchor = chart.times[0];
  const start = anchor - Math.ceil(Math.max(anchor - chart.from, 0) / chart.step) * chart.step;
  const n = Math.min(Math.max(Math.ceil((chart.to - start) / chart.step), 1), 2000);
  const x = Array.from({ length: n }, (_, i) => start + i * chart.step);
  const stacks = [];
  let below = new Array(n).fill(0);
  for (const counts of chart.counts) {
    below = x.map((t, i) => below[i] + (at.has(t) ? counts[at.get(t)] : 0));
    stacks.push(below);
  }
  // Drawn from the top of the stack down, so that each bar shows its own part.
  const order = chart.sources.map((_, i) => i).reverse();
  const zone = chart.zone;
  const legend = document.getElementById("legend");
  chart.sources.forEach((s, i) => {
    const item = document.createElement("span"), mark = document.createElementNS("http://www.w3.org/2000/svg", "svg"), dot = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    dot.setAttribute("width", "10"); dot.setAttribute("height", "10"); dot.setAttribute("rx", "2"); dot.setAttribute("fill", palette[i]);
    mark.append(dot);
    item.append(mark, s + " " + chart.counts[i].reduce((a, b) => a + b, 0).toLocaleString("en"));
    legend.append(item);
  });
  const toZone = (ts) => { try { return uPlot.tzDate(new Date(ts * 1000), zone); } catch { return new Date(ts * 1000); } };
  const axis = { stroke: color("--faint"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
  const narrow = (u) => {
    if (u.select.width < 4) return;
    const a = u.posToVal(u.select.left, "x"), b = u.posToVal(u.select.left + u.select.width, "x");
    const snap = (t, up) => start + (up ? Math.ceil((t - start) / chart.step) : Math.floor((t - start) / chart.step)) * chart.step;
    const from = snap(a, false), to = Math.max(snap(b, true), from + chart.step);
    const url = new URL(location.href);
    url.pathname = "/search";
    url.searchParams.delete("after");
    url.searchParams.delete("before");
    url.searchParams.set("from", new Date(from * 1000).toISOString());
    // The last instant named belongs to the range.
    url.searchParams.set("to", new Date(to * 1000 - 1).toISOString());
    location.assign(url);
  };
  const options = () => ({
    width: box.clientWidth, height: box.clientHeight, tzDate: toZone, legend: { show: false }, padding: [8, 4, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true, range: () => [start, start + n * chart.step] }, y: { range: (u, lo, hi) => [0, Math.max(hi, 1)] } },
    axes: [{ ...axis, space: 90, values: [[31536000, "{YYYY}", null, null, null, null, null, null, 1], [2419200, "{YYYY}-{MM}", null, null, null, null, null, null, 1], [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1], [0.001, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1]] },
      { ...axis, size: 54, space: 26, values: (u, all) => all.map((v) => v >= 1e6 ? +(v / 1e6).toFixed(1) + "M" : v >= 1e4 ? +(v / 1e3).toFixed(1) + "k" : Number.isInteger(v) ? String(v) : "") }],
    series: [{}, ...order.map((i) => ({ label: chart.sources[i], fill: palette[i], stroke: palette[i], width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [1, 100], align: 1, gap: n > 300 ? 0 : 1 }) }))],
    hooks: { setSelect: [narrow] },
  });
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(), [x, ...order.map((i) => stacks[i])], box);
  };
  draw();
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (plot && box.clientWidth !== width) { width = box.clientWidth; plot.setSize({ width, height: box.clientHeight }); }
  }).observe(box);
  box.dataset.drawn = String(n);
})();
