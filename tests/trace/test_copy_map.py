# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies byte by byte: who read and wrote, how often, how wide, in which order, and what came from where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.events import ExportCalled, TrapTaken
from emu.trace import READ, WRITE, AccessFlag, Trace, TracedBuffer, TracedCall, TraceError
from emu.trace.copy_map import NOBODY, NOWHERE, CopyMap, copy_map
from tests.trace.made import SOURCE, TARGET, copied
from tests.trace.made_steps import Sliced, Step, stepped

TEXT = b"abcdefgh"
DATA = bytes(range(1, 65))


def wide(data: bytes = DATA) -> list[Step]:
    """Return two loads of sixteen bytes, then their stores, over and over."""
    steps = []
    for at in range(0, len(data), 32):
        first, second = data[at : at + 16], data[at + 16 : at + 32]
        steps += [
            Step("f30f6f06", (("r", SOURCE + at, first),)),  # movdqu xmm0, [rsi]
            Step("f30f6f4e10", (("r", SOURCE + at + 16, second),)),  # movdqu xmm1, [rsi + 16]
            Step("f30f7f07", (("w", TARGET + at, first),)),  # movdqu [rdi], xmm0
            Step("f30f7f4f10", (("w", TARGET + at + 16, second),)),  # movdqu [rdi + 16], xmm1
        ]
    return steps


def of(steps: list[Step], size: int, calls: tuple[TracedCall, ...] = ()) -> CopyMap:
    return copy_map(stepped(steps, calls=calls), (SOURCE, size), (TARGET, size))


class TestByteLoop:
    copy = copy_map(copied(TEXT, fault_at=3), (SOURCE, 8), (TARGET, 8))

    def test_source(self) -> None:
        table = self.copy.source_bytes
        assert table["reads"].tolist() == [1] * 8
        assert table["first"].tolist() == table["last"].tolist() == [0, 6, 12, 19, 25, 31, 37, 43]
        assert table["order"].tolist() == list(range(8))
        assert set(table["width"].tolist()) == {1}
        assert set(table["code"].tolist()) == {0}

    def test_target(self) -> None:
        table = self.copy.target_bytes
        assert table["writes"].tolist() == [1] * 8
        assert table["last"].tolist() == [1, 7, 13, 20, 26, 32, 38, 44]
        assert table["source"].tolist() == list(range(8))
        assert table["read_by"].tolist() == self.copy.source_bytes["first"].tolist()
        assert set(table["code"].tolist()) == {1}

    def test_who_touched_a_byte(self) -> None:
        (read,) = self.copy.reads_of(4)
        assert (read["instruction"], read["offset"], read["order"], read["size"], read["code"]) == (25, 4, 4, 1, 0)
        (write,) = self.copy.writes_of(4)
        assert (write["instruction"], write["offset"], write["order"], write["size"], write["code"]) == (26, 4, 4, 1, 1)

    def test_nothing_is_left_out(self) -> None:
        assert not len(self.copy.read_more_than(1))
        assert not len(self.copy.written_more_than(1))
        assert [len(bytes_) for bytes_ in self.copy.untouched] == [0, 0]

    def test_summary(self) -> None:
        assert str(self.copy).splitlines() == [
            "source: source, 8 bytes at 0x10020000",
            "  0..7 read once, 1 byte at a time upwards, by copy.sys!byte_copy",
            "target: target, 8 bytes at 0xffffa00000030000",
            "  0..7 written once, 1 byte at a time upwards, by copy.sys!byte_copy+0x3, from source 0..7",
        ]


def test_a_copy_that_stops() -> None:
    copy = copy_map(copied(TEXT, fault_at=3, retried=False), (SOURCE, 8), (TARGET, 8))
    assert copy.untouched.source.tolist() == copy.untouched.target.tolist() == [3, 4, 5, 6, 7]
    assert copy.source_bytes["first"][3] == copy.target_bytes["last"][3] == NOBODY
    assert copy.target_bytes["source"][3] == NOWHERE
    assert "  3..7 not read\n" in str(copy)
    assert str(copy).endswith("\n  3..7 not written")


