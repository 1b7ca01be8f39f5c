# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel addresses in what a call read of user memory (native/kernel_addresses.c)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.columns import USER_END
from emu.checks.call.native_passes import ACTIVATION, load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.origins import KERNEL_BEGIN
from emu.trace import ACCESS, INSTRUCTION
from emu.trace.layout import READ, WRITE, AccessFlag

BYTES = st.sampled_from([0xFF, 0xFF, 0x80, 0x7F, 0x00, 0x12])


def model(rows: list[tuple[int, bytes, int, int]]) -> list[int]:
    """Return them in order, no two of the same one behind the other."""
    found: list[int] = []
    run, end = b"", -1
    for address, value, kind, flags in rows:
        if kind != READ or flags or address >= USER_END:
            continue
        begin = len(run) if address == end else 0
        run = (run if address == end else b"") + value
        end = address + len(value)
        for at in range(max(begin + 1, 8), len(run) + 1):
            word = int.from_bytes(run[at - 8 : at], "little")
            if word >= KERNEL_BEGIN and found[-1:] != [word]:
                found.append(word)
    return found


@st.composite
def reads(draw: st.DrawFn) -> list[tuple[int, bytes, int, int]]:
    rows = []
    address = 0x1000
    for _ in range(draw(st.integers(0, 12))):
        value = bytes(draw(st.lists(BYTES, min_size=(size := draw(st.sampled_from([1, 2, 4, 8, 16]))), max_size=size)))
        kind = draw(st.sampled_from([READ, READ, READ, WRITE]))
        flags = draw(st.sampled_from([0, 0, int(AccessFlag.NOT_PERFORMED)]))
        rows.append((draw(st.sampled_from([address, address, address, 0x2000, KERNEL_BEGIN])), value, kind, flags))
        address = rows[-1][0] + len(value)
    return rows


@given(reads(), st.integers(0, 20))
def test_addresses_are_found_at_any_alignment_and_in_parts(rows: list[tuple[int, bytes, int, int]], room: int) -> None:
    table = np.zeros(len(rows), ACCESS)
    for row, (address, value, kind, flags) in zip(table, rows, strict=True):
        row["address"], row["size"], row["kind"], row["flags"] = address, len(value), kind, flags
        row["low"], row["high"] = (int.from_bytes(half, "little") for half in (value[:8], value[8:]))
    nothing = np.zeros(0, np.int64)
    tables = NativeTables(np.zeros(0, INSTRUCTION), table, 0, nothing, np.zeros(0, ACTIVATION), nothing)
    found = np.zeros(room + 1, np.uint64)
    count = load_passes().checks_kernel_addresses_read(tables.pointer, found.ctypes.data, room)
    assert found[:count].tolist() == model(rows)[:room]
    assert found[room] == 0
