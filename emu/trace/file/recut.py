# SPDX-License-Identifier: GPL-2.0-or-later
"""Chunks of one length made of chunks of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from emu.trace.source import Chunk


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
    instructions, accesses, events = (np.concatenate([chunk[part] for chunk in chunks]) for part in (1, 2, 3))
    return Chunk(chunks[0].first, instructions, accesses, events, chunks[0].first_event)


def split(chunk: Chunk, size: int) -> tuple[Chunk, Chunk]:
    """Cut a chunk in two behind `size` instructions of it, of which it has more."""
    instructions, accesses, events = chunk.instructions, chunk.accesses, chunk.events
    begins = instructions["first_access"]
    access = min(max(int(begins[size]) - int(begins[0]), 0), len(accesses))
    event = int(np.searchsorted(events["instruction"], chunk.first + size))
    head = Chunk(chunk.first, instructions[:size], accesses[:access], events[:event], chunk.first_event)
    behind = chunk.first_event + event
    return head, Chunk(chunk.first + size, instructions[size:], accesses[access:], events[event:], behind)