class TestWide:
    copy = of(wide(), 64)

    def test_every_byte_has_its_instruction(self) -> None:
        assert self.copy.source_bytes["first"].tolist() == sorted([0, 1, 4, 5] * 16)
        assert self.copy.source_bytes["order"].tolist() == sorted([0, 1, 2, 3] * 16)
        assert self.copy.target_bytes["source"].tolist() == list(range(64))
        assert set(self.copy.target_bytes["width"].tolist()) == {16}
        (read,) = self.copy.reads_of(37)
        assert (read["offset"], read["size"], read["instruction"]) == (32, 16, 4)

    def test_runs_are_folded(self) -> None:
        assert "  0..63 read once, 16 bytes at a time upwards, by made.sys!steps, +0x10\n" in str(self.copy)

    def test_equal_content_does_not_confuse_it(self) -> None:
        copy = of(wide(bytes(64)), 64)
        assert copy.target_bytes["source"].tolist() == list(range(64))

    def test_a_range_that_begins_within_an_access(self) -> None:
        copy = copy_map(stepped(wide()), (SOURCE + 5, 20), (TARGET + 7, 3))
        assert copy.source_bytes["reads"].tolist() == [1] * 20
        assert copy.reads_of(0)["offset"].tolist() == [-5]
        assert copy.target_bytes["source"].tolist() == [2, 3, 4]

    def test_bytes_from_outside_the_source_are_not_told(self) -> None:
        copy = copy_map(stepped(wide()), (SOURCE + 5, 20), (TARGET, 6))
        assert copy.target_bytes["source"].tolist() == [NOWHERE] * 5 + [0]
        assert copy.target_bytes["read_by"].tolist() == [NOBODY] * 5 + [0]
        assert "its source not told" in str(copy)


class TestDoubleFetch:
    steps = (
        Step("8b06", (("r", SOURCE, b"\x08\0\0\0"),)),  # mov eax, [rsi]
        Step("488b16", (("r", SOURCE, b"\x08\0\0\0abcd"),)),  # mov rdx, [rsi]
        Step("488917", (("w", TARGET, b"\x08\0\0\0abcd"),)),  # mov [rdi], rdx
    )

    def test_it_is_found(self) -> None:
        copy = of(list(self.steps), 8)
        assert copy.read_more_than(1).tolist() == [0, 1, 2, 3]
        assert copy.read_more_than().tolist() == [0, 1, 2, 3]
        assert copy.read_more_than(0).tolist() == list(range(8))
        assert copy.reads_of(2)["size"].tolist() == [4, 8]
        assert copy.source_bytes["width"].tolist() == [4] * 4 + [8] * 4
        assert copy.source_bytes["first"].tolist() == [0] * 4 + [1] * 4
        assert copy.source_bytes["last"].tolist() == [1] * 8
        assert copy.target_bytes["read_by"].tolist() == [1] * 8
        assert "  0..3 read twice, 4 and 8 bytes at a time, by made.sys!steps, +0x10\n" in str(copy)

    def test_the_last_write_counts(self) -> None:
        again = Step("8807", (("w", TARGET, b"\x08"),))  # mov [rdi], al
        copy = of([*self.steps, again], 8)
        assert copy.target_bytes["writes"].tolist() == [2] + [1] * 7
        assert copy.target_bytes["first"].tolist() == [2] * 8
        assert copy.target_bytes["last"].tolist() == [3] + [2] * 7
        assert copy.target_bytes["read_by"].tolist() == [0] + [1] * 7
        assert copy.target_bytes["order"].tolist() == [1] + [0] * 7
        assert copy.written_more_than(1).tolist() == [0]


