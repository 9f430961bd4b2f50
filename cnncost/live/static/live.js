"use strict";
// The live page: what is typed is counted by the server at once; nothing is computed here.

const base = location.pathname;
const form = document.getElementById("controls");
const field = name => form.elements[name];
const find = id => document.getElementById(id);
const state = {mark: "", saved: "", asked: 0, shown: 0, answer: null, waiting: null, view: null, words: null, graph: graphView()};

async function ask(path, body) {
  const options = body === undefined ? {} : {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}};
  const response = await fetch(base + path, options);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function question(more = {}) {
  const asked = {text: state.view.state.doc.toString(), batch: Math.max(1, Math.floor(Number(field("batch").value)) || 1), ...more};
  for (const name of ["variant", "input", "dtype", "mode", "convention", "by", "device"]) asked[name] = field(name).value;
  return asked;
}

function say(text, wrong = false) {
  const status = find("status");
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Counting ----------------------------------------------------------------------------------------------

function changed() {
  clearTimeout(state.waiting);
  state.waiting = setTimeout(count, 15);
}

async function count() {
  const number = ++state.asked;
  let answer;
  try {
    answer = await ask("count", question());
  } catch (error) {
    say(`The server does not answer: ${error.message}`, true);
    return;
  }
  if (number < state.shown) return;  // a later one is there already
  state.shown = number;
  mark(answer.errors);
  if (answer.errors.length) {
    const [error] = answer.errors;
    say([error.line ? `line ${error.line}: ${error.message}` : error.message, error.cure, error.more].filter(Boolean).join("\n"), true);
    find("right").classList.add("stale");
    return;
  }
  find("right").classList.remove("stale");
  state.answer = answer;
  say([...answer.warnings, `${answer.title}, counted in ${answer.milliseconds} ms`].join("\n"));
  options(field("variant"), ["", ...answer.variants]);
  field("variant").parentElement.hidden = answer.variants.length === 0;
  drawTotals(answer);
  drawTable(answer);
  if (!find("graph").hidden) graph();
  if (!find("difference").hidden) difference();
  find("notes").replaceChildren(...answer.notes.map(note => made("p", {}, note)));
  here();
}

function mark(errors) {
  const doc = state.view.state.doc;
  const found = errors.filter(error => error.line && error.line <= doc.lines).map(error => {
    const line = doc.line(error.line), from = Math.min(line.from + error.column - 1, line.to);
    return {from, to: Math.min(from + (error.length || line.length), line.to), severity: "error",
      message: [error.message, error.cure, error.more].filter(Boolean).join("\n")};
  });
  state.view.dispatch(CodeMirror.setDiagnostics(state.view.state, found));
}

function drawTotals(answer) {
  const all = [...answer.totals];
  if (answer.predicted) all.push({name: `on ${field("device").value}`, value: answer.predicted.text});
  find("totals").replaceChildren(...all.map(({name, value}) => made("li", {}, made("strong", {}, value), made("span", {}, name))));
}

function drawTable(answer) {
  const head = made("tr", {}, ...answer.columns.map(column =>
    Object.assign(made("th", {scope: "col"}, column.heading), column.number ? {className: "number"} : {})));
  const cells = (texts, share) => texts.map((text, place) => {
    const column = answer.columns[place], cell = made("td", {className: column.number ? "number" : ""}, text);
    if (share && column.key in share) { cell.classList.add("bar"); cell.style.setProperty("--share", share[column.key]); }
    return cell;
  });
  const rows = answer.rows.map((row, index) => {
    const line = made("tr", {tabIndex: 0}, ...cells(row.cells, row.share));
    line.dataset.row = index;
    line.addEventListener("click", () => go(row));
    line.addEventListener("keydown", event => { if (event.key === "Enter") go(row); });
    return line;
  });
  const table = made("table", {}, made("thead", {}, head), made("tbody", {}, ...rows),
    made("tfoot", {}, made("tr", {}, ...cells(answer.total))));
  find("table").replaceChildren(table);
}

function graph() {
  const {answer} = state, shown = Object.fromEntries(answer.columns.map((column, place) => [column.key, place]));
  const rows = answer.rows.map(row => ({...row, name: row.cells[shown.name], op: row.cells[shown.op], output: row.cells[shown.output]}));
  drawGraph(find("graph"), {name: answer.name, rows, shapes: answer.shapes}, state.graph, at => go(answer.rows[at]));
}

// From rows to lines and back ----------------------------------------------------------------------------

function go(row) {
  if (!row.line) return;
  const line = state.view.state.doc.line(Math.min(row.line, state.view.state.doc.lines));
  state.view.dispatch({selection: {anchor: line.from, head: line.to}, effects: CodeMirror.EditorView.scrollIntoView(line.from, {y: "center"})});
  state.view.focus();
}

function here() {
  if (!state.answer) return;
  const doc = state.view.state.doc, line = doc.lineAt(state.view.state.selection.main.head).number;
  for (const element of document.querySelectorAll("[data-row]")) {
    const row = state.answer.rows[element.dataset.row];
    element.classList.toggle("here", Boolean(row) && row.line === line);
  }
}

const hover = () => CodeMirror.hoverTooltip(async (view, position) => {
  const line = view.state.doc.lineAt(position);
  let answer;
  try { answer = await ask("explain", question({line: line.number})); } catch { return null; }
  if (!answer.layers?.length) return null;
  const dom = made("div", {className: "working"});
  for (const layer of answer.layers) {
    dom.append(made("p", {}, made("strong", {}, `${layer.name} (${layer.op})`), ` ${layer.shapes}`));
    for (const {quantity, working} of layer.lines) dom.append(made("p", {}, `${quantity}: `, made("code", {}, working)));
  }
  if (answer.more) dom.append(made("p", {}, `and ${answer.more} more of this line`));
  return {pos: line.from, end: line.to, above: false, create: () => ({dom})};
}, {hoverTime: 250});

// Completion ---------------------------------------------------------------------------------------------

function complete(context) {
  const {words} = state, line = context.state.doc.lineAt(context.pos), before = line.text.slice(0, context.pos - line.from);
  const word = context.matchBefore(/[\w-]*/);
  if (!context.explicit && !word.text && !/[{,:-] ?$/.test(before)) return null;
  const inside = /(\w+):\s*\{([^{}]*)$/.exec(before);
  const listed = (names, type, detail) => Object.entries(names).map(([label, help]) => ({label, type, info: help || undefined, apply: `${label}${detail}`}));
  let found;
  if (inside && words.operators[inside[1]]) {
    const known = words.operators[inside[1]].arguments, value = /(\w+):\s*[\w-]*$/.exec(inside[2]);
    if (value && known[value[1]]) found = known[value[1]].choices.map(label => ({label, type: "enum"}));
    else found = Object.entries(known).map(([label, each]) => ({label, type: "property", info: each.help, apply: `${label}: `, boost: each.required ? 1 : 0}));
  } else if (/^\s*-\s*\{?\s*\w*$/.test(before)) {
    const text = context.state.doc.toString(), blocks = {};
    for (const [, name] of text.matchAll(/^ {2}(\w+)\s*(?:\(.*\))?:\s*$/gm)) blocks[name] = "a block of this spec";
    const helps = Object.fromEntries(Object.entries(words.operators).map(([name, each]) => [name, each.help]));
    found = [...listed(blocks, "function", ""), ...listed(helps, "class", "")];
  } else if (/^\w*$/.test(before)) found = listed(words.top, "keyword", ": ");
  else if (/^\s*-\s*\{.*,\s*\w*$/.test(before)) found = listed(words.modifiers, "keyword", ": ");
  if (!found?.length) return null;
  return {from: word.from, options: found, validFor: /^[\w-]*$/};
}

// The file -----------------------------------------------------------------------------------------------

function setText(text) {
  state.view.dispatch({changes: {from: 0, to: state.view.state.doc.length, insert: text}});
}

async function save() {
  const text = state.view.state.doc.toString();
  let answer;
  try { answer = await ask("save", {text, mark: state.mark}); } catch (error) { say(error.message, true); return; }
  if (answer.errors.length) { say(answer.errors[0].message, true); return; }
  state.mark = answer.mark;
  if (answer.changed) { banner(answer.changed); return; }
  state.saved = text;
  find("banner").hidden = true;
  say("saved");
  title();
}

function banner(text) {
  find("banner").firstElementChild.textContent = text;
  find("banner").hidden = false;
}

function title() {
  const other = state.view.state.doc.toString() !== state.saved;
  document.title = `${other ? "* " : ""}${find("file").textContent}`;
  find("save").textContent = other ? "Save *" : "Save";
}

async function look() {
  // Has somebody else written the file?
  try {
    const now = await ask("revision");
    if (now.error || now.mark === state.mark) return;
    const mine = state.view.state.doc.toString();
    state.disk = now;
    if (mine === state.saved) loadDisk();
    else if (mine === now.text) { state.mark = now.mark; state.saved = mine; title(); }
    else banner(`${now.file} was changed on disk.`);
  } catch { /* the server is gone: the next count says so */ }
}

function loadDisk() {
  const now = state.disk;
  state.mark = now.mark; state.saved = now.text;
  setText(now.text);
  find("banner").hidden = true;
  title();
}

// Difference ---------------------------------------------------------------------------------------------

async function difference() {
  const answer = await ask("difference", question({other: field("other").value}));
  const panel = find("difference");
  if (answer.errors.length) { panel.replaceChildren(answer.errors[0].message); return; }
  panel.replaceChildren(...answer.tables.flatMap(grid => {
    const kind = place => grid.columns[place].number ? {className: "number"} : {};
    const head = made("tr", {}, ...grid.columns.map((column, place) => made("th", {scope: "col", ...kind(place)}, column.heading)));
    const rows = grid.rows.map(row => made("tr", {}, ...row.map((text, place) => made("td", kind(place), text))));
    const notes = grid.notes.map(note => made("p", {}, note));
    return [made("h2", {}, grid.title), ...(grid.columns.length ? [made("table", {}, made("thead", {}, head), made("tbody", {}, ...rows))] : []), ...notes];
  }));
}

// Controls -----------------------------------------------------------------------------------------------

function options(select, names, first) {
  const value = select.value, known = [...select.options].map(option => option.value);
  if (known.join() === names.join()) return;
  select.replaceChildren(...names.map(name => made("option", {value: name}, name || first || "\u2013")));
  if (names.includes(value)) select.value = value;
}

function fromAddress() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) if (form.elements[name]) form.elements[name].value = value;
}

function toAddress() {
  const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", `#${kept}`);
}

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const open = tab => {
    for (const each of all) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", chosen); each.tabIndex = chosen ? 0 : -1;
      find(each.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (tab.id === "tab-graph" && state.answer) { graph(); here(); }
    if (tab.id === "tab-difference") difference();
  };
  all.forEach((tab, place) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", event => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (step) { const next = all[(place + step + all.length) % all.length]; next.focus(); open(next); }
    });
  });
  return {difference: () => open(find("tab-difference"))};
}

