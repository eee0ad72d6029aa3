"use strict";
// Renews an open page: the server renders, this only swaps the regions that say something new. Without it, all works too.
(() => {
  const main = document.querySelector("main");
  const told = document.getElementById("told");
  const live = document.getElementById("live");
  const PAUSE = 300, SLOW = 5000;
  const KINDS = ["stage", "evidence", "ranked", "approval_needed", "decided", "acted", "verified", "steered", "finished"];
  let busy = false, again = false, source = null, timer = 0, clock = 0;

  function fields(region) {
    return [...region.querySelectorAll("textarea, select, input")].filter((field) => field.id);
  }

  // What a reader has opened, typed and focused outlives the swap.
  function swap(old, fresh) {
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const typed = fields(old).map((field) => [field.id, field.value, field.checked]);
    const inside = old.contains(document.activeElement) ? document.activeElement : null;
    const focus = inside && inside.id, at = inside && [...old.querySelectorAll("a, button, summary")].indexOf(inside);
    old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    old.dataset.key = fresh.dataset.key;
    old.querySelectorAll("details").forEach((one, place) => { if (open[place] !== undefined) one.open = open[place]; });
    for (const [id, value, checked] of typed) {
      const field = document.getElementById(id);
      if (field) { field.value = value; field.checked = checked; }
    }
    const target = focus ? document.getElementById(focus) : at >= 0 ? old.querySelectorAll("a, button, summary")[at] : null;
    if (inside) (target || main).focus({ preventScroll: true });
  }

  function say(text) {
    if (text && told.textContent !== text) told.textContent = text;
  }

  async function renew() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-key]")) {
        const old = document.getElementById(fresh.id);
        if (old && old.dataset.key !== fresh.dataset.key) swap(old, fresh);
      }
      document.title = page.title;
      const latest = main.querySelector("[data-latest]") || main.querySelector("#verdict .chip");
      if (latest) say(latest.textContent.trim());
      if (main.dataset.events && !page.querySelector("main").dataset.events) stop();
    } catch (error) {
      mark("The server does not answer. This page tries again.");
    } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(renew, PAUSE);
  }

  function mark(text) {
    if (live) live.textContent = text;
  }

  function stop() {
    if (source) source.close();
    source = null;
    clearInterval(clock);
    if (live) live.hidden = true;
  }

  function everySoOften(milliseconds) {
    clock = setInterval(() => { if (!document.hidden) renew(); }, milliseconds);
  }

  function follow(url) {
    source = new EventSource(url);
    source.onopen = () => mark("Live: what happens appears here by itself.");
    for (const kind of KINDS) source.addEventListener(kind, soon);
    source.addEventListener("ended", () => { stop(); soon(); });
    source.onerror = () => {
      if (!source) return;
      if (source.readyState !== EventSource.CLOSED) { mark("Reconnecting …"); return; }
      source = null;  // refused: it has ended, or too many watch
      mark("Renewed every few seconds.");
      everySoOften(SLOW);
      soon();
    };
  }

  if (main.dataset.events) follow(main.dataset.events);
  else if (main.dataset.renew) everySoOften(1000 * Number(main.dataset.renew));
})();
