# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions that address the stack by RSP and a number, as a function does its own frame, and returns."""

from __future__ import annotations

import functools
from enum import IntFlag
from typing import Final

from emu.checks.call.code_kind import CodeKind, kind_of
from emu.cpu import registers as r
from emu.cpu.instruction import decode

_RETURN_ADDRESS: Final = 8
"""Bytes."""
_PUSHING: Final = ("push", "call", "lcall")
"""What they write is below RSP as they begin; an operand is only read."""


class StackUse(IntFlag):
    """What an instruction does with the stack; several may hold."""

    CALL = 1
    RETURN = 2
    POPS_MORE = 4
    """It pops more than the return address."""
    BELOW = 8
    """It may write by `[rsp - number]`."""
    ABOVE = 16
    """It may write by `[rsp + number]`."""


@functools.lru_cache(maxsize=65536)
def displacement_from_rsp(encoding: bytes) -> int | None:
    """Return the number of an operand `[rsp + number]` that an instruction may write to, None where it has none."""
    instruction = decode(encoding)
    if "[rsp" not in instruction.text.partition(",")[0] or instruction.text.startswith(_PUSHING):
        return None
    operand = next(iter(instruction.operands), None)  # none where a segment register goes into it
    by_rsp = operand is not None and operand.base == r.RSP and operand.index_register is None
    return operand.displacement if operand is not None and by_rsp else None


@functools.lru_cache(maxsize=4096)
def bytes_returned(encoding: bytes) -> int | None:
    """Return how many bytes a near return adds to RSP, None for any other instruction."""
    instruction = decode(encoding)
    return instruction.stack_change if "ret" in instruction.text.split() else None


def bytes_popped_more(encoding: bytes) -> int:
    """Return how many bytes besides the return address an instruction pops as it returns; 0 for any other."""
    return (bytes_returned(encoding) or _RETURN_ADDRESS) - _RETURN_ADDRESS


@functools.lru_cache(maxsize=65536)
def stack_use(encoding: bytes) -> int:
    """Return the `StackUse` of an instruction, as a plain number."""
    kind, displacement = kind_of(encoding), displacement_from_rsp(encoding) or 0
    use = StackUse(0)
    if kind & CodeKind.CALL:
        use |= StackUse.CALL
    if kind & CodeKind.RETURN:
        use |= StackUse.RETURN
    if bytes_popped_more(encoding) > 0:
        use |= StackUse.POPS_MORE
    if displacement:
        use |= StackUse.ABOVE if displacement > 0 else StackUse.BELOW
    return int(use)
