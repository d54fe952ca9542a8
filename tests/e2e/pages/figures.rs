//! What the browser measures of each page, and where things stand in each other's way.

use std::fmt::Write as _;

use serde_json::Value;

use super::browser::{Browser, target};

/// What the browser measured while a page was opened for the first time.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Bytes that came over the wire, those of styles and scripts included.
    pub(crate) bytes: u64,
    pub(crate) requests: u64,
    /// Addresses of others that were asked.
    pub(crate) foreign: Vec<Value>,
    /// How much of the page moved after it was painted: Chromium's cumulative layout shift.
    pub(crate) shift: f64,
    /// Milliseconds until something was painted, and until some content was.
    first_paint: f64,
    first_contentful_paint: f64,
    /// Milliseconds until the first byte of the page.
    first_byte: f64,
}

/// Calls back once what is shown has been painted.
const MEASURE: &str = "
    const told = arguments[arguments.length - 1];
    let shift = 0;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shift += entry.value;
    });
    observer.observe({ type: 'layout-shift', buffered: true });
    const look = () => {
      const paints = Object.fromEntries(
        performance.getEntriesByType('paint').map((paint) => [paint.name, paint.startTime]));
      if (!('first-contentful-paint' in paints)) return requestAnimationFrame(look);
      for (const entry of observer.takeRecords()) shift += entry.value;
      const page = performance.getEntriesByType('navigation')[0];
      // The stream of events never ends, and what follows it is no part of opening the page.
      const others = performance.getEntriesByType('resource').filter((one) => one.initiatorType !== 'fetch');
      told({
        bytes: page.transferSize + others.reduce((sum, one) => sum + one.transferSize, 0),
        requests: 1 + others.length,
        foreign: others.map((one) => one.name).filter((name) => !name.startsWith(location.origin)),
        shift, first_byte: page.responseStart,
        first_paint: paints['first-paint'], first_contentful_paint: paints['first-contentful-paint'],
      });
    };
    requestAnimationFrame(look)";

impl Figures {
    /// Opens a page as somebody does who was never there.
    pub(crate) async fn of(browser: &Browser, address: &str) -> Self {
        browser.forget_what_was_loaded().await;
        browser.goto(address).await;
        let measured = browser.run_and_wait(MEASURE).await;
        let number = |name: &str| measured[name].as_f64().unwrap_or(f64::NAN);
        let count = |name: &str| measured[name].as_u64().unwrap_or(u64::MAX);
        Self {
            bytes: count("bytes"),
            requests: count("requests"),
            foreign: measured["foreign"].as_array().cloned().unwrap_or_default(),
            shift: number("shift"),
            first_paint: number("first_paint"),
            first_contentful_paint: number("first_contentful_paint"),
            first_byte: number("first_byte"),
        }
    }
}

/// Keeps a table of what was measured, which `docs/images/pages.sh` puts into `docs/benchmarks.md`.
pub(crate) fn keep(measured: &[(String, Figures)]) {
    let mut table = String::from(
        "| page | requests | bytes | first byte | first paint | first contentful paint | layout shift |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (page, figures) in measured {
        let Figures {
            bytes,
            requests,
            shift,
            first_paint,
            first_contentful_paint,
            first_byte,
            ..
        } = figures;
        let _written = writeln!(
            table,
            "| {page} | {requests} | {bytes} | {first_byte:.0} ms | {first_paint:.0} ms | \
             {first_contentful_paint:.0} ms | {shift:.3} |"
        );
    }
    let path = target().join("pictures");
    std::fs::create_dir_all(&path).expect("a folder");
    std::fs::write(path.join("figures.md"), table).expect("a file");
}

/// Finds texts that lie on one another, and those that lie beyond the screen where nothing can be scrolled.
const COLLISIONS: &str = r"
    const shown = (element) => element.checkVisibility && element.checkVisibility();
    // What is scrolled or cut within another is seen only there.
    const seen = (rect, element) => {
      let { left, right, top, bottom } = rect;
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
        if (getComputedStyle(at).overflowX === 'visible') continue;
        const box = at.getBoundingClientRect();
        left = Math.max(left, box.left); right = Math.min(right, box.right);
        top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
      }
      return { left, right, top, bottom };
    };
    const boxes = [];
    const found = [];
    const add = (element, rect, text) => {
      const box = seen(rect, element);
      // Cards are there so that nothing has to be scrolled sideways.
      if (innerWidth < 640 && rect.right > box.right + 1 && element.closest('.cards')) found.push(`cut: ${text}`);
      if (box.right - box.left > 1 && box.bottom - box.top > 1) boxes.push({ ...box, element, text });
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const element = node.parentElement;
      if (!node.data.trim() || !shown(element) || element.closest('.sr, .skip, option, script, svg')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) add(element, rect, node.data.trim().slice(0, 40));
    }
    for (const field of document.querySelectorAll('input, select, textarea')) {
      if (field.type !== 'hidden' && shown(field)) add(field, field.getBoundingClientRect(), '<' + field.name + '>');
    }
    boxes.sort((one, other) => one.top - other.top);
    for (let at = 0; at < boxes.length; at++) {
      const one = boxes[at];
      if (one.right > innerWidth + 1 || one.left < -1) found.push(`beyond the screen: ${one.text}`);
      for (let next = at + 1; next < boxes.length && boxes[next].top < one.bottom - 2; next++) {
        const other = boxes[next];
        // Lines of one text touch one another as their letters want it; a label stands in its own field.
        if (one.element === other.element || one.element.contains(other.element) || other.element.contains(one.element)) continue;
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 2 && high > 4) found.push(`${one.text} / ${other.text}`);
      }
    }
    return found.slice(0, 5)";

/// What stands in the way of something else on the page that is shown, or beyond its edge.
pub(crate) async fn collisions(browser: &Browser) -> Vec<Value> {
    let found = browser.run(COLLISIONS).await;
    found.as_array().cloned().expect("a list")
}
