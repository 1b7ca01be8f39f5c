// SPDX-License-Identifier: GPL-2.0-or-later
// A region drawn byte by byte: a bar of the whole of it, and below it the cells about the access under the cursor.

const CELL_HEIGHT = 20;
const BAR_HEIGHT = 10;
const LABEL_WIDTH = 58;
const SMALLEST_CELL = 19;
const LARGEST_CELL = 30;

/** Fit a canvas to its element and return its context, in CSS pixels. */
function fitCanvas(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

class Strip {
  /** `choose` is told of a region that was chosen, `pick` of a byte. */
  constructor(element, role, memory, { choose, pick }) {
    this.element = element;
    this.role = role;
    this.memory = memory;
    this.pick = pick;
    this.topRow = 0;
    this.chosen = null;
    this.byte = 0;
    this.rows = 1;
    this.columns = 16;
    this.build(choose);
  }

  build(choose) {
    const title = this.role === "source" ? "Read from" : "Written to";
    this.select = make("select", { id: `${this.role}-region`, ariaLabel: `${title}: memory shown` });
    this.memory.regions.forEach((region, number) =>
      this.select.append(make("option", { value: number }, `${region.name} · ${grouped(region.size)} bytes`)),
    );
    this.select.addEventListener("change", () => choose(this.memory.regions[Number(this.select.value)]));
    this.counts = make("span", { className: "counts" });
    this.bar = make("canvas", { className: "bar", ariaHidden: "true" });
    this.grid = make("canvas", { className: "grid", tabIndex: 0 });
    this.grid.setAttribute("role", "application");
    this.grid.setAttribute("aria-roledescription", "byte strip");
    this.element.append(
      make("header", {}, make("h2", {}, title), this.select, this.counts),
      make("div", { className: "bar-box" }, this.bar),
      this.grid,
    );
    this.grid.addEventListener("click", (event) => {
      const offset = this.offsetAt(event.offsetX, event.offsetY);
      if (offset !== null) this.pick(this, offset);
    });
    this.grid.addEventListener("wheel", (event) => this.scroll(event), { passive: false });
    this.grid.addEventListener("focus", () => this.redraw?.());
    this.grid.addEventListener("blur", () => this.redraw?.());
    this.bar.addEventListener("click", (event) => {
      const part = event.offsetX / this.bar.clientWidth;
      this.topRow = this.clampTop(Math.floor((part * this.index.size) / this.columns) - (this.rows >> 1));
      this.redraw();
    });
  }

  show(region) {
    this.region = region;
    this.index = new ByteIndex(this.memory.trace, region);
    this.topRow = 0;
    this.chosen = null;
    this.byte = this.index.first;
    this.select.value = String(this.memory.regions.indexOf(region));
    this.grid.setAttribute("aria-label", `${region.name}, ${grouped(region.size)} bytes. Arrows move, Enter lists accesses.`);
  }

  /** How wide the cells are and how many rows the region takes, in a given width. */
  measure(width) {
    const room = width - LABEL_WIDTH;
    this.columns = [64, 32, 16, 8].find((columns) => columns * SMALLEST_CELL <= room) ?? 8;
    this.cell = Math.min(LARGEST_CELL, Math.floor(room / this.columns));
    this.width = width;
    this.rowsWanted = Math.ceil((this.index.end - this.firstOfGrid) / this.columns);
  }

  /** The first cell, a multiple of the columns. */
  get firstOfGrid() {
    return Math.floor(this.index.first / this.columns) * this.columns;
  }

  setRows(rows) {
    this.rows = Math.max(1, Math.min(rows, this.rowsWanted));
    this.topRow = this.clampTop(this.topRow);
  }

  clampTop(row) {
    return Math.max(0, Math.min(row, this.rowsWanted - this.rows));
  }

  rowOf(offset) {
    return Math.floor((offset - this.firstOfGrid) / this.columns);
  }

  scroll(event) {
    const top = this.clampTop(this.topRow + Math.sign(event.deltaY) * Math.max(1, Math.round(Math.abs(event.deltaY) / 40)));
    if (top === this.topRow) return;
    event.preventDefault();
    this.topRow = top;
    this.redraw();
  }

  reveal(offset) {
    const row = this.rowOf(offset);
    if (row < this.topRow || row >= this.topRow + this.rows) this.topRow = this.clampTop(row - (this.rows >> 1));
  }

  offsetAt(x, y) {
    const column = Math.floor((x - LABEL_WIDTH) / this.cell);
    const row = Math.floor(y / CELL_HEIGHT);
    if (column < 0 || column >= this.columns || row >= this.rows) return null;
    const offset = this.firstOfGrid + (this.topRow + row) * this.columns + column;
    return offset >= this.index.first && offset < this.index.end ? offset : null;
  }

  /** Centre and edges of a cell, null where it is not in sight. */
  boxOf(offset) {
    const row = this.rowOf(offset) - this.topRow;
    if (row < 0 || row >= this.rows) return null;
    const column = (offset - this.firstOfGrid) % this.columns;
    const left = LABEL_WIDTH + column * this.cell;
    return { left, top: row * CELL_HEIGHT, right: left + this.cell, bottom: (row + 1) * CELL_HEIGHT };
  }

  /** The bytes of the region's accesses by an instruction; of the last one before where it makes none. */
  litAt(instruction) {
    const { trace } = this.memory;
    const lit = new Map();
    const begin = trace.firstAccess[instruction];
    const end = trace.firstAccess[instruction + 1];
    const add = (access, now) => {
      const offset = this.index.offsetOf(access);
      const kind = trace.kind[access] & WRITE ? "write" : "read";
      for (let at = 0; at < trace.size[access]; at++) lit.set(offset + at, { kind, now, access });
    };
    for (let access = begin; access < end; access++) if (this.index.touches(access)) add(access, true);
    if (!lit.size) {
      const last = this.index.lastBefore(begin);
      if (last >= 0) add(last, false);
    }
    return lit;
  }

  follow(instruction) {
    const [offset] = this.litAt(instruction).keys();
    if (offset !== undefined) this.reveal(Math.max(offset, this.index.first));
  }

  draw(instruction, colours, faults) {
    const before = this.memory.trace.accessesUpTo(instruction);
    this.drawBar(before, colours);
    this.drawGrid(instruction, before, colours, faults);
  }

  drawBar(before, colours) {
    const width = this.width;
    const parts = Math.max(1, Math.min(this.index.size, Math.floor(width), 1024));
    const times = this.index.partTimes(parts);
    const context = fitCanvas(this.bar, width, BAR_HEIGHT);
    context.fillStyle = colours.untouched;
    context.fillRect(0, 0, width, BAR_HEIGHT);
    const bytes = this.index.size / parts;
    const rowsOf = times.reads && times.writes ? 2 : 1;
    [times.reads, times.writes].forEach((nth, kind) => {
      if (!nth) return;
      const [top, height] = rowsOf === 2 ? [(kind * BAR_HEIGHT) / 2, BAR_HEIGHT / 2] : [0, BAR_HEIGHT];
      const shades = kind === WRITES ? [colours.write1, colours.write2] : [colours.read1, colours.read2];
      nth.forEach((partTimes, twice) => {
        context.fillStyle = shades[twice];
        for (let part = 0; part < parts; part++) {
          const touched = partTimes.countBefore(part, before);
          if (!touched) continue;
          context.globalAlpha = 0.35 + 0.65 * Math.min(1, touched / bytes);
          context.fillRect((part * width) / parts, top, width / parts + 0.4, height);
        }
      });
      context.globalAlpha = 1;
    });
    if (this.rows === this.rowsWanted) return;
    const inSight = (this.columns / Math.max(1, this.index.size)) * width;
    const left = Math.max(0.75, this.topRow * inSight + 0.75);
    context.strokeStyle = colours.text;
    context.lineWidth = 1.5;
    context.strokeRect(left, 0.75, Math.max(3, Math.min(this.rows * inSight, width - left) - 1), BAR_HEIGHT - 1.5);
  }

  drawGrid(instruction, before, colours, faults) {
    const context = fitCanvas(this.grid, this.width, this.rows * CELL_HEIGHT);
    const lit = this.litAt(instruction);
    context.textBaseline = "middle";
    for (let row = 0; row < this.rows; row++) {
      const begin = this.firstOfGrid + (this.topRow + row) * this.columns;
      const middle = row * CELL_HEIGHT + CELL_HEIGHT / 2 + 0.5;
      context.font = colours.smallFont;
      context.textAlign = "right";
      context.fillStyle = colours.faint;
      context.fillText(grouped(begin), LABEL_WIDTH - 8, middle);
      context.textAlign = "center";
      const end = Math.min(begin + this.columns, this.index.end);
      for (let offset = Math.max(begin, this.index.first); offset < end; offset++) {
        this.drawCell(context, offset, before, lit.get(offset), colours, faults.has(offset));
      }
    }
    if (document.activeElement === this.grid) this.outline(context, this.byte, colours.text, [2, 2]);
    if (this.chosen !== null) this.outline(context, this.chosen, colours.text, []);
  }

  drawCell(context, offset, before, lit, colours, faulted) {
    const { left, top, right, bottom } = this.boxOf(offset);
    const [width, height] = [right - left - 1, bottom - top - 1];
    const { reads, writes, lost, value } = this.index.stateOf(offset, before);
    const shade = (count, once, twice) => (count > 1 ? twice : once);
    const outside = offset < 0 || offset >= this.region.size;
    if (lit?.now) {
      context.fillStyle = lit.kind === "write" ? colours.write : colours.read;
      context.fillRect(left, top, width, height);
    } else if (reads && writes) {
      context.fillStyle = shade(reads, colours.read1, colours.read2);
      context.fillRect(left, top, width, height / 2);
      context.fillStyle = shade(writes, colours.write1, colours.write2);
      context.fillRect(left, top + height / 2, width, height / 2);
    } else {
      context.fillStyle = reads
        ? shade(reads, colours.read1, colours.read2)
        : writes
          ? shade(writes, colours.write1, colours.write2)
          : outside
            ? colours.outside
            : colours.untouched;
      context.fillRect(left, top, width, height);
    }
    const centre = left + width / 2;
    const middle = top + height / 2 + 1;
    context.fillStyle = lit?.now ? colours.onAccent : reads || writes ? colours.text : colours.faint;
    context.font = colours.font;
    context.fillText(value < 0 ? "·" : hexByte(value), centre, middle);
    const often = Math.max(reads, writes);
    if (often > 1 && this.cell >= 24) {
      context.font = colours.tinyFont;
      context.fillText(often > 9 ? "+" : String(often), right - 4.5, top + 5.5);
    } else if (often > 1) context.fillRect(right - 4, top, 3, 3);
    if (outside) this.outline(context, offset, colours.faint, [1, 2]);
    if (lost || faulted) this.outline(context, offset, colours.fault, [3, 2]);
    if (faulted) {
      context.fillStyle = colours.fault;
      context.font = colours.tinyFont;
      context.fillText("▲", left + 4.5, top + 5);
    }
    if (lit && !lit.now) this.outline(context, offset, lit.kind === "write" ? colours.write : colours.read, []);
  }

  outline(context, offset, colour, dashes) {
    const box = this.boxOf(offset);
    if (!box) return;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash(dashes);
    context.strokeRect(box.left + 0.75, box.top + 0.75, box.right - box.left - 2.5, CELL_HEIGHT - 2.5);
    context.setLineDash([]);
  }

  /** What a byte is, in words. */
  describe(offset, instruction) {
    const { reads, writes, lost, value, last } = this.index.stateOf(offset, this.memory.trace.accessesUpTo(instruction));
    const times = (count) => (count === 1 ? "once" : count === 2 ? "twice" : `${grouped(count)} times`);
    const parts = [];
    if (reads) parts.push(`read ${times(reads)}`);
    if (writes) parts.push(`written ${times(writes)}`);
    if (lost) parts.push(`tried ${times(lost)}, the instruction trapped`);
    const address = this.region.address + BigInt(offset);
    const known = value < 0 ? "" : `, ${hexByte(value)} at #${grouped(this.memory.trace.instructionOf(last))}`;
    const sign = offset < 0 ? "" : "+";
    return `${this.region.name}${sign}${offset} (${hexAddress(address)}): ${parts.join(", ") || "not touched yet"}${known}`;
  }
}
