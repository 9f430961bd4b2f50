// The page: sections in order, and the controls.
// The page ----------------------------------------------------------------------------------

function anchor(model) { return "model-" + model.key.replace(/[^A-Za-z0-9_-]/g, "_"); }

// The graph of the rows that were chosen; a box leads to its row.
function graph(model) {
  if (!state.graphs.has(model.key)) state.graphs.set(model.key, graphView());
  const whole = counts(model).values.at(-1)[1];
  const rows = model.rows[state.level].map((row, at) => ({ ...row, part: whole ? counts(model).values[at][1] / whole : 0 }));
  drawGraph(document.querySelector(`#${anchor(model)} .graph`), { name: model.name, rows, shapes: model.shapes }, state.graphs.get(model.key), (at) => toRow(model, at));
}

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
    model.title, model.input,
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
  made.append(
    element("h3", {}, "Memory over a forward pass"), memoryLine(model, model.alive, "forward pass"),
    element("h3", {}, "Memory over a training step"),
    element("p", { class: "about" }, model.training.about),
    ...(model.training.alive.length ? [memoryLine(model, model.training.alive, "training step"),
      plainTable(["part of the peak", "bytes"], model.training.parts, `Training memory of ${model.name}`)] : []),
  );
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
  made.append(element("h3", {}, "The graph"), element("div", { class: "graph" }));
  return made;
}

function draw() {
  drawnAt = paperWidth();
  document.getElementById("statement").textContent = `${state.convention.title}: ${state.convention.statement}`;
  const parts = data.models.map(section);
  if (data.models.length > 1) parts.unshift(comparison(data.models), differences());
  const contents = element("nav", { "aria-label": "Contents" }, ...data.models.flatMap((model) => [element("a", { href: `#${anchor(model)}`, onclick: (event) => { event.preventDefault(); document.getElementById(anchor(model)).scrollIntoView(); } }, model.title), " "]));
  if (data.models.length > 1) parts.unshift(contents);
  parts.push(element("section", { id: "glossary" }, element("h2", {}, "Words"), element("dl", {}, ...GLOSSARY.flatMap(([word, text]) => [element("dt", {}, word), element("dd", {}, text)]))));
  document.getElementById("main").replaceChildren(...parts);
  data.models.forEach(graph);
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
