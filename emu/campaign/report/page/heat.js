// SPDX-License-Identifier: GPL-2.0-or-later
// The map of one pair of offsets: a row a length, a column a faulting byte.

const MARGIN = { left: 44, top: 22, right: 14, bottom: 4 };
const LEAST_WITH_LINES = 5;
const LEAST_WITH_LETTERS = 12;
const LARGEST_CELL = 36;

class HeatMap {
  constructor(campaign, canvas, box) {
    this.campaign = campaign;
    this.canvas = canvas;
    this.box = box;
    this.size = 1;
  }

  /** Fit the cells into the room there is; below two pixels a cell the box scrolls. */
  layout() {
    const { bytes, lengths } = this.campaign;
    const width = this.box.clientWidth - MARGIN.left - MARGIN.right;
    const height = this.box.clientHeight - MARGIN.top - MARGIN.bottom;
    const fitting = Math.min(width / bytes.length, height / lengths.length);
    // Whole pixels where that costs little of the room.
    this.size = Math.max(2, Math.min(LARGEST_CELL, fitting < 4 ? Math.floor(fitting * 4) / 4 : Math.floor(fitting)));
    this.width = MARGIN.left + bytes.length * this.size + MARGIN.right;
    this.height = MARGIN.top + lengths.length * this.size + MARGIN.bottom;
  }

  draw(pair, chosen, colours) {
    const { campaign, size } = this;
    const columns = campaign.bytes.length;
    const rows = campaign.lengths.length;
    const context = sized(this.canvas, this.width, this.height);
    const small = new OffscreenCanvas(columns, rows);
    const image = new ImageData(columns, rows);
    paint(campaign, pair, colours.ranks, image);
    small.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(small, MARGIN.left, MARGIN.top, columns * size, rows * size);
    if (size >= LEAST_WITH_LINES) this.drawLines(context, colours);
    if (size >= LEAST_WITH_LETTERS) this.drawLetters(context, pair, colours);
    if (campaign.bytes[0] === null) this.drawBorder(context, colours);
    this.drawAxes(context, colours);
    if (chosen) this.drawChosen(context, chosen, colours);
  }

  drawLines(context, colours) {
    const { campaign, size } = this;
    context.fillStyle = colours.panel;
    for (let column = 1; column <= campaign.bytes.length; column++) {
      context.fillRect(MARGIN.left + column * size - 1, MARGIN.top, 1, campaign.lengths.length * size);
    }
    for (let row = 1; row <= campaign.lengths.length; row++) {
      context.fillRect(MARGIN.left, MARGIN.top + row * size - 1, campaign.bytes.length * size, 1);
    }
  }

  /** What sets the column without a place apart from the bytes. */
  drawBorder(context, colours) {
    context.fillStyle = colours.faint;
    context.fillRect(MARGIN.left + this.size - 1, MARGIN.top, 1, this.campaign.lengths.length * this.size);
  }

  /** A letter for what is not correct, so that colour is not all that tells classes apart. */
  drawLetters(context, pair, colours) {
    const { campaign, size } = this;
    context.font = `700 ${Math.min(12, size - 3)}px ${colours.sans}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let row = 0; row < campaign.lengths.length; row++) {
      for (let column = 0; column < campaign.bytes.length; column++) {
        const verdict = campaign.classOf(campaign.cell(pair, row, column));
        if (verdict === null || verdict === 0) continue;
        context.fillStyle = colours.letters[verdict];
        const x = MARGIN.left + (column + 0.5) * size - 0.5;
        context.fillText(campaign.about.classes[verdict].letter, x, MARGIN.top + (row + 0.5) * size);
      }
    }
  }

  drawAxes(context, colours) {
    const { campaign, size } = this;
    context.fillStyle = colours.faint;
    context.font = `11px ${colours.sans}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const row of ticks(campaign.lengths.length, size, 14)) {
      context.fillText(`${campaign.lengths[row][0]}`, MARGIN.left - 5, MARGIN.top + (row + 0.5) * size);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const first = campaign.bytes[0] === null ? 1 : 0;
    for (const column of ticks(campaign.bytes.length - first, size, 26)) {
      const [byte] = campaign.bytes[column + first];
      context.fillText(`${byte}`, MARGIN.left + (column + first + 0.5) * size, MARGIN.top - 6);
    }
    if (first && size >= 10) context.fillText("–", MARGIN.left + 0.5 * size, MARGIN.top - 6);
  }

  drawChosen(context, { length, byte }, colours) {
    const x = MARGIN.left + byte * this.size;
    const y = MARGIN.top + length * this.size;
    context.strokeStyle = colours.panel;
    context.lineWidth = 4;
    context.strokeRect(x - 2, y - 2, this.size + 3, this.size + 3);
    context.strokeStyle = colours.focus;
    context.lineWidth = 2;
    context.strokeRect(x - 2, y - 2, this.size + 3, this.size + 3);
  }

  /** The row and the column under a point of the canvas, null beside them. */
  at(x, y) {
    const byte = Math.floor((x - MARGIN.left) / this.size);
    const length = Math.floor((y - MARGIN.top) / this.size);
    const inside = byte >= 0 && byte < this.campaign.bytes.length && length >= 0 && length < this.campaign.lengths.length;
    return inside ? { length, byte } : null;
  }

  /** The middle of a cell, in the canvas. */
  middle({ length, byte }) {
    return { x: MARGIN.left + (byte + 0.5) * this.size, y: MARGIN.top + (length + 0.5) * this.size };
  }

  /** Scroll the box so that a cell is in it. */
  reveal(cell) {
    const { x, y } = this.middle(cell);
    const { box } = this;
    const room = 3 * this.size;
    box.scrollLeft = Math.max(Math.min(box.scrollLeft, x - MARGIN.left - room), x + room - box.clientWidth);
    box.scrollTop = Math.max(Math.min(box.scrollTop, y - MARGIN.top - room), y + room - box.clientHeight);
  }
}
