# SPDX-License-Identifier: GPL-2.0-or-later
"""The summary of a copy map: runs of bytes that fared alike, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from emu.trace.code import Code, TracedBuffer
from emu.trace.copy_map import NOWHERE, CopyMap
from emu.trace.extent import Extent
from emu.trace.layout import AccessFlag
from emu.trace.source import Table

LONGEST: Final = 20
"""Lines for the source, and for the target."""
_PLACES: Final = 4


def describe(copy: CopyMap) -> str:
    """Return the summary."""
    lines = [
        f"source: {_name(copy.source, copy.buffers)}",
        *_lines(copy, copy.source_bytes, copy.reads, "read", "reads"),
        f"target: {_name(copy.target, copy.buffers)}",
        *_lines(copy, copy.target_bytes, copy.writes, "written", "writes"),
    ]
    return "\n".join(lines)


def _name(extent: Extent, buffers: Sequence[TracedBuffer]) -> str:
    name = next((f"{buffer.name}, " for buffer in buffers if buffer.address == extent.begin), "")
    return f"{name}{extent.size} bytes at {extent.begin:#x}"


def _lines(copy: CopyMap, table: Table, touches: Table, verb: str, count: str) -> Iterator[str]:
    runs = _runs(table, count, _owners(table, count, copy.code))
    for begin, end in runs[:LONGEST]:
        within = (touches["offset"] < end) & (touches["offset"] + touches["size"] > begin)
        performed = touches["flags"] & AccessFlag.NOT_PERFORMED == 0
        yield "  " + _line(copy, table[begin:end], touches[within & performed], begin, end, verb, count)
    if len(runs) > LONGEST:
        yield f"  … and {len(runs) - LONGEST} more runs, from byte {runs[LONGEST][0]} on"


def _owners(table: Table, count: str, code: Sequence[Code]) -> Table:
    """Return a number for the function of each byte's instruction, the same for the same function."""
    numbers: dict[tuple[str, str], int] = {}
    used = np.unique(table["code"][table[count] > 0])
    of_code = np.zeros(int(used.max()) + 1 if len(used) else 1, np.int64)
    for number in used.tolist():
        of_code[number] = numbers.setdefault((code[number].module, code[number].symbol), len(numbers) + 1)
    return np.where(table[count] > 0, of_code[np.where(table[count] > 0, table["code"], 0)], 0)


def _runs(table: Table, count: str, owners: Table) -> list[tuple[int, int]]:
    """Return where bytes lie that differ in nothing but their place, as begin and end."""
    if not len(table):
        return []
    columns = [table[count], table["trapped"], table["width"], owners]
    if "source" in (table.dtype.names or ()):
        told = table["source"] != NOWHERE
        columns.append(np.where(told, table["source"] - np.arange(len(table)), np.iinfo(np.int64).max))
    changed = np.zeros(len(table) - 1, bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changed) + 1).tolist(), len(table)]
    return list(pairwise(edges))


def _line(copy: CopyMap, rows: Table, touches: Table, begin: int, end: int, verb: str, count: str) -> str:
    times, trapped = int(rows[count][0]), int(rows["trapped"][0])
    words = [f"{_span(begin, end)} {'not ' + verb if not times else verb + ' ' + _times(times)}"]
    if times:
        widths = " and ".join(map(str, np.unique(touches["size"]).tolist()))
        words.append(f"{widths} byte{'s'[: widths != '1']} at a time{_direction(rows['order'])}")
        words.append(f"by {_places(touches, copy.code)}")
    if trapped:
        words.append(f"and {_times(trapped)} by an instruction that trapped")
    if times and "source" in (rows.dtype.names or ()):
        source = int(rows["source"][0])
        words.append(
            "its source not told" if source == NOWHERE else f"from source {_span(source, source + end - begin)}"
        )
    return ", ".join(words)


def _span(begin: int, end: int) -> str:
    return f"{begin}" if end == begin + 1 else f"{begin}..{end - 1}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _direction(order: np.ndarray[Any, np.dtype[Any]]) -> str:
    steps = np.diff(order.astype(np.int64))
    if not steps.any():
        return ""
    return " upwards" if (steps >= 0).all() else " downwards" if (steps <= 0).all() else " in mixed order"


def _places(touches: Table, code: Sequence[Code]) -> str:
    """Return the instructions, of those in the function of the one before only the offset."""
    numbers, first = np.unique(touches["code"], return_index=True)
    entries = [code[number] for number in numbers[np.argsort(first)].tolist()]
    others = [
        f"+{entry.offset:#x}" if entry.module and before[2:4] == entry[2:4] else entry.place
        for before, entry in pairwise(entries)
    ]
    more = len(others) - (_PLACES - 1)
    shown = [entries[0].place, *others[: _PLACES - 1]]
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
