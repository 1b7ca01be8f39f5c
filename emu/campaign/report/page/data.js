// SPDX-License-Identifier: GPL-2.0-or-later
// The verdicts as bitmaps and counts, decoded from the blocks that the writer left in the page (emu/campaign/report/html.py).

const byId = (id) => document.getElementById(id);
const grouped = (number) => number.toLocaleString("en-US");
const plural = (count, what) => `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;

/** An element with properties and children. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Where no experiment has run; a cell's rank is otherwise one more than its worst class has in `about.severity`. */
const NOTHING = 0;

class Campaign {
  constructor(about) {
    this.about = about;
    const { sources, targets, lengths, bytes } = about.axes;
    this.sources = sources;
    this.targets = targets;
    this.lengths = lengths;
    this.bytes = bytes;
    this.perPair = lengths.length * bytes.length;
    this.pairCount = sources.length * targets.length;
    this.cellCount = this.perPair * this.pairCount;
    /** By layer, by class: { bits, counts }; counts is null where no cell has more than one. */
    this.cubes = about.layers.map(() => about.classes.map(() => null));
    /** The experiments whose text is in the page, by cell. */
    this.texts = new Map();
    this.worst = new Uint8Array(this.cellCount);
    this.profile = null;
    this.fault = null;
    this.only = null;
    this.layers = [];
  }

  addCube(layer, verdict, width, buffer) {
    if (width === 1) {
      const bits = new Uint32Array(Math.ceil(this.cellCount / 32));
      new Uint8Array(bits.buffer).set(new Uint8Array(buffer));
      this.cubes[layer][verdict] = { bits, counts: null };
      return;
    }
    const counts = new { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[width](buffer);
    const bits = new Uint32Array(Math.ceil(this.cellCount / 32));
    for (let cell = 0; cell < counts.length; cell++) if (counts[cell]) bits[cell >> 5] |= 1 << (cell & 31);
    this.cubes[layer][verdict] = { bits, counts };
  }

  addTexts({ number, layer, cell, verdict, identity, minimal, explanation, explanations }) {
    let at = 0;
    for (let row = 0; row < cell.length; row++) {
      at += cell[row];
      const entry = {
        number: number[row],
        layer: layer[row],
        verdict: verdict[row],
        identity: identity[row],
        minimal: minimal[row],
        explanation: explanations[explanation[row]],
      };
      const there = this.texts.get(at);
      if (there) there.push(entry);
      else this.texts.set(at, [entry]);
    }
  }

  cell(pair, length, byte) {
    return pair * this.perPair + length * this.bytes.length + byte;
  }

  /** The pair, the length and the byte of a cell, as indices into the axes. */
  place(cell) {
    const inPair = cell % this.perPair;
    const length = Math.floor(inPair / this.bytes.length);
    return { pair: Math.floor(cell / this.perPair), length, byte: inPair % this.bytes.length };
  }

  offsets(pair) {
    const source = this.sources[Math.floor(pair / this.targets.length)];
    return { source, target: this.targets[pair % this.targets.length] };
  }

  count(layer, verdict, cell) {
    const cube = this.cubes[layer][verdict];
    if (!cube) return 0;
    if (cube.counts) return cube.counts[cell];
    return (cube.bits[cell >> 5] >>> (cell & 31)) & 1;
  }

  /** How many experiments of each class the shown layers have in a cell. */
  counts(cell) {
    return this.about.classes.map((_, verdict) =>
      this.layers.reduce((sum, layer) => sum + this.count(layer, verdict, cell), 0),
    );
  }

  /** Show one profile, one fault, one class; null is all of them. */
  select(profile, fault, only) {
    this.profile = profile;
    this.fault = fault;
    this.only = only;
    this.layers = this.about.layers
      .map(([ofProfile, ofFault], layer) => ({ ofProfile, ofFault, layer }))
      .filter((each) => profile === null || each.ofProfile === profile)
      .filter((each) => fault === null || each.ofFault === fault)
      .map((each) => each.layer);
    this.worst.fill(NOTHING);
    this.about.severity.forEach((verdict, rank) => {
      if (only === null || only === verdict) this.raise(verdict, rank + 1);
    });
  }

  /** Give every cell that has an experiment of a class the rank of that class. */
  raise(verdict, rank) {
    const maps = this.layers.map((layer) => this.cubes[layer][verdict]?.bits).filter(Boolean);
    if (!maps.length) return;
    for (let word = 0; word < maps[0].length; word++) {
      let bits = 0;
      for (const map of maps) bits |= map[word];
      while (bits) {
        const bit = 31 - Math.clz32(bits & -bits);
        this.worst[word * 32 + bit] = rank;
        bits &= bits - 1;
      }
    }
  }

  /** The class that a cell shows, null where nothing has run. */
  classOf(cell) {
    const rank = this.worst[cell];
    return rank === NOTHING ? null : this.about.severity[rank - 1];
  }

  /** The next cell in a direction, round the end, that is not correct; null if there is none. */
  nextBad(cell, step) {
    for (let gone = 1; gone <= this.cellCount; gone++) {
      const at = (cell + step * gone + this.cellCount * 2) % this.cellCount;
      if (this.worst[at] > 1) return at;
    }
    return null;
  }
}

/** Read the page's blocks; `progress` is told the part that is done. */
async function loadCampaign(progress) {
  const campaign = new Campaign(asJson(await takeBlock(document.querySelector("script.about"))));
  const blocks = document.querySelectorAll("script.cube, script.texts");
  let done = 0;
  for (const block of blocks) {
    const { layer, verdict, width } = block.dataset;
    const content = await takeBlock(block);
    if (layer === undefined) campaign.addTexts(asJson(content));
    else campaign.addCube(Number(layer), Number(verdict), Number(width), content);
    progress(++done / blocks.length);
  }
  return campaign;
}
