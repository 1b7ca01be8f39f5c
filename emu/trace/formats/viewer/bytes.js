// SPDX-License-Identifier: GPL-2.0-or-later
// The history of each byte of a region: which accesses touched it, and so how it stands at any time.

/** The accesses to a region, sorted by byte and, for each byte, by time: two arrays of one entry a touch. */
class ByteHistory {
  constructor(trace, region) {
    this.trace = trace;
    this.region = region;
    const { window, offset, size, accessCount, windows } = trace;
    const begins = windows.map((high) => region.beginIn(high));
    const first = new Uint32Array(region.size + 1);
    const each = (visit) => {
      for (let access = 0; access < accessCount; access++) {
        const at = offset[access] - begins[window[access]];
        const begin = Math.max(0, at);
        const end = Math.min(region.size, at + size[access]);
        for (let byte = begin; byte < end; byte++) visit(byte, access);
      }
    };
    each((byte) => first[byte + 1]++);
    for (let byte = 0; byte < region.size; byte++) first[byte + 1] += first[byte];
    const next = first.slice();
    this.touches = new Uint32Array(first[region.size]);
    each((byte, access) => (this.touches[next[byte]++] = access));
    /** Where the touches of a byte begin; one entry more than there are bytes. */
    this.first = first;
    this.begins = begins;
    /** Performed reads and writes of each byte before the access `time`. */
    this.reads = new Uint32Array(region.size);
    this.writes = new Uint32Array(region.size);
    this.time = 0;
  }

  /** Count the performed reads and writes of every byte up to an access, from where it was counted last. */
  moveTo(access) {
    const step = access > this.time ? 1 : -1;
    const { kind, offset, window, size } = this.trace;
    const { begins, reads, writes } = this;
    const last = this.region.size;
    for (let at = step > 0 ? this.time : this.time - 1; step > 0 ? at < access : at >= access; at += step) {
      if (kind[at] & NOT_PERFORMED) continue;
      const begin = offset[at] - begins[window[at]];
      if (begin >= last || begin + size[at] <= 0) continue;
      const counts = kind[at] & WRITE ? writes : reads;
      const end = Math.min(last, begin + size[at]);
      for (let byte = Math.max(0, begin); byte < end; byte++) counts[byte] += step;
    }
    this.time = access;
  }

  /** The byte's value as the last performed access before left it, null where none has shown it. */
  valueAt(byte, access) {
    const begin = this.first[byte];
    const { trace, touches } = this;
    let at = lowerBound(touches, access, begin, this.first[byte + 1]) - 1;
    while (at >= begin && trace.kind[touches[at]] & NOT_PERFORMED) at--;
    if (at < begin) return null;
    const last = touches[at];
    return trace.byteOf(last, byte - (trace.offset[last] - this.begins[trace.window[last]]));
  }

  /** The accesses of a byte, in order. */
  accessesOf(byte) {
    return this.touches.subarray(this.first[byte], this.first[byte + 1]);
  }

  /** The bytes of the region that an access touches: [begin, end), or null. */
  extentOf(access) {
    const at = this.trace.offset[access] - this.begins[this.trace.window[access]];
    const begin = Math.max(0, at);
    const end = Math.min(this.region.size, at + this.trace.size[access]);
    return begin < end ? [begin, end] : null;
  }
}
