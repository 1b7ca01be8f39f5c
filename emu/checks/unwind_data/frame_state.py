# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function's registers and frame hold before one of its instructions, as far as its code tells.

The function is taken to be called with RSP at `ENTRY` and a number of its own in every non-volatile register, so that
a value is a plain number throughout: one of these, an address in the frame, a constant, `CHANGED` (something else), or
`UNCERTAIN` (it depends on the way that led here). The unwinder itself can then be run on such a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emu.address import ADDRESS_MASK, Gva
from emu.checks.unwind_data.instructions import Flow, Instruction, Operand
from emu.seh.context import RBP, RSP, Context

ENTRY: Final = 0x7EED_4000_0008
"""RSP at the function's first instruction. As the calling convention has it, it is 8 off a multiple of 16."""
RETURN_ADDRESS: Final = 0x0F1E_7777_0000_0000
CHANGED: Final = 0x0DED_4000_0000_0000
UNCERTAIN: Final = 0x0ACC_4000_0000_0000

NON_VOLATILE: Final = (3, 5, 6, 7, 12, 13, 14, 15)
"""rbx rbp rsi rdi r12 to r15 (Microsoft Learn, "x64 calling convention"); RSP is another matter."""
NON_VOLATILE_XMM: Final = tuple(range(6, 16))
_VOLATILE: Final = (0, 1, 2, 8, 9, 10, 11)

_LOWEST: Final = ENTRY - 0x4000_0000
_HIGHEST: Final = ENTRY + 0x4000_0000
_NEAR: Final = 0x1_0000_0000
_HOME: Final = 0x20
_PATTERN: Final = CHANGED.to_bytes(8, "little")
_DOUBT: Final = UNCERTAIN.to_bytes(8, "little")

_XMM_MOVES: Final = frozenset(
    f"{prefix}{name}" for prefix in ("", "v") for name in ("movaps", "movups", "movapd", "movupd", "movdqa", "movdqu")
)


def original(register: int) -> int:
    """Return what a general register holds at the function's entry."""
    return 0x0F1E_0000_0000_0000 | register << 32


def original_xmm(number: int) -> tuple[int, int]:
    """Return the two halves of what an XMM register holds at the function's entry."""
    return 0x0F1E_5555_0000_0000 | number << 1, 0x0F1E_5555_0000_0001 | number << 1


def is_in_frame(value: int) -> bool:
    """Tell whether a value is an address in the frame, or close to it."""
    return _LOWEST < value < _HIGHEST


def is_uncertain(value: int) -> bool:
    """Tell whether a value is uncertain, or computed from one that is."""
    return UNCERTAIN - _NEAR < value < UNCERTAIN + _NEAR


