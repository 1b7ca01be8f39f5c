// SPDX-License-Identifier: GPL-2.0-or-later
// The page as a whole: where in time it stands, and who has to draw when that changes.

class Tip {
  constructor() {
    this.element = byId("tip");
  }

  show(event, text) {
    this.element.textContent = text;
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    this.element.style.left = `${Math.min(event.clientX + 12, innerWidth - offsetWidth - 8)}px`;
    const below = event.clientY + 16;
    this.element.style.top = `${below + offsetHeight > innerHeight ? event.clientY - offsetHeight - 8 : below}px`;
  }

  hide() {
    this.element.hidden = true;
  }
}

class Viewer {
  constructor(trace) {
    this.trace = trace;
    this.memory = new Memory(trace);
    this.index = 0;
    this.tip = new Tip();
    this.eventsAt = new Map();
    for (const event of trace.events) {
      if (!this.eventsAt.has(event.instruction)) this.eventsAt.set(event.instruction, []);
      this.eventsAt.get(event.instruction).push(event);
    }
    this.colours = readColours();
    this.source = new Strip(byId("source"), "read from", this);
    this.target = new Strip(byId("target"), "written to", this);
    this.history = new History(this);
    this.search = new Search(this);
    this.list = new List(this);
    this.timeline = new Timeline(this);
    this.showCalls();
    this.showLegend();
    const [source, target] = this.memory.defaultPair();
    if (source) {
      this.source.show(source);
      this.target.show(target);
    } else byId("strips").hidden = true;
    this.theme = new Theme((colours) => this.recolour(colours));
    this.listen();
    this.goTo(this.indexInAddress() ?? 0);
  }

  /** What happened between the instruction before one and itself. */
  eventsBefore(index) {
    return this.eventsAt.get(index) ?? [];
  }

  showCalls() {
    const { calls } = this.trace;
    const call = calls[0];
    const name = call ? call.name.replace(/^[^!]*!/, "") : "Trace";
    document.title = `${name}: a trace`;
    byId("title").textContent = calls.length > 1 ? `${name} and ${calls.length - 1} more calls` : name;
    const { instructionCount, accessCount } = this.trace;
    byId("outcome").textContent =
      `${call ? `${calls.at(-1).outcome} · ` : ""}${grouped(instructionCount)} instructions, ${grouped(accessCount)} accesses`;
  }

  showLegend() {
    const entry = (name, text) => make("span", {}, make("i", { className: `swatch ${name}`, ariaHidden: "true" }), text);
    byId("legend").replaceChildren(
      entry("swatch-read", "read (darker: more often)"),
      entry("swatch-write", "written"),
      entry("swatch-both", "both"),
      entry("swatch-twice", "corner: more than once"),
      entry("swatch-now", "now"),
    );
  }

  recolour(colours) {
    this.colours = colours;
    this.timeline.draw();
    this.drawMemory();
  }

  showRegion(strip, region) {
    if (this.history.strip === strip) this.history.hide();
    strip.show(region);
    this.timeline.draw();
    this.drawMemory();
  }

  chooseByte(strip, byte) {
    for (const each of [this.source, this.target]) each.chosen = each === strip ? byte : -1;
    this.history.show(strip, byte);
    this.drawMemory();
  }

