// SPDX-License-Identifier: GPL-2.0-or-later
// One region of memory as a strip: a cell a byte, coloured by what has happened to it until now.

const CELL_MOST = 22;
const CELL_LEAST = 3;
const ROWS_MOST = 512;

class Strip {
  constructor(element, title, viewer) {
    this.element = element;
    this.title = title;
    this.viewer = viewer;
    this.select = make("select", { ariaLabel: title });
    this.facts = make("span", { className: "facts" });
    this.canvas = make("canvas", { tabIndex: 0 });
    this.canvas.setAttribute("role", "img");
    this.scroll = make("div", { className: "strip-scroll" }, this.canvas);
    element.append(make("header", {}, make("b", {}, title), this.select, this.facts), this.scroll);
    this.chosen = -1;
    this.focused = 0;
    viewer.memory.regions.forEach((region, index) => {
      const side = region.user ? "user" : "kernel";
      this.select.append(make("option", { value: String(index) }, `${region.name} (${side}, ${grouped(region.size)} bytes)`));
    });
    this.select.onchange = () => viewer.showRegion(this, viewer.memory.regions[Number(this.select.value)]);
    this.canvas.onclick = (event) => this.pick(this.byteUnder(event));
    this.canvas.onmousemove = (event) => this.hover(event);
    this.canvas.onmouseleave = () => viewer.tip.hide();
    this.canvas.onkeydown = (event) => this.key(event);
    new ResizeObserver(() => this.resize()).observe(this.scroll);
  }

  show(region) {
    this.region = region;
    this.history = new ByteHistory(this.viewer.trace, region);
    this.select.value = String(this.viewer.memory.regions.indexOf(region));
    this.chosen = -1;
    this.focused = 0;
    this.resize();
  }

  resize() {
    if (!this.region) return;
    const width = Math.max(this.scroll.clientWidth, 100);
    const size = Math.max(this.region.size, 1);
    let cell = CELL_MOST;
    const heightFor = (each) => Math.ceil(size / this.columnsFor(width, each)) * each;
    while (cell > CELL_LEAST && heightFor(cell) > 150) cell--;
    this.cell = cell;
    this.columns = this.columnsFor(width, cell);
    const rows = Math.min(Math.ceil(size / this.columns), ROWS_MOST);
    this.shown = Math.min(this.region.size, rows * this.columns);
    this.image = null;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.columns * cell * ratio;
    this.canvas.height = rows * cell * ratio;
    this.canvas.style.width = `${this.columns * cell}px`;
    this.canvas.style.height = `${rows * cell}px`;
    this.draw();
  }

  /** A row has a power of two of bytes, at least 16. */
  columnsFor(width, cell) {
    return Math.max(16, 2 ** Math.floor(Math.log2(Math.max(1, width / cell))));
  }

  draw() {
    if (!this.region || !this.columns) return;
    const { viewer, cell, history } = this;
    const context = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    const colours = viewer.colours;
    const now = viewer.trace.accessesUpTo(viewer.index);
    const gap = 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.font = `${Math.floor(cell * 0.52)}px ui-monospace, monospace`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    history.moveTo(now);
    const touched = cell < 6 ? this.drawSmall(context, ratio) : this.drawLarge(context, gap, now);
    this.facts.textContent = `${grouped(touched)} of ${grouped(this.shown)} bytes touched so far`;
    this.outlineAccesses(context, colours);
    if (this.chosen >= 0) this.outline(context, this.chosen, this.chosen + 1, colours.chosen, 2);
    if (document.activeElement === this.canvas) this.outline(context, this.focused, this.focused + 1, colours.ink, 1);
    this.canvas.setAttribute("aria-label", `${this.title}: ${this.region.name}, ${this.facts.textContent}`);
  }

  /** Cells with a value where there is room, one rectangle a cell. */
  drawLarge(context, gap, now) {
    const { cell, columns, history, viewer } = this;
    const { colours } = viewer;
    let touched = 0;
    for (let byte = 0; byte < this.shown; byte++) {
      const x = (byte % columns) * cell;
      const y = Math.floor(byte / columns) * cell;
      const reads = history.reads[byte];
      const writes = history.writes[byte];
      if (reads || writes) touched++;
      context.fillStyle = this.colourOf(reads, writes, colours);
      context.fillRect(x, y, cell - gap, cell - gap);
      if (reads + writes > 1) {
        // Not by colour alone: a corner for more than one touch.
        context.fillStyle = colours.ink;
        context.fillRect(x + cell - gap - 3, y, 3, 3);
      }
      if (cell >= 18) {
        const value = history.valueAt(byte, now);
        context.fillStyle = value === null ? colours.faint : colours.ink;
        context.fillText(value === null ? "··" : hexByte(value), x + cell / 2, y + cell / 2 + 1);
      }
    }
    return touched;
  }

