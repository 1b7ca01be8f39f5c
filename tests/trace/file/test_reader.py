# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace files as they are read: whole traces come back, damaged ones are refused by name."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.address import Gva
from emu.trace import Code, StoredSource, Trace, TracedBuffer, TracedCall, TracedModule, TraceError
from emu.trace.file import load, save
from emu.trace.file import sections as s
from emu.trace.file.block import HEAD as BLOCK_HEAD
from emu.trace.file.block import decode_block
from emu.trace.file.schema import Totals, head
from emu.trace.file.sections import SectionWriter
from tests.trace.file.made_tables import event_tables, long_tables
from tests.trace.file.test_records import TEXTS, records
from tests.trace.made import copied

ADDRESSES = st.integers(0, 2**64 - 1).map(Gva)
NUMBERS = st.integers(0, 2**64 - 1)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """A trace of anything."""
    instructions, accesses = draw(long_tables())
    events = draw(event_tables(len(instructions)))
    code = st.builds(Code, ADDRESSES, st.binary(max_size=15), TEXTS, TEXTS, NUMBERS, TEXTS, st.integers())
    calls = st.builds(TracedCall, TEXTS, st.lists(st.integers()).map(tuple), TEXTS, NUMBERS, NUMBERS)
    return Trace(
        StoredSource(
            instructions,
            accesses,
            events,
            code=draw(st.lists(code, max_size=4)),
            calls=draw(st.lists(calls, max_size=3)),
            modules=draw(st.lists(st.builds(TracedModule, TEXTS, ADDRESSES, NUMBERS, ADDRESSES), max_size=3)),
            buffers=draw(st.lists(st.builds(TracedBuffer, TEXTS, ADDRESSES, NUMBERS, st.booleans()), max_size=3)),
            event_objects=[draw(records()) for _ in events],
            explanations=[draw(TEXTS) for _ in events],
        )
    )


def _assert_equal(found: Trace, expected: Trace) -> None:
    assert found.instructions.tobytes() == expected.instructions.tobytes()
    assert found.accesses.tobytes() == expected.accesses.tobytes()
    assert found.events.tobytes() == expected.events.tobytes()
    for part in ("code", "calls", "modules", "buffers"):
        assert repr(list(getattr(found, part))) == repr(list(getattr(expected, part)))
    for number in range(len(expected.events)):
        assert repr(found.event(number)) == repr(expected.event(number))
        assert found.explain(number) == expected.explain(number)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to write to, over and over."""
    return tmp_path_factory.mktemp("traces") / "scratch.trace"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The file of a small trace with everything in it."""
    path = tmp_path / "small.trace"
    save(copied(b"abc", fault_at=1), path)
    return path


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(trace=traces(), size=st.integers(1, 150))
def test_a_trace_comes_back_bit_for_bit(scratch: Path, trace: Trace, size: int) -> None:
    save(trace, scratch)
    _assert_equal(load(scratch), trace)
    for one, other in zip(load(scratch).chunks(size), trace.chunks(size), strict=True):
        assert (one.first, one.first_event) == (other.first, other.first_event)
        assert [table.tobytes() for table in one[1:4]] == [table.tobytes() for table in other[1:4]]


@pytest.mark.parametrize("fault_at", [None, 0, 5])
@pytest.mark.parametrize("retried", [True, False])
def test_made_traces_come_back(tmp_path: Path, fault_at: int | None, retried: bool) -> None:
    trace = copied(bytes(range(60)), fault_at=fault_at, retried=retried)
    save(trace, tmp_path / "x.trace")
    _assert_equal(load(str(tmp_path / "x.trace")), trace)


@pytest.mark.parametrize("size", [1, 1000, 1 << 16, 1 << 17, 1 << 20])
def test_chunks_do_not_keep_to_the_blocks_of_the_file(tmp_path: Path, size: int) -> None:
    trace = copied(bytes(24_000), fault_at=23_000)
    save(trace, tmp_path / "x.trace")
    loaded = load(tmp_path / "x.trace")
    at = 0
    for chunk in loaded.chunks(size):
        assert chunk.first == at
        at += len(chunk.instructions)
        assert len(chunk.instructions) == size or at == len(trace)
        if size > 1 or at % 5000 == 1:
            expected = trace.instructions[chunk.first : at]
            assert chunk.instructions.tobytes() == expected.tobytes()
            begin = int(expected["first_access"][0])
            assert chunk.accesses.tobytes() == trace.accesses[begin : begin + len(chunk.accesses)].tobytes()
    assert at == len(trace)


def test_a_block_is_decoded_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    def counting(data: bytes, place: Any) -> Any:
        decoded.append(place.instruction)
        return decode_block(data, place)

    monkeypatch.setattr("emu.trace.file.reader.decode_block", counting)
    save(copied(bytes(40_000)), tmp_path / "x.trace")
    chunks = load(tmp_path / "x.trace").chunks(1000)
    assert decoded == []
    assert len(next(chunks).instructions) == 1000
    assert decoded == [0]


def test_there_are_no_registers_and_no_state(small: Path) -> None:
    trace = load(small)
    with pytest.raises(TraceError, match=r"small\.trace has no registers: .* ask the trace as it was taken"):
        trace.registers()
    with pytest.raises(TraceError, match=r"small\.trace has no state: .* ask the trace as it was taken"):
        trace.state_at(0)
    assert list(trace.images) == []


