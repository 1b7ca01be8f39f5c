# SPDX-License-Identifier: GPL-2.0-or-later
"""Phrases that more than one part of the display uses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from emu.address import Gva
from emu.campaign import CopyResult
from emu.cli.call_result import CallResult, place_of
from emu.cpu.trap import ERROR_FETCH, ERROR_PRESENT, ERROR_WRITE, VECTOR_NAMES, Vector
from emu.events import Landed, PagedIn, StackGrown, TrapTaken
from emu.memory.layout import HIGHEST_USER_HALF

ItemT = TypeVar("ItemT")

_LONG_NAMES = {
    Vector.DIVIDE_ERROR: "divide error",
    Vector.DEBUG: "debug",
    Vector.BREAKPOINT: "breakpoint",
    Vector.INVALID_OPCODE: "invalid opcode",
    Vector.STACK_FAULT: "stack fault",
    Vector.GENERAL_PROTECTION: "general protection",
    Vector.PAGE_FAULT: "page fault",
}


def trap_name(vector: int) -> str:
    """Return what the manuals call a vector, "page fault (#PF)"."""
    short = VECTOR_NAMES.get(vector, f"interrupt {vector:#x}")
    long = next((name for known, name in _LONG_NAMES.items() if known == vector), "")
    return f"{long} ({short})" if long else short


def describe_address(result: CallResult, address: int) -> str:
    """Return which byte of which buffer an address is, empty where it is none and near none."""
    place = place_of(result, address)
    if place is not None:
        return f"byte {place[1]} of {with_article(place[0])}"
    for name, start, length in result.buffers:
        if start - 4096 <= address < start:
            return f"{plural(start - address, 'byte')} before {with_article(name)}"
        if start + length <= address < start + length + 4096:
            return f"{plural(address - start - length + 1, 'byte')} past the end of {with_article(name)}"
    return ""


def fault_reason(result: CallResult, trap: TrapTaken) -> str:
    """Return why a page fault happened: the page's state or, where the page is there, what forbids the access."""
    if not trap.error_code & ERROR_PRESENT:
        return f"page state {trap.page}"
    if trap.error_code & ERROR_FETCH:
        return "the page is not executable for the kernel"
    place = place_of(result, trap.address)
    row = next(
        (row for row in result.pages if place and row.buffer == place[0] and row.first <= place[1] <= row.last), None
    )
    if trap.error_code & ERROR_WRITE and row is not None and row.before.protection in ("ro", "rx"):
        return "the page is read-only"
    if trap.address <= HIGHEST_USER_HALF and result.profile.smap_enabled:
        return "SMAP: a user page, touched with AC clear"
    return "the page is there, and its protection forbids the access"


def last_fault(result: CallResult) -> TrapTaken | None:
    """Return the last page fault that did not end in a page-in."""
    for event, following in reversed(list(pairwise((*result.events, None)))):
        if isinstance(event, TrapTaken) and not isinstance(following, PagedIn | StackGrown):
            return event if event.vector == Vector.PAGE_FAULT else None
    return None


def with_article(buffer: str) -> str:
    """Return "the source", "arg1"."""
    return f"the {buffer}" if buffer in ("source", "target") else buffer


def plural(count: int, noun: str) -> str:
    """Return "1 byte", "2 bytes"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shortened(items: Sequence[ItemT], limit: int) -> tuple[Sequence[ItemT], int, Sequence[ItemT]]:
    """Return the first items, how many are left out, and the last ones: of more than `limit` a few, else all."""
    if len(items) <= limit:
        return items, 0, ()
    last = limit // 3
    return items[: limit - last], len(items) - limit, items[-last:]


def span(first: int, last: int) -> str:
    """Return "12 to 15", or "12" for one, or "none" for an empty range."""
    if last < first:
        return "none"
    return str(first) if first == last else f"{first} to {last}"


def landed_count(result: CopyResult) -> str:
    """Return how much landed: "all 64 bytes", "the first 20 of 64 bytes", "3 of 64 bytes"."""
    landing, total = result.landing, plural(len(result.content), "byte")
    count = landing.count("landed")
    if landing.complete:
        return f"all {total}" if result.content else "nothing of 0 bytes"
    which = "the first " if count and landing.prefix == count else ""
    return f"{which}{count:,} of {total}"


def damage_words(result: CopyResult) -> str:
    """Return what the routine did that a copy must not, empty where that is nothing."""
    landing = result.landing
    found = []
    if wrong := landing.count("wrong"):
        first = next(run.first for run in landing.runs if run.fate == "wrong")
        found.append(f"{plural(wrong, 'byte')} with a wrong value, the first is byte {first}")
    if damage := landing.damage:
        found.append(f"{plural(len(damage), 'byte')} written outside the target, the first at {damage[0]:+d}")
    if result.source_written:
        found.append("the source was written to")
    return "; ".join(found)


def last_landing(result: CallResult) -> Gva | None:
    """Return where the last unwind landed, or None."""
    return next((event.address for event in reversed(result.events) if isinstance(event, Landed)), None)


def handler_of(result: CallResult) -> str | None:
    """Return the function that the last unwind landed in, or None."""
    landing = last_landing(result)
    return None if landing is None else result.explanation.function_name(landing)
