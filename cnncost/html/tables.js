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
  const sort = state.sorts.get(model.key);
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

// The row that an operator is in, at the level that was chosen.
function rowOf(model, operator) { return model.owners[state.level][model.rows.op.findIndex((row) => row.name === operator)]; }

function rowOfLayer(model, layer) {
  return model.owners[state.level][model.owners.layer.indexOf(model.rows.layer.findIndex((row) => row.name === layer))];
}

function rowAnchor(model, at) { return `${anchor(model)}-row-${at}`; }

// To a row of the table of layers; a search that hides it ends.
function toRow(model, at) {
  if (!document.getElementById(rowAnchor(model, at)) && state.search) {
    document.getElementById("search").value = state.search = "";
    remember();
    draw();
  }
  const row = document.getElementById(rowAnchor(model, at))?.parentElement;
  if (!row) return;
  document.querySelectorAll("tr.here").forEach((each) => each.classList.remove("here"));
  row.classList.add("here");
  row.scrollIntoView({ block: "center" });
}

function resort(model, column) {
  const now = state.sorts.get(model.key);
  const first = column.number ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  if (now?.key !== column.key) state.sorts.set(model.key, { key: column.key, direction: first });
  else if (now.direction === first) state.sorts.set(model.key, { key: column.key, direction: other });
  else state.sorts.delete(model.key);
  remember();
  draw();
  const index = COLUMNS.indexOf(column);
  document.querySelectorAll(`#${anchor(model)} thead button`)[index].focus();
}

// A table of texts; a column whose texts all begin with a digit stands to the right, and a click sorts.
function plainTable(headings, rows, label) {
  const number = headings.map((_, at) => rows.every((row) => /^[\d≥≈<+-]|^$/.test(row[at])) && rows.some((row) => /\d/.test(row[at])));
  const body = element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((text, at) =>
    element(at ? "td" : "th", { scope: at ? null : "row", class: number[at] ? "number" : text.length > 40 ? "words" : null }, ...linked(text))))));
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