async function start() {
  const cm = CodeMirror;
  const [words, now] = [await ask("words"), await ask("revision")];
  state.words = words;
  for (const name of ["dtype", "convention", "by"]) options(field(name), words.choices[name]);
  field("dtype").value = "float32"; field("convention").value = "cnncost"; field("by").value = "layer";
  options(field("device"), ["", ...words.choices.device]);
  options(field("other"), ["", ...words.choices.other], "the saved file");
  fromAddress();
  find("file").textContent = now.file;
  const colours = cm.HighlightStyle.define([
    {tag: [cm.tags.propertyName, cm.tags.definition(cm.tags.propertyName)], color: "var(--key)"},
    {tag: [cm.tags.string, cm.tags.content], color: "var(--text)"}, {tag: cm.tags.number, color: "var(--number)"},
    {tag: cm.tags.comment, color: "var(--soft)", fontStyle: "italic"},
  ]);
  const theme = cm.EditorView.theme({
    "&": {color: "var(--ink)", backgroundColor: "var(--paper)"},
    ".cm-content": {caretColor: "var(--ink)", fontFamily: "ui-monospace, 'DejaVu Sans Mono', monospace"},
    ".cm-cursor": {borderLeftColor: "var(--ink)"},
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {backgroundColor: "var(--bar) !important"},
    ".cm-gutters": {backgroundColor: "var(--panel)", color: "var(--soft)", borderRight: "1px solid var(--line)"},
    ".cm-activeLine, .cm-activeLineGutter": {backgroundColor: "var(--panel)"},
    ".cm-tooltip": {backgroundColor: "var(--panel)", color: "var(--ink)", border: "1px solid var(--line)"},
    ".cm-tooltip-autocomplete ul li[aria-selected]": {backgroundColor: "var(--bar)", color: "var(--ink)"},
  });
  const listening = cm.EditorView.updateListener.of(update => {
    if (update.docChanged) { changed(); title(); }
    if (update.selectionSet) here();
  });
  const keys = [{key: "Mod-s", preventDefault: true, run: () => { save(); return true; }}, ...cm.completionKeymap, ...cm.lintKeymap,
    ...cm.searchKeymap, ...cm.historyKeymap, ...cm.defaultKeymap];
  state.view = new cm.EditorView({parent: find("editor"), state: cm.EditorState.create({doc: now.text, extensions: [
    cm.lineNumbers(), cm.history(), cm.drawSelection(), cm.indentOnInput(), cm.bracketMatching(), cm.highlightActiveLine(),
    cm.highlightActiveLineGutter(), cm.highlightSelectionMatches(), cm.lintGutter(), cm.yaml(), cm.syntaxHighlighting(colours), theme,
    cm.autocompletion({override: [complete]}), hover(), cm.keymap.of(keys), listening,
    cm.EditorView.contentAttributes.of({"aria-label": "The spec, as YAML"}),
  ]})});
  state.mark = now.mark; state.saved = now.text;
  const panels = tabs();
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", event => {
    toAddress();
    if (event.target.name === "other") panels.difference(); else changed();
  });
  find("save").addEventListener("click", save);
  find("graph").addEventListener("drawn", here);
  find("load").addEventListener("click", async () => { state.disk = await ask("revision"); loadDisk(); });
  find("keep").addEventListener("click", async () => { state.mark = (await ask("revision")).mark; find("banner").hidden = true; });
  document.addEventListener("keydown", event => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s" && !event.defaultPrevented) { event.preventDefault(); save(); }
  });
  addEventListener("beforeunload", event => { if (state.view.state.doc.toString() !== state.saved) event.preventDefault(); });
  setInterval(look, 1000);
  title();
  await count();
}

start().catch(error => say(`The page could not begin: ${error.message}`, true));
