# SPDX-License-Identifier: GPL-2.0-or-later
"""Chunks of one length made of chunks of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from emu.trace.layout import ACCESS, EVENT, INSTRUCTION
from emu.trace.source import Chunk, Table


def recut(chunks: Iterable[Chunk], size: int) -> Iterator[Chunk]:
    """Give the same trace with `size` instructions in each chunk but the last, which has 1 to `size` unless all are 0.

    So it does not matter in which pieces it came.
    """
    if size < 1:
        raise ValueError(f"size={size}; a chunk has 1 instruction at least")
    waiting: list[Chunk] = []
    count = 0
    for chunk in chunks:
        waiting.append(chunk)
        count += len(chunk.instructions)
        while count > size:
            head, rest = split(_joined(waiting), size)
            yield head
            waiting = [rest]
            count -= size
    if waiting:
        yield _joined(waiting)


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    first = chunks[0]
    return Chunk(
        first.first,
        _stacked([chunk.instructions for chunk in chunks], INSTRUCTION),
        _stacked([chunk.accesses for chunk in chunks], ACCESS),
        _stacked([chunk.events for chunk in chunks], EVENT),
        first.first_event,
    )


def _stacked(tables: list[Table], dtype: np.dtype[np.void]) -> Table:
    """Put tables together as plain bytes: NumPy would go through them field by field, and drop the padding."""
    rows = [np.ascontiguousarray(table, dtype).view(f"V{dtype.itemsize}") for table in tables]
    return np.concatenate(rows).view(dtype)


def split(chunk: Chunk, size: int) -> tuple[Chunk, Chunk]:
    """Cut a chunk in two behind `size` instructions of it, of which it has more."""
    instructions, accesses, events = chunk.instructions, chunk.accesses, chunk.events
    begins = instructions["first_access"]
    access = min(max(int(begins[size]) - int(begins[0]), 0), len(accesses))
    event = int(np.searchsorted(events["instruction"], chunk.first + size))
    head = Chunk(chunk.first, instructions[:size], accesses[:access], events[:event], chunk.first_event)
    behind = chunk.first_event + event
    return head, Chunk(chunk.first + size, instructions[size:], accesses[access:], events[event:], behind)
