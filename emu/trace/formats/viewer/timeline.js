// SPDX-License-Identifier: GPL-2.0-or-later
// Time from left to right: which bytes were touched when, marks for what happened, and the cursor.

const LANE_HEIGHT = 13;
const CALL_HEIGHT = 15;
const PLOT_HEIGHT = 28;
/** Pixels from which a mark is hit. */
const NEAR = 6;

class Timeline {
  constructor(trace, strips, { goTo, showTip, hideTip }) {
    this.trace = trace;
    this.strips = strips;
    this.lanes = LANES.filter((lane) => trace.events.some((event) => laneOf(event) === lane));
    this.showCalls = trace.calls.length > 0;
    this.track = byId("track");
    this.marks = byId("marks");
    this.plot = byId("plot");
    this.scrubber = byId("scrubber");
    this.cursor = byId("cursor");
    this.scrubber.max = String(Math.max(0, trace.instructionCount - 1));
    this.scrubber.addEventListener("input", () => goTo(Number(this.scrubber.value)));
    this.marks.addEventListener("mousemove", (event) => {
      const hit = this.hitAt(event.offsetX, event.offsetY);
      this.marks.style.cursor = hit ? "pointer" : "default";
      if (hit) showTip(hit.text, event.clientX, event.clientY);
      else hideTip();
    });
    this.marks.addEventListener("mouseleave", hideTip);
    this.marks.addEventListener("click", (event) => {
      const hit = this.hitAt(event.offsetX, event.offsetY);
      goTo(hit ? hit.instruction : this.instructionAt(event.offsetX), hit?.event ?? null);
    });
  }

  get count() {
    return Math.max(1, this.trace.instructionCount);
  }

  xOf(instruction) {
    return ((instruction + 0.5) / this.count) * this.width;
  }

  /** Events lie between two instructions. */
  xOfEvent(event) {
    return Math.min(this.width - 1, Math.max(1, (event.instruction / this.count) * this.width));
  }

  instructionAt(x) {
    return Math.max(0, Math.min(this.count - 1, Math.floor((x / this.width) * this.count)));
  }

  hitAt(x, y) {
    const top = this.showCalls ? CALL_HEIGHT : 0;
    if (y < top) {
      const instruction = this.instructionAt(x);
      const call = this.trace.calls.find(({ begin, end }) => begin <= instruction && instruction < end);
      return call ? { instruction: call.begin, text: `${this.callText(call)}\n${call.outcome}` } : null;
    }
    const lane = this.lanes[Math.floor((y - top) / LANE_HEIGHT)];
    let best = null;
    for (const [number, event] of this.trace.events.entries()) {
      const away = Math.abs(this.xOfEvent(event) - x);
      if (laneOf(event) === lane && away <= NEAR && away < (best?.away ?? Infinity)) best = { away, event: number };
    }
    if (!best) return null;
    const event = this.trace.events[best.event];
    const text = `${laneOf(event).one} behind #${grouped(causeOf(event))}\n${event.text}`;
    return { instruction: causeOf(event), event: best.event, text };
  }

  callText({ name, values }) {
    return `${name}(${values.map((value) => `0x${value}`).join(", ")})`;
  }

  layout(colours) {
    this.width = this.track.clientWidth;
    this.drawGutter();
    this.drawMarks(colours);
    this.drawPlot(colours);
  }

  drawGutter() {
    const labels = [];
    if (this.showCalls) labels.push(make("span", { style: `height:${CALL_HEIGHT}px` }, "calls"));
    for (const lane of this.lanes) {
      const shape = make("span", { className: `shape ${lane.key}` }, lane.shape);
      labels.push(make("span", { style: `height:${LANE_HEIGHT}px` }, lane.name, shape));
    }
    for (const strip of this.strips) {
      labels.push(make("span", { style: `height:${PLOT_HEIGHT}px`, className: "of-plot", title: strip.region.name }, strip.region.name));
    }
    byId("gutter").replaceChildren(...labels);
  }

