// SPDX-License-Identifier: GPL-2.0-or-later
// The map of one pair of offsets: a row a length, a column a faulting byte.

const MARGIN = { left: 44, top: 22, right: 14, bottom: 4 };
const LEAST_WITH_LINES = 5;
const LEAST_WITH_LETTERS = 12;
const LARGEST_CELL = 36;
const MOST_ODD = 4;

/** How long a side is that has so much room: whole pixels, where that costs little of it. */
function cellSide(room) {
  return Math.max(2, Math.min(LARGEST_CELL, room < 4 ? Math.floor(room * 4) / 4 : Math.floor(room)));
}

class HeatMap {
  constructor(campaign, canvas, box) {
    this.campaign = campaign;
    this.canvas = canvas;
    this.box = box;
    this.across = this.down = this.size = 1;
  }

  /** Fit the cells into the room there is; below two pixels a cell the box scrolls. */
  layout() {
    const { bytes, lengths } = this.campaign;
    const width = this.box.clientWidth - MARGIN.left - MARGIN.right;
    const height = this.box.clientHeight - MARGIN.top - MARGIN.bottom;
    this.across = cellSide(width / bytes.length);
    this.down = cellSide(height / lengths.length);
    // Neither much wider than high nor the other way round.
    this.across = Math.min(this.across, this.down * MOST_ODD);
    this.down = Math.min(this.down, this.across * MOST_ODD);
    this.size = Math.min(this.across, this.down);
    this.width = MARGIN.left + bytes.length * this.across + MARGIN.right;
    this.height = MARGIN.top + lengths.length * this.down + MARGIN.bottom;
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
    context.drawImage(small, MARGIN.left, MARGIN.top, columns * this.across, rows * this.down);
    if (size >= LEAST_WITH_LINES) this.drawLines(context, colours);
    if (size >= LEAST_WITH_LETTERS) this.drawLetters(context, pair, colours);
    if (campaign.bytes[0] === null) this.drawBorder(context, colours);
    this.drawAxes(context, colours);
    if (chosen) this.drawChosen(context, chosen, colours);
  }

  drawLines(context, colours) {
    const { campaign, across, down } = this;
    context.fillStyle = colours.panel;
    for (let column = 1; column <= campaign.bytes.length; column++) {
      context.fillRect(MARGIN.left + column * across - 1, MARGIN.top, 1, campaign.lengths.length * down);
    }
    for (let row = 1; row <= campaign.lengths.length; row++) {
      context.fillRect(MARGIN.left, MARGIN.top + row * down - 1, campaign.bytes.length * across, 1);
    }
  }

  /** What sets the column without a place apart from the bytes. */
  drawBorder(context, colours) {
    context.fillStyle = colours.faint;
    context.fillRect(MARGIN.left + this.across - 1, MARGIN.top, 1, this.campaign.lengths.length * this.down);
  }

  /** A letter for what is not correct, so that colour is not all that tells classes apart. */
  drawLetters(context, pair, colours) {
    const { campaign, across, down, size } = this;
    context.font = `700 ${Math.min(12, size - 3)}px ${colours.sans}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let row = 0; row < campaign.lengths.length; row++) {
      for (let column = 0; column < campaign.bytes.length; column++) {
        const verdict = campaign.classOf(campaign.cell(pair, row, column));
        if (verdict === null || verdict === 0) continue;
        context.fillStyle = colours.letters[verdict];
        const x = MARGIN.left + (column + 0.5) * across - 0.5;
        context.fillText(campaign.about.classes[verdict].letter, x, MARGIN.top + (row + 0.5) * down);
      }
    }
  }

  drawAxes(context, colours) {
    const { campaign, across, down } = this;
    context.fillStyle = colours.faint;
    context.font = `11px ${colours.sans}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const row of campaign.about.wholeCall ? [] : ticks(campaign.lengths.length, down, 14)) {
      context.fillText(`${campaign.lengths[row][0]}`, MARGIN.left - 5, MARGIN.top + (row + 0.5) * down);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const first = campaign.bytes[0] === null ? 1 : 0;
    for (const column of ticks(campaign.bytes.length - first, across, 26)) {
      const [byte] = campaign.bytes[column + first];
      context.fillText(`${byte}`, MARGIN.left + (column + first + 0.5) * across, MARGIN.top - 6);
    }
    if (first && across >= 10) context.fillText("–", MARGIN.left + 0.5 * across, MARGIN.top - 6);
  }

  drawChosen(context, { length, byte }, colours) {
    const x = MARGIN.left + byte * this.across;
    const y = MARGIN.top + length * this.down;
    context.strokeStyle = colours.panel;
    context.lineWidth = 4;
    context.strokeRect(x - 2, y - 2, this.across + 3, this.down + 3);
    context.strokeStyle = colours.focus;
    context.lineWidth = 2;
    context.strokeRect(x - 2, y - 2, this.across + 3, this.down + 3);
  }

  /** The row and the column under a point of the canvas, null beside them. */
  at(x, y) {
    const byte = Math.floor((x - MARGIN.left) / this.across);
    const length = Math.floor((y - MARGIN.top) / this.down);
    const inside = byte >= 0 && byte < this.campaign.bytes.length && length >= 0 && length < this.campaign.lengths.length;
    return inside ? { length, byte } : null;
  }

  /** The middle of a cell, in the canvas. */
  middle({ length, byte }) {
    return { x: MARGIN.left + (byte + 0.5) * this.across, y: MARGIN.top + (length + 0.5) * this.down };
  }

  /** Scroll the box so that a cell is in it. */
  reveal(cell) {
    const { x, y } = this.middle(cell);
    const { box } = this;
    const room = 3 * Math.max(this.across, this.down);
    box.scrollLeft = Math.max(Math.min(box.scrollLeft, x - MARGIN.left - room), x + room - box.clientWidth);
    box.scrollTop = Math.max(Math.min(box.scrollTop, y - MARGIN.top - room), y + room - box.clientHeight);
  }
}
