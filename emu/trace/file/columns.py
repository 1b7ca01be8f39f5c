# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns of numbers as bytes. What a prediction leaves is nearly all zeros, and a zero takes no byte.

Numbers are 64 bits wide and wrap around. NumPy does the work, a column at a time.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from emu.trace.file.byte_stream import Malformed
from emu.trace.source import Words

Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"
Indices: TypeAlias = "np.ndarray[Any, np.dtype[np.intp]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

_MOST_BYTES = 10
"""Of a varint of 64 bits."""


def words(numbers: Any) -> Words:
    """Return numbers of any integer type as 64 bits, a negative one as its two's complement."""
    widened: Words = np.asarray(numbers).astype(np.uint64)
    return widened


def delta(values: Words) -> Words:
    """Return what is added from one value to the next, the first from 0."""
    changes = values.copy()
    changes[1:] -= values[:-1]
    return changes


def running_sum(changes: Words) -> Words:
    """Undo `delta`."""
    return np.cumsum(changes, dtype=np.uint64)


def group_sum(changes: Words, is_first: Mask) -> Words:
    """Return the running sum, begun anew at the first of each group."""
    sums = running_sum(changes)
    begins = np.flatnonzero(is_first)
    before = sums[begins] - changes[begins]
    return sums - np.repeat(before, np.diff(begins, append=len(changes)))


def stride_delta(values: Words, is_first: Mask) -> Words:
    """Return how each step differs from the step before it in its group; the first step of a group stands as it is.

    A step into a group, from the last value of the group before, stands as it is, too.
    """
    steps = delta(values)
    before = np.zeros_like(steps)
    before[1:] = steps[:-1]
    before[is_first] = 0
    before[1:][is_first[:-1]] = 0
    return steps - before


def stride_sum(changes: Words, is_first: Mask) -> Words:
    """Undo `stride_delta`."""
    within = changes.copy()
    within[is_first] = 0
    steps = group_sum(within, is_first)
    steps[is_first] = changes[is_first]
    return running_sum(steps)


def zigzag(values: Words) -> Words:
    """Make numbers near 0 on both sides small: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return (values << np.uint64(1)) ^ (np.uint64(0) - (values >> np.uint64(63)))


def unzigzag(values: Words) -> Words:
    """Undo `zigzag`."""
    return (values >> np.uint64(1)) ^ (np.uint64(0) - (values & np.uint64(1)))


def varints(values: Words) -> bytes:
    """Return numbers in base 128, as `put_varint` writes each."""
    if not len(values):
        return b""
    lengths = np.ones(len(values), np.intp)
    largest = int(values.max())
    for bits in range(7, largest.bit_length(), 7):
        lengths += values >= np.uint64(1 << bits)
    if largest < 0x80:
        return values.astype(np.uint8).tobytes()
    begins = np.cumsum(lengths) - lengths
    out = np.empty(int(begins[-1] + lengths[-1]), np.uint8)
    which = np.arange(len(values))
    for place in range(int(lengths.max())):
        which = which[lengths[which] > place]
        more = (lengths[which] > place + 1).astype(np.uint8) << 7
        out[begins[which] + place] = (values[which] >> np.uint64(7 * place)).astype(np.uint8) & 0x7F | more
    return out.tobytes()


def read_varints(data: bytes) -> Words:
    """Undo `varints`. Raises `Malformed`."""
    found = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(found < 0x80)
    if len(found) and (not len(ends) or ends[-1] != len(found) - 1):
        raise Malformed("a column ends in the middle of a number")
    begins = np.zeros_like(ends)
    begins[1:] = ends[:-1] + 1
    lengths = ends - begins + 1
    most = int(lengths.max(initial=0))
    if most > _MOST_BYTES:
        raise Malformed(f"a number of {most} bytes stands where {_MOST_BYTES} are the most")
    values = (found[begins] & 0x7F).astype(np.uint64)
    which = np.arange(len(values))
    for place in range(1, most):
        which = which[lengths[which] > place]
        values[which] |= (found[begins[which] + place] & 0x7F).astype(np.uint64) << np.uint64(7 * place)
    return values


def _pairs(places: Indices, values: Words) -> bytes:
    """Return each place as the number of places left out before it, and the value there."""
    pairs = np.empty((len(places), 2), np.uint64)
    pairs[:, 0] = np.diff(places, prepend=-1) - 1
    pairs[:, 1] = values
    return varints(pairs.reshape(-1))


def _read_pairs(data: bytes, count: int) -> tuple[Indices, Words]:
    """Undo `_pairs`; there are `count` places. Raises `Malformed`."""
    pairs = read_varints(data)
    if len(pairs) % 2:
        raise Malformed("a column ends between a place and its value")
    gaps = pairs[0::2]
    if len(gaps) > count or gaps.max(initial=0) >= max(count, 1):
        raise Malformed(f"a column has values behind its {count} rows")
    places = np.cumsum(gaps.astype(np.intp) + 1) - 1
    if len(places) and places[-1] >= count:
        raise Malformed(f"a column has a value at row {int(places[-1])} of {count}")
    return places, pairs[1::2]


def sparse(values: Words) -> bytes:
    """Return a column whose zeros take no byte: of each other value how many zeros lie before it, and its zigzag."""
    places = np.flatnonzero(values != 0)
    return _pairs(places, zigzag(values[places]))


def read_sparse(data: bytes, count: int) -> Words:
    """Undo `sparse`. Raises `Malformed`."""
    values = np.zeros(count, np.uint64)
    if data:
        places, changed = _read_pairs(data, count)
        values[places] = unzigzag(changed)
    return values


def plane(values: Bytes) -> bytes:
    """Return bytes as they are, or as pairs of a gap and a value where that is shorter."""
    places = np.flatnonzero(values != 0)
    if 2 * len(places) < len(values):  # a pair has two bytes at least
        pairs = _pairs(places, words(values[places]))
        if len(pairs) < len(values):
            return pairs
    return values.tobytes()


def read_plane(data: bytes, count: int) -> Bytes:
    """Undo `plane`. Raises `Malformed`."""
    if len(data) > count:
        raise Malformed(f"{len(data)} bytes of values stand where {count} are the most")
    if len(data) == count:
        return np.frombuffer(data, np.uint8)
    values = np.zeros(count, np.uint8)
    places, changed = _read_pairs(data, count)
    if changed.max(initial=0) > 0xFF:
        raise Malformed(f"a value {int(changed.max())} stands where there is room for a byte")
    values[places] = changed
    return values
