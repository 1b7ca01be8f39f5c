// SPDX-License-Identifier: GPL-2.0-or-later
// The line from the bytes that were read to those that are written now.

/** The last performed read of the source at or before an instruction, and the first write of the target from it on. */
function pairAt(viewer) {
  const { trace, index, source, target } = viewer;
  const near = (strip, wanted, from, step) => {
    for (let access = from, left = 64; access >= 0 && access < trace.accessCount && left--; access += step) {
      const kind = trace.kind[access];
      if (kind & NOT_PERFORMED || Boolean(kind & WRITE) !== wanted) continue;
      const extent = strip.history.extentOf(access);
      if (extent) return { access, extent };
    }
    return null;
  };
  const first = trace.firstAccess[index];
  const last = trace.firstAccess[index + 1] - 1;
  for (let access = first; access <= last; access++) {
    const writes = trace.kind[access] & WRITE;
    if (writes && target.history.extentOf(access)) {
      return [near(source, false, access - 1, -1), { access, extent: target.history.extentOf(access) }];
    }
  }
  for (let access = first; access <= last; access++) {
    if (!(trace.kind[access] & WRITE) && source.history.extentOf(access)) {
      return [{ access, extent: source.history.extentOf(access) }, near(target, true, access + 1, 1)];
    }
  }
  return [null, null];
}

/** Whether what was read is what was written, byte for byte. */
function isSameValue(trace, read, write) {
  return trace.size[read.access] === trace.size[write.access] && trace.valueOf(read.access) === trace.valueOf(write.access);
}

function drawLink(canvas, viewer) {
  const box = canvas.parentElement.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(box.width * ratio)) canvas.width = Math.round(box.width * ratio);
  if (canvas.height !== Math.round(box.height * ratio)) canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, box.width, box.height);
  const [read, write] = pairAt(viewer);
  if (!read || !write || viewer.source.region === viewer.target.region || !isSameValue(viewer.trace, read, write)) return;
  const [fromX, fromY] = viewer.source.middleOf(...read.extent);
  const [toX, toY] = viewer.target.middleOf(...write.extent);
  context.strokeStyle = viewer.colours.chosen;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(fromX - box.left, fromY - box.top);
  const middle = (fromY + toY) / 2 - box.top;
  context.bezierCurveTo(fromX - box.left, middle, toX - box.left, middle, toX - box.left, toY - box.top);
  context.stroke();
  context.beginPath();
  context.arc(toX - box.left, toY - box.top, 3, 0, 7);
  context.fillStyle = viewer.colours.chosen;
  context.fill();
}
