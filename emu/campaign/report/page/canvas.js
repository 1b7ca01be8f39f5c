// SPDX-License-Identifier: GPL-2.0-or-later
// What both maps need: sharp canvases, the colours of the classes, a bitmap of one pair.

/** Give a canvas a size in CSS pixels and return its context, in those units. */
function sized(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  return context;
}

/** The page's colours as they are now: CSS text, and for ranks the four bytes of a pixel. */
function readColours(about) {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  const classes = about.classes.map(({ label }) => named(label));
  const letters = about.classes.map(({ label }) => named(`on-${label}`));
  const nothing = named("nothing");
  const ranks = new Uint32Array([nothing, ...about.severity.map((verdict) => classes[verdict])].map(pixelOf));
  return { classes, letters, ranks, text: named("text"), faint: named("faint"), panel: named("panel"), focus: named("focus"), sans: named("sans") };
}

/** The pixel of a colour that is written as #rrggbb, as an ImageData's buffer holds it on a little-endian host. */
function pixelOf(colour) {
  const value = parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

/** Draw one pair, worst verdict by pixel, where several cells share one. */
function paint(campaign, pair, ranks, image) {
  const pixels = new Uint32Array(image.data.buffer);
  const { width, height } = image;
  const rows = campaign.lengths.length;
  const columns = campaign.bytes.length;
  const top = new Uint8Array(width * height);
  const begin = pair * campaign.perPair;
  for (let row = 0; row < rows; row++) {
    const y = Math.floor((row * height) / rows);
    for (let column = 0; column < columns; column++) {
      const rank = campaign.worst[begin + row * columns + column];
      const at = y * width + Math.floor((column * width) / columns);
      if (rank > top[at]) top[at] = rank;
    }
  }
  for (let at = 0; at < top.length; at++) pixels[at] = ranks[top[at]];
}

/** Which entries of an axis get a label, so that labels are at least `room` apart. */
function ticks(count, size, room) {
  const step = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((each) => each * size >= room) ?? 512;
  return Array.from({ length: Math.ceil(count / step) }, (_, number) => number * step);
}
