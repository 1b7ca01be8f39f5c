// SPDX-License-Identifier: GPL-2.0-or-later
// The colours of the canvases: those of the style sheet, which knows light from dark.

/** `#rrggbb` as a pixel of an ImageData. */
function pixelOf(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  const shades = (name) => [1, 2, 3].map((shade) => get(`${name}-${shade}`));
  const colours = {
    ink: get("ink"),
    faint: get("faint"),
    untouched: get("untouched"),
    both: get("both"),
    chosen: get("chosen"),
    reads: shades("read"),
    writes: shades("write"),
    readEdge: get("read-edge"),
    writeEdge: get("write-edge"),
    lanes: Object.fromEntries(LANES.map((lane) => [lane.key, get(lane.key)])),
  };
  colours.palette = [colours.untouched, ...colours.reads, ...colours.writes, colours.both].map(pixelOf);
  return colours;
}

const THEMES = ["", "light", "dark"];

/** Light, dark, or as the system has it; remembered where the browser lets a page of a file remember. */
class Theme {
  constructor(changed) {
    this.changed = changed;
    this.button = byId("theme");
    this.button.onclick = () => this.next();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.apply());
    this.current = "";
    this.apply();
  }

  next() {
    this.current = THEMES[(THEMES.indexOf(this.current) + 1) % THEMES.length];
    this.apply();
  }

  apply() {
    if (this.current) document.documentElement.dataset.theme = this.current;
    else delete document.documentElement.dataset.theme;
    this.button.textContent = { "": "Auto", light: "Light", dark: "Dark" }[this.current];
    this.changed(readColours());
  }
}
