# SPDX-License-Identifier: GPL-2.0-or-later
"""A watch counts as a trace does, stops before any access and behind any instruction, and leaves no mark."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import pytest

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.engine import EngineError
from emu.cpu.trap import Trap, Vector
from emu.cpu.watch import READS, WRITES, Watch, WatchedByte
from emu.memory import page_table as pt
from tests.cpu.guest import ABSENT, CODE, DATA, STACK, STACK_TOP, Guest
from tests.cpu.recorded_guest import RecordedGuest

BUDGET: Final = 1000
CONTENT: Final = (bytes(range(1, 256)) * 33)[:0x2000]
IMAGE: Final = DATA + 0x1200
"""Where programs save the x87 state at their end."""
SAVED: Final = Gva(DATA + 0x400)
"""An image that `fxrstor` takes."""

PROGRAMS: Final = {
    "push and pop": "50 51 ff37 8f4708 58 6a07 5a 9c 58",
    "calls": "e801000000 c3 58 c8200000 c9 c8080003 c9",
    "moves": "8a07 884708 668b4701 66894711 8b4703 894723 488b4705 48894735 480fb64701",
    "read, modify, write": "fe07 66ff07 48ff4708 480107 f0480907 48f75f10 48d16718 48c1670705",
    "exchanges": "48874708 480fc14710 f0480fc107 480fb14718 f0480fb14720 8607",
    "bits": "480fba2f05 f0480fba770811 480fab4f10 480fa30f 0fbb5720",
    "wide exchanges": "0fc70f f00fc74f08 480fc74f20 f0480fc74f30",
    "XMM loads": "0f1007 660f6f4f10 0f105721 f30f6f5f31 660fd46740 0f126709 f20f107709 0f167f0b",
    "XMM stores": "0f1107 660f7f4f10 0f115721 f30f7f5f31 660fe76740 0f137709 0f2b7f50",
    "x87 loads": "d907 dd4708 db6f10 df6f20 df6730 da4740",
    "x87 stores": "dd07 d95710 db7f20 dd7f30 d9e8 df7740 d9eb db7f50 d97f60 dd7f68",
    "fxsave": "480fae8700010000 0fae8700030000",
    "fxrstor": "480fae8f00030000",
    "MXCSR": "0fae5f40 81774000200000 0fae5740",
    "repeats": "b905000000 f3a4 b903000000 f348a5 b904000000 f3aa b903000000 f3ab",
    "searches": "b904000000 f2ae b906000000 f3a6 b903000000 f348ad",
    "one of a string": "a4 48a5 aa 48ab ac 48ad ae a6",
}
"""Each with RDI in memory, and RSI behind it."""

ALIGNED: Final = ("XMM loads", "XMM stores", "fxsave", "fxrstor", "wide exchanges")
"""Those that a buffer of any alignment would not do for."""


class State(NamedTuple):
    """All that a stop must leave as it was."""

    registers: tuple[int, ...]
    extended: bytes
    mxcsr: int
    memory: bytes
    stack: bytes


def state_of(guest: Guest) -> State:
    cpu = guest.cpu
    return State(
        tuple(cpu.registers[: r.RFLAGS + 1]),
        bytes(cpu.xmm),
        cpu.mxcsr,
        guest.memory.read(DATA, 0x2000),
        guest.memory.read(STACK, STACK_TOP - STACK),
    )


def counts_of(guest: Guest) -> tuple[int, int]:
    return guest.cpu.registers[r.BUDGET], guest.cpu.registers[r.BLOCKS]


def begin(guest: Guest, code: str, offset: int, flags: int = 0) -> Trap:
    """Run code up to the first trap."""
    guest.memory.write(DATA, CONTENT)
    image = bytearray(CONTENT[:512])
    image[24:32] = (0x1FA0).to_bytes(8, "little")  # MXCSR, another one than the default, and its mask
    guest.memory.write(SAVED, bytes(image))
    guest.cpu.xmm[:] = bytes(range(256))
    guest.cpu.extended_changed()
    return guest.run(
        f"{code} 490fae00 f4",  # fxsave [r8]: the end shows the x87 state, too
        budget=BUDGET,
        flags=flags,
        rdi=DATA + offset,
        rsi=DATA + 0x800,
        rax=0x1122334455667788,
        rcx=3,
        rdx=0x99,
        rbx=ABSENT,
        r8=IMAGE,
        rbp=STACK_TOP - 0x80,
    )


class Watched(Guest):
    """A guest whose processor is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch(self.cpu)


