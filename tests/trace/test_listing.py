# SPDX-License-Identifier: GPL-2.0-or-later
"""Listings against files that a person has looked at, and against the tables that they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu import Machine, Profile
from emu.address import Gva
from emu.events import PagedIn
from emu.trace import READ, WRITE, Chunk, InstructionFlag, Trace, TracedCall, TraceError
from emu.trace import listing as listing_module
from emu.trace.listing import listing
from tests.trace.made import BASE, SOURCE, TARGET, copied
from tests.trace.made_reading import PUSH_MEMORY, Ran, nested, pushed_in_vain, ran, rep_copied
from tests.trace.made_steps import Sliced

GOLDEN = Path(__file__).parent / "golden"

TRACES = {
    "clean-copy": copied(b"hello from user mode"),
    "page-in": copied(b"hello from user mode", fault_at=7),
    "exception": copied(b"hello from user mode", fault_at=7, retried=False),
    "rep": rep_copied(512),
    "rep-page-in": rep_copied(512, fault_at=100),
    "rep-of-none": rep_copied(0),
    "nested": nested(8, [6]),
    "not-performed": pushed_in_vain(),
}

SHOWN = re.compile(r"[ !]\s*(\d+)  ")
FOLDED = re.compile(r"\s+…  the (?:([0-9,]+) )?instructions? above ([0-9,]+) times more")
REPEATED = re.compile(r"rep\w* \w+ × ([0-9,]+)")


@pytest.mark.parametrize("name", TRACES)
def test_a_listing_is_as_it_was_read(name: str) -> None:
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert "".join(f"{line}\n" for line in listing(TRACES[name])) == expected


def covered(lines: Iterator[str]) -> Iterator[int]:
    """Give the indices that lines stand for, as they say it themselves."""
    expected = 0
    for line in lines:
        if folded := FOLDED.match(line):
            period, times = (int((count or "1").replace(",", "")) for count in folded.groups())
            yield from range(expected, expected + period * times)
            expected += period * times
        elif shown := SHOWN.match(line):
            iterations = REPEATED.search(line)
            count = max(int(iterations[1].replace(",", "")), 1) if iterations else 1
            yield from range(int(shown[1]), int(shown[1]) + count)
            expected = int(shown[1]) + count


@pytest.mark.parametrize("name", TRACES)
def test_every_instruction_is_said_or_folded_once(name: str) -> None:
    assert list(covered(listing(TRACES[name]))) == list(range(len(TRACES[name])))


@pytest.mark.parametrize("name", TRACES)
def test_without_folding_every_instruction_is_a_line(name: str) -> None:
    trace = TRACES[name]
    lines = [line for line in listing(trace, fold=False) if SHOWN.match(line)]
    assert [int(line[1:8]) for line in lines] == list(range(len(trace)))
    assert [line[0] == "!" for line in lines] == [bool(flags & 1) for flags in trace.instructions["flags"]]
    for line, row in zip(lines, trace.instructions, strict=True):
        assert trace.code[row["code"]].text in line
        assert f"  {trace.code[row['code']].place} " in line
        assert len(re.findall(r"(?:read|write) \S+ = ", line)) == row["accesses"]


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_listing_does_not_depend_on_the_chunks(name: str, size: int) -> None:
    trace = TRACES[name]
    assert list(listing(Sliced(trace, size))) == list(listing(trace))


@pytest.mark.parametrize("name", TRACES)
def test_colours_change_no_word(name: str) -> None:
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in listing(TRACES[name], color=True)]
    assert plain == list(listing(TRACES[name]))
    assert all("\x1b" not in line for line in plain)


def told(lines: Iterator[str]) -> list[str]:
    """Return lines without the names of files, which are said anew by each listing, and without widths of columns."""
    return [re.sub(r" +", " ", line) for line in lines if line[:10].strip()]


@given(st.sampled_from(["page-in", "exception", "rep-page-in"]), st.integers(0, 700), st.sampled_from([5, 1000]))
@example("page-in", 122, 5)
@example("page-in", 122, 1000)
def test_two_parts_are_the_whole(name: str, at: int, size: int) -> None:
    trace = Sliced(TRACES[name], size)
    parts = told(listing(trace, end=at, fold=False)) + told(listing(trace, begin=at, fold=False))
    assert parts == told(listing(trace, fold=False))


@given(st.integers(0, 130), st.integers(0, 40), st.booleans())
def test_a_part_has_its_instructions(begin: int, size: int, fold: bool) -> None:
    trace = TRACES["page-in"]
    lines = listing(Sliced(trace, 11), begin=begin, end=begin + size, fold=fold)
    indices = [int(match[1]) for line in lines if (match := SHOWN.match(line))]
    inside = range(begin, min(begin + size, len(trace)))
    assert set(indices) <= set(inside)
    assert indices[:1] == list(inside)[:1]
    if not fold:
        assert indices == list(inside)


def test_a_range_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(TraceError, match=r"begin=-1, end=None is no range of instructions; give 0 <= begin <= end"):
        listing(TRACES["rep"], begin=-1)
    with pytest.raises(TraceError, match="begin=5, end=4"):
        listing(TRACES["rep"], begin=5, end=4)


def test_calls_and_their_events_stand_in_their_order() -> None:
    calls = (
        TracedCall("nothing", (), "returned 0x0", 0, 0),
        TracedCall("first", (), "returned 0x1", 0, 2),
        TracedCall("second", (), "returned 0x2", 2, 3),
        TracedCall("last", (), "returned 0x3", 3, 3),
    )
    trace = ran(PUSH_MEMORY, [Ran(1)] * 3, calls=calls)
    words = [re.sub(r"\s+", " ", line).strip() for line in listing(trace)]
    assert [word if word.startswith("──") else word.split()[0] for word in words] == [
        "── call nothing()",
        "── returned 0x0, 0 instructions",
        "── call first()",
        "0",
        "1",
        "── returned 0x1, 2 instructions",
        "── call second()",
        "2",
        "── returned 0x2, 1 instruction",
        "── call last()",
        "── returned 0x3, 0 instructions",
    ]


def test_a_trace_without_instructions_has_its_events() -> None:
    empty = ran(PUSH_MEMORY, [], calls=(), behind=(PagedIn(Gva(SOURCE), Gva(BASE)),))
    assert list(listing(empty)) == ["       ·  PagedIn in words"]
    assert list(listing(ran(PUSH_MEMORY, [], calls=()))) == []


def test_no_event_is_folded_away() -> None:
    steps = [
        Ran(code, before=(PagedIn(Gva(SOURCE), Gva(BASE)),) if turn == 9 else ())
        for turn in range(20)
        for code in (0, 1)
    ]
    lines = list(listing(ran(PUSH_MEMORY, steps)))
    assert sum("PagedIn" in line for line in lines) == 2
    assert list(covered(iter(lines))) == list(range(40))


def test_a_rep_that_goes_down_says_so() -> None:
    steps = [
        Ran(1, ((READ, SOURCE + at, 0, 1), (WRITE, TARGET + at, 0, 1)), InstructionFlag.REP) for at in range(99, 9, -1)
    ]
    line = list(listing(ran(("fd", "f3a4", "c3"), steps)))[1]
    assert line.split("  ")[-1].strip() == "source+99..10 → target+99..10"


def test_a_rep_that_only_stores_says_where() -> None:
    steps = [Ran(1, ((WRITE, TARGET + at, 0, 8),), InstructionFlag.REP) for at in range(0, 80, 8)]
    line = list(listing(ran(("fd", "f348ab", "c3"), steps)))[1]
    assert re.sub(r" +", " ", line).endswith("rep stosq × 10 writes target+0..79")


def test_many_accesses_are_summed_up() -> None:
    stored = tuple((WRITE, TARGET + at, 0, 16) for at in range(0, 512, 16))
    line = list(listing(ran(("0fae01", "c3"), [Ran(0, stored)])))[1]
    assert line.endswith("32 accesses: writes target+0..511")


def test_a_long_trace_is_taken_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "CHUNK", 100)
    asked = []

    class Watched(Trace):
        def chunks(self, size: int = 0) -> Iterator[Chunk]:
            asked.append(size)
            return super().chunks(size)

    trace = Watched(TRACES["rep"]._source)
    assert list(listing(trace)) == list(listing(TRACES["rep"]))
    assert asked == [100]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine(Profile(cpu="skylake-server")) as made:
        yield made


def test_a_real_copy_reads_as_one(machine: Machine) -> None:
    machine.reset()
    source = machine.user.alloc(b"hello from user mode", name="source")
    target = machine.kernel.alloc(32, name="target")
    machine.user.page_out(source)
    with machine.trace() as trace:
        machine.call("CopyFromUser", target, source, source.size)
        machine.user.protect(source, "none")
        machine.call("CopyFromUser", target, source, 3)
    lines = list(listing(trace))
    assert lines[0] == "── call umaccess!CopyFromUser(target, source, 0x14)"
    assert list(covered(iter(lines))) == list(range(len(trace)))
    trapped = [number for number, line in enumerate(lines) if line.endswith("trapped")]
    assert [lines[number + 1][:10] for number in trapped] == ["!      ·  "] * 2
    assert lines[trapped[0] + 2].startswith("       ·  paged in")
    assert "exception STATUS_ACCESS_VIOLATION" in lines[trapped[1] + 2]
    assert any("times more: reads source+1..18, writes target+1..18" in line for line in lines)
    assert lines[-1].startswith("── raised STATUS_ACCESS_VIOLATION")


def test_a_real_rep_reads_as_one(machine: Machine) -> None:
    machine.reset()
    source, target = machine.user.alloc(0x400, name="source"), machine.kernel.alloc(0x400, name="target")
    with machine.trace() as trace:
        machine.call("CopyFromUser", target, source, 0x400)
    line = next(line for line in listing(trace) if "rep movsb" in line)
    assert re.sub(r" +", " ", line).endswith("rep movsb × 1,024 source+0..1023 → target+0..1023")
