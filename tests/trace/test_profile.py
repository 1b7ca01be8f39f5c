# SPDX-License-Identifier: GPL-2.0-or-later
"""Sums of a trace: by symbol, by line, by mnemonic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import ACCESS, EVENT, INSTRUCTION, READ, AccessFlag, Chunk, InstructionFlag, StoredSource, Trace
from emu.trace.profile import MOST_SHOWN, ProfileRow, profile
from tests.trace.made import copied, loop_code


class InPieces(Trace):
    """A trace that gives itself in pieces of five instructions, whatever is asked for."""

    def chunks(self, size: int = 5) -> Iterator[Chunk]:
        return super().chunks(5)


def test_bytes_are_told_apart_by_side_and_direction() -> None:
    total = profile(copied(b"abcd")).total
    assert total == ProfileRow("total", 4 * 6 + 1, 0, 4, 8, 0, 4)


def test_rows_are_sorted_by_instructions_then_by_name() -> None:
    found = profile(copied(b"abcd"))
    assert [(row.name, row.instructions) for row in found.mnemonics] == [
        ("inc", 8),
        ("dec", 4),
        ("jne", 4),
        ("mov", 4),
        ("movzx", 4),
        ("ret", 1),
    ]
    assert [row.name for row in found.symbols] == ["copy.sys!byte_copy"]
    assert [(row.name, row.instructions) for row in found.lines][:2] == [("copy.S:10", 4), ("copy.S:11", 4)]


def test_what_trapped_is_counted_apart_and_moved_nothing() -> None:
    found = profile(copied(b"abcd", fault_at=2))
    assert found.total == ProfileRow("total", 4 * 6 + 1, 1, 4, 8, 0, 4)
    assert found.lines[0] == ProfileRow("copy.S:10", 4, 1, 4, 0, 0, 0)


def test_an_access_that_was_not_performed_is_no_byte() -> None:
    instructions = np.array([(0, 0, 0, 0, 1, 3, InstructionFlag.TRAPPED)], INSTRUCTION)
    accesses = np.zeros(1, ACCESS)
    accesses[0] = (0, 0x1000, 0, 0, 8, READ, AccessFlag.NOT_PERFORMED)
    trace = Trace(StoredSource(instructions, accesses, np.zeros(0, EVENT), code=loop_code()))
    assert profile(trace).total == ProfileRow("total", 0, 1, 0, 0, 0, 0)


def test_code_without_a_line_or_a_symbol_has_a_row() -> None:
    bare = [loop_code()[6]._replace(file="", line=0, symbol="", module=name) for name in ("driver", "")]
    instructions = np.array([(0, 0, 0, 0, 0, 1, 0), (0, 1, 0, 1, 0, 1, 0)], INSTRUCTION)
    found = profile(Trace(StoredSource(instructions, np.zeros(0, ACCESS), np.zeros(0, EVENT), code=bare)))
    assert [row.name for row in found.symbols] == ["driver", "outside every image"]
    assert [(row.name, row.instructions) for row in found.lines] == [("no line", 2)]


def test_an_empty_trace_has_a_total_of_nothing() -> None:
    found = profile(Trace(StoredSource(*(np.zeros(0, table) for table in (INSTRUCTION, ACCESS, EVENT)), code=())))
    assert found.total == ProfileRow("total", 0, 0, 0, 0, 0, 0)
    assert found.symbols == found.lines == found.mnemonics == ()
    assert "0.0%" in str(found)


@given(st.binary(max_size=40), st.booleans())
def test_sums_do_not_depend_on_the_chunks(content: bytes, faulting: bool) -> None:
    trace = copied(content, fault_at=len(content) // 2 if faulting else None)
    whole, pieces = profile(trace), profile(InPieces(trace._source))
    assert whole == pieces
    for rows in (whole.symbols, whole.lines, whole.mnemonics):
        assert tuple(map(sum, zip(*(row[1:] for row in rows), strict=True))) == whole.total[1:]


def test_the_table_is_aligned_and_ends_with_the_total() -> None:
    lines = str(profile(copied(b"abcd"))).split("\n\n")[0].splitlines()
    assert lines[0].split()[:3] == ["symbol", "instructions", "share"]
    assert lines[1].split()[:3] == ["copy.sys!byte_copy", "25", "100.0%"]
    assert lines[-1].startswith("total")
    assert len(set(map(len, lines))) == 1


@pytest.mark.parametrize("rows", [MOST_SHOWN, MOST_SHOWN + 3])
def test_the_table_says_how_many_rows_it_leaves_out(rows: int) -> None:
    code = [loop_code()[6]._replace(symbol=f"f{number}", file="", line=0) for number in range(rows)]
    instructions = np.array([(0, number, 0, number, 0, 1, 0) for number in range(rows)], INSTRUCTION)
    text = str(profile(Trace(StoredSource(instructions, np.zeros(0, ACCESS), np.zeros(0, EVENT), code=code))))
    assert ("… and 3 more" in text) == (rows > MOST_SHOWN)
