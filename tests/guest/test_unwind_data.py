# SPDX-License-Identifier: GPL-2.0-or-later
"""The unwind data of CopyFromUser and of what it calls, proved by execution: an exception at every instruction.

The routine runs under TF. Every instruction, prologue and epilogue included, raises a single-step exception; the
search must find the caller's frame from there, and a landing from there must restore every non-volatile register and
RSP. Wherever a real fault can happen is among them.
"""

from typing import NamedTuple

import capstone
import pytest

from emu import Machine, NtStatus
from emu.address import Gva
from emu.cpu.registers import FLAG_AC, FLAG_TF
from emu.events import ExceptionRaised, FrameSearched
from emu.image import Module
from emu.kernel.stubs import STUB_LENGTH
from tests.guest.copies import extent_of, pattern
from tests.guest.machines import WITH_SMAP_POLICIES
from tests.guest.watched_call import KERNEL_FLAGS, NEVER, WatchedCall

CALLERS = {
    "CopyFromUser": (),
    "UmaFirstUse": (),
    "UmaInitialize": ("UmaFirstUse",),
    "UmaFindFeatures": ("UmaInitialize", "UmaFirstUse"),
    "MmGetSystemRoutineAddress": ("UmaInitialize", "UmaFirstUse"),
    "UmaRaiseNotUser": ("CopyFromUser",),
    "RtlRaiseException": ("UmaRaiseNotUser", "CopyFromUser"),
}
"""The functions whose frames lie between one that raises and the caller of CopyFromUser."""

EXPORTS = ("MmGetSystemRoutineAddress", "RtlRaiseException")
LEAF = "the code behind CopyFromUser, where it is called before anything is known"


class Code(NamedTuple):
    """A function's instructions."""

    name: str
    instructions: frozenset[Gva]
    return_addresses: frozenset[Gva]
    """Behind each of its calls."""


def _code_of(machine: Machine, name: str) -> Code:
    extent = extent_of(machine, name)
    module = next(module for module in machine.modules if module.contains(extent.begin))
    content = module.image.mapped()[extent.begin - module.base : extent.end - module.base]
    instructions = list(capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64).disasm(content, extent.begin))
    assert sum(instruction.size for instruction in instructions) == extent.end - extent.begin, name
    return Code(
        name,
        frozenset(Gva(instruction.address) for instruction in instructions),
        frozenset(Gva(each.address + each.size) for each in instructions if each.mnemonic == "call"),
    )


class Step(NamedTuple):
    """One exception and the frames that its search found, innermost first."""

    raised: ExceptionRaised
    frames: tuple[FrameSearched, ...]


