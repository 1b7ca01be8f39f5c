# SPDX-License-Identifier: GPL-2.0-or-later
"""The native side of a dispatch: what it writes, and that it does what emu/seh does, on good stacks and on bad ones."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu import Machine, Raised, Returned, build_guest
from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.registers import FLAG_RF
from emu.cpu.trap import Trap, Vector
from emu.events import FrameSearched
from emu.kernel.straight_dispatch import StraightDispatch
from emu.kernel.system import System
from emu.nt.context import CONTEXT
from emu.nt.exception_record import EXCEPTION_RECORD64, pack_exception_record
from emu.nt.trap_frame import KTRAP_FRAME
from emu.profile import Profile
from emu.seh import frames as f
from emu.seh.context import REGISTER_NAMES, RSP, Context
from tests.kernel.both_ways import BothWays

GUEST = Path(__file__).parent / "guest"
STATES = ("none", "unmapped", "guard", "in-page-error=0xC000009D", "paged-out")


FEW = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(FEW, max_examples=3_000, derandomize=False)


@pytest.fixture(scope="module")
def system() -> System:
    """A booted system that runs nothing."""
    return System(Profile())


@pytest.fixture(scope="module")
def booted() -> Machine:
    """A machine that many examples are run on."""
    return Machine()


class TestFrames:
    """KTRAP_FRAME, EXCEPTION_RECORD and CONTEXT, field by field, against their declarations."""

    def write(self, system: System, trap: Trap, information: tuple[int, ...] = ()) -> tuple[int, int]:
        registers = system.cpu.registers
        for number in range(16):
            registers[number] = 0x100 + number
        registers[RSP] = system.stack.high - 0x100
        registers[r.RIP], registers[r.RFLAGS] = trap.rip, 0x246
        system.cpu.set_extended(bytes(range(256)), 0x1FA0, 0)
        frame = system.stack.high - 0x400
        records = f.records_below(frame)
        assert StraightDispatch(system).write_trap(trap, 0xC0000005, 1, Gva(0x1234), information, frame, records)
        return frame, records

    TRAP = Trap(Vector.PAGE_FAULT, 0x12, Gva(0xFA17), Gva(0x1000))

    def test_trap_frame(self, system: System) -> None:
        frame, _ = self.write(system, self.TRAP)
        data = system.memory.read(Gva(frame), ctypes.sizeof(KTRAP_FRAME))
        fields = KTRAP_FRAME.from_buffer_copy(data)
        for number, name in enumerate(REGISTER_NAMES):
            field = getattr(fields, name.capitalize(), None)
            if name in ("r12", "r13", "r14", "r15"):
                assert field is None, "non-volatile: they stay in the processor"
            elif name != "rsp":
                assert field == 0x100 + number, name
        assert fields.Rsp == system.stack.high - 0x100
        assert fields.Rip == 0x1234
        assert fields.EFlags == 0x246 | FLAG_RF
        assert fields.MxCsr == 0x1FA0
        assert (fields.SegCs, fields.SegSs) == (0x10, 0x18)
        assert fields.ErrorCode == 0x12
        assert fields.FaultAddress == 0xFA17
        assert data[KTRAP_FRAME.Xmm0.offset :][:96] == bytes(range(96))
        assert (fields.PreviousMode, fields.TrapFrame, fields.Dr7) == (0, 0, 0)

    @pytest.mark.parametrize("information", [(), (1,), (1, 2), (1, (1 << 64) - 1, 3)])
    def test_exception_record(self, system: System, information: tuple[int, ...]) -> None:
        _, records = self.write(system, self.TRAP, information)
        data = system.memory.read(Gva(records + f.EXCEPTION_RECORD), ctypes.sizeof(EXCEPTION_RECORD64))
        assert data == pack_exception_record(0xC0000005, 1, 0, 0x1234, information)

    def test_context_and_return_address(self, system: System) -> None:
        _, records = self.write(system, self.TRAP)
        data = system.memory.read(Gva(records + f.ORIGINAL_CONTEXT), ctypes.sizeof(CONTEXT))
        gpr = [0x100 + number for number in range(16)]
        gpr[RSP] = system.stack.high - 0x100
        assert data == Context(gpr, 0x1234, 0x246 | FLAG_RF, 0x1FA0, bytes(range(256))).pack()
        assert system.memory.read_u64(Gva(records + f.RECORDS_SIZE)) == system.trap_entry_return

    def test_nothing_is_written_where_no_page_is(self, system: System) -> None:
        frame = Gva(0xFFFF_9000_0000_0000)
        assert not StraightDispatch(system).write_trap(self.TRAP, 0, 0, Gva(0), (), frame, frame - 0x1000)

    def test_frames_in_code_drop_its_translations(self, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
        dropped: list[int] = []
        monkeypatch.setattr(system.cpu, "drop_all_translations", lambda: dropped.append(1))
        straight = StraightDispatch(system)
        page = system.kernel_data.alloc(0x2000)
        assert straight.write_trap(self.TRAP, 0, 0, Gva(0), (), page.address + 0x1800, page.address)
        assert not dropped
        system.kernel_data.protect(page, "rwx")
        assert straight.write_trap(self.TRAP, 0, 0, Gva(0), (), page.address + 0x1800, page.address)
        assert dropped


@pytest.mark.parametrize("profile", ["skylake-server", "nehalem", "epyc,smap=permit", "icelake-server,smap=off"])
@pytest.mark.parametrize("state", STATES)
def test_copies(monkeypatch: pytest.MonkeyPatch, profile: str, state: str) -> None:
    with Machine(profile) as machine:
        both = BothWays(machine, monkeypatch)
        for fault in (0, 1, 63, 64, 77, 600):

            def prepare(machine: Machine, fault: int = fault) -> tuple[object, ...]:
                source = machine.user.alloc(bytes(i & 0xFF for i in range(700)), offset=-fault % 4096)
                target = machine.kernel.alloc(700)
                machine.inject(f"{state}@src+{fault}", src=source)
                return "CopyFromUser", target, source, source.size

            after = both.call(prepare)
            assert isinstance(after.outcome, Returned if state == "paged-out" else Raised)
        assert both.straight == (0 if state == "paged-out" else 6)


def test_an_exception_that_nobody_takes(booted: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    both = BothWays(booted, monkeypatch)
    both.call(lambda machine: ("CopyFromUser", machine.kernel.alloc(8), 0x1000, 8), guarded=False)
    assert both.straight == 0


def scribbling(machine: Machine, scribbles: list[tuple[int, Callable[[Machine], int]]]) -> tuple[object, ...]:
    module = machine.load(build_guest([GUEST / "scribble.S"]))
    entries = b"".join(
        (offset & (1 << 64) - 1).to_bytes(8, "little") + (value(machine) & (1 << 64) - 1).to_bytes(8, "little")
        for offset, value in scribbles
    )
    return module["scribble_in_try"], machine.kernel.alloc(entries or bytes(16)), len(scribbles)


def stack_address(offset: int) -> Callable[[Machine], int]:
    return lambda machine: machine.system.stack.high - offset


def code_address(symbol: str, offset: int) -> Callable[[Machine], int]:
    return lambda machine: machine.resolve(symbol) + offset


def constant(value: int) -> Callable[[Machine], int]:
    return lambda machine: value


SCRIBBLES = st.lists(
    st.tuples(
        st.one_of(st.integers(-0x80, 0x180).map(lambda n: n * 8), st.integers(-0x400, 0x400)),
        st.one_of(
            st.sampled_from([0, 8, 0x10, 0x100, 0x138, 0x139, 0x200, 0x1000, 0xF000]).map(stack_address),
            st.tuples(
                st.sampled_from(["scribble_in_try", "scribble_leaf", "CopyFromUser", "KiGuardedCallEnter"]),
                st.integers(0, 0x60),
            ).map(lambda given: code_address(*given)),
            st.one_of(st.integers(0, (1 << 64) - 1), st.sampled_from([0, 1, 0x7FFF_FFFF_0000, 1 << 63])).map(constant),
        ),
    ),
    max_size=6,
)


def scribble_both_ways(both: BothWays, scribbles: list[tuple[int, Callable[[Machine], int]]]) -> None:
    both.call(lambda machine: scribbling(machine, scribbles), budget=2000)


def test_saved_registers_come_back(booted: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    both = BothWays(booted, monkeypatch)
    after = both.call(lambda machine: scribbling(machine, []))
    assert after.outcome == Returned(0xE)
    assert both.straight == 1


@FEW
@given(scribbles=SCRIBBLES)
def test_damaged_stacks(
    booted: Machine, monkeypatch: pytest.MonkeyPatch, scribbles: list[tuple[int, Callable[[Machine], int]]]
) -> None:
    scribble_both_ways(BothWays(booted, monkeypatch), scribbles)


FRAMES = (
    *("saves_by_push", "saves_by_move", "large_frame", "frame_pointer", "catches", "catches_within"),
    *("calls_outside_its_try", "cleans_up", "cleans_up_and_catches", "filters", "unwind_handler_only"),
)
NOTHING_RUNS = (*FRAMES[:6], "calls_outside_its_try", "unwind_handler_only")
"""Frames that ask nothing of the guest."""
FAULTS = (
    *("fault_read", "fault_write", "fault_divide", "fault_opcode", "fault_breakpoint", "fault_non_canonical"),
    *("fault_in_prologue", "fault_in_call", "no_fault"),
)


def chained(machine: Machine, names: tuple[str, ...]) -> tuple[object, ...]:
    """Load the frames of guest/chain.S, and call each from the one before."""
    module = machine.load(build_guest([GUEST / "chain.S"]))
    addresses = b"".join(module[name].to_bytes(8, "little") for name in names[1:])
    return module[names[0]], machine.kernel.alloc(addresses or bytes(8))


def chain_both_ways(both: BothWays, frames: list[str], fault: str) -> None:
    names = (*frames, fault)
    both.call(lambda machine: chained(machine, names))
    fits = frames.count("large_frame") < 5  # in the stack, with the frames of the dispatch
    if fits and fault != "no_fault" and all(name in NOTHING_RUNS for name in frames):
        assert both.straight


CHAINS = st.lists(st.one_of(st.sampled_from(FRAMES), st.sampled_from(NOTHING_RUNS)), max_size=9)


@FEW
@given(frames=CHAINS, fault=st.sampled_from(FAULTS))
def test_chains_of_frames(booted: Machine, monkeypatch: pytest.MonkeyPatch, frames: list[str], fault: str) -> None:
    chain_both_ways(BothWays(booted, monkeypatch), frames, fault)


@pytest.mark.sweep
@MANY
@given(frames=CHAINS, fault=st.sampled_from(FAULTS))
def test_many_chains_of_frames(booted: Machine, monkeypatch: pytest.MonkeyPatch, frames: list[str], fault: str) -> None:
    chain_both_ways(BothWays(booted, monkeypatch), frames, fault)


def test_more_frames_than_the_native_core_notes(booted: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    both = BothWays(booted, monkeypatch)
    for count, straight in ((61, 1), (62, 2), (63, 2), (70, 2)):
        names = (*["saves_by_push"] * count, "fault_read")
        both.call(functools.partial(chained, names=names))
        assert both.straight == straight, count


@pytest.mark.sweep
@MANY
@given(scribbles=SCRIBBLES)
def test_many_damaged_stacks(
    booted: Machine, monkeypatch: pytest.MonkeyPatch, scribbles: list[tuple[int, Callable[[Machine], int]]]
) -> None:
    scribble_both_ways(BothWays(booted, monkeypatch), scribbles)


def test_plans_go_with_their_image(booted: Machine) -> None:
    """Another image at the same addresses is unwound by its own data."""
    booted.reset()
    addresses = []
    for source, expected in (("scribble.S", 0xE), ("one.S", None), ("scribble.S", 0xE)):
        booted.reset()
        module = booted.load(build_guest([GUEST / source]))
        addresses.append(module.base)
        if expected is not None:
            address = module["scribble_in_try"]
            assert booted.call(address, booted.kernel.alloc(16), 0) == Returned(expected)
            searched = [event for event in booted.events if isinstance(event, FrameSearched)]
            assert len(searched) == 4
    assert len(set(addresses)) == 1
