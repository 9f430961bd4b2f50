"use strict";
// Where the boxes of a network stand: each below what it reads; a block is closed (a box) or open (a frame around what
// is in it). Nothing is drawn here. `graphLayout.place(rows, open)` takes rows with `name` and `inputs` (names of rows,
// or of inputs of the network) and the paths of the blocks that are open.
//
// A frame is laid out by itself and then is a box of its parent. Boxes stand in levels, one below the deepest that
// they read; an edge over several levels has a lane in each of those between, so that it crosses no box.

const graphLayout = (() => {
  const BOX = { width: 190, height: 40 }, LANE = 8, GAP = 16, BETWEEN = 24, PAD = 10, TITLE = 24;
  const FEW = 40;  // boxes at which a graph still begins with a deeper level of blocks open

  // Blocks and rows as a tree, in the order of execution. What stands in no block, and inputs, are children of the root.
  function tree(rows) {
    const root = { path: "", name: "", children: [] }, blocks = new Map(), known = new Set(rows.map((row) => row.name));
    for (const name of new Set(rows.flatMap((row) => row.inputs))) if (!known.has(name)) root.children.push({ name, key: `input ${name}`, input: true });
    rows.forEach((row, at) => {
      const parts = row.name.split(".");
      let around = root, path = "";
      for (const part of parts.slice(0, -1)) {
        path = path ? `${path}.${part}` : part;
        if (!blocks.has(path)) {
          blocks.set(path, { path, key: `block ${path}`, name: part, children: [] });
          around.children.push(blocks.get(path));
        }
        around = blocks.get(path);
      }
      around.children.push({ name: parts.at(-1), key: `row ${at}`, row: at });
    });
    root.children = root.children.map(merged);
    return linked(root);
  }

  // A block of one thing is that thing.
  function merged(node) {
    if (!node.children) return node;
    node.children = node.children.map(merged);
    if (node.children.length > 1) return node;
    node.children[0].name = `${node.name}.${node.children[0].name}`;
    return node.children[0];
  }

  // Every node knows what is around it, and which rows are in it.
  function linked(node) {
    node.rows = node.children ? [] : node.input ? [] : [node.row];
    for (const child of node.children ?? []) {
      child.around = node;
      node.rows.push(...linked(child).rows);
    }
    return node;
  }

  function all(node, test) {
    return [...(test(node) ? [node] : []), ...(node.children ?? []).flatMap((child) => all(child, test))];
  }

  // The blocks that are open at first: level by level, as long as the boxes are few.
  function first(rows) {
    const open = new Set();
    let level = tree(rows).children;
    for (;;) {
      const blocks = level.filter((node) => node.children);
      const next = level.flatMap((node) => node.children ?? [node]);
      if (!blocks.length || next.length > FEW) return open;
      blocks.forEach((block) => open.add(block.path));
      level = next;
    }
  }

  function paths(rows) { return all(tree(rows), (node) => node.children && node.path).map((node) => node.path); }

  // From the root to a node.
  function chain(node) { return node.around ? [...chain(node.around), node] : [node]; }

  // The edges between what is shown, each once, and what they pass in every open block on their way.
  function edges(root, rows, isOpen) {
    const leaves = new Map(all(root, (node) => !node.children).map((node) => [node.input ? node.name : rows[node.row].name, node]));
    const shown = (leaf) => chain(leaf).find((node, at) => at && (!node.children || !isOpen(node)));
    const found = new Map();
    for (const row of rows) {
      const end = shown(leaves.get(row.name));
      for (const name of row.inputs) {
        const start = shown(leaves.get(name));
        if (start !== end) found.set(`${start.key} -> ${end.key}`, { start, end });
      }
    }
    for (const edge of found.values()) {
      const up = chain(edge.start), down = chain(edge.end), apart = up.findIndex((node, at) => node !== down[at]);
      edge.passes = [
        ...up.slice(apart, -1).map((block, at) => ({ block, from: up[apart + at + 1], to: null })).reverse(),
        { block: up[apart - 1], from: up[apart], to: down[apart] },
        ...down.slice(apart, -1).map((block, at) => ({ block, from: null, to: down[apart + at + 1] })),
      ];
      for (const pass of edge.passes) (pass.block.passes ||= []).push({ ...pass, origin: edge.start.key });
    }
    return [...found.values()];
  }

  // The places of what is in a block, relative to it; the block gets a size.
  function arrange(block, isOpen) {
    const boxes = block.children, passes = block.passes ?? [];
    for (const box of boxes) {
      if (box.children && isOpen(box)) arrange(box, isOpen);
      else Object.assign(box, BOX);
    }
    const order = new Map(boxes.map((box, at) => [box, at]));
    boxes.forEach((box) => {
      box.depth = Math.max(-1, ...passes.filter((pass) => pass.to === box && pass.from && order.get(pass.from) < order.get(box)).map((pass) => pass.from.depth)) + 1;
    });
    for (const box of boxes) {  // what reads nothing, a learned tensor, stands just above what reads it
      const readers = passes.filter((pass) => pass.from === box && pass.to).map((pass) => pass.to.depth);
      if (!box.input && readers.length && !passes.some((pass) => pass.to === box)) box.depth = Math.max(0, Math.min(...readers) - 1);
    }
    const count = block.count = Math.max(...boxes.map((box) => box.depth)) + 1;
    const levels = Array.from({ length: count }, () => []);
    boxes.forEach((box) => { box.reads = new Set(); levels[box.depth].push(box); });
    block.lanes = new Map();
    for (const pass of passes) {
      let before = pass.from;
      const last = pass.to ? pass.to.depth : count;
      for (let depth = pass.from ? pass.from.depth + 1 : 0; depth < last; depth++) {
        const key = `${pass.origin} ${depth}`;
        if (!block.lanes.has(key)) {
          block.lanes.set(key, { lane: true, width: LANE, height: 0, depth, reads: new Set() });
          levels[depth].push(block.lanes.get(key));
        }
        if (before) block.lanes.get(key).reads.add(before);
        before = block.lanes.get(key);
      }
      if (pass.to && before && before.depth < pass.to.depth) pass.to.reads.add(before);
    }
    let top = block.around ? TITLE : PAD;
    for (const level of levels) {
      settle(level);
      const tall = Math.max(...level.map((item) => item.height));
      level.forEach((item) => { item.y = top; item.floor = top + tall; });
      top += tall + BETWEEN;
    }
    const left = Math.min(...levels.flat().map((item) => item.middle - item.width / 2)) - PAD;
    levels.flat().forEach((item) => { item.middle -= left; item.x = item.middle - item.width / 2; });
    block.width = Math.max(...levels.flat().map((item) => item.x + item.width), block.around ? 8 * block.name.length + 30 : 0) + PAD;
    block.height = top - BETWEEN + PAD;
  }

  // The middles of a level's items: as near as they can be to those of what they read, in this order, and apart.
  function settle(level) {
    for (const item of level) {
      const reads = [...item.reads], heavy = reads.filter((each) => !each.lane), wanted = heavy.length ? heavy : reads;
      item.wish = wanted.reduce((sum, each) => sum + each.middle, 0) / (wanted.length || 1);
    }
    level.sort((a, b) => a.wish - b.wish || Boolean(a.lane) - Boolean(b.lane));
    const groups = [];
    let far = 0;
    level.forEach((item, at) => {
      if (at) far += (level[at - 1].width + item.width) / 2 + GAP;
      const weight = item.lane ? 1e-3 : 1;
      let group = { weight, sum: weight * (item.wish - far), items: [item] };
      item.far = far;
      while (groups.length && groups.at(-1).sum / groups.at(-1).weight > group.sum / group.weight) {
        const before = groups.pop();
        group = { weight: before.weight + group.weight, sum: before.sum + group.sum, items: [...before.items, ...group.items] };
      }
      groups.push(group);
    });
    for (const group of groups) for (const item of group.items) item.middle = group.sum / group.weight + item.far;
  }

  // From places in a block to places on the paper.
  function absolute(block, x, y) {
    for (const item of [...block.children, ...block.lanes.values()]) {
      item.x += x; item.middle += x; item.y += y; item.floor += y;
      if (item.lanes) absolute(item, item.x, item.y);
    }
  }

  // The corners of an edge: down to the floor of its level, through its lanes, into and out of frames.
  function corners(edge) {
    const { start, end } = edge, found = [[start.middle, start.y + start.height]];
    const to = (x, y) => found.push([x, y]);
    if (edge.passes.some(({ from, to: into }) => from && into && from.depth >= into.depth)) {  // against the order
      return [[start.middle, start.y + start.height], [end.middle, end.y]];
    }
    to(start.middle, start.floor);
    let x = start.middle;
    edge.passes.forEach(({ block, from, to: into }) => {
      const lanes = [];
      for (let depth = from ? from.depth + 1 : 0; depth < (into ? into.depth : block.count); depth++) {
        const lane = block.lanes.get(`${start.key} ${depth}`);
        if (lane) lanes.push(lane);
      }
      if (!from) to(lanes[0]?.middle ?? into.middle, block.y);  // into a frame
      for (const lane of lanes) { to(lane.middle, lane.y); to(lane.middle, lane.floor); x = lane.middle; }
      if (!into) { to(x, block.y + block.height); to(x, block.floor); }  // out of one
      else x = into.middle;
    });
    to(end.middle, end.y);
    return found;
  }

  function place(rows, open) {
    const root = tree(rows), isOpen = (node) => open.has(node.path);
    const drawn = edges(root, rows, isOpen);
    arrange(root, isOpen);
    absolute(root, 0, 0);
    const visible = [], frames = [];
    const walk = (node) => {
      for (const child of node.children) {
        if (child.children && isOpen(child)) { frames.push(child); walk(child); } else visible.push(child);
      }
    };
    walk(root);
    return { width: root.width, height: root.height, boxes: visible, frames, edges: drawn.map((edge) => ({ ...edge, corners: corners(edge) })) };
  }

  return { place, first, paths };
})();
