# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace files are what their reference page says: a second reader, written from it, finds the same trace."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from emu.trace import ACCESS, INSTRUCTION, Trace
from emu.trace.file.block import Place, encode_block
from emu.trace.file.writer import write
from emu.trace.source import Table
from tests.trace.file.made_tables import any_table, long_tables
from tests.trace.file.plain_reader import Records, block, sections
from tests.trace.file.test_explanations import QUOTED
from tests.trace.file.test_reader import traces
from tests.trace.made import copied


def _assert_same(found: dict[str, list[int]], table: Table) -> None:
    assert {field: found[field] for field in table.dtype.names or ()} == {
        field: table[field].tolist() for field in table.dtype.names or ()
    }


def _file(trace: Trace) -> list[tuple[bytes, bytes]]:
    stream = io.BytesIO()
    write(trace, stream)
    return list(sections(stream.getvalue()))


def _records(parts: list[tuple[bytes, bytes]], kind: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    found = []
    for content in (content for name, content in parts if name == kind):
        records = Records(content)
        while not records.take.is_done:
            found.append(records.record())
    return found


@given(long_tables(60))
def test_a_block_is_as_described(tables: tuple[Table, Table]) -> None:
    rows, accesses = block(encode_block(*tables, Place(3, 5)), 3, 5)
    _assert_same(rows, tables[0])
    _assert_same(accesses, tables[1])


@given(any_table(INSTRUCTION, 20), any_table(ACCESS, 30))
def test_a_block_without_sense_is_as_described(instructions: Table, accesses: Table) -> None:
    rows, found = block(encode_block(instructions, accesses, Place(0, 0)), 0, 0)
    _assert_same(rows, instructions)
    _assert_same(found, accesses)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(traces())
def test_what_stands_around_the_blocks_is_as_described(trace: Trace) -> None:
    parts = _file(trace)
    for kind, things in (
        (b"CODE", trace.code),
        (b"CALL", trace.calls),
        (b"MODU", trace.modules),
        (b"BUFF", trace.buffers),
    ):
        assert repr(_records(parts, kind)) == repr([(type(thing).__name__, tuple(thing)) for thing in things])
    events = Records(b"".join(content for kind, content in parts if kind == b"EVNT"))
    for number, row in enumerate(trace.events.tolist()):
        assert tuple([events.take.varint() for _ in row]) == row
        event: Any = trace.event(number)
        assert repr(events.record()) == repr((type(event).__name__, tuple(event)))
        assert events.take.varint() == 0
        assert events.text() == trace.explain(number)
    assert events.take.is_done
    tables = trace.instructions, trace.accesses, trace.code, trace.calls, trace.modules, trace.buffers, trace.events
    blocks = sum(kind == b"BLOC" for kind, _ in parts)
    assert struct.unpack("<8Q", parts[-1][1]) == (blocks, *map(len, tables))
    assert parts[0][0] == b"HEAD"
    assert parts[0][1][:4] == b"\x01\x00\x00\x00"


@pytest.mark.parametrize("content", [b"", b"abcabc" * 40])
def test_a_copy_is_as_described(content: bytes) -> None:
    trace = copied(content, fault_at=3 if content else None)
    ((rows, accesses),) = [block(part, 0, 0) for kind, part in _file(trace) if kind == b"BLOC"]
    _assert_same(rows, trace.instructions)
    _assert_same(accesses, trace.accesses)


def test_an_explanation_names_the_code_that_it_quotes() -> None:
    trace = copied(b"abc", fault_at=1)
    trace.explain = lambda index: QUOTED  # type: ignore[method-assign]
    (content,) = (content for kind, content in _file(trace) if kind == b"EVNT")
    events = Records(content)
    for _ in range(6):
        events.take.varint()
    assert events.record()[0] == "TrapTaken"
    assert events.take.varint() == 1 + 0
    assert (events.text(), events.text()) == tuple(QUOTED.split("`")[::2])