  /** Too many cells for that: pixels. */
  drawSmall(context, ratio) {
    const { columns, history, viewer } = this;
    const side = Math.round(this.cell * ratio);
    const width = columns * side;
    const rows = Math.ceil(this.shown / columns);
    if (!this.image || this.image.width !== width || this.image.height !== rows * side) {
      this.image = new ImageData(width, rows * side);
      this.drawn = new Uint8Array(this.shown).fill(255);
    }
    const pixels = new Uint32Array(this.image.data.buffer);
    const palette = viewer.colours.palette;
    if (this.palette !== palette) this.drawn.fill(255);
    this.palette = palette;
    let touched = 0;
    for (let byte = 0; byte < this.shown; byte++) {
      const reads = Math.min(history.reads[byte], 3);
      const writes = Math.min(history.writes[byte], 3);
      const shade = reads && writes ? 7 : writes ? 3 + writes : reads;
      if (shade) touched++;
      if (this.drawn[byte] === shade) continue;
      this.drawn[byte] = shade;
      const begin = Math.floor(byte / columns) * side * width + (byte % columns) * side;
      for (let row = 0; row < side; row++) pixels.fill(palette[shade], begin + row * width, begin + row * width + side);
    }
    context.putImageData(this.image, 0, 0);
    return touched;
  }

  colourOf(reads, writes, colours) {
    if (!reads && !writes) return colours.untouched;
    if (reads && writes) return colours.both;
    const count = Math.min(reads + writes, 3);
    return (reads ? colours.reads : colours.writes)[count - 1];
  }

  outlineAccesses(context, colours) {
    const { trace, index } = this.viewer;
    for (let access = trace.firstAccess[index]; access < trace.firstAccess[index + 1]; access++) {
      const extent = this.history.extentOf(access);
      if (extent) this.outline(context, ...extent, trace.kind[access] & WRITE ? colours.writeEdge : colours.readEdge, 2);
    }
  }

  outline(context, begin, end, colour, width) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    for (let byte = begin; byte < Math.min(end, this.shown); ) {
      const row = Math.floor(byte / this.columns);
      const stop = Math.min(end, (row + 1) * this.columns);
      const inset = width / 2;
      const x = (byte % this.columns) * this.cell;
      context.strokeRect(x + inset, row * this.cell + inset, (stop - byte) * this.cell - width, this.cell - width);
      byte = stop;
    }
  }

  /** Where the middle of a run of bytes lies, in the page. */
  middleOf(begin, end) {
    const box = this.canvas.getBoundingClientRect();
    const byte = Math.min((begin + end - 1) / 2, this.shown - 1);
    const row = Math.floor(byte / this.columns);
    return [box.left + ((byte % this.columns) + 0.5) * this.cell, box.top + (row + 0.5) * this.cell];
  }

  byteUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.cell);
    const byte = Math.floor((event.clientY - box.top) / this.cell) * this.columns + column;
    return column >= 0 && column < this.columns && byte >= 0 && byte < this.shown ? byte : -1;
  }

  pick(byte) {
    if (byte < 0) return;
    this.focused = byte;
    this.viewer.chooseByte(this, byte);
  }

  hover(event) {
    const byte = this.byteUnder(event);
    if (byte < 0) return this.viewer.tip.hide();
    const { reads, writes } = this.history;
    const value = this.history.valueAt(byte, this.viewer.trace.accessesUpTo(this.viewer.index));
    const count = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;
    const known = value === null ? "" : `, 0x${hexByte(value)}`;
    this.viewer.tip.show(event, `${this.region.name}+${byte}: ${count(reads[byte], "read")}, ${count(writes[byte], "write")}${known}`);
  }

  key(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -this.focused, End: this.shown };
    if (event.key === "Enter" || event.key === " ") this.pick(this.focused);
    else if (event.key in moves) {
      this.focused = Math.max(0, Math.min(this.shown - 1, this.focused + moves[event.key]));
      this.draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