  drawMarks(colours) {
    const top = this.showCalls ? CALL_HEIGHT : 0;
    const context = fitCanvas(this.marks, this.width, top + this.lanes.length * LANE_HEIGHT + 1);
    context.textBaseline = "middle";
    if (this.showCalls) this.drawCalls(context, colours);
    this.lanes.forEach((lane, row) => {
      const middle = top + row * LANE_HEIGHT + LANE_HEIGHT / 2;
      context.fillStyle = colours.rule;
      context.fillRect(0, Math.round(middle), this.width, 1);
      context.fillStyle = colours[lane.key];
      context.font = colours.shapeFont;
      context.textAlign = "center";
      const taken = new Set();
      for (const event of this.trace.events) {
        const x = Math.round(this.xOfEvent(event));
        if (laneOf(event) !== lane || taken.has(x)) continue;
        taken.add(x);
        context.fillText(lane.shape, Math.min(this.width - 5, Math.max(5, x)), middle + 1);
      }
    });
  }

  drawCalls(context, colours) {
    context.font = colours.smallFont;
    context.textAlign = "left";
    for (const [number, call] of this.trace.calls.entries()) {
      const left = (call.begin / this.count) * this.width;
      const right = (call.end / this.count) * this.width;
      if (right - left < 0.5 && number % 8) continue;
      context.fillStyle = colours.untouched;
      context.fillRect(left, 0, Math.max(1, right - left - 1), CALL_HEIGHT - 2);
      if (right - left < 40) continue;
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left - 6, CALL_HEIGHT);
      context.clip();
      context.fillStyle = colours.faint;
      context.fillText(`${this.callText(call)} · ${call.outcome}`, left + 5, (CALL_HEIGHT - 2) / 2 + 0.5);
      context.restore();
    }
  }

  /** For each strip a plot of the touched offset over time. */
  drawPlot(colours) {
    const scale = window.devicePixelRatio || 1;
    const context = fitCanvas(this.plot, this.width, this.strips.length * PLOT_HEIGHT);
    const [width, height] = [this.plot.width, Math.round(PLOT_HEIGHT * scale)];
    this.strips.forEach((strip, number) => {
      const image = context.createImageData(width, height);
      this.plotInto(new Uint32Array(image.data.buffer), width, height, strip.index, colours);
      context.putImageData(image, 0, number * height);
      context.fillStyle = colours.rule;
      context.fillRect(0, number * PLOT_HEIGHT, this.width, 1);
    });
  }

  plotInto(pixels, width, height, index, colours) {
    const { trace } = this;
    const [read, write, lost] = [colours.read, colours.write, colours.fault].map(pixelOf);
    const scale = window.devicePixelRatio || 1;
    const wide = Math.round(Math.max(1.5 * scale, Math.min(0.8 * (width / this.count), 6 * scale)));
    const room = height - 4;
    let instruction = 0;
    for (const access of index.touching) {
      while (trace.firstAccess[instruction + 1] <= access) instruction++;
      const x = Math.min(width - wide, Math.floor((instruction / this.count) * width));
      const kind = trace.kind[access];
      const colour = kind & NOT_PERFORMED ? lost : kind & WRITE ? write : read;
      const high = Math.max(Math.round(1.5 * scale), Math.ceil((trace.size[access] / index.size) * room));
      const y = 2 + Math.floor(((index.offsetOf(access) - index.first) / index.size) * (room - Math.min(room, high)));
      for (let down = 0; down < Math.min(room, high); down++) {
        const begin = (y + down) * width + x;
        pixels.fill(colour, begin, begin + wide);
      }
    }
  }

  setCursor(instruction) {
    this.cursor.style.transform = `translateX(${this.xOf(instruction)}px)`;
    if (this.scrubber.value !== String(instruction)) this.scrubber.value = String(instruction);
    const text = `instruction ${grouped(instruction)} of ${grouped(this.trace.instructionCount)}`;
    this.scrubber.setAttribute("aria-valuetext", text);
  }
}

/** A colour `#rrggbb` as a pixel of an image, in the byte order of the machine: typed arrays are little-endian. */
function pixelOf(colour) {
  const number = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((number & 0xff) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}
