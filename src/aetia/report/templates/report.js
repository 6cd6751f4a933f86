"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const live = document.getElementById("live");

  // Theme: follows the system until the reader chooses.
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours"); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  system.addEventListener("change", label);
  label();

  // Print shows what is folded.
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });

  const four = (value) => {
    if (value === null || value === undefined) return "no value";
    const size = Math.abs(value);
    const text = value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4);
    return (value > 0 ? "+" : "") + text.replace("-", "\u2212");
  };
  const read = (plot, index) => {
    const figure = data[plot.dataset.figure];
    const panel = figure.panels[plot.dataset.panel];
    const row = Math.floor(index / panel.columns);
    const name = figure.labels[row];
    const place = panel.w ? panel.w[index] || panel.name : `${panel.name} \u00b7 layer ${panel.layers[index % panel.columns]}`;
    const value = panel.e[index];
    const many = Array.isArray(panel.n) ? panel.n[index] : panel.n;
    const bounds = panel.l && panel.l[index] !== null ? `${panel.level}% interval [${four(panel.l[index])}, ${four(panel.h[index])}]` : "no interval";
    const two = (chance) => (chance === null ? "none" : Number(chance.toPrecision(2)).toString());
    const verdict = !panel.s || value === null ? "" : panel.q[index] === null ? "not tested" : `${panel.s[index] ? "passes" : "does not pass"}: q = ${two(panel.q[index])}, p = ${two(panel.p[index])} against ${panel.null}`;
    return {
      verdict, passes: Boolean(panel.s && panel.s[index]), place, row: name ? `${name}${figure.titles[row] ? ` \u2014 ${figure.titles[row]}` : ""}` : "",
      value: value === null ? "no value" : `${four(value)} ${panel.unit}`,
      bounds: value === null ? "" : `${bounds}, n = ${many}`,
    };
  };

  const at = new Map();
  const hide = () => {
    tip.hidden = true;
    document.querySelectorAll(".cursor").forEach((mark) => mark.setAttribute("visibility", "hidden"));
    document.querySelectorAll(".label.here").forEach((mark) => mark.classList.remove("here"));
  };
  const mark = (plot, index) => {
    const cursor = plot.querySelector(".cursor");
    const columns = Number(plot.dataset.columns);
    cursor.setAttribute("x", index % columns);
    cursor.setAttribute("y", Math.floor(index / columns));
    cursor.setAttribute("visibility", "visible");
    return cursor;
  };
  const line = (text, kind) => { const part = document.createElement("div"); part.className = kind; part.textContent = text; return part; };
  const show = (plot, index, spoken) => {
    hide();
    at.set(plot, index);
    const cursor = mark(plot, index);
    // Panels of one figure share their rows: the same cell is marked in all.
    const figure = plot.closest("figure");
    figure.querySelectorAll(".plot").forEach((other) => {
      if (other !== plot && other.dataset.columns === plot.dataset.columns) mark(other, index);
    });
    const names = figure.querySelector(`.label[data-row="${Math.floor(index / Number(plot.dataset.columns))}"]`);
    if (names) names.classList.add("here");
    const text = read(plot, index);
    tip.replaceChildren(line(text.place, "where"), line(text.row, "row"), line(text.value, "value"), line(text.bounds, "bounds"), line(text.verdict, text.passes ? "test passes" : "test"));
    tip.hidden = false;
    const box = cursor.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(box.left + box.width / 2 - size.width / 2, 8), root.clientWidth - size.width - 8);
    const top = box.top - size.height - 8 < 0 ? Math.min(box.bottom, innerHeight - size.height - 16) + 8 : box.top - size.height - 8;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${top + scrollY}px`;
    if (spoken) live.textContent = `${text.place}, ${text.row}: ${text.value}, ${text.bounds}${text.verdict ? `, ${text.verdict}` : ""}`;
  };
  const under = (plot, event) => {
    const field = plot.querySelector(".field").getBoundingClientRect();
    const columns = Number(plot.dataset.columns);
    const rows = data[plot.dataset.figure].panels[plot.dataset.panel].e.length / columns;
    const column = Math.floor(((event.clientX - field.left) / field.width) * columns);
    const row = Math.floor(((event.clientY - field.top) / field.height) * rows);
    return column < 0 || column >= columns || row < 0 || row >= rows ? -1 : row * columns + column;
  };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const moved = (plot, key, index) => {
    const columns = Number(plot.dataset.columns);
    const rows = data[plot.dataset.figure].panels[plot.dataset.panel].e.length / columns;
    const column = index % columns;
    const row = Math.floor(index / columns);
    if (key === "Home") return row * columns;
    if (key === "End") return (row + 1) * columns - 1;
    const [across, down] = moves[key];
    return Math.min(Math.max(row + down, 0), rows - 1) * columns + Math.min(Math.max(column + across, 0), columns - 1);
  };
  document.querySelectorAll(".plot").forEach((plot) => {
    const start = Number(plot.dataset.start);
    const follow = (event) => { const index = under(plot, event); if (index < 0) hide(); else if (tip.hidden || index !== at.get(plot)) show(plot, index, false); };
    plot.addEventListener("pointermove", follow);
    plot.addEventListener("pointerdown", follow);
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) show(plot, at.get(plot) ?? start, true); });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { hide(); return; }
      if (!(event.key in moves) && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      show(plot, moved(plot, event.key, at.get(plot) ?? start), true);
    });
  });
})();