class TestWhatIsNotTold:
    """A source is named only where the registers prove it."""

    load = Step("8b06", (("r", SOURCE, b"abcd"),))  # mov eax, [rsi]
    store = Step("8907", (("w", TARGET, b"abcd"),))  # mov [rdi], eax

    @pytest.mark.parametrize(
        "between",
        [
            Step("05 01000000".replace(" ", "")),  # add eax, 1
            Step("b401"),  # mov ah, 1
            Step("8b02", (("r", SOURCE + 0x1000, b"abcd"),)),  # mov eax, [rdx]
            Step("0f44c1"),  # cmove eax, ecx
            Step("90", before=(ExportCalled("ExAllocatePool2", Gva(0)),)),
        ],
    )
    def test_a_register_that_changed(self, between: Step) -> None:
        assert of([self.load, between, self.store], 4).target_bytes["source"].tolist() == [NOWHERE] * 4

    @pytest.mark.parametrize(
        "between",
        [
            Step("ffc1"),  # inc ecx
            Step("8b06", (("r", SOURCE, b"zzzz"),), trapped=True),
            Step("90", before=(TrapTaken(14, 0, Gva(SOURCE), Gva(0), "paged-out"),)),
        ],
    )
    def test_what_leaves_it_alone(self, between: Step) -> None:
        assert of([self.load, between, self.store], 4).target_bytes["source"].tolist() == [0, 1, 2, 3]

    def test_other_bytes(self) -> None:
        store = Step("8907", (("w", TARGET, b"abcX"),))
        assert of([self.load, store], 4).target_bytes["source"].tolist() == [NOWHERE] * 4

    def test_a_part_of_the_register(self) -> None:
        """mov [rdi], ah: its byte is not the lowest one."""
        copy = of([self.load, Step("8827", (("w", TARGET, b"a"),))], 4)
        assert copy.target_bytes["source"].tolist() == [NOWHERE] * 4
        copy = of([self.load, Step("668907", (("w", TARGET, b"ab"),))], 4)
        assert copy.target_bytes["source"].tolist() == [0, 1, NOWHERE, NOWHERE]

    def test_bytes_beyond_what_was_loaded(self) -> None:
        narrow = Step("0fb606", (("r", SOURCE, b"a"),))  # movzx eax, byte ptr [rsi]
        copy = of([narrow, Step("8907", (("w", TARGET, b"a\0\0\0"),))], 4)
        assert copy.target_bytes["source"].tolist() == [0, NOWHERE, NOWHERE, NOWHERE]

    def test_an_earlier_call(self) -> None:
        calls = (TracedCall("f", (), "", 0, 1), TracedCall("g", (), "", 1, 2))
        copy = of([self.load, self.store], 4, calls)
        assert copy.target_bytes["source"].tolist() == [NOWHERE] * 4
        assert copy.target_bytes["read_by"].tolist() == [NOBODY] * 4


def test_string_moves() -> None:
    """rep movsb: an instruction reads and writes."""
    steps = [
        Step("f3a4", (("r", SOURCE + at, DATA[at : at + 1]), ("w", TARGET + at, DATA[at : at + 1]))) for at in range(9)
    ]
    copy = of(steps, 9)
    assert copy.target_bytes["source"].tolist() == list(range(9))
    assert copy.target_bytes["read_by"].tolist() == copy.target_bytes["last"].tolist() == list(range(9))


def test_trapped_accesses_are_counted_apart() -> None:
    """A straddling access whose second page is not there."""
    trapped = Step("488b16", (("r", SOURCE + 4, bytes(8)),), trapped=True)
    stored = Step("488917", (("w", TARGET + 1, bytes(8)),), trapped=True)
    copy = of([trapped, stored], 8)
    assert copy.source_bytes["reads"].tolist() == copy.target_bytes["writes"].tolist() == [0] * 8
    assert copy.source_bytes["trapped"].tolist() == [0] * 4 + [1] * 4
    assert copy.target_bytes["trapped"].tolist() == [0] + [1] * 7
    assert copy.reads_of(5)["flags"].tolist() == [AccessFlag.NOT_PERFORMED]
    assert "  4..7 not read, and once by an instruction that trapped\n" in str(copy)


