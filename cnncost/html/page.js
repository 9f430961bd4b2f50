"use strict";
// Sorts, switches and collapses what the data already says; no number is computed here.
const data = JSON.parse(document.getElementById("data").textContent);
const LEVELS = ["op", "layer", "block", "stage"];
const QUANTITIES = ["params", "ops", "memory"];
const GLOSSARY = [
  ["MAC", "a multiply-accumulate: one multiplication and the addition to a sum; of convolutions, linear layers and matrix products."],
  ["FLOP", "a floating-point operation; some tools mean a MAC by it, which is half as many. The convention says which."],
  ["parameters", "learned values: weights, biases, scale and shift of a normalisation."],
  ["memory made", "the bytes of all output tensors together; not the peak, since most are freed again."],
  ["peak memory", "the largest sum of tensors alive at once, without weights."],
  ["receptive field", "the pixels of the input that a value of the output depends on, along each axis."],
  ["least time", "the time that a device's peak arithmetic and bandwidth allow at best; no prediction."],
  ["predicted", "the time by a calibrated profile of the device; 9 in 10 measured times lie in its interval."],
  ["roof", "the rate that a device allows at best: that of its bandwidth below the ridge, that of its arithmetic above."],
];
// What the reader chose stands in the address, so that a link shows the same.
const asked = new URLSearchParams(location.hash.slice(1));
const state = {
  level: LEVELS.includes(asked.get("level")) ? asked.get("level") : "layer",
  convention: data.conventions.find((each) => each.name === asked.get("convention")) ?? data.conventions[0],
  search: asked.get("search") ?? "",
  device: asked.get("device") ?? data.models[0].device,
  sorts: new Map(),
};
function remember() {
  const said = new URLSearchParams({ level: state.level, convention: state.convention.name });
  if (state.search) said.set("search", state.search);
  if (state.device !== data.models[0].device) said.set("device", state.device);
  history.replaceState(null, "", "#" + said);
}
function paperWidth() { return Math.max(320, Math.min(960, document.getElementById("main").clientWidth || 960)); }
function short(value) {
  for (const [symbol, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) if (value >= size) return `${value / size} ${symbol}`;
  return String(value);
}
// Addresses in a text become links.
function linked(text) {
  return text.split(/(https?:\/\/[^\s,;)]+)/).map((part, at) => (at % 2 ? element("a", { href: part, rel: "noreferrer" }, part) : part));
}
function csvButton(table, name) {
  const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const save = () => {
    const rows = [...table.querySelectorAll("tr")].map((row) => [...row.cells].map((each) => cell(each.textContent.replace(/ [\u2191\u2193\u2195]$/, ""))).join(","));
    const link = element("a", { download: `${name}.csv`, href: URL.createObjectURL(new Blob([rows.join("\n") + "\n"], { type: "text/csv" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return element("button", { type: "button", class: "csv", onclick: save, "aria-label": `${name} as CSV` }, "CSV");
}

function element(tag, attributes = {}, ...children) {
  const made = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Tooltips: on hover and on keyboard focus.
const tip = element("div", { id: "tip", role: "tooltip", hidden: "" });
document.body.append(tip);
function explained(node, text) {
  const show = (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = node.getBoundingClientRect();
    const x = event.clientX ?? box.left, y = event.clientY ?? box.bottom;
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 4)) + "px";
    tip.style.top = Math.max(4, Math.min(y + 12, innerHeight - tip.offsetHeight - 4)) + "px";
  };
  const hide = () => { tip.hidden = true; };
  node.addEventListener("mousemove", show);
  node.addEventListener("mouseleave", hide);
  node.addEventListener("focus", show);
  node.addEventListener("blur", hide);
  return node;
}

function counts(model) { return model.counts[state.level][state.convention.name]; }

// Tables ------------------------------------------------------------------------------------

const COLUMNS = [
  { key: "name", heading: () => "layer", cell: (row) => row.name },
  { key: "op", heading: () => "operator", cell: (row) => row.op },
  { key: "output", heading: () => "output", cell: (row) => row.output },
  { key: "window", heading: () => "kernel/stride", cell: (row) => row.window },
  { key: "field", heading: () => "receptive field", cell: (row) => row.field, number: true, value: (row) => parseInt(row.field || "0", 10) },
  ...QUANTITIES.map((quantity, index) => ({
    key: quantity, number: true, share: index, heading: () => state.convention[quantity],
    cell: (row, at, model) => counts(model).texts[at][index],
    value: (row, at, model) => counts(model).values[at][index],
  })),
];

function layerTable(model) {
  const rows = model.rows[state.level];
  const counted = counts(model);
  const totals = counted.values[rows.length];
  const sort = state.sorts.get(model.name);
  const wanted = state.search.toLowerCase();
  const order = rows.map((_, at) => at).filter((at) => !wanted || `${rows[at].name} ${rows[at].op}`.toLowerCase().includes(wanted));
  if (sort) {
    const column = COLUMNS.find((each) => each.key === sort.key);
    const value = column.value ?? column.cell;
    const sign = sort.direction === "ascending" ? 1 : -1;
    order.sort((a, b) => {
      const x = value(rows[a], a, model), y = value(rows[b], b, model);
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true })) || a - b;
    });
  }
  const head = COLUMNS.map((column) => element(
    "th",
    { scope: "col", class: column.number ? "number" : null, "aria-sort": sort?.key === column.key ? sort.direction : "none" },
    element("button", { type: "button", onclick: () => resort(model, column) }, column.heading()),
  ));
  const body = order.map((at) => element("tr", {}, ...COLUMNS.map((column) => {
    const share = column.share === undefined || !totals[column.share] ? null : counted.values[at][column.share] / totals[column.share];
    return element(
      column.key === "name" ? "th" : "td",
      { scope: column.key === "name" ? "row" : null, id: column.key === "name" ? rowAnchor(model, at) : null, class: column.number ? (share === null ? "number" : "number share") : null, style: share === null ? null : `--share:${share.toFixed(4)}` },
      column.cell(rows[at], at, model),
    );
  })));
  const foot = COLUMNS.map((column) => element(
    "td",
    { class: column.number ? "number" : null },
    column.key === "name" ? model.total : column.share === undefined ? "" : counted.texts[rows.length][column.share],
  ));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body), element("tfoot", {}, element("tr", {}, ...foot)));
  return element("div", {},
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Cost of ${model.name} by ${state.level}` }, table),
    element("p", { class: "about" }, csvButton(table, `${model.name}-${state.level}`), order.length < rows.length ? ` ${order.length} of ${rows.length} rows have “${state.search}”; the total is of all.` : ""),
  );
}

function rowAnchor(model, at) { return `${anchor(model)}-row-${at}`; }

function toRow(model, at) {
  const row = document.getElementById(rowAnchor(model, at))?.parentElement;
  if (!row) return;
  document.querySelectorAll("tr.here").forEach((each) => each.classList.remove("here"));
  row.classList.add("here");
  row.scrollIntoView({ block: "center" });
}

function resort(model, column) {
  const now = state.sorts.get(model.name);
  const first = column.number ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  if (now?.key !== column.key) state.sorts.set(model.name, { key: column.key, direction: first });
  else if (now.direction === first) state.sorts.set(model.name, { key: column.key, direction: other });
  else state.sorts.delete(model.name);
  draw();
  const index = COLUMNS.indexOf(column);
  document.querySelectorAll(`#${anchor(model)} thead button`)[index].focus();
}

// A table of texts; a column whose texts all begin with a digit stands to the right, and a click sorts.
function plainTable(headings, rows, label) {
  const number = headings.map((_, at) => rows.every((row) => /^[\d≥≈<-]|^$/.test(row[at])) && rows.some((row) => /\d/.test(row[at])));
  const body = element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((text, at) =>
    element(at ? "td" : "th", { scope: at ? null : "row", class: number[at] ? "number" : null }, ...linked(text))))));
  const value = (text) => {
    const [figure, unit] = text.replace(/[≥≈<,]/g, "").trim().split(/\s+/);
    return parseFloat(figure) * ({ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4, ms: 1e-3, "µs": 1e-6 }[unit] ?? 1);
  };
  const sort = (at, head) => {
    const down = head.getAttribute("aria-sort") !== "descending";
    head.parentElement.querySelectorAll("th").forEach((each) => each.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const of = (row) => row.cells[at].textContent;
    const order = (a, b) => (number[at] ? (value(of(b)) || 0) - (value(of(a)) || 0) : of(a).localeCompare(of(b), "en", { numeric: true }));
    body.append(...[...body.rows].sort((a, b) => (down ? 1 : -1) * order(a, b)));
  };
  const heads = headings.map((text, at) => {
    const head = element("th", { scope: "col", class: number[at] ? "number" : null, "aria-sort": "none" }, element("button", { type: "button", onclick: () => sort(at, head) }, text));
    return head;
  });
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  return element("div", {},
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table),
    element("p", { class: "about" }, csvButton(table, label.replace(/\W+/g, "-").toLowerCase())));
}

