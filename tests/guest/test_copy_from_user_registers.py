# SPDX-License-Identifier: GPL-2.0-or-later
"""What CopyFromUser leaves in the registers, on the way of a return and on the way of an exception."""

import struct
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import pytest

from emu import Machine, NtStatus, Profile, Raised, Returned, build_guest
from emu.cpu.registers import FLAG_AC, FLAG_DF, MXCSR_DEFAULT
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS
from emu.memory.buffer import Buffer
from emu.nt.unwind import UnwindOp
from emu.seh.unwind_info import decode_unwind_info
from tests.guest.copies import PAGE, pattern
from tests.guest.machines import ALL_PROFILES, EVERY_KIND, WITH_SMAP_POLICIES
from tests.guest.watched_call import KERNEL_FLAGS, SOURCES, WatchedCall

NONVOLATILE = {"rbx": 3, "rbp": 5, "rsi": 6, "rdi": 7, "r12": 12, "r13": 13, "r14": 14, "r15": 15}
"""Names and hardware numbers."""

LENGTHS = (0, 1, 63, 64, 200, 700)

LIMIT = 0x7FFF_FFFF_0000
"""MmUserProbeAddress: a range that reaches over it fails before the first access."""

ROUNDING_DOWN = MXCSR_DEFAULT | 1 << 13
FLUSHING_TO_ZERO = MXCSR_DEFAULT | 1 << 15


def _landing_ac(profile: Profile) -> bool:
    """AC in an `__except` block is the kernel's, as on any kernel entry."""
    return profile.smap == "permit"


Arguments: TypeAlias = tuple[int, int, int]


class Way(NamedTuple):
    """Arguments of a copy, and how it ends."""

    arguments: Arguments
    code: int = 0
    """The exception's code, 0 for none."""
    trapped: bool = False
    """The exception came by a trap, not by the raise of the range check."""


