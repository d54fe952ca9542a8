// Makes times local, and a page that shows what is going on live. Pages work without it.
"use strict";
(() => {
  const pad = (number) => String(number).padStart(2, "0");
  const day = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const clock = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;

  // Times of today need no date. What the server wrote, in UTC, stays in the title.
  const makeLocal = (root) => {
    const today = day(new Date());
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      time.textContent = day(at) === today ? clock(at) : `${day(at)} ${clock(at)}`;
    }
    for (const text of root.querySelectorAll("text[data-at]")) {
      const at = new Date(text.dataset.at);
      if (!isNaN(at)) text.textContent = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
    }
  };
  makeLocal(document);

  // One box ticks all boxes of its table.
  for (const all of document.querySelectorAll("input[data-all]")) {
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of all.closest("table").querySelectorAll("tbody input[type=checkbox]")) box.checked = all.checked;
    });
  }

  const main = document.querySelector("main[data-live]");
  if (!main || !window.EventSource) return;

  // What somebody has opened or is about to press stays as it is.
  const isBusy = () => {
    const active = document.activeElement;
    return Boolean(getSelection().toString()) || (active && active !== main && main.contains(active)) ||
      Boolean(main.querySelector("a:hover, button:hover, summary:hover"));
  };
  const openDetails = (root) => [...root.querySelectorAll("details")].map((details) => details.open);

  let waiting = 0;
  let shownAt = 0;
  const show = async () => {
    waiting = 0;
    if (document.hidden || isBusy()) return later(5000);
    let page;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return later(15000);
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return later(15000);
    }
    const fresh = page.querySelector("main[data-live]");
    if (!fresh || isBusy()) return later(5000);
    makeLocal(page);
    const open = openDetails(main);
    [...fresh.querySelectorAll("details")].forEach((details, index) => { details.open = open[index] || false; });
    main.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    document.querySelector("footer").replaceChildren(...page.querySelector("footer").childNodes);
    document.querySelector("#live").hidden = !stream || stream.readyState !== EventSource.OPEN;
    shownAt = Date.now();
    later(30000);
  };
  // At most every two seconds, however much happens.
  const later = (milliseconds) => {
    const wait = Math.max(milliseconds, shownAt + 2000 - Date.now());
    const at = Date.now() + wait;
    if (waiting && waiting.at <= at) return;
    if (waiting) clearTimeout(waiting.timer);
    waiting = { at, timer: setTimeout(show, wait) };
  };

  let stream = null;
  const follow = () => {
    if (document.hidden) {
      if (stream) stream.close();
      stream = null;
      return;
    }
    if (stream) return;
    stream = new EventSource("/v1/events/stream");
    stream.onmessage = () => later(500);
    stream.onopen = () => { document.querySelector("#live").hidden = false; };
    stream.onerror = () => { document.querySelector("#live").hidden = true; };
    later(0);
  };
  document.addEventListener("visibilitychange", follow);
  follow();
})();