// Pictures ----------------------------------------------------------------------------------

function bars(model) {
  const rows = model.rows[state.level], counted = counts(model);
  const width = paperWidth(), height = 110, left = 4, gap = 50;
  const step = (width - 2 * left) / rows.length;
  const svg = element("svg:svg", { class: "chart", viewBox: `0 0 ${width} ${3 * (height + gap)}`, role: "group", "aria-label": `Bars of ${model.name}` });
  ["memory", "params", "ops"].forEach((quantity, panel) => {
    const index = QUANTITIES.indexOf(quantity);
    const top = panel * (height + gap) + 18;
    const most = Math.max(...rows.map((_, at) => counted.values[at][index]), 1);
    const most_at = rows.findIndex((_, at) => counted.values[at][index] === most);
    svg.append(element("svg:text", { x: left, y: top - 5, class: "value" }, `${state.convention[quantity]}, at most ${most_at < 0 ? 0 : counted.texts[most_at][index]}`));
    let last = "", free = 0;
    rows.forEach((row, at) => {
      const block = row.name.split(".")[0], x = left + at * step;
      if (block === last) return;
      if (last) svg.append(element("svg:line", { x1: x, x2: x, y1: top, y2: top + height, class: "block" }));
      if (x >= free && x + 6 * block.length < width) {
        svg.append(element("svg:text", { x, y: top + height + 12 }, block));
        free = x + 6.5 * block.length + 6;
      }
      last = block;
    });
    svg.append(element("svg:line", { x1: left, x2: width - left, y1: top + height, y2: top + height }));
    rows.forEach((row, at) => {
      const tall = (counted.values[at][index] / most) * height;
      if (!tall) return;
      svg.append(explained(
        element("svg:rect", { class: quantity, onclick: () => toRow(model, at), x: left + at * step, y: top + height - tall, width: Math.max(step - 1, .5), height: tall }),
        `${row.name}\n${state.convention[quantity]}: ${counted.texts[at][index]}`,
      ));
    });
  });
  return svg;
}

