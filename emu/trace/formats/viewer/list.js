// SPDX-License-Identifier: GPL-2.0-or-later
// The list of instructions: rows exist for what is on the screen alone.

const ROW = 22;
/** A browser's element is not endlessly high: a longer list scrolls in proportion. */
const HEIGHT_MOST = 8_000_000;

class List {
  constructor(viewer) {
    this.viewer = viewer;
    this.box = byId("rows");
    this.view = byId("rows-view");
    this.count = viewer.trace.instructionCount;
    this.height = Math.min(this.count * ROW, HEIGHT_MOST);
    byId("rows-height").style.height = `${this.height}px`;
    this.top = 0;
    this.box.addEventListener("scroll", () => {
      if (this.quiet) this.quiet = false;
      else this.scrolled();
    });
    this.view.onclick = (event) => {
      const row = event.target.closest("[data-index]");
      if (row) viewer.goTo(Number(row.dataset.index));
      this.box.focus();
    };
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** How many rows are on the screen. */
  get page() {
    return Math.max(1, Math.floor(this.box.clientHeight / ROW));
  }

  scrolled() {
    const most = Math.max(1, this.height - this.box.clientHeight);
    const lastTop = Math.max(0, this.count - this.page);
    this.top = Math.round((this.box.scrollTop / most) * lastTop);
    this.draw();
  }

  /** Have an instruction on the screen, near its middle where the list has to move. */
  reveal(index) {
    if (index < this.top || index >= this.top + this.rowsShown - 1) {
      this.top = Math.max(0, Math.min(this.count - this.page, index - (this.page >> 1)));
      const most = Math.max(1, this.height - this.box.clientHeight);
      const target = Math.round((this.top / Math.max(1, this.count - this.page)) * most);
      if (Math.abs(this.box.scrollTop - target) >= 1) {
        this.quiet = true;
        this.box.scrollTop = target;
      }
    }
    this.draw();
  }

  draw() {
    const { trace, index } = this.viewer;
    const elements = [];
    let room = this.page;
    let at = this.top;
    let shown = 0;
    for (; at < this.count && room > 0; at++, room--, shown++) {
      for (const event of this.viewer.eventsBefore(at)) {
        elements.push(explanationElement(event, "div"));
        room--;
      }
      elements.push(this.row(trace, at, at === index));
    }
    if (at === this.count) elements.push(...this.viewer.eventsBefore(at).map((event) => explanationElement(event, "div")));
    this.rowsShown = Math.max(1, shown);
    this.view.style.top = `${this.box.scrollTop}px`;
    this.view.replaceChildren(...elements);
    this.box.setAttribute("aria-activedescendant", `row-${index}`);
  }

  row(trace, at, isCurrent) {
    const code = trace.codes[trace.code[at]];
    const flags = trace.flags[at];
    const row = make("div", { className: "row", id: `row-${at}` });
    row.dataset.index = String(at);
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(isCurrent));
    if (isCurrent) row.classList.add("current");
    if (flags & TRAPPED) row.classList.add("trapped");
    if (this.viewer.search.matches(at)) row.classList.add("match");
    const accesses = make("span", { className: "accesses" });
    for (let access = trace.firstAccess[at]; access < trace.firstAccess[at + 1]; access++) {
      accesses.append(accessElement(accessAsData(trace, this.viewer.memory, access)));
    }
    if (flags & TRAPPED) accesses.append(make("span", { className: "tag" }, "trapped"));
    if (flags & REP) accesses.append(make("span", { className: "tag quiet" }, "rep"));
    row.append(
      make("span", { className: "number" }, grouped(at)),
      make("span", { className: "place", title: code.place }, code.place.replace(/^[^!]*!/, "")),
      make("code", { className: "text" }, code.text),
      accesses,
      make("span", { className: "from" }, code.source),
    );
    return row;
  }
}
