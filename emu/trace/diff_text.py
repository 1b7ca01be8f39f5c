# SPDX-License-Identifier: GPL-2.0-or-later
"""A difference of two traces, to be read: the first one in words, then both traces side by side, as far as they go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.trace.code import Code
from emu.trace.diff import CONTEXT, Hunk, Piece, TraceDiff
from emu.trace.divergence import Divergence
from emu.trace.layout import READ, AccessFlag, InstructionFlag
from emu.trace.lines import describe_value
from emu.trace.ranges import BufferNames
from emu.trace.source import Table

LONGEST: Final = 60
"""Lines of both traces that are shown."""
_RUN: Final = 8
"""Instructions of one run that are shown, at most."""
_ACCESSES: Final = 4


def describe(difference: TraceDiff) -> str:
    """Return the whole description."""
    lines = [_headline(difference)]
    for line in _body(difference):
        if len(lines) == LONGEST:
            lines.append("    …")
            break
        lines.append(line)
    lines.append(_summary(difference))
    return "\n".join(lines)


def _headline(difference: TraceDiff) -> str:
    index, what, number = divergence = difference.divergence
    a, b = difference.pieces
    where = f"the traces differ from instruction {index} on"
    if what == "end":
        ended = "first" if a.end == index else "second"
        return f"{where}: the {ended} one ends there"
    if what == "event":
        told = [_event(piece, index, number) for piece in (a, b)]
        return f"{where}: before it, {told[0]} in the first, {told[1]} in the second"
    place = _code(a, index).place
    if what == "instruction":
        return f"{where}: {' in the first, '.join(_ran(piece, index) for piece in (a, b))} in the second"
    if what == "flags":
        return f"{where}: the flags of {place} or of its accesses"
    told = [_access_of(piece, divergence) for piece in (a, b)]
    return f"{where}: {place} {told[0]} in the first, {told[1]} in the second"


def _ran(piece: Piece, index: int) -> str:
    code = _code(piece, index)
    trapped = piece.instructions["flags"][index - piece.first] & InstructionFlag.TRAPPED
    return f"{code.place} {code.text}{' (it trapped)' if trapped else ''}"


def _event(piece: Piece, index: int, number: int) -> str:
    events = piece.events_before(index)
    return piece.trace.explain(events[number]) if number < len(events) else "no event"


def _access_of(piece: Piece, divergence: Divergence) -> str:
    accesses = piece.accesses_of(divergence.at)
    if divergence.number >= len(accesses):
        return f"makes {len(accesses) or 'no'} access{'es'[: 2 * (len(accesses) != 1)]}"
    return _access(piece, accesses, divergence.number)


def _access(piece: Piece, accesses: Table, number: int) -> str:
    row = accesses[number]
    value = describe_value(int(row["low"]) | int(row["high"]) << 64, int(row["size"]))
    undone = " (not performed)" if row["flags"] & AccessFlag.NOT_PERFORMED else ""
    place = BufferNames(piece.trace.buffers).locate(int(row["address"]))
    return f"{'reads' if row['kind'] == READ else 'writes'} {place} = {value}{undone}"


def _code(piece: Piece, index: int) -> Code:
    return piece.trace.code[int(piece.instructions["code"][index - piece.first])]


def _body(difference: TraceDiff) -> Iterator[str]:
    for number, hunk in enumerate(difference.hunks):
        if hunk.what == "same":
            yield from _same(difference, hunk, first=number == 0, last=number == len(difference.hunks) - 1)
        elif hunk.what in ("changed", "events"):
            yield from _cut(_changed(difference, hunk), len(hunk.a))
        else:
            which = int(hunk.what == "added")
            piece, mark = difference.pieces[which], "-+"[which]
            indices = (hunk.a, hunk.b)[which]
            yield from _cut((_lines(piece, index, mark) for index in indices), len(indices))
    a, b = difference.pieces
    if difference.complete:
        ends = [_end_events(piece) for piece in (a, b)]
        if ends[0] != ends[1]:
            yield from (f"- {'':15} {text}" for text in ends[0])
            yield from (f"+ {'':15} {text}" for text in ends[1])


def _same(difference: TraceDiff, hunk: Hunk, *, first: bool, last: bool) -> Iterator[str]:
    """Give what stands around differences, and leave out the middle."""
    a = difference.pieces[0]
    pairs = list(zip(hunk.a, hunk.b, strict=True))
    before, behind = (0 if first else CONTEXT), (0 if last else CONTEXT)
    if len(pairs) <= before + behind + 1 or first:
        before = len(pairs)
    for i, j in pairs[:before]:
        yield from _lines(a, i, " ", j)
    if before < len(pairs):
        yield f"    … {len(pairs) - before - behind} the same"
        for i, j in pairs[len(pairs) - behind :]:
            yield from _lines(a, i, " ", j)


def _changed(difference: TraceDiff, hunk: Hunk) -> Iterator[list[str]]:
    a, b = difference.pieces
    for i, j in zip(hunk.a, hunk.b, strict=True):
        if hunk.what == "changed":
            yield [*_lines(a, i, "-"), *_lines(b, j, "+")]
        else:
            yield [*_lines(a, i, "-")[:-1], *_lines(b, j, "+")[:-1], _lines(a, i, " ", j)[-1]]


def _cut(groups: Iterator[list[str]], count: int) -> Iterator[str]:
    for number, lines in enumerate(groups):
        if number == _RUN and count > _RUN + 1:
            yield f"    … {count - _RUN} more of them"
            return
        yield from lines


def _lines(piece: Piece, index: int, mark: str, other: int | None = None) -> list[str]:
    code = _code(piece, index)
    accesses = piece.accesses_of(index)
    told = ", ".join(_access(piece, accesses, number) for number in range(min(len(accesses), _ACCESSES)))
    if len(accesses) > _ACCESSES:
        told += f" and {len(accesses) - _ACCESSES} more"
    if piece.instructions["flags"][index - piece.first] & InstructionFlag.TRAPPED:
        told = f"trapped; {told}" if told else "trapped"
    place = f"{index:>7}" if other is None or other == index else f"{index:>7} {other:>7}"
    lines = [f"{mark} {'':15} {piece.trace.explain(event)}" for event in piece.events_before(index)]
    lines.append(f"{mark} {place:<15} {code.place:<27} {code.text:<40} {told}".rstrip())
    return lines


def _end_events(piece: Piece) -> list[str]:
    return [piece.trace.explain(event) for event in piece.events_before(piece.end)]


def _summary(difference: TraceDiff) -> str:
    words = {
        "removed": "only in the first",
        "added": "only in the second",
        "changed": "with other accesses",
        "events": "with other events before them",
    }
    told = ", ".join(f"{difference.count(what)} {word}" for what, word in words.items() if difference.count(what))
    told = f"instructions: {told}" if told else "no instruction differs"
    if difference.complete:
        return f"{told}; up to the end of both"
    last = difference.hunks[-1]
    ends = f"{last.a.stop} of the first and {last.b.stop} of the second"
    return f"{told}; up to instruction {ends}, a larger window= goes further"