function memoryLine(model) {
  const width = paperWidth(), height = 140, left = 4, top = 22;
  const most = Math.max(...model.alive.map(([, bytes]) => bytes), 1);
  const step = (width - 2 * left) / model.alive.length;
  const peak = model.alive.find(([, bytes]) => bytes === most);
  const svg = element("svg:svg", { class: "chart", viewBox: `0 0 ${width} ${height + top + 18}`, role: "group", "aria-label": `Memory of ${model.name} over a forward pass` });
  svg.append(element("svg:text", { x: left, y: 14, class: "value" }, `alive while each operator runs, at most ${peak?.[2] ?? 0} at ${peak?.[0] ?? ""}`));
  svg.append(element("svg:line", { x1: left, x2: width - left, y1: top + height, y2: top + height }));
  model.alive.forEach(([name, bytes, text], at) => {
    const tall = (bytes / most) * height;
    svg.append(explained(element("svg:rect", { class: "memory", x: left + at * step, y: top + height - tall, width: Math.max(step - .3, .5), height: tall }), `${name}\nalive: ${text}`));
  });
  svg.append(element("svg:text", { x: left, y: top + height + 13 }, "operators in order of execution"));
  return svg;
}

function scatter(models) {
  const width = paperWidth(), height = 320, pad = 56;
  const at = (model) => {
    const all = model.counts.op[state.convention.name];
    return { x: all.values.at(-1)[1], size: all.values.at(-1)[0], texts: all.texts.at(-1), y: model.top1 };
  };
  const points = models.map(at);
  const logs = points.map((point) => Math.log10(Math.max(point.x, 1)));
  const low = Math.min(...logs) - .15, high = Math.max(...logs) + .15;
  const bottom = Math.min(...points.map((point) => point.y)) - 1.5, top = Math.max(...points.map((point) => point.y)) + 1.5;
  const biggest = Math.max(...points.map((point) => point.size));
  const svg = element("svg:svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Accuracy against operations" });
  svg.append(element("svg:line", { x1: pad, x2: width - 8, y1: height - pad, y2: height - pad }));
  svg.append(element("svg:line", { x1: pad, x2: pad, y1: 8, y2: height - pad }));
  svg.append(element("svg:text", { x: width / 2, y: height - 8, "text-anchor": "middle" }, `${state.convention.ops.split(" ")[0]}, log scale; area: parameters`));
  svg.append(element("svg:text", { x: 14, y: height / 2, transform: `rotate(-90 14 ${height / 2})`, "text-anchor": "middle" }, "top-1 (%)"));
  const across = (log) => pad + ((log - low) / (high - low)) * (width - pad - 20);
  const up = (value) => height - pad - ((value - bottom) / (top - bottom)) * (height - pad - 16);
  for (let log = Math.ceil(low); log <= high; log++) {
    svg.append(element("svg:line", { x1: across(log), x2: across(log), y1: height - pad, y2: height - pad + 5 }));
    svg.append(element("svg:text", { x: across(log), y: height - pad + 18, "text-anchor": "middle" }, short(10 ** log)));
  }
  for (let value = Math.ceil(bottom / 2) * 2; value <= top; value += 2) {
    svg.append(element("svg:line", { x1: pad - 5, x2: pad, y1: up(value), y2: up(value) }));
    svg.append(element("svg:text", { x: pad - 8, y: up(value) + 4, "text-anchor": "end" }, String(value)));
  }
  points.forEach((point, index) => {
    const x = across(logs[index]), y = up(point.y);
    const model = models[index];
    svg.append(explained(
      element("svg:circle", { cx: x, cy: y, r: 3 + 22 * Math.sqrt(point.size / biggest), tabindex: "0", role: "img", "aria-label": `${model.name}, top-1 ${point.y}` }),
      `${model.name}\ntop-1 ${point.y} % (${model.protocol ?? "protocol not stated"})\n${state.convention.ops}: ${point.texts[1]}\n${state.convention.params}: ${point.texts[0]}`,
    ));
    svg.append(element("svg:text", { x, y: y - 6 - 22 * Math.sqrt(point.size / biggest), "text-anchor": "middle", class: "value" }, model.name));
  });
  return svg;
}

