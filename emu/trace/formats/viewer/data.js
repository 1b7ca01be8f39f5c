// SPDX-License-Identifier: GPL-2.0-or-later
// The trace as typed arrays, decoded from the blocks that the writer left in the page (emu/trace/formats/html.py).

const TRAPPED = 1;
const REP = 2;
const USER_MODE = 4;
// Bits of an access's `kind`.
const WRITE = 1;
const NOT_PERFORMED = 2;
const USER_PAGE = 4;

const SLOTS = 4;

/** Cut a chunk into its columns; one of width 0 is an array of zeros. */
function columnsOf(layout, buffer) {
  const columns = {};
  let at = 0;
  for (const part of layout.split(" ")) {
    const [name, width, count] = part.split(":");
    const length = Number(count);
    const type = { 0: Uint8Array, 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[width];
    columns[name] = Number(width) ? new type(buffer, at, length) : new type(length);
    columns[name].isZero = width === "0";
    at += Math.ceil((Number(width) * length) / 4) * 4;
  }
  return columns;
}

class TraceData {
  constructor(about) {
    const { instructions, accesses, code, windows } = about;
    this.instructionCount = instructions;
    this.accessCount = accesses;
    this.windows = windows;
    this.kinds = about.kinds;
    this.codes = code.map(([rip, bytes, place, text, source]) => ({ rip: BigInt("0x" + rip), bytes, place, text, source }));
    this.calls = about.calls.map(([name, values, outcome, begin, end]) => ({ name, values, outcome, begin, end }));
    this.modules = about.modules;
    this.buffers = about.buffers;
    this.code = code.length > 0xffff ? new Uint32Array(instructions) : new Uint16Array(instructions);
    this.flags = new Uint8Array(instructions);
    /** Index of an instruction's first access; one entry more than there are instructions. */
    this.firstAccess = new Uint32Array(instructions + 1);
    /** How many instructions a filter left out before each; null where it left out none. */
    this.skipped = null;
    this.window = windows.length > 0xff ? new Uint16Array(accesses) : new Uint8Array(accesses);
    this.offset = new Uint32Array(accesses);
    this.size = new Uint8Array(accesses);
    this.kind = new Uint8Array(accesses);
    /** The values, 32 bits in each; null where all of them are 0. */
    this.words = [null, null, null, null];
    this.events = [];
    this.filled = 0;
    this.filledAccesses = 0;
  }

  addChunk(columns) {
    const { code, flags, accesses, skipped } = columns;
    const begin = this.filled;
    const last = new Uint32Array(this.codes.length * SLOTS);
    this.code.set(code, begin);
    this.flags.set(flags, begin);
    let access = this.filledAccesses;
    const firstOfChunk = access;
    for (let at = 0; at < code.length; at++) {
      this.firstAccess[begin + at] = access;
      for (let ordinal = 0; ordinal < accesses[at]; ordinal++, access++) {
        const slot = code[at] * SLOTS + Math.min(ordinal, SLOTS - 1);
        last[slot] += columns.offset[access - firstOfChunk];
        this.offset[access] = last[slot];
      }
    }
    this.firstAccess[begin + code.length] = access;
    this.window.set(columns.window, firstOfChunk);
    this.size.set(columns.size, firstOfChunk);
    this.kind.set(columns.kind, firstOfChunk);
    this.words.forEach((_, word) => this.addWords(word, columns[`word${word}`], firstOfChunk));
    if (!skipped.isZero) this.addSkipped(skipped, begin);
    this.filled += code.length;
    this.filledAccesses = access;
  }

  addWords(word, column, begin) {
    if (column.isZero) return;
    const values = (this.words[word] ??= new Uint32Array(this.accessCount));
    let value = 0;
    for (let at = 0; at < column.length; at++) values[begin + at] = value ^= column[at];
  }

  /** A chunk's first entry counts all that was left out before it. */
  addSkipped(column, begin) {
    this.skipped ??= new Uint32Array(this.instructionCount);
    this.skippedSoFar ??= 0;
    column.forEach((count, at) => {
      const here = at ? count : Math.max(0, count - this.skippedSoFar);
      this.skipped[begin + at] = here;
      this.skippedSoFar += here;
    });
  }

  addEvents(rows) {
    for (const [instruction, kind, text, address] of rows) {
      this.events.push({ instruction, name: this.kinds[kind], text, address: BigInt("0x" + address) });
    }
  }

  /** The accesses made before the instruction behind this one begins. */
  accessesUpTo(instruction) {
    return this.firstAccess[instruction + 1];
  }

  /** Which instruction made an access. */
  instructionOf(access) {
    return upperBound(this.firstAccess, access, 0, this.instructionCount + 1) - 1;
  }

  /** A byte of an access's value. */
  byteOf(access, at) {
    const values = this.words[at >> 2];
    return values ? (values[access] >>> ((at & 3) * 8)) & 0xff : 0;
  }

  valueOf(access) {
    return this.words.reduceRight((value, values) => (value << 32n) | BigInt(values ? values[access] : 0), 0n);
  }

  addressOf(access) {
    return (BigInt(this.windows[this.window[access]]) << 32n) | BigInt(this.offset[access]);
  }
}

/** Index of the first number of a sorted array, from `begin` up to `end`, that is greater. */
function upperBound(numbers, number, begin, end) {
  while (begin < end) {
    const middle = (begin + end) >>> 1;
    if (numbers[middle] <= number) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

/** Index of the first number that is not less. */
const lowerBound = (numbers, number, begin, end) => upperBound(numbers, number - 1, begin, end);

/** Read the page's blocks; `progress` is told the part that is done. */
async function loadTrace(progress) {
  const trace = new TraceData(asJson(await takeBlock(document.querySelector("script.about"))));
  const blocks = document.querySelectorAll("script.chunk, script.events");
  let done = 0;
  for (const block of blocks) {
    const layout = block.dataset.columns;
    const content = await takeBlock(block);
    if (layout === undefined) trace.addEvents(asJson(content));
    else trace.addChunk(columnsOf(layout, content));
    progress(++done / blocks.length);
  }
  return trace;
}
