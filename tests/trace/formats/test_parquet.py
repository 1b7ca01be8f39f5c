# SPDX-License-Identifier: GPL-2.0-or-later
"""Parquet, read again with pyarrow."""

from __future__ import annotations

import importlib
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from emu.trace import AccessFlag, InstructionFlag, Trace, TraceError
from emu.trace.formats import parquet
from emu.trace.layout import EventKind
from tests.trace.made import SOURCE, TARGET, copied
from tests.trace.ways_out import ACCEPTED, NORMAL, trace_ways

reader: Any = importlib.import_module("pyarrow.parquet")


def written(trace: Trace) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of both files."""
    instructions, events = BytesIO(), BytesIO()
    parquet.write(trace, instructions, events)
    return reader.read_table(instructions).to_pylist(), reader.read_table(events).to_pylist()


@pytest.mark.parametrize("chunk", [4, 1 << 18])
def test_every_field_is_there_again(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CHUNK", chunk)
    for trace in (copied(b"abcd", fault_at=2), trace_ways(NORMAL, ACCEPTED)):
        rows, _ = written(trace)
        assert len(rows) == len(trace)
        accesses = iter(trace.accesses.tolist())
        for index, (row, instruction) in enumerate(zip(rows, trace.instructions.tolist(), strict=True)):
            rip, position, _, number, count, size, flags = instruction
            code = trace.code[number]
            assert (row["index"], row["rip"], row["position"]) == (index, rip, position)
            assert (row["bytes"], len(row["bytes"])) == (code.bytes, size)
            assert (row["text"], row["symbol"], row["offset"]) == (code.text, code.symbol, code.offset)
            assert (row["module"], row["file"], row["line"]) == (code.module, code.file, code.line)
            assert (row["trapped"], row["rep"], row["user"]) == tuple(bool(flags & flag) for flag in InstructionFlag)
            assert len(row["accesses"]) == count
            for access in row["accesses"]:
                owner, address, low, high, length, kind, access_flags = next(accesses)
                assert owner == index
                assert (access["address"], access["size"], access["write"]) == (address, length, bool(kind))
                assert (access["low"], access["high"]) == (low, high)
                assert access["performed"] is not bool(access_flags & AccessFlag.NOT_PERFORMED)
                assert access["user"] is bool(access_flags & AccessFlag.USER)
        assert next(accesses, None) is None


def test_a_chunk_is_a_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CHUNK", 10)
    stream = BytesIO()
    parquet.write(copied(b"abcd"), stream)
    assert reader.ParquetFile(stream).metadata.num_row_groups == 3


def test_events_are_in_a_file_of_their_own() -> None:
    trace = trace_ways(ACCEPTED)
    _, rows = written(trace)
    assert [row["kind"] for row in rows] == [EventKind(kind).name for kind in trace.events["kind"].tolist()]
    for field in ("instruction", "rip", "address", "value", "call"):
        assert [row[field] for row in rows] == trace.events[field].tolist()
    assert [row["explanation"] for row in rows] == [trace.explain(number) for number in range(len(rows))]


def test_a_query_finds_the_byte(tmp_path: Path) -> None:
    paths = parquet.write_files(copied(b"abcd"), tmp_path / "copy.parquet")
    assert [path.name for path in paths] == ["copy.parquet", "copy.events.parquet"]
    rows = reader.read_table(paths[0], columns=["index", "accesses"]).to_pylist()
    touched = [(row["index"], access["address"]) for row in rows for access in row["accesses"] if access["low"] == 0x63]
    assert touched == [(12, SOURCE + 2), (13, TARGET + 2)]
    assert reader.read_table(paths[1]).num_rows == 0


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TraceError, match=r"pip install 'umaccess-emu\[parquet\]'"):
        parquet.write_files(copied(b"ab"), tmp_path / "copy.parquet")
    assert list(tmp_path.iterdir()) == []
