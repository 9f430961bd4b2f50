"use strict";
// What was chosen, and what every part of the page makes its elements with. Numbers arrive counted and written.
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
  ["training step", "a forward and a backward pass and the update of the weights; what the backward pass needs is kept until then."],
  ["predicted", "the time by a calibrated profile of the device; 9 in 10 measured times lie in its interval."],
  ["roof", "the rate that a device allows at best: that of its bandwidth below the ridge, that of its arithmetic above."],
];
// Two networks may have one name: the second is called after its place.
data.models.forEach((model, at) => { model.key = data.models.slice(0, at).some((each) => each.name === model.name) ? `${model.name} (${at + 1})` : model.name; });
// What the reader chose stands in the address, so that a link shows the same.
const asked = new URLSearchParams(location.hash.slice(1));
const state = {
  level: LEVELS.includes(asked.get("level")) ? asked.get("level") : "layer",
  convention: data.conventions.find((each) => each.name === asked.get("convention")) ?? data.conventions[0],
  search: asked.get("search") ?? "",
  device: asked.get("device") ?? data.models[0].device,
  pair: [chosenModel("before", 0), chosenModel("after", 1)],
  sorts: new Map(asked.getAll("sort").map((each) => each.split("~")).map(([model, key, direction]) => [model, { key, direction }])),
  graphs: new Map(),
};
function chosenModel(word, usual) {
  const at = data.models.findIndex((model) => model.key === asked.get(word));
  return at < 0 ? usual : at;
}
function remember() {
  const said = new URLSearchParams({ level: state.level, convention: state.convention.name });
  if (state.search) said.set("search", state.search);
  if (state.device !== data.models[0].device) said.set("device", state.device);
  if (state.pair.join() !== "0,1") ["before", "after"].forEach((word, at) => said.set(word, data.models[state.pair[at]].key));
  for (const [model, { key, direction }] of state.sorts) said.append("sort", [model, key, direction].join("~"));
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
