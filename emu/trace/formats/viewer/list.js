// SPDX-License-Identifier: GPL-2.0-or-later
// The instructions and events as a list, of which only the rows in sight are elements.

const ROW_HEIGHT = 22;
/** Browsers bound the height of an element; a longer list scrolls by proportion. */
const TALLEST = 8_000_000;

class InstructionList {
  constructor(trace, memory, { goTo, isMatch }) {
    this.trace = trace;
    this.memory = memory;
    this.isMatch = isMatch;
    this.eventAt = Uint32Array.from(trace.events, (event) => event.instruction);
    this.total = trace.instructionCount + trace.events.length;
    this.box = byId("rows");
    this.view = byId("rows-view");
    this.top = 0;
    this.pool = [];
    byId("rows-height").style.height = `${Math.min(this.total * ROW_HEIGHT, TALLEST)}px`;
    this.box.addEventListener("scroll", () => this.scrolled());
    this.box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.view.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (!row) return;
      const item = this.itemAt(Number(row.dataset.row));
      if (item.event === null) goTo(item.instruction);
      else goTo(causeOf(trace.events[item.event]), item.event);
    });
  }

  get isScaled() {
    return this.total * ROW_HEIGHT > TALLEST;
  }

  /** Whole rows in sight. */
  get page() {
    return Math.max(1, Math.floor(this.box.clientHeight / ROW_HEIGHT));
  }

  get lowest() {
    return Math.max(0, this.total * ROW_HEIGHT - this.box.clientHeight);
  }

  rowOfInstruction(instruction) {
    return instruction + upperBound(this.eventAt, instruction, 0, this.eventAt.length);
  }

  rowOfEvent(event) {
    return this.eventAt[event] + event;
  }

  /** What a row shows: an instruction, or an event and the instruction behind it. */
  itemAt(row) {
    let [begin, end] = [0, this.eventAt.length];
    while (begin < end) {
      const middle = (begin + end) >>> 1;
      if (this.rowOfEvent(middle) <= row) begin = middle + 1;
      else end = middle;
    }
    const event = begin && this.rowOfEvent(begin - 1) === row ? begin - 1 : null;
    return { instruction: event === null ? row - begin : this.eventAt[event], event };
  }

  wheel(event) {
    if (!this.isScaled || event.ctrlKey) return;
    event.preventDefault();
    this.scrollTo(this.top + event.deltaY * (event.deltaMode === 1 ? ROW_HEIGHT : 1));
  }

  scrolled() {
    if (this.box.scrollTop === this.expected) return;
    const range = this.box.scrollHeight - this.box.clientHeight;
    this.top = this.isScaled ? (this.box.scrollTop / range) * this.lowest : this.box.scrollTop;
    this.redraw();
  }

  scrollTo(top) {
    this.top = Math.max(0, Math.min(top, this.lowest));
    const range = this.box.scrollHeight - this.box.clientHeight;
    this.box.scrollTop = this.isScaled ? (this.top / this.lowest) * range : this.top;
    this.expected = this.box.scrollTop;
    this.redraw();
  }

  /** Bring an instruction, and the events about it, into sight: at the edge for a step, in the middle for a jump. */
  follow(instruction, event) {
    const row = event === null ? this.rowOfInstruction(instruction) : this.rowOfEvent(event);
    const height = this.box.clientHeight;
    const [above, below] = [(row - 2) * ROW_HEIGHT, (row + 4) * ROW_HEIGHT - height];
    if (this.top <= above && this.top >= below) return;
    const step = Math.min(Math.abs(this.top - above), Math.abs(this.top - below)) <= 3 * ROW_HEIGHT;
    this.scrollTo(step ? (this.top > above ? above : below) : (row + 0.5) * ROW_HEIGHT - height / 2);
  }

  draw(current, chosenEvent) {
    const count = Math.ceil(this.box.clientHeight / ROW_HEIGHT) + 1;
    const first = Math.floor(this.top / ROW_HEIGHT);
    while (this.pool.length < count) this.pool.push(this.view.appendChild(this.makeRow()));
    this.view.style.height = `${this.box.clientHeight}px`;
    this.pool.forEach((element, at) => {
      const row = first + at;
      element.hidden = at >= count || row >= this.total;
      if (element.hidden) return;
      element.style.transform = `translateY(${row * ROW_HEIGHT - this.top}px)`;
      this.fill(element, row, current, chosenEvent);
    });
    const row = chosenEvent === null ? this.rowOfInstruction(current) : this.rowOfEvent(chosenEvent);
    this.box.setAttribute("aria-activedescendant", `row-${row}`);
  }

  makeRow() {
    const element = make("div");
    element.setAttribute("role", "option");
    element.setAttribute("aria-setsize", String(this.total));
    return element;
  }

  fill(element, row, current, chosenEvent) {
    const { instruction, event } = this.itemAt(row);
    const isCurrent = event === null ? instruction === current && chosenEvent === null : event === chosenEvent;
    const isBeside = event === null && instruction === current && chosenEvent !== null;
    const match = event === null && this.isMatch(instruction);
    const key = `${row} ${isCurrent} ${isBeside} ${match}`;
    if (element.key === key) return;
    element.key = key;
    if (element.row !== row) {
      element.row = row;
      element.id = `row-${row}`;
      element.dataset.row = String(row);
      element.setAttribute("aria-posinset", String(row + 1));
      if (event === null) this.fillInstruction(element, instruction);
      else this.fillEvent(element, this.trace.events[event]);
    }
    element.className = `row ${element.shape}${isCurrent ? " current" : ""}${isBeside ? " beside" : ""}${match ? " match" : ""}`;
    element.setAttribute("aria-selected", String(isCurrent));
  }

  fillEvent(element, event) {
    element.shape = `event ${laneOf(event).key}`;
    element.replaceChildren(make("span", { className: "index" }), explanationElement(event, "span"));
  }

  fillInstruction(element, instruction) {
    const { trace } = this;
    const code = trace.codes[trace.code[instruction]];
    const flags = trace.flags[instruction];
    const skipped = trace.skipped?.[instruction];
    element.shape = `instruction${flags & TRAPPED ? " trapped" : ""}${skipped ? " gap" : ""}`;
    const text = make("span", { className: "text" });
    if (flags & TRAPPED) text.append(make("span", { className: "tag", title: "It did not retire." }, "trapped"));
    if (flags & USER_MODE) text.append(make("span", { className: "user", title: "It ran at CPL 3." }, "user"));
    text.append(code.text);
    text.title = code.text;
    const accesses = make("span", { className: "accesses" });
    for (let access = trace.firstAccess[instruction]; access < trace.firstAccess[instruction + 1]; access++) {
      accesses.append(accessElement(accessAsData(trace, this.memory, access)));
      if (accesses.childElementCount === 4) break;
    }
    element.replaceChildren(
      make("span", { className: "index", title: skipped ? `${grouped(skipped)} instructions before it were left out` : "" }, grouped(instruction)),
      make("span", { className: "place", title: code.place }, code.place.replace(/^[^!]*!/, "")),
      text,
      accesses,
      make("span", { className: "source", title: code.source }, code.source),
    );
  }
}
