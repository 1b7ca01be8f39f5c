// SPDX-License-Identifier: GPL-2.0-or-later
// Time from the first instruction to the last: marks of the events in lanes, where the bytes were touched, a scrubber.

const LANE_HEIGHT = 16;
const PLOT_HEIGHT = 46;
const MARK_NEAR = 7;

class Timeline {
  constructor(viewer) {
    this.viewer = viewer;
    this.marks = byId("marks");
    this.plot = byId("plot");
    this.scrubber = byId("scrubber");
    this.last = Math.max(0, viewer.trace.instructionCount - 1);
    this.scrubber.max = String(this.last);
    this.scrubber.oninput = () => viewer.goTo(Number(this.scrubber.value), { fromScrubber: true });
    this.lanes = LANES.filter((lane) => viewer.trace.events.some((event) => laneOf(event) === lane));
    byId("gutter").append(
      ...this.lanes.map((lane) =>
        make("span", { className: `lane ${lane.key}` }, make("span", { className: "shape", ariaHidden: "true" }, lane.shape), lane.name),
      ),
      make("span", { className: "lane plot-name" }, "bytes over time"),
    );
    this.marks.onmousemove = (event) => this.hover(event);
    this.marks.onmouseleave = () => viewer.tip.hide();
    this.marks.onclick = (event) => {
      const found = this.eventUnder(event);
      if (found) viewer.goTo(causeOf(found));
    };
    new ResizeObserver(() => this.draw()).observe(byId("track"));
  }

  get width() {
    return Math.max(1, byId("track").clientWidth);
  }

  xOf(instruction) {
    return this.last ? (instruction / this.last) * (this.width - 1) : 0;
  }

  prepare(canvas, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = this.width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  draw() {
    this.drawMarks();
    this.drawPlot();
    this.moveTo(this.viewer.index);
  }

  drawMarks() {
    const context = this.prepare(this.marks, this.lanes.length * LANE_HEIGHT);
    const { colours, trace } = this.viewer;
    context.font = `${LANE_HEIGHT - 5}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const occupied = new Set();
    for (const event of trace.events) {
      const lane = laneOf(event);
      const row = this.lanes.indexOf(lane);
      const x = Math.round(this.xOf(causeOf(event)));
      // A mark on another of its lane would not be seen.
      if (occupied.has(row * 65536 + x)) continue;
      occupied.add(row * 65536 + x);
      context.fillStyle = colours.lanes[lane.key];
      context.fillText(lane.shape, Math.min(Math.max(x, 6), this.width - 6), (row + 0.5) * LANE_HEIGHT + 1);
    }
  }

  /** A point for each access to the two regions: across the time, down the byte. */
  drawPlot() {
    const context = this.prepare(this.plot, PLOT_HEIGHT);
    const { colours, trace, source, target } = this.viewer;
    if (!source.region) return;
    context.clearRect(0, 0, this.width, PLOT_HEIGHT);
    const columns = Math.floor(this.width);
    for (const [strip, write, colour] of [
      [source, 0, colours.readEdge],
      [target, WRITE, colours.writeEdge],
    ]) {
      const seen = new Uint8Array(columns * PLOT_HEIGHT);
      const { begins } = strip.history;
      const { size } = strip.region;
      let instruction = 0;
      context.fillStyle = colour;
      for (let access = 0; access < trace.accessCount; access++) {
        if ((trace.kind[access] & WRITE) !== write) continue;
        const byte = trace.offset[access] - begins[trace.window[access]];
        if (byte < 0 || byte >= size) continue;
        while (trace.firstAccess[instruction + 1] <= access) instruction++;
        const x = Math.min(columns - 1, Math.floor(this.xOf(instruction)));
        const y = Math.floor((byte / size) * (PLOT_HEIGHT - 2)) + (write ? 1 : 0);
        if (seen[y * columns + x]) continue;
        seen[y * columns + x] = 1;
        context.fillRect(x, y, 2, 1);
      }
    }
  }

  moveTo(index) {
    this.scrubber.value = String(index);
    this.scrubber.setAttribute("aria-valuetext", `instruction ${grouped(index)} of ${grouped(this.last + 1)}`);
    byId("cursor").style.transform = `translateX(${this.xOf(index)}px)`;
  }

  eventUnder(event) {
    const box = this.marks.getBoundingClientRect();
    const lane = this.lanes[Math.floor((event.clientY - box.top) / LANE_HEIGHT)];
    const x = event.clientX - box.left;
    let best = null;
    let distance = MARK_NEAR;
    for (const each of this.viewer.trace.events) {
      if (laneOf(each) !== lane) continue;
      const away = Math.abs(this.xOf(causeOf(each)) - x);
      if (away < distance) [best, distance] = [each, away];
    }
    return best;
  }

  hover(event) {
    const found = this.eventUnder(event);
    this.marks.style.cursor = found ? "pointer" : "";
    if (found) this.viewer.tip.show(event, `#${grouped(causeOf(found))} ${laneOf(found).one}: ${found.text}`);
    else this.viewer.tip.hide();
  }
}
