// Keys, copying, the zone of the screen: what every page has. No page needs it to be read.
"use strict";
(() => {
  const page = document.documentElement.dataset;
  const typing = (e) => e.target.closest("input, textarea, select, dialog, [contenteditable]");

  // The zone. The server shows times in the zone of this cookie; the first visit asks once more.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zoneCookie = "tz=" + encodeURIComponent(zone || "UTC");
  if (zone && !document.cookie.split("; ").includes(zoneCookie)) {
    document.cookie = zoneCookie + "; path=/; max-age=31536000; samesite=lax";
    const stored = document.cookie.split("; ").includes(zoneCookie);
    if (stored && !page.askedZone && page.zone !== zone && document.querySelector("time, #from")) location.reload();
  }

  // Copying.
  const said = document.getElementById("said");
  let fade;
  const say = (text) => {
    said.textContent = text;
    said.classList.add("shown");
    clearTimeout(fade);
    fade = setTimeout(() => said.classList.remove("shown"), 1600);
  };
  document.addEventListener("click", async (e) => {
    const b = e.target.closest("[data-copy], [data-copy-from]");
    if (!b) return;
    e.preventDefault();
    const from = b.dataset.copyFrom && document.getElementById(b.dataset.copyFrom);
    try {
      await navigator.clipboard.writeText(from ? (from.dataset.text ?? from.value ?? from.textContent) : b.dataset.copy);
      say(said.dataset.copied);
    } catch {
      say(said.dataset.failed);
    }
  });

  // Menus close when the attention goes elsewhere.
  document.addEventListener("click", (e) => {
    for (const m of document.querySelectorAll("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
  });

  // Rows are links.
  const rows = () => [...document.querySelectorAll("#hits tbody tr")];
  const open = (row) => row?.querySelector("a")?.click();
  document.getElementById("hits")?.addEventListener("click", (e) => {
    if (e.target.closest("a, button") || String(getSelection())) return;
    open(e.target.closest("tbody tr"));
  });
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((r) => r.classList.contains("here"));
    const to = Math.min(Math.max(at + step, 0), all.length - 1);
    all[at]?.classList.remove("here");
    all[to].classList.add("here");
    all[to].querySelector("a").focus({ preventScroll: true });
    all[to].scrollIntoView({ block: "nearest" });
  };

  // Keys.
  const help = document.getElementById("help");
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  const go = (path) => {
    const link = [...document.querySelectorAll(".top nav a")].find((a) => a.pathname === path);
    if (link) link.click();
  };
  const keys = {
    "/": () => { const q = document.getElementById("q") ?? document.getElementById("sql"); if (q) { q.focus(); q.select?.(); } else go("/search"); },
    "?": () => help.showModal(),
    j: () => move(1),
    k: () => move(-1),
    n: () => document.querySelector("a[rel=next]")?.click(),
    p: () => document.querySelector("a[rel=prev]")?.click(),
    o: () => open(document.querySelector("#hits tr.here")),
    u: () => document.querySelector("a[data-up]")?.click(),
  };
  const places = { f: "/findings", s: "/sources", c: "/coverage", q: "/sql", h: "/search" };
  let g = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (typing(e)) {
      if (e.key === "Escape" && !help.open) e.target.blur();
      return;
    }
    if (Date.now() - g < 1500 && places[e.key]) {
      e.preventDefault();
      go(places[e.key]);
      g = 0;
      return;
    }
    g = e.key === "g" ? Date.now() : 0;
    if (e.key === "Enter" && e.target === document.body) { open(document.querySelector("#hits tr.here")); return; }
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
})();

// Ctrl+Enter runs the query.
document.getElementById("sql")?.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key === "Enter") e.target.form.requestSubmit();
});
