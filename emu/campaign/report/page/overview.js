// SPDX-License-Identifier: GPL-2.0-or-later
// All pairs of offsets as small maps: a row a source offset, a column a target offset.

const EDGE = { left: 26, top: 18 };
const GAP = 3;
const LARGEST_MAP = 150;

class Overview {
  constructor(campaign, canvas) {
    this.campaign = campaign;
    this.canvas = canvas;
    this.size = 8;
  }

  layout(width, height) {
    const { sources, targets } = this.campaign;
    const fitting = Math.min((width - EDGE.left) / targets.length, (height - EDGE.top) / sources.length);
    this.size = Math.max(8, Math.min(LARGEST_MAP, Math.floor(fitting)));
    this.width = EDGE.left + targets.length * this.size;
    this.height = EDGE.top + sources.length * this.size;
  }

  /** Draw every map; the classes and what is shown of them changes seldom. */
  drawAll(colours) {
    const { campaign, size } = this;
    const ratio = devicePixelRatio || 1;
    const inner = Math.max(4, Math.round((size - GAP) * ratio));
    const { sources, targets, lengths, bytes } = campaign;
    this.drawn = new OffscreenCanvas(Math.round(this.width * ratio), Math.round(this.height * ratio));
    const context = this.drawn.getContext("2d");
    // No finer than the map itself: smaller ones are drawn larger.
    const columns = Math.min(inner, bytes.length);
    const rows = Math.min(inner, lengths.length);
    const image = new ImageData(columns, rows);
    const small = new OffscreenCanvas(columns, rows);
    const smallContext = small.getContext("2d");
    context.imageSmoothingEnabled = false;
    for (let pair = 0; pair < campaign.pairCount; pair++) {
      paint(campaign, pair, colours.ranks, image);
      smallContext.putImageData(image, 0, 0);
      const { x, y } = this.corner(pair);
      context.drawImage(small, Math.round(x * ratio), Math.round(y * ratio), inner, inner);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.faint;
    context.font = `10px ${colours.sans}`;
    context.textAlign = "center";
    const across = ticks(targets.length, size, 18);
    for (const column of across) context.fillText(`${targets[column][0]}`, EDGE.left + (column + 0.5) * size - GAP / 2, EDGE.top - 5);
    context.textAlign = "right";
    context.textBaseline = "middle";
    const down = ticks(sources.length, size, 12);
    for (const row of down) context.fillText(`${sources[row][0]}`, EDGE.left - 5, EDGE.top + (row + 0.5) * size - GAP / 2);
  }

  draw(pair, colours) {
    const context = sized(this.canvas, this.width, this.height);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.drawn, 0, 0);
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { x, y } = this.corner(pair);
    context.strokeStyle = colours.focus;
    context.lineWidth = 2;
    context.strokeRect(x - 1.5, y - 1.5, this.size - GAP + 3, this.size - GAP + 3);
  }

  corner(pair) {
    const { targets } = this.campaign;
    return { x: EDGE.left + (pair % targets.length) * this.size, y: EDGE.top + Math.floor(pair / targets.length) * this.size };
  }

  /** The pair under a point of the canvas, null beside them. */
  at(x, y) {
    const target = Math.floor((x - EDGE.left) / this.size);
    const source = Math.floor((y - EDGE.top) / this.size);
    const { sources, targets } = this.campaign;
    const inside = target >= 0 && target < targets.length && source >= 0 && source < sources.length;
    return inside ? source * targets.length + target : null;
  }
}
