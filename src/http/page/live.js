// Keeps the page up to date: fetches its changing part anew when the daemon says that something happened, and says
// times in the same words as the daemon. Without it the page works, and reloads itself now and then.
"use strict";

(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const announcement = document.getElementById("announcement");
  if (!live || !live.dataset.source) return;

  let offset = 0; // How far this clock is behind the daemon's, in milliseconds.
  let running = false;
  let wanted = false;
  let events = null;
  let said = summary();
  let seconds = 0;

  function now() {
    return document.getElementById("now");
  }

  function summary() {
    return now() ? now().dataset.summary : "";
  }

  function show(state, words) {
    connection.className = "connection " + state;
    if (connection.textContent !== words) connection.textContent = words;
  }

  function measure() {
    if (now()) offset = Date.parse(now().dataset.now) - Date.now();
  }

  function distance(seconds) {
    const n = Math.floor(seconds);
    if (n < 60) return n + " s";
    if (n < 3600) return Math.floor(n / 60) + " min";
    if (n < 172800) return Math.floor(n / 3600) + " h";
    return Math.floor(n / 86400) + " days";
  }

  function words(time) {
    const away = (Date.parse(time.dateTime) - Date.now() - offset) / 1000;
    if (time.classList.contains("lasting")) return "for " + distance(Math.max(-away, 0));
    if (Math.abs(away) < 1) return "now";
    return away > 0 ? "in " + distance(away) : distance(-away) + " ago";
  }

  function tick() {
    for (const time of live.querySelectorAll("time[datetime]")) {
      const text = words(time);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  function isReading() {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && live.contains(selection.anchorNode);
  }

  // Puts the new part in place; what is focused, open and scrolled stays so.
  function swap(html) {
    const part = new DOMParser().parseFromString(html, "text/html");
    const open = new Set(Array.from(live.querySelectorAll("details[open]"), (it) => it.id));
    const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    const places = Array.from(live.querySelectorAll("pre[id], .scroll"), (it) => [it.scrollLeft, it.scrollTop]);
    const page = window.scrollY;
    live.replaceChildren(...part.body.childNodes);
    for (const it of live.querySelectorAll("details[id]")) it.open = open.has(it.id);
    live.querySelectorAll("pre[id], .scroll").forEach((it, index) => {
      if (places[index]) [it.scrollLeft, it.scrollTop] = places[index];
    });
    const again = focused && focused !== "live" && document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
    window.scrollTo(window.scrollX, page);
    measure();
    tick();
    if (said !== summary()) {
      said = summary();
      announcement.textContent = said;
      if (!live.dataset.every) document.title = said + " · Antiphon";
    }
  }

  async function refresh() {
    if (running || document.hidden || isReading()) {
      wanted = true;
      return;
    }
    running = true;
    wanted = false;
    try {
      const answer = await fetch(live.dataset.source, { headers: { accept: "text/html" } });
      if (answer.status === 401) return show("lost", "Logged out: run antiphon open");
      if (answer.ok) swap(await answer.text());
    } catch {
      show("lost", "Not connected");
    } finally {
      running = false;
      if (wanted) refresh();
    }
  }

  function listen() {
    if (events && events.readyState !== EventSource.CLOSED) return;
    events = new EventSource("/api/v1/events");
    events.onopen = () => show("live", "Live");
    events.onerror = () => show("lost", "Not connected, trying again");
    events.addEventListener("overview", refresh);
  }

  // A browser keeps few connections to one host: a page that nobody looks at needs none.
  function look() {
    if (document.hidden) {
      events.close();
    } else {
      listen();
    }
  }

  measure();
  listen();
  document.addEventListener("visibilitychange", look);
  setInterval(() => {
    if (document.hidden) return;
    seconds += 1;
    if (seconds % 5 === 0) listen();
    tick();
    if (wanted && !running) refresh();
  }, 1000);
  if (live.dataset.every) setInterval(refresh, Number(live.dataset.every));
})();
