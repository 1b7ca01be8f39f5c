# SPDX-License-Identifier: GPL-2.0-or-later
"""What was read and written: as a copy of an earlier access where it is one, else as the value itself.

A store is a copy of a load before it, a load of what was last at its place. So a value stands in the file once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block
from emu.trace.file.code_column import roots
from emu.trace.file.columns import (
    Indices,
    Mask,
    delta,
    group_sum,
    plane,
    read_plane,
    read_sparse,
    running_sum,
    sparse,
    unzigzag,
    words,
    zigzag,
)
from emu.trace.file.groups import Groups
from emu.trace.layout import READ
from emu.trace.source import Table, Words

ITSELF: Final = 0
SAME_PLACE: Final = 1
"""It is that of the last access whose address has the same lowest 16 bits."""
READS_BACK: Final = 8
"""`SAME_PLACE + k`: it is that of the k-th read before it, up to so many."""

_TRIED: Final = 256
"""Accesses of an operand from which its habit is told."""


class _Candidates:
    """The accesses that a value may be a copy of."""

    def __init__(self, addresses: Words, kinds: Words) -> None:
        is_read = kinds == READ
        self._same_place = Groups(addresses & np.uint64(0xFFFF)).before()
        self._reads = np.flatnonzero(is_read)
        self._reads_before = np.cumsum(is_read) - is_read

    def rows(self, origin: int, which: Indices) -> Indices:
        """Return of some accesses the one that `origin` means for each, -1 where there is none."""
        if origin == SAME_PLACE:
            return self._same_place[which]
        nth = self._reads_before[which] - (origin - SAME_PLACE)
        if not len(self._reads):
            return np.full(len(which), -1)
        return np.where(nth < 0, -1, self._reads[np.maximum(nth, 0)])


def _choose(low: Words, high: Words, candidates: _Candidates, operands: Groups) -> Words:
    """Return the origin of each value, sorted: that of its operand, or `ITSELF` where that is wrong."""
    origins = np.full(len(low), ITSELF, np.intp)
    for origin, which in _copies(operands.of_rows(_habits(low, high, candidates, operands))):
        at = operands.order[which]
        origins[which[_is_copy(low, high, at, candidates.rows(origin, at))]] = origin
    return words(origins)


def _habits(low: Words, high: Words, candidates: _Candidates, operands: Groups) -> Indices:
    """Return of each operand the origin that is right most often at its first accesses, if in 3 of 4 cases.

    Changing between origins would take more room than a value now and then.
    """
    sizes, begins = np.minimum(operands.sizes, _TRIED), operands.begins
    sample_begins = np.cumsum(sizes) - sizes
    at = operands.order[np.arange(sizes.sum()) + np.repeat(begins - sample_begins, sizes)]
    origins = np.arange(SAME_PLACE, SAME_PLACE + READS_BACK + 1)
    rights = np.array(
        [
            np.add.reduceat(_is_copy(low, high, at, candidates.rows(origin, at)), sample_begins, dtype=np.intp)
            for origin in origins.tolist()
        ]
    )
    return np.where(rights.max(axis=0) * 4 >= sizes * 3, origins[rights.argmax(axis=0)], ITSELF)


def _is_copy(low: Words, high: Words, which: Indices, rows: Indices) -> Mask:
    """Tell which accesses have the value of those in `rows`."""
    is_same: Mask = (low[rows] == low[which]) & (high[rows] == high[which])
    return is_same & (rows >= 0)


def _copies(origins: Indices) -> Iterator[tuple[int, Indices]]:
    """Give each origin but `ITSELF` with the places where it stands."""
    for origin in np.flatnonzero(np.bincount(origins)).tolist():
        if origin != ITSELF:
            yield origin, np.flatnonzero(origins == origin)


class _Literals(NamedTuple):
    """The values that stand in the file, sorted by operand."""

    which: Indices
    """Their sorted rows."""
    is_first: Mask
    """Tells where a value is not counted from the one before: at another operand, or another width."""
    low_width: Indices
    """Bytes of each that are in the file."""
    high_width: Indices

    @classmethod
    def of(cls, origins: Words, sizes: Words, operands: Groups, *, wide: bool) -> _Literals:
        which = np.flatnonzero(origins == ITSELF)
        operand = (np.cumsum(operands.is_first) - 1)[which]
        size = np.full(len(which), 16) if wide else np.minimum(sizes[which], 16).astype(np.intp)
        is_first = np.ones(len(which), bool)
        is_first[1:] = (operand[1:] != operand[:-1]) | (size[1:] != size[:-1])
        return cls(which, is_first, np.minimum(size, 8), np.clip(size - 8, 0, 8))


def put_values(out: bytearray, accesses: Table, operands: Groups) -> None:
    """Append `low` and `high`; their addresses, kinds and sizes are known to the reader."""
    if not len(accesses):
        return
    low, high = accesses["low"].astype(np.uint64), accesses["high"].astype(np.uint64)
    candidates = _Candidates(accesses["address"].astype(np.uint64), words(accesses["kind"]))
    origins = _choose(low, high, candidates, operands)
    put_block(out, sparse(delta(origins)))
    sizes = words(accesses["size"][operands.order])
    low, high = low[operands.order], high[operands.order]
    literals = _Literals.of(origins, sizes, operands, wide=False)
    fits = (low[literals.which] <= _mask(literals.low_width)) & (high[literals.which] <= _mask(literals.high_width))
    wide = not fits.all()
    if wide:
        literals = _Literals.of(origins, sizes, operands, wide=True)
    out.append(wide)
    _put_words(out, low[literals.which], literals.low_width, literals.is_first)
    _put_words(out, high[literals.which], literals.high_width, literals.is_first)


def take_values(stream: ByteReader, accesses: Table, operands: Groups) -> None:
    """Undo `put_values`: fill `low` and `high` in. Raises `Malformed`."""
    if not len(accesses):
        return
    origins = running_sum(read_sparse(stream.block(), len(accesses)))
    if origins.max() > SAME_PLACE + READS_BACK:
        raise Malformed(f"a value of origin {int(origins.max())} stands where {SAME_PLACE + READS_BACK} is the last")
    wide = stream.byte()
    if wide > 1:
        raise Malformed(f"the width of values is {wide}, and not 0 or 1")
    literals = _Literals.of(origins, words(accesses["size"][operands.order]), operands, wide=bool(wide))
    values = np.zeros((2, len(accesses)), np.uint64)
    places = operands.order[literals.which]
    values[0, places] = _take_words(stream, literals.low_width, literals.is_first)
    values[1, places] = _take_words(stream, literals.high_width, literals.is_first)
    sources = _sources(accesses, operands.in_time(origins))
    accesses["low"], accesses["high"] = values[:, sources]


def _sources(accesses: Table, origins: Words) -> Indices:
    """Return of each access the one that has its value as a literal."""
    sources = np.arange(len(accesses))
    candidates = _Candidates(accesses["address"].astype(np.uint64), words(accesses["kind"]))
    for origin, which in _copies(origins.astype(np.intp)):
        sources[which] = candidates.rows(origin, which)
    if sources.min() < 0:
        raise Malformed("a value is said to be that of an access before its block")
    return roots(sources)


def _mask(widths: Indices) -> Words:
    """Return the largest number of some bytes, 0 to 8."""
    return _MASKS[widths]


_MASKS = np.array([(1 << 8 * width) - 1 for width in range(9)], np.uint64)


def _signed(values: Words, widths: Indices) -> Words:
    """Extend the sign of numbers of 1 to 8 bytes to 64 bits."""
    shift = (64 - 8 * np.maximum(widths, 1)).astype(np.int64)
    return ((values.astype(np.int64) << shift) >> shift).astype(np.uint64)


def _put_words(out: bytearray, values: Words, widths: Indices, is_first: Mask) -> None:
    """Append what is added to the value before, byte by byte: all lowest bytes, all second ones, and so on."""
    before = np.zeros_like(values)
    before[1:] = values[:-1]
    before[is_first] = 0
    changes = zigzag(_signed(values - before, widths))
    for place in range(int(widths.max(initial=0))):
        put_block(out, plane((changes[widths > place] >> np.uint64(8 * place)).astype(np.uint8)))


def _take_words(stream: ByteReader, widths: Indices, is_first: Mask) -> Words:
    """Undo `_put_words`."""
    changes = np.zeros(len(widths), np.uint64)
    for place in range(int(widths.max(initial=0))):
        which = widths > place
        found = read_plane(stream.block(), int(np.count_nonzero(which)))
        changes[which] |= found.astype(np.uint64) << np.uint64(8 * place)
    return group_sum(unzigzag(changes), is_first) & _mask(widths)
