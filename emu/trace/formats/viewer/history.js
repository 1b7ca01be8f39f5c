// SPDX-License-Identifier: GPL-2.0-or-later
// What read and wrote a byte: the accesses about the current moment, as a list.

const MOST_SHOWN = 80;

class ByteHistory {
  constructor(trace, { goTo }) {
    this.trace = trace;
    this.goTo = goTo;
    this.title = byId("history-title");
    this.count = byId("history-count");
    this.list = byId("history-list");
    this.clear();
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) goTo(Number(button.dataset.instruction));
    });
  }

  clear() {
    this.strip = null;
    byId("history").classList.add("empty");
    this.accesses = new Uint32Array(0);
    this.title.textContent = "Accesses of a byte";
    this.count.textContent = "";
    this.list.replaceChildren(make("li", { className: "hint" }, "Click a byte to see what read and wrote it."));
    this.shown = "";
  }

  show(strip, offset) {
    this.strip = strip;
    byId("history").classList.remove("empty");
    this.accesses = strip.index.accessesOf(offset);
    this.offset = offset;
    this.shown = "";
  }

  /** The access behind an instruction, or before it with a step of -1; -1 if there is none. */
  next(instruction, step) {
    const { accesses, trace } = this;
    const at =
      step > 0
        ? lowerBound(accesses, trace.firstAccess[instruction + 1], 0, accesses.length)
        : lowerBound(accesses, trace.firstAccess[instruction], 0, accesses.length) - 1;
    return at >= 0 && at < accesses.length ? trace.instructionOf(accesses[at]) : -1;
  }

  draw(instruction) {
    if (!this.strip) return;
    const { accesses, trace } = this;
    const made = lowerBound(accesses, trace.accessesUpTo(instruction), 0, accesses.length);
    const begin = Math.max(0, Math.min(made - MOST_SHOWN / 2, accesses.length - MOST_SHOWN));
    const end = Math.min(accesses.length, begin + MOST_SHOWN);
    const here = made && trace.instructionOf(accesses[made - 1]) === instruction ? made - 1 : -1;
    const shown = `${this.strip.region.name} ${this.offset} ${made} ${here}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.title.textContent = `${this.strip.region.name}${this.offset < 0 ? "" : "+"}${this.offset}`;
    const state = this.strip.index.stateOf(this.offset, trace.accessCount);
    const lost = state.lost ? `, ${grouped(state.lost)} not performed` : "";
    this.count.textContent = `read ${grouped(state.reads)}×, written ${grouped(state.writes)}×${lost} in all`;
    const items = [];
    if (begin) items.push(make("li", { className: "hint" }, `${grouped(begin)} earlier`));
    for (let at = begin; at < end; at++) items.push(this.item(accesses[at], at === here, at >= made));
    if (end < accesses.length) items.push(make("li", { className: "hint" }, `${grouped(accesses.length - end)} later`));
    if (!accesses.length) items.push(make("li", { className: "hint" }, "Nothing touched it."));
    this.list.replaceChildren(...items);
    this.scrollTo(this.list.querySelector(".here") ?? this.list.querySelectorAll("button")[made - begin - 1]);
  }

  scrollTo(element) {
    if (!element) return;
    const { offsetTop, offsetHeight } = element.parentElement;
    const middle = offsetTop - this.list.offsetTop - (this.list.clientHeight - offsetHeight) / 2;
    this.list.scrollTop = Math.max(0, middle);
  }

  item(access, isHere, isLater) {
    const { trace } = this;
    const instruction = trace.instructionOf(access);
    const code = trace.codes[trace.code[instruction]];
    const kind = trace.kind[access];
    const way = kind & WRITE ? "write" : "read";
    const value = hexByte(trace.byteOf(access, this.offset - this.strip.index.offsetOf(access)));
    const button = make(
      "button",
      { type: "button", className: `${isHere ? "here" : ""} ${isLater ? "later" : ""}` },
      make("span", { className: "index" }, `#${grouped(instruction)}`),
      make("span", { className: `access ${way}` }, make("span", { className: "way" }, way)),
      make("span", { className: "value" }, kind & NOT_PERFORMED ? "not performed" : value),
      make("span", { className: "size" }, `of ${trace.size[access]}`),
      make("span", { className: "text" }, code.text),
      make("span", { className: "place" }, code.place),
    );
    button.dataset.instruction = String(instruction);
    if (isHere) button.setAttribute("aria-current", "true");
    return make("li", {}, button);
  }
}
