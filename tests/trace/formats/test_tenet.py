# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict reader of Tenet's format gets back every register at every moment, and every access that was made."""

from __future__ import annotations

import io
import re
from typing import NamedTuple

import pytest

from emu import Machine, Profile
from emu.trace import AccessFlag, StoredSource, Trace, TraceError
from emu.trace.formats import tenet
from emu.trace.trace import REGISTER_COLUMNS
from tests.trace.made import copied
from tests.trace.made_reading import Registered, nested, pushed_in_vain, rep_copied

NAMES = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip"),
)
HEXADECIMAL = r"0x(?:0|[1-9a-f][0-9a-f]{0,15})"
LINE = re.compile(
    rf"(?P<registers>(?:(?:{'|'.join(NAMES[:-1])})={HEXADECIMAL},)*)"
    rf"(?P<accesses>(?:m[rw]={HEXADECIMAL}:(?:[0-9a-f]{{2}})+,)*)"
    rf"rip=(?P<rip>{HEXADECIMAL})"
)


class Moment(NamedTuple):
    """What a line says, with the registers that it leaves as they were."""

    registers: list[int]
    changed: set[str]
    accesses: list[tuple[str, int, bytes]]


def read(text: str) -> list[Moment]:
    """Read a file by its grammar alone."""
    assert text.isascii()
    assert text.endswith("\n")
    state: dict[str, int] = {}
    moments = []
    for number, line in enumerate(text[:-1].split("\n")):
        match = LINE.fullmatch(line)
        assert match, line
        pairs = [pair.split("=") for pair in match["registers"].split(",")[:-1]]
        changed = {name: int(value, 16) for name, value in pairs}
        assert len(changed) == len(pairs)
        assert list(changed) == [name for name in NAMES if name in changed]
        if not number:
            assert tuple(changed) == NAMES[:-1]
        assert all(state.get(name) != value for name, value in changed.items())
        state |= changed | {"rip": int(match["rip"], 16)}
        accesses = []
        for access in match["accesses"].split(",")[:-1]:
            kind, address, content = re.split("[=:]", access)
            accesses.append((kind, int(address, 16), bytes.fromhex(content)))
        moments.append(Moment([state[name] for name in NAMES], set(changed), accesses))
    return moments


def written(trace: Trace) -> str:
    stream = io.StringIO()
    tenet.write(trace, stream)
    return stream.getvalue()


def check(trace: Trace) -> list[Moment]:
    """Check that what is written is what the trace has."""
    moments = read(written(trace))
    count = len(trace.instructions)
    assert len(moments) == count + 1
    end = trace.state_at(count).registers
    expected = [row[:17] for row in trace.registers(0, count).tolist()] if count else []
    assert [moment.registers for moment in moments] == [*expected, [end[name] for name in NAMES]]
    assert [moment.registers[-1] for moment in moments[:-1]] == trace.instructions["rip"].tolist()
    made: list[list[tuple[str, int, bytes]]] = [[] for _ in moments]
    for row in trace.accesses:
        if not row["flags"] & AccessFlag.NOT_PERFORMED:
            content = (int(row["low"]).to_bytes(8, "little") + int(row["high"]).to_bytes(8, "little"))[: row["size"]]
            made[int(row["instruction"]) + 1].append((("mr", "mw")[row["kind"]], int(row["address"]), content))
    assert [moment.accesses for moment in moments] == made
    return moments


def test_the_columns_are_those_of_a_trace() -> None:
    assert REGISTER_COLUMNS[:17] == NAMES


TRACES = {
    "copy": copied(b"hello from user mode"),
    "page-in": copied(b"hello", fault_at=2),
    "rep": rep_copied(40, fault_at=9),
    "nested": nested(3, [2, 3]),
    "not-performed": pushed_in_vain(),
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("name", TRACES)
def test_registers_and_accesses_come_back(name: str, size: int) -> None:
    moments = check(Registered(TRACES[name], size))
    assert 0 < sum(len(moment.changed) for moment in moments) < 16 * len(moments)


def test_chunks_do_not_show() -> None:
    assert written(Registered(TRACES["copy"], 5)) == written(Registered(TRACES["copy"], 1 << 20))


def test_a_trace_without_registers_says_so() -> None:
    assert isinstance(TRACES["copy"]._source, StoredSource)
    with pytest.raises(TraceError, match="has no registers"):
        written(TRACES["copy"])


def test_a_real_trace_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenet, "CHUNK", 100)
    with Machine(Profile(cpu="skylake-server")) as machine:
        source = machine.user.alloc(b"hello from user mode", name="source")
        target = machine.kernel.alloc(0x400, name="target")
        with machine.trace() as trace:
            machine.user.page_out(source)
            machine.call("CopyFromUser", target, source, source.size)
            machine.user.protect(source, "none")
            machine.call("CopyFromUser", target, source, 0x10)
        moments = check(trace)
        assert len(moments) > 150
        landed = [moment.accesses for moment in moments if ("mw", int(target) + 4, b"o") in moment.accesses]
        assert len(landed) == 1
