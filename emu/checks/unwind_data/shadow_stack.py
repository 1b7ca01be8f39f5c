# SPDX-License-Identifier: GPL-2.0-or-later
"""The activations of a module's functions while it runs: for each, the state of its caller when it was called.

Nothing here is unwound. A call is known by what it does: it pushes the address behind it. A function that code outside
of the watched ranges calls, or the host, is known by RSP, which is not where any activation waits to be returned to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, Gva
from emu.checks.unwind_data.instructions import Flow, Instruction
from emu.cpu.registers import KERNEL_CODE_SELECTOR, KERNEL_STACK_SELECTOR
from emu.memory.address_space import AddressSpace
from emu.seh.context import RSP

FIRST_NON_VOLATILE_XMM: Final = 6
_XMM_SIZE: Final = 16
_MACHINE_FRAME_RSP: Final = 0x18
_SELECTOR_MASK: Final = 0xFFFF


class Caller(NamedTuple):
    """The state that a function returns to: its caller's, but for what calls may change."""

    rip: int
    rsp: int
    gpr: tuple[int, ...]
    """The sixteen general registers at the call; only the non-volatile ones count."""
    xmm: bytes
    """XMM6 to XMM15."""


class Activation:
    """One run of a function. `caller` is None where it began unseen."""

    __slots__ = ("caller", "entered", "error_code_size", "establishers", "returns_to", "slot")

    def __init__(self, slot: int, caller: Caller | None, entered: int) -> None:
        self.slot = slot
        """Where its return address lies, or its machine frame."""
        self.caller = caller
        self.entered = entered
        """Where it began, or the function that it has tail-called did."""
        self.error_code_size = 0
        """Bytes that the processor pushed below the machine frame: 8 or 0."""
        self.returns_to: tuple[int, int] | None = None
        """RIP and RSP behind the call that it has made last."""
        self.establishers: dict[int, int] = {}
        """By the begin of the function or fragment: the establisher frame in its body."""


class _Origin(Enum):
    """What stood before an instruction, where it was no instruction of the module."""

    START = auto()
    OUTSIDE = auto()
    CALLED = auto()
    LOADED = auto()


class _Previous(NamedTuple):
    instruction: Instruction
    stack_pointer: int
    top: int
    """The quadword at RSP."""


class Stop(NamedTuple):
    """An instruction that the processor stands before."""

    instruction: Instruction
    registers: Sequence[int]
    xmm: bytes
    is_function_begin: bool
    has_machine_frame: bool
    """Whether it begins a function whose unwind data says that the processor pushed a machine frame."""


