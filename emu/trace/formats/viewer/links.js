// SPDX-License-Identifier: GPL-2.0-or-later
// The line from the byte that was read to the byte that was written with it.

/** Accesses that are looked at for the other end of a move. */
const REACH = 512;

/** The read and the write, of the same width and value, that belong together at an instruction; null if none do. */
function moveAt(trace, source, target, instruction) {
  const begin = trace.firstAccess[instruction];
  const behind = trace.firstAccess[instruction + 1];
  for (let access = begin; access < behind; access++) {
    const kind = trace.kind[access];
    if (kind & NOT_PERFORMED) continue;
    if (!(kind & WRITE) && source.touches(access)) {
      const write = partnerOf(trace, source, target, access, 1);
      if (write >= 0) return { read: access, write, now: write < behind };
    }
    if (kind & WRITE && target.touches(access)) {
      const read = partnerOf(trace, target, source, access, -1);
      if (read >= 0) return { read, write: access, now: true };
    }
  }
  const last = target.lastBefore(begin);
  if (last < 0 || begin - last > REACH || (trace.kind[last] & (WRITE | NOT_PERFORMED)) !== WRITE) return null;
  const read = partnerOf(trace, target, source, last, -1);
  return read < 0 ? null : { read, write: last, now: false };
}

/** The nearest access of the other region with the same value; one at the same offset is taken before all others. */
function partnerOf(trace, own, other, access, step) {
  const wanted = step > 0 ? WRITE : 0;
  const end = Math.max(-1, Math.min(trace.accessCount, access + step * REACH));
  let nearest = -1;
  for (let at = access + step; step > 0 ? at < end : at > end; at += step) {
    if ((trace.kind[at] & (WRITE | NOT_PERFORMED)) !== wanted || !other.touches(at)) continue;
    if (trace.size[at] !== trace.size[access] || !sameValue(trace, at, access)) continue;
    if (other.offsetOf(at) === own.offsetOf(access)) return at;
    if (nearest < 0) nearest = at;
  }
  return nearest;
}

const sameValue = (trace, one, other) => trace.words.every((values) => !values || values[one] === values[other]);

class Links {
  constructor(canvas, box, source, target) {
    Object.assign(this, { canvas, box, source, target });
  }

  draw(trace, instruction, colours) {
    const { width, height } = this.box.getBoundingClientRect();
    const context = fitCanvas(this.canvas, width, height);
    const move = this.source.region === this.target.region ? null : moveAt(trace, this.source.index, this.target.index, instruction);
    this.move = move;
    if (!move) return;
    const begin = this.pointOf(this.source, move.read, "bottom");
    const end = this.pointOf(this.target, move.write, "top");
    if (!begin || !end) return;
    const bend = Math.max(12, (end.y - begin.y) / 2);
    context.globalAlpha = move.now ? 0.9 : 0.45;
    context.strokeStyle = context.fillStyle = colours.text;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(begin.x, begin.y);
    context.bezierCurveTo(begin.x, begin.y + bend, end.x, end.y - bend, end.x, end.y - 5);
    context.stroke();
    context.beginPath();
    context.arc(begin.x, begin.y, 2.5, 0, 2 * Math.PI);
    context.moveTo(end.x, end.y);
    context.lineTo(end.x - 4, end.y - 7);
    context.lineTo(end.x + 4, end.y - 7);
    context.fill();
  }

  pointOf(strip, access, edge) {
    const box = strip.boxOf(strip.index.offsetOf(access));
    if (!box) return null;
    const x = strip.grid.offsetLeft + (box.left + box.right) / 2;
    return { x, y: strip.grid.offsetTop + box[edge] };
  }
}
