# SPDX-License-Identifier: GPL-2.0-or-later
"""A buffer's pages as rows of a table: where, which bytes, what the page tables say before and after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from emu.address import PAGE_SIZE, Gva
from emu.memory.half import Half
from emu.memory.page_table import STATE_NAMES, describe_protection


class PageFacts(NamedTuple):
    """What a page's entry says."""

    user: bool
    protection: str
    state: str


@dataclass(frozen=True, slots=True)
class PageRow:
    """Neighbouring pages of one buffer whose entries say the same."""

    buffer: str
    """source or target."""
    address: Gva
    pages: int
    first: int
    """The first byte of the buffer that lies here."""
    last: int
    """The last one; less than `first` where the buffer is empty."""
    before: PageFacts
    after: PageFacts


def page_facts(half: Half, address: Gva, length: int) -> list[PageFacts]:
    """Return what the entries of a range's pages say, in order; an empty range has the page of its address."""
    facts = []
    for page in range(address - address % PAGE_SIZE, address + max(length, 1), PAGE_SIZE):
        entry = half.entry(page)
        facts.append(PageFacts(entry.user, describe_protection(entry.encode()), STATE_NAMES[entry.state]))
    return facts


def page_rows(buffer: str, address: Gva, length: int, before: list[PageFacts], after: list[PageFacts]) -> list[PageRow]:
    """Return the rows of a buffer's pages."""
    rows = []
    start = address - address % PAGE_SIZE
    for facts, group in groupby(enumerate(zip(before, after, strict=True)), key=lambda item: item[1]):
        pages = [index for index, _ in group]
        page = start + pages[0] * PAGE_SIZE
        first = max(page - address, 0)
        last = min(start + (pages[-1] + 1) * PAGE_SIZE - address, length) - 1
        rows.append(PageRow(buffer, Gva(page), len(pages), first, last, *facts))
    return rows
