// What is another in one network than in another: paired by the structure of their graphs as `cnncost diff` does, counted
// as the convention that was chosen counts.
function difference(before, after) {
  const found = data.differences.find((each) => each.before === Math.min(before, after) && each.after === Math.max(before, after));
  if (!found || before < after) return found;
  const turned = { added: "removed", removed: "added" };
  return { ...found, changes: found.changes.map(([kind, old, now, words]) => [turned[kind] ?? kind, now, old, words]), renamings: found.renamings.map(([old, now, nodes]) => [now, old, nodes]) };
}

function signed(value) { return value ? `${value > 0 ? "+" : "-"}${Math.abs(value).toLocaleString("en")}` : "0"; }

function differences() {
  const [before, after] = state.pair, [old, now] = state.pair.map((at) => data.models[at]);
  const pick = (word, at) => element("label", {}, `${word} `, element("select", { id: word.toLowerCase(), onchange: (event) => {
    state.pair[at] = Number(event.target.value);
    remember();
    draw();
    document.getElementById(word.toLowerCase()).focus();
  } }, ...data.models.map((model, place) => element("option", { value: place, selected: place === state.pair[at] ? "" : null }, model.key))));
  const section = element("section", { id: "differences" }, element("h2", {}, "What differs"),
    element("p", { class: "controls" }, pick("Before", 0), pick("After", 1)));
  const [params, ops, memory] = state.convention.exact;
  const values = (model) => governed(model).values.at(-1);
  const totals = [params, ops, memory].map((name, at) => [name, ...[old, now].map((model) => governed(model).exact[at]),
    signed(values(now)[at] - values(old)[at]), values(old)[at] ? (values(now)[at] / values(old)[at]).toFixed(3) : ""]);
  section.append(element("p", { class: "about" }, `As ${state.convention.name} counts; memory differs in bytes.`),
    plainTable(["quantity", `before: ${old.name}`, `after: ${now.name}`, "difference", "x"], totals, `Totals of ${old.name} and ${now.name}`));
  if (before === after) return section;
  const found = difference(before, after);
  if (!found) {
    section.append(element("p", { class: "about" }, `${data.models.length} networks have too many pairs for a page: cnncost diff ${old.name} ${now.name} has every node.`));
    return section;
  }
  const cost = (model, at) => (at === null ? [0, 0, 0] : governed(model).values[at]);
  const rows = found.changes.map(([kind, was, is, words]) => [kind, (is === null ? old.rows.op[was] : now.rows.op[is]).name,
    ...[0, 1, 2].map((at) => signed(cost(now, is)[at] - cost(old, was)[at])), words]);
  const kinds = ["added", "removed", "changed", "rewired"].map((kind) => [rows.filter((row) => row[0] === kind).length, kind]).filter(([count]) => count);
  section.append(element("p", { class: "about" }, kinds.length ? `${kinds.map((each) => each.join(" ")).join(", ")} of ${now.rows.op.length} operators.` : "The same operators."));
  if (found.renamings.length) {
    section.append(element("details", {}, element("summary", {}, `${found.renamings.length} parts are the same under another name`),
      plainTable(["before", "after", "operators"], found.renamings.map((each) => each.map(String)), `Other names in ${old.name} and ${now.name}`)));
  }
  if (rows.length) section.append(plainTable(["change", "operator", params, ops, memory, "what"], rows, `Operators of ${old.name} and ${now.name}`));
  return section;
}
