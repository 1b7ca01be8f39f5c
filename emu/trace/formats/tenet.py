# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a trace for Tenet, the trace explorer: a line a step, with what became different since the line before.

A line is `register=0x…` for each register that changed, `mr=0xADDRESS:BYTES` for each read and `mw=0xADDRESS:BYTES` for
each write, `rip=0x…` last, with commas between. The bytes stand as they lie in memory, two digits each. The first line
has all seventeen registers.

A line is a moment: the registers before an instruction, and `rip` its address. So what one instruction did to registers
and memory stands in the line behind its own, as in the traces that Tenet's Pin tool writes, which looks before every
instruction too; this way the memory that Tenet shows at a moment belongs to the registers that it shows. The last
instruction would have no line behind it: the trace ends with one more line, the moment of its end, so that N
instructions make N + 1 lines.

A trapped instruction changed nothing but has its moment; accesses that were not performed are left out. What the host
did to memory between two instructions is no access of the guest, so it is not in the file; what it did to registers is.
What a filter of the trace left out is one step. Tenet has no flags register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

import numpy as np

from emu.trace.layout import READ, AccessFlag
from emu.trace.trace import REGISTER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emu.trace.source import Chunk, Table, Words
    from emu.trace.trace import Trace

CHUNK: Final = 1 << 16
"""Instructions that are taken at a time."""

_NAMES: Final = REGISTER_COLUMNS[:16]
_RIP: Final = REGISTER_COLUMNS.index("rip")


def write(trace: Trace, stream: TextIO) -> None:
    """Write it, in bounded memory. Raises `TraceError` for a trace without registers, one that was read from a file."""
    behind = 0
    before: Words | None = None
    touched = [""]
    for chunk in trace.chunks(CHUNK):
        behind = chunk.first + len(chunk.instructions)
        if len(chunk.instructions):
            registers = trace.registers(chunk.first, behind)
            effects = _effects(chunk)
            stream.writelines(_lines(before, registers, [*touched, *effects[:-1]]))
            before, touched = registers[-1], effects[-1:]
    state = trace.state_at(behind).registers
    end = np.array([[state[name] for name in REGISTER_COLUMNS]], np.uint64)
    stream.writelines(_lines(before, end, touched))


def _lines(before: Words | None, registers: Words, effects: list[str]) -> Iterator[str]:
    """Give the lines of consecutive moments.

    before   the registers of the moment before the first, None where there is none
    effects  for each the accesses that led to it, each with a comma behind
    """
    values = registers[:, : len(_NAMES)]
    changed = np.ones(values.shape, np.bool_)
    changed[1:] = values[1:] != values[:-1]
    if before is not None:
        changed[0] = values[0] != before[: len(_NAMES)]
    which = np.nonzero(changed)[1].tolist()
    new = values[changed].tolist()
    at = 0
    ends = np.cumsum(changed.sum(1)).tolist()
    for end, effect, rip in zip(ends, effects, registers[:, _RIP].tolist(), strict=True):
        deltas = "".join([f"{_NAMES[which[number]]}={new[number]:#x}," for number in range(at, end)])
        yield f"{deltas}{effect}rip={rip:#x}\n"
        at = end


def _effects(chunk: Chunk) -> list[str]:
    """Return the accesses of each instruction of a chunk."""
    accesses: Table = chunk.accesses
    kept = accesses["flags"] & AccessFlag.NOT_PERFORMED == 0
    owners = np.repeat(np.arange(len(chunk.instructions)), chunk.instructions["accesses"])[kept]
    effects = [""] * len(chunk.instructions)
    rows = accesses[["address", "low", "high", "size", "kind"]][kept].tolist()
    for owner, (address, low, high, size, kind) in zip(owners.tolist(), rows, strict=True):
        value = (low | high << 64).to_bytes(16, "little")[:size].hex()
        effects[owner] += f"{'mr' if kind == READ else 'mw'}={address:#x}:{value},"
    return effects
