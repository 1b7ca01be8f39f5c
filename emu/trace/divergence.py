# SPDX-License-Identifier: GPL-2.0-or-later
"""The first difference of two traces, found piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emu.trace.comparison import Comparison
from emu.trace.extent import Mask
from emu.trace.file.recut import recut
from emu.trace.source import Chunk

if TYPE_CHECKING:
    from emu.trace.trace import Trace


class Divergence(NamedTuple):
    """The first difference. Everything before it is the same, so its index is the same in both traces."""

    at: int
    """Index of the instruction, or of the one that an event comes before; the length of a trace that has ended."""
    what: str
    """"instruction" (its code, or that it trapped), "access" (how many, or one's address, size or kind), "value",
    "flags", "event", or "end" for a trace that has ended."""
    number: int
    """Which access of the instruction, or which event before it, counted from 0; else 0."""


def pairs_of(a: Trace, b: Trace, size: int) -> Iterator[tuple[Chunk, Chunk]]:
    """Give both traces side by side; of one that has ended, empty chunks."""
    sources = _cut(a, size), _cut(b, size)
    first: list[Chunk] = [next(sources[0]), next(sources[1])]
    while True:
        yield first[0], first[1]
        following = [next(source, None) for source in sources]
        if following == [None, None]:
            return
        first = [
            Chunk(done.first + len(done.instructions), done.instructions[:0], done.accesses[:0], done.events[:0], 0)
            if chunk is None
            else chunk
            for chunk, done in zip(following, first, strict=True)
        ]


def _cut(trace: Trace, size: int) -> Iterator[Chunk]:
    """Give a trace in pieces of exactly `size` instructions and a shorter one, which has the events at the end.

    So where both traces go on, their pieces end alike, whatever each of them is made of.
    """
    for chunk in recut(trace.chunks(size), size):
        count = len(chunk.instructions)
        end = chunk.first + count
        event = int(np.searchsorted(chunk.events["instruction"], end))
        if count < size or event == len(chunk.events):
            yield chunk
        else:
            yield chunk._replace(events=chunk.events[:event])
            behind = chunk.first_event + event
            yield Chunk(end, chunk.instructions[:0], chunk.accesses[:0], chunk.events[event:], behind)


def first_divergence(comparison: Comparison, a: Chunk, b: Chunk) -> Divergence | None:
    """Return the first difference of two chunks that begin at the same index."""
    common = min(len(a.instructions), len(b.instructions))
    found: list[tuple[int, int, Divergence]] = []
    if len(a.instructions) != len(b.instructions):
        found.append((common, 1, Divergence(a.first + common, "end", 0)))
    rows = a.instructions[:common], b.instructions[:common]
    at = _first(comparison.instructions_differ(*rows))
    if at is not None:
        common = at
        found.append((at, 1, _of_instruction(comparison, a, b, at)))
    # As many accesses belong to instructions that are the same.
    counts = [_access_count(chunk, common) for chunk in (a, b)]
    accesses = a.accesses[: counts[0]], b.accesses[: counts[1]]
    at = _first(comparison.accesses_differ(*accesses))
    if at is not None:
        index = int(accesses[0]["instruction"][at]) - a.first
        number = at + int(a.instructions["first_access"][0]) - int(a.instructions["first_access"][index])
        found.append((index, 1, Divergence(a.first + index, _of_access(comparison, a, b, at), number)))
    limit = min((index for index, _, _ in found), default=len(a.instructions) + 1)
    event = _event_divergence(comparison, a, b, limit)
    if event is not None:
        found.append((event.at - a.first, 0, event))
    return min(found)[2] if found else None


def _first(differs: Mask) -> int | None:
    return int(differs.argmax()) if differs.any() else None


def _access_count(chunk: Chunk, instructions: int) -> int:
    if instructions == len(chunk.instructions):
        return len(chunk.accesses)
    return int(chunk.instructions["first_access"][instructions]) - int(chunk.instructions["first_access"][0])


def _of_instruction(comparison: Comparison, a: Chunk, b: Chunk, at: int) -> Divergence:
    """Say what is different about an instruction that is not the same beside its accesses' content."""
    rows = a.instructions[at : at + 1], b.instructions[at : at + 1]
    if comparison.code_differs(*rows)[0]:
        return Divergence(a.first + at, "instruction", 0)
    counts = [int(row["accesses"][0]) for row in rows]
    if counts[0] == counts[1]:
        return Divergence(a.first + at, "flags", 0)
    common = min(counts)
    begins = [_access_count(chunk, at) for chunk in (a, b)]
    accesses = [chunk.accesses[begin : begin + common] for chunk, begin in zip((a, b), begins, strict=True)]
    number = _first(comparison.accesses_differ(accesses[0], accesses[1]))
    return Divergence(a.first + at, "access", common if number is None else number)


def _of_access(comparison: Comparison, a: Chunk, b: Chunk, at: int) -> str:
    rows = a.accesses[at : at + 1], b.accesses[at : at + 1]
    if comparison.addresses_differ(rows[0]["address"], rows[1]["address"])[0]:
        return "access"
    if any(rows[0][field][0] != rows[1][field][0] for field in ("size", "kind")):
        return "access"
    return "value" if comparison.values_differ(*rows)[0] else "flags"


def _event_divergence(comparison: Comparison, a: Chunk, b: Chunk, limit: int) -> Divergence | None:
    """Return the first event up to an instruction that only one has, or that is not the same in both."""
    events = [chunk.events["instruction"].astype(np.int64) - chunk.first for chunk in (a, b)]
    counts = [int(np.searchsorted(places, limit, "right")) for places in events]
    common = min(counts)
    at = None
    for number in range(common):
        objects = (
            trace.event(chunk.first_event + number) for trace, chunk in zip(comparison.traces, (a, b), strict=True)
        )
        if events[0][number] != events[1][number] or not comparison.same_event(*objects):
            at = number
            break
    if at is None:
        if counts[0] == counts[1]:
            return None
        at = common
    index = min(int(places[at]) for places, count in zip(events, counts, strict=True) if at < count)
    before = int(np.searchsorted(events[0], index))
    return Divergence(a.first + index, "event", at - before)