class Stepper:
    """Runs CopyFromUser an exception an instruction."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.watched = WatchedCall(self.machine)
        self.library: Module = next(module for module in self.machine.modules if "CopyFromUser" in module)
        names = [name for name in CALLERS if name in self.library]
        self.code = {name: _code_of(self.machine, name) for name in names}
        self.source = self.machine.user.alloc(pattern(1024))
        self.target = self.machine.kernel.alloc(1024)
        self.seen: set[Gva] = set()

    def run(
        self,
        length: int,
        *,
        source: int | None = None,
        rflags: int = 0,
        handle: int = NEVER,
        uninitialised: bool = False,
    ) -> tuple[Step, ...]:
        """Call CopyFromUser by steps until the `handle`th exception, and return them."""
        self.machine.call("Poke", self.library["UmaKernelRtlCopyFromUser"], 0 if uninitialised else 1)
        landed = self.watched.call(
            self.library["CopyFromUser"],
            (self.target.address, self.source.address if source is None else source, length),
            rflags=KERNEL_FLAGS | FLAG_TF | rflags,
            handle=handle,
        ).landed
        steps: list[Step] = []
        frames: list[FrameSearched] = []
        for event in self.machine.events:
            if isinstance(event, ExceptionRaised):
                frames = []
                steps.append(Step(event, ()))
            elif isinstance(event, FrameSearched):
                frames.append(event)
                steps[-1] = Step(steps[-1].raised, tuple(frames))
        assert landed == (0 if handle == NEVER else steps[-1].raised.code)
        return tuple(steps)

    def _function_of(self, pc: Gva) -> str:
        for code in self.code.values():
            if pc in code.instructions:
                return code.name
        stubs = (name for name in EXPORTS if 0 <= pc - self.machine.resolve(name) < STUB_LENGTH)
        return next(stubs, LEAF)

    def check_search(self, steps: tuple[Step, ...]) -> None:
        """Check the frames of every step: the caller's is found, with its pc and its establisher."""
        for raised, frames in steps:
            pcs = [frame.pc for frame in frames]
            where = self.library.describe(raised.address) if self.library.contains(raised.address) else "the stub"
            assert frames[-1].pc == self.watched.returned, f"{where}: {pcs}"
            assert frames[-1].establisher == self.watched.frame, where
            assert frames[-1].handler is not None, where
            if raised.address == self.watched.returned:
                assert len(frames) == 1, where
                continue
            assert pcs[0] == raised.address, where
            callers = CALLERS.get(self._function_of(raised.address), ())
            assert len(frames) == len(callers) + 2, f"{where}: {pcs}"
            for frame, caller in zip(frames[1:-1], callers, strict=True):
                assert frame.pc in self.code[caller].return_addresses, where
            establishers = [frame.establisher for frame in frames]
            assert establishers == sorted(establishers), where
            self.seen.add(raised.address)

    def check(
        self,
        length: int,
        *,
        source: int | None = None,
        rflags: int = 0,
        limit: int = NEVER,
    ) -> None:
        """Check the search from each step, and a landing from the first and the last visit of each instruction."""

        def run(handle: int) -> tuple[Step, ...]:
            return self.run(length, source=source, rflags=rflags, handle=handle)

        steps = run(limit)
        self.check_search(steps)
        first_and_last: dict[Gva, list[int]] = {}
        for number, step in enumerate(steps, 1):
            if step.raised.address != self.watched.returned:
                first_and_last.setdefault(step.raised.address, []).append(number)
        for numbers in first_and_last.values():
            for number in {numbers[0], numbers[-1]}:
                again = run(number)
                assert len(again) == number
                assert again[-1].raised == steps[number - 1].raised


@pytest.mark.parametrize("machine", [*WITH_SMAP_POLICIES, "epyc-rome"], indirect=True)
def test_every_instruction_unwinds_to_the_caller(machine: Machine) -> None:
    """Every way through the routine: the wide and the byte path, length 0, and AC set or clear."""
    stepper = Stepper(machine)
    for length in (0, 1, 64):
        stepper.check(length)
    stepper.check(131, rflags=FLAG_AC)


@pytest.mark.parametrize("machine", ["skylake-server", "skylake-server,smap=off"], indirect=True)
def test_rep_movsb_unwinds_to_the_caller(machine: Machine) -> None:
    """Each element of `rep movsb` is a step of its own."""
    Stepper(machine).check(512)


def test_raise_of_the_range_check_unwinds_to_the_caller(machine: Machine) -> None:
    """The raise, the kernel's stub below it, and the way back where the filter continues: three rounds of it."""
    Stepper(machine).check(64, source=0x7FFF_FFFF_0000, limit=120)


def test_every_instruction_of_the_library_is_proved(machine: Machine) -> None:
    """Together the ways above, and the first use on either kernel, reach every instruction; each raises in its turn."""
    stepper = Stepper(machine)
    for steps in (
        stepper.run(131, uninitialised=True),
        stepper.run(131, rflags=FLAG_AC),
        stepper.run(0),
        stepper.run(512),
        stepper.run(64, source=0x7FFF_FFFF_0000, handle=120),
    ):
        stepper.check_search(steps)
        statuses = {NtStatus.SINGLE_STEP, NtStatus.ACCESS_VIOLATION}
        assert {step.raised.code for step in steps} <= statuses
    with Machine("skylake-server,primitives=kernel") as other:
        finding = Stepper(other)
        finding.check_search(finding.run(0, uninitialised=True))
        stepper.seen |= finding.seen
    for code in stepper.code.values():
        missed = sorted(code.instructions - stepper.seen)
        assert not missed, f"never reached: {[stepper.library.describe(address) for address in missed]}"
