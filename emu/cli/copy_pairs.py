# SPDX-License-Identifier: GPL-2.0-or-later
"""Which buffers of a trace were copied into which."""

from __future__ import annotations

from itertools import product
from typing import Final, NamedTuple

from emu.trace import READ, WRITE, Trace, TracedBuffer
from emu.trace.copy_map import NOWHERE, CopyMap, copy_map
from emu.trace.extent import extent_of

MOST_MAPS: Final = 6
"""Pairs of buffers that are looked at; each takes a pass over the trace."""


class FoundCopies(NamedTuple):
    """The maps of the copies, and how many pairs of buffers were not looked at."""

    maps: tuple[CopyMap, ...]
    left_out: int


def find_copies(trace: Trace, most: int = MOST_MAPS) -> FoundCopies:
    """Return a map for each source of which a byte got into a target, and for what else was read or written.

    What was only read has a map with itself as the target, what was only written with itself as the source.
    """
    read, written = _touched(trace, READ), _touched(trace, WRITE)
    pairs = [pair for pair in product(read, written) if pair[0] != pair[1]]
    of_pairs = [copy_map(trace, source, target) for source, target in pairs[:most]]
    of_pairs.sort(key=lambda each: not _is_copy(each))
    maps: list[CopyMap] = []
    shown: set[int] = set()
    for each in of_pairs:
        ends = {each.source.begin, each.target.begin}
        if _is_copy(each) or not ends <= shown:
            maps.append(each)
            shown |= ends
    alone = [buffer for buffer in dict.fromkeys((*read, *written)) if buffer.address not in shown]
    maps += [copy_map(trace, buffer, buffer) for buffer in alone[:most]]
    return FoundCopies(tuple(maps), max(len(pairs) - most, 0))


def _is_copy(copied: CopyMap) -> bool:
    return bool((copied.target_bytes["source"] != NOWHERE).any())


def _touched(trace: Trace, kind: int) -> list[TracedBuffer]:
    """Return the buffers that were read or written, or were to be, in the order in which they were allocated."""
    touched = dict.fromkeys((buffer for buffer in trace.buffers if buffer.size), False)
    for chunk in trace.chunks():
        accesses = chunk.accesses[chunk.accesses["kind"] == kind]
        for buffer in touched:
            touched[buffer] = touched[buffer] or bool(extent_of(buffer).touched_by(accesses).any())
    return [buffer for buffer, was in touched.items() if was]