// The graph: blocks that collapse ---------------------------------------------------------------

function graph(model) {
  const rows = model.rows.op, counted = model.counts.op[state.convention.name];
  const root = { children: new Map(), first: 0 };
  rows.forEach((row, at) => {
    let place = root;
    const path = row.name.split(".");
    path.slice(0, -1).forEach((part) => {
      if (!place.children.has(part)) place.children.set(part, { children: new Map(), ops: 0 });
      place = place.children.get(part);
      place.ops += counted.values[at][1];
      place.shape = row.output;
    });
    place.children.set(path.at(-1), { row, at });
  });
  const whole = counted.values[rows.length][1];
  const percent = (part) => (whole && part ? `  ${(100 * part / whole).toFixed(1)} % of ${state.convention.ops.split(" ")[0]}` : "");
  const drawn = (name, node) => {
    if (node.row) {
      const previous = node.at ? rows[node.at - 1].name : "input";
      const plain = node.row.inputs.length === 1 && node.row.inputs[0] === previous;
      return element("div", { class: "node" },
        `${name}${name === node.row.op ? "" : ` (${node.row.op})`} `,
        element("span", { class: "shape" }, node.row.output),
        element("span", { class: "cost" }, percent(counted.values[node.at][1])),
        plain ? null : element("span", { class: "edge" }, `  from ${node.row.inputs.join(", ")}`));
    }
    return element("details", {},
      element("summary", {}, `${name} `, element("span", { class: "shape" }, node.shape), element("span", { class: "cost" }, percent(node.ops))),
      ...[...node.children].map(([inner, child]) => drawn(inner, child)));
  };
  const box = element("div", { class: "graph" });
  const set = (open) => box.querySelectorAll("details").forEach((each) => { each.open = open; });
  box.append(
    element("button", { type: "button", class: "expand", onclick: () => set(true) }, "Expand all"), " ",
    element("button", { type: "button", class: "collapse", onclick: () => set(false) }, "Collapse all"),
    ...[...root.children].map(([name, node]) => drawn(name, node)),
  );
  return box;
}

// The page ----------------------------------------------------------------------------------

function anchor(model) { return "model-" + model.name.replace(/[^A-Za-z0-9_-]/g, "_"); }

function governed(model) { return model.counts.op[state.convention.name]; }

// A figure, and what it is of the first model's.
function against(models, at) {
  const first = governed(models[0]).values.at(-1)[at];
  return models.map((model) => (first ? (governed(model).values.at(-1)[at] / first).toFixed(2) : ""));
}

function comparison(models) {
  const [params, ops, memory] = state.convention.exact;
  const headings = ["model", "input", params, "x", ops, "x ", memory, "x  ", ...models[0].allocated.map(([name]) => name), "top-1 (%)"];
  const ratios = [0, 1, 2].map((at) => against(models, at));
  const rows = models.map((model, at) => [
    model.title, model.subtitle.split(",")[0].replace("input ", ""),
    ...governed(model).exact.flatMap((text, which) => [text, ratios[which][at]]),
    ...model.allocated.map(([, text]) => text), model.top1 === null ? "" : model.top1.toFixed(2)]);
  const section = element("section", { id: "comparison" }, element("h2", {}, "Side by side"),
    element("p", { class: "about" }, `Parameters, ${ops} and memory made as ${state.convention.name} counts; x: times the first model. Weights and peaks as PyTorch allocates them.`),
    plainTable(headings, rows, "Totals of all models"));
  const known = models.filter((model) => model.top1 !== null);
  if (known.length > 1) section.append(element("h3", {}, "Accuracy against operations"), scatter(known));
  return section;
}

