// SPDX-License-Identifier: GPL-2.0-or-later
// The page as a whole: what is current, what is drawn in the next frame, and what keys do.

const CANVAS_COLOURS = [
  "untouched", "outside", "rule", "text", "faint", "onAccent", "read", "read1", "read2", "write", "write1", "write2",
  ...LANES.map((lane) => lane.key),
];

class Viewer {
  constructor(trace) {
    this.trace = trace;
    this.memory = new Memory(trace);
    this.instruction = 0;
    this.event = null;
    this.search = new Search(trace, this.memory);
    const goTo = (instruction, event = null) => this.goTo(instruction, event);
    const acts = {
      goTo,
      isMatch: (instruction) => this.search.isMatch(instruction),
      pick: (strip, offset) => this.pick(strip, offset),
      showTip: (text, x, y) => this.showTip(text, x, y),
      hideTip: () => this.hideTip(),
    };
    this.strips = this.memory.defaultPair().map((region, number) => this.makeStrip(region, ["source", "target"][number], acts));
    this.links = this.strips.length ? new Links(byId("links"), byId("strips"), ...this.strips) : null;
    this.list = new InstructionList(trace, this.memory, acts);
    this.timeline = new Timeline(trace, this.strips, acts);
    this.history = new ByteHistory(trace, acts);
    this.list.redraw = () => this.invalidate();
    this.labelPage();
    this.connectBar();
    this.connectTheme();
    this.connectAddress();
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.layout()).observe(byId("memory"));
    new ResizeObserver(() => this.layout()).observe(byId("rows"));
  }

  makeStrip(region, role, acts) {
    const choose = (chosen) => this.choose(strip, chosen);
    const strip = new Strip(byId(role), role, this.memory, { choose, pick: acts.pick });
    strip.redraw = () => this.invalidate();
    strip.show(region);
    strip.grid.addEventListener("mousemove", (event) => {
      const offset = strip.offsetAt(event.offsetX, event.offsetY);
      strip.grid.style.cursor = offset === null ? "default" : "pointer";
      if (offset === null) acts.hideTip();
      else acts.showTip(strip.describe(offset, this.instruction), event.clientX, event.clientY);
    });
    strip.grid.addEventListener("mouseleave", acts.hideTip);
    strip.grid.addEventListener("keydown", (event) => this.stripKey(strip, event));
    return strip;
  }

  labelPage() {
    const { calls, instructionCount } = this.trace;
    const name = calls.length ? this.timeline.callText(calls[0]) : "Trace";
    const more = calls.length > 1 ? ` and ${grouped(calls.length - 1)} more` : "";
    byId("title").textContent = name + more;
    byId("outcome").textContent = calls.at(-1)?.outcome ?? "";
    byId("outcome").title = byId("outcome").textContent;
    document.title = `${calls[0]?.name ?? "Trace"}: ${grouped(instructionCount)} instructions`;
    const swatch = (kind, text) => make("span", {}, make("i", { className: kind }), text);
    byId("legend").append(
      swatch("read1", "read"), swatch("read2", "again"), swatch("write1", "written"), swatch("write2", "again"),
      swatch("now", "by this instruction"), swatch("last", "last before"), swatch("lost", "fault"),
    );
  }

  /** Make an instruction the current one; with an event it stands for the moment of the event. */
  goTo(instruction, event = null) {
    const last = Math.max(0, this.trace.instructionCount - 1);
    this.instruction = Math.max(0, Math.min(last, Math.trunc(instruction) || 0));
    this.event = event;
    this.follow = true;
    this.hideTip();
    this.invalidate();
  }

  choose(strip, region) {
    strip.show(region);
    this.history.clear();
    this.strips.forEach((each) => (each.chosen = null));
    this.follow = true;
    this.layout();
  }

  pick(strip, offset) {
    this.strips.forEach((each) => (each.chosen = each === strip ? offset : null));
    strip.byte = offset;
    this.history.show(strip, offset);
    this.say(strip.describe(offset, this.instruction));
    this.invalidate();
  }

  say(text) {
    byId("spoken").textContent = text;
  }

  invalidate() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  layout() {
    const style = getComputedStyle(document.documentElement);
    const colours = Object.fromEntries(CANVAS_COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const mono = style.getPropertyValue("--mono");
    colours.font = `12px ${mono}`;
    colours.smallFont = `11px ${mono}`;
    colours.tinyFont = `bold 8px ${mono}`;
    colours.shapeFont = `10px ${style.getPropertyValue("--sans")}`;
    this.colours = colours;
    this.layoutStrips();
    this.timeline.layout(colours);
    this.follow = true;
    this.invalidate();
  }

  /** Give each strip the rows that it wants, or half of what there is, and what the other leaves. */
  layoutStrips() {
    if (!this.strips.length) return;
    const style = getComputedStyle(byId("strips"));
    const width = byId("strips").clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    this.strips.forEach((strip) => strip.measure(width));
    const [source, target] = this.strips.map((strip) => strip.rowsWanted);
    const rows = Math.max(4, Math.floor(this.roomForCells() / CELL_HEIGHT));
    const half = Math.floor(rows / 2);
    this.strips[0].setRows(Math.max(half, rows - target));
    this.strips[1].setRows(Math.max(rows - half, rows - source));
  }

  /** Pixels for the cells of both strips. */
  roomForCells() {
    const narrow = matchMedia("(max-width: 900px)").matches;
    if (narrow) return 4 * CELL_HEIGHT;
    const cells = this.strips.reduce((sum, strip) => sum + strip.grid.offsetHeight, 0);
    const others = byId("now").offsetHeight + byId("strips").offsetHeight + byId("legend").offsetHeight - cells;
    return byId("memory").clientHeight - others - (innerHeight < 760 ? 92 : 138);
  }

  draw() {
    if (!this.colours) return;
    const { instruction, event, colours } = this;
    if (this.follow) {
      this.follow = false;
      this.list.follow(instruction, event);
      this.strips.forEach((strip) => strip.follow(instruction));
    }
    this.list.draw(instruction, event);
    for (const strip of this.strips) {
      strip.draw(instruction, colours, this.faultedBytes(strip));
      strip.counts.textContent = this.countsOf(strip);
    }
    this.links?.draw(this.trace, instruction, colours);
    this.timeline.setCursor(instruction);
    this.history.draw(instruction);
    this.drawNow();
    byId("found").textContent = this.search.summary(instruction);
    this.writeAddress();
  }

  /** Offsets in a strip at which a fault was taken up to now. */
  faultedBytes(strip) {
    const found = new Set();
    for (const event of this.trace.events) {
      if (event.instruction > this.instruction + 1) break;
      if (event.name !== "TrapTaken" || !event.address) continue;
      const offset = event.address - strip.region.address;
      if (offset >= BigInt(strip.index.first) && offset < BigInt(strip.index.end)) found.add(Number(offset));
    }
    return found;
  }

  countsOf(strip) {
    const { reads, writes, user } = strip.region;
    const shown = strip.region.size > strip.index.size ? ` · the first ${grouped(strip.index.size)} bytes` : "";
    return `${user ? "user" : "kernel"} · ${grouped(reads)} reads · ${grouped(writes)} writes${shown}`;
  }

  drawNow() {
    const { trace, instruction } = this;
    const key = `${instruction} ${this.event}`;
    if (this.nowShown === key || !trace.instructionCount) return;
    this.nowShown = key;
    const code = trace.codes[trace.code[instruction]];
    const flags = trace.flags[instruction];
    const tags = [[TRAPPED, "trapped"], [REP, "rep iteration"], [USER_MODE, "user mode"]].filter(([bit]) => flags & bit);
    byId("now-index").textContent = `#${grouped(instruction)}`;
    byId("now-place").textContent = code.place;
    byId("now-source").textContent = code.source;
    byId("now-text").textContent = code.text;
    byId("now-bytes").textContent = code.bytes.replace(/../g, "$& ").trim();
    const more = tags.map(([bit, name]) => make("span", { className: bit === TRAPPED ? "tag" : "user" }, name));
    for (let access = trace.firstAccess[instruction]; access < trace.firstAccess[instruction + 1]; access++) {
      more.push(accessElement(accessAsData(trace, this.memory, access)));
    }
    const events = this.eventsBehind(instruction).map((event) => explanationElement(event));
    byId("now-more").replaceChildren(...more, ...events);
  }

  eventsBehind(instruction) {
    const { eventAt } = this.list;
    const begin = instruction ? lowerBound(eventAt, instruction + 1, 0, eventAt.length) : 0;
    return this.trace.events.slice(begin, upperBound(eventAt, instruction + 1, 0, eventAt.length));
  }

  connectBar() {
    const box = byId("search");
    box.addEventListener("input", () => this.searchFor(box.value));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") byId("rows").focus();
      else return;
      event.preventDefault();
    });
    byId("search-next").addEventListener("click", () => this.step(1));
    byId("search-previous").addEventListener("click", () => this.step(-1));
    byId("help-button").addEventListener("click", () => byId("help").showModal());
  }

  searchFor(query) {
    this.search.run(query);
    byId("found").classList.toggle("none", Boolean(this.search.query) && !this.search.matches.length);
    this.invalidate();
  }

  /** Go to the next match. */
  step(direction) {
    const found = this.search.next(this.instruction, direction);
    if (found >= 0) this.goTo(found);
  }

  /** Go to the next event that is wanted, around the end. */
  stepEvent(direction, wanted) {
    const { events } = this.trace;
    const here = this.event ?? lowerBound(this.list.eventAt, this.instruction + 1, 0, events.length) - (direction > 0 ? 1 : 0);
    for (let away = 1; away <= events.length; away++) {
      const at = (here + direction * away + 2 * events.length) % events.length;
      if (wanted(events[at])) return this.goTo(causeOf(events[at]), at);
    }
    return this.say("there is none");
  }

  stepAccess(direction) {
    const { trace, instruction } = this;
    const found = this.strips
      .map(({ index }) => (direction > 0 ? index.firstFrom(trace.firstAccess[instruction + 1]) : index.lastBefore(trace.firstAccess[instruction])))
      .filter((access) => access >= 0);
    if (found.length) this.goTo(trace.instructionOf(direction > 0 ? Math.min(...found) : Math.max(...found)));
  }

  stepHistory(direction) {
    const found = this.history.next(this.instruction, direction);
    if (found >= 0) this.goTo(found);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const { target } = event;
    if (target.matches("select, input[type=search]")) return;
    const isSlider = target.matches("input[type=range]");
    const act = (isSlider ? null : this.movingKeys()[event.key]) ?? this.otherKeys()[event.key];
    if (!act || (target.matches("button") && ["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    act();
  }

  movingKeys() {
    const by = (count) => () => this.goTo(this.instruction + count);
    return {
      ArrowDown: by(1),
      ArrowUp: by(-1),
      ArrowRight: () => this.stepAccess(1),
      ArrowLeft: () => this.stepAccess(-1),
      PageDown: by(this.list.page),
      PageUp: by(-this.list.page),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.trace.instructionCount - 1),
    };
  }

  otherKeys() {
    return {
      n: () => this.step(1),
      N: () => this.step(-1),
      f: () => this.stepEvent(1, isFault),
      F: () => this.stepEvent(-1, isFault),
      e: () => this.stepEvent(1, () => true),
      E: () => this.stepEvent(-1, () => true),
      "[": () => this.stepHistory(-1),
      "]": () => this.stepHistory(1),
      t: () => this.nextTheme(),
      "?": () => byId("help").showModal(),
      "/": () => {
        byId("search").focus();
        byId("search").select();
      },
      Escape: () => byId("rows").focus(),
    };
  }

  stripKey(strip, event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -strip.columns, ArrowDown: strip.columns };
    if (event.key in moves) {
      const offset = strip.byte + moves[event.key];
      if (offset >= strip.index.first && offset < strip.index.end) strip.byte = offset;
      strip.reveal(strip.byte);
      this.say(strip.describe(strip.byte, this.instruction));
      this.invalidate();
    } else if (event.key === "Enter" || event.key === " ") this.pick(strip, strip.byte);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  connectTheme() {
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.system.addEventListener("change", () => this.applyTheme());
    byId("theme").addEventListener("click", () => this.nextTheme());
    this.theme = stored("theme") ?? "system";
    this.applyTheme();
  }

  nextTheme() {
    this.theme = { system: "light", light: "dark", dark: "system" }[this.theme] ?? "system";
    store("theme", this.theme);
    this.applyTheme();
  }

  applyTheme() {
    const isDark = this.theme === "dark" || (this.theme !== "light" && this.system.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    const name = { light: "Light", dark: "Dark" }[this.theme] ?? "System";
    byId("theme").textContent = name;
    byId("theme").setAttribute("aria-label", `Colours: ${name}`);
    this.layout();
  }

  connectAddress() {
    const read = () => {
      const [, index] = /^#i=(\d+)$/.exec(location.hash) ?? [];
      if (index !== undefined && Number(index) !== this.instruction) this.goTo(Number(index));
    };
    addEventListener("hashchange", read);
    read();
  }

  /** Browsers bound how often an address may change, so it waits until the cursor rests. */
  writeAddress() {
    if (this.written === this.instruction) return;
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      if (this.written !== undefined || this.instruction) history.replaceState(null, "", `#i=${this.instruction}`);
      this.written = this.instruction;
      const code = this.trace.codes[this.trace.code[this.instruction]];
      if (code) this.say(`${this.instruction}: ${code.text}. ${this.eventsBehind(this.instruction).map(({ text }) => text).join(". ")}`);
    }, 250);
  }

  showTip(text, x, y) {
    const tip = byId("tip");
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? y - height - 8 : y + 18}px`;
  }

  hideTip() {
    byId("tip").hidden = true;
  }

  /** What the page shows, as data: the interface of tests. */
  current() {
    const { trace, instruction } = this;
    const code = trace.codes[trace.code[instruction]];
    const accesses = [];
    for (let access = trace.firstAccess[instruction]; access < trace.firstAccess[instruction + 1]; access++) {
      const data = accessAsData(trace, this.memory, access);
      accesses.push({ ...data, address: `0x${data.address.toString(16)}` });
    }
    const lit = (strip) => [...(strip?.litAt(instruction) ?? [])].filter(([, how]) => how.now).map(([offset]) => offset);
    return {
      index: instruction,
      count: trace.instructionCount,
      rip: `0x${code.rip.toString(16)}`,
      place: code.place,
      text: code.text,
      source: code.source,
      flags: trace.flags[instruction],
      accesses,
      events: this.eventsBehind(instruction).map(({ name, text }) => ({ name, text })),
      lit: { source: lit(this.strips[0]), target: lit(this.strips[1]) },
    };
  }
}

function stored(name) {
  try {
    return localStorage.getItem(`trace-viewer-${name}`);
  } catch {
    return null; // a browser may keep nothing for a file
  }
}

function store(name, value) {
  try {
    localStorage.setItem(`trace-viewer-${name}`, value);
  } catch {
    // the same
  }
}

/** The page is open: its first frame is drawn. */
async function open() {
  const progress = byId("opening-progress");
  const trace = await loadTrace((part) => (progress.value = part));
  const viewer = new Viewer(trace);
  byId("opening").remove();
  viewer.layout();
  byId("rows").focus({ preventScroll: true });
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return viewer;
}

const opened = open();
opened.catch((error) => {
  byId("opening").replaceChildren(make("p", {}, `This page cannot be opened: ${error.message}`));
});

/*
 * For tests and for the console:
 *   ready               a promise, kept when the first frame is drawn
 *   goTo(index)         makes an instruction the current one, and waits until it is drawn
 *   current()           the current instruction, its accesses and events, and the bytes lit in each strip
 *   byte(strip, offset) reads, writes, lost and value of a byte at the current time; strip is "source" or "target"
 *   box(strip, offset)  where a byte is drawn in the window, null where it is out of sight
 *   strips()            the regions shown
 *   find(query)         matches of a search, at most a thousand
 */
const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const stripOf = (viewer, name) => viewer.strips[name === "source" ? 0 : 1];
const whenOpen = (act) => async (...values) => act(await opened, ...values);
window.traceViewer = {
  ready: opened.then(() => true),
  goTo: whenOpen(async (viewer, index) => {
    viewer.goTo(index);
    await drawn();
  }),
  current: whenOpen((viewer) => viewer.current()),
  byte: whenOpen((viewer, name, offset) => {
    const { reads, writes, lost, value } = stripOf(viewer, name).index.stateOf(offset, viewer.trace.accessesUpTo(viewer.instruction));
    return { reads, writes, lost, value };
  }),
  box: whenOpen((viewer, name, offset) => {
    const strip = stripOf(viewer, name);
    const box = strip.boxOf(offset);
    const grid = strip.grid.getBoundingClientRect();
    return box && { x: grid.left + (box.left + box.right) / 2, y: grid.top + (box.top + box.bottom) / 2 };
  }),
  strips: whenOpen((viewer) => viewer.strips.map(({ region }) => region.name)),
  find: whenOpen((viewer, query) => {
    viewer.searchFor(query);
    return [...viewer.search.matches.subarray(0, 1000)];
  }),
};