class Run(NamedTuple):
    """A clean run, recorded."""

    rips: list[int]
    touched: list[list[tuple[str, int, int]]]
    """Kind, first byte and size of the accesses of each instruction."""
    end: State
    counts: tuple[int, int]


def recorded(code: str, offset: int, flags: int = 0) -> Run:
    guest = RecordedGuest()
    trap = guest.record(begin(guest, code, offset, flags))
    assert trap.vector == Vector.HOST_CALL, trap
    touched = [[(each.kind, each.address, each.size) for each in one.accesses] for one in guest.recorded]
    return Run([one.rip for one in guest.recorded], touched, state_of(guest), counts_of(guest))


class Stop(NamedTuple):
    """Before the `number`-th access to a byte, of a kind or of both, which an instruction makes."""

    address: int
    kinds: int
    number: int
    instruction: int


def stops_of(run: Run) -> list[Stop]:
    """Return a stop at the first and the last byte of each access, and where each kind is counted for itself."""
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for instruction, accesses in enumerate(run.touched):
        for kind, first, size in accesses:
            mine = READS if kind == "r" else WRITES
            for at in range(first, first + size):
                seen[at, mine] += 1
                seen[at, READS | WRITES] += 1
            for at in sorted({first, first + size - 1}):
                found += [Stop(at, kinds, seen[at, kinds], instruction) for kinds in (mine, READS | WRITES)]
    return found


def before(code: str, offset: int, instruction: int, flags: int = 0) -> State:
    """Return the state before an instruction, as a stop between two leaves it."""
    guest = Watched()
    guest.watch.stop_behind(instruction)
    assert begin(guest, code, offset, flags).vector == Vector.RECORDER_STOP
    assert guest.watch.position == instruction
    assert guest.watch.take_hits() == {}
    return state_of(guest)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("offset", [0x100, 0x1000 - 3])
def test_counts_are_those_of_a_trace(name: str, offset: int) -> None:
    offset = 0x100 if name in ALIGNED else offset
    run = recorded(PROGRAMS[name], offset)
    guest = Watched()
    stops = stops_of(run)
    watched = sorted({(stop.address, stop.kinds) for stop in stops})
    for address, kinds in watched:
        guest.watch.add(WatchedByte(Gva(address), kinds))
    assert begin(guest, PROGRAMS[name], offset).vector == Vector.HOST_CALL
    assert guest.watch.position == len(run.rips)
    expected = Counter(
        (at, kinds)
        for accesses in run.touched
        for kind, first, size in accesses
        for at in range(first, first + size)
        for kinds in (READS if kind == "r" else WRITES, READS | WRITES)
    )
    for index, each in enumerate(watched):
        assert guest.watch.accesses(index) == expected[each]
    assert state_of(guest) == run.end
    assert counts_of(guest) == run.counts


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("offset", [0x100, 0x1000 - 3])
@pytest.mark.parametrize("flags", [0, r.FLAGS_ARITHMETIC])
def test_a_stop_before_an_access_is_one_before_its_instruction(name: str, offset: int, flags: int) -> None:
    offset = 0x100 if name in ALIGNED else offset
    code = PROGRAMS[name]
    run = recorded(code, offset, flags)
    states: dict[int, State] = {}
    stops = stops_of(run)
    for stop in stops[:: max(1, len(stops) // 24)]:
        guest = Watched()
        guest.watch.add(WatchedByte(Gva(stop.address), stop.kinds))
        guest.watch.stop_before_access(0, stop.number)
        trap = begin(guest, code, offset, flags)
        assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, run.rips[stop.instruction]), stop
        assert list(guest.watch.take_hits()) == [0]
        assert guest.watch.take_hits() == {}
        assert guest.watch.position == stop.instruction
        if stop.instruction not in states:
            states[stop.instruction] = before(code, offset, stop.instruction, flags)
        assert state_of(guest) == states[stop.instruction], stop
        guest.watch.stop_before_access(0, None)
        assert guest.go_on().vector == Vector.HOST_CALL
        assert state_of(guest) == run.end, stop
        assert counts_of(guest) == run.counts, stop
        assert guest.watch.position == len(run.rips)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_stop_behind_each_instruction(name: str) -> None:
    code = PROGRAMS[name]
    run = recorded(code, 0x100)
    guest = Watched()
    guest.watch.stop_behind(1)
    trap = begin(guest, code, 0x100)
    for number, rip in enumerate(run.rips[1:], 1):
        assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, rip)
        assert guest.watch.position == number
        guest.watch.stop_behind(number + 1)
        trap = guest.go_on()
    assert trap.vector == Vector.HOST_CALL
    assert state_of(guest) == run.end
    assert counts_of(guest) == run.counts


