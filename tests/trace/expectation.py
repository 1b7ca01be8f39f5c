# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the accesses of a trace with those that its instructions must make (tests/trace/interpreter.py).

Values are held against what is known: the registers, and the bytes that the trace has read or written before. What the
host may have changed meanwhile is forgotten: at a call everything but the `known` content of buffers, at an event
other than a page-in kernel memory and the vector registers.

Of an instruction that trapped the trace has what the engine reports before the fault, the halves of an access of more
than eight bytes each by itself: a read that can be made; a write whose first byte can be. `Model.faults` says what
cannot; without it the trace may have as few as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from emu.trace import READ, WRITE, Trace
from emu.trace.layout import AccessFlag, EventKind, InstructionFlag
from tests.trace.interpreter import accesses_of, loads_vector
from tests.trace.operands import RIP, Access, Accesses, State, decode

KERNEL: Final = 1 << 63
PIECE: Final = 4096
"""Instructions whose registers are asked for at once."""

_CHANGE_NOTHING: Final = (EventKind.TrapTaken, EventKind.PagedIn)

Recorded = tuple[int, int, int, int, int, int]
"""Instruction, address, size, kind, value, flags."""


class Model:
    """What is known of memory and of the vector registers.

    descriptors  address of the global descriptor table
    faults       whether a byte cannot be read or written, by its address and the kind of access
    """

    def __init__(self, descriptors: int = 0, faults: Callable[[int, int], bool] | None = None) -> None:
        self.memory: dict[int, int] = {}
        self.vectors: dict[str, int] = {}
        self.descriptors = descriptors
        self.faults = faults

    def begin_call(self, known: Mapping[int, bytes]) -> None:
        """Forget everything but the content of buffers: address → bytes."""
        self.vectors.clear()
        self.memory = {base + at: byte for base, content in known.items() for at, byte in enumerate(content)}

    def pass_event(self) -> None:
        """Forget what the host may have changed."""
        self.vectors.clear()
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


def _reported(must: Access, faults: Callable[[int, int], bool]) -> tuple[int, bool]:
    """Return how many bytes of an access the engine reports, and whether it faults."""
    reported = 0
    for size in (must.size,) if must.size <= 8 else (8, must.size - 8):
        first = must.address + reported
        begins, ends = (not faults(at, must.kind) for at in (first, first + size - 1))
        if begins and (ends or must.kind == WRITE):
            reported += size
        if not (begins and ends):
            return reported, True
    return reported, False


def _is_first_half(recorded: Recorded, must: Access) -> bool:
    """Whether an instruction trapped between the two halves of a wide access."""
    _, address, size, kind, *_ = recorded
    return (address, size, kind) == (must.address, 8, must.kind) and must.size > 8


def _cut(must: Access, size: int) -> Access:
    """Return the first bytes of an access."""
    value = None if must.value is None else must.value & (1 << 8 * size) - 1
    return must._replace(size=size, value=value)


def _difference(recorded: Recorded, must: Access, model: Model) -> str:
    _, address, size, kind, value, _ = recorded
    if (address, size, kind) != must[:3]:
        return f"{(hex(address), size, kind)} where {must} is due"
    if kind == READ and model.differs(address, size, value):
        return f"read {value:#x} at {address:#x}, where something else was"
    if kind != READ and must.value is not None and must.value != value:
        return f"wrote {value:#x} at {address:#x} instead of {must.value:#x}"
    return ""


def _compare_trapped(expected: Accesses, recorded: list[Recorded], model: Model) -> str:
    """Compare up to the access that faults."""
    count = 0
    value = None
    while True:
        try:
            must = next(expected) if value is None else expected.send(value)
        except StopIteration:
            if model.faults is not None:
                return "it trapped, and nothing that it accesses faults"
            return f"more accesses than the {count} due" if count < len(recorded) else ""
        last = False
        if model.faults is not None:
            size, last = _reported(must, model.faults)
            if not size:
                return f"more accesses than the {count} before the fault" if count < len(recorded) else ""
            must = _cut(must, size)
        elif count < len(recorded) and _is_first_half(recorded[count], must):
            must, last = _cut(must, 8), True
        if count == len(recorded):
            return "" if model.faults is None else f"no access where {must} is due before the fault"
        wrong = _difference(recorded[count], must, model)
        value = recorded[count][4]
        count += 1
        if wrong or last:
            return wrong or ("more accesses behind the one that faults" if count < len(recorded) else "")


def compare(code: bytes, row: list[int], recorded: list[Recorded], trapped: bool, model: Model) -> str:
    """Return what is wrong with the accesses of one instruction, empty where nothing is; the model learns them."""
    if decode(code) is None and trapped and not recorded:
        return ""
    expected = accesses_of(code, State(row, model.vectors, model.descriptors))
    if trapped:
        return _compare_trapped(expected, recorded, model)
    count = 0
    value = None
    while True:
        try:
            must = next(expected) if value is None else expected.send(value)
        except StopIteration:
            return f"more accesses than the {count} due" if count < len(recorded) else ""
        if count == len(recorded):
            return f"no access where {must} is due"
        wrong = _difference(recorded[count], must, model)
        if wrong:
            return wrong
        _, address, size, _, value, _ = recorded[count]
        count += 1
        model.learn(address, size, value)


def _forget_vector_results(code: bytes, vectors: dict[str, int]) -> None:
    """Forget the vector registers that anything but a load has changed. Those of x87 are the MMX registers."""
    decoded = decode(code)
    if decoded is None:
        return
    for name in decoded.implicit:
        vectors.pop(name, None)
    if decoded.name.startswith("f"):
        for name in [name for name in vectors if name.startswith("mm")]:
            del vectors[name]
    if decoded.operands and not loads_vector(decoded):
        vectors.pop(decoded.operands[0].register, None)


def _wrong_flags(access: Recorded, trapped: bool) -> bool:
    _, address, *_, flags = access
    expected = AccessFlag.NOT_PERFORMED * trapped | AccessFlag.USER * (address < KERNEL)
    return flags != expected


def mismatches(trace: Trace, known: Mapping[int, bytes] | None = None, model: Model | None = None) -> Iterator[str]:
    """Yield a line for each instruction whose accesses are not those that it must make.

    `known` is the content of buffers when the calls begin: address → bytes. `model` is left as it is at the end.
    """
    model = Model() if model is None else model
    instructions, accesses = trace.instructions, _recorded(trace)
    calls = {call.begin for call in trace.calls}
    changing = ~np.isin(trace.events["kind"], _CHANGE_NOTHING)
    events = set(trace.events["instruction"][changing].tolist())
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
            if any(_wrong_flags(access, trapped) for access in made):
                yield f"{number}: {code.text}: its accesses are flagged otherwise than it or their page"
            wrong = compare(code.bytes, row, made, trapped, model)
            if wrong:
                yield f"{number}: {code.rip:#x} {code.bytes.hex()} {code.text}{' (trapped)' * trapped}: {wrong}"
            if not trapped:
                _forget_vector_results(code.bytes, model.vectors)
    if passed != len(accesses):
        yield f"{len(accesses) - passed} accesses belong to no instruction"
