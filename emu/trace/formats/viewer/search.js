// SPDX-License-Identifier: GPL-2.0-or-later
// Search: what a person types, as a test of instructions, and the way to the next one that meets it.

class Search {
  constructor(viewer) {
    this.viewer = viewer;
    this.input = byId("search");
    this.test = null;
    this.count = 0;
    this.input.oninput = () => this.parse();
    this.input.onkeydown = (event) => {
      if (event.key === "Enter") this.go(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") byId("rows").focus();
      else return;
      event.preventDefault();
    };
    byId("search-next").onclick = () => this.go(1);
    byId("search-previous").onclick = () => this.go(-1);
  }

  matches(index) {
    return this.test !== null && this.test(index);
  }

  parse() {
    const text = this.input.value.trim();
    const { trace } = this.viewer;
    this.test = text ? this.testFor(text) : null;
    this.count = 0;
    if (this.test) for (let index = 0; index < trace.instructionCount; index++) if (this.test(index)) this.count++;
    byId("found").textContent = text ? (this.count === 1 ? "1 match" : `${grouped(this.count)} matches`) : "";
    this.viewer.list.draw();
  }

  testFor(text) {
    const { trace, memory } = this.viewer;
    const number = /^#([\d,_]+)$/.exec(text);
    if (number) {
      const wanted = Number(number[1].replace(/[,_]/g, ""));
      return (index) => index === wanted;
    }
    const address = /^0x[0-9a-f_`]+$/i.exec(text);
    if (address) return this.testForByte(BigInt(text.replace(/[_`]/g, "")));
    const place = /^(.+)\+(0x[0-9a-f]+|\d+)$/i.exec(text);
    const buffer = place && memory.buffers.find((region) => region.name === place[1]);
    if (buffer) return this.testForByte(buffer.address + BigInt(place[2]));
    const small = text.toLowerCase();
    const hits = trace.codes.map((code) => `${code.text}\n${code.place}\n${code.source}`.toLowerCase().includes(small));
    const explained = new Set(
      trace.events.filter((event) => event.text.toLowerCase().includes(small)).map((event) => causeOf(event)),
    );
    return (index) => hits[trace.code[index]] || explained.has(index);
  }

  /** Instructions that lie at an address, or read or wrote the byte there. */
  testForByte(address) {
    const { trace } = this.viewer;
    const hits = trace.codes.map((code) => code.rip === address);
    const begins = trace.windows.map((high) => Number(address - (BigInt(high) << 32n)));
    return (index) => {
      if (hits[trace.code[index]]) return true;
      for (let access = trace.firstAccess[index]; access < trace.firstAccess[index + 1]; access++) {
        const at = begins[trace.window[access]] - trace.offset[access];
        if (at >= 0 && at < trace.size[access]) return true;
      }
      return false;
    };
  }

  /** Go to the next match, or the one before, round the ends. */
  go(step) {
    if (!this.test || !this.count) return;
    const { instructionCount } = this.viewer.trace;
    let index = this.viewer.index;
    do index = (index + step + instructionCount) % instructionCount;
    while (!this.test(index));
    this.viewer.goTo(index);
  }
}
