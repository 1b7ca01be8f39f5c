// SPDX-License-Identifier: GPL-2.0-or-later
// Which instructions a query means. An event counts for the instruction that it follows.

const INDEX = /^#\s*([\d,_]+)$/;
const ADDRESS = /^(?:0x[0-9a-f_`]+|[0-9a-f]+`[0-9a-f]{8})$/i;
const IN_REGION = /^(.+)\+(0x[0-9a-f]+|\d+)$/i;

/** The address that a query names, null if it names none. */
function addressIn(query, memory) {
  if (ADDRESS.test(query)) return BigInt("0x" + query.replace(/^0x/i, "").replace(/[_`]/g, "")) & 0xffff_ffff_ffff_ffffn;
  const [, name, offset] = IN_REGION.exec(query) ?? [];
  const region = [...memory.regions, ...memory.modules].find((region) => region.name === name);
  return region ? region.address + BigInt(offset) : null;
}

class Search {
  constructor(trace, memory) {
    this.trace = trace;
    this.memory = memory;
    this.clear();
  }

  clear() {
    this.query = "";
    this.marks = null;
    this.matches = new Uint32Array(0);
  }

  /** Find what a query matches. The index that it names, if it names one, is the only match. */
  run(query) {
    this.clear();
    this.query = query.trim();
    if (!this.query) return;
    const { trace } = this;
    this.marks = new Uint8Array(trace.instructionCount);
    const [, index] = INDEX.exec(this.query) ?? [];
    const address = addressIn(this.query, this.memory);
    if (index !== undefined) {
      const number = Number(index.replace(/[,_]/g, ""));
      if (number < trace.instructionCount) this.marks[number] = 1;
    } else {
      if (address !== null) this.markAddress(address);
      this.markText(this.query.toLowerCase());
    }
    this.collect();
  }

  markText(text) {
    const { codes, code, events } = this.trace;
    const hit = Uint8Array.from(codes, ({ text: words, place, source }) =>
      [words, place, source].some((part) => part.toLowerCase().includes(text)) ? 1 : 0,
    );
    if (hit.includes(1)) for (let at = 0; at < code.length; at++) this.marks[at] |= hit[code[at]];
    for (const event of events) {
      if (`${laneOf(event).one} ${event.text}`.toLowerCase().includes(text)) this.marks[causeOf(event)] = 1;
    }
  }

  /** Mark what ran at an address, or touched it. */
  markAddress(address) {
    const { trace, marks } = this;
    const hit = Uint8Array.from(trace.codes, ({ rip, bytes }) => (rip <= address && address < rip + BigInt(bytes.length / 2) ? 1 : 0));
    const [high, low] = [Number(address >> 32n), Number(address & 0xffffffffn)];
    const begins = trace.windows.map((number) => (high - number) * WINDOW + low);
    for (let instruction = 0, access = 0; instruction < marks.length; instruction++) {
      marks[instruction] |= hit[trace.code[instruction]];
      for (const end = trace.firstAccess[instruction + 1]; access < end; access++) {
        const into = begins[trace.window[access]] - trace.offset[access];
        if (into >= 0 && into < trace.size[access]) marks[instruction] = 1;
      }
    }
  }

  collect() {
    let count = 0;
    for (const mark of this.marks) count += mark;
    this.matches = new Uint32Array(count);
    for (let at = 0, filled = 0; at < this.marks.length; at++) if (this.marks[at]) this.matches[filled++] = at;
  }

  isMatch(instruction) {
    return this.marks !== null && this.marks[instruction] === 1;
  }

  /** The next match behind an instruction, or before it with a step of -1; around the end; -1 if there is none. */
  next(instruction, step) {
    const { matches } = this;
    if (!matches.length) return -1;
    if (step > 0) return matches[upperBound(matches, instruction, 0, matches.length) % matches.length];
    return matches[(lowerBound(matches, instruction, 0, matches.length) - 1 + matches.length) % matches.length];
  }

  /** What was found, in words. */
  summary(instruction) {
    if (!this.query) return "";
    const count = this.matches.length;
    if (!count) return "none";
    return this.isMatch(instruction)
      ? `${grouped(upperBound(this.matches, instruction, 0, count))} of ${grouped(count)}`
      : `${grouped(count)}`;
  }
}
