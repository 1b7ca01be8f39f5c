# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the accesses of a trace with those that its instructions must make (tests/trace/interpreter.py).

Values are held against what is known: the registers, and the bytes that the trace has read or written before. What the
host may have changed meanwhile is forgotten: at a call everything but the `known` content of buffers, at an event
kernel memory and the XMM registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from emu.trace import READ, Trace
from emu.trace.layout import AccessFlag, InstructionFlag
from tests.trace.interpreter import accesses_of
from tests.trace.operands import QUAD, RIP, Access, State, decode

KERNEL: Final = 1 << 63
PIECE: Final = 4096
"""Instructions whose registers are asked for at once."""

Recorded = tuple[int, int, int, int, int, int]
"""Instruction, address, size, kind, value, flags."""


class Model:
    """What is known of memory and of the XMM registers."""

    def __init__(self) -> None:
        self.memory: dict[int, int] = {}
        self.xmm: dict[str, int] = {}

    def begin_call(self, known: Mapping[int, bytes]) -> None:
        """Forget everything but the content of buffers: address → bytes."""
        self.xmm.clear()
        self.memory = {base + at: byte for base, content in known.items() for at, byte in enumerate(content)}

    def pass_event(self) -> None:
        """Forget what the host may have changed."""
        self.xmm.clear()
        self.memory = {address: byte for address, byte in self.memory.items() if address < KERNEL}

    def differs(self, address: int, size: int, value: int) -> bool:
        """Whether a value is not what is known of bytes."""
        content = value.to_bytes(size, "little")
        return any(self.memory.get(address + at, byte) != byte for at, byte in enumerate(content))

    def learn(self, address: int, size: int, value: int) -> None:
        """Know bytes from now on."""
        for at, byte in enumerate(value.to_bytes(size, "little")):
            self.memory[address + at] = byte


def _recorded(trace: Trace) -> list[Recorded]:
    table = trace.accesses
    fields = ("instruction", "address", "size", "kind", "low", "high", "flags")
    columns = (table[field].tolist() for field in fields)
    return [
        (instruction, address, size, kind, low | high << 64, flags)
        for instruction, address, size, kind, low, high, flags in zip(*columns, strict=True)
    ]


def _is_first_half(recorded: Recorded, must: Access) -> bool:
    """Whether an instruction trapped between the two halves of a wide access."""
    _, address, size, kind, *_ = recorded
    return (address, size, kind) == (must.address, 8, must.kind) and must.size > 8


def compare(code: bytes, row: list[int], recorded: list[Recorded], trapped: bool, model: Model) -> str:
    """Return what is wrong with the accesses of one instruction, empty where nothing is; the model learns them."""
    if decode(code) is None and trapped and not recorded:
        return ""
    state = State(row, model.xmm)
    expected = accesses_of(code, state)
    count = 0
    value = None
    while True:
        try:
            must = next(expected) if value is None else expected.send(value)
        except StopIteration:
            break
        if count == len(recorded):
            return "" if trapped else f"no access where {must} is due"
        _, address, size, kind, value, _ = recorded[count]
        count += 1
        if trapped and count == len(recorded) and _is_first_half(recorded[-1], must):
            must = Access(address, size, kind, None if must.value is None else must.value & QUAD)
            if model.differs(address, size, value) and kind == READ:
                return f"read {value:#x} at {address:#x}, where something else was"
            return ""
        if (address, size, kind) != must[:3]:
            return f"{(hex(address), size, kind)} where {must} is due"
        if kind == READ and model.differs(address, size, value):
            return f"read {value:#x} at {address:#x}, where something else was"
        if kind != READ and must.value is not None and must.value != value:
            return f"wrote {value:#x} at {address:#x} instead of {must.value:#x}"
        if not trapped:
            model.learn(address, size, value)
    return f"more accesses than the {count} due" if count < len(recorded) else ""


def _forget_vector_results(code: bytes, state: dict[str, int]) -> None:
    """Forget the XMM register that anything but a load has changed."""
    decoded = decode(code)
    if decoded is None or not decoded.operands or not decoded.operands[0].is_xmm:
        return
    target = decoded.operands[0].register
    loads = (
        decoded.memory and decoded.name.startswith(("mov", "lddqu")) and not decoded.name.startswith(("movh", "movl"))
    )
    if not loads:
        state.pop(target, None)


def mismatches(trace: Trace, known: Mapping[int, bytes] | None = None, model: Model | None = None) -> Iterator[str]:
    """Yield a line for each instruction whose accesses are not those that it must make.

    `known` is the content of buffers when the calls begin: address → bytes. `model` is left as it is at the end.
    """
    model = Model() if model is None else model
    instructions, accesses = trace.instructions, _recorded(trace)
    calls = {call.begin for call in trace.calls}
    events = set(trace.events["instruction"].tolist())
    codes, flags = instructions["code"].tolist(), instructions["flags"].tolist()
    first, counts = instructions["first_access"].tolist(), instructions["accesses"].tolist()
    passed = 0
    for begin in range(0, len(codes), PIECE):
        end = min(begin + PIECE, len(codes))
        for number, row in enumerate(trace.registers(begin, end).tolist(), begin):
            if number in events:
                model.pass_event()
            if number in calls:
                model.begin_call(known or {})
            code, trapped = trace.code[codes[number]], bool(flags[number] & InstructionFlag.TRAPPED)
            made = accesses[first[number] : first[number] + counts[number]]
            if first[number] != passed or any(access[0] != number for access in made):
                yield f"{number}: its accesses are not those behind the last instruction's"
            passed += counts[number]
            if row[RIP] != code.rip:
                yield f"{number}: RIP is {row[RIP]:#x} at {code.rip:#x}"
            if any(bool(access[5] & AccessFlag.NOT_PERFORMED) != trapped for access in made):
                yield f"{number}: {code.text}: performed or not, unlike the instruction"
            wrong = compare(code.bytes, row, made, trapped, model)
            if wrong:
                yield f"{number}: {code.rip:#x} {code.bytes.hex()} {code.text}{' (trapped)' * trapped}: {wrong}"
            if not trapped:
                _forget_vector_results(code.bytes, model.xmm)
    if passed != len(accesses):
        yield f"{len(accesses) - passed} accesses belong to no instruction"