class FrameState:
    """The state before an instruction. A state that has been handed on is not changed any more."""

    __slots__ = ("gpr", "memory", "xmm")

    def __init__(self, gpr: list[int], xmm: list[tuple[int, int]], memory: dict[int, int]) -> None:
        self.gpr = gpr
        self.xmm = xmm
        self.memory = memory
        """Quadwords of the frame that have been written, by address."""

    @classmethod
    def at_entry(cls) -> FrameState:
        """Return the state at a function's first instruction."""
        gpr = [original(number) if number in NON_VOLATILE else CHANGED for number in range(16)]
        gpr[RSP] = ENTRY
        xmm = [original_xmm(number) if number in NON_VOLATILE_XMM else (CHANGED, CHANGED) for number in range(16)]
        return cls(gpr, xmm, {ENTRY: RETURN_ADDRESS})

    def copy(self) -> FrameState:
        """Return an independent copy."""
        return FrameState(self.gpr[:], self.xmm[:], dict(self.memory))

    @property
    def depth(self) -> int | None:
        """How many bytes RSP is below where it was at entry; None where that is not known."""
        stack_pointer = self.gpr[RSP]
        return ENTRY - stack_pointer if is_in_frame(stack_pointer) else None

    def joined(self, other: FrameState) -> FrameState | None:
        """Return what is true of both, None where that is this state itself."""
        gpr = [mine if mine == its else UNCERTAIN for mine, its in zip(self.gpr, other.gpr, strict=True)]
        xmm = [mine if mine == its else (UNCERTAIN, UNCERTAIN) for mine, its in zip(self.xmm, other.xmm, strict=True)]
        memory = {
            address: self.memory[address] if self.memory.get(address) == other.memory.get(address) else UNCERTAIN
            for address in self.memory.keys() | other.memory.keys()
        }
        if (gpr, xmm, memory) == (self.gpr, self.xmm, self.memory):
            return None
        return FrameState(gpr, xmm, memory)

    def context(self, rip: int) -> Context:
        """Return the state as the unwinder takes it."""
        xmm = b"".join(low.to_bytes(8, "little") + high.to_bytes(8, "little") for low, high in self.xmm)
        return Context(self.gpr[:], rip, xmm=xmm)

    def read(self, address: Gva, size: int) -> bytes:
        """Return bytes of the frame as the unwinder reads them; what was never written is `CHANGED`."""
        if not is_in_frame(address):
            return ((_DOUBT if is_uncertain(address) else _PATTERN) * (size // 8 + 1))[:size]
        data = bytearray((_PATTERN * (size // 8 + 1))[:size])
        for slot, value in self.memory.items():
            at = slot - address
            if -8 < at < size:
                content = value.to_bytes(8, "little")
                low, high = max(at, 0), min(at + 8, size)
                data[low:high] = content[low - at : high - at]
        return bytes(data)

    def read_u64(self, address: Gva) -> int:
        """Return a quadword of the frame, as the unwinder reads it."""
        return int.from_bytes(self.read(address, 8), "little")

    def store(self, address: int, values: tuple[int, ...], size: int) -> None:
        """Write quadwords to the frame; what is no quadword leaves its place `CHANGED`."""
        if not is_in_frame(address):
            return
        for slot in [slot for slot in self.memory if address - 8 < slot < address + size]:
            self.memory[slot] = CHANGED
        if size == 8 * len(values):
            for index, value in enumerate(values):
                self.memory[address + 8 * index] = value

    def after(self, instruction: Instruction, *, is_probe: bool = False) -> FrameState:
        """Return the state behind an instruction; behind a call, that once it has returned.

        A stack probe, as __chkstk is, is called without home space, and keeps all but R10 and R11 (Microsoft Learn,
        "_chkstk routine").
        """
        state = self.copy()
        if is_probe:
            state.gpr[10] = state.gpr[11] = CHANGED
        elif instruction.flow is Flow.CALL:
            state._return_from_call()
        else:
            _EFFECTS.get(instruction.mnemonic, FrameState._other)(state, instruction)
        return state

    def _return_from_call(self) -> None:
        for register in _VOLATILE:
            self.gpr[register] = CHANGED
        for number in range(6):
            self.xmm[number] = CHANGED, CHANGED
        stack_pointer = self.gpr[RSP]
        for slot in [slot for slot in self.memory if stack_pointer <= slot < stack_pointer + _HOME]:
            self.memory[slot] = UNCERTAIN

    def _address(self, operand: Operand) -> int:
        """Return where a memory operand lies, a number outside the frame if that is not known."""
        return CHANGED if operand.base is None else (self.gpr[operand.base] + operand.displacement) & ADDRESS_MASK

    def _value(self, operand: Operand) -> int:
        if operand.register is not None and operand.size == 8:
            return self.gpr[operand.register]
        if operand.immediate is not None:
            return operand.immediate & ADDRESS_MASK
        if operand.is_memory and operand.size == 8:
            return self.read_u64(Gva(self._address(operand)))
        return CHANGED

    def _assign(self, operand: Operand, value: int) -> None:
        if operand.register is not None:
            self.gpr[operand.register] = value if operand.register != RSP or is_in_frame(value) else UNCERTAIN
        elif operand.is_memory:
            self.store(self._address(operand), (value,), operand.size)

    def _push(self, instruction: Instruction) -> None:
        if instruction.operands and instruction.operands[0].size == 2:
            self.gpr[RSP] = UNCERTAIN
            return
        value = self._value(instruction.operands[0]) if instruction.operands else CHANGED
        self.gpr[RSP] -= 8
        self.store(self.gpr[RSP], (value,), 8)

    def _pop(self, instruction: Instruction) -> None:
        value = self.read_u64(Gva(self.gpr[RSP]))
        self.gpr[RSP] += 8
        if instruction.operands:
            self._assign(instruction.operands[0], value)

    def _mov(self, instruction: Instruction) -> None:
        target, source = instruction.operands
        value = self._value(source)
        if target.register is not None and target.size == 4:
            value = value & 0xFFFF_FFFF if source.immediate is not None else CHANGED
        elif target.size < 4:
            value = CHANGED
        self._assign(target, value)

    def _lea(self, instruction: Instruction) -> None:
        target, source = instruction.operands
        address = self._address(source)
        known = target.size == 8 and (is_in_frame(address) or is_uncertain(address))
        self._assign(target, address if known else CHANGED)

    def _add(self, instruction: Instruction) -> None:
        self._arithmetic(instruction, lambda left, right: left + right)

    def _sub(self, instruction: Instruction) -> None:
        self._arithmetic(instruction, lambda left, right: left - right)

    def _arithmetic(self, instruction: Instruction, compute: Callable[[int, int], int]) -> None:
        target, source = instruction.operands
        left, right = self._value(target), self._value(source)
        if target.register is None or not is_in_frame(left):
            self._other(instruction)
        else:
            self._assign(target, compute(left, right) & ADDRESS_MASK)

    def _and(self, instruction: Instruction) -> None:
        target, source = instruction.operands
        value = self._value(target)
        if target.register is not None and is_in_frame(value) and source.immediate in (-8, -16):
            self._assign(target, value & source.immediate & ADDRESS_MASK)
        else:
            self._other(instruction)

    def _xor(self, instruction: Instruction) -> None:
        first, second, *_ = instruction.operands
        if first.register is not None and first.register == second.register and first.size >= 4:
            self._assign(first, 0)
        else:
            self._other(instruction)

    def _leave(self, instruction: Instruction) -> None:
        self.gpr[RSP] = self.gpr[RBP]
        self._pop(instruction)
        self.gpr[RBP] = self.read_u64(Gva(self.gpr[RSP] - 8))
        if not is_in_frame(self.gpr[RSP]):
            self.gpr[RSP] = UNCERTAIN

    def _move_xmm(self, instruction: Instruction) -> None:
        target, source = instruction.operands[0], instruction.operands[-1]
        if target.size != 16 or len(instruction.operands) != 2:
            self._other(instruction)
        elif target.xmm is not None and source.is_memory:
            address = self._address(source)
            self.xmm[target.xmm] = self.read_u64(Gva(address)), self.read_u64(Gva(address + 8))
        elif target.xmm is not None and source.xmm is not None:
            self.xmm[target.xmm] = self.xmm[source.xmm]
        elif target.is_memory and source.xmm is not None:
            self.store(self._address(target), self.xmm[source.xmm], 16)

    def _other(self, instruction: Instruction) -> None:
        for register in instruction.written:
            self.gpr[register] = UNCERTAIN if register == RSP else CHANGED
        for number in instruction.written_xmm:
            self.xmm[number] = CHANGED, CHANGED
        for operand in instruction.operands:
            if operand.is_memory and operand.is_written:
                self.store(self._address(operand), (), operand.size)


_EFFECTS: Final[dict[str, Callable[[FrameState, Instruction], None]]] = {
    "push": FrameState._push,
    "pushfq": FrameState._push,
    "pop": FrameState._pop,
    "popfq": FrameState._pop,
    "mov": FrameState._mov,
    "movabs": FrameState._mov,
    "lea": FrameState._lea,
    "add": FrameState._add,
    "sub": FrameState._sub,
    "and": FrameState._and,
    "xor": FrameState._xor,
    "leave": FrameState._leave,
    **dict.fromkeys(_XMM_MOVES, FrameState._move_xmm),
}
"""What is not listed makes everything it writes `CHANGED`."""
