// The roofline of the device that was chosen: FLOP per byte across, the rate that the roof allows upwards.
function chosenDevice(model) {
  return model.devices.find((each) => each.key === state.device) ?? model.devices[0];
}

function rateText(rate) {
  for (const [symbol, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6]]) if (rate >= size) return `${(rate / size).toPrecision(3)} ${symbol}FLOP/s`;
  return `${rate.toPrecision(3)} FLOP/s`;
}

function roof(model) {
  const device = chosenDevice(model);
  const said = [device.least ? `At least ${device.least}, ${device.memory} of it bound by memory.` : "",
    device.predicted ? `Predicted: ${device.predicted}.` : "Not calibrated: there is no prediction, only this bound."].join(" ");
  const about = element("p", { class: "about" }, `${device.name}. ${said}`);
  if (!device.bandwidth || !device.peak) {
    return [element("p", { class: "about" }, `${device.name} states no ${device.peak ? "bandwidth" : "peak"}, so there is no roof to draw. ${said}`)];
  }
  const width = paperWidth(), height = 300, pad = 56, right = 12;
  const points = model.roof.filter(([, flops]) => flops).map(([name, flops, bytes, convolving]) => {
    const computing = convolving / device.convolutions + (flops - convolving) / device.peak;
    const seconds = Math.max(computing, bytes / device.bandwidth);
    return { name, intensity: flops / bytes, rate: flops / seconds, seconds, moving: bytes / device.bandwidth > computing };
  });
  if (!points.length) return [about];
  const whole = points.reduce((sum, point) => sum + point.seconds, 0);
  const top = Math.max(device.peak, device.convolutions), ridge = top / device.bandwidth;
  const low = Math.log10(Math.min(ridge / 10, ...points.map((point) => point.intensity))) - .2;
  const high = Math.log10(Math.max(ridge * 10, ...points.map((point) => point.intensity))) + .2;
  const bottom = Math.log10(device.bandwidth) + low, ceiling = Math.log10(top) + .4;
  const across = (value) => pad + ((Math.log10(value) - low) / (high - low)) * (width - pad - right);
  const up = (value) => height - pad + 16 - ((Math.log10(value) - bottom) / (ceiling - bottom)) * (height - pad);
  const svg = element("svg:svg", { class: "chart roof", viewBox: `0 0 ${width} ${height + 14}`, role: "group", "aria-label": `Roofline of ${model.name} on ${device.name}` });
  for (let log = Math.ceil(low); log <= high; log++) {
    svg.append(element("svg:line", { x1: across(10 ** log), x2: across(10 ** log), y1: 16, y2: height - pad + 16 }));
    svg.append(element("svg:text", { x: across(10 ** log), y: height - pad + 32, "text-anchor": "middle" }, 10 ** log >= 1 ? short(10 ** log) : String(10 ** log)));
  }
  for (let log = Math.ceil(bottom); log <= ceiling; log++) {
    svg.append(element("svg:line", { x1: pad, x2: width - right, y1: up(10 ** log), y2: up(10 ** log) }));
    svg.append(element("svg:text", { x: pad - 6, y: up(10 ** log) + 4, "text-anchor": "end" }, rateText(10 ** log).replace(/\.0+ /, " ").replace("FLOP/s", "")));
  }
  ["FLOP per byte of memory traffic; upwards FLOP/s", "area: share of the least time"].forEach((words, line) => {
    svg.append(element("svg:text", { x: width / 2, y: height - 4 + 14 * line, "text-anchor": "middle" }, words));
  });
  for (const peak of new Set([device.peak, device.convolutions])) {
    const corner = peak / device.bandwidth;
    const line = `${across(10 ** low)},${up(device.bandwidth * 10 ** low)} ${across(corner)},${up(peak)} ${width - right},${up(peak)}`;
    svg.append(element("svg:polyline", { points: line, class: "roofline" }));
    const what = peak === device.peak ? "" : ", convolutions in TF32";
    svg.append(element("svg:text", { x: width - right, y: up(peak) - 5, "text-anchor": "end", class: "value" }, `${rateText(peak)}${what}`));
  }
  points.sort((a, b) => b.seconds - a.seconds).forEach((point) => {
    svg.append(explained(
      element("svg:circle", { onclick: () => toRow(model, rowOfLayer(model, point.name)), cx: across(point.intensity), cy: up(point.rate), r: 2.5 + 16 * Math.sqrt(point.seconds / whole) }),
      `${point.name}\n${point.intensity.toPrecision(3)} FLOP per byte, at most ${rateText(point.rate)}\n${(100 * point.seconds / whole).toFixed(1)} % of the least time, bound by ${point.moving ? "memory" : "arithmetic"}`,
    ));
  });
  return [about, svg];
}