def test_stops_before_every_access_in_one_run() -> None:
    """rep movsb of three bytes; each byte of the target is written, then read by lodsq."""
    guest = Watched()
    for at in range(3):
        guest.watch.add(WatchedByte(Gva(DATA + 0x20 + at)))
        guest.watch.stop_before_access(at, 1)
    trap = guest.run("f3a4 488d77fd 48ad f4", rcx=3, rsi=DATA, rdi=DATA + 0x20)
    for index in range(3):
        assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, CODE)
        assert guest.watch.take_hits() == {index: 1}
        assert (guest["rcx"], guest.watch.position) == (3 - index, index)
        guest.watch.stop_before_access(index, 2)
        trap = guest.go_on()
    assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, CODE + 6)
    assert guest.watch.take_hits() == {0: 8, 1: 8, 2: 8}
    for index in range(3):
        guest.watch.stop_before_access(index, None)
    assert guest.go_on().vector == Vector.HOST_CALL
    assert [guest.watch.accesses(index) for index in range(3)] == [2, 2, 2]


@pytest.mark.parametrize(("kinds", "number", "rip"), [(READS, 2, 2), (WRITES, 1, 0), (READS | WRITES, 3, 2)])
def test_kinds_are_counted_by_themselves(kinds: int, number: int, rip: int) -> None:
    """inc byte [rdi], twice: four accesses."""
    guest = Watched()
    guest.watch.add(WatchedByte(DATA, kinds))
    guest.watch.stop_before_access(0, number)
    assert guest.run("fe07 fe07 f4", rdi=DATA).rip == CODE + rip
    assert guest.memory.read(DATA, 1) == bytes((rip // 2,))


def test_an_access_that_traps_is_none() -> None:
    """movsb to a page that is absent, then to one that is not."""
    guest = Watched()
    guest.watch.add(WatchedByte(DATA))
    guest.watch.stop_before_access(0, 2)
    trap = guest.run("a4 8a46ff f4", rsi=DATA, rdi=ABSENT)
    assert trap.vector == Vector.PAGE_FAULT
    assert guest.watch.accesses(0) == 0
    assert guest.watch.position == 1
    guest.cpu.registers[r.GPR_NAMES.index("rdi")] = DATA + 8
    trap = guest.go_on()
    assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, CODE + 1), "the retry made the first, mov al the second"
    assert guest.watch.take_hits() == {0: 1}
    assert (guest.watch.accesses(0), guest.watch.position) == (1, 2)


@pytest.mark.parametrize("at", [0, 3, 4, 7])
@pytest.mark.parametrize("code", ["488b07", "488907", "48ff07"])
def test_a_byte_of_an_access_on_two_pages(code: str, at: int) -> None:
    guest = Watched()
    guest.memory.write(DATA, CONTENT)
    guest.watch.add(WatchedByte(Gva(DATA + 0xFFC + at)))
    guest.watch.stop_before_access(0, 1)
    trap = guest.run(f"90 {code} f4", rdi=DATA + 0xFFC, rax=0)
    assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, CODE + 1)
    assert list(guest.watch.take_hits()) == [0]
    assert guest.memory.read(DATA, 0x2000) == CONTENT
    guest.watch.stop_before_access(0, None)
    assert guest.go_on().vector == Vector.HOST_CALL
    assert guest.watch.accesses(0) == (2 if code == "48ff07" else 1)