class ShadowStack:
    """Follows the stops of one run. `slot_of` tells where the return address of a frame lies that began unseen."""

    def __init__(self, memory: AddressSpace, slot_of: Callable[[Stop], int]) -> None:
        self._memory = memory
        self._slot_of = slot_of
        self._live: list[Activation] = []
        self._before: _Previous | _Origin = _Origin.START

    def start(self) -> None:
        """Begin a run."""
        self._live.clear()
        self._before = _Origin.START

    def call(self, *, inside: bool) -> None:
        """Note that the host calls guest code, inside of the module or outside."""
        self._before = _Origin.CALLED if inside else _Origin.OUTSIDE

    def load(self, *, inside: bool) -> None:
        """Note that the processor goes on from a context, inside of the module or outside."""
        self._before = _Origin.LOADED if inside else _Origin.OUTSIDE

    def arrive(self, stop: Stop) -> Activation:
        """Take in a stop, and return the activation that it is in."""
        stack_pointer = stop.registers[RSP]
        while self._live and self._live[-1].slot < stack_pointer:
            self._live.pop()
        before = self._before
        if before is _Origin.CALLED or (before is _Origin.START and stop.is_function_begin):
            self._enter(stop)
        elif before is _Origin.START:
            self._find(stop)
        elif before is _Origin.LOADED:
            self._go_on(stop)
        elif isinstance(before, _Previous):
            self._follow(before, stop)
        else:
            self._come_from_outside(stop)
        if not self._live:  # code has taken RSP out of every frame that it was seen to have
            self._find(stop)
        activation = self._live[-1]
        instruction = stop.instruction
        if stop.is_function_begin and stack_pointer == activation.slot:
            activation.entered = instruction.rva
        if instruction.flow is Flow.CALL:
            activation.returns_to = instruction.end, stack_pointer
        self._before = _Previous(instruction, stack_pointer, self._read(stack_pointer))
        return activation

    def _go_on(self, stop: Stop) -> None:
        """Take in that a context was loaded. It may be that of a call that trapped when it was done, under TF."""
        slot = stop.registers[RSP]
        if self._live and self._live[-1].slot != slot and self._live[-1].returns_to == (self._read(slot), slot + 8):
            self._enter(stop)

    def _follow(self, before: _Previous, stop: Stop) -> None:
        instruction, stack_pointer = stop.instruction, stop.registers[RSP]
        if instruction.rva == before.instruction.rva and stack_pointer == before.stack_pointer:
            return  # an iteration of a rep, or the same instruction once more, when its page has come
        is_pushed = stack_pointer == before.stack_pointer - 8 and self._read(stack_pointer) == before.instruction.end
        if before.instruction.flow is Flow.CALL and is_pushed:
            self._enter(stop)
        elif not _leads_to(before, instruction.rva, stack_pointer):
            self._come_from_outside(stop)
        elif before.instruction.flow is Flow.RETURN:
            if not self._is_awaited(stop):
                self._find(stop)
        elif stop.has_machine_frame and before.instruction.flow is Flow.JUMP:
            self._enter_by_machine_frame(stop)

    def _come_from_outside(self, stop: Stop) -> None:
        if not self._is_awaited(stop):
            self._enter(stop)

    def _is_awaited(self, stop: Stop) -> bool:
        return bool(self._live) and self._live[-1].returns_to == (stop.instruction.rva, stop.registers[RSP])

    def _enter(self, stop: Stop) -> None:
        slot = stop.registers[RSP]
        caller = _caller(stop, self._read(slot), slot + 8)
        self._live.append(Activation(slot, caller, stop.instruction.rva))

    def _enter_by_machine_frame(self, stop: Stop) -> None:
        """Take RIP and RSP from the frame itself: its selectors tell whether an error code lies below it."""
        stack_pointer = stop.registers[RSP]
        for frame in (stack_pointer, stack_pointer + 8):
            if self._selectors(frame) == (KERNEL_CODE_SELECTOR, KERNEL_STACK_SELECTOR):
                caller = _caller(stop, self._read(frame), self._read(frame + _MACHINE_FRAME_RSP))
                activation = Activation(frame, caller, stop.instruction.rva)
                activation.error_code_size = frame - stack_pointer
                self._live.append(activation)
                return
        self._live.append(Activation(stack_pointer, None, stop.instruction.rva))

    def _selectors(self, frame: int) -> tuple[int, int]:
        return self._read(frame + 8) & _SELECTOR_MASK, self._read(frame + 0x20) & _SELECTOR_MASK

    def _find(self, stop: Stop) -> None:
        """Go on in a frame that began unseen, as the host writes some, or that the host has called from."""
        slot = self._slot_of(stop)
        if not self._live or self._live[-1].slot != slot:
            self._live.append(Activation(slot, None, stop.instruction.rva))

    def _read(self, address: int) -> int:
        data = self._memory.read_available(Gva(address & ADDRESS_MASK), 8)
        return int.from_bytes(data, "little")


def _caller(stop: Stop, rip: int, rsp: int) -> Caller:
    return Caller(rip, rsp & ADDRESS_MASK, tuple(stop.registers[:16]), stop.xmm[FIRST_NON_VOLATILE_XMM * _XMM_SIZE :])


def _leads_to(before: _Previous, address: int, stack_pointer: int) -> bool:
    """Tell whether an instruction goes on at an address by itself, calls left out."""
    instruction = before.instruction
    if instruction.flow is Flow.RETURN:
        return address == before.top
    if instruction.flow is Flow.JUMP and instruction.target is None:
        return stack_pointer == before.stack_pointer
    if instruction.flow in (Flow.JUMP, Flow.BRANCH) and address == instruction.target:
        return True
    if instruction.flow not in (Flow.NEXT, Flow.BRANCH):
        return False
    # Behind a hlt the host may go on a little further, in the same frame: an export's stub has two.
    slack = 2 if instruction.mnemonic == "hlt" and stack_pointer == before.stack_pointer else 0
    return instruction.end <= address <= instruction.end + slack
