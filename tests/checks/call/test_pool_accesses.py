# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses around pool blocks, against a model that looks at each access and each block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.checks.call import pool_accesses
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.pool_accesses import PoolSuspect, end_of_pages, pool_suspects, shares_pages
from emu.checks.call.pool_lives import PoolLife
from emu.kernel.pool import PoolBlock
from emu.trace.layout import ACCESS, INSTRUCTION

BASE = 0xFFFF_8000_0010_0000
FIRST = 1000


@st.composite
def lives(draw: st.DrawFn) -> PoolLife:
    base = BASE + 4096 * draw(st.integers(0, 4))
    pages = draw(st.integers(1, 2))
    size = draw(st.sampled_from([0, 1, 16, 4096]))
    address = base + pages * 4096 - max(size, 16)
    begin = draw(st.integers(0, 10))
    end = draw(st.one_of(st.none(), st.integers(begin, 12)))
    return PoolLife(PoolBlock(Gva(address), size, 0, 0, False, Gva(0), Gva(base), pages), begin, end)


def expected(touched: list[tuple[int, int, int]], blocks: list[PoolLife]) -> list[PoolSuspect]:
    found = []
    for number, life in enumerate(blocks):
        block = life.block
        for access, (at, address, size) in enumerate(touched):
            touched_bytes = range(address, address + size)
            if at < life.begin or address >= end_of_pages(life) or touched_bytes[-1] < block.base:
                continue
            if life.end is not None and at >= life.end:
                if address < end_of_pages(life) - 4096:
                    found.append(PoolSuspect(number, True, access))
            elif any(not block.address <= byte < block.address + block.size for byte in touched_bytes):
                found.append(PoolSuspect(number, False, access))
    return sorted(found)


@given(data=st.data(), room=st.sampled_from([1, 64]))
def test_suspects(data: st.DataObject, room: int) -> None:
    blocks = data.draw(st.lists(lives(), max_size=4))
    places = [-17, -1, 0, 1, 4079, 4080, 4081, 4095, 4096]
    address = st.builds(lambda page, place: BASE + 4096 * page + place, st.integers(0, 8), st.sampled_from(places))
    rows = st.tuples(st.integers(0, 12), address, st.sampled_from([1, 8, 16]))
    touched = sorted(data.draw(st.lists(rows, max_size=12)), key=lambda row: row[0])
    table = np.zeros(len(touched), ACCESS)
    for row, (at, begin, size) in zip(table, touched, strict=True):
        row["instruction"], row["address"], row["size"] = FIRST + at, begin, size
    nothing = np.zeros(0, np.int64)
    tables = NativeTables(np.zeros(13, INSTRUCTION), table, FIRST, nothing, np.zeros(0, ACTIVATION), nothing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_accesses, "_ROOM", room)
        assert pool_suspects(tables, blocks) == expected(touched, blocks)


def test_an_access_at_the_end_of_the_address_space() -> None:
    table = np.zeros(1, ACCESS)
    table["address"], table["size"] = 0xFFFF_FFFF_FFFF_FFF8, 8
    nothing = np.zeros(0, np.int64)
    tables = NativeTables(np.zeros(1, INSTRUCTION), table, 0, nothing, np.zeros(0, ACTIVATION), nothing)
    life = PoolLife(PoolBlock(Gva(BASE), 16, 0, 0, False, Gva(0), Gva(BASE), 1), 0)
    assert pool_suspects(tables, [life]) == []


def test_blocks_that_share_a_page() -> None:
    one, two, three = (
        PoolLife(PoolBlock(Gva(BASE), 16, 0, 0, False, Gva(0), Gva(BASE + 4096 * page), pages), 0)
        for page, pages in ((0, 2), (1, 1), (2, 1))
    )
    assert shares_pages(one, two)
    assert shares_pages(two, one)
    assert not shares_pages(one, three)
    assert not shares_pages(two, three)
