"use strict";
// The rows of a network as boxes, each below what it reads; it zooms by wheel and buttons, and is dragged.

const BOX = {width: 190, height: 38, gapX: 26, gapY: 26};
const MOST_BOXES = 600;

function layers(rows, edges) {
  // How deep every row stands: one below the deepest that it reads.
  const depth = rows.map(() => 0);
  for (const [from, to] of edges) if (from >= 0) depth[to] = Math.max(depth[to], depth[from] + 1);
  const levels = [];
  depth.forEach((level, row) => (levels[level] ||= []).push(row));
  return levels;
}

function element(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shortened(text, most) {
  return text.length > most ? "\u2026" + text.slice(1 - most) : text;
}

function drawGraph(panel, answer, choose) {
  panel.replaceChildren();
  if (answer.rows.length > MOST_BOXES) {
    panel.append(`${answer.rows.length} rows are too many to draw: choose rows by block or stage.`);
    return;
  }
  const place = Object.fromEntries(answer.columns.map((column, index) => [column.key, index]));
  const levels = layers(answer.rows, answer.edges), at = [];
  const widest = Math.max(...levels.map(level => level.length));
  const width = widest * (BOX.width + BOX.gapX), height = levels.length * (BOX.height + BOX.gapY);
  levels.forEach((level, depth) => level.forEach((row, column) => {
    const left = (width - level.length * (BOX.width + BOX.gapX)) / 2;
    at[row] = {x: left + column * (BOX.width + BOX.gapX) + BOX.gapX / 2, y: depth * (BOX.height + BOX.gapY) + BOX.gapY / 2};
  }));
  const svg = element("svg", {role: "group", "aria-label": `graph of ${answer.name}`});
  for (const [from, to] of answer.edges) {
    if (from < 0) continue;
    const a = at[from], b = at[to];
    const x1 = a.x + BOX.width / 2, y1 = a.y + BOX.height, x2 = b.x + BOX.width / 2, y2 = b.y, middle = (y1 + y2) / 2;
    const passes = b.y - a.y > BOX.height + BOX.gapY && Math.abs(x1 - x2) < BOX.width;  // behind boxes: around them
    const side = passes ? Math.max(x1, x2) + BOX.width * 0.75 : 0;
    svg.append(element("path", {d: passes
      ? `M${x1},${y1}C${side},${y1 + BOX.gapY} ${side},${y2 - BOX.gapY} ${x2},${y2}`
      : `M${x1},${y1}C${x1},${middle} ${x2},${middle} ${x2},${y2}`}));
  }
  answer.rows.forEach((row, index) => {
    const {x, y} = at[index], [name, op, output] = ["name", "op", "output"].map(key => row.cells[place[key]]);
    const box = element("g", {tabindex: 0, role: "button", "data-row": index, "aria-label": `${name}, ${op}, ${output}`},
      element("rect", {x, y, width: BOX.width, height: BOX.height, rx: 5}),
      element("text", {x: x + 8, y: y + 16}, shortened(name, 26)),
      element("text", {x: x + 8, y: y + 31, class: "soft"}, `${op} ${output}`));
    box.addEventListener("click", () => choose(row));
    box.addEventListener("keydown", event => { if (event.key === "Enter") choose(row); });
    svg.append(box);
  });
  const bar = document.createElement("div");
  const view = {x: 0, y: 0, width: Math.max(width, 500), height: Math.max(Math.min(height, 900), 300)};
  const show = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  const zoom = (factor, x = 0.5, y = 0.5) => {
    view.x += view.width * (1 - factor) * x; view.y += view.height * (1 - factor) * y;
    view.width *= factor; view.height *= factor; show();
  };
  const whole = () => { Object.assign(view, {x: 0, y: 0, width, height}); show(); };
  for (const [text, act] of [["Zoom in", () => zoom(0.8)], ["Zoom out", () => zoom(1.25)], ["Whole", whole]]) {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = text; button.addEventListener("click", act); bar.append(button, " ");
  }
  svg.addEventListener("wheel", event => {
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 0.9 : 1.1, (event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height);
  }, {passive: false});
  let held = null;
  svg.addEventListener("pointerdown", event => { held = [event.clientX, event.clientY]; });
  svg.addEventListener("pointermove", event => {
    if (!held || !event.buttons) return;
    const box = svg.getBoundingClientRect(), scale = Math.max(view.width / box.width, view.height / box.height);
    view.x -= (event.clientX - held[0]) * scale; view.y -= (event.clientY - held[1]) * scale;
    held = [event.clientX, event.clientY]; show();
  });
  show();
  panel.append(bar, svg);
}
