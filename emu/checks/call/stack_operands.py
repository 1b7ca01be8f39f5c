# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions that address the stack by RSP and a number, as a function does its own frame, and returns."""

from __future__ import annotations

import functools
from typing import Final

from emu.cpu import registers as r
from emu.cpu.instruction import decode

_RETURN_ADDRESS: Final = 8
"""Bytes."""
_PUSHING: Final = ("push", "call", "lcall")
"""What they write is below RSP as they begin; an operand is only read."""


@functools.lru_cache(maxsize=65536)
def displacement_from_rsp(encoding: bytes) -> int | None:
    """Return the number of an operand `[rsp + number]` that an instruction may write to, None where it has none."""
    instruction = decode(encoding)
    if "[rsp" not in instruction.text.partition(",")[0] or instruction.text.startswith(_PUSHING):
        return None
    operand = next(iter(instruction.operands), None)  # none where a segment register goes into it
    by_rsp = operand is not None and operand.base == r.RSP and operand.index_register is None
    return operand.displacement if operand is not None and by_rsp else None


@functools.lru_cache(maxsize=65536)
def side_of_rsp(encoding: bytes) -> int:
    """Return on which side of RSP that is: -1 below, 1 above, 0 at it, or none."""
    displacement = displacement_from_rsp(encoding) or 0
    return (displacement > 0) - (displacement < 0)


@functools.lru_cache(maxsize=4096)
def bytes_returned(encoding: bytes) -> int | None:
    """Return how many bytes a near return adds to RSP, None for any other instruction."""
    instruction = decode(encoding)
    return instruction.stack_change if "ret" in instruction.text.split() else None


def bytes_popped_more(encoding: bytes) -> int:
    """Return how many bytes besides the return address an instruction pops as it returns; 0 for any other."""
    return (bytes_returned(encoding) or _RETURN_ADDRESS) - _RETURN_ADDRESS