  goTo(index, { fromScrubber = false } = {}) {
    this.index = Math.max(0, Math.min(this.trace.instructionCount - 1, Math.round(index) || 0));
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw(fromScrubber));
  }

  draw(fromScrubber) {
    this.frame = 0;
    if (!this.trace.instructionCount) return this.list.draw();
    this.list.reveal(this.index);
    this.timeline.moveTo(this.index);
    this.showNow();
    this.drawMemory();
    this.history.mark();
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.settle(), fromScrubber ? 250 : 80);
  }

  /** What need not keep up with a scrubber: the page's address, and what a screen reader says. */
  settle() {
    const code = this.trace.codes[this.trace.code[this.index]];
    byId("spoken").textContent = `Instruction ${this.index}: ${code.text}`;
    history.replaceState(null, "", `#i=${this.index}`);
  }

  drawMemory() {
    if (!this.source.region) return;
    this.source.draw();
    this.target.draw();
    drawLink(byId("links"), this);
  }

  showNow() {
    const { trace, index } = this;
    const code = trace.codes[trace.code[index]];
    byId("now-index").textContent = `#${grouped(index)}`;
    byId("now-place").textContent = code.place;
    byId("now-source").textContent = code.source;
    byId("now-text").textContent = code.text;
    byId("now-bytes").textContent = code.bytes.replace(/(..)/g, "$1 ").trim();
    const more = [];
    for (let access = trace.firstAccess[index]; access < trace.firstAccess[index + 1]; access++) {
      more.push(make("p", {}, accessElement(accessAsData(trace, this.memory, access))));
    }
    more.push(...this.eventsBefore(index + 1).map((event) => explanationElement(event)));
    byId("now-more").replaceChildren(...more);
  }

  indexInAddress() {
    const found = /[#&]i=(\d+)/.exec(location.hash);
    return found ? Number(found[1]) : null;
  }

  /** The next instruction, or the one before, that meets a test; where there is none, this one. */
  scan(step, test) {
    for (let at = this.index + step; at >= 0 && at < this.trace.instructionCount; at += step) if (test(at)) return at;
    return this.index;
  }

  nextEvent(step, test) {
    const causes = this.trace.events.filter(test).map(causeOf);
    const behind = step > 0 ? causes.find((at) => at > this.index) : causes.findLast((at) => at < this.index);
    return behind ?? this.index;
  }

  touchesShown(index) {
    for (let access = this.trace.firstAccess[index]; access < this.trace.firstAccess[index + 1]; access++) {
      if (this.source.history?.extentOf(access) || this.target.history?.extentOf(access)) return true;
    }
    return false;
  }

  listen() {
    addEventListener("hashchange", () => this.goTo(this.indexInAddress() ?? this.index));
    byId("help-button").onclick = () => byId("help").showModal();
    document.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
    if (event.target.matches("input[type=search], select")) return;
    const onScrubber = event.target === byId("scrubber") && /^(Arrow|Page|Home|End)/.test(event.key);
    if (onScrubber) return;
    const actions = {
      ArrowUp: () => this.goTo(this.index - 1),
      ArrowDown: () => this.goTo(this.index + 1),
      ArrowLeft: () => this.goTo(this.scan(-1, (at) => this.touchesShown(at))),
      ArrowRight: () => this.goTo(this.scan(1, (at) => this.touchesShown(at))),
      PageUp: () => this.goTo(this.index - this.list.page),
      PageDown: () => this.goTo(this.index + this.list.page),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.trace.instructionCount - 1),
      f: () => this.goTo(this.nextEvent(1, isFault)),
      F: () => this.goTo(this.nextEvent(-1, isFault)),
      e: () => this.goTo(this.nextEvent(1, () => true)),
      E: () => this.goTo(this.nextEvent(-1, () => true)),
      "]": () => this.goTo(this.history.next(1) ?? this.index),
      "[": () => this.goTo(this.history.next(-1) ?? this.index),
      "/": () => byId("search").focus(),
      n: () => this.search.go(1),
      N: () => this.search.go(-1),
      t: () => this.theme.next(),
      "?": () => byId("help").showModal(),
      Escape: () => byId("rows").focus(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** The current instruction, as data: for tests, and for whoever scripts the page. */
  current() {
    const { trace, index, memory } = this;
    const code = trace.codes[trace.code[index]];
    const accesses = [];
    for (let access = trace.firstAccess[index]; access < trace.firstAccess[index + 1]; access++) {
      const data = accessAsData(trace, memory, access);
      accesses.push({ ...data, address: `0x${data.address.toString(16)}` });
    }
    return { index, rip: `0x${code.rip.toString(16)}`, place: code.place, text: code.text, source: code.source, accesses };
  }

  /** A byte of the strip `source` or `target` as it is shown now. */
  byte(which, number) {
    const { history } = this[which];
    const now = this.trace.accessesUpTo(this.index);
    history.moveTo(now);
    return { reads: history.reads[number], writes: history.writes[number], value: history.valueAt(number, now) };
  }
}

async function open() {
  const progress = byId("opening-progress");
  const trace = await loadTrace((part) => (progress.value = part));
  byId("opening").remove();
  return new Viewer(trace);
}

/** The page's interface to scripts: `await traceViewer.ready`, then `goTo`, `current`, `byte` of what it gives. */
window.traceViewer = { ready: open() };
window.traceViewer.ready.catch((error) => {
  const opening = byId("opening");
  if (opening) opening.textContent = `This browser cannot show the trace: ${error.message}. It takes one of 2023 or later.`;
  throw error;
});