def test_a_store_to_its_own_code_is_undone_too() -> None:
    """mov byte [rip], 0xf4: the nop behind it becomes hlt."""
    guest = Watched()
    guest.memory.set_entry(CODE, guest.memory.entry(CODE) | pt.WRITABLE)
    guest.watch.add(WatchedByte(Gva(CODE + 7)))
    guest.watch.stop_before_access(0, 1)
    trap = guest.run("c60500000000f4 90 ffc0 f4", rax=0)
    assert (trap.vector, trap.rip) == (Vector.RECORDER_STOP, CODE)
    assert guest.memory.read(Gva(CODE + 7), 1) == b"\x90"
    guest.watch.stop_before_access(0, None)
    trap = guest.go_on()
    assert (trap.vector, trap.rip, guest["rax"]) == (Vector.HOST_CALL, CODE + 8, 0)


def test_begin_counts_anew_and_stops_nowhere() -> None:
    guest = Watched()
    guest.watch.add(WatchedByte(DATA))
    guest.watch.stop_before_access(0, 2)
    guest.watch.stop_behind(1)
    guest.run("8a07 8a07 8a07 f4", rdi=DATA)
    guest.watch.begin((WatchedByte(Gva(DATA + 1)), WatchedByte(DATA, WRITES)))
    assert guest.watch.position == 0
    assert guest.start(rdi=DATA).vector == Vector.HOST_CALL
    assert [guest.watch.accesses(index) for index in range(2)] == [0, 0]
    assert guest.watch.position == 4
    guest.watch.add(WatchedByte(DATA))
    guest.start(rdi=DATA)
    assert [guest.watch.accesses(index) for index in range(3)] == [0, 0, 3]
    assert guest.watch.position == 8


def test_what_the_host_puts_elsewhere_at_a_stop_is_where_it_goes_on() -> None:
    guest = Watched()
    guest.watch.stop_behind(1)
    guest.run("ffc0 ffc0 ffc0 f4", rax=0)
    guest.watch.stop_behind(None)
    guest.cpu.registers[r.RIP] += 2
    assert guest.go_on().vector == Vector.HOST_CALL
    assert guest["rax"] == 2


@pytest.mark.parametrize("budget", range(1, 6))
def test_the_budget_ends_where_it_does_without_a_watch(budget: int) -> None:
    code = "b903000000 ff07 e2fc f4"
    plain, guest = Guest(), Watched()
    guest.watch.add(WatchedByte(DATA))
    guest.watch.stop_before_access(0, 4)
    expected = plain.run(code, rdi=DATA, budget=budget)
    trap = guest.run(code, rdi=DATA, budget=budget)
    if trap.vector == Vector.RECORDER_STOP:
        guest.watch.stop_before_access(0, None)
        trap = guest.go_on()
    assert trap == expected
    assert counts_of(guest) == counts_of(plain)
    assert guest.memory.read(DATA, 4) == plain.memory.read(DATA, 4)


def test_a_processor_has_one_watch(guest: Guest) -> None:
    Watch(guest.cpu)
    with pytest.raises(EngineError, match="refused a hook of the recorder"):
        Watch(guest.cpu)