class Ways:
    """Arguments that end by a return, by a fault at a chosen byte, or by the range check."""

    def __init__(self, machine: Machine) -> None:
        self.source = machine.user.alloc(pattern(2 * PAGE))
        self.target = machine.kernel.alloc(2 * PAGE)
        self.boundary = self.source.address + PAGE
        machine.user.unmap(self.boundary)

    def good(self, length: int) -> Way:
        """Copy up to the boundary."""
        return Way((self.target.address, self.boundary - length, length))

    def faulting(self, length: int, byte: int) -> Way:
        """Fault at one byte of the copy."""
        return Way((self.target.address, self.boundary - byte, length), NtStatus.ACCESS_VIOLATION, trapped=True)

    def refused(self, length: int) -> Way:
        """Reach over the user limit."""
        return Way((self.target.address, LIMIT - length // 2, length), NtStatus.ACCESS_VIOLATION)

    def __iter__(self) -> Iterator[Way]:
        """Go through the ways of several lengths."""
        for length in LENGTHS:
            yield self.good(length)
        for length in LENGTHS[1:]:
            yield from (self.faulting(length, byte) for byte in sorted({0, length // 2, length - 1}))
            yield self.refused(length)


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
@pytest.mark.parametrize("irql", [0, 1])
def test_a_call_from_the_host(machine: Machine, irql: int) -> None:
    """After a bare call: non-volatile registers, RSP, DF, AC, MXCSR and IRQL, returned and raised."""
    stack_pointers = set()
    for way in Ways(machine):
        outcome = machine.call("CopyFromUser", *way.arguments, irql=irql)
        assert type(outcome) is (Raised if way.code else Returned), str(outcome)
        registers = machine.registers
        for name, number in NONVOLATILE.items():
            assert registers[name] == REGISTER_SENTINELS[number], f"{name} after {way}: {outcome}"
        for number in range(6, 16):
            expected = int.from_bytes(XMM_SENTINELS[16 * number : 16 * number + 16], "little")
            assert registers[f"xmm{number}"] == expected
        assert not registers["rflags"] & FLAG_DF
        assert bool(registers["rflags"] & FLAG_AC) == _landing_ac(machine.profile), str(outcome)
        assert registers["mxcsr"] == MXCSR_DEFAULT
        assert machine.irql == irql
        stack_pointers.add(registers["rsp"])
    assert len(stack_pointers) == 1


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
def test_a_caller_with_live_registers_and_a_try(machine: Machine) -> None:
    """A caller in assembly with values in all non-volatile registers, its own `__try`, and flags of its own.

    A return leaves the caller's AC, set or clear, and DF = 0 even where the caller had set it. After a fault the
    `__except` block has the AC of the kernel's policy; the raise of the range check enters no trap handler, so the AC
    is still the caller's. DF = 0, MXCSR the live one. IRQL stays. (The registers are checked by each call.)
    """
    watched, routine = WatchedCall(machine), machine.resolve("CopyFromUser")
    for way in Ways(machine):
        for ac in (0, FLAG_AC):
            for df in (0, FLAG_DF):
                for irql, mxcsr in ((0, MXCSR_DEFAULT), (1, ROUNDING_DOWN), (0, FLUSHING_TO_ZERO)):
                    after = watched.call(routine, way.arguments, rflags=KERNEL_FLAGS | ac | df, mxcsr=mxcsr, irql=irql)
                    case = f"{way}, AC {ac:#x}, DF {df:#x}: {after}"
                    assert after.landed == way.code, case
                    assert after.has(FLAG_AC) == (_landing_ac(machine.profile) if way.trapped else bool(ac)), case
                    assert not after.has(FLAG_DF), case
                    assert after.mxcsr == mxcsr, case
                    assert after.irql == irql, case


@pytest.mark.parametrize("machine", EVERY_KIND, indirect=True)
def test_every_faulting_byte(machine: Machine) -> None:
    """A fault at every byte of several lengths: whichever instruction it is, the caller's registers come back."""
    watched, routine, ways = WatchedCall(machine), machine.resolve("CopyFromUser"), Ways(machine)
    for length in (1, 16, 63, 64, 129, 600):
        for byte in range(length):
            after = watched.call(routine, ways.faulting(length, byte).arguments)
            assert after.landed == NtStatus.ACCESS_VIOLATION


@pytest.mark.parametrize("machine", WITH_SMAP_POLICIES, indirect=True)
def test_a_page_that_comes_back_changes_no_register(machine: Machine) -> None:
    """A page-in in the middle of the copy: everything is as after a copy without one."""
    watched, routine, ways = WatchedCall(machine), machine.resolve("CopyFromUser"), Ways(machine)
    for length in (1, 64, 200, 700):
        for ac in (0, FLAG_AC):
            machine.user.page_out(ways.boundary)
            arguments = ways.faulting(length, length // 2).arguments
            after = watched.call(routine, arguments, rflags=KERNEL_FLAGS | ac)
            assert after.landed == 0
            assert after.has(FLAG_AC) == bool(ac)
            assert ways.target.read(length) == ways.source.read(length, PAGE - length // 2)


def _after_three_rounds(values: list[float]) -> list[float]:
    """What CopyWithLiveValues makes of its values."""
    values = list(values)
    for _ in range(3):
        for index in range(len(values) - 1):
            values[index] += values[index + 1]
        values[-1] += values[0]
    return values


class _LiveValues:
    """The compiled caller of sources/live_values.c."""

    INTEGERS = tuple(number * 0x0101_0101_0101 for number in range(1, 9))
    DOUBLES = tuple(number + 0.25 for number in range(10))

    def __init__(self, machine: Machine, optimize: str) -> None:
        self.machine = machine
        self.module = machine.load(build_guest(SOURCES / "live_values.c", optimize=optimize))
        self.integers: Buffer = machine.kernel.alloc(64)
        self.doubles: Buffer = machine.kernel.alloc(80)

    def call(self, arguments: Arguments) -> int:
        """Copy three times, check what has become of the values, and return the last status."""
        self.integers.write(struct.pack("<8Q", *self.INTEGERS))
        self.doubles.write(struct.pack("<10d", *self.DOUBLES))
        routine = self.machine.resolve("CopyFromUser")
        outcome = self.machine.call("CopyWithLiveValues", routine, *arguments, self.integers, self.doubles)
        assert isinstance(outcome, Returned), str(outcome)
        assert list(struct.unpack("<8Q", self.integers.read())) == _after_three_rounds(list(self.INTEGERS))
        assert list(struct.unpack("<10d", self.doubles.read())) == _after_three_rounds(list(self.DOUBLES))
        return outcome.value & 0xFFFF_FFFF

    def saved_registers(self) -> int:
        """Return how many registers the compiler's prologue saves: general and XMM."""
        image = self.module.image.mapped()
        function = self.module.find_function(self.module["CopyWithLiveValues"])
        assert function is not None
        info = decode_unwind_info(lambda rva, size: image[rva : rva + size], function.unwind_info)
        return sum(code.op in (UnwindOp.PUSH_NONVOL, UnwindOp.SAVE_XMM128) for code in info.codes)


@pytest.mark.parametrize("optimize", ["0", "1", "2", "s"])
@pytest.mark.parametrize("machine", WITH_SMAP_POLICIES, indirect=True)
def test_a_compiled_caller_keeps_its_live_values(machine: Machine, optimize: str) -> None:
    """A C caller with 8 integers and 10 doubles live across the copy, which its callee guards with `__try`."""
    caller = _LiveValues(machine, optimize)
    if optimize == "2":
        assert caller.saved_registers() >= 18, "the compiler no longer keeps the values in registers"
    for way in Ways(machine):
        assert caller.call(way.arguments) == way.code
