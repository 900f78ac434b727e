// What a browser is asked about a page that it shows. Each function returns what is wrong, or what was found.

const start = (element) => element.textContent.trim().slice(0, 60);

function headings() {
  return [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((h) => [Number(h.tagName[1]), h.textContent]);
}

function openAll() {
  for (const details of document.querySelectorAll("details")) details.open = true;
}

// Elements that reach beyond the window's right edge, other than in a part of the page that can be scrolled.
function cutOff() {
  const scrolls = (element) => {
    for (let e = element; e; e = e.parentElement) if (getComputedStyle(e).overflowX === "auto") return true;
    return false;
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().width && e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
    .map((e) => `${e.tagName}: ${start(e)}`);
}

// Elements whose text has less contrast than the 4.5:1 of WCAG 2.2, success criterion 1.4.3 (formula: relative luminance).
function faint() {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim())) continue;
    const both = [luminance(parts(getComputedStyle(e).color)), luminance(behind(e))];
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (ratio < 4.5) found.add(`${e.tagName}.${e.className}: ${ratio.toFixed(2)}`);
  }
  return [...found];
}

// Regions, tables, links and ids that somebody who does not see the page could not use.
function unusable() {
  const textOf = (id) => (document.getElementById(id) || { textContent: "" }).textContent;
  const nameOf = (e) => (e.getAttribute("aria-labelledby") || "").split(" ").map(textOf).join("") || e.ariaLabel;
  const found = [];
  for (const e of document.querySelectorAll("section, nav, [role=region]")) if (!nameOf(e)) found.push(e.tagName);
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.querySelectorAll("thead th")];
    if (heads.some((h) => h.scope !== "col" || !h.textContent.trim())) found.push(`columns: ${start(table)}`);
    for (const row of table.querySelectorAll("tbody tr")) {
      if (row.children[0].scope !== "row") found.push(`row: ${start(row)}`);
      if (heads.length && row.children.length !== heads.length) found.push(`cells: ${start(row)}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id stands twice");
  for (const a of document.querySelectorAll("a")) if (!document.getElementById(a.hash.slice(1))) found.push(a.outerHTML);
  for (const e of document.querySelectorAll(".scroll")) if (e.tabIndex !== 0) found.push("scrolls by mouse alone");
  return found;
}

// For each drawing of a metric: how far its point lies along its range, 0 to 1.
function points() {
  return [...document.querySelectorAll(".bar")].map((bar) => {
    const range = bar.querySelector(".range").getBoundingClientRect();
    const point = bar.querySelector(".point").getBoundingClientRect();
    return ((point.left + point.right) / 2 - range.left) / range.width;
  });
}
