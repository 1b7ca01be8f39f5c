// SPDX-License-Identifier: GPL-2.0-or-later
// For each byte of a region the accesses that touched it, in order: what is asked of a moment is a binary search.

const LONGEST_STRIP = 32 * 1024 * 1024;
/** Bytes beside a buffer that are shown, too, where they were touched. */
const MARGIN = 64;

const READS = 0;
const WRITES = 1;
/** Accesses whose instruction trapped. */
const LOST = 2;

/** Lists of accesses, one a byte, one behind the other in `accesses`. */
class AccessLists {
  constructor(counts) {
    this.starts = new Uint32Array(counts.length + 1);
    for (let byte = 0; byte < counts.length; byte++) this.starts[byte + 1] = this.starts[byte] + counts[byte];
    this.accesses = new Uint32Array(this.starts[counts.length]);
    this.fill = this.starts.slice();
  }

  get isEmpty() {
    return this.accesses.length === 0;
  }

  add(byte, access) {
    this.accesses[this.fill[byte]++] = access;
  }

  /** How many accesses of a byte came before one. */
  countBefore(byte, access) {
    return lowerBound(this.accesses, access, this.starts[byte], this.starts[byte + 1]) - this.starts[byte];
  }

  of(byte) {
    return this.accesses.subarray(this.starts[byte], this.starts[byte + 1]);
  }
}

/** For each of some equal parts of a region, when its bytes were touched for the n-th time, in order. */
class PartTimes {
  constructor(lists, nth, parts) {
    const size = lists.starts.length - 1;
    this.starts = new Uint32Array(parts + 1);
    const times = new Uint32Array(size);
    let filled = 0;
    for (let part = 0; part < parts; part++) {
      const end = Math.ceil((size * (part + 1)) / parts);
      for (let byte = Math.ceil((size * part) / parts); byte < end; byte++) {
        const at = lists.starts[byte] + nth;
        if (at < lists.starts[byte + 1]) times[filled++] = lists.accesses[at];
      }
      times.subarray(this.starts[part], filled).sort();
      this.starts[part + 1] = filled;
    }
    this.times = times.slice(0, filled);
  }

  countBefore(part, access) {
    return lowerBound(this.times, access, this.starts[part], this.starts[part + 1]) - this.starts[part];
  }
}

class ByteIndex {
  constructor(trace, region) {
    this.trace = trace;
    this.region = region;
    this.begins = trace.windows.map((high) => region.beginIn(high));
    /** Offsets in the region of the first byte, and behind the last one, that is shown. */
    this.first = 0;
    this.end = Math.min(region.size, LONGEST_STRIP);
    this.touching = this.findTouching();
    this.lists = this.listBytes();
  }

  get size() {
    return this.end - this.first;
  }

  /** Offset of an access's first byte in the region. */
  offsetOf(access) {
    return this.trace.offset[access] - this.begins[this.trace.window[access]];
  }

  touches(access) {
    const offset = this.offsetOf(access);
    return offset < this.end && offset + this.trace.size[access] > this.first;
  }

  /** The accesses that touch the region, in order. Widens it by touched bytes just beside it. */
  findTouching() {
    const { window, offset, size, accessCount } = this.trace;
    const margin = this.region.isBuffer ? MARGIN : 0;
    let [first, end] = [this.first, this.end];
    let touching = new Uint32Array(1024);
    let count = 0;
    for (let access = 0; access < accessCount; access++) {
      const at = offset[access] - this.begins[window[access]];
      if (at >= this.end + margin || at + size[access] <= this.first - margin) continue;
      first = Math.min(first, at);
      end = Math.max(end, at + size[access]);
      if (count === touching.length) {
        const more = new Uint32Array(2 * count);
        more.set(touching);
        touching = more;
      }
      touching[count++] = access;
    }
    [this.first, this.end] = [first, end];
    return touching.slice(0, count);
  }

  listBytes() {
    const { size, kind } = this.trace;
    const counts = [READS, WRITES, LOST].map(() => new Uint32Array(this.size));
    const listOf = (access) => (kind[access] & NOT_PERFORMED ? LOST : kind[access] & WRITE ? WRITES : READS);
    const each = (visit) => {
      for (const access of this.touching) {
        const list = listOf(access);
        const begin = this.offsetOf(access) - this.first;
        const end = Math.min(begin + size[access], this.size);
        for (let byte = Math.max(begin, 0); byte < end; byte++) visit(list, byte, access);
      }
    };
    each((list, byte) => counts[list][byte]++);
    const lists = counts.map((count) => new AccessLists(count));
    each((list, byte, access) => lists[list].add(byte, access));
    lists.forEach((list) => delete list.fill);
    return lists;
  }

  /** What is known of a byte before an access: how often it was read and written, and its value, -1 if unknown. */
  stateOf(offset, before) {
    const byte = offset - this.first;
    const counts = this.lists.map((list) => list.countBefore(byte, before));
    let last = -1;
    for (const list of [READS, WRITES]) {
      if (!counts[list]) continue;
      const { starts, accesses } = this.lists[list];
      last = Math.max(last, accesses[starts[byte] + counts[list] - 1]);
    }
    const value = last < 0 ? -1 : this.trace.byteOf(last, offset - this.offsetOf(last));
    return { reads: counts[READS], writes: counts[WRITES], lost: counts[LOST], value, last };
  }

  /** The accesses of a byte, in order. */
  accessesOf(offset) {
    const parts = this.lists.map((list) => list.of(offset - this.first));
    const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all.sort();
  }

  /** The last access of the region before one; -1 if there is none. */
  lastBefore(access) {
    const at = lowerBound(this.touching, access, 0, this.touching.length);
    return at ? this.touching[at - 1] : -1;
  }

  /** The first access of the region from one on; -1 if there is none. */
  firstFrom(access) {
    const at = lowerBound(this.touching, access, 0, this.touching.length);
    return at < this.touching.length ? this.touching[at] : -1;
  }

  /** When the bytes of each part were read and written for the first and for the second time. */
  partTimes(parts) {
    if (this.parts?.parts !== parts) {
      const times = (list) => (this.lists[list].isEmpty ? null : [0, 1].map((nth) => new PartTimes(this.lists[list], nth, parts)));
      this.parts = { parts, reads: times(READS), writes: times(WRITES) };
    }
    return this.parts;
  }
}
