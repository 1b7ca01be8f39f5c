// SPDX-License-Identifier: GPL-2.0-or-later
// The accesses of one byte, as a list to go through.

const HISTORY_MOST = 200;

class History {
  constructor(viewer) {
    this.viewer = viewer;
    this.list = byId("history-list");
    this.strip = null;
    this.byte = -1;
    this.list.onclick = (event) => {
      const entry = event.target.closest("[data-index]");
      if (entry) viewer.goTo(Number(entry.dataset.index));
    };
    byId("history").hidden = true;
  }

  show(strip, byte) {
    this.strip = strip;
    this.byte = byte;
    const accesses = strip.history.accessesOf(byte);
    byId("history").hidden = false;
    byId("history-title").textContent = `Accesses of ${strip.region.name}+${byte}`;
    const more = accesses.length > HISTORY_MOST ? `, the first ${HISTORY_MOST} here` : "";
    byId("history-count").textContent = accesses.length === 1 ? "once" : `${grouped(accesses.length)} times${more}`;
    const { trace, memory } = this.viewer;
    const entries = [...accesses.subarray(0, HISTORY_MOST)].map((access) => {
      const index = trace.instructionOf(access);
      const code = trace.codes[trace.code[index]];
      const button = make(
        "button",
        { type: "button" },
        make("span", { className: "number" }, grouped(index)),
        make("code", {}, code.text),
        accessElement(accessAsData(trace, memory, access)),
        make("span", { className: "from" }, code.source || code.place),
      );
      button.dataset.index = String(index);
      return make("li", {}, button);
    });
    if (!entries.length) entries.push(make("li", { className: "none" }, "No instruction touched it."));
    this.list.replaceChildren(...entries);
    this.mark();
  }

  hide() {
    this.strip = null;
    this.byte = -1;
    byId("history").hidden = true;
  }

  /** Light the entry of the current instruction. */
  mark() {
    for (const button of this.list.querySelectorAll("[data-index]")) {
      button.classList.toggle("current", Number(button.dataset.index) === this.viewer.index);
    }
  }

  /** The instruction of the byte's access after the current one, or before; null where there is none. */
  next(step) {
    if (!this.strip) return null;
    const accesses = this.strip.history.accessesOf(this.byte);
    const { trace, index } = this.viewer;
    const at =
      step > 0
        ? lowerBound(accesses, trace.firstAccess[index + 1], 0, accesses.length)
        : lowerBound(accesses, trace.firstAccess[index], 0, accesses.length) - 1;
    return at >= 0 && at < accesses.length ? trace.instructionOf(accesses[at]) : null;
  }
}
