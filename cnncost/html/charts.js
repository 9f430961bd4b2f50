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

// A text that is not wider than a picture: of a long path its end.
function ending(text, width) {
  const room = Math.floor(width / 6.5);
  return text.length <= room ? text : `…${text.slice(1 - room)}`;
}

// What is alive while each operator runs: moments are [phase, operator, bytes, text].
function memoryLine(model, moments, of) {
  const width = paperWidth(), height = 140, left = 4, top = 36;
  const most = Math.max(...moments.map(([, , bytes]) => bytes), 1);
  const step = (width - 2 * left) / moments.length;
  const peak = moments.find(([, , bytes]) => bytes === most);
  const svg = element("svg:svg", { class: "chart alive", viewBox: `0 0 ${width} ${height + top + 18}`, role: "group", "aria-label": `Memory of ${model.name} over a ${of}` });
  svg.append(element("svg:text", { x: left, y: 14, class: "value" }, `alive while each operator runs, at most ${peak?.[3] ?? 0}`));
  svg.append(element("svg:text", { x: left, y: 28, class: "value" }, ending(`at ${peak?.[1] || "the outputs"}`, width)));
  svg.append(element("svg:line", { x1: left, x2: width - left, y1: top + height, y2: top + height }));
  moments.forEach(([phase, name, bytes, text], at) => {
    const tall = (bytes / most) * height;
    const bar = element("svg:rect", { class: phase, onclick: () => toRow(model, rowOf(model, name)), x: left + at * step, y: top + height - tall, width: Math.max(step - .3, .5), height: tall });
    svg.append(explained(bar, `${name || "the outputs"}${phase === "inference" ? "" : `, ${phase}`}\nalive: ${text}`));
  });
  const phases = [...new Set(moments.map(([phase]) => phase))];
  svg.append(element("svg:text", { x: left, y: top + height + 13 }, `operators in order of execution${phases.length > 1 ? `: ${phases.join(", then ")}` : ""}`));
  return svg;
}

// Logarithms of round numbers between two; of 1, 2 and 5 where the decades are few.
function decades(low, high) {
  const found = [];
  for (let log = Math.floor(low); log <= high; log++) {
    for (const part of high - low < 2 ? [1, 2, 5] : [1]) found.push(log + Math.log10(part));
  }
  return found.filter((log) => log >= low && log <= high);
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
  for (const log of decades(low, high)) {
    svg.append(element("svg:line", { x1: across(log), x2: across(log), y1: height - pad, y2: height - pad + 5 }));
    svg.append(element("svg:text", { x: across(log), y: height - pad + 18, "text-anchor": "middle" }, short(Math.round(10 ** log))));
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