def test_downwards() -> None:
    steps = [Step("8a06", (("r", SOURCE + at, b"x"),)) for at in (3, 2, 1, 0)]
    assert "  0..3 read once, 1 byte at a time downwards, by made.sys!steps\n" in str(of(steps, 4))


def test_many_runs_are_cut() -> None:
    steps = [Step("8a06", (("r", SOURCE + at, b"x"),)) for at in range(0, 100, 2)]
    assert "  … and 80 more runs, from byte 20 on\n" in str(of(steps, 100))


def test_buffers_and_empty_ranges() -> None:
    trace = copied(TEXT)
    copy = copy_map(trace, *trace.buffers)
    assert copy.target_bytes["source"].tolist() == list(range(8))
    empty = copy_map(trace, (SOURCE, 0), TracedBuffer("none", Gva(TARGET), 0, False))
    assert (len(empty.source_bytes), len(empty.writes)) == (0, 0)
    assert str(empty)


@pytest.mark.parametrize("byte", [-1, 8])
def test_bytes_outside(byte: int) -> None:
    copy = copy_map(copied(TEXT), (SOURCE, 8), (TARGET, 8))
    with pytest.raises(IndexError, match="lies outside the source, whose bytes are 0 to 7"):
        copy.reads_of(byte)
    with pytest.raises(IndexError, match="lies outside the target"):
        copy.writes_of(byte)


@pytest.mark.parametrize("source", [SOURCE, "source", (SOURCE, "8"), (SOURCE, -1), (-1, 4)])
def test_no_range(source: object) -> None:
    with pytest.raises(TraceError, match="source="):
        copy_map(copied(TEXT), source, (TARGET, 8))


TOUCHES = st.tuples(st.sampled_from("rw"), st.integers(-8, 40), st.sampled_from([1, 2, 4, 8, 10, 16]))
STEPS = st.lists(st.tuples(TOUCHES, st.booleans(), st.sampled_from(["8a06", "8807", "f3a4", "ffc0"])), max_size=40)


@given(made=STEPS, pieces=st.integers(1, 50))
def test_counts_are_those_of_a_count_by_hand(made: list[tuple[tuple[str, int, int], bool, str]], pieces: int) -> None:
    steps = [
        Step(code, ((kind, (SOURCE if kind == "r" else TARGET) + at, bytes(size)),), trapped)
        for (kind, at, size), trapped, code in made
    ]
    trace: Trace = Sliced(stepped(steps), pieces)
    copy = copy_map(trace, (SOURCE, 32), (TARGET, 32))
    for kind, begin, table, count in (
        (READ, SOURCE, copy.source_bytes, "reads"),
        (WRITE, TARGET, copy.target_bytes, "writes"),
    ):
        accesses = trace.accesses[trace.accesses["kind"] == kind]
        for byte in range(32):
            at = begin + byte
            hit = accesses[(accesses["address"] <= at) & (at < accesses["address"] + accesses["size"])]
            done = hit[hit["flags"] & AccessFlag.NOT_PERFORMED == 0]["instruction"]
            assert table[count][byte] == len(done)
            assert table["trapped"][byte] == len(hit) - len(done)
            assert table["first"][byte] == (done[0] if len(done) else NOBODY)
            assert table["last"][byte] == (done[-1] if len(done) else NOBODY)
            touches = copy.reads_of(byte) if kind == READ else copy.writes_of(byte)
            assert np.array_equal(touches["instruction"], hit["instruction"])
    assert (np.diff(copy.reads["order"].astype(np.int64)) >= 0).all()
    assert str(copy)


@given(data=st.binary(min_size=32, max_size=96).map(lambda data: data[: len(data) // 32 * 32]), size=st.integers(1, 30))
def test_pieces_do_not_matter(data: bytes, size: int) -> None:
    whole = stepped(wide(data))
    found = copy_map(Sliced(whole, size), (SOURCE, len(data)), (TARGET, len(data)))
    assert found.target_bytes["source"].tolist() == list(range(len(data)))
    assert str(found) == str(copy_map(whole, (SOURCE, len(data)), (TARGET, len(data))))