def test_a_file_cut_off_anywhere_is_refused_by_name(small: Path) -> None:
    whole = small.read_bytes()
    for end in range(len(whole)):
        small.write_bytes(whole[:end])
        with pytest.raises(TraceError, match=r"^\S*small\.trace cannot be read: .*; take the trace again") as caught:
            load(small)
        assert "\n" not in str(caught.value)
        assert "no trace file" not in str(caught.value)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_byte_changed_anywhere_is_refused_by_name(small: Path, flip: int) -> None:
    whole = small.read_bytes()
    for at in range(len(whole)):
        small.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        with pytest.raises(TraceError, match=r"^\S*small\.trace cannot be read: .*; take the trace again"):
            load(small)


def test_another_file_is_no_trace_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.trace"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(TraceError, match=r"photo\.trace cannot be read: it is no trace file, as it begins with 89 50"):
        load(path)


def test_no_file_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.trace"):
        load(tmp_path / "none.trace")


def _file(*parts: tuple[bytes, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = SectionWriter(stream)
    for kind, content in parts:
        writer.write(kind, content)
    return stream.getvalue()


NOTHING = Totals(*[0] * 8)
PAGED_IN = b"\x00\x13PagedIn address rip\x00\x00"


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (
            [(s.HEAD, struct.pack("<I", 3) + b"?")],
            "written by a newer umaccess-emu; format version 3, this one reads up to 1",
        ),
        ([(s.HEAD, struct.pack("<I", 0) + head()[4:])], "its head says format version 0"),
        ([(s.HEAD, head()[:-1])], "its head says format version 1, and then what no such version has"),
        ([(s.HEAD, b"abc")], "its head has 3 bytes"),
        ([(s.CODE, b"")], "begins with a section b'CODE'"),
        ([(s.HEAD, head()), (b"WHAT", b"")], "is a b'WHAT', which is nothing"),
        ([(s.HEAD, head()), (s.HEAD, head())], "is a b'HEAD', which is nothing"),
        ([(s.HEAD, head()), (s.BLOCK, b"")], "a block of 0 bytes"),
        ([(s.HEAD, head()), (s.BLOCK, BLOCK_HEAD.pack(2**32 - 1, 0))], "a block has 4294967295 instructions"),
        ([(s.HEAD, head()), (s.EVENTS, b"\x01")], "1 bytes are announced where 0 are left"),
        ([(s.HEAD, head()), (s.DONE, b"")], "its end has 0 bytes"),
        ([(s.HEAD, head()), (s.DONE, NOTHING._replace(events=1).pack())], "its end tells of .*events=1"),
        ([(s.HEAD, head()), (s.EVENTS, bytes(6) + PAGED_IN + b"\x01")], "an explanation quotes code 0 of 0"),
        (
            [
                (s.HEAD, head()),
                (s.EVENTS, b"\xff" * 9 + b"\x7f" + bytes(5) + PAGED_IN + bytes(3)),
                (s.DONE, NOTHING._replace(events=1).pack()),
            ],
            "a number of an event is too large",
        ),
    ],
)
def test_what_a_true_checksum_does_not_make_a_trace_is_refused(
    tmp_path: Path, parts: list[tuple[bytes, bytes]], says: str
) -> None:
    path = tmp_path / "odd.trace"
    path.write_bytes(_file(*parts))
    with pytest.raises(TraceError, match=rf"odd\.trace cannot be read: .*{says}"):
        load(path)


def test_a_file_with_nothing_in_it_is_an_empty_trace(tmp_path: Path) -> None:
    path = tmp_path / "empty.trace"
    path.write_bytes(_file((s.HEAD, head()), (s.DONE, NOTHING.pack())))
    trace = load(path)
    assert [len(table) for table in (trace.instructions, trace.accesses, trace.events)] == [0, 0, 0]
    assert [len(chunk.instructions) for chunk in trace.chunks(5)] == [0]


def test_a_block_that_is_no_block_is_refused_when_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "odd.trace"
    totals = NOTHING._replace(blocks=1, instructions=1)
    path.write_bytes(_file((s.HEAD, head()), (s.BLOCK, BLOCK_HEAD.pack(1, 0)), (s.DONE, totals.pack())))
    with pytest.raises(
        TraceError, match=r"odd\.trace cannot be read at byte \d+: 1 bytes are announced where 0 are left"
    ):
        next(load(path).chunks())


def test_a_file_that_changed_since_says_so(small: Path) -> None:
    trace = load(small)
    save(copied(b"xyz", fault_at=1), small)
    with pytest.raises(TraceError, match=r"small\.trace has changed since it was loaded .*; load it again"):
        list(trace.chunks())


def test_a_file_is_found_from_another_directory(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.parent)
    trace = load("small.trace")
    monkeypatch.chdir("/")
    assert len(trace) == 20


def test_padding_is_zero_whatever_it_was(scratch: Path) -> None:
    trace = copied(b"abc")
    accesses = np.frombuffer(bytearray(b"\xff" * trace.accesses.nbytes), trace.accesses.dtype)
    for field in accesses.dtype.names or ():
        accesses[field] = trace.accesses[field]
    assert accesses.tobytes() != trace.accesses.tobytes()
    save(Trace(StoredSource(trace.instructions, accesses, trace.events, code=trace.code)), scratch)
    assert load(scratch).accesses.tobytes() == trace.accesses.tobytes()
