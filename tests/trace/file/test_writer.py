# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace files as they are written: the same bytes every time, few of them, and none of a file that is not whole."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emu.trace import ACCESS, EVENT, INSTRUCTION, Chunk, StoredSource, Trace, TraceError
from emu.trace.file import load, save
from emu.trace.file.sections import BLOCK, CODE, EVENTS, read_sections
from emu.trace.file.writer import write
from tests.trace.made import copied, loop_code

GOLDEN = "6e794199047d689c36a227eac11abcab1956214388e523b3f3b4a38de838e89c"
GOLDEN_SIZE = 1652


def _bytes(trace: Trace) -> bytes:
    stream = io.BytesIO()
    write(trace, stream)
    return stream.getvalue()


def test_the_bytes_are_those_of_the_first_version() -> None:
    """Where this fails the format has changed: give it a new version, keep reading the old one, and say so."""
    data = _bytes(copied(bytes(range(100)), fault_at=37))
    assert (len(data), hashlib.sha256(data).hexdigest()) == (GOLDEN_SIZE, GOLDEN)


class _InPieces:
    """A source that gives its chunks shorter than they were asked for."""

    def __init__(self, source: StoredSource, size: int) -> None:
        self._source = source
        self._size = size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def chunks(self, size: int) -> Iterator[Chunk]:
        return self._source.chunks(min(size, self._size))


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_the_pieces_in_which_a_trace_comes_do_not_show(size: int) -> None:
    trace = copied(bytes(range(60)), fault_at=37)
    source: Any = trace._source
    assert _bytes(Trace(_InPieces(source, size))) == _bytes(trace)


def test_what_was_loaded_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    path, again = tmp_path / "one.trace", tmp_path / "other.trace"
    save(copied(bytes(range(100)), fault_at=37), path)
    save(load(path), again)
    assert again.read_bytes() == path.read_bytes()
    save(load(path), path)  # over the file that it is read from
    assert again.read_bytes() == path.read_bytes()


def test_a_copy_loop_takes_less_than_four_bytes_an_instruction(tmp_path: Path) -> None:
    """Six instructions copy a byte that cannot be foreseen: it stands in the file once, and hardly anything else."""
    trace = copied(random.Random(4).randbytes(4096))
    save(trace, tmp_path / "copy.trace")
    size = (tmp_path / "copy.trace").stat().st_size
    assert size < len(trace) * 4
    assert 4096 < size < 4096 + 1500


def test_a_long_trace_has_blocks_of_one_length_that_do_not_grow(tmp_path: Path) -> None:
    trace = copied(bytes(30_000))
    path = tmp_path / "long.trace"
    save(trace, path)
    with path.open("rb") as stream:
        sizes = [section.size for section in read_sections(stream, path.stat().st_size) if section.kind == BLOCK]
    assert len(sizes) == 3
    assert max(sizes) < 400
    assert load(path).instructions.tobytes() == trace.instructions.tobytes()


def test_a_block_with_too_many_accesses_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.trace.file.writer.MOST_ACCESSES", 20)
    trace = copied(bytes(range(50)), fault_at=37)
    path = tmp_path / "halved.trace"
    save(trace, path)
    assert path.read_bytes().count(BLOCK) == 8
    assert load(path).accesses.tobytes() == trace.accesses.tobytes()
    assert load(path).events.tobytes() == trace.events.tobytes()


def test_an_instruction_with_too_many_accesses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.trace.file.writer.MOST_ACCESSES", 0)
    with pytest.raises(TraceError, match="instruction 0 has 1 accesses"):
        _bytes(copied(b"a"))


def test_many_records_are_in_many_sections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.trace.file.writer.RECORD_BYTES", 100)
    trace = copied(bytes(range(50)), fault_at=37)
    path = tmp_path / "records.trace"
    save(trace, path)
    assert path.read_bytes().count(CODE) > 2
    assert path.read_bytes().count(EVENTS) == 2
    assert list(load(path).code) == list(loop_code())
    assert [load(path).event(number) for number in range(2)] == [trace.event(number) for number in range(2)]


class _Breaking(StoredSource):
    def __init__(self, error: BaseException) -> None:
        super().__init__(np.zeros(0, INSTRUCTION), np.zeros(0, ACCESS), np.zeros(0, EVENT), code=())
        self._error = error

    def chunks(self, size: int) -> Iterator[Chunk]:
        raise self._error


@pytest.mark.parametrize("error", [TraceError("the machine is closed"), KeyboardInterrupt()])
def test_where_writing_fails_the_old_file_stays_and_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "old.trace"
    path.write_bytes(b"as it was")
    with pytest.raises(type(error)):
        save(Trace(_Breaking(error)), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"as it was"


def test_a_place_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a directory; give the name of a file"):
        save(copied(b"a"), tmp_path)
    with pytest.raises(FileNotFoundError):
        save(copied(b"a"), tmp_path / "none" / "x.trace")
    assert list(tmp_path.iterdir()) == []
