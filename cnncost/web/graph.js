"use strict";
// A network's graph on a sheet: boxes lead to their rows, blocks fold and unfold, buttons and Ctrl + wheel zoom, and
// the sheet scrolls or is dragged. `drawGraph(panel, network, view, choose)`: `network` has `name` and `rows` with `name`,
// `op`, `output`, `inputs` and `part` (of the whole, 0 to 1), and `shapes` of the inputs; `view` is of `graphView`, and keeps what is open and the
// scale from one drawing to the next; `choose(at)` is told the row of a box.

function graphView() { return { open: null, scale: 0 }; }

const drawGraph = (() => {
  const MOST = 1500, STEP = 1.25, SCALES = [0.02, 4], LEGIBLE = 0.6;

  function element(name, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function shortened(text, most) { return text.length > most ? "\u2026" + text.slice(1 - most) : text; }

  function curve(corners) {
    let path = `M${corners[0].map((each) => each.toFixed(1))}`;
    corners.slice(1).forEach(([x, y], at) => {
      const [fromX, fromY] = corners[at], middle = (fromY + y) / 2;
      path += Math.abs(fromX - x) < 0.5 ? `L${x.toFixed(1)},${y.toFixed(1)}`
        : `C${fromX.toFixed(1)},${middle.toFixed(1)} ${x.toFixed(1)},${middle.toFixed(1)} ${x.toFixed(1)},${y.toFixed(1)}`;
    });
    return path;
  }

  function box(node, rows, shapes) {
    const first = node.input ? null : rows[node.rows[0]], last = node.input ? null : rows[node.rows.at(-1)];
    const part = node.rows.reduce((sum, at) => sum + (rows[at].part ?? 0), 0);
    const what = node.input ? shapes?.[node.name] ?? "input" : node.children ? `${node.rows.length} rows` : node.name === first.op ? "" : first.op;
    const said = [what, last?.output].filter(Boolean).join("  "), { x, y, width, height } = node;
    const percent = part >= 0.0005 ? `${(100 * part).toFixed(1)} %` : "";
    const full = node.children ? node.path : node.input ? node.name : first.name;
    return element("g", {
      class: node.children ? "box block" : node.input ? "box input" : "box", tabindex: node.input ? null : 0, role: node.input ? "img" : "button",
      "data-key": node.key, "data-row": node.children || node.input ? null : node.row, "aria-expanded": node.children ? "false" : null,
      "aria-label": [full, said, percent && `${percent} of the whole`].filter(Boolean).join(", "),
    },
    element("title", {}, [full, said, percent && `${percent} of the whole`].filter(Boolean).join("\n")),
    ...(node.children ? [element("rect", { class: "under", x: x + 3, y: y + 3, width, height, rx: 5 })] : []),
    element("rect", { x, y, width, height, rx: 5 }),
    element("rect", { class: "part", x: x + 1, y: y + height - 5, width: part > 0 ? Math.max((width - 2) * part, 1) : 0, height: 4 }),
    element("text", { x: x + 8, y: y + 15 }, (node.children ? "+ " : "") + shortened(node.name, percent ? 19 : 25)),
    element("text", { x: x + width - 6, y: y + 15, class: "soft", "text-anchor": "end" }, percent),
    element("text", { x: x + 8, y: y + 30, class: "soft" }, shortened(said, 28)));
  }

  function frame(node) {
    const { x, y, width, height } = node;
    return element("g", { class: "frame" },
      element("rect", { x, y, width, height, rx: 7 }),
      element("g", { class: "fold", tabindex: 0, role: "button", "data-key": node.key, "aria-expanded": "true", "aria-label": `${node.path}, ${node.rows.length} rows` },
        element("rect", { class: "hit", x: x + 2, y: y + 2, width: 8 * node.name.length + 26, height: 18, rx: 4 }),
        element("text", { x: x + 8, y: y + 15 }, `\u2212 ${node.name}`)));
  }

  return function drawGraph(panel, network, view, choose) {
    view.open ??= graphLayout.first(network.rows);
    const { rows } = network, placed = graphLayout.place(rows, view.open);
    const kept = panel.querySelector(".sheet"), scroll = kept ? [kept.scrollLeft, kept.scrollTop] : null;
    const again = (change, key) => {
      const find = () => [...panel.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
      const before = find()?.getBoundingClientRect();
      change();
      drawGraph(panel, network, view, choose);
      const found = find();
      if (!before || !found) return;
      const after = found.getBoundingClientRect(), sheet = panel.querySelector(".sheet");
      sheet.scrollLeft += after.left - before.left; sheet.scrollTop += after.top - before.top;
      found.focus({ preventScroll: true });
    };
    const bar = document.createElement("div");
    bar.className = "graph-bar";
    const button = (name, act) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = name.toLowerCase().replaceAll(" ", "-"); made.textContent = name;
      made.addEventListener("click", act);
      bar.append(made, " ");
    };
    const sheet = document.createElement("div");
    Object.assign(sheet, { className: "sheet", tabIndex: 0 });
    sheet.setAttribute("role", "region");
    sheet.setAttribute("aria-label", `graph of ${network.name}`);
    const svg = element("svg", { role: "group", "aria-label": `${placed.boxes.length} boxes`, viewBox: `0 0 ${placed.width} ${placed.height}` });
    const show = () => { svg.setAttribute("width", placed.width * view.scale); svg.setAttribute("height", placed.height * view.scale); };
    // Zoom about a point of the sheet; without one about its middle.
    const zoom = (factor, x = sheet.clientWidth / 2, y = sheet.clientHeight / 2) => {
      const before = view.scale;
      view.scale = Math.min(SCALES[1], Math.max(SCALES[0], before * factor));
      const across = (sheet.scrollLeft + x) / before, down = (sheet.scrollTop + y) / before;
      show();
      sheet.scrollLeft = across * view.scale - x; sheet.scrollTop = down * view.scale - y;
    };
    const fit = (axes) => Math.min(1, ...axes.map(([room, size]) => (room || size) / size));
    const across = () => [sheet.clientWidth - 4, placed.width], down = () => [sheet.clientHeight - 4, placed.height];
    const paths = graphLayout.paths(rows);
    button("Zoom in", () => zoom(STEP));
    button("Zoom out", () => zoom(1 / STEP));
    button("Whole", () => { view.scale = fit([across(), down()]); show(); });
    if (paths.length) {
      button("Unfold all", () => again(() => { view.open = new Set(paths); }));
      button("Fold all", () => again(() => { view.open = new Set(); }));
    }
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = paths.length ? "Click a block to unfold it, its name to fold it; Ctrl + wheel zooms." : "Ctrl + wheel zooms.";
    bar.append(hint);
    if (placed.boxes.length > MOST) {
      sheet.append(`${placed.boxes.length} boxes are too many to draw: fold blocks, or choose rows by block or stage.`);
      panel.replaceChildren(bar, sheet);
      return;
    }
    svg.append(...placed.frames.map(frame),
      element("g", { class: "edges" }, ...placed.edges.map((edge) => element("path", { d: curve(edge.corners), "data-from": edge.start.key, "data-to": edge.end.key }))),
      ...placed.boxes.map((node) => box(node, rows, network.shapes)));
    const act = (target) => {
      const chosen = target.closest("[data-key][role=button]");
      if (!chosen) return;
      const path = chosen.dataset.key.replace(/^block /, "");
      if (chosen.getAttribute("aria-expanded") === "false") again(() => { view.open.add(path); }, chosen.dataset.key);
      else if (chosen.getAttribute("aria-expanded") === "true") again(() => { view.open.delete(path); }, chosen.dataset.key);
      else choose(Number(chosen.dataset.row));
    };
    let held = null, moved = false;
    svg.addEventListener("click", (event) => { if (!moved) act(event.target); });
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(event.target); }
    });
    sheet.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const place = sheet.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1, event.clientX - place.x, event.clientY - place.y);
    }, { passive: false });
    sheet.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) { held = [event.clientX, event.clientY]; moved = false; }
    });
    sheet.addEventListener("pointermove", (event) => {
      if (!held || !event.buttons) return;
      if (!moved && Math.hypot(event.clientX - held[0], event.clientY - held[1]) < 4) return;
      moved = true;
      sheet.scrollLeft -= event.clientX - held[0]; sheet.scrollTop -= event.clientY - held[1];
      held = [event.clientX, event.clientY];
    });
    sheet.addEventListener("pointerup", () => { held = null; });
    sheet.append(svg);
    panel.replaceChildren(bar, sheet);
    if (!view.scale && sheet.clientWidth) view.scale = Math.max(LEGIBLE, fit([across()]));
    view.scale ||= 1;
    show();
    if (scroll) [sheet.scrollLeft, sheet.scrollTop] = scroll;
    else sheet.scrollLeft = (placed.width * view.scale - sheet.clientWidth) / 2;
    panel.dispatchEvent(new Event("drawn"));
  };
})();
