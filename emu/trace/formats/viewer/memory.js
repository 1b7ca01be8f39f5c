// SPDX-License-Identifier: GPL-2.0-or-later
// The places in memory that the trace knows by name: buffers, and other pages that were touched.

const PAGE = 4096;
const WINDOW = 2 ** 32;

class Region {
  constructor(name, address, size, user, isBuffer) {
    Object.assign(this, { name, address, size, user, isBuffer, reads: 0, writes: 0 });
    this.high = Number(address >> 32n);
    this.low = Number(address & 0xffffffffn);
  }

  /** Its begin as an offset in a window; of a region of an earlier window it is negative. */
  beginIn(high) {
    return (this.high - high) * WINDOW + this.low;
  }
}

class Memory {
  constructor(trace) {
    this.trace = trace;
    this.modules = trace.modules.map(([name, base, size]) => new Region(name, BigInt("0x" + base), size, false, false));
    this.buffers = trace.buffers.map(
      ([name, address, size, user]) => new Region(name, BigInt("0x" + address), size, Boolean(user), true),
    );
    this.buffersOf = this.byWindow(this.buffers);
    this.modulesOf = this.byWindow(this.modules);
    this.others = this.countAccesses();
    /** What can be drawn as a strip. */
    this.regions = [...this.buffers, ...this.others];
  }

  /** For each window the regions in it, ordered by their begin in it. */
  byWindow(regions) {
    return this.trace.windows.map((high) =>
      regions
        .map((region) => ({ region, begin: region.beginIn(high) }))
        .filter(({ region, begin }) => begin < WINDOW && begin + region.size > 0)
        .sort((one, other) => one.begin - other.begin),
    );
  }

  /** The region of a list of `byWindow` that has an offset of a window. */
  static find(entries, offset) {
    let begin = 0;
    let end = entries.length;
    while (begin < end) {
      const middle = (begin + end) >>> 1;
      if (entries[middle].begin <= offset) begin = middle + 1;
      else end = middle;
    }
    const entry = entries[begin - 1];
    return entry && offset < entry.begin + entry.region.size ? entry : null;
  }

  /** Count what each buffer was read and written, and return the runs of pages that were touched besides. */
  countAccesses() {
    const { window, offset, kind, accessCount, windows } = this.trace;
    const pages = windows.map(() => new Map());
    let entry = null;
    let entryWindow = -1;
    let page = -1;
    let counts = null;
    for (let access = 0; access < accessCount; access++) {
      const which = window[access];
      const at = offset[access];
      if (entryWindow !== which || !entry || at < entry.begin || at >= entry.begin + entry.region.size) {
        const found = Memory.find(this.buffersOf[which], at);
        if (found) [entry, entryWindow] = [found, which];
        else {
          if (page !== at >>> 12 || counts === null || counts.window !== which) {
            page = at >>> 12;
            counts = pages[which].get(page);
            if (!counts) pages[which].set(page, (counts = { window: which, reads: 0, writes: 0, user: false }));
          }
          if (kind[access] & WRITE) counts.writes++;
          else counts.reads++;
          counts.user ||= Boolean(kind[access] & USER_PAGE);
          continue;
        }
      }
      if (kind[access] & NOT_PERFORMED) continue;
      if (kind[access] & WRITE) entry.region.writes++;
      else entry.region.reads++;
    }
    return pages.flatMap((touched, which) => this.runsOf(touched, windows[which], which));
  }

  runsOf(touched, high, which) {
    const runs = [];
    for (const [page, counts] of [...touched].sort(([one], [other]) => one - other)) {
      let run = runs.at(-1);
      const address = (BigInt(high) << 32n) | (BigInt(page) << 12n);
      if (run && run.address + BigInt(run.size) === address) run.size += PAGE;
      else {
        const module = Memory.find(this.modulesOf[which], page * PAGE);
        const name = module ? `${module.region.name}+0x${(page * PAGE - module.begin).toString(16)}` : hexAddress(address);
        run = new Region(name, address, PAGE, counts.user, false);
        runs.push(run);
      }
      run.reads += counts.reads;
      run.writes += counts.writes;
    }
    return runs;
  }

  /** `buffer+37`, `module+0x10`, or the address. */
  nameOf(which, offset) {
    const buffer = Memory.find(this.buffersOf[which], offset);
    if (buffer) return `${buffer.region.name}+${offset - buffer.begin}`;
    const module = Memory.find(this.modulesOf[which], offset);
    if (module) return `${module.region.name}+0x${(offset - module.begin).toString(16)}`;
    return hexAddress((BigInt(this.trace.windows[which]) << 32n) | BigInt(offset));
  }

  /** The two regions that a copy went between: user to kernel, or the other way where more went that way. */
  defaultPair() {
    const most = (regions, count) =>
      regions.reduce((best, region) => (count(region) > (best ? count(best) : 0) ? region : best), null);
    const side = (user) => this.buffers.filter((buffer) => buffer.user === user);
    const pairs = [true, false].map((user) => [
      most(side(user), (region) => region.reads),
      most(side(!user), (region) => region.writes),
    ]);
    const moved = ([source, target]) => (source && target ? Math.min(source.reads, target.writes) : 0);
    const [inward, outward] = pairs;
    if (moved(inward) || moved(outward)) return moved(inward) >= moved(outward) ? inward : outward;
    const source = inward[0] ?? outward[0] ?? most(this.regions, (region) => region.reads) ?? this.regions[0] ?? null;
    const rest = this.regions.filter((region) => region !== source);
    const writtenTo = (regions) => most(regions, (region) => region.writes);
    const target = writtenTo(rest.filter((region) => region.isBuffer)) ?? rest.find((region) => region.isBuffer);
    return [source, target ?? writtenTo(rest) ?? rest[0] ?? source];
  }
}
