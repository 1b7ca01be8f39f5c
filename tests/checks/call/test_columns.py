# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns of accesses, made by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Accesses, CodeTable, Instructions, code_table, with_faults
from emu.cpu.recorder import Places
from emu.cpu.trap import Vector
from emu.events import TrapTaken
from emu.trace.layout import ACCESS, INSTRUCTION, READ, WRITE, AccessFlag, InstructionFlag
from emu.trace.source import Table

CODE = CodeTable([(Gva(0x1000), b"\xa4"), (Gva(0x1001), b"\xfd"), (Gva(0x1002), b"\xc3")])
FIRST = 100


def instructions(*rows: tuple[int, int]) -> Instructions:
    """Make instructions of (code, flags)."""
    table = np.zeros(len(rows), INSTRUCTION)
    for row, (code, flags) in zip(table, rows, strict=True):
        row["code"], row["flags"], row["rip"] = code, flags, 0x1000 + code
    return Instructions(table, CODE)


def table(*rows: tuple[int, int, int, int, int]) -> Table:
    """Make accesses of (instruction, address, size, kind, flags)."""
    made = np.zeros(len(rows), ACCESS)
    for row, (at, address, size, kind, flags) in zip(made, rows, strict=True):
        row["instruction"], row["address"], row["size"], row["kind"], row["flags"] = at, address, size, kind, flags
    return made


def accesses(*rows: tuple[int, int, int, int, int]) -> Accesses:
    return Accesses(table(*rows), FIRST, instructions((0, 0), (1, 0), (2, 0)))


def test_accesses() -> None:
    found = accesses(
        (FIRST, 0x5000, 8, READ, AccessFlag.USER),
        (FIRST + 2, 0xFFFF_8000_0000_0000, 4, WRITE, AccessFlag.NOT_PERFORMED),
    )
    assert found.instruction.tolist() == [0, 2]
    assert found.rip.tolist() == [0x1000, 0x1002]
    assert found.last.tolist() == [0x5007, 0xFFFF_8000_0000_0003]
    assert found.is_user.tolist() == [True, False]
    assert found.is_read.tolist() == found.performed.tolist() == [True, False]
    assert found.is_write.tolist() == [False, True]


def test_a_value_of_sixteen_bytes() -> None:
    row = table((FIRST, 0x5000, 16, READ, 0))
    row["low"], row["high"] = 1, 2
    assert Accesses(row, FIRST, instructions((0, 0))).value(0) == 1 | 2 << 64


@given(st.integers(0, 40), st.integers(0, 12), st.integers(1, 16), st.integers(0, 40))
def test_touching(address: int, size: int, width: int, begin: int) -> None:
    found = accesses((FIRST, 0x5000 + begin, width, READ, 0)).touching(0x5000 + address, size)
    shared = set(range(begin, begin + width)) & set(range(address, address + size))
    assert found.tolist() == [bool(shared)]


def test_instructions_of_a_kind() -> None:
    found = instructions((0, 0), (1, 0), (0, InstructionFlag.TRAPPED), (0, 0), (2, 0))
    assert found.of_kind(CodeKind.STRING).tolist() == [0, 3], "those that retired"
    assert found.of_kind(CodeKind.STD | CodeKind.RETURN).tolist() == [1, 4]
    assert found.of_kind(CodeKind.CLD).tolist() == []
    assert found.trapped.tolist() == [False, False, True, False, False]
    assert found.encoding(4) == b"\xc3"


def test_the_access_that_a_fault_kept_from_being_made() -> None:
    there = table((FIRST, 0x5000, 8, READ, 0), (FIRST + 2, 0x5008, 8, READ, 0))
    trap = TrapTaken(Vector.PAGE_FAULT, 0b111, Gva(0x6000), Gva(0x1001), "none")
    found = with_faults(there, [(FIRST + 1, trap)])
    assert found["instruction"].tolist() == [FIRST, FIRST + 1, FIRST + 2]
    assert found[1]["address"] == 0x6000
    assert (found[1]["size"], found[1]["kind"], found[1]["flags"]) == (1, WRITE, AccessFlag.NOT_PERFORMED)
    assert with_faults(there, []) is there


@given(rows=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, int(InstructionFlag.TRAPPED)])), max_size=30))
def test_instructions_of_kinds(rows: list[tuple[int, int]]) -> None:
    """`movsb`, `std` and `ret` are of one kind each."""
    found = instructions(*rows)
    kinds = [(CodeKind.STRING, CodeKind.STD, CodeKind.RETURN)[code] for code, _ in rows]
    retired = [index for index, (_, flags) in enumerate(rows) if not flags]
    for wanted in (*CodeKind, CodeKind.STRING | CodeKind.STD, CodeKind.STD | CodeKind.RETURN):
        assert found.of_kind(wanted).tolist() == [index for index in retired if kinds[index] & wanted]
        assert found.has_kind(wanted) == any(kind & wanted for kind in kinds)
    marked = [index for index in retired if kinds[index] != CodeKind.STRING]
    assert found.marked.at.tolist() == marked
    assert found.marked.kinds.tolist() == [int(kinds[index]) for index in marked]
    assert [found.kind(index) for index in range(len(rows))] == kinds == found.kinds.tolist()


def test_what_a_table_of_code_says() -> None:
    table = CodeTable([(Gva(0x1000), b"\x90"), (Gva(0x2008), b"\xc3"), (Gva(0x3000), b"\x90")])
    assert table.values(len).tolist() == [1, 1, 1]
    for number in range(20):
        assert table.at(Places({0x2008, number})).tolist() == [False, True, False]
        ranges = (0x1000, 0x1001), (0x2000, 0x2008), (0x2FF0, 0x4000 + number)
        assert table.within(ranges).tolist() == [0, -1, 2]
        assert (table.within(((0x1001 + number, 0x3000),)) >= 0).tolist() == [False, True, False]


def test_the_same_code_has_the_same_table() -> None:
    row = (0x1000).to_bytes(8, "little") + b"\xc3".ljust(16, b"\0") + b"\1".ljust(8, b"\0")
    assert code_table(row) is code_table(bytes(bytearray(row)))
    assert code_table(row).encodings == ((0x1000, b"\xc3"),)
    long = row * 5000
    assert code_table(long) is not code_table(long)
    assert len(code_table(long).encodings) == 5000