function section(model) {
  const made = element("section", { id: anchor(model) },
    element("h2", {}, model.title),
    element("p", { class: "about" }, ...linked(`${model.subtitle}. ${model.paper}`)),
    model.note ? element("p", { class: "about" }, model.note) : null,
    element("ul", { class: "totals" },
      ...governed(model).exact.map((text, at) => element("li", {}, element("strong", {}, text), element("span", {}, `${state.convention.exact[at]}, as ${state.convention.name} counts`))),
      ...model.allocated.map(([name, text]) => element("li", {}, element("strong", {}, text), element("span", {}, `${name}, as PyTorch allocates`))),
      model.time ? element("li", {}, element("strong", {}, model.time[1]), element("span", {}, model.time[0])) : null),
    element("h3", {}, "Where it goes"), bars(model),
    element("h3", {}, `Every ${state.level}`), layerTable(model),
  );
  made.append(element("h3", {}, "Memory over a forward pass"), memoryLine(model));
  if (model.devices.length) {
    made.append(
      element("h3", {}, "Under the roof of a device"), ...roof(model),
      element("h3", {}, "Time on a device"),
      plainTable(["device", "least time", "of it bound by memory", "predicted (90 % interval)"],
        model.devices.map((each) => [each.name, each.least, each.memory, each.predicted]), `Times of ${model.name}`));
  }
  if (model.measured.length) {
    const headings = Object.keys(model.measured[0]);
    made.append(element("h3", {}, "Measured"), plainTable(headings, model.measured.map((row) => headings.map((key) => row[key] ?? "")), `Measured values of ${model.name}`));
  }
  if (model.published.length) {
    made.append(element("h3", {}, "Published"), plainTable(
      ["figures", "on", "source", "why ours differs"],
      model.published.map((fact) => [fact.figures, fact.about, fact.source, fact.reason]), `Published figures of ${model.name}`));
  }
  made.append(element("h3", {}, "The graph"), graph(model));
  return made;
}

function draw() {
  drawnAt = paperWidth();
  const open = new Set([...document.querySelectorAll("details[open]")].map(path));
  document.getElementById("statement").textContent = `${state.convention.title}: ${state.convention.statement}`;
  const parts = data.models.map(section);
  if (data.models.length > 1) parts.unshift(comparison(data.models));
  const contents = element("nav", { "aria-label": "Contents" }, ...data.models.flatMap((model) => [element("a", { href: `#${anchor(model)}`, onclick: (event) => { event.preventDefault(); document.getElementById(anchor(model)).scrollIntoView(); } }, model.title), " "]));
  if (data.models.length > 1) parts.unshift(contents);
  parts.push(element("section", { id: "glossary" }, element("h2", {}, "Words"), element("dl", {}, ...GLOSSARY.flatMap(([word, text]) => [element("dt", {}, word), element("dd", {}, text)]))));
  document.getElementById("main").replaceChildren(...parts);
  document.querySelectorAll("details").forEach((each) => { each.open = open.has(path(each)); });
}

function path(details) {
  const names = [];
  for (let node = details; node; node = node.parentElement.closest("details, section")) {
    names.unshift(node.tagName === "DETAILS" ? node.firstElementChild.firstChild.textContent.trim() : node.id);
  }
  return names.join("/");
}

function choices(id, values, chosen, change) {
  const select = document.getElementById(id);
  values.forEach(([value, text]) => select.append(element("option", { value, selected: value === chosen ? "" : null }, text)));
  select.addEventListener("change", () => { change(select.value); remember(); draw(); });
}

choices("level", LEVELS.map((level) => [level, `by ${level}`]), state.level, (value) => { state.level = value; });
choices("convention", data.conventions.map((each) => [each.name, each.name]), state.convention.name, (value) => {
  state.convention = data.conventions.find((each) => each.name === value);
});
choices("device", data.models[0].devices.map((each) => [each.key, each.name]), state.device, (value) => { state.device = value; });
const search = document.getElementById("search");
search.value = state.search;
search.addEventListener("input", () => { state.search = search.value.trim(); remember(); draw(); });
let drawnAt = 0;
addEventListener("resize", () => { if (paperWidth() !== drawnAt) draw(); });
draw();
